// SPDX-License-Identifier: MIT OR Apache-2.0
//
// corba.js's checks of an Echo of echo.idl: client URL. Prints `ok NAME` or `FAIL NAME why` for each.
// Not a callback: corba.js names its end of the connection it calls through as the address of its objects.
import { ORB } from "corba.js"
import { TcpProtocol } from "corba.js/net/tcp"
import { Color } from "./generated/echo"
import * as stub from "./generated/echo_stub"
import { cell, record, same } from "./samples"

let failures = 0

async function check(name: string, body: () => Promise<boolean>) {
    try {
        if (await body()) return console.log(`ok ${name}`)
        console.log(`FAIL ${name} not as sent`)
    } catch (error) {
        console.log(`FAIL ${name} ${error}`)
    }
    ++failures
}

const orb = new ORB()
orb.addProtocol(new TcpProtocol())
orb.registerStubClass(stub.Echo)
const echo = stub.Echo.narrow(await orb.stringToObject(process.argv[2]))
const there = echo as any

const values: Array<[string, any]> = [
    ["boolean", true], ["octet", 255], ["char", "q"], ["short", -32768], ["ushort", 65535],
    ["long", -2147483648], ["ulong", 4294967295], ["longlong", -9223372036854775808n],
    ["ulonglong", 18446744073709551615n], ["float", -0.15625], ["double", 1.7976931348623157e308],
    ["string", "hello"], ["string", ""], ["color", Color.GREEN], ["cell", cell], ["record", record],
    ["blob", new Uint8Array([0, 1, 254, 255])], ["doubles", new Float64Array([0.5, -1.5])],
    ["strings", ["a", "", "ccc"]], ["records", [record, record]],
]
for (const [kind, value] of values)
    await check(`echo_${kind}`, async () => same(await there[`echo_${kind}`](value), value))
await check("attribute", async () => {
    await echo.gain(2.5)
    return await echo.gain() === 2.5 && await echo.called() !== ""
})
await check("exception", async () => {
    try {
        await echo.refuse()
    } catch (error) {
        return (error as any).minor === 7
    }
    return false
})
await check("oneway", async () => {
    for (let i = 0; i < 50; ++i) echo.note(`note ${i}`)
    const noted = await echo.noted()
    if (noted !== "note 49") throw new Error(noted)
    return true
})
await check("reference", async () => await (await echo.same(echo)).called() === await echo.called())
process.exit(failures ? 1 : 0)

// SPDX-License-Identifier: MIT OR Apache-2.0
//
// corba.js's end of echo.idl: server PORT. Says "ready" and serves, bound as "Echo", until its standard input ends.
import { BAD_PARAM, CompletionStatus, ORB } from "corba.js"
import { TcpProtocol } from "corba.js/net/tcp"
import * as idl from "./generated/echo"
import * as skel from "./generated/echo_skel"
import * as stub from "./generated/echo_stub"

class Echo extends skel.Echo {
    private kept = 1.0
    private last = ""

    async gain(value?: number): Promise<any> {
        if (value === undefined) return this.kept
        this.kept = value
    }
    async called() { return "scripted" }
    async echo_boolean(v: boolean) { return v }
    async echo_octet(v: number) { return v }
    async echo_char(v: string) { return v }
    async echo_short(v: number) { return v }
    async echo_ushort(v: number) { return v }
    async echo_long(v: number) { return v }
    async echo_ulong(v: number) { return v }
    async echo_longlong(v: bigint) { return v }
    async echo_ulonglong(v: bigint) { return v }
    async echo_float(v: number) { return v }
    async echo_double(v: number) { return v }
    async echo_string(v: string) { return v }
    async echo_color(v: idl.Color) { return v }
    async echo_cell(v: idl.Cell) { return v }
    async echo_record(v: idl.Record) { return v }
    async echo_blob(v: Uint8Array) { return v }
    async echo_doubles(v: Float64Array) { return v }
    async echo_strings(v: Array<string>) { return v }
    async echo_records(v: Array<idl.Record>) { return v }
    async refuse(): Promise<void> { throw new BAD_PARAM(7, CompletionStatus.NO) }
    note(what: string) { this.last = what }
    async noted() { return this.last }
    async ask(l: idl.Listener, a: number, b: number) {
        l.told("asked")
        return await l.add(a, b)
    }
    async same(e: idl.Echo) { return e }
}

const orb = new ORB()
orb.registerStubClass(stub.Listener)
orb.registerStubClass(stub.Echo)
orb.bind("Echo", new Echo(orb))
const protocol = new TcpProtocol()
orb.addProtocol(protocol)
protocol.listen(orb, "127.0.0.1", Number(process.argv[2]))
console.log("ready")
process.stdin.on("end", () => process.exit(0)).resume()

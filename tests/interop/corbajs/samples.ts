// SPDX-License-Identifier: MIT OR Apache-2.0
import { Cell, Color, Record } from "./generated/echo"

export const record: Record = {
    id: -7,
    name: "first",
    values: new Float64Array([1.5, -2.25]),
    tint: Color.BLUE,
}

export const cell: Cell = { o: 200, d: 0.125, s: -300, b: true }

/** Whether two values of IDL types are the same. */
export function same(a: any, b: any): boolean {
    if (typeof a !== "object" || typeof b !== "object") return a === b
    const keys = Object.keys(a)
    return keys.length === Object.keys(b).length && keys.every((key) => same(a[key], b[key]))
}

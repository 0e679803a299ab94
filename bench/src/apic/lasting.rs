// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is measured once, because it takes long: processes that are killed in mid-call, and 10,000 idle flows of one server.
//! `killed` and `idle`, programs of the package `upcall-tests`, do it.

use crate::plan::{Contestant, Method, Row, Unit, Value};

pub(super) fn rows() -> Vec<Row> {
    let row = |name, title, unit, contestants| Row {
        name,
        title,
        unit,
        contestants,
    };
    vec![
        row(
            "idle-flows",
            "memory of each of 10,000 idle flows of one server, at the server",
            Unit::Bytes,
            vec![idle("ours", "resident_bytes")],
        ),
        row(
            "idle-flows-call",
            "CPU of that server for a call on one of 10,000 flows",
            Unit::Nanoseconds,
            vec![idle("ours", "among_ns"), idle("only flow", "alone_ns")],
        ),
        row(
            "killed-told",
            "either end killed 1,000 times, from kill to COMM_FAILURE at the other, at most",
            Unit::Nanoseconds,
            vec![killed("told_ns")],
        ),
        row(
            "killed-returned",
            "the same, from kill to all of it given back, at most",
            Unit::Nanoseconds,
            vec![killed("returned_ns")],
        ),
        row(
            "killed-leaks",
            "descriptors, mappings and names of the fabric more than before",
            Unit::Times,
            vec![killed("leaked")],
        ),
        row(
            "killed-memory",
            "heap more than before, for each kill",
            Unit::Bytes,
            vec![killed("heap_bytes")],
        ),
    ]
}

fn idle(name: &'static str, value: &'static str) -> Contestant {
    long(name, "idle", "10000", value)
}

fn killed(value: &'static str) -> Contestant {
    long("ours", "killed", "1000", value)
}

fn long(
    name: &'static str,
    program: &'static str,
    arguments: &'static str,
    value: &'static str,
) -> Contestant {
    Contestant {
        name,
        method: Method::Long {
            program,
            arguments,
            value: Value::Of(value),
        },
    }
}

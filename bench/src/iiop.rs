// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows of the group `iiop`: calls over loopback TCP, and what they are made of.

use crate::plan::{Contestant, Counted, Method, Pair, Programs, Row, Side, Unit, Value};
use Programs::{OmniOrb, Ours, Raw, Rustorb, Tonic};

const EVERYBODY: &[Programs] = &[Ours, Raw, OmniOrb, Rustorb, Tonic];
const ORBS: &[Programs] = &[Ours, OmniOrb, Rustorb, Tonic];
const CONNECTIONS: usize = 1000;
const OBJECTS: usize = 1_000_000;

/// All rows, in the order of the tables.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = null_calls();
    rows.extend(rates());
    rows.extend(large_arguments());
    rows.extend(codec());
    rows.extend(within_one_process());
    rows.extend(counts());
    rows.push(Row {
        name: "idl-compile",
        title: "10,000 lines of IDL to Rust",
        unit: Unit::Nanoseconds,
        contestants: vec![program("ours", "bench-idl", "", Value::Of("compile_ns"))],
    });
    rows
}

fn pair(of: Programs, cpus: (usize, usize), server: &'static str, calls: usize) -> Pair {
    Pair {
        of,
        cpus,
        server,
        calls,
    }
}

/// A row in which servers are called by their own clients.
fn called(
    name: &'static str,
    title: &'static str,
    unit: Unit,
    who: &[Programs],
    make: impl Fn(Programs) -> (Pair, &'static str, Value),
) -> Row {
    let contestants = who.iter().map(|of| {
        let (pair, client, value) = make(*of);
        Contestant {
            name: of.name(),
            method: Method::Pair { pair, client, value },
        }
    });
    Row {
        name,
        title,
        unit,
        contestants: contestants.collect(),
    }
}

fn null_calls() -> Vec<Row> {
    let null = |name, title, cpus, who, options: &'static str| {
        called(name, title, Unit::Nanoseconds, who, move |of| {
            (pair(of, cpus, options, 20_000), options, Value::Of("p50_ns"))
        })
    };
    vec![
        null(
            "null-one-core",
            "null call, blocking, both ends on one core, p50",
            (0, 0),
            EVERYBODY,
            "",
        ),
        null(
            "null-two-cores",
            "null call, blocking, on two cores, p50",
            (0, 1),
            EVERYBODY,
            "",
        ),
        null(
            "null-spin",
            "null call, busy-poll both ends, p50",
            (0, 1),
            &[Ours, Raw],
            "--spin",
        ),
    ]
}

fn rates() -> Vec<Row> {
    let rate = |name, title, client| {
        called(name, title, Unit::CallsPerSecond, ORBS, move |of| {
            (pair(of, (0, 1), "", 2_000), client, Value::Of("calls_per_s"))
        })
    };
    let loaded = [Ours, OmniOrb, Rustorb].map(|of| Contestant {
        name: of.name(),
        method: Method::Pair {
            pair: pair(of, (0, 1), "", 2_000),
            client: "load --connections 1000",
            value: Value::Of("calls_per_s"),
        },
    });
    vec![
        rate("rate-1", "calls per second, 1 client thread", "--threads 1"),
        rate("rate-8", "calls per second, 8 client threads", "--threads 8"),
        rate("rate-64", "calls per second, 64 client threads", "--threads 64"),
        Row {
            name: "rate-1000-connections",
            title: "calls per second, 1,000 connections",
            unit: Unit::CallsPerSecond,
            contestants: loaded.into(),
        },
    ]
}

fn large_arguments() -> Vec<Row> {
    let put = |of| pair(of, (0, 1), "--work put", 1_000);
    let mut cpu = called(
        "put-cpu",
        "user-space time for 1 MiB, both ends",
        Unit::Nanoseconds,
        &[Ours, OmniOrb],
        |of| {
            (
                Pair {
                    calls: 20_000,
                    ..put(of)
                },
                "--work put",
                Value::UserOfBoth,
            )
        },
    );
    cpu.contestants.push(program(
        "memcpy",
        "bench-codec",
        "memcpy",
        Value::Of("memcpy_mib_ns"),
    ));
    vec![
        called(
            "put",
            "sequence<octet> of 1 MiB as argument",
            Unit::BytesPerSecond,
            EVERYBODY,
            |of| (put(of), "--work put", Value::BytesIn(1 << 20, "p50_ns")),
        ),
        cpu,
        echo("echo", "100 structs and back, both ends on one core, p50", (0, 0)),
        echo(
            "echo-two-cores",
            "100 structs and back, on two cores, p50",
            (0, 1),
        ),
    ]
}

fn program(name: &'static str, program: &'static str, arguments: &'static str, value: Value) -> Contestant {
    Contestant {
        name,
        method: Method::Program {
            program,
            arguments,
            value,
        },
    }
}

fn echo(name: &'static str, title: &'static str, cpus: (usize, usize)) -> Row {
    called(name, title, Unit::Nanoseconds, EVERYBODY, |of| {
        let pair = pair(of, cpus, "--work echo", 3_000);
        (pair, "--work echo", Value::Of("p50_ns"))
    })
}

fn codec() -> Vec<Row> {
    let speed = |name, title, ours: &'static str| Row {
        name,
        title,
        unit: Unit::BytesPerSecond,
        contestants: vec![
            program("ours", "bench-codec", "primitives", Value::BytesIn(1 << 16, ours)),
            program(
                "memcpy",
                "bench-codec",
                "memcpy",
                Value::BytesIn(1 << 16, "memcpy_ns"),
            ),
        ],
    };
    let nested = |name, title, key| Row {
        name,
        title,
        unit: Unit::Nanoseconds,
        contestants: vec![
            program("ours", "bench-codec", "nested", Value::Of(key)),
            program("rustorb", "rustorb-codec", "nested", Value::Of(key)),
        ],
    };
    vec![
        speed(
            "encode-longs",
            "encode a sequence<long> of 64 KiB",
            "encode_longs_ns",
        ),
        speed(
            "encode-doubles",
            "encode a sequence<double> of 64 KiB",
            "encode_doubles_ns",
        ),
        speed(
            "decode-longs",
            "decode a sequence<long> of 64 KiB",
            "decode_longs_ns",
        ),
        speed(
            "decode-doubles",
            "decode a sequence<double> of 64 KiB",
            "decode_doubles_ns",
        ),
        nested("encode-nested", "encode 100 nested structs", "encode_nested_ns"),
        nested("decode-nested", "decode 100 nested structs", "decode_nested_ns"),
    ]
}

fn within_one_process() -> Vec<Row> {
    let one = |name, title, unit, value| Row {
        name,
        title,
        unit,
        contestants: vec![program("ours", "bench-local", "collocated", Value::Of(value))],
    };
    let objects = |name: &'static str, server: &'static str| Contestant {
        name,
        method: Method::Pair {
            pair: pair(Ours, (0, 0), server, 20_000),
            client: "",
            value: Value::Of("p50_ns"),
        },
    };
    vec![
        one(
            "collocated",
            "collocated call",
            Unit::Nanoseconds,
            "collocated_ns",
        ),
        one(
            "collocated-allocations",
            "allocations of a collocated call",
            Unit::PerCall,
            "collocated_allocations",
        ),
        Row {
            name: "objects",
            title: "null call among 1,000,000 objects, p50",
            unit: Unit::Nanoseconds,
            contestants: vec![
                objects("ours", "--objects 1000000"),
                objects("one object", "--objects 1"),
            ],
        },
        Row {
            name: "idle-object",
            title: "memory of an idle object beside the servant",
            unit: Unit::Bytes,
            contestants: vec![Contestant {
                name: "ours",
                method: Method::IdleObjects {
                    pair: pair(Ours, (0, 1), "", 0),
                    objects: OBJECTS,
                },
            }],
        },
    ]
}

fn counts() -> Vec<Row> {
    let counted = |name, title, who: &[Programs], side, what| {
        let contestants = who.iter().map(|of| Contestant {
            name: of.name(),
            method: Method::Counted {
                pair: pair(*of, (0, 1), "", 5_000),
                client: "",
                side,
                what,
            },
        });
        Row {
            name,
            title,
            unit: Unit::PerCall,
            contestants: contestants.collect(),
        }
    };
    let (allocations, calls) = (Counted::Allocations, Counted::SystemCalls);
    let idle = [Ours, OmniOrb, Rustorb].map(|of| Contestant {
        name: of.name(),
        method: Method::IdleConnections {
            pair: pair(of, (0, 1), "", 0),
            connections: CONNECTIONS,
        },
    });
    let size = |name, program| Contestant {
        name,
        method: Method::Size { program },
    };
    vec![
        counted(
            "allocations-client",
            "heap allocations of a null call, client",
            &[Ours],
            Side::Client,
            allocations,
        ),
        counted(
            "allocations-server",
            "heap allocations of a null call, server",
            &[Ours],
            Side::Server,
            allocations,
        ),
        counted(
            "calls-client",
            "system calls of a null call, client",
            EVERYBODY,
            Side::Client,
            calls,
        ),
        counted(
            "calls-server",
            "system calls of a null call, server",
            EVERYBODY,
            Side::Server,
            calls,
        ),
        Row {
            name: "idle-connection",
            title: "memory of an idle connection, server",
            unit: Unit::Bytes,
            contestants: idle.into(),
        },
        Row {
            name: "null-server-size",
            title: "binary size of a stripped null server",
            unit: Unit::Bytes,
            contestants: vec![
                size("ours", "null-server"),
                size("rustorb", "rustorb-null-server"),
                size("tonic", "tonic"),
            ],
        },
    ]
}

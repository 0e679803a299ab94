// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows of the group `apic`: calls over the fabric, beside shared memory without an ORB and ORBs over sockets.

mod hogs;
mod lasting;

pub(crate) use self::hogs::lateness;
use crate::plan::{Contestant, Counted, Method, Pair, Programs, Row, Side, Unit, Value};
use Programs::{Fabric, Iceoryx2, Memory, OmniOrb, OmniOrbUnix, Ours};

/// The CPUs of server and client.
const CPUS: (usize, usize) = (0, 1);
/// Connections that are held.
const IDLE: usize = 1000;
const P50: Value = Value::Of("p50_ns");

/// All rows, in the order of the tables.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = vec![
        awake("null-awake", "null call, both ends awake, p50", P50),
        awake("null-awake-tail", "the same, p99.9", Value::Of("p99.9_ns")),
        asleep(),
        rate(
            "pipelined",
            "calls per second, one flow with 64 calls in flight",
            "--spin",
            "--spin --window 64",
        ),
        rate(
            "oneways",
            "oneways per second, one flow, one call in 64 with a reply",
            "--spin",
            "--spin --window 64 --oneway",
        ),
        // Who polls one connection has no time for the others.
        rate(
            "flows",
            "calls per second, one core serving 64 flows with 16 calls in flight on each",
            "",
            "--window 16 --flows 64",
        ),
    ];
    rows.extend(SIZES.iter().map(put));
    rows.push(put_in_place());
    rows.extend(counts());
    rows.extend(engine());
    rows.push(Row {
        name: "idle-flow",
        title: "memory of an idle flow, server",
        unit: Unit::Bytes,
        contestants: [("ours", Fabric), ("our IIOP", Ours)]
            .map(|(name, of)| Contestant {
                name,
                method: Method::IdleConnections {
                    pair: pair(of, "", 0),
                    connections: IDLE,
                },
            })
            .into(),
    });
    rows.extend(lasting::rows());
    rows.push(hogged());
    rows.extend([
        tun(
            "tun-send",
            "one stream over a TUN device, ours to the kernel",
            "send",
        ),
        tun(
            "tun-receive",
            "one stream over a TUN device, the kernel to ours",
            "receive",
        ),
    ]);
    rows
}

/// A server and a client with so many calls, and the number that counts.
fn called(
    name: &'static str,
    of: Programs,
    server: &'static str,
    client: &'static str,
    calls: usize,
    value: Value,
) -> Contestant {
    let pair = pair(of, server, calls);
    Contestant {
        name,
        method: Method::Pair { pair, client, value },
    }
}

fn pair(of: Programs, server: &'static str, calls: usize) -> Pair {
    Pair {
        of,
        cpus: CPUS,
        server,
        calls,
    }
}

fn awake(name: &'static str, title: &'static str, value: Value) -> Row {
    let called = |name, of, options, calls| called(name, of, options, options, calls, value);
    Row {
        name,
        title,
        unit: Unit::Nanoseconds,
        contestants: vec![
            called("ours", Fabric, "--spin", 200_000),
            called("raw", Memory, "--spin", 500_000),
            called("iceoryx2", Iceoryx2, "--spin", 200_000),
            called("omniORB, Unix", OmniOrbUnix, "", 10_000),
            called("omniORB, TCP", OmniOrb, "", 10_000),
            called("our IIOP", Ours, "--spin", 50_000),
        ],
    }
}

/// The caller sleeps for longer than anybody looks for a call before sleeping.
fn asleep() -> Row {
    let called = |name, of| called(name, of, "", "--pause-us 2000", 500, P50);
    Row {
        name: "null-asleep",
        title: "null call every 2 ms, both ends asleep in between, p50",
        unit: Unit::Nanoseconds,
        contestants: vec![
            called("ours", Fabric),
            called("futex", Memory),
            called("omniORB, Unix", OmniOrbUnix),
            called("omniORB, TCP", OmniOrb),
            called("our IIOP", Ours),
        ],
    }
}

fn rate(name: &'static str, title: &'static str, server: &'static str, client: &'static str) -> Row {
    let called = |name, of| called(name, of, server, client, 0, Value::Of("calls_per_s"));
    Row {
        name,
        title,
        unit: Unit::CallsPerSecond,
        contestants: vec![called("ours", Fabric), called("our IIOP", Ours)],
    }
}

/// An argument of octets.
struct Size {
    octets: usize,
    row: &'static str,
    title: &'static str,
    /// The options of its client, and of a copy.
    client: &'static str,
    spinning: &'static str,
    copy: &'static str,
    calls: usize,
}

macro_rules! size {
    ($octets:literal, $shown:literal, $calls:literal) => {
        Size {
            octets: $octets,
            row: concat!("put-", $octets),
            title: concat!("sequence<octet> of ", $shown, " as argument"),
            client: concat!("--work put --size ", $octets),
            spinning: concat!("--work put --spin --size ", $octets),
            copy: concat!("copy ", $octets),
            calls: $calls,
        }
    };
}

const SIZES: &[Size] = &[
    size!(64, "64 B", 20_000),
    size!(1024, "1 KiB", 20_000),
    size!(16384, "16 KiB", 10_000),
    size!(65536, "64 KiB", 5_000),
    size!(262144, "256 KiB", 2_000),
    size!(1048576, "1 MiB", 500),
    size!(4194304, "4 MiB", 150),
    size!(16777216, "16 MiB", 50),
];

fn put(size: &Size) -> Row {
    let value = Value::BytesIn(size.octets, "p50_ns");
    let called = |name, of, options| called(name, of, options, options, size.calls, value);
    let copy = Method::Program {
        program: "bench-codec",
        arguments: size.copy,
        value: Value::BytesIn(size.octets, "copy_ns"),
    };
    Row {
        name: size.row,
        title: size.title,
        unit: Unit::BytesPerSecond,
        contestants: vec![
            called("ours", Fabric, size.spinning),
            called("raw", Memory, size.spinning),
            called("omniORB, Unix", OmniOrbUnix, size.client),
            called("omniORB, TCP", OmniOrb, size.client),
            Contestant {
                name: "memcpy",
                method: copy,
            },
        ],
    }
}

/// The same call whatever the size, where nobody touches the octets.
fn put_in_place() -> Row {
    let called = |name, options, calls| called(name, Fabric, options, options, calls, P50);
    Row {
        name: "put-in-place",
        title: "sequence<octet> of 16 MiB as argument, filled where it is sent from, p50; beside shorter ones",
        unit: Unit::Nanoseconds,
        contestants: vec![
            called("ours", "--work put --spin --in-place --size 16777216", 50_000),
            called("4 MiB", "--work put --spin --in-place --size 4194304", 50_000),
            called("1 MiB", "--work put --spin --in-place --size 1048576", 50_000),
            called("256 KiB", "--work put --spin --in-place --size 262144", 50_000),
            called("64 KiB", "--work put --spin --in-place --size 65536", 50_000),
        ],
    }
}

/// What a call takes beside time, while both ends are awake.
fn counts() -> Vec<Row> {
    let counted = |name, title, side, what| Row {
        name,
        title,
        unit: Unit::PerCall,
        contestants: vec![Contestant {
            name: "ours",
            method: Method::Counted {
                pair: pair(Fabric, "--spin", 50_000),
                client: "--spin",
                side,
                what,
            },
        }],
    };
    let (allocations, calls) = (Counted::Allocations, Counted::SystemCalls);
    let (client, server) = (Side::Client, Side::Server);
    vec![
        counted(
            "calls-client",
            "system calls of a null call, both ends awake, client",
            client,
            calls,
        ),
        counted(
            "calls-server",
            "system calls of a null call, both ends awake, server",
            server,
            calls,
        ),
        counted(
            "allocations-client",
            "heap allocations of a null call, both ends awake, client",
            client,
            allocations,
        ),
        counted(
            "allocations-server",
            "heap allocations of a null call, both ends awake, server",
            server,
            allocations,
        ),
    ]
}

/// The engine by itself: time, and instructions, which are the same on a busy machine.
fn engine() -> Vec<Row> {
    let row = |name, title, unit, method| Row {
        name,
        title,
        unit,
        contestants: vec![Contestant { name: "ours", method }],
    };
    let time = |value| Method::Program {
        program: "bench-engine",
        arguments: "",
        value: Value::Of(value),
    };
    let instructions = |function| Method::Instructions {
        program: "bench-engine",
        arguments: "100",
        function,
        units: "segments",
    };
    vec![
        row(
            "engine-out",
            "TCP engine, a segment out",
            Unit::Nanoseconds,
            time("out_ns"),
        ),
        row(
            "engine-in",
            "TCP engine, a segment in",
            Unit::Nanoseconds,
            time("in_ns"),
        ),
        row(
            "engine-out-instructions",
            "instructions of the TCP engine for a segment out",
            Unit::Times,
            instructions("segment_out"),
        ),
        row(
            "engine-in-instructions",
            "instructions of the TCP engine for a segment in",
            Unit::Times,
            instructions("segment_in"),
        ),
    ]
}

/// A guaranteed object and a call every half millisecond, as in the group `isolation`.
fn hogged() -> Row {
    Row {
        name: "hogged",
        title: "null call to a low-delay object beside 8 CPU hogs, p99.9: part of 5 × p50 alone and cyclictest's p99.9",
        unit: Unit::Growth,
        contestants: [("ours", Fabric), ("our IIOP", Ours)]
            .map(|(name, of)| Contestant {
                name,
                method: Method::Hogged {
                    pair: Pair {
                        cpus: (1, 0),
                        ..pair(of, "--guarantee", 4_000)
                    },
                },
            })
            .into(),
    }
}

/// The control is the kernel at both ends, each behind such a device.
fn tun(name: &'static str, title: &'static str, way: &'static str) -> Row {
    let contestant = |name, arguments| Contestant {
        name,
        method: Method::Program {
            program: "bench-tun",
            arguments,
            value: Value::Of("bytes_per_s"),
        },
    };
    Row {
        name,
        title,
        unit: Unit::BytesPerSecond,
        contestants: vec![contestant("ours", way), contestant("kernel", "kernel")],
    }
}

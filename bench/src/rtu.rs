// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows of the group `rtu`: the executive of real-time upcalls, and admission.

use crate::plan::{Contestant, Method, Row, Unit, Value};

/// All rows, in the order of the tables.
pub(crate) fn rows() -> Vec<Row> {
    vec![
        row(
            "dispatch",
            "from notification to handler, executive awake, 1 RTU",
            Unit::Nanoseconds,
            &[("ours", "dispatch 1", "dispatch_ns")],
        ),
        row(
            "dispatch-many",
            "the same among 10,000 RTUs",
            Unit::Nanoseconds,
            &[
                ("ours", "dispatch 10000", "dispatch_ns"),
                ("one RTU", "dispatch 1", "dispatch_ns"),
            ],
        ),
        row(
            "jitter",
            "lateness of releases every 1 ms beside 8 hogs, p99.9",
            Unit::Nanoseconds,
            &[
                ("ours", "jitter", "p999_ns"),
                ("cyclictest", "cyclictest", "p999_ns"),
            ],
        ),
        row(
            "admission",
            "admission of one more object among 1,000, p99",
            Unit::Nanoseconds,
            &[("ours", "admission", "p99_ns")],
        ),
        row(
            "breakdown",
            "utilisation to which random sets of 10 are admitted, mean",
            Unit::Share,
            &[("ours", "breakdown", "utilisation")],
        ),
        row(
            "promises",
            "promises broken to the admitted ones of 100,000 random sets, simulated",
            Unit::Times,
            &[("ours", "promises 100000", "broken")],
        ),
        row(
            "refused-for-nothing",
            "of those that are refused, such as would have missed nothing",
            Unit::Deviation,
            &[("ours", "promises 100000", "for_nothing")],
        ),
        row(
            "overrun-missed",
            "deadlines missed beside a handler that overruns, of 1,000, the CPU being there",
            Unit::Times,
            &[("ours", "overrun", "missed"), ("alone", "alone", "missed")],
        ),
        row(
            "overrun-away",
            "such as were missed while it was away",
            Unit::Times,
            &[
                ("ours", "overrun", "missed_away"),
                ("alone", "alone", "missed_away"),
            ],
        ),
        row(
            "overrun-named",
            "overruns counted against that handler",
            Unit::Times,
            &[("ours", "overrun", "overruns")],
        ),
    ]
}

/// A row whose contestants are measurements of `bench-rtu`: their names, its arguments, and the number that counts.
fn row(
    name: &'static str,
    title: &'static str,
    unit: Unit,
    contestants: &[(&'static str, &'static str, &'static str)],
) -> Row {
    let contestants = contestants.iter().map(|&(name, arguments, value)| Contestant {
        name,
        method: Method::Program {
            program: "bench-rtu",
            arguments,
            value: Value::Of(value),
        },
    });
    Row {
        name,
        title,
        unit,
        contestants: contestants.collect(),
    }
}

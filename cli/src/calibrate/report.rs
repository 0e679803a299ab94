// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was found, for people and for scripts.

use std::fmt::Write;
use std::path::Path;

use qos_mapper::{Calibration, Picos, TypeCost, show_share, show_time};
use rtu::Nanos;
use rtu::histogram::Histogram;
use serde_json::{Map, Value, json};

use super::upcalls::Upcalls;

/// Share of the CPUs that a hypervisor may take before the figures are doubted.
const MUCH_STOLEN: f64 = 0.01;

/// How many times the median a call may cost at its 99th percentile before the figures are doubted.
const MUCH_DISTURBED: f64 = 4.0;

/// What a calibration found.
#[derive(Debug)]
pub(super) struct Findings {
    /// What is kept.
    pub(super) calibration: Calibration,
    /// Of upcalls.
    pub(super) upcalls: Upcalls,
    /// Of null calls over loopback.
    pub(super) round_trip: Histogram,
    /// What share of the CPUs' time went to other guests of a hypervisor.
    pub(super) stolen: f64,
    /// How many times its median a null call costs at its 99th percentile.
    pub(super) disturbed: f64,
}

/// Renders a table, with what would make the figures better.
pub(super) fn text(findings: &Findings, path: &Path) -> String {
    let (costs, default) = (&findings.calibration.costs, Calibration::default());
    let (machine, standard) = (&findings.calibration.machine, &default.machine);
    let mut text = format!("CPUs {:?}\n", machine.cpus);
    let mut row = |what: &str, found: [&str; 2], times: Option<f64>| {
        let times = times.map_or_else(String::new, |times| format!("{times:.2} ×"));
        let _ = writeln!(
            text,
            "{}",
            format!("  {what:<34}{:>12}{:>12}{times:>10}", found[0], found[1]).trim_end()
        );
    };
    row("", ["measured", "default"], None);
    let pairs = [
        (
            "upcall, with receive and send",
            costs.upcall,
            default.costs.upcall,
        ),
        ("message", costs.message, default.costs.message),
        ("switch (S)", machine.switch, standard.switch),
        ("release jitter (J)", machine.jitter, standard.jitter),
    ];
    for (what, found, usual) in pairs {
        row(
            what,
            [&show_time(found), &show_time(usual)],
            Some(found.share_of(usual)),
        );
    }
    let times = costs.byte.0 as f64 / default.costs.byte.0 as f64;
    row(
        "byte",
        [&show_fine(costs.byte), &show_fine(default.costs.byte)],
        Some(times),
    );
    let other = default.costs.other_types;
    let measured = costs.types.iter().map(|(name, cost)| (name.as_str(), cost));
    for (name, cost) in measured.chain([("other types", &costs.other_types)]) {
        let message = cost.message.share_of(other.message);
        row(
            &format!("{name}, message"),
            [&show_time(cost.message), &show_time(other.message)],
            Some(message),
        );
        let byte = cost.byte.0 as f64 / other.byte.0 as f64;
        row(
            &format!("{name}, byte"),
            [&show_fine(cost.byte), &show_fine(other.byte)],
            Some(byte),
        );
    }
    write_rest(&mut text, findings, path);
    text
}

fn write_rest(text: &mut String, findings: &Findings, path: &Path) {
    let longest = |of: &Histogram| show_time(of.max().unwrap_or_default());
    let trip = |percent| show_time(findings.round_trip.percentile(percent).unwrap_or_default());
    let _ = writeln!(
        text,
        "Longest seen: switch {}, release jitter {}.\nRound trip over loopback: {}, 99 % within {}.\nStolen by a hypervisor: {}.",
        longest(&findings.upcalls.switch),
        longest(&findings.upcalls.jitter),
        trip(50.0),
        trip(99.0),
        show_share(findings.stolen),
    );
    for advice in advice(findings) {
        let _ = writeln!(text, "Better: {advice}.");
    }
    let _ = writeln!(
        text,
        "Kept in {}; `upcall qos check` says what fits with it.",
        path.display()
    );
}

/// What would make the figures better, or more trustworthy.
fn advice(findings: &Findings) -> Vec<String> {
    let mut advice = Vec::new();
    if let Some(missing) = &findings.upcalls.missing {
        advice.push(format!("{missing}; `upcall doctor` says more"));
    }
    if findings.stolen > MUCH_STOLEN {
        advice.push(
            "the machine is shared; repeat this when its other guests are quiet, or with more --seconds"
                .to_owned(),
        );
    }
    if findings.disturbed > MUCH_DISTURBED {
        advice.push(format!(
            "the machine is busy: one call in a hundred costs {:.1} times as much as others, and plans count with that; repeat \
             this when it is quiet",
            findings.disturbed
        ));
    }
    let jitter = findings.calibration.machine.jitter;
    if jitter > Calibration::default().machine.jitter && findings.upcalls.missing.is_none() {
        advice.push(format!(
            "releases are late, and deadlines below {} refused; `upcall doctor` looks for the cause, and a lower --percent \
             leaves more of them uncounted",
            show_time(jitter)
        ));
    }
    if cfg!(debug_assertions) {
        advice.push("this is a debug build; one with --release measures what programs will meet".to_owned());
    }
    advice
}

/// Picoseconds as nanoseconds.
fn show_fine(picos: Picos) -> String {
    format!("{:.3} ns", picos.0 as f64 / 1_000.0)
}

/// Renders JSON. Times are nanoseconds, costs of a byte picoseconds, shares parts of one.
pub(super) fn json(findings: &Findings, path: &Path) -> String {
    let (costs, machine) = (&findings.calibration.costs, &findings.calibration.machine);
    let type_cost = |cost: &TypeCost| json!({ "message": cost.message.0, "byte": cost.byte.0 });
    let types: Map<String, Value> = costs
        .types
        .iter()
        .map(|(name, cost)| (name.clone(), type_cost(cost)))
        .collect();
    let trip = |percent| findings.round_trip.percentile(percent).map(|it: Nanos| it.0);
    let value = json!({
        "file": path.display().to_string(),
        "made": findings.calibration.made,
        "machine": { "cpus": machine.cpus, "switch": machine.switch.0, "jitter": machine.jitter.0 },
        "costs": {
            "upcall": costs.upcall.0,
            "message": costs.message.0,
            "byte": costs.byte.0,
            "other_types": type_cost(&costs.other_types),
            "types": types,
        },
        "longest": {
            "switch": findings.upcalls.switch.max().map(|it| it.0),
            "jitter": findings.upcalls.jitter.max().map(|it| it.0),
        },
        "samples": {
            "switch": findings.upcalls.switch.count(),
            "jitter": findings.upcalls.jitter.count(),
            "round_trip": findings.round_trip.count(),
        },
        "loopback": { "p50": trip(50.0), "p99": trip(99.0) },
        "stolen": findings.stolen,
        "disturbed": findings.disturbed,
        "realtime": findings.upcalls.missing.is_none(),
        "advice": advice(findings),
    });
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings() -> Findings {
        let mut calibration = Calibration::default();
        calibration.machine.jitter = Nanos::from_micros(25);
        calibration.costs.byte = Picos(1_500);
        let cost = TypeCost {
            message: Nanos(500),
            byte: Picos(40),
        };
        calibration.costs.types.insert("any".into(), cost);
        let mut upcalls = Upcalls::default();
        upcalls.jitter.record(Nanos::from_micros(70));
        let mut round_trip = Histogram::new();
        round_trip.record(Nanos::from_micros(30));
        Findings {
            calibration,
            upcalls,
            round_trip,
            stolen: 0.0,
            disturbed: 1.5,
        }
    }

    #[test]
    fn the_table_compares_with_the_defaults() {
        let text = text(&findings(), Path::new("here.toml"));
        let has = |words: &[&str]| {
            let line = |line: &str| {
                line.split_whitespace()
                    .eq(words.iter().flat_map(|it| it.split(' ')))
            };
            assert!(text.lines().any(line), "{words:?} in\n{text}");
        };
        has(&["release jitter (J)", "25 µs", "50 µs", "0.50 ×"]);
        has(&["byte", "1.500 ns", "2.000 ns", "0.75 ×"]);
        has(&["any, message", "500 ns", "2 µs", "0.25 ×"]);
        has(&["any, byte", "0.040 ns", "4.000 ns", "0.01 ×"]);
        assert!(
            text.contains("release jitter 70 µs.") && text.contains("Kept in here.toml;"),
            "{text}"
        );
        assert!(
            !text.contains("busy") && !text.contains("shared") && !text.contains("doctor"),
            "{text}"
        );
    }

    #[test]
    fn what_would_help_is_said() {
        let mut found = findings();
        found.calibration.machine.jitter = Nanos::from_micros(51);
        assert!(
            text(&found, Path::new("x"))
                .contains("Better: releases are late, and deadlines below 51 µs refused; `upcall doctor`")
        );
        found.disturbed = 9.0;
        assert!(text(&found, Path::new("x")).contains("one call in a hundred costs 9.0 times as much"));
        found.stolen = 0.02;
        assert!(text(&found, Path::new("x")).contains("Better: the machine is shared"));
        found.upcalls.missing = Some("SCHED_FIFO 50 was refused".to_owned());
        assert!(text(&found, Path::new("x")).contains("Better: SCHED_FIFO 50 was refused; `upcall doctor`"));
    }

    #[test]
    fn scripts_get_the_same() {
        let value: Value = serde_json::from_str(&json(&findings(), Path::new("here.toml"))).unwrap();
        assert_eq!(value["file"], "here.toml");
        assert_eq!(value["machine"]["jitter"], 25_000);
        assert_eq!(value["costs"]["types"]["any"]["byte"], 40);
        assert_eq!(value["longest"]["jitter"], 70_000);
        assert_eq!(
            (&value["realtime"], &value["loopback"]["p50"]),
            (&json!(true), &json!(30_000))
        );
    }
}

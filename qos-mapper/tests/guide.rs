// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files that the guide shows are read as it says.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where something is not as expected, and says so"
)]

use qos_mapper::{Calibration, CostModel, Machine, QosFile, check};
use rtu::analysis::Fit;

const GUIDE: &str = include_str!("../../docs/qos-guide.md");

/// The blocks of TOML in the guide.
fn blocks() -> Vec<&'static str> {
    let blocks = GUIDE.split("```toml\n").skip(1);
    blocks.filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn the_files_in_the_guide_are_right() {
    let (calibrations, files): (Vec<_>, Vec<_>) =
        blocks().into_iter().partition(|it| it.contains("version ="));
    assert_eq!((calibrations.len(), files.len()), (1, 1));
    for text in calibrations {
        Calibration::parse(text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    }
    for text in files {
        QosFile::parse(text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    }
}

#[test]
fn what_the_guide_calls_optional_is() {
    let smallest = [
        "class = \"isochronous\"\nperiod = \"10ms\"",
        "class = \"burst\"\nbandwidth = \"1MB/s\"\nburst_size = \"64KiB\"",
        "class = \"low_delay\"\ndelay = \"5ms\"",
        "class = \"best_effort\"",
    ];
    let text: String = smallest.iter().map(|it| format!("[[object]]\n{it}\n")).collect();
    let file = QosFile::parse(&text).unwrap();
    let report = check(&file, &CostModel::default(), &Machine::default(), Fit::First);
    assert_eq!(report.refused, []);
}

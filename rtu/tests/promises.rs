// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the analysis promises, the scheduler keeps: random sets in virtual time.
//!
//! `cargo run --release -p upcall-rtu --example simulate` runs many more, and prints the whole report.

#![allow(clippy::print_stdout, reason = "the report of a run is worth reading")]

use rtu::Nanos;
use rtu::analysis::Overheads;
use rtu::simulation::{campaign, mean_breakdown};

#[test]
fn no_admitted_set_misses_a_deadline_or_a_response_time() {
    let report = campaign(0, 4_000);
    println!("{report}");
    assert_eq!((report.broken_promises, report.too_long), (0, 0), "{report}");
    assert!(report.admitted > 2_000, "{report}");
    // The analysis is worth its name only if it neither refuses nor fears too much.
    assert!(
        report.refused_for_nothing * 20 < report.sets - report.admitted,
        "{report}"
    );
    assert!(report.tightness > 0.95, "{report}");
    assert!(
        report.by_liu_layland < report.by_hyperbolic && report.by_hyperbolic < report.admitted,
        "{report}"
    );
}

#[test]
fn random_sets_of_ten_break_down_above_85_percent() {
    let overheads = Overheads {
        switch: Nanos::from_micros(1),
        jitter: Nanos::from_micros(20),
    };
    let mean = mean_breakdown(1, 100, &overheads, Nanos::from_micros(20));
    assert!(mean > 0.85 && mean < 1.0, "{mean}");
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Simulates random task sets and reports whether the analysis keeps its word:
//! `cargo run --release -p upcall-rtu --example simulate -- --sets 100000`.

#![allow(clippy::print_stdout, reason = "what a program is for is what it prints")]

use std::env;
use std::process::ExitCode;

use rtu::Nanos;
use rtu::analysis::Overheads;
use rtu::simulation::{campaign, mean_breakdown};

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (mut sets, mut first) = (100_000, 0);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse().ok());
        match (argument.as_str(), value) {
            ("--sets", Some(value)) => sets = value,
            ("--first", Some(value)) => first = value,
            _ => {
                println!("usage: simulate [--sets COUNT] [--first NUMBER]");
                return ExitCode::FAILURE;
            }
        }
    }
    let report = campaign(first, sets);
    println!("{report}");
    let free = mean_breakdown(first, 2_000, &Overheads::default(), Nanos(1));
    let machine = Overheads {
        switch: Nanos::from_micros(1),
        jitter: Nanos::from_micros(20),
    };
    let real = mean_breakdown(first, 2_000, &machine, Nanos::from_micros(20));
    println!("mean breakdown utilisation, sets of 10");
    println!("  without overheads       {free:.3}");
    println!("  S 1 µs, J 20 µs, B 20 µs {real:.3}");
    if report.broken_promises + report.too_long == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

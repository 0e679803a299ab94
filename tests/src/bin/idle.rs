// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes many flows over the fabric to one server (10,000 by default) that are used once, and prints what each costs at either
//! end, and what a call costs the server among them; the last line is for `cargo xtask bench apic`.
//!
//! `cargo run --release -p upcall-tests --bin idle -- [FLOWS]`

#![allow(clippy::print_stdout, reason = "a program that prints figures")]

use std::{env, error::Error};

use probe::Report;
use upcall_tests::idle::{Cost, measure, serve};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let count = match arguments[..] {
        ["server", directory, count] => return serve(directory, count),
        [count] => count.parse()?,
        _ => 10_000,
    };
    let figures = measure(&env::current_exe()?, count)?;
    let show = |who: &str, cost: Cost| {
        println!(
            "{who}: {} KiB resident, {} KiB mapped, {:.2} descriptors for each of {count} flows",
            cost.resident / 1024,
            cost.mapped / 1024,
            cost.descriptors as f64 / 100.0
        );
    };
    show("client", figures.client);
    show("server", figures.server);
    println!(
        "server: {:?} of CPU for a call on its only flow, {:?} on one of {count}",
        figures.alone, figures.among
    );
    let mut report = Report::default();
    report.set("resident_bytes", figures.server.resident as f64);
    report.set("descriptors", figures.server.descriptors as f64 / 100.0);
    report.set("alone_ns", figures.alone.as_nanos() as f64);
    report.set("among_ns", figures.among.as_nanos() as f64);
    report.print("RESULT");
    Ok(())
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls within one process.
#![allow(clippy::print_stderr, reason = "a program says what went wrong")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use probe::{Counting, Report, count_heap, heap};
use upcall_bench::{
    Null,
    bench::{TargetRef, TargetSkeleton},
    orb,
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Calls that are timed together: one by itself is shorter than reading the clock.
const BATCH: u32 = 10_000;

fn main() -> ExitCode {
    match measure() {
        Ok(report) => {
            report.print("RESULT");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench-local: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<Report, Box<dyn Error>> {
    count_heap();
    let orb = orb(false, false)?;
    let target: TargetRef = orb.root_poa().activate(TargetSkeleton::new(Null)).export()?;
    let batch = || (0..BATCH).try_for_each(|_| std::hint::black_box(&target).nothing().wait());
    batch()?;
    let (mut times, mut made) = (Vec::with_capacity(200), Vec::with_capacity(200));
    for _ in 0..200 {
        let (before, started) = (heap().0, Instant::now());
        batch()?;
        times.push(started.elapsed().as_nanos() as f64 / f64::from(BATCH));
        made.push(heap().0 - before);
    }
    times.sort_by(f64::total_cmp);
    // What the ORB's threads need once in a while falls into few batches.
    made.sort_unstable();
    let mut report = Report::default();
    report.set(
        "collocated_ns",
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN),
    );
    let usual = made.get(made.len() / 2).copied().unwrap_or(0);
    report.set("collocated_allocations", usual as f64 / f64::from(BATCH));
    Ok(report)
}

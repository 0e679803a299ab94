// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bulk as an argument, of each size, beside one pass of memcpy over as much: `bench-bulk REFERENCE [SECONDS]`, with a
//! reference from `bench-server`. Calls and passes alternate, so that whatever else goes on is the same for both.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program says what it found, or what went wrong"
)]

use std::{
    env,
    hint::black_box,
    process::ExitCode,
    time::{Duration, Instant},
};

use upcall_bench::{bench::TargetRef, orb};

/// 64 B to 16 MiB.
const SIZES: [usize; 10] = [
    64,
    256,
    1024,
    4096,
    16_384,
    65_536,
    262_144,
    1 << 20,
    4 << 20,
    16 << 20,
];

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(address) = arguments.next() else {
        eprintln!("usage: bench-bulk REFERENCE [SECONDS]");
        return ExitCode::FAILURE;
    };
    let seconds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(0.5);
    match measure(&address, Duration::from_secs_f64(seconds)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-bulk: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(address: &str, time: Duration) -> Result<(), Box<dyn std::error::Error>> {
    let orb = orb(false, false)?;
    let target = TargetRef::from(orb.string_to_object(address)?);
    println!(
        "{:>10}  {:>12}  {:>12}  {:>6}",
        "bytes", "call p50", "memcpy p50", "ratio"
    );
    for size in SIZES {
        let (mut calls, mut passes) = (Vec::new(), Vec::new());
        let source = vec![7_u8; size];
        let mut copy = vec![0_u8; size];
        let begun = Instant::now();
        while begun.elapsed() < time || calls.len() < 20 {
            let start = Instant::now();
            target.put(&source).wait()?;
            calls.push(start.elapsed());
            let start = Instant::now();
            copy.copy_from_slice(black_box(&source));
            black_box(&mut copy);
            passes.push(start.elapsed());
        }
        let (call, pass) = (median(&mut calls), median(&mut passes));
        let ratio = pass.as_secs_f64() / call.as_secs_f64();
        println!("{size:>10}  {call:>12.2?}  {pass:>12.2?}  {ratio:>6.2}");
    }
    Ok(())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Kills processes that call each other over the fabric, as often as said (1,000 times by default), and prints what the others
//! saw and what they still hold; the last line is for `cargo xtask bench apic`.
//!
//! `cargo run --release -p upcall-tests --bin killed -- [TIMES]`

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints figures, and how far it is"
)]

use std::{env, error::Error, time::Duration};

use probe::{Counting, Report, count_heap, heap};
use upcall_tests::killed::{Moment, Ours, Seen, Survivor, victim};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.split_first() {
        Some((role, rest)) if ["server", "client"].contains(&role.as_str()) => victim(role, rest),
        Some((times, _)) => kill(times.parse()?),
        None => kill(1000),
    }
}

/// Kills so many, as many of the one end as of the other.
fn kill(times: usize) -> Result<(), Box<dyn Error>> {
    // What is resident says less: the allocator keeps what it has had.
    count_heap();
    let mut survivor = Survivor::start(env::current_exe()?)?;
    let moments: Vec<_> = [Ours::Client, Ours::Server]
        .into_iter()
        .flat_map(|ours| Moment::ALL.map(|moment| (ours, moment)))
        .collect();
    // What is made once, and kept, is made by then.
    for &(ours, moment) in &moments {
        survivor.outlives(ours, moment)?;
    }
    let (before, heap_before) = (survivor.held()?, heap().1);
    for (index, &(ours, moment)) in moments.iter().cycle().take(times).enumerate() {
        if index % 100 == 0 {
            eprintln!("killed {index} of {times}");
        }
        survivor.outlives(ours, moment)?;
    }
    let (after, heap_after) = (survivor.held()?, heap().1);
    for ((ours, moment), seen) in survivor.seen() {
        let killed = match ours {
            Ours::Client => "server",
            Ours::Server => "client",
        };
        println!("{killed} killed, {}: {seen}", moment.name());
    }
    println!("held before: {before:?}");
    println!("held after:  {after:?}");
    println!("heap before: {heap_before} bytes, after: {heap_after}");
    let longest = |times: fn(&Seen) -> &Vec<Duration>| {
        let all = survivor.seen().values().flat_map(times).max();
        all.copied().unwrap_or_default().as_nanos() as f64
    };
    let mut report = Report::default();
    report.set("told_ns", longest(|seen| &seen.failed));
    report.set("returned_ns", longest(|seen| &seen.returned));
    report.set("leaked", after.leaked_since(&before) as f64);
    let more = heap_after.saturating_sub(heap_before);
    report.set("heap_bytes", more as f64 / times.max(1) as f64);
    report.print("RESULT");
    Ok(())
}

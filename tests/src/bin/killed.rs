// SPDX-License-Identifier: MIT OR Apache-2.0
//! Kills processes that call each other over the fabric, as often as said (1,000 times by default), and prints what the others
//! saw and what they still hold.
//!
//! `cargo run --release -p upcall-tests --bin killed -- [TIMES]`

#![allow(clippy::print_stdout, reason = "a program that prints figures")]

use std::{env, error::Error};

use upcall_tests::killed::{Moment, Ours, Survivor, victim};

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
    let mut survivor = Survivor::start(env::current_exe()?)?;
    let moments: Vec<_> = [Ours::Client, Ours::Server]
        .into_iter()
        .flat_map(|ours| Moment::ALL.map(|moment| (ours, moment)))
        .collect();
    // What is made once, and kept, is made by then.
    for &(ours, moment) in &moments {
        survivor.outlives(ours, moment)?;
    }
    let before = survivor.held()?;
    for &(ours, moment) in moments.iter().cycle().take(times) {
        survivor.outlives(ours, moment)?;
    }
    let after = survivor.held()?;
    for ((ours, moment), seen) in survivor.seen() {
        let killed = match ours {
            Ours::Client => "server",
            Ours::Server => "client",
        };
        println!("{killed} killed, {}: {seen}", moment.name());
    }
    println!("held before: {before:?}");
    println!("held after:  {after:?}");
    Ok(())
}

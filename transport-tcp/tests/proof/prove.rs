// SPDX-License-Identifier: MIT OR Apache-2.0
//! Proves TCP over bad links, run by run: `cargo run --release -p upcall-transport-tcp --example prove -- --seeds 100000`.
//!
//! A run that does not hold is printed with its seed; `--from SEED --seeds 1 --pcap FILE` replays it for tshark.

#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a program for developers: what it is for is what it prints"
)]

mod campaign;
mod node;
mod pcap;
mod talk;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, thread};

use campaign::{Pairing, Setup, Tally};
use pcap::Pcap;

struct Order {
    from: u64,
    seeds: u64,
    pairings: Vec<(&'static str, Pairing)>,
    pcap: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Some(order) = order() else {
        let names: Vec<&str> = Pairing::ALL.iter().map(|(name, _)| *name).collect();
        println!(
            "usage: prove [--seeds COUNT] [--from SEED] [--pair {}] [--pcap FILE]",
            names.join("|")
        );
        return ExitCode::FAILURE;
    };
    let mut failures = 0;
    for (name, pairing) in &order.pairings {
        let (tally, wrong) = run(&order, name, *pairing);
        println!("{name}: {tally}; {wrong} wrong");
        failures += wrong;
    }
    if failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn order() -> Option<Order> {
    let ours = Pairing::ALL.iter().filter(|(_, pairing)| pairing.has_ours());
    let mut order = Order {
        from: 0,
        seeds: 100_000,
        pairings: ours.copied().collect(),
        pcap: None,
    };
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next()?;
        match argument.as_str() {
            "--seeds" => order.seeds = value.parse().ok()?,
            "--from" => order.from = value.parse().ok()?,
            "--pair" => order.pairings = vec![*Pairing::ALL.iter().find(|(name, _)| *name == value)?],
            "--pcap" => order.pcap = Some(value.into()),
            _ => return None,
        }
    }
    Some(order)
}

/// Makes the runs of one pairing on all CPUs; gives what they came to, and how many did not hold.
fn run(order: &Order, name: &str, pairing: Pairing) -> (Tally, u64) {
    let next = AtomicU64::new(order.from);
    let found = Mutex::new((Tally::default(), 0));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= order.from.saturating_add(order.seeds) {
                        return;
                    }
                    let mut capture = order.pcap.as_ref().map(|_| Pcap::new());
                    let verdict = Setup::from_seed(seed, pairing).run(&mut capture);
                    if let Some((path, capture)) = order.pcap.as_ref().zip(capture)
                        && let Err(error) = fs::write(path, capture.bytes())
                    {
                        println!("{}: {error}", path.display());
                    }
                    let mut found = found.lock().expect("no run panics with the lock");
                    match verdict {
                        Ok(verdict) => found.0.count(&verdict),
                        Err(error) => {
                            found.1 += 1;
                            println!("{name}: {error}\n  replay: prove --pair {name} --from {seed} --seeds 1 --pcap FILE");
                        }
                    }
                    if found.0.runs.is_multiple_of(10_000) && found.0.runs > 0 {
                        println!("{name}: {}", found.0);
                    }
                }
            });
        }
    });
    found.into_inner().expect("no run panics with the lock")
}

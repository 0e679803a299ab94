// SPDX-License-Identifier: MIT OR Apache-2.0
//! TCP over links that lose, reorder, duplicate and corrupt, against an independent stack and against itself, in virtual
//! time. `cargo run --release -p upcall-transport-tcp --example prove` makes many more of these runs, and replays one.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, and what it prints is shown on request"
)]

mod campaign;
mod dissected;
mod node;
mod pcap;
mod talk;
mod tshark;
mod world;

use campaign::{Pairing, Setup, Tally};

/// Runs the seeds from `first` on; every one must hold.
fn hold(pairing: Pairing, first: u64, runs: u64) -> Tally {
    let mut tally = Tally::default();
    for seed in first..first + runs {
        match Setup::from_seed(seed, pairing).run(&mut None) {
            Ok(verdict) => tally.count(&verdict),
            Err(error) => panic!("{pairing:?}: {error}"),
        }
    }
    println!("{pairing:?}: {tally}");
    assert!(
        tally.failed * 100 <= tally.runs,
        "links explain a failure, but not so many: {tally}"
    );
    tally
}

/// smoltcp against itself fails once in some thousand runs: it takes a FIN whose bytes were beyond its window, and two of
/// them that both send again ignore what the other acknowledges. These seeds show that the proof itself holds.
#[test]
fn the_proof_holds_for_smoltcp_itself() {
    let tally = hold(Pairing::SmolToSmol, 0, 200);
    assert!(
        tally.complete > 100 && tally.aborted > 5 && tally.lost > 300,
        "{tally}"
    );
}

/// Runs of CI for each pairing; the example `prove` makes 100,000.
const RUNS: u64 = 700;

#[test]
fn ours_talks_to_itself_over_bad_links() {
    hold(Pairing::OursToOurs, 0, RUNS);
}

#[test]
fn ours_connects_to_smoltcp_over_bad_links() {
    hold(Pairing::OursToSmol, 0, RUNS);
}

#[test]
fn ours_accepts_smoltcp_over_bad_links() {
    hold(Pairing::SmolToOurs, 0, RUNS);
}

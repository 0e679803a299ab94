// SPDX-License-Identifier: MIT OR Apache-2.0
//! Simulated runs as tshark reads them.

use crate::campaign::{Pairing, Setup};
use crate::pcap::Pcap;
use crate::tshark::{WRONG, skip, tshark};

#[test]
fn tshark_finds_nothing_wrong_with_simulated_runs() {
    for (name, pairing) in Pairing::ALL.iter().filter(|(_, pairing)| pairing.has_ours()) {
        for seed in 0..5 {
            match tshark(capture(seed, *pairing).bytes(), WRONG) {
                Some(found) => assert!(found.is_empty(), "{name}, seed {seed}:\n{found}"),
                None => {
                    return skip(
                        "tshark_finds_nothing_wrong_with_simulated_runs",
                        "tshark is not installed",
                    );
                }
            }
        }
    }
}

#[test]
fn tshark_finds_a_wrong_checksum() {
    let mut bytes = capture(0, Pairing::OursToOurs).bytes().to_vec();
    *bytes.last_mut().expect("something was sent") ^= 1;
    match tshark(&bytes, WRONG) {
        Some(found) => assert!(!found.is_empty()),
        None => skip("tshark_finds_a_wrong_checksum", "tshark is not installed"),
    }
}

fn capture(seed: u64, pairing: Pairing) -> Pcap {
    let mut capture = Some(Pcap::new());
    let ran = Setup::from_seed(seed, pairing).run(&mut capture);
    ran.unwrap_or_else(|error| panic!("{error}"));
    capture.expect("a capture that was asked for is there")
}

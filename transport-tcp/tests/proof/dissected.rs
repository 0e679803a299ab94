// SPDX-License-Identifier: MIT OR Apache-2.0
//! Simulated runs as tshark reads them.

use std::io::Write;
use std::process::Command;

use crate::campaign::{Pairing, Setup};
use crate::pcap::Pcap;

/// Packets that are malformed, have a wrong checksum, or break a rule of their protocol.
const WRONG: &str =
    "_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || _ws.expert.severity >= 0x800000";

#[test]
fn tshark_finds_nothing_wrong_with_simulated_runs() {
    for (name, pairing) in Pairing::ALL.iter().filter(|(_, pairing)| pairing.has_ours()) {
        for seed in 0..5 {
            let mut capture = Some(Pcap::new());
            let ran = Setup::from_seed(seed, *pairing).run(&mut capture);
            ran.unwrap_or_else(|error| panic!("{name}: {error}"));
            match complaints(&capture.expect("a capture that was asked for is there")) {
                Ok(found) => assert!(found.is_empty(), "{name}, seed {seed}:\n{found}"),
                Err(reason) => return skip("tshark_finds_nothing_wrong_with_simulated_runs", &reason),
            }
        }
    }
}

#[test]
fn tshark_finds_a_wrong_checksum() {
    let mut capture = Some(Pcap::new());
    let ran = Setup::from_seed(0, Pairing::SmolToSmol).run(&mut capture);
    ran.expect("the run holds");
    let mut bytes = capture
        .expect("a capture that was asked for is there")
        .bytes()
        .to_vec();
    *bytes.last_mut().expect("something was sent") ^= 1;
    match tshark(&bytes) {
        Ok(found) => assert!(!found.is_empty()),
        Err(reason) => skip("tshark_finds_a_wrong_checksum", &reason),
    }
}

fn complaints(capture: &Pcap) -> Result<String, String> {
    tshark(capture.bytes())
}

/// What tshark objects to, or why it can't be asked.
fn tshark(capture: &[u8]) -> Result<String, String> {
    let mut file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    file.write_all(capture).map_err(|error| error.to_string())?;
    let output = Command::new("tshark")
        .arg("-r")
        .arg(file.path())
        .args([
            "-o",
            "ip.check_checksum:TRUE",
            "-o",
            "tcp.check_checksum:TRUE",
            "-Y",
            WRONG,
        ])
        .output()
        .map_err(|error| format!("tshark does not run: {error}"))?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Says that the test `name` can't run here because of `reason`; under `CI=true` that is a failure.
fn skip(name: &str, reason: &str) {
    println!("SKIPPED: {name}: {reason}");
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "{name} may not be skipped under CI"
    );
}

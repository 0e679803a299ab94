// SPDX-License-Identifier: MIT OR Apache-2.0
//! Processes that are killed while they call each other over the fabric: whoever goes on is told, and keeps nothing of theirs.
//!
//! `cargo run --release -p upcall-tests --bin killed` does it 1,000 times, and says how soon.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use upcall_tests::killed::{Moment, Ours, Survivor};

fn outlives(ours: Ours, times: usize) {
    let mut survivor = Survivor::start(env!("CARGO_BIN_EXE_killed")).unwrap();
    // What is made once, and kept, is made by then.
    for moment in Moment::ALL {
        survivor.outlives(ours, moment).unwrap();
    }
    let before = survivor.held().unwrap();
    for moment in Moment::ALL.into_iter().cycle().take(times) {
        survivor.outlives(ours, moment).unwrap();
    }
    let after = survivor.held().unwrap();
    assert_eq!(after.leaked_since(&before), 0, "{before:?} became {after:?}");
    // Workers come and go with need.
    assert!(
        after.threads < before.threads + times / 4,
        "{before:?} became {after:?}"
    );
    for moment in Moment::ALL {
        let seen = survivor.seen().get(&(ours, moment)).unwrap();
        assert_eq!(seen.returned.len(), times / Moment::ALL.len() + 1, "{moment:?}");
    }
}

#[test]
fn who_is_killed_in_mid_call_is_noticed_and_leaves_nothing_behind() {
    // One after the other: what this process holds is compared.
    outlives(Ours::Client, 32);
    outlives(Ours::Server, 32);
}

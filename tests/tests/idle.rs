// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many flows of one server that are used rarely.
//!
//! `cargo run --release -p upcall-tests --bin idle` has 10,000 of them.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::path::Path;

use upcall_tests::idle::measure;

#[test]
fn an_idle_flow_costs_little_memory_and_one_descriptor() {
    let figures = measure(Path::new(env!("CARGO_BIN_EXE_idle")), 300).unwrap();
    for cost in [figures.client, figures.server] {
        assert!(cost.resident <= 64 << 10, "{figures:?}");
        // A few are for all of them together.
        assert!(cost.descriptors <= 105, "{figures:?}");
    }
}

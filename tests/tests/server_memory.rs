// SPDX-License-Identifier: MIT OR Apache-2.0
//! What serving costs in memory: nothing per call in steady state, little per idle connection.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::io::{Read, Write};

use orb_core::server::ServerConfig;
use probe::{Counting, heap};
use upcall_tests::serving::{Peer, Serving};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Calls with what was encoded before, so that the client allocates nothing either.
fn calls(peer: &mut Peer, request: &[u8], reply: &mut [u8], count: usize) {
    for _ in 0..count {
        peer.stream.write_all(request).expect("the server takes it");
        peer.stream.read_exact(reply).expect("the server answers");
    }
}

/// One test: the counts are the whole process's.
#[test]
fn a_null_call_allocates_nothing_and_an_idle_connection_holds_little() {
    let serving = Serving::start(ServerConfig::default());
    let mut peer = serving.connect();
    let request = peer.request("null", &[]);
    peer.send(&request);
    let reply_size = peer.receive().expect("the server answers").octets().len();
    let mut reply = vec![0; reply_size];

    // Until a worker stays with the connection, and every buffer has its size.
    calls(&mut peer, &request, &mut reply, 2000);
    // What a call allocates shows in every batch; a worker that starts or ends beside them, in one.
    let fewest = (0..5).map(|_| {
        let (before, _) = heap();
        calls(&mut peer, &request, &mut reply, 5000);
        heap().0 - before
    });
    assert_eq!(fewest.min(), Some(0), "allocations in 5000 calls");

    let (_, in_use) = heap();
    let idle: Vec<Peer> = (0..256)
        .map(|_| {
            let mut peer = serving.connect();
            calls(&mut peer, &request, &mut reply, 3);
            peer
        })
        .collect();
    let (_, with_idle) = heap();
    let each = with_idle.saturating_sub(in_use) / idle.len() as u64;
    assert!(each <= 16 * 1024, "{each} octets per idle connection");
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our traffic as tshark's GIOP dissector reads it: nothing malformed, nothing it warns of.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use tempfile::TempDir;
use upcall::Orb;
use upcall_tests::interop::client::{self, Peculiarities};
use upcall_tests::interop::idl::interop::PeerRef;
use upcall_tests::interop::server;
use upcall_tests::{Capture, skip};

#[test]
fn tshark_reads_our_traffic_without_a_complaint() {
    let name = "tshark_reads_our_traffic_without_a_complaint";
    let serving = Orb::builder().listen("iiop://127.0.0.1:0").build().unwrap();
    let peer = server::serve(&serving).unwrap();
    let port = peer.ior().iiop_profiles().next().unwrap().port;
    let folder = TempDir::new().unwrap();
    let capture = match Capture::start(folder.path(), port) {
        Ok(capture) => capture,
        Err(reason) => return skip(name, &reason),
    };

    let calling = Orb::builder().listen("iiop://127.0.0.1:0").build().unwrap();
    let reference: PeerRef = calling.resolve(&serving.object_to_string(&peer)).unwrap();
    let peculiarities = Peculiarities {
        except: &["large_", "blob_1000001"],
        ..Peculiarities::default()
    };
    let verdict = client::check(&calling, &reference, peculiarities);
    assert!(verdict.failed.is_empty(), "{:#?}", verdict.failed);

    let recording = capture.stop_at(400);
    let operations = recording.lines("giop.type == 0", &["giop.request_op"]);
    assert!(
        operations.iter().any(|line| line.contains("echo_record")),
        "the dissector finds no requests"
    );
    let complaints = recording.complaints();
    assert!(
        complaints.is_empty(),
        "{:#?}",
        &complaints[..complaints.len().min(20)]
    );
}

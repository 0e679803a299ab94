// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our datagrams as tshark's GIOP dissector reads them.

use tempfile::TempDir;
use upcall::Bytes;
use upcall_tests::{Capture, serving::until, skip};

use super::{Client, Server};

#[test]
fn tshark_reads_a_request_in_each_datagram() {
    let name = "tshark_reads_a_request_in_each_datagram";
    let server = Server::start();
    let ior = server.log.as_ref().ior();
    let port = ior.profiles[1].as_diop().unwrap().unwrap().port;
    let folder = TempDir::new().unwrap();
    let capture = match Capture::of_datagrams("lo", folder.path(), port) {
        Ok(capture) => capture,
        Err(reason) => return skip(name, &reason),
    };
    let client = Client::of(&server);
    for number in 0..30 {
        client
            .log
            .note(number, &Bytes::from(vec![7; 1000]))
            .send()
            .unwrap();
        until("it has come", || server.notes.numbers().len() > number as usize);
    }
    let recording = capture.stop_at(30);
    let requests = recording.lines("giop.type == 0", &["giop.request_op", "udp.length"]);
    assert_eq!(requests.len(), 30);
    assert!(
        requests.iter().all(|line| line.starts_with("note")),
        "{requests:?}"
    );
    let complaints = recording.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

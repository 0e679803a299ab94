// SPDX-License-Identifier: MIT OR Apache-2.0

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::{
    io::{self, IoSlice},
    net::UdpSocket,
    thread,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use orb_core::transport::{Event, Interest};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

fn listen() -> Box<dyn Listener> {
    KernelUdp.listen(&Endpoint::diop("127.0.0.1", 0)).unwrap()
}

fn pair() -> (Arc<dyn Link>, Arc<dyn Link>) {
    let listener = listen();
    let sender = KernelUdp
        .connect(listener.local(), Instant::now() + PATIENCE)
        .unwrap();
    (sender, listener.accept().unwrap())
}

fn room() -> BytesMut {
    BytesMut::with_capacity(65_536)
}

fn kind<T>(result: io::Result<T>) -> Option<io::ErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn a_send_is_a_datagram_and_a_receive_too() {
    let (sender, receiver) = pair();
    let parts = [IoSlice::new(b"GI"), IoSlice::new(b"OP")];
    assert_eq!(sender.try_send(&parts).unwrap(), 4);
    assert_eq!(sender.send(&[IoSlice::new(b"more")], None).unwrap(), 4);
    let many = [IoSlice::new(b"12"); 2000];
    assert_eq!(sender.try_send(&many).unwrap(), 4000);
    for expected in [4, 4, 4000] {
        let mut buffer = room();
        assert_eq!(receiver.recv(&mut buffer, Some(PATIENCE)).unwrap(), expected);
        assert_eq!(buffer.len(), expected);
    }
    assert_eq!(
        kind(receiver.try_recv(&mut room())),
        Some(io::ErrorKind::WouldBlock)
    );
    let brief = receiver.recv(&mut room(), Some(Duration::from_millis(5)));
    assert_eq!(kind(brief), Some(io::ErrorKind::WouldBlock));
}

#[test]
fn the_longest_goes_and_a_longer_one_does_not() {
    let (sender, receiver) = pair();
    let longest = receiver.datagrams().unwrap().longest;
    let octets = vec![7; longest + 1];
    assert_eq!(sender.try_send(&[IoSlice::new(&octets[1..])]).unwrap(), longest);
    assert!(sender.try_send(&[IoSlice::new(&octets)]).is_err());
    let mut buffer = room();
    assert_eq!(receiver.recv(&mut buffer, Some(PATIENCE)).unwrap(), longest);
}

#[test]
fn one_link_is_accepted_and_a_poller_tells_of_it() {
    let listener = listen();
    let poller = KernelUdp.poller().unwrap();
    poller
        .add(listener.fd().unwrap(), 1, Interest::READ_EDGE)
        .unwrap();
    let mut events: Vec<Event> = Vec::new();
    poller.wait(&mut events, Some(PATIENCE)).unwrap();
    assert_eq!(events.len(), 1);
    let link = listener.accept().unwrap();
    assert_eq!(link.local(), listener.local());
    assert_eq!(kind(listener.accept()), Some(io::ErrorKind::WouldBlock));
}

#[test]
fn datagrams_without_octets_are_no_end() {
    let (_, receiver) = pair();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = (receiver.local().host(), receiver.local().port());
    for datagram in [&b""[..], b"", b"x"] {
        socket.send_to(datagram, to).unwrap();
    }
    assert_eq!(receiver.recv(&mut room(), Some(PATIENCE)).unwrap(), 1);
    assert_eq!(receiver.datagrams().unwrap().empty, 2);
}

#[test]
fn what_there_is_no_room_for_is_counted() {
    let (sender, receiver) = pair();
    let octets = vec![7; 60_000];
    let mut sent = 0;
    while receiver.datagrams().unwrap().overruns == 0 {
        assert!(sent < 100_000, "the kernel keeps everything");
        sender.send(&[IoSlice::new(&octets)], Some(PATIENCE)).unwrap();
        sent += 1;
    }
    let mut came = 0;
    while receiver.try_recv(&mut room()).is_ok() {
        came += 1;
    }
    assert_eq!(came + receiver.datagrams().unwrap().overruns, sent);
}

#[test]
fn a_sender_does_not_mind_that_nobody_listens() {
    let (sender, receiver) = pair();
    drop(receiver);
    for _ in 0..100 {
        assert_eq!(sender.try_send(&[IoSlice::new(b"lost")]).unwrap(), 4);
    }
    // The kernel says that nobody listens, by a message that may still be under way.
    for _ in 0..10 {
        let received = sender.try_recv(&mut room());
        assert_eq!(kind(received), Some(io::ErrorKind::WouldBlock));
    }
}

#[test]
fn who_waits_for_datagrams_is_told_of_the_end() {
    let (_, receiver) = pair();
    thread::scope(|scope| {
        let waits = scope.spawn(|| receiver.recv(&mut room(), Some(PATIENCE)));
        while !waits.is_finished() {
            receiver.shutdown();
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(waits.join().unwrap().unwrap(), 0);
    });
    assert_eq!(receiver.watch(Interest::READ_EDGE), None);
}

#[test]
fn what_is_there_is_not_waited_for() {
    let (sender, receiver) = pair();
    assert_eq!(receiver.watch(Interest::READ_EDGE), Some(Interest::READ_EDGE));
    sender.try_send(&[IoSlice::new(b"one")]).unwrap();
    receiver.recv(&mut room(), Some(PATIENCE)).unwrap();
    sender.try_send(&[IoSlice::new(b"two")]).unwrap();
    // Over the loopback it is there when the send returns.
    assert_eq!(receiver.watch(Interest::READ_EDGE), None);
}

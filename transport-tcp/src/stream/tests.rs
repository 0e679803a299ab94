// SPDX-License-Identifier: MIT OR Apache-2.0
use std::{cell::RefCell, collections::VecDeque, net::SocketAddr, rc::Rc, time::Duration};

use bytes::Bytes;
use transport_apic::{Carries, Counters, Integrity, Properties};

use super::*;

/// One direction of a channel: a bounded queue, and whether its sender has closed.
#[derive(Debug, Default)]
struct Wire {
    packets: VecDeque<Packet<Bytes>>,
    closed: Option<Closed>,
    carried: u64,
}

/// What it holds at either end.
const HOLDS: usize = 1 << 20;

/// One end of a channel in memory, with room for so many packets.
#[derive(Debug)]
struct Memory {
    out: Rc<RefCell<Wire>>,
    into: Rc<RefCell<Wire>>,
    slots: usize,
}

fn pair(slots: usize) -> (Memory, Memory) {
    let (a, b) = (Rc::<RefCell<Wire>>::default(), Rc::default());
    let end = |out: &Rc<_>, into: &Rc<_>| Memory {
        out: Rc::clone(out),
        into: Rc::clone(into),
        slots,
    };
    (end(&a, &b), end(&b, &a))
}

impl Channel for Memory {
    type Payload = Bytes;

    fn properties(&self) -> Properties {
        Properties {
            mtu: 9000,
            reliable: true,
            carries: Carries::Anything,
            tells_end: true,
            integrity: Integrity::Copied,
            holds: HOLDS,
        }
    }

    fn place(&mut self, bytes: &[u8]) -> Option<Bytes> {
        Some(Bytes::copy_from_slice(bytes))
    }

    fn has_slot(&mut self) -> bool {
        self.out.borrow().packets.len() < self.slots
    }

    fn transmit(&mut self, packet: &Packet<Bytes>, _: Duration) -> Result<(), Refusal> {
        let mut wire = self.out.borrow_mut();
        if wire.packets.len() >= self.slots {
            return Err(Refusal::Full);
        }
        wire.packets.push_back(packet.clone());
        wire.carried += 1;
        Ok(())
    }

    fn publish(&mut self) {}

    fn receive_into(&mut self, packet: &mut Packet<Bytes>, _: Duration) -> Result<bool, Closed> {
        let mut wire = self.into.borrow_mut();
        let closed = wire.closed;
        let next = wire.packets.pop_front();
        match (&next, closed) {
            (None, Some(closed)) => return Err(closed),
            _ => *packet = next.clone().unwrap_or_default(),
        }
        Ok(next.is_some())
    }

    fn arm(&mut self, _: Interest) -> bool {
        self.into.borrow().packets.is_empty()
    }

    fn disarm(&mut self) {}

    fn counters(&self) -> Counters {
        Counters::default()
    }

    fn close(&mut self) {
        self.out.borrow_mut().closed = Some(Closed::ByPeer);
    }
}

/// Two ends of an open connection, and the time.
struct Both {
    client: Stream<Memory>,
    server: Stream<Memory>,
    wires: [Rc<RefCell<Wire>>; 2],
    now: Time,
}

impl Both {
    fn open(slots: usize) -> Self {
        let (one, other) = pair(slots);
        let wires = [Rc::clone(&one.out), Rc::clone(&other.out)];
        let (local, remote) = (
            SocketAddr::from(([127, 0, 0, 1], 1)),
            SocketAddr::from(([127, 0, 0, 2], 2)),
        );
        let now = Time(1);
        let mut both = Self {
            client: Stream::connect(one, Endpoints { local, remote }, 7, now),
            server: Stream::listen(
                other,
                Endpoints {
                    local: remote,
                    remote: local,
                },
                8,
                now,
            ),
            wires,
            now,
        };
        while !(both.client.open(now).expect("alive") & both.server.open(now).expect("alive")) {}
        // The window of a SYN is not scaled, and grows with the first octets.
        both.client.send(&[IoSlice::new(b"first")], now).expect("alive");
        assert_eq!(received(&mut both.server, now).0, Received::Octets(5));
        both.server.send(&[IoSlice::new(b"first")], now).expect("alive");
        assert_eq!(received(&mut both.client, now).0, Received::Octets(5));
        assert_eq!(received(&mut both.client, now).0, Received::Nothing);
        assert_eq!(received(&mut both.server, now).0, Received::Nothing);
        both
    }

    fn carried(&self) -> u64 {
        self.wires.iter().map(|wire| wire.borrow().carried).sum()
    }

    /// One moves octets `from` a client to a server until all are there, in reads of `room` octets.
    fn stream(&mut self, from: &[u8], room: usize) -> Vec<u8> {
        let (mut sent, mut received) = (0, Vec::new());
        let mut idle = 0;
        while received.len() < from.len() {
            sent += self
                .client
                .send(&[IoSlice::new(&from[sent..])], self.now)
                .expect("alive");
            let mut buffer = BytesMut::with_capacity(room);
            match self.server.receive(&mut buffer, self.now).expect("alive") {
                Received::Octets(count) => {
                    assert_eq!(count, buffer.len());
                    received.extend_from_slice(&buffer);
                    idle = 0;
                }
                Received::Nothing => idle += 1,
                Received::End => panic!("an end"),
            }
            assert!(idle < 10, "stuck at {sent} sent and {} received", received.len());
        }
        received
    }
}

fn octets(count: usize) -> Vec<u8> {
    (0..=250).cycle().take(count).collect()
}

fn received(stream: &mut Stream<Memory>, now: Time) -> (Received, BytesMut) {
    let mut buffer = BytesMut::with_capacity(1000);
    let what = stream.receive(&mut buffer, now).expect("alive");
    (what, buffer)
}

#[test]
fn a_call_and_its_reply_cost_one_packet_each() {
    let mut both = Both::open(64);
    let now = both.now;
    let before = both.carried();
    for _ in 0..100 {
        both.client.send(&[IoSlice::new(b"ping")], now).expect("alive");
        assert_eq!(
            received(&mut both.server, now),
            (Received::Octets(4), b"ping"[..].into())
        );
        both.server
            .send(&[IoSlice::new(b"po"), IoSlice::new(b"ng")], now)
            .expect("alive");
        assert_eq!(
            received(&mut both.client, now),
            (Received::Octets(4), b"pong"[..].into())
        );
    }
    assert_eq!(both.carried() - before, 200, "acknowledgements go along");
}

#[test]
fn who_has_nothing_to_send_acknowledges_before_it_waits() {
    let mut both = Both::open(64);
    let now = both.now;
    both.client.send(&[IoSlice::new(b"oneway")], now).expect("alive");
    let before = both.carried();
    assert_eq!(received(&mut both.server, now).0, Received::Octets(6));
    assert_eq!(both.carried(), before);
    assert_eq!(received(&mut both.server, now).0, Received::Nothing);
    assert_eq!(both.carried(), before + 1);
    assert_eq!(received(&mut both.client, now).0, Received::Nothing);
    assert_eq!(both.client.connection.deadline(), None, "nothing is timed");
}

#[test]
fn bulk_arrives_through_a_window_a_ring_and_a_buffer_that_are_all_too_small() {
    for (slots, room) in [(2, 100), (4, 65_536), (64, 4096), (1024, 1 << 20)] {
        let bulk = octets(4 << 20);
        let arrived = Both::open(slots).stream(&bulk, room);
        assert!(arrived == bulk, "{slots} slots, {room} octets");
    }
}

#[test]
fn no_more_is_under_way_than_the_receiver_holds() {
    let mut both = Both::open(usize::MAX);
    let now = both.now;
    both.server.set_budgets(16 << 20, 16 << 20);
    both.client.set_budgets(16 << 20, 16 << 20);
    let (much, mut sent) = (octets(100_000), 0);
    loop {
        match both.client.send(&[IoSlice::new(&much)], now).expect("alive") {
            0 => break,
            count => sent += count,
        }
        // Somebody who sends takes in what has come, and nobody reads it.
        both.server.send(&[IoSlice::new(&[])], now).expect("alive");
        both.server.take_in(now).expect("alive");
        both.server.rest(now).expect("alive");
    }
    assert!((HOLDS / 2..=HOLDS).contains(&sent), "{sent}");
}

#[test]
fn what_was_sent_arrives_before_the_end() {
    let mut both = Both::open(64);
    let now = both.now;
    both.client.send(&[IoSlice::new(b"last")], now).expect("alive");
    both.client.shutdown(now);
    assert_eq!(
        received(&mut both.server, now),
        (Received::Octets(4), b"last"[..].into())
    );
    assert_eq!(received(&mut both.server, now).0, Received::End);
    assert_eq!(received(&mut both.server, now).0, Received::End, "it stays so");
}

#[test]
fn one_direction_may_close_before_the_other() {
    let mut both = Both::open(64);
    let now = both.now;
    both.server.shutdown_send(now);
    assert_eq!(received(&mut both.client, now).0, Received::End);
    both.client.send(&[IoSlice::new(b"more")], now).expect("alive");
    assert_eq!(received(&mut both.server, now).0, Received::Octets(4));
}

#[test]
fn a_peer_that_is_gone_is_an_error_after_all_that_it_sent() {
    let mut both = Both::open(64);
    let now = both.now;
    both.client.send(&[IoSlice::new(b"last")], now).expect("alive");
    both.wires[0].borrow_mut().closed = Some(Closed::PeerGone);
    assert_eq!(received(&mut both.server, now).0, Received::Octets(4));
    let mut buffer = BytesMut::with_capacity(10);
    assert_eq!(
        both.server.receive(&mut buffer, now),
        Err(Ended::Channel(Closed::PeerGone))
    );
}

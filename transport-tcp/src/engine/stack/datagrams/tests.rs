// SPDX-License-Identifier: MIT OR Apache-2.0
//! Datagrams between two hosts.

mod fragments;

use bytes::Bytes;
use rtu::Time;

use super::*;
use crate::engine::{Config, Event, stack::tests::address};

fn hosts() -> [Stack<Bytes>; 2] {
    [0, 1].map(|index| {
        let mut config = Config::new(address(index), 1500, [7; 16]);
        config.limits.datagrams = 3;
        Stack::new(config)
    })
}

fn pieces(pieces: &[&'static [u8]]) -> ArrayVec<Bytes, { Packet::PIECES }> {
    pieces.iter().map(|piece| Bytes::from_static(piece)).collect()
}

fn carry([from, to]: &mut [Stack<Bytes>; 2]) {
    while let Some(packet) = from.transmit(Time::ZERO) {
        let mut whole = packet.headers.as_ref().to_vec();
        packet.payload.iter().for_each(|piece| whole.extend(piece));
        let packet = Packet::split(&Bytes::from(whole)).expect("well-formed");
        let _ = to.receive(Time::ZERO, packet);
    }
}

#[test]
fn a_datagram_arrives_as_it_was_sent() {
    let mut hosts = hosts();
    let from = hosts[0].bind(5, 10_000).expect("free");
    let to = hosts[1].bind(6, 10_000).expect("free");
    assert_eq!(hosts[1].bind(6, 1), Err(OpenError::InUse));
    let remote = SocketAddr::new(address(1), 6);
    let odd = pieces(&[b"abc", b"", b"d", b"efghi"]);
    hosts[0].send_to(from, remote, odd).expect("room");
    hosts[0]
        .send_to(from, remote, pieces(&[]))
        .expect("an empty one is one");
    assert_eq!(hosts[0].deadline(), Some(Time::ZERO));
    carry(&mut hosts);
    assert_eq!(hosts[1].poll_event(), Some(Event::Datagram(to)));
    assert_eq!(hosts[1].poll_event(), None);
    let datagram = hosts[1].recv_from(to).expect("it has come");
    assert_eq!(
        (datagram.from, datagram.to),
        (SocketAddr::new(address(0), 5), address(1))
    );
    assert_eq!(datagram.payload.concat(), b"abcdefghi");
    assert_eq!(
        hosts[1].recv_from(to).map(|datagram| datagram.payload.len()),
        Some(0)
    );
    assert!(hosts[1].recv_from(to).is_none());
    assert_eq!(hosts[0].deadline(), None);
}

#[test]
fn a_port_has_a_budget_and_counts_what_is_dropped() {
    let mut hosts = hosts();
    let from = hosts[0].bind(5, 0).expect("free");
    let to = hosts[1].bind(6, 2 * (OVERHEAD + 100)).expect("free");
    let remote = SocketAddr::new(address(1), 6);
    let send = |hosts: &mut [Stack<Bytes>; 2]| {
        for _ in 0..3 {
            hosts[0]
                .send_to(from, remote, pieces(&[&[0; 100]]))
                .expect("room");
        }
        carry(hosts);
    };
    send(&mut hosts);
    hosts[1].recv_from(to).expect("the first");
    send(&mut hosts);
    let counters = hosts[1].datagram_counters(to).expect("bound");
    assert_eq!((counters.received, counters.dropped), (3, 3));
}

#[test]
fn what_cannot_be_sent_is_said_at_once() {
    let [mut host, _] = hosts();
    let id = host.bind(5, 0).expect("free");
    let remote = SocketAddr::new(address(1), 6);
    let long = pieces(&[&[0; 65_508]]);
    let error = DatagramError::TooLong {
        octets: 65_508,
        most: 65_507,
    };
    assert_eq!(host.send_to(id, remote, long), Err(error));
    for _ in 0..3 {
        host.send_to(id, remote, pieces(&[&[0; 1472]])).expect("room");
    }
    assert_eq!(
        host.send_to(id, remote, pieces(&[b"x"])),
        Err(DatagramError::Full)
    );
    let v6: SocketAddr = "[fd00::1]:5".parse().expect("an address");
    while host.transmit(Time::ZERO).is_some() {}
    assert_eq!(
        host.send_to(id, v6, pieces(&[b"x"])),
        Err(DatagramError::Address(v6.ip()))
    );
    host.unbind(id);
    assert_eq!(
        host.send_to(id, remote, pieces(&[b"x"])),
        Err(DatagramError::Unbound)
    );
}

#[test]
fn a_damaged_datagram_is_nobodys() {
    let mut hosts = hosts();
    let from = hosts[0].bind(5, 0).expect("free");
    hosts[1].bind(6, 10_000).expect("free");
    let remote = SocketAddr::new(address(1), 6);
    hosts[0].send_to(from, remote, pieces(&[b"abc"])).expect("room");
    let packet = hosts[0].transmit(Time::ZERO).expect("queued");
    for (at, error) in [
        (25, Malformed::Length),
        (26, Malformed::Checksum),
        (23, Malformed::Checksum),
    ] {
        let mut damaged = packet.clone();
        damaged.headers.as_mut()[at] ^= 1;
        assert_eq!(hosts[1].receive(Time::ZERO, damaged), Err(error));
    }
    let mut unsummed = packet.clone();
    unsummed.headers.as_mut()[26..28].fill(0);
    assert_eq!(
        hosts[1].receive(Time::ZERO, unsummed),
        Ok(()),
        "RFC 768 allows it over IPv4"
    );
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Datagrams that are longer than the link takes.

use std::{
    collections::HashSet,
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use rtu::Nanos;
use transport_apic::sim::{Conditions, Link};

use super::*;

const MTU: usize = 1500;
const V4: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)),
];
const V6: [IpAddr; 2] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2)),
];
const PORT: u16 = 6;

/// Two hosts with a port each, on a link of their own kind.
fn pair(addresses: [IpAddr; 2], mtu: usize) -> ([Stack<Bytes>; 2], [DatagramId; 2]) {
    let mut hosts = addresses.map(|address| Stack::new(Config::new(address, mtu, [7; 16])));
    let ports = hosts
        .each_mut()
        .map(|host| host.bind(PORT, 1 << 20).expect("free"));
    (hosts, ports)
}

fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

/// Queues a datagram in three pieces.
fn send(host: &mut Stack<Bytes>, id: DatagramId, remote: IpAddr, octets: &[u8]) {
    let third = octets.len() / 3;
    let (one, rest) = octets.split_at(third);
    let (two, three) = rest.split_at(third);
    let pieces = [one, two, three]
        .map(Bytes::copy_from_slice)
        .into_iter()
        .collect();
    host.send_to(id, (remote, PORT).into(), pieces).expect("room");
}

/// What goes over the link, as the link has it.
fn packets(host: &mut Stack<Bytes>, now: Time) -> Vec<Vec<u8>> {
    let packets = std::iter::from_fn(|| host.transmit(now));
    packets
        .map(|packet| [packet.headers.as_ref(), &packet.payload.concat()].concat())
        .collect()
}

fn hand(host: &mut Stack<Bytes>, now: Time, packet: &[u8]) -> Result<(), Malformed> {
    let packet = Packet::split(&Bytes::copy_from_slice(packet));
    host.receive(now, packet.ok_or(Malformed::Length)?)
}

fn received(host: &mut Stack<Bytes>, id: DatagramId) -> Option<Vec<u8>> {
    Some(host.recv_from(id)?.payload.concat())
}

/// The fragments of a datagram over IPv4, and the host that they are for.
fn cut(length: usize) -> (Stack<Bytes>, DatagramId, Vec<Vec<u8>>) {
    let ([mut from, to], [id, its]) = pair(V4, MTU);
    send(&mut from, id, V4[1], &noise(length, 1));
    let fragments = packets(&mut from, Time::ZERO);
    (to, its, fragments)
}

/// Sums a header of IPv4 up anew.
fn summed(mut packet: Vec<u8>) -> Vec<u8> {
    packet[10..12].fill(0);
    let mut sum = crate::engine::checksum::Checksum::default();
    sum.add(&packet[..20]);
    packet[10..12].copy_from_slice(&sum.finish());
    packet
}

#[test]
fn long_datagrams_arrive_whole_in_packets_that_the_link_takes() {
    for addresses in [V4, V6] {
        for mtu in [1280, MTU, 9000] {
            let ([mut from, mut to], [id, its]) = pair(addresses, mtu);
            let most = Stack::<Bytes>::longest_datagram(addresses[0].is_ipv6());
            for length in [mtu - 60, mtu - 27, 2 * mtu, 60_000, most] {
                let octets = noise(length, 3);
                send(&mut from, id, addresses[1], &octets);
                for packet in packets(&mut from, Time::ZERO) {
                    assert!(packet.len() <= mtu, "{} octets", packet.len());
                    hand(&mut to, Time::ZERO, &packet).expect("well-formed");
                }
                let found = received(&mut to, its).expect("it has come");
                assert!(found == octets, "{length} octets over {mtu}");
            }
            assert_eq!(to.deadline(), None, "nothing is kept");
        }
    }
}

#[test]
fn fragments_come_in_any_order_and_more_than_once() {
    let (mut to, its, fragments) = cut(20_000);
    assert!(fragments.len() > 10);
    for order in 0..50 {
        let mut shuffled = [&fragments[..], &fragments[3..7]].concat();
        fastrand::Rng::with_seed(order).shuffle(&mut shuffled);
        // What comes after all is there would begin another one.
        let mut missing: HashSet<_> = fragments.iter().collect();
        for packet in &shuffled {
            if !missing.is_empty() {
                hand(&mut to, Time::ZERO, packet).expect("well-formed");
            }
            missing.remove(packet);
        }
        assert!(received(&mut to, its).expect("it has come") == noise(20_000, 1));
        assert!(received(&mut to, its).is_none());
    }
    assert_eq!(to.counters().fragments.overlapping, 0);
}

#[test]
fn each_long_datagram_has_an_identification_of_its_own() {
    let ([mut from, _], [id, _]) = pair(V4, MTU);
    let mut seen = HashSet::new();
    for _ in 0..1000 {
        send(&mut from, id, V4[1], &noise(2000, 1));
        let identifications: HashSet<_> = packets(&mut from, Time::ZERO)
            .iter()
            .map(|packet| [packet[4], packet[5]])
            .collect();
        assert_eq!(identifications.len(), 1);
        seen.extend(identifications);
    }
    assert_eq!(seen.len(), 1000);
}

#[test]
fn fragments_that_overlap_cost_their_datagram_those_to_come_included() {
    let shifted = |packet: &[u8], units: u8| {
        let mut packet = packet.to_vec();
        let place = u16::from_be_bytes([packet[6], packet[7]]) + u16::from(units);
        packet[6..8].copy_from_slice(&place.to_be_bytes());
        summed(packet)
    };
    // Begins within one that is there; ends within one; lies behind the end; ends elsewhere.
    let end = cut(8000).2.len() - 1;
    for (first, second, units) in [(0, 0, 1), (2, 1, 1), (end, 1, 200), (end, end, 1)] {
        let (mut to, its, fragments) = cut(8000);
        hand(&mut to, Time::ZERO, &fragments[first]).expect("well-formed");
        hand(&mut to, Time::ZERO, &shifted(&fragments[second], units)).expect("well-formed");
        for packet in &fragments {
            hand(&mut to, Time::ZERO, packet).expect("well-formed");
        }
        assert!(received(&mut to, its).is_none());
        let counters = to.counters().fragments;
        assert_eq!(
            (counters.overlapping, counters.reassembled),
            (1, 0),
            "{first} {second} {units}"
        );
    }
}

#[test]
fn what_does_not_come_in_time_is_forgotten() {
    let (mut to, its, fragments) = cut(8000);
    let (last, rest) = fragments.split_last().expect("there are some");
    rest.iter()
        .for_each(|packet| hand(&mut to, Time(1), packet).expect("well-formed"));
    let deadline = to.deadline().expect("it waits");
    assert_eq!(deadline, Time(1) + Nanos::from_secs(30));
    assert!(to.transmit(deadline).is_none());
    assert_eq!((to.deadline(), to.counters().fragments.timed_out), (None, 1));
    hand(&mut to, deadline, last).expect("well-formed");
    assert!(received(&mut to, its).is_none());
}

#[test]
fn one_source_takes_no_room_from_others() {
    let mut config = Config::new(V4[1], MTU, [7; 16]);
    config.limits.reassembly = 200_000;
    let mut to = Stack::new(config);
    let its = to.bind(PORT, 1 << 20).expect("free");
    // A neighbour's datagram, of which the end is missing yet.
    let mut neighbour = Stack::new(Config::new([10, 0, 0, 3].into(), MTU, [3; 16]));
    let id = neighbour.bind(PORT, 0).expect("free");
    send(&mut neighbour, id, V4[1], &noise(20_000, 2));
    let mut its_packets = packets(&mut neighbour, Time::ZERO);
    let end = its_packets.pop().expect("there are some");
    its_packets
        .iter()
        .for_each(|packet| hand(&mut to, Time::ZERO, packet).expect("well-formed"));
    // One that never ends anything.
    let ([mut from, _], [id, _]) = pair(V4, MTU);
    for _ in 0..200 {
        send(&mut from, id, V4[1], &noise(30_000, 1));
        for packet in packets(&mut from, Time::ZERO).iter().skip(1) {
            hand(&mut to, Time::ZERO, packet).expect("well-formed");
        }
    }
    assert!(to.counters().fragments.crowded >= 198);
    assert!(
        to.reassembly.cost() <= 100_000,
        "{} octets are kept",
        to.reassembly.cost()
    );
    hand(&mut to, Time::ZERO, &end).expect("well-formed");
    assert!(received(&mut to, its).expect("it has come") == noise(20_000, 2));
}

#[test]
fn all_sources_together_have_a_bound_too() {
    let mut config = Config::new(V4[1], MTU, [7; 16]);
    config.limits.reassembly = 100_000;
    let mut to = Stack::<Bytes>::new(config);
    let (_, _, fragments) = cut(8000);
    for source in 0..=255 {
        for third in 0..4 {
            let mut packet = fragments[1].clone();
            (packet[14], packet[15]) = (third, source);
            hand(&mut to, Time::ZERO, &summed(packet)).expect("well-formed");
            assert!(to.reassembly.cost() <= 100_000);
        }
    }
    assert!(to.counters().fragments.crowded > 900);
}

#[test]
fn fragments_that_can_be_no_part_of_anything_are_dropped() {
    let (mut to, _, fragments) = cut(8000);
    let changed = |change: fn(&mut Vec<u8>)| {
        let mut packet = fragments[1].clone();
        change(&mut packet);
        summed(packet)
    };
    let beyond = changed(|packet| (packet[6], packet[7]) = (0x3f, 0xff));
    let crooked = changed(|packet| packet.truncate(packet.len() - 1));
    let empty = changed(|packet| {
        (packet[2], packet[3]) = (0, 20);
        packet.truncate(20);
    });
    let tcp = changed(|packet| packet[9] = 6);
    let elsewhere = changed(|packet| packet[19] = 77);
    let mut damaged = fragments[1].clone();
    damaged[8] ^= 1;
    for (packet, error) in [
        (beyond, Malformed::Fragment),
        (crooked, Malformed::Length),
        (empty, Malformed::Fragment),
        (tcp, Malformed::Fragment),
        (elsewhere, Malformed::Address),
        (damaged, Malformed::Checksum),
    ] {
        assert_eq!(hand(&mut to, Time::ZERO, &packet), Err(error));
    }
    assert_eq!(to.deadline(), None, "nothing is kept");
}

#[test]
fn what_comes_in_one_fragment_is_whole() {
    let ([mut from, mut to], [id, its]) = pair(V6, MTU);
    send(&mut from, id, V6[1], b"short");
    let whole = packets(&mut from, Time::ZERO).remove(0);
    let mut atomic = [&whole[..40], &[17, 0, 0, 0, 1, 2, 3, 4], &whole[40..]].concat();
    atomic[5] += 8;
    atomic[6] = 44;
    hand(&mut to, Time::ZERO, &atomic).expect("well-formed");
    assert_eq!(received(&mut to, its).expect("it has come"), b"short");
}

/// Sends numbered datagrams over a link that does everything to them; what arrives is what was sent.
#[test]
fn a_bad_link_loses_datagrams_and_spoils_none() {
    for seed in 0..60 {
        let conditions = Conditions {
            delay: Duration::from_millis(1),
            loss: 0.01,
            reordering: 0.2,
            duplication: 0.02,
            corruption: 0.01,
            mtu: MTU,
            ..Conditions::default()
        };
        let mut link = Link::new(conditions, seed).expect("possible");
        let addresses = if seed % 2 == 0 { V4 } else { V6 };
        let ([mut from, mut to], [id, its]) = pair(addresses, MTU);
        let count: u32 = 40;
        for number in 0..count {
            let now = Time::ZERO + Nanos::from_millis(u64::from(number) * 5);
            let mut octets = noise(10_000 + number as usize, u64::from(number));
            octets[..4].copy_from_slice(&number.to_be_bytes());
            send(&mut from, id, addresses[1], &octets);
            for packet in packets(&mut from, now) {
                link.send(Duration::from_nanos(now.0), packet);
            }
        }
        let (mut arrived, mut now) = (HashSet::new(), Time::ZERO);
        while let Some(at) = link.next_arrival() {
            now = Time(u64::try_from(at.as_nanos()).expect("not so late"));
            let _ = hand(&mut to, now, &link.receive(at).expect("it arrives when it said"));
            while let Some(octets) = received(&mut to, its) {
                let number = u32::from_be_bytes(octets[..4].try_into().expect("four"));
                let sent = noise(10_000 + number as usize, u64::from(number));
                assert!(
                    octets[4..] == sent[4..],
                    "seed {seed}: datagram {number} is another one"
                );
                arrived.insert(number);
            }
        }
        assert!(arrived.len() > 10, "seed {seed}: {} arrived", arrived.len());
        // What is left waits for its time, and no longer.
        now = now + Nanos::from_secs(31);
        assert!(to.transmit(now).is_none());
        assert_eq!(to.deadline(), None, "seed {seed}");
        // Every loss is counted, by its cause: what is put together of garbled parts has a wrong checksum.
        let counters = to.counters().fragments;
        assert_eq!(counters.crowded, 0, "seed {seed}");
        let garbled = counters.reassembled - arrived.len() as u64;
        let counted = counters.timed_out + counters.overlapping + garbled;
        let lost = u64::from(count) - arrived.len() as u64;
        assert!(counted >= lost, "seed {seed}: {counters:?}, {lost} are lost");
    }
}

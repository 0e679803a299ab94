// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two hosts on a virtual wire, in virtual time.

use std::collections::VecDeque;

use bytes::Bytes;
use etherparse::{IpNumber, Ipv4Header};
use rtu::Nanos;

use super::*;
use crate::engine::{
    Checksums, Malformed,
    connection::input,
    segment::{Flags, Segment, Timestamps},
    sequence::Seq,
    wire::{self, Path},
};

const MS: fn(u64) -> Nanos = Nanos::from_millis;

/// Two hosts, and what is between them: one way takes 5 ms.
pub(super) struct Wire {
    pub(super) now: Time,
    pub(super) hosts: [Stack<Bytes>; 2],
    under_way: VecDeque<(Time, usize, Packet<Bytes>)>,
    /// Which packets are lost: asked with who sends, and the how manieth it is.
    loses: fn(usize, u64) -> bool,
    count: [u64; 2],
    pub(super) events: [Vec<Event>; 2],
}

pub(super) fn address(host: usize) -> IpAddr {
    format!("10.0.0.{}", host + 1).parse().expect("an address")
}

impl Wire {
    pub(super) fn new(change: impl Fn(&mut Config)) -> Self {
        let host = |index: usize| {
            let mut config = Config::new(address(index), 1500, [u8::try_from(index).expect("two"); 16]);
            change(&mut config);
            Stack::new(config)
        };
        Self {
            now: Time(1_000_000_000),
            hosts: [host(0), host(1)],
            under_way: VecDeque::new(),
            loses: |_, _| false,
            count: [0; 2],
            events: [Vec::new(), Vec::new()],
        }
    }

    /// Sends what may be sent, moves to the next thing that happens, and has it happen. False if nothing will.
    fn step(&mut self, until: Time) -> bool {
        for (index, host) in self.hosts.iter_mut().enumerate() {
            while let Some(packet) = host.transmit(self.now) {
                self.count[index] += 1;
                if !(self.loses)(index, self.count[index]) {
                    self.under_way.push_back((self.now + MS(5), 1 - index, packet));
                }
            }
            self.events[index].extend(std::iter::from_fn(|| host.poll_event()));
        }
        let arrival = self.under_way.front().map(|(at, ..)| *at);
        let deadlines = self.hosts.iter().filter_map(Stack::deadline);
        let Some(next) = deadlines.chain(arrival).min().filter(|next| *next <= until) else {
            self.now = until;
            return false;
        };
        self.now = self.now.max(next);
        while let Some((_, to, packet)) = self.under_way.pop_front_if(|(at, ..)| *at <= self.now) {
            self.hosts[to]
                .receive(self.now, packet)
                .expect("what we send is well-formed");
        }
        true
    }

    pub(super) fn run(&mut self, time: Nanos) {
        let until = self.now + time;
        while self.step(until) {}
    }

    /// Connects host 0 to a listener of host 1.
    pub(super) fn connected(&mut self) -> (ConnectionId, ConnectionId) {
        let listener = self.hosts[1].listen(2809, 8).expect("a free port");
        let remote = SocketAddr::new(address(1), 2809);
        let client = self.hosts[0].connect(self.now, None, remote).expect("a port");
        self.run(MS(100));
        let server = self.hosts[1].accept(listener).expect("a connection");
        (client, server)
    }

    fn received(&mut self, host: usize, id: ConnectionId) -> Vec<u8> {
        std::iter::from_fn(|| self.hosts[host].recv(id))
            .flatten()
            .collect()
    }

    /// Sends `data` from host 0 to host 1 until all of it is there, and returns how long that took.
    pub(super) fn transfer(&mut self, client: ConnectionId, server: ConnectionId, data: &Bytes) -> Nanos {
        let start = self.now;
        let (mut queued, mut there) = (0, Vec::new());
        while there.len() < data.len() {
            while queued < data.len() {
                let piece = data.slice(queued..(queued + 20_000).min(data.len()));
                let length = piece.len();
                if self.hosts[0].send(client, piece).is_err() {
                    break;
                }
                queued += length;
            }
            assert!(self.step(Time::MAX), "stuck after {} octets", there.len());
            assert_eq!(self.hosts[0].error(client), None);
            there.extend(self.received(1, server));
            assert!(self.now - start < Nanos::from_secs(600), "{} octets", there.len());
        }
        assert!(there == *data, "what arrived is not what was sent");
        self.now - start
    }
}

pub(super) fn noise(length: usize) -> Bytes {
    let mut state = 1_u32;
    Bytes::from_iter(
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .take(length),
    )
}

#[test]
fn a_connection_opens_carries_both_ways_and_closes() {
    let mut wire = Wire::new(|_| {});
    let (client, server) = wire.connected();
    assert_eq!(wire.hosts[0].state(client), State::Established);
    assert_eq!(wire.hosts[1].state(server), State::Established);
    assert!(wire.events[0].contains(&Event::Connected(client)));

    wire.hosts[0]
        .send(client, Bytes::from_static(b"ping"))
        .expect("room");
    wire.run(MS(20));
    assert_eq!(wire.received(1, server), b"ping");
    wire.hosts[1]
        .send(server, Bytes::from_static(b"pong"))
        .expect("room");
    wire.run(MS(20));
    assert_eq!(wire.received(0, client), b"pong");

    wire.hosts[0].shutdown(wire.now, client);
    wire.run(MS(100));
    assert_eq!(wire.hosts[0].state(client), State::FinWait2);
    assert_eq!(wire.hosts[1].state(server), State::CloseWait);
    assert!(wire.events[1].contains(&Event::PeerClosed(server)));
    assert!(wire.hosts[1].is_finished(server));
    wire.hosts[1].close(wire.now, server);
    wire.run(MS(100));
    assert_eq!(wire.hosts[0].state(client), State::TimeWait);
    assert_eq!(wire.hosts[1].connections(), 0);
    wire.hosts[0].close(wire.now, client);
    wire.run(Nanos::from_secs(61));
    assert_eq!(wire.hosts[0].connections(), 0);
}

#[test]
fn bulk_arrives_whole_with_and_without_loss_and_sack() {
    let data = noise(3_000_000);
    for sack in [true, false] {
        let patterns: [fn(usize, u64) -> bool; 3] = [
            |_, _| false,
            |_, count| count % 50 == 49,
            |_, count| count % 19 == 5,
        ];
        for loses in patterns {
            let mut wire = Wire::new(|config| config.settings.sack = sack);
            let (client, server) = wire.connected();
            wire.loses = loses;
            wire.transfer(client, server, &data);
        }
    }
}

#[test]
fn nobody_listening_is_a_refusal() {
    let mut wire = Wire::new(|_| {});
    let client = wire.hosts[0]
        .connect(wire.now, None, SocketAddr::new(address(1), 1))
        .expect("a port");
    wire.run(MS(100));
    assert_eq!(wire.events[0], [Event::Failed(client, Error::Refused)]);
}

/// A stranger's SYN or ACK for host 1, from `port`.
fn stranger(port: u16, flags: Flags, seq: u32, ack: u32, change: impl FnOnce(&mut Segment)) -> Packet<Bytes> {
    let endpoints = Endpoints {
        local: ([10, 0, 0, 9], port).into(),
        remote: (address(1), 2809).into(),
    };
    let mut segment = Segment {
        seq: Seq(seq),
        ack: Seq(ack),
        flags,
        window: 1000,
        ..Segment::default()
    };
    change(&mut segment);
    let mut packet = Packet::default();
    Path::new(endpoints, wire::TCP, Checksums::Verify).write(&segment, &mut packet);
    packet
}

/// What host 1 answers to a stranger.
fn answers(wire: &mut Wire) -> Vec<Segment> {
    let now = wire.now;
    std::iter::from_fn(|| wire.hosts[1].transmit(now))
        .map(|packet| {
            let ip = wire::Ip::read(packet.headers.as_ref()).expect("an IP header");
            input::read(&packet, &ip, Checksums::Verify).expect("a segment")
        })
        .collect()
}

#[test]
fn beyond_its_backlog_a_listener_remembers_nothing_and_still_lets_peers_in() {
    let mut wire = Wire::new(|_| {});
    let listener = wire.hosts[1].listen(2809, 4).expect("a free port");
    for port in 1..=4 {
        let syn = stranger(port, Flags::SYN, 5, 0, |_| {});
        wire.hosts[1].receive(wire.now, syn).expect("well-formed");
    }
    answers(&mut wire);
    assert_eq!(wire.hosts[1].connections(), 4);
    let syn = |port| {
        stranger(port, Flags::SYN, 5, 0, |segment| {
            segment.mss = Some(1400);
            segment.scale = Some(7);
            segment.sack_permitted = true;
            segment.timestamps = Some(Timestamps { value: 1, echo: 0 });
        })
    };
    wire.hosts[1].receive(wire.now, syn(100)).expect("well-formed");
    let answer = answers(&mut wire).remove(0);
    assert_eq!(wire.hosts[1].connections(), 4, "nothing is kept of it");
    assert_eq!(wire.hosts[1].counters().cookies, 1);
    assert_eq!(answer.flags, Flags::SYN | Flags::ACK);
    let told = answer.timestamps.expect("offered").value;

    let ack = |wrong: u32| {
        let number = answer.seq.0.wrapping_add(1 + wrong);
        stranger(100, Flags::ACK, 6, number, |segment| {
            segment.timestamps = Some(Timestamps { value: 2, echo: told });
        })
    };
    wire.hosts[1].receive(wire.now, ack(1)).expect("well-formed");
    assert_eq!(
        answers(&mut wire)[0].flags,
        Flags::RST,
        "a cookie that we did not make"
    );
    wire.hosts[1].receive(wire.now, ack(0)).expect("well-formed");
    answers(&mut wire);
    let id = wire.hosts[1].accept(listener).expect("the cookie opened it");
    wire.hosts[1].send(id, noise(3000)).expect("room");
    let sent = answers(&mut wire);
    let lengths: Vec<u32> = sent.iter().map(|segment| segment.payload).collect();
    assert_eq!(
        lengths,
        [1208, 1208, 584],
        "the size, timestamps and the scale came back"
    );
    assert!(
        sent[0]
            .timestamps
            .expect("agreed on")
            .value
            .wrapping_sub(told)
            .cast_signed()
            >= 0
    );
}

#[test]
fn a_listener_with_enough_to_accept_drops_syn() {
    let mut wire = Wire::new(|_| {});
    wire.hosts[1].listen(2809, 1).expect("a free port");
    let remote = SocketAddr::new(address(1), 2809);
    for _ in 0..3 {
        wire.hosts[0].connect(wire.now, None, remote).expect("a port");
        wire.run(MS(50));
    }
    assert_eq!(wire.hosts[1].connections(), 1);
    assert_eq!(wire.hosts[1].counters().refused, 2);
}

#[test]
fn a_new_connection_takes_the_place_of_one_in_time_wait() {
    let mut wire = Wire::new(|_| {});
    let listener = wire.hosts[1].listen(2809, 8).expect("a free port");
    let handshake = |wire: &mut Wire, seq: u32| {
        let syn = stranger(7, Flags::SYN, seq, 0, |_| {});
        wire.hosts[1].receive(wire.now, syn).expect("well-formed");
        let answer = answers(wire);
        let iss = answer
            .first()
            .filter(|answer| answer.flags.has(Flags::SYN))?
            .seq
            .0;
        let ack = stranger(7, Flags::ACK, seq + 1, iss.wrapping_add(1), |_| {});
        wire.hosts[1].receive(wire.now, ack).expect("well-formed");
        answers(wire);
        Some((wire.hosts[1].accept(listener)?, iss))
    };
    let (id, iss) = handshake(&mut wire, 1000).expect("open");
    wire.hosts[1].close(wire.now, id);
    answers(&mut wire);
    let fin = stranger(7, Flags::FIN | Flags::ACK, 1001, iss.wrapping_add(2), |_| {});
    wire.hosts[1].receive(wire.now, fin).expect("well-formed");
    answers(&mut wire);
    assert_eq!(wire.hosts[1].connections(), 1, "in TIME-WAIT");
    assert_eq!(handshake(&mut wire, 900), None, "an old SYN opens nothing");
    wire.now = wire.now + MS(1);
    let (_, later) = handshake(&mut wire, 5000).expect("RFC 6191");
    assert!(
        Seq(later) > Seq(iss),
        "its numbers are later than those of the old one"
    );
    assert_eq!(wire.hosts[1].connections(), 1);
}

#[test]
fn time_wait_gives_way_where_there_are_as_many_as_may_be() {
    let mut wire = Wire::new(|config| config.limits.connections = 2);
    wire.hosts[1].listen(2809, 8).expect("a free port");
    let remote = SocketAddr::new(address(1), 2809);
    for round in 0..10 {
        let client = wire.hosts[0]
            .connect(wire.now, None, remote)
            .expect("one makes room");
        wire.run(MS(50));
        let server = wire.hosts[1].accept(ListenerId { port: 2809 });
        wire.hosts[0].close(wire.now, client);
        wire.run(MS(50));
        wire.hosts[1].close(wire.now, server.expect("open"));
        wire.run(MS(50));
        assert_eq!(wire.hosts[0].connections(), 2.min(round + 1));
    }
    let open = [(); 2].map(|()| wire.hosts[0].connect(wire.now, None, remote));
    assert!(open.iter().all(Result::is_ok));
    assert_eq!(
        wire.hosts[0].connect(wire.now, None, remote),
        Err(OpenError::Limit)
    );
}

#[test]
fn what_a_router_says_shortens_segments_and_an_unreachable_port_refuses() {
    let mut wire = Wire::new(|_| {});
    let (client, _) = wire.connected();
    wire.hosts[0].send(client, noise(1400)).expect("room");
    let packet = wire.hosts[0].transmit(wire.now).expect("a segment");
    assert_eq!(packet.len(), 20 + 32 + 1400);
    let message = icmp(&[3, 4, 0, 0, 0, 0, 2, 188], &packet);
    wire.hosts[0].receive(wire.now, message).expect("well-formed");
    let again = wire.hosts[0].transmit(wire.now).expect("sent again");
    assert_eq!(again.len(), 700);

    let remote = SocketAddr::new(address(1), 9);
    let refused = wire.hosts[0].connect(wire.now, None, remote).expect("a port");
    let now = wire.now;
    let mut sent = std::iter::from_fn(|| wire.hosts[0].transmit(now));
    let syn = sent.find(|packet| packet.payload.is_empty()).expect("a SYN");
    wire.hosts[0]
        .receive(now, icmp(&[3, 3, 0, 0, 0, 0, 0, 0], &syn))
        .expect("well-formed");
    assert_eq!(wire.hosts[0].error(refused), Some(Error::Refused));
}

/// A message of a router's to host 0, about `packet`.
fn icmp(header: &[u8; 8], packet: &Packet<Bytes>) -> Packet<Bytes> {
    let mut message = header.to_vec();
    message.extend(&packet.headers.as_ref()[..28]);
    let mut checksum = crate::engine::checksum::Checksum::default();
    checksum.add(&message);
    message[2..4].copy_from_slice(&checksum.finish());
    let mut ip = Ipv4Header::new(36, 9, IpNumber::ICMP, [10, 0, 0, 254], [10, 0, 0, 1]).expect("short");
    ip.header_checksum = ip.calc_header_checksum();
    let mut whole = ip.to_bytes().to_vec();
    whole.extend(message);
    Packet::split(&Bytes::from(whole)).expect("well-formed")
}

#[test]
fn over_ipv6_it_is_the_same() {
    let v6 = |host: usize| -> IpAddr { format!("fd00::{}", host + 1).parse().expect("an address") };
    let mut wire = Wire::new(|_| {});
    for (index, host) in wire.hosts.iter_mut().enumerate() {
        host.config.addresses.push(v6(index));
    }
    let listener = wire.hosts[1].listen(2809, 8).expect("a free port");
    let client = wire.hosts[0]
        .connect(wire.now, None, SocketAddr::new(v6(1), 2809))
        .expect("a port");
    wire.run(MS(100));
    let server = wire.hosts[1].accept(listener).expect("a connection");
    wire.loses = |_, count| count % 50 == 49;
    wire.transfer(client, server, &noise(300_000));
    let mss = wire.hosts[0].connection(client).expect("open").endpoints();
    assert!(mss.remote.is_ipv6());
}

#[test]
fn packets_for_others_and_of_no_sense_change_nothing() {
    let mut wire = Wire::new(|_| {});
    let (client, _) = wire.connected();
    wire.hosts[0].send(client, noise(100)).expect("room");
    let packet = wire.hosts[0].transmit(wire.now).expect("a segment");
    assert_eq!(
        wire.hosts[0].receive(wire.now, packet.clone()),
        Err(Malformed::Address)
    );
    let mut damaged = packet.clone();
    damaged.headers.as_mut()[30] ^= 1;
    assert_eq!(wire.hosts[1].receive(wire.now, damaged), Err(Malformed::Checksum));
    let mut damaged = packet.clone();
    damaged.payload[0] = noise(101).slice(1..);
    assert_eq!(wire.hosts[1].receive(wire.now, damaged), Err(Malformed::Checksum));
    let mut short = packet.clone();
    short.payload.clear();
    assert_eq!(wire.hosts[1].receive(wire.now, short), Err(Malformed::Length));
    assert_eq!(wire.hosts[1].counters().malformed, 3);
}

#[test]
fn initial_numbers_differ_and_grow_with_time() {
    let numbers = SequenceNumbers::new([9; 16]);
    let endpoints = |port| Endpoints {
        local: (address(0), port).into(),
        remote: (address(1), 80).into(),
    };
    let at = |time, port| Seq(numbers.isn(Time(time), &endpoints(port)));
    assert_eq!(
        at(4_000_000, 1) - at(0, 1),
        1000,
        "a tick every 4 microseconds: RFC 9293 §3.4.1"
    );
    assert_ne!(at(0, 1), at(0, 2));
    assert_ne!(
        SequenceNumbers::new([8; 16]).isn(Time(0), &endpoints(1)),
        at(0, 1).0
    );
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two hosts on a virtual wire, in virtual time.

use std::collections::VecDeque;

use bytes::Bytes;
use rtu::Nanos;

use super::*;

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

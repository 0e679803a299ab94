// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two hosts whose wire, users and clock do what the octets say: lose, repeat and damage packets, make up new ones, open,
//! send, take and close. Nothing panics, nobody sends more than the link takes or talks without end, every alarm is in the
//! future, and what is kept has its bounds.
#![no_main]

use std::collections::VecDeque;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use rtu::{Nanos, Time};
use transport_tcp::engine::{Checksums, Config, ConnectionId, Event, KeepAlive, ListenerId, Stack};

type Packet = transport_apic::Packet<Bytes>;

const MTU: usize = 600;
const CONNECTIONS: usize = 6;
const BUDGET: u32 = 5000;
/// What both may say after one thing that happens: windows are full after less.
const CHATTER: usize = 200;
/// Alarms until everybody has given up.
const ALARMS: usize = 2000;

fuzz_target!(|data: &[u8]| {
    let mut world = World::new();
    let mut octets = data.iter().copied();
    while let Some(what) = octets.next() {
        world.step(what, &mut octets);
        world.talk();
    }
    // Left alone for long enough, nothing is left that waits for a peer.
    for _ in 0..ALARMS {
        world.wire.clear();
        let alarms = world.hosts.iter().filter_map(|host| host.stack.deadline());
        let Some(next) = alarms.min() else {
            break;
        };
        world.now = world.now.max(next);
        world.talk();
    }
    for host in &world.hosts {
        assert!(host.stack.deadline().is_none(), "an alarm without end: {host:?}");
    }
});

#[derive(Debug)]
struct Host {
    stack: Stack<Bytes>,
    listener: ListenerId,
    connections: Vec<ConnectionId>,
}

struct World {
    now: Time,
    hosts: [Host; 2],
    wire: VecDeque<(usize, Packet)>,
}

impl World {
    fn new() -> Self {
        let host = |index: u8| {
            let mut config = Config::new([10, 0, 0, index].into(), MTU, [index; 16]);
            config.limits.connections = CONNECTIONS;
            config.settings.checksums = Checksums::Offloaded;
            config.settings.send_budget = BUDGET;
            config.settings.receive_budget = BUDGET;
            config.settings.keep_alive = Some(KeepAlive {
                idle: Nanos::from_secs(100),
                interval: Nanos::from_secs(10),
                probes: 3,
            });
            let mut stack = Stack::new(config);
            let listener = stack.listen(9, 2).expect("nobody listens yet");
            Host {
                stack,
                listener,
                connections: Vec::new(),
            }
        };
        Self {
            now: Time(1 << 40),
            hosts: [host(0), host(1)],
            wire: VecDeque::new(),
        }
    }

    fn step(&mut self, what: u8, octets: &mut impl Iterator<Item = u8>) {
        let mut next = || octets.next().unwrap_or_default();
        let which = usize::from(what >> 7);
        match what & 0xf {
            0 => self.pass(Nanos::from_millis(u64::from(next()))),
            1 => self.pass(Nanos::from_secs(u64::from(next()))),
            2..=5 => self.deliver(usize::from(what >> 4 & 7), |_| {}),
            6 => drop(self.wire.pop_front()),
            7 => self.repeat(),
            8 => {
                let (place, bit) = (usize::from(next()), next());
                self.deliver(0, |packet| {
                    let headers = packet.headers.as_mut();
                    // The addresses stay, or the packet is nobody's.
                    let place = 20 + place % (headers.len() - 20).max(1);
                    if let Some(octet) = headers.get_mut(place) {
                        *octet ^= 1 << (bit % 8);
                    }
                });
            }
            9 => {
                let length = usize::from(next());
                let made_up: Vec<u8> = (0..length).map(|_| next()).collect();
                if let Some(packet) = Packet::split(&Bytes::from(made_up)) {
                    let _ = self.hosts[which].stack.receive(self.now, packet);
                }
            }
            10 => self.connect(which),
            _ => self.call(which, what & 0xf, next()),
        }
    }

    fn pass(&mut self, time: Nanos) {
        self.now = self.now + time;
    }

    /// Delivers the packet `at`, after `change`.
    fn deliver(&mut self, at: usize, change: impl FnOnce(&mut Packet)) {
        let at = at.min(self.wire.len().saturating_sub(1));
        if let Some((to, mut packet)) = self.wire.remove(at) {
            change(&mut packet);
            let _ = self.hosts[to].stack.receive(self.now, packet);
        }
    }

    fn repeat(&mut self) {
        if let Some((to, packet)) = self.wire.front().cloned() {
            let _ = self.hosts[to].stack.receive(self.now, packet);
        }
    }

    fn connect(&mut self, which: usize) {
        let to = [10, 0, 0, 1 - u8::from(which == 1)];
        let host = &mut self.hosts[which];
        if let Ok(id) = host.stack.connect(self.now, None, (to, 9).into()) {
            host.connections.push(id);
        }
    }

    fn call(&mut self, which: usize, what: u8, argument: u8) {
        let host = &mut self.hosts[which];
        let count = host.connections.len();
        let Some(id) = host
            .connections
            .get(usize::from(argument & 7) % count.max(1))
            .copied()
        else {
            return;
        };
        match what {
            11 | 12 => drop(
                host.stack
                    .send(id, Bytes::from(vec![argument; usize::from(argument) * 8])),
            ),
            13 => drop(host.stack.recv(id)),
            14 => host.stack.shutdown(self.now, id),
            _ if argument & 8 == 0 => host.stack.close(self.now, id),
            _ => host.stack.abort(id),
        }
    }

    /// Takes what both have to send, and to tell.
    fn talk(&mut self) {
        for (index, host) in self.hosts.iter_mut().enumerate() {
            for count in 0.. {
                let Some(packet) = host.stack.transmit(self.now) else {
                    break;
                };
                assert!(count < CHATTER, "it talks without end");
                assert!(packet.len() <= MTU, "{} octets", packet.len());
                self.wire.push_back((1 - index, packet));
            }
            self.wire.truncate(64);
            let deadline = host.stack.deadline();
            assert!(
                deadline.is_none_or(|at| at > self.now),
                "an alarm that has passed"
            );
            host.connections.extend(host.stack.accept(host.listener));
            while let Some(event) = host.stack.poll_event() {
                if let Event::Failed(id, _) | Event::Closed(id) = event {
                    host.stack.close(self.now, id);
                }
            }
            let stack = &host.stack;
            host.connections.retain(|id| stack.connection(*id).is_some());
            assert!(stack.connections() <= CONNECTIONS);
            for id in &host.connections {
                let (room, state) = (stack.room(*id), stack.state(*id));
                assert!(room <= BUDGET as usize, "{state:?}");
            }
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A link that loses nothing: whoever relies on it sends the same as who keeps everything to send it again.

use std::collections::VecDeque;

use proptest::prelude::*;
use transport_apic::Packet;

use super::*;
use crate::engine::{Checksums, CongestionControl};

/// What one of the two ends does next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Send(usize),
    /// So many packets at most.
    Transmit(usize),
    /// So many packets arrive at it.
    Arrive(usize),
    /// So many pieces are taken.
    Take(usize),
    Acknowledge,
    Shutdown,
    /// Send, and transmit all there is: as one, if the caller carries the octets.
    Say(usize),
    /// So many packets arrive, and all is taken.
    Hear(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_usize..5000).prop_map(Step::Send),
        4 => (1_usize..9).prop_map(Step::Transmit),
        4 => (1_usize..9).prop_map(Step::Arrive),
        3 => (1_usize..9).prop_map(Step::Take),
        1 => Just(Step::Acknowledge),
        1 => prop::bool::weighted(0.1).prop_map(|over| if over { Step::Shutdown } else { Step::Acknowledge }),
    ]
}

/// What a caller does who may carry octets himself.
fn talk() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1_usize..3000).prop_map(Step::Say),
        8 => (1_usize..9).prop_map(Step::Hear),
        1 => Just(Step::Acknowledge),
        1 => (1_usize..9).prop_map(Step::Arrive),
        1 => prop::bool::weighted(0.1).prop_map(|over| if over { Step::Shutdown } else { Step::Acknowledge }),
    ]
}

const NOW: Time = Time(1_000_000_000);

/// Two ends, what is under way to each, and all that can be seen of them.
struct Both {
    ends: [Connection<Bytes>; 2],
    under_way: [VecDeque<Packet<Bytes>>; 2],
    seen: Vec<Vec<u8>>,
    sent: [usize; 2],
    /// The callers carry what they can.
    carry: bool,
    carried: usize,
}

impl Both {
    fn open(reliable: bool) -> Self {
        let never = Nanos::from_secs(1 << 32);
        let settings = Settings {
            send_budget: 40_000,
            receive_budget: 20_000,
            delayed_ack: never,
            first_timeout: never,
            least_timeout: never,
            congestion: CongestionControl::Off,
            timestamps: false,
            sack: false,
            checksums: Checksums::Offloaded,
            reliable,
            ..Settings::default()
        };
        let there = Play::endpoints();
        let back = Endpoints {
            local: there.remote,
            remote: there.local,
        };
        let mut both = Self {
            ends: [
                Connection::connect(NOW, there, ISS, 1500, settings),
                Connection::listen(NOW, back, IRS, 1500, settings),
            ],
            under_way: [VecDeque::new(), VecDeque::new()],
            seen: Vec::new(),
            sent: [0; 2],
            carry: false,
            carried: 0,
        };
        for end in [0, 1, 0, 1] {
            both.act(end, Step::Arrive(9));
            both.act(end, Step::Transmit(9));
        }
        both
    }

    fn piece(&self, end: usize, octets: usize) -> Bytes {
        let first = self.sent[end];
        (first..first + octets).map(|at| at.to_le_bytes()[0]).collect()
    }

    fn say(&mut self, end: usize, octets: usize) {
        let mut packet = Packet::default();
        let piece = self.piece(end, octets);
        if self.carry && self.ends[end].transmit_carried(NOW, octets, &mut packet) {
            packet.payload.push(piece);
            self.goes(end, packet);
            self.sent[end] += octets;
            self.carried += 1;
        } else {
            self.act(end, Step::Send(octets));
        }
        self.act(end, Step::Transmit(usize::MAX));
    }

    fn hear(&mut self, end: usize, most: usize) {
        for _ in 0..most.min(self.under_way[end].len()) {
            let Some(packet) = self.under_way[end].front() else {
                return;
            };
            let (headers, octets) = (packet.headers.as_ref(), packet.payload_len());
            if self.carry && self.ends[end].receive_carried(NOW, headers, octets) {
                self.seen
                    .extend(packet.payload.iter().map(|piece| piece.to_vec()));
                self.under_way[end].pop_front();
                self.carried += 1;
            } else {
                self.act(end, Step::Arrive(1));
            }
            self.act(end, Step::Take(usize::MAX));
        }
    }

    fn goes(&mut self, end: usize, packet: Packet<Bytes>) {
        let pieces = packet.payload.iter().map(Bytes::as_ref);
        let whole: Vec<&[u8]> = std::iter::once(packet.headers.as_ref()).chain(pieces).collect();
        self.seen.push(whole.concat());
        self.under_way[1 - end].push_back(packet);
    }

    fn act(&mut self, end: usize, step: Step) {
        match step {
            Step::Say(octets) => return self.say(end, octets),
            Step::Hear(most) => return self.hear(end, most),
            _ => {}
        }
        let tcp = &mut self.ends[end];
        match step {
            Step::Send(octets) => {
                let piece = self.piece(end, octets);
                if self.ends[end].send(piece).is_ok() {
                    self.sent[end] += octets;
                }
            }
            Step::Transmit(most) => {
                let packets: Vec<_> = std::iter::from_fn(|| tcp.transmit(NOW)).take(most).collect();
                packets.into_iter().for_each(|packet| self.goes(end, packet));
            }
            Step::Arrive(most) => {
                let come = most.min(self.under_way[end].len());
                for mut packet in self.under_way[end].drain(..come) {
                    tcp.receive(NOW, &mut packet).expect("whole");
                }
            }
            Step::Take(most) => {
                for piece in std::iter::from_fn(|| tcp.recv()).take(most) {
                    self.seen.push(piece.to_vec());
                }
            }
            Step::Acknowledge => tcp.acknowledge(),
            Step::Shutdown => tcp.shutdown(NOW),
            Step::Say(_) | Step::Hear(_) => {}
        }
        let tcp = &mut self.ends[end];
        let events = Events {
            // Who takes at once what comes need not be told.
            readable: false,
            ..tcp.take_events()
        };
        if !matches!(step, Step::Arrive(_) | Step::Take(_) | Step::Send(_)) {
            self.seen
                .push(format!("{end} {:?} {events:?}", tcp.state()).into_bytes());
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_seen_of_it(steps in prop::collection::vec((0_usize..2, step()), 1..120)) {
        let (mut one, mut other) = (Both::open(false), Both::open(true));
        for (end, step) in steps {
            one.act(end, step);
            other.act(end, step);
        }
        prop_assert_eq!(one.seen, other.seen);
    }
}

proptest! {
    #[test]
    fn who_carries_octets_sends_and_receives_the_same(steps in prop::collection::vec((0_usize..2, talk()), 1..120)) {
        let (mut one, mut other) = (Both::open(true), Both::open(true));
        other.carry = true;
        for (end, step) in steps {
            one.act(end, step);
            other.act(end, step);
        }
        prop_assert_eq!(one.seen, other.seen);
        prop_assert_eq!(one.ends.each_ref().map(Connection::counters), other.ends.each_ref().map(Connection::counters));
    }
}

#[test]
fn calls_and_replies_are_carried() {
    let mut both = Both::open(true);
    both.carry = true;
    for _ in 0..100 {
        for end in [0, 1] {
            both.say(end, 96);
            both.hear(1 - end, 1);
        }
    }
    assert_eq!(both.carried, 400);
}

#[test]
fn what_was_sent_is_let_go_and_nothing_is_timed() {
    let mut both = Both::open(true);
    let piece = Bytes::from(vec![7; 100]);
    both.ends[0].send(piece.clone()).expect("there is room");
    drop(both.ends[0].transmit(NOW).expect("it goes at once"));
    assert_eq!(
        piece.try_into_mut().map(|piece| piece.len()),
        Ok(100),
        "nobody has it any more"
    );
    assert_eq!(both.ends[0].deadline(), None);
}

#[test]
fn what_is_lost_after_all_is_the_end() {
    let mut both = Both::open(true);
    for _ in 0..2 {
        both.act(0, Step::Say(100));
    }
    both.under_way[1].pop_front();
    both.act(1, Step::Arrive(1));
    assert_eq!(both.ends[1].error(), Some(Error::Lost));
    both.act(1, Step::Transmit(1));
    both.act(0, Step::Arrive(1));
    assert_eq!(both.ends[0].error(), Some(Error::Reset));
}

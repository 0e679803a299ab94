// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every channel does, whatever carries it: each backend's tests call [`conforms`].
//!
//! What a channel's properties leave open is not asked of it. One that carries [`Carries::Ip`] is given segments from
//! [`ADDRESSES`] to [`ADDRESSES`], and may change what routers do; one that does not [tell the end](crate::Properties::tells_end)
//! must stay open instead.

mod segment;

use std::time::Duration;

use arrayvec::ArrayVec;

pub(crate) use self::segment::ADDRESSES;
use crate::{Carries, Channel, Closed, Headers, Interest, Packet, Payload, Refusal};

/// Two ends of one channel, and the time that passes between them.
pub(crate) trait Cable {
    type End: Channel;

    /// Returns one of the ends.
    fn end(&mut self, which: Side) -> &mut Self::End;

    /// Returns the time.
    fn now(&self) -> Duration;

    /// Lets some time pass, at the end of which what is under way may have arrived.
    fn pass(&mut self);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

use Side::{Left, Right};

/// How long one waits for what must come.
const PATIENCE: usize = 10_000;

/// Checks all that a channel promises; those that lose packets are to be made so that they do not.
pub(crate) fn conforms<C: Cable>(make: impl Fn() -> C) {
    packets_arrive_whole_and_in_order(make());
    nothing_is_seen_before_it_is_published(make());
    payload_in_pieces_arrives_as_one(make());
    what_is_too_long_is_refused(make());
    what_it_does_not_carry_is_refused(make());
    a_full_channel_refuses_and_recovers(make());
    what_is_held_does_not_change(make());
    who_asks_to_be_woken_learns_of_what_is_there(make());
    what_came_before_the_end_is_received(make());
}

type Body = Vec<u8>;

fn pattern(length: usize, seed: usize) -> Body {
    (0..length)
        .map(|at| (at * 31 + seed * 17).to_le_bytes()[0])
        .collect()
}

/// Headers of that length, or of the next one that such a channel takes, for so much payload.
fn headers<C: Cable>(cable: &mut C, from: Side, length: usize, seed: usize, payload: usize) -> Vec<u8> {
    match cable.end(from).properties().carries {
        Carries::Anything => pattern(length, seed),
        Carries::Ip => {
            let [left, right] = ADDRESSES;
            let ends = if from == Left {
                [left, right]
            } else {
                [right, left]
            };
            segment::headers(ends, length, &pattern(20, seed), payload)
        }
    }
}

/// Checks that headers came as they were sent, but for what routers change.
fn same_headers<C: Cable>(cable: &mut C, sent: &[u8], got: &Headers) {
    match cable.end(Left).properties().carries {
        Carries::Anything => assert_eq!(got.as_ref(), sent),
        Carries::Ip => segment::same(sent, got.as_ref()),
    }
}

fn packet<C: Cable>(
    cable: &mut C,
    side: Side,
    headers: &[u8],
    body: &[u8],
) -> Packet<<C::End as Channel>::Payload> {
    let mut packet = Packet::default();
    packet.headers.append(headers).expect("they are short");
    if !body.is_empty() {
        packet
            .payload
            .push(cable.end(side).place(body).expect("there is room"));
    }
    packet
}

/// A short packet from one end, with `body` in it.
fn note<C: Cable>(cable: &mut C, side: Side, body: &[u8]) -> Packet<<C::End as Channel>::Payload> {
    let headers = headers(cable, side, 40, 1, body.len());
    packet(cable, side, &headers, body)
}

fn send_note<C: Cable>(cable: &mut C, side: Side, body: &[u8]) {
    let headers = headers(cable, side, 40, 1, body.len());
    send(cable, side, &headers, body);
}

fn send<C: Cable>(cable: &mut C, side: Side, headers: &[u8], body: &[u8]) {
    let packet = packet(cable, side, headers, body);
    let now = cable.now();
    cable.end(side).transmit(&packet, now).expect("there is room");
    cable.end(side).publish();
}

fn receive<C: Cable>(cable: &mut C, side: Side) -> Packet<<C::End as Channel>::Payload> {
    for _ in 0..PATIENCE {
        let now = cable.now();
        if let Some(packet) = cable.end(side).receive(now).expect("it is open") {
            return packet;
        }
        cable.pass();
    }
    panic!("nothing comes");
}

fn nothing_comes<C: Cable>(cable: &mut C, side: Side) {
    for _ in 0..3 {
        let now = cable.now();
        assert!(cable.end(side).receive(now).expect("it is open").is_none());
        cable.pass();
    }
}

fn body<P: Payload>(packet: &Packet<P>) -> Body {
    packet
        .payload
        .iter()
        .flat_map(|piece| piece.as_ref().to_vec())
        .collect()
}

fn packets_arrive_whole_and_in_order<C: Cable>(mut cable: C) {
    let mtu = cable.end(Left).properties().mtu;
    for from in [Left, Right] {
        for (seed, length) in [0, 1, 7, 8, 100, 500, 1200, 4096, 9000, 65_000]
            .into_iter()
            .enumerate()
        {
            let longest = mtu - headers(&mut cable, from, 40 + seed, seed, 0).len();
            let sent = pattern(length.min(longest), seed);
            let headers = headers(&mut cable, from, 40 + seed, seed, sent.len());
            send(&mut cable, from, &headers, &sent);
            let got = receive(&mut cable, from.other());
            same_headers(&mut cable, &headers, &got.headers);
            assert_eq!(body(&got), sent);
        }
        for number in 0..8_u8 {
            send_note(&mut cable, from, &[number; 20]);
        }
        for number in 0..8 {
            assert_eq!(body(&receive(&mut cable, from.other())), [number; 20]);
        }
        nothing_comes(&mut cable, from.other());
    }
    let (left, right) = (cable.end(Left).counters(), cable.end(Right).counters());
    assert_eq!(
        (left.transmitted, left.transmitted_bytes),
        (right.received, right.received_bytes)
    );
}

fn nothing_is_seen_before_it_is_published<C: Cable>(mut cable: C) {
    let packet = note(&mut cable, Left, &[2; 20]);
    let now = cable.now();
    for _ in 0..2 {
        cable.end(Left).transmit(&packet, now).expect("there is room");
    }
    nothing_comes(&mut cable, Right);
    cable.end(Left).publish();
    receive(&mut cable, Right);
    receive(&mut cable, Right);
}

fn payload_in_pieces_arrives_as_one<C: Cable>(mut cable: C) {
    for length in [10, 140] {
        let whole = pattern(length * 8, 3);
        let headers = headers(&mut cable, Left, Headers::MOST, 5, whole.len());
        let placed = cable.end(Left).place(&whole).expect("there is room");
        let mut packet = Packet::default();
        packet.headers.append(&headers).expect("as many as may be");
        packet.payload = (0..8)
            .map(|piece| Payload::slice(&placed, piece * length..(piece + 1) * length))
            .collect::<ArrayVec<_, _>>();
        let now = cable.now();
        cable.end(Left).transmit(&packet, now).expect("there is room");
        cable.end(Left).publish();
        let got = receive(&mut cable, Right);
        same_headers(&mut cable, &headers, &got.headers);
        assert_eq!(body(&got), whole);
    }
}

fn what_is_too_long_is_refused<C: Cable>(mut cable: C) {
    let mtu = cable.end(Left).properties().mtu;
    let part = mtu / 8 + 1;
    let mut packet = note(&mut cable, Left, &pattern(part, 1));
    let piece = packet.payload.first().cloned().expect("it has one");
    (1..8).for_each(|_| packet.payload.push(piece.clone()));
    let now = cable.now();
    assert_eq!(cable.end(Left).transmit(&packet, now), Err(Refusal::TooLong));
    cable.end(Left).publish();
    nothing_comes(&mut cable, Right);
    assert_eq!(cable.end(Left).counters().refused_too_long, 1);
}

fn what_it_does_not_carry_is_refused<C: Cable>(mut cable: C) {
    let nonsense = packet(&mut cable, Left, &[1; 40], &[2; 20]);
    let now = cable.now();
    let taken = cable.end(Left).transmit(&nonsense, now);
    cable.end(Left).publish();
    match cable.end(Left).properties().carries {
        Carries::Anything => {
            assert_eq!(taken, Ok(()));
            receive(&mut cable, Right);
        }
        Carries::Ip => {
            assert_eq!(taken, Err(Refusal::NotIp));
            assert_eq!(cable.end(Left).counters().refused_not_ip, 1);
            nothing_comes(&mut cable, Right);
        }
    }
}

fn a_full_channel_refuses_and_recovers<C: Cable>(mut cable: C) {
    let packet = note(&mut cable, Left, &[2; 20]);
    let now = cable.now();
    let mut taken = 0;
    while taken < PATIENCE && cable.end(Left).transmit(&packet, now).is_ok() {
        taken += 1;
    }
    assert!(taken > 0);
    if taken < PATIENCE {
        assert_eq!(cable.end(Left).transmit(&packet, now), Err(Refusal::Full));
        assert!(!cable.end(Left).has_slot());
    }
    cable.end(Left).publish();
    for _ in 0..taken {
        receive(&mut cable, Right);
    }
    nothing_comes(&mut cable, Right);
    assert!(cable.end(Left).has_slot());
    send_note(&mut cable, Left, &[4; 20]);
    assert_eq!(body(&receive(&mut cable, Right)), [4; 20]);
}

fn what_is_held_does_not_change<C: Cable>(mut cable: C) {
    let length = (cable.end(Left).properties().mtu - 40).min(3000);
    let mut held = Vec::new();
    for seed in 0..40 {
        let sent = pattern(if seed % 2 == 0 { length } else { 30 }, seed);
        send_note(&mut cable, Left, &sent);
        let got = receive(&mut cable, Right);
        if seed % 4 < 2 && held.len() < 8 {
            held.push((got, sent));
        }
    }
    for (got, sent) in &held {
        assert_eq!(body(got), *sent);
    }
}

fn who_asks_to_be_woken_learns_of_what_is_there<C: Cable>(mut cable: C) {
    assert!(cable.end(Right).arm(Interest::Packets), "there is nothing");
    cable.end(Right).disarm();
    send_note(&mut cable, Left, &[2; 20]);
    let mut asked = 0;
    while cable.end(Right).arm(Interest::Packets) {
        cable.end(Right).disarm();
        cable.pass();
        asked += 1;
        assert!(asked < PATIENCE, "it has come");
    }
    receive(&mut cable, Right);
    assert!(!cable.end(Right).arm(Interest::PacketsAndRoom), "there is room");
}

fn what_came_before_the_end_is_received<C: Cable>(mut cable: C) {
    send_note(&mut cable, Left, &[2; 20]);
    cable.end(Left).close();
    let now = cable.now();
    assert_eq!(cable.end(Left).receive(now).map(drop), Err(Closed::Here));
    let packet = Packet::default();
    let refused = cable.end(Left).transmit(&packet, now);
    assert_eq!(refused, Err(Refusal::Closed(Closed::Here)));
    receive(&mut cable, Right);
    if !cable.end(Right).properties().tells_end {
        nothing_comes(&mut cable, Right);
        send_note(&mut cable, Right, &[3; 20]);
        return;
    }
    for _ in 0..PATIENCE {
        let now = cable.now();
        match cable.end(Right).receive(now) {
            Ok(packet) => assert!(packet.is_none()),
            Err(closed) => {
                assert_eq!(closed, Closed::ByPeer);
                assert!(!cable.end(Right).arm(Interest::Packets), "the end is something");
                return;
            }
        }
        cable.pass();
    }
    panic!("it does not end");
}

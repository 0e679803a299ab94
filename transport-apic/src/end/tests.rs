// SPDX-License-Identifier: MIT OR Apache-2.0

mod frozen;

use std::collections::VecDeque;
use std::io::IoSlice;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::geometry::{FrameClass, Geometry, PAGE};
use crate::{Packet, Payload, Refusal, Short};

const BELL: Wakes = Wakes {
    futex: true,
    doorbell: false,
};
const DOORBELL: Wakes = Wakes {
    futex: false,
    doorbell: true,
};
const NOW: Duration = Duration::ZERO;
const SMALL: Geometry = Geometry {
    slots: 4,
    small: FrameClass { size: PAGE, count: 4 },
    large: FrameClass {
        size: 4 * PAGE,
        count: 2,
    },
};

fn packet(headers: &[u8], payload: impl IntoIterator<Item = Frame>) -> Packet<Frame> {
    let mut packet = Packet::default();
    packet.headers.append(headers).expect("they are short");
    packet.payload.extend(payload);
    packet
}

fn bytes(packet: &Packet<Frame>) -> Vec<u8> {
    packet.payload.iter().flat_map(|piece| piece.to_vec()).collect()
}

fn send(end: &mut End, headers: &[u8], payload: &[u8]) -> Result<(), Refusal> {
    let frame = end.place(payload).ok_or(Refusal::NoFrame)?;
    end.transmit(&packet(headers, [frame]), NOW)?;
    end.publish();
    Ok(())
}

fn receive(end: &mut End) -> Packet<Frame> {
    end.receive().expect("it is open").expect("one has come")
}

fn nothing(end: &mut End) {
    assert!(end.receive().expect("it is open").is_none());
    end.publish();
}

#[test]
fn a_small_packet_needs_no_frame() {
    let (mut here, mut there) = pair(SMALL, Integrity::Shared);
    send(&mut here, &[1; 52], &[2; 100]).expect("there is room");
    let got = receive(&mut there);
    assert_eq!((got.headers.as_ref(), bytes(&got)), (&[1; 52][..], vec![2; 100]));
    assert_eq!(there.theirs().out(), 0, "nothing is lent");
}

#[test]
fn a_short_packet_is_written_and_read_where_its_slot_is() {
    let (mut here, mut there) = pair(SMALL, Integrity::Shared);
    let parts = [IoSlice::new(&[1; 30]), IoSlice::new(&[2; 71])];
    let whole = [[1; 30].as_slice(), &[2; 71]].concat();
    for headers in [40, 52] {
        let headers = &[9; 60][..headers];
        here.transmit_short(headers, &parts, NOW)
            .expect("there is a slot");
        here.publish();
        let mut short = Short::new();
        assert_eq!(there.peek_short(&mut short), Ok(true));
        assert_eq!((short.headers(), short.payload()), (headers, &*whole));
        // It is still there, for those who want it in a frame.
        if headers.len() == 40 {
            there.take_short(&short);
        } else {
            let got = receive(&mut there);
            assert_eq!((got.headers.as_ref(), bytes(&got)), (headers, whole.clone()));
        }
        assert_eq!(there.peek_short(&mut short), Ok(false));
        there.take_short(&short);
        nothing(&mut there);
    }
    let counters = there.counters();
    assert_eq!((counters.received, counters.received_bytes), (2, 141 + 153));
    assert_eq!(here.counters().transmitted_bytes, counters.received_bytes);
}

#[test]
fn what_does_not_fit_a_slot_is_not_short() {
    let (mut here, mut there) = pair(SMALL, Integrity::Shared);
    let most = [7; Short::MOST - 40];
    let too_long = here.transmit_short(&[1; 41], &[IoSlice::new(&most)], NOW);
    assert_eq!(too_long, Err(Refusal::TooLong));
    let fits = here.transmit_short(&[1; 40], &[IoSlice::new(&most)], NOW);
    assert_eq!(fits, Ok(()));
    send(&mut here, &[1; 40], &[7; 300]).expect("there is room");
    let mut short = Short::new();
    assert_eq!(there.peek_short(&mut short), Ok(true));
    assert_eq!(short.payload(), most);
    there.take_short(&short);
    assert_eq!(
        there.peek_short(&mut short),
        Ok(false),
        "its payload lies elsewhere"
    );
    assert_eq!(bytes(&receive(&mut there)), [7; 300]);
    for _ in 0..4 {
        here.transmit_short(&[1; 40], &[], NOW).expect("there is a slot");
    }
    assert_eq!(here.may_transmit(NOW), Err(Refusal::Full));
}

#[test]
fn bulk_is_handed_on_where_it_lies_if_memory_is_shared() {
    let (mut here, mut there) = pair(SMALL, Integrity::Shared);
    let sent = here.place(&[7; 3000]).expect("there is a frame");
    here.transmit(&packet(&[1; 40], [sent.clone()]), NOW)
        .expect("there is room");
    here.publish();
    let got = receive(&mut there);
    assert_eq!(got.payload[0].as_ptr(), sent.as_ptr());
    assert_eq!((there.counters().copied_bytes, bytes(&got)), (0, vec![7; 3000]));
    let (mut here, mut there) = pair(SMALL, Integrity::Copied);
    let sent = here.place(&[7; 3000]).expect("there is a frame");
    here.transmit(&packet(&[1; 40], [sent.clone()]), NOW)
        .expect("there is room");
    here.publish();
    let got = receive(&mut there);
    assert_ne!(got.payload[0].as_ptr(), sent.as_ptr());
    assert_eq!(
        (there.counters().copied_bytes, bytes(&got)),
        (3000, vec![7; 3000])
    );
}

#[test]
fn a_frame_comes_back_when_the_last_of_its_parts_is_dropped() {
    let (mut here, mut there) = pair(SMALL, Integrity::Shared);
    let whole = here.place(&[7; 4000]).expect("there is a frame");
    for part in [whole.slice(0..2000), whole.slice(2000..4000)] {
        here.transmit(&packet(&[], [part]), NOW).expect("there is room");
    }
    drop(whole);
    here.publish();
    let (first, second) = (receive(&mut there), receive(&mut there));
    drop(first);
    nothing(&mut there);
    here.reclaim();
    assert_eq!(here.pool.in_use(), 1, "the second part is held");
    // Kept by an application, as bytes, in another thread.
    let kept = second.payload[0].clone().into_bytes();
    drop(second);
    std::thread::spawn(move || assert_eq!(kept, [7; 2000][..]))
        .join()
        .expect("it was seen");
    nothing(&mut there);
    here.reclaim();
    // The one that small pieces are placed in stays open.
    assert_eq!(here.sent.outstanding(), 0);
}

#[test]
fn a_slow_application_exhausts_its_own_channel_only() {
    let (mut here, mut there) = pair(SMALL, Integrity::Shared);
    let mut kept = Vec::new();
    let refused = loop {
        match send(&mut here, &[0; 20], &[1; 4000]) {
            Ok(()) => kept.push(receive(&mut there)),
            Err(refusal) => break refusal,
        }
        nothing(&mut there);
    };
    assert_eq!((refused, kept.len()), (Refusal::NoFrame, 4 + 2 * 4));
    // What needs no frame still goes.
    here.transmit(&packet(&[9; 40], []), NOW)
        .expect("there is a slot");
    here.publish();
    assert_eq!(receive(&mut there).headers.as_ref(), [9; 40]);
    assert!(here.arm(Interest::PacketsAndRoom, Wake::Futex));
    kept.clear();
    assert_eq!(there.receive().map(|packet| packet.is_none()), Ok(true));
    assert_eq!(there.publish(), BELL, "it waits for room, and there is some");
    assert_eq!(send(&mut here, &[0; 20], &[1; 4000]), Ok(()));
}

#[test]
fn who_waits_for_a_slot_is_woken_although_it_was_told_of_it_before_all_was_received() {
    let (mut here, mut there) = pair(SMALL, Integrity::Shared);
    for _ in 0..SMALL.slots {
        here.transmit_short(&[0; 40], &[], NOW).expect("there is a slot");
    }
    here.publish();
    assert!(!here.has_slot());
    assert!(here.arm(Interest::PacketsAndRoom, Wake::Futex));
    // It owes so much that it says so at once.
    receive(&mut there);
    assert!(here.has_slot());
    assert_eq!(there.publish(), BELL);
    assert_eq!(there.publish(), Wakes::default(), "once");
}

#[test]
fn what_there_is_no_memory_to_copy_to_is_dropped_and_what_is_behind_it_is_not() {
    let (mut here, mut there) = pair(SMALL, Integrity::Copied);
    let mut kept = Vec::new();
    for _ in 0..20 {
        send(&mut here, &[0; 20], &[1; 4000]).expect("its frames come back");
        kept.extend(there.receive().expect("it is open"));
        nothing(&mut there);
    }
    let dropped = there.counters().discarded_no_memory;
    assert_eq!((kept.len(), dropped), (4 + 2 * 4, 20 - 12));
    here.transmit(&packet(&[9; 40], []), NOW)
        .expect("there is a slot");
    here.publish();
    assert_eq!(receive(&mut there).headers.as_ref(), [9; 40]);
}

#[test]
fn a_full_ring_refuses_and_a_long_packet_too() {
    let (mut here, mut there) = pair(SMALL, Integrity::Copied);
    for _ in 0..4 {
        here.transmit(&packet(&[1; 40], []), NOW)
            .expect("there is a slot");
    }
    here.publish();
    assert_eq!(here.transmit(&packet(&[1; 40], []), NOW), Err(Refusal::Full));
    receive(&mut there);
    nothing_left(&mut there, 3);
    assert_eq!(here.transmit(&packet(&[1; 40], []), NOW), Ok(()));
    let large = here.place(&[0; 16384]).expect("there is a frame");
    let long = packet(&[], (0..4).map(|_| large.clone()));
    assert_eq!(here.transmit(&long, NOW), Err(Refusal::TooLong));
}

fn nothing_left(end: &mut End, before: usize) {
    for _ in 0..before {
        receive(end);
    }
    nothing(end);
}

#[test]
fn a_frame_of_another_channel_is_placed_in_ours() {
    let (mut here, mut there) = pair(SMALL, Integrity::Shared);
    let (mut other, _peer) = pair(SMALL, Integrity::Shared);
    let foreign = other.place(&[5; 1000]).expect("there is a frame");
    here.transmit(&packet(&[1; 40], [foreign]), NOW)
        .expect("there is room");
    here.publish();
    assert_eq!(bytes(&receive(&mut there)), [5; 1000]);
    assert_eq!(here.counters().copied_bytes, 1000);
}

#[test]
fn a_frame_that_is_sent_again_and_again_breaks_no_rule() {
    let (mut here, mut there) = pair(SMALL, Integrity::Shared);
    let frame = here.place(&[7; 300]).expect("there is a frame");
    let again = packet(&[1; 40], [frame]);
    // Held at the other end, so that it does not come back.
    let mut held = None;
    let mut sent = 0;
    while sent < 70_000 {
        match here.transmit(&again, NOW) {
            Ok(()) => sent += 1,
            Err(refusal) => {
                assert_eq!(refusal, Refusal::NoFrame);
                continue;
            }
        }
        here.publish();
        held.get_or_insert(receive(&mut there));
        let _ = there.receive().expect("it is open");
        there.publish();
    }
    assert!(here.counters().copied_bytes > 300, "it is placed anew");
    drop(held);
}

#[test]
fn a_sleeper_is_woken_once_for_each_nap() {
    let (mut here, mut there) = pair(SMALL, Integrity::Shared);
    assert!(there.arm(Interest::Packets, Wake::Doorbell));
    here.transmit(&packet(&[1; 40], []), NOW)
        .expect("there is a slot");
    assert_eq!(here.publish(), DOORBELL);
    here.transmit(&packet(&[1; 40], []), NOW)
        .expect("there is a slot");
    assert_eq!(here.publish(), Wakes::default(), "masked");
    assert!(!there.arm(Interest::Packets, Wake::Futex), "there is something");
    there.disarm(Wake::Doorbell);
    nothing_left(&mut there, 2);
    assert!(there.arm(Interest::Packets, Wake::Futex));
    there.disarm(Wake::Futex);
    here.transmit(&packet(&[1; 40], []), NOW)
        .expect("there is a slot");
    assert_eq!(here.publish(), Wakes::default(), "it is awake");
}

#[test]
fn one_who_watches_and_one_who_sleeps_are_both_woken() {
    let (mut here, mut there) = pair(SMALL, Integrity::Shared);
    let mut say = || {
        here.transmit(&packet(&[1; 40], []), NOW)
            .expect("there is a slot");
        here.publish()
    };
    assert!(there.arm(Interest::Packets, Wake::Doorbell));
    assert!(there.arm(Interest::Packets, Wake::Futex));
    let both = Wakes {
        futex: true,
        doorbell: true,
    };
    assert_eq!(say(), both);
    assert_eq!(say(), Wakes::default(), "masked");
    there.disarm(Wake::Futex);
    assert_eq!(say(), Wakes::default(), "the one who watches was told");
    nothing_left(&mut there, 3);
    assert!(there.arm(Interest::Packets, Wake::Futex));
    there.disarm(Wake::Futex);
    assert_eq!(say(), DOORBELL, "that one may not have come to look");
}

#[test]
fn what_was_published_before_the_end_is_received() {
    let (mut here, mut there) = pair(SMALL, Integrity::Shared);
    here.transmit(&packet(&[1; 40], []), NOW)
        .expect("there is a slot");
    here.publish();
    here.close();
    assert!(!there.arm(Interest::Packets, Wake::Futex));
    receive(&mut there);
    assert_eq!(there.receive().map(drop), Err(Closed::ByPeer));
    assert_eq!(here.receive().map(drop), Err(Closed::Here));
    assert_eq!(
        there.transmit(&packet(&[1; 40], []), NOW),
        Err(Refusal::Closed(Closed::ByPeer))
    );
}

#[test]
fn frames_outlive_their_channel() {
    let (mut here, mut there) = pair(SMALL, Integrity::Shared);
    send(&mut here, &[0; 20], &[3; 2000]).expect("there is room");
    let got = receive(&mut there);
    drop((here, there));
    assert_eq!(bytes(&got), [3; 2000]);
}

#[test]
fn pieces_of_bulk_come_to_lie_behind_each_other_and_can_be_joined() {
    let (mut here, mut there) = pair(SMALL, Integrity::Shared);
    // Of two large frames of 16 KiB.
    let bulk: Vec<u8> = (0..=250).cycle().take(30_000).collect();
    let mut left = &bulk[..];
    while !left.is_empty() {
        let (piece, rest) = left.split_at(left.len().min(8000));
        let placed = here.place_run(piece, rest.len()).expect("there is room");
        here.transmit(&packet(&[1; 40], [placed]), NOW)
            .expect("there is a slot");
        here.publish();
        left = rest;
    }
    let mut whole: Option<Frame> = None;
    while let Some(received) = there.receive().expect("it is open") {
        for piece in received.payload {
            match &mut whole {
                None => whole = Some(piece),
                Some(whole) => assert!(whole.join(&piece), "{whole:?} {piece:?}"),
            }
        }
        there.publish();
    }
    let mut whole = whole.expect("something came");
    assert!(*whole == bulk);
    let (first, second) = (whole.slice(0..10), whole.slice(11..20));
    assert!(
        !whole.join(&first) && !first.clone().join(&second),
        "not behind each other"
    );
    drop((first, second));
    here.publish();
    assert!(
        here.place_run(&[1; 17_000], 0).is_none(),
        "the other end has them"
    );
    drop(whole);
    there.publish();
    assert!(
        here.place_run(&[1; 17_000], 0).is_some(),
        "they are back, both of them"
    );
}

/// Writes a slot by hand, and says how the other end takes it.
fn violation(words: &[u64]) -> Result<(), Closed> {
    let (mut here, mut there) = pair(SMALL, Integrity::Shared);
    here.transmit(&packet(&[1; 40], []), NOW)
        .expect("there is a slot");
    for (slot, word) in here.ours().slot(0).iter().zip(words) {
        slot.store(*word, Ordering::Relaxed);
    }
    here.publish();
    let outcome = there.receive().map(drop);
    assert!(outcome.is_ok() || there.receive().is_err(), "it stays closed");
    outcome
}

#[test]
fn every_field_of_a_slot_is_checked() {
    let piece = |frame, offset, length| {
        Piece {
            frame,
            offset,
            length,
        }
        .encode()
    };
    let one = 1 << 8;
    let broken = |violation| Err(Closed::Violation(violation));
    assert_eq!(violation(&[129]), broken(Violation::HeaderLength));
    assert_eq!(violation(&[9 << 8]), broken(Violation::PayloadLength));
    assert_eq!(violation(&[1 | 241 << 16]), broken(Violation::PayloadLength));
    assert_eq!(
        violation(&[one | 1 << 16, piece(0, 0, 1)]),
        broken(Violation::PayloadLength)
    );
    assert_eq!(
        violation(&[one, piece(0, 0, 0)]),
        broken(Violation::PayloadLength)
    );
    assert_eq!(violation(&[one, piece(6, 0, 1)]), broken(Violation::FrameIndex));
    assert_eq!(
        violation(&[one, piece(0, 4000, 97)]),
        broken(Violation::FrameBounds)
    );
    assert_eq!(
        violation(&[one, piece(5, 0, 16385)]),
        broken(Violation::FrameBounds)
    );
    assert_eq!(
        violation(&[one, piece(5, 16384, 1)]),
        broken(Violation::FrameBounds)
    );
    assert_eq!(
        violation(&[2 * one, piece(0, 0, 1 << 23), piece(0, 0, 1 << 23)]),
        broken(Violation::PayloadLength)
    );
    assert_eq!(violation(&[one, piece(5, 16383, 1)]), Ok(()));
}

#[test]
fn every_index_and_completion_is_checked() {
    let broken = |control: Control, value, violation| {
        let (mut here, mut there) = pair(SMALL, Integrity::Shared);
        send(&mut here, &[0; 20], &[3; 2000]).expect("there is room");
        drop(receive(&mut there));
        there.ours().control(control).store(value, Ordering::Relaxed);
        // Whatever it does, it ends for that reason.
        for _ in 0..8 {
            let _ = here.transmit(&packet(&[1; 40], []), NOW);
            here.publish();
        }
        let _ = here.receive();
        assert_eq!(here.ended(), Some(Closed::Violation(violation)), "{control:?}");
    };
    broken(Control::Published, 5, Violation::PublishedIndex);
    broken(Control::Consumed, 9, Violation::ConsumedIndex);
    broken(Control::Returned, 300, Violation::ReturnedIndex);
    // The completion was never written: no parts.
    broken(Control::Returned, 1, Violation::Completion);
}

#[derive(Clone, Debug)]
enum Step {
    Send(bool, usize, usize),
    Publish(bool),
    Receive(bool),
    Drop(bool, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let lengths = prop_oneof![0_usize..300, 0_usize..6000, 0_usize..17_000];
    let step = prop_oneof![
        (any::<bool>(), 0_usize..=128, lengths).prop_map(|(end, head, body)| Step::Send(end, head, body)),
        any::<bool>().prop_map(Step::Publish),
        any::<bool>().prop_map(Step::Receive),
        (any::<bool>(), any::<usize>()).prop_map(|(end, which)| Step::Drop(end, which)),
    ];
    prop::collection::vec(step, 1..150)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 256 }))]

    /// Against two queues: every packet arrives once, in order and whole, while it is held too, and all frames come back.
    #[test]
    fn a_channel_is_two_queues(steps in steps(), copied in any::<bool>()) {
        let integrity = if copied { Integrity::Copied } else { Integrity::Shared };
        let (here, there) = pair(SMALL, integrity);
        let mut ends = [here, there];
        let mut unpublished = [VecDeque::new(), VecDeque::new()];
        let mut queues = [VecDeque::new(), VecDeque::new()];
        let mut held = [Vec::new(), Vec::new()];
        let mut number = 0_u8;
        for step in steps {
            match step {
                Step::Send(end, head, body) => {
                    number = number.wrapping_add(1);
                    let end = usize::from(end);
                    let (head, body) = (vec![number; head], vec![number; body]);
                    let Some(frame) = ends[end].place(&body) else { continue };
                    if ends[end].transmit(&packet(&head, [frame]), NOW).is_ok() {
                        unpublished[end].push_back((head, body));
                    }
                }
                Step::Publish(end) => {
                    let end = usize::from(end);
                    ends[end].publish();
                    queues[end].append(&mut unpublished[end]);
                }
                Step::Receive(end) => {
                    let (end, from) = (usize::from(end), usize::from(!end));
                    let lost = ends[end].counters().discarded_no_memory;
                    let got = ends[end].receive().expect("nobody cheats");
                    let lost = ends[end].counters().discarded_no_memory - lost;
                    (0..lost).for_each(|_| drop(queues[from].pop_front()));
                    let expected: Option<(Vec<u8>, Vec<u8>)> = queues[from].pop_front();
                    prop_assert_eq!(got.is_some(), expected.is_some());
                    held[end].extend(got.into_iter().zip(expected));
                }
                Step::Drop(end, which) => {
                    let held = &mut held[usize::from(end)];
                    if !held.is_empty() {
                        let (got, (head, body)) = held.swap_remove(which % held.len());
                        prop_assert_eq!(got.headers.as_ref(), head);
                        prop_assert_eq!(bytes(&got), body);
                    }
                }
            }
        }
        drop(held);
        for _ in 0..2 {
            for end in &mut ends {
                end.publish();
                while end.receive().expect("nobody cheats").is_some() {}
                end.publish();
            }
        }
        for end in &mut ends {
            end.reclaim();
            end.pool.any_free();
            prop_assert_eq!((end.theirs().out(), end.sent.outstanding()), (0, 0));
            prop_assert!(end.pool.in_use() <= 2, "those that small pieces are placed in");
        }
    }

    /// Whatever a peer writes anywhere in its area, this end lives or ends with a reason.
    #[test]
    fn nothing_a_peer_writes_does_harm(
        writes in prop::collection::vec((0_usize..(512 + 4 * 32), any::<u64>(), 0_u8..4, any::<u8>()), 1..100),
    ) {
        let (mut here, there) = pair(SMALL, Integrity::Copied);
        let mut held = Vec::new();
        for (word, value, shape, step) in writes {
            let value = match shape {
                0 => value,
                1 => value & 0xff,
                2 => value & 0x0000_0007_0000_0fff,
                _ => value & 0x0007_0010_0000_0fff,
            };
            there.ours().memory().words()[word].store(value, Ordering::Relaxed);
            match step % 4 {
                0 => drop(send(&mut here, &[1; 40], &[2; 1000])),
                1 => drop(here.publish()),
                2 => held.extend(here.receive().ok().flatten()),
                _ => drop(here.arm(Interest::PacketsAndRoom, Wake::Futex)),
            }
        }
    }
}

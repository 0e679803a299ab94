// SPDX-License-Identifier: MIT OR Apache-2.0
//! A peer that writes what a fuzzer says, wherever it can write.

use std::time::Duration;

use crate::end::pair::pair;
use crate::geometry::{FrameClass, Geometry, PAGE};
use crate::sync::Ordering;
use crate::{Integrity, Interest, Packet, Short};

use super::{End, Wake};

const GEOMETRY: Geometry = Geometry {
    slots: 4,
    small: FrameClass { size: PAGE, count: 4 },
    large: FrameClass {
        size: 4 * PAGE,
        count: 2,
    },
};

/// Runs one end of a channel against a peer that writes words between its steps: 12 bytes say where, what, and what the
/// end does next.
pub fn consume(data: &[u8]) {
    let integrity = if data.first().is_some_and(|byte| byte & 1 == 0) {
        Integrity::Shared
    } else {
        Integrity::Copied
    };
    let (mut end, peer) = pair(GEOMETRY, integrity);
    let (mut held, mut short) = (Vec::new(), Short::new());
    for step in data.as_chunks::<12>().0 {
        let [at, at_high, what, which, value @ ..] = *step;
        let words = peer.ours().memory().words();
        let at = usize::from(u16::from_le_bytes([at, at_high])) % words.len();
        if let Some(word) = words.get(at) {
            word.store(u64::from_le_bytes(value), Ordering::Relaxed);
        }
        match what % 8 {
            0 => transmit(&mut end, usize::from(which) * 20),
            6 => transmit_run(&mut end, usize::from(which) * 150),
            7 => end.disarm(Wake::Futex),
            1 => drop(end.publish()),
            2 if end.peek_short(&mut short) == Ok(true) => end.take_short(&short),
            2 | 3 => held.extend(end.receive().ok().flatten()),
            4 if !held.is_empty() => drop(held.swap_remove(usize::from(which) % held.len())),
            _ => drop(end.arm(Interest::PacketsAndRoom, Wake::Futex)),
        }
    }
    // All that was received can still be read.
    let seen = held.iter().flat_map(|packet| &packet.payload);
    std::hint::black_box(
        seen.map(|piece| piece.iter().map(|byte| u64::from(*byte)).sum::<u64>())
            .sum::<u64>(),
    );
}

fn transmit(end: &mut End, length: usize) {
    let mut packet = Packet::default();
    let _ = packet.headers.append(&[1; 40]);
    packet.payload.extend(end.place(&vec![2; length]));
    let _ = end.transmit(&packet, Duration::ZERO);
}

/// Bulk, in frames in a row.
fn transmit_run(end: &mut End, length: usize) {
    let mut packet = Packet::default();
    let _ = packet.headers.append(&[1; 40]);
    packet.payload.extend(end.place_run(&vec![3; length], length));
    let _ = end.transmit(&packet, Duration::ZERO);
}

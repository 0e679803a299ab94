// SPDX-License-Identifier: MIT OR Apache-2.0
//! The way out: packets into slots.

use std::io::IoSlice;
use std::time::Duration;

use arrayvec::ArrayVec;

use crate::frame::Frame;
use crate::geometry::{Control, SLOT_WORDS};
use crate::sync::{AtomicU64, Ordering};
use crate::{FrameMut, Headers, Packet, Payload, Refusal, Short, Violation};

use super::{End, Piece};

/// Bytes of a slot behind its first word.
pub(super) const SLOT_ROOM: usize = (SLOT_WORDS - 1) * 8;
const _: () = assert!(SLOT_ROOM == Short::MOST, "what is short fills a slot");

/// What the first word of a slot says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    /// Bytes of headers.
    pub(super) headers: usize,
    /// Descriptors before the headers.
    pub(super) pieces: usize,
    /// Bytes of payload behind the headers, from the next whole word on.
    pub(super) inline: usize,
}

impl Meta {
    fn encode(self) -> u64 {
        self.headers as u64 | (self.pieces as u64) << 8 | (self.inline as u64) << 16
    }

    pub(super) fn decode(word: u64) -> Self {
        let field = |shift: u32, mask: u64| usize::try_from((word >> shift) & mask).unwrap_or(usize::MAX);
        Self {
            headers: field(0, 0xff),
            pieces: field(8, 0xff),
            inline: field(16, 0xffff),
        }
    }
}

/// The pieces of a packet that does not fit in a slot, all of them in our frames.
type Placed = ArrayVec<Frame, { Packet::<()>::PIECES }>;

impl End {
    /// Returns a frame to fill, as [`Pool::frame`](crate::Pool::frame) does.
    pub(crate) fn frame(&mut self, capacity: usize, head_room: usize) -> Option<FrameMut> {
        let frame = self.pool.frame(capacity, head_room);
        frame.or_else(|| {
            self.reclaim();
            self.pool.frame(capacity, head_room)
        })
    }

    /// Returns frames to fill and keep, as [`Pool::buffer`](crate::Pool::buffer) does.
    pub(crate) fn buffer(&mut self, length: usize) -> Option<FrameMut> {
        self.reclaim();
        self.pool.buffer(length)
    }

    /// Returns `bytes` as they lie in a frame of ours, as [`Pool::frozen`](crate::Pool::frozen) does.
    pub(crate) fn frozen(&self, bytes: &[u8]) -> Option<Frame> {
        self.pool.frozen(bytes)
    }

    /// Places bytes in our frames.
    pub(crate) fn place(&mut self, bytes: &[u8]) -> Option<Frame> {
        let placed = self.pool.place(bytes);
        let placed = placed.or_else(|| {
            self.reclaim();
            self.pool.place(bytes)
        })?;
        self.counters.copied_bytes += bytes.len() as u64;
        Some(placed)
    }

    /// Places bytes in our frames as [`Pool::place_run`](crate::Pool::place_run) does.
    pub(crate) fn place_run(&mut self, bytes: &[u8], behind: usize) -> Option<Frame> {
        // Frames in a row are more likely to be found while all are here that could be.
        self.reclaim();
        let placed = self.pool.place_run(bytes, behind)?;
        self.counters.copied_bytes += bytes.len() as u64;
        Some(placed)
    }

    pub(crate) fn transmit(&mut self, packet: &Packet<Frame>, now: Duration) -> Result<(), Refusal> {
        let length = packet.len();
        if length > self.mtu() {
            self.counters.refused_too_long += 1;
            return Err(Refusal::TooLong);
        }
        let number = self.may_transmit(now)?;
        let headers = packet.headers.as_ref();
        let payload = length - headers.len();
        let room = SLOT_ROOM - headers.len().next_multiple_of(8);
        if payload <= room && !packet.payload.iter().any(|piece| self.is_of_bulk(piece)) {
            self.write_inline(number, headers, payload, packet.payload.iter().map(AsRef::as_ref));
        } else {
            let placed = self.placed(packet)?;
            self.write_pieces(number, headers, &placed);
        }
        self.wrote(length, now);
        Ok(())
    }

    /// A packet with copies of `parts`, if all is no longer than a slot.
    pub(crate) fn transmit_short(
        &mut self,
        headers: &[u8],
        parts: &[IoSlice<'_>],
        now: Duration,
    ) -> Result<(), Refusal> {
        let payload = parts.iter().map(|part| part.len()).sum();
        if headers.len() > Headers::MOST || payload > SLOT_ROOM - headers.len().next_multiple_of(8) {
            self.counters.refused_too_long += 1;
            return Err(Refusal::TooLong);
        }
        let number = self.may_transmit(now)?;
        self.write_inline(number, headers, payload, parts.iter().map(|part| &**part));
        self.wrote(headers.len() + payload, now);
        Ok(())
    }

    /// The number of the next slot, if one may be filled now.
    pub(crate) fn may_transmit(&mut self, now: Duration) -> Result<u64, Refusal> {
        if let Some(closed) = self.ended {
            return Err(closed.into());
        }
        if let Err(until) = self.pacer.map_or(Ok(()), |pacer| pacer.allows(now)) {
            self.counters.refused_paced += 1;
            return Err(Refusal::Paced { until });
        }
        let consumed = self.loans.owner().control(Control::Consumed);
        let Ok(next) = self.outgoing.next(consumed) else {
            return Err(self.fail(Violation::ConsumedIndex).into());
        };
        next.ok_or_else(|| {
            self.counters.refused_full += 1;
            Refusal::Full
        })
    }

    /// The next slot is filled.
    fn wrote(&mut self, length: usize, now: Duration) {
        self.outgoing.wrote();
        if let Some(pacer) = &mut self.pacer {
            pacer.spend(length, now);
        }
        self.counters.transmitted += 1;
        self.counters.transmitted_bytes += length as u64;
    }

    /// Whether a piece lies in a large frame: however short, it may be the end of something large, and stays behind that.
    fn is_of_bulk(&self, piece: &Frame) -> bool {
        piece.index() >= self.ours().geometry().small.count && self.ours().owns(piece)
    }

    /// All in the slot.
    fn write_inline<'a>(
        &mut self,
        number: u64,
        headers: &[u8],
        payload: usize,
        mut parts: impl ExactSizeIterator<Item = &'a [u8]>,
    ) {
        let meta = Meta {
            headers: headers.len(),
            pieces: 0,
            inline: payload,
        };
        let [first, rest @ ..] = self.pool.owner().slot(number);
        first.store(meta.encode(), Ordering::Relaxed);
        let rest = store(rest, headers);
        if parts.len() == 1 {
            store(rest, parts.next().unwrap_or_default());
        } else {
            let mut bytes = ArrayVec::<u8, SLOT_ROOM>::new();
            for part in parts {
                // It fits: the caller has looked.
                let _ = bytes.try_extend_from_slice(part);
            }
            store(rest, &bytes);
        }
        self.counters.copied_bytes += payload as u64;
    }

    /// The payload stays where it lies, if that is in our frames; anything else is placed there.
    fn placed(&mut self, packet: &Packet<Frame>) -> Result<Placed, Refusal> {
        let mut placed = Placed::new();
        for piece in packet.payload.iter().filter(|piece| !piece.is_empty()) {
            let ours = self.ours().owns(piece) && self.sent.may_send(piece);
            let piece = if ours {
                Some(piece.slice(0..piece.len()))
            } else {
                self.place(piece)
            };
            // What was placed may have come to lie in the same frame once more.
            let Some(piece) = piece.filter(|piece| self.sent.may_send(piece)) else {
                self.counters.refused_no_frame += 1;
                return Err(Refusal::NoFrame);
            };
            // No more than there is room for: as many come out as went in.
            let _ = placed.try_push(piece);
        }
        Ok(placed)
    }

    fn write_pieces(&mut self, number: u64, headers: &[u8], placed: &Placed) {
        let meta = Meta {
            headers: headers.len(),
            pieces: placed.len(),
            inline: 0,
        };
        let [first, rest @ ..] = self.pool.owner().slot(number);
        first.store(meta.encode(), Ordering::Relaxed);
        let (descriptors, rest) = rest.split_at(placed.len().min(rest.len()));
        for (word, piece) in descriptors.iter().zip(placed) {
            word.store(Piece::of(piece).encode(), Ordering::Relaxed);
            self.sent.send(piece);
        }
        store(rest, headers);
    }
}

/// Stores bytes in words, the last of them filled up with zeroes; returns the words behind.
fn store<'a>(words: &'a [AtomicU64], bytes: &[u8]) -> &'a [AtomicU64] {
    let (whole, rest) = bytes.as_chunks::<8>();
    // Relaxed: the ring publishes them.
    for (word, chunk) in words.iter().zip(whole) {
        word.store(u64::from_ne_bytes(*chunk), Ordering::Relaxed);
    }
    let words = words.get(whole.len()..).unwrap_or_default();
    match words {
        [word, behind @ ..] if !rest.is_empty() => {
            let mut last = [0; 8];
            last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            word.store(u64::from_ne_bytes(last), Ordering::Relaxed);
            behind
        }
        all => all,
    }
}

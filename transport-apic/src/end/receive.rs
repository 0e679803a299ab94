// SPDX-License-Identifier: MIT OR Apache-2.0
//! The way in: packets out of slots that somebody else may write at any time.

use arrayvec::ArrayVec;

use crate::frame::Frame;
use crate::geometry::Control;
use crate::sync::{AtomicU64, Ordering};
use crate::{Closed, Headers, Integrity, Packet, Short, Violation};

use super::transmit::{Meta, SLOT_ROOM};
use super::{End, Piece};

/// What the descriptors of a slot say, as it was when it was read.
type Pieces = ArrayVec<Piece, { Packet::<()>::PIECES }>;

impl End {
    /// Takes the next packet; false if there is none.
    pub(crate) fn receive_into(&mut self, packet: &mut Packet<Frame>) -> Result<bool, Closed> {
        packet.clear();
        // Of packets that are not taken no more at once than the ring has.
        for _ in 0..self.theirs().geometry().slots {
            if let Some(closed) = self.ended {
                return Err(closed);
            }
            let Some(number) = self.next_slot()? else {
                return Ok(false);
            };
            let taken = self.take(number, packet);
            let taken = taken.map_err(|violation| self.fail(violation))?;
            self.consume();
            if taken {
                self.count(packet.len());
                return Ok(true);
            }
            packet.clear();
            self.counters.discarded_no_memory += 1;
        }
        Ok(false)
    }

    /// Copies the next packet, if it is one with its payload in the slot, and leaves it there.
    pub(crate) fn peek_short(&mut self, short: &mut Short) -> Result<bool, Closed> {
        if let Some(closed) = self.ended {
            return Err(closed);
        }
        let Some(number) = self.next_slot()? else {
            return Ok(false);
        };
        let [first, rest @ ..] = self.loans.owner().slot(number);
        // Who receives it learns what is wrong with it.
        let meta = Meta::decode(load(first)).check();
        let Some(meta) = meta.ok().filter(|meta| meta.inline > 0) else {
            return Ok(false);
        };
        let words = meta.headers.div_ceil(8) + meta.inline.div_ceil(8);
        short.load(meta.headers, meta.inline, rest.iter().take(words).map(load));
        Ok(true)
    }

    /// The packet that was copied is taken.
    pub(crate) fn take_short(&mut self, short: &Short) {
        if self.published().is_ok_and(|next| next.is_some()) {
            self.consume();
            self.count(short.len());
            self.counters.copied_bytes += short.payload().len() as u64;
        }
    }

    fn consume(&mut self) {
        self.incoming.took();
        if self.incoming.owes() {
            self.settle();
        }
    }

    fn count(&mut self, length: usize) {
        self.counters.received += 1;
        self.counters.received_bytes += length as u64;
    }

    fn next_slot(&mut self) -> Result<Option<u64>, Closed> {
        let mut next = self.published();
        if next == Ok(None) && self.peer_closed() {
            // What it published before it closed is seen by now.
            next = self.published();
            if next == Ok(None) {
                return Err(self.peer_gone());
            }
        }
        next.map_err(|violation| self.fail(violation))
    }

    pub(super) fn published(&mut self) -> Result<Option<u64>, Violation> {
        let published = self.loans.owner().control(Control::Published);
        self.incoming
            .next(published)
            .map_err(|_| Violation::PublishedIndex)
    }

    /// Makes a packet of a slot; false if there is no memory to copy it to. Each word is loaded once, and checked.
    fn take(&mut self, number: u64, packet: &mut Packet<Frame>) -> Result<bool, Violation> {
        let [first, rest @ ..] = self.loans.owner().slot(number);
        let meta = Meta::decode(load(first)).check()?;
        let (descriptors, rest) = rest.split_at(meta.pieces);
        let (headers, rest) = rest.split_at(meta.headers.div_ceil(8));
        let loaded = packet.headers.load(meta.headers, headers.iter().map(load));
        loaded.map_err(|_| Violation::HeaderLength)?;
        if meta.inline > 0 {
            let words = rest
                .get(..meta.inline.div_ceil(8))
                .ok_or(Violation::PayloadLength)?;
            let frame = self
                .private
                .place_with(meta.inline, |room| load_bytes(words, room));
            self.counters.copied_bytes += meta.inline as u64;
            // There is room: the packet was empty.
            return Ok(frame.is_some_and(|frame| packet.payload.try_push(frame).is_ok()));
        }
        if meta.pieces == 0 {
            return Ok(true);
        }
        let decode = |word: &AtomicU64| Piece::decode(load(word));
        let pieces: Pieces = descriptors.iter().map(decode).collect();
        let length: usize = pieces.iter().map(|piece| piece.length as usize).sum();
        if meta.headers + length > self.mtu() || pieces.iter().any(|piece| piece.length == 0) {
            return Err(Violation::PayloadLength);
        }
        self.add_pieces(&pieces, packet)
    }

    fn add_pieces(&mut self, pieces: &Pieces, packet: &mut Packet<Frame>) -> Result<bool, Violation> {
        for piece in pieces {
            let end = piece.offset.saturating_add(piece.length);
            let lent = self.loans.lend(piece.frame, piece.offset..end)?;
            let added = match self.integrity {
                // There is room: a slot has no more pieces than a packet.
                Integrity::Shared => packet.payload.try_push(lent).is_ok(),
                // Nothing looks at it before it is copied, and nothing at the original afterwards.
                Integrity::Copied => self.add_copy(&lent, packet),
            };
            if !added {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn add_copy(&mut self, bytes: &[u8], packet: &mut Packet<Frame>) -> bool {
        let Some(frame) = self.private.place(bytes) else {
            return false;
        };
        self.counters.copied_bytes += bytes.len() as u64;
        packet.payload.try_push(frame).is_ok()
    }
}

impl Meta {
    /// Checks what the first word alone can tell.
    fn check(self) -> Result<Self, Violation> {
        if self.headers > Headers::MOST {
            return Err(Violation::HeaderLength);
        }
        let both = self.pieces > 0 && self.inline > 0;
        let inline = self.headers.next_multiple_of(8) + self.inline;
        if both || self.pieces > Packet::<()>::PIECES || inline > SLOT_ROOM {
            return Err(Violation::PayloadLength);
        }
        Ok(self)
    }
}

/// Loads a word; the ring has published it.
fn load(word: &AtomicU64) -> u64 {
    word.load(Ordering::Relaxed)
}

/// Loads words, each of them once, as so many bytes.
fn load_bytes(words: &[AtomicU64], bytes: &mut [u8]) {
    let (whole, rest) = bytes.as_chunks_mut::<8>();
    for (chunk, word) in whole.iter_mut().zip(words) {
        *chunk = load(word).to_ne_bytes();
    }
    if let Some(last) = words.get(whole.len()) {
        let last = load(last).to_ne_bytes();
        rest.iter_mut().zip(last).for_each(|(to, from)| *to = from);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The way in: packets out of slots that somebody else may write at any time.

use arrayvec::ArrayVec;

use crate::frame::Frame;
use crate::geometry::{Control, SLOT_WORDS};
use crate::sync::{AtomicU64, Ordering};
use crate::{Closed, Headers, Integrity, Packet, Violation};

use super::transmit::{Meta, SLOT_ROOM};
use super::{End, MTU, Piece};

/// A slot as it was when it was read; nobody can change that any more.
struct Slot {
    headers: Headers,
    pieces: ArrayVec<Piece, { Packet::<()>::PIECES }>,
    bytes: [u8; SLOT_ROOM],
    /// Where in the bytes the payload lies, if it is in the slot.
    inline: (usize, usize),
}

impl End {
    pub(crate) fn receive(&mut self) -> Result<Option<Packet<Frame>>, Closed> {
        // Of packets that are not taken no more at once than the ring has.
        for _ in 0..self.theirs().geometry().slots {
            if let Some(closed) = self.ended {
                return Err(closed);
            }
            let Some(number) = self.next_slot()? else {
                return Ok(None);
            };
            let slot = Slot::read(self.theirs().slot(number)).map_err(|violation| self.fail(violation))?;
            let packet = self.take(&slot).map_err(|violation| self.fail(violation))?;
            self.incoming.took();
            if self.incoming.owes() {
                self.settle();
            }
            if let Some(packet) = packet {
                self.counters.received += 1;
                self.counters.received_bytes += packet.len() as u64;
                return Ok(Some(packet));
            }
            self.counters.discarded_no_memory += 1;
        }
        Ok(None)
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

    /// Makes a packet of a slot; `None` if there is no memory to copy it to.
    fn take(&mut self, slot: &Slot) -> Result<Option<Packet<Frame>>, Violation> {
        let mut packet = Packet {
            headers: slot.headers.clone(),
            payload: ArrayVec::new(),
        };
        let (start, end) = slot.inline;
        if let Some(inline) = slot.bytes.get(start..end).filter(|inline| !inline.is_empty()) {
            let Some(frame) = self.copy(inline) else {
                return Ok(None);
            };
            let _ = packet.payload.try_push(frame);
        }
        for piece in &slot.pieces {
            let end = piece.offset.saturating_add(piece.length);
            let lent = self.loans.lend(piece.frame, piece.offset..end)?;
            let frame = match self.integrity {
                Integrity::Shared => Some(lent),
                // Nothing looks at it before it is copied, and nothing at the original afterwards.
                Integrity::Copied => self.copy(&lent),
            };
            let Some(frame) = frame else {
                return Ok(None);
            };
            let _ = packet.payload.try_push(frame);
        }
        Ok(Some(packet))
    }

    fn copy(&mut self, bytes: &[u8]) -> Option<Frame> {
        let frame = self.private.place(bytes)?;
        self.counters.copied_bytes += bytes.len() as u64;
        Some(frame)
    }
}

impl Slot {
    /// Loads each word once, and checks all that is in it but the frames, which are the lender's to check.
    fn read(words: &[AtomicU64; SLOT_WORDS]) -> Result<Self, Violation> {
        let [first, rest @ ..] = words;
        let meta = Meta::decode(first.load(Ordering::Relaxed));
        let payload = meta.headers.next_multiple_of(8);
        if meta.headers > Headers::MOST {
            return Err(Violation::HeaderLength);
        }
        let both = meta.pieces > 0 && meta.inline > 0;
        if both || meta.pieces > Packet::<()>::PIECES || payload + meta.inline > SLOT_ROOM {
            return Err(Violation::PayloadLength);
        }
        let (descriptors, rest) = rest.split_at(meta.pieces);
        let pieces: ArrayVec<Piece, _> = descriptors
            .iter()
            .map(|word| Piece::decode(word.load(Ordering::Relaxed)))
            .collect();
        let length: usize = pieces.iter().map(|piece| piece.length as usize).sum();
        if meta.headers + length > MTU || pieces.iter().any(|piece| piece.length == 0) {
            return Err(Violation::PayloadLength);
        }
        let mut bytes = [0; SLOT_ROOM];
        let used = (payload + meta.inline).div_ceil(8);
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(rest).take(used) {
            chunk.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        let mut headers = Headers::new();
        let head = bytes.get(..meta.headers).ok_or(Violation::HeaderLength)?;
        headers.append(head).map_err(|_| Violation::HeaderLength)?;
        Ok(Self {
            headers,
            pieces,
            bytes,
            inline: (payload, payload + meta.inline),
        })
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the application sends, where it lies, until the peer has it.

use std::collections::VecDeque;

use arrayvec::ArrayVec;
use transport_apic::{Packet, Payload};

use crate::engine::sequence::Seq;

/// Pieces in the order in which they are sent, each with its place in the stream.
#[derive(Debug)]
pub(crate) struct SendBuffer<P> {
    pieces: VecDeque<(Seq, P)>,
    end: Seq,
    /// Where the last packet of new octets ended, as a place in `pieces`: the next one goes on there.
    cursor: usize,
}

impl<P: Payload> SendBuffer<P> {
    /// An empty one, whose first octet will be `start`.
    pub(crate) fn new(start: Seq) -> Self {
        Self {
            pieces: VecDeque::new(),
            end: start,
            cursor: 0,
        }
    }

    /// Where the next octet goes.
    pub(crate) fn end(&self) -> Seq {
        self.end
    }

    pub(crate) fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// Appends `piece`, which is not empty.
    pub(crate) fn push(&mut self, piece: P, length: u32) {
        self.pieces.push_back((self.end, piece));
        self.end += length;
    }

    /// Leaves room for octets that somebody else has; nothing is kept before them.
    pub(crate) fn skip(&mut self, octets: u32) {
        self.end += octets;
    }

    /// Lets go of what lies before `una` as a whole.
    pub(crate) fn release(&mut self, una: Seq) {
        while let Some((start, piece)) = self.pieces.front() {
            if *start + octets(piece) > una {
                break;
            }
            self.pieces.pop_front();
            self.cursor = self.cursor.saturating_sub(1);
        }
    }

    /// Lets go of everything.
    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
        self.cursor = 0;
    }

    /// Puts what lies from `from` on into `out`, up to `end`, and returns where it stopped: it may be earlier, if there are
    /// more pieces than fit into a packet.
    pub(crate) fn gather(&mut self, from: Seq, end: Seq, out: &mut ArrayVec<P, { Packet::PIECES }>) -> Seq {
        let mut index = self.find(from);
        let mut at = from;
        while at < end && !out.is_full() {
            let Some((start, piece)) = self.pieces.get(index) else {
                break;
            };
            let (skip, length) = (at - *start, octets(piece));
            let stop = (*start + length).min(end);
            let until = stop - *start;
            out.push(if skip == 0 && until == length {
                piece.clone()
            } else {
                piece.slice(skip as usize..until as usize)
            });
            at = stop;
            if stop == *start + length {
                index += 1;
            }
        }
        self.cursor = index;
        at
    }

    /// The piece with the octet `at` in it: mostly where the last packet ended.
    fn find(&self, at: Seq) -> usize {
        let there = |index: usize| {
            let piece = self.pieces.get(index);
            piece.is_some_and(|(start, piece)| *start <= at && at < *start + octets(piece))
        };
        if there(self.cursor) {
            return self.cursor;
        }
        let after = self.pieces.partition_point(|(start, _)| *start <= at);
        after.saturating_sub(1)
    }
}

/// The length of a piece, which was checked when it was pushed.
fn octets<P: Payload>(piece: &P) -> u32 {
    u32::try_from(piece.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn gathered(buffer: &mut SendBuffer<Bytes>, from: u32, end: u32) -> (Vec<Bytes>, u32) {
        let mut out = ArrayVec::new();
        let stop = buffer.gather(Seq(from), Seq(end), &mut out);
        (out.into_iter().collect(), stop.0)
    }

    fn filled(start: u32, pieces: &[&'static str]) -> SendBuffer<Bytes> {
        let mut buffer = SendBuffer::new(Seq(start));
        for piece in pieces {
            let length = u32::try_from(piece.len()).expect("short");
            buffer.push(Bytes::from_static(piece.as_bytes()), length);
        }
        buffer
    }

    #[test]
    fn any_part_can_be_had_again_until_it_is_released() {
        let mut buffer = filled(u32::MAX - 2, &["abc", "de", "fghij"]);
        let at = |offset: u32| (u32::MAX - 2).wrapping_add(offset);
        assert_eq!(
            gathered(&mut buffer, at(0), at(4)),
            (vec!["abc".into(), "d".into()], at(4))
        );
        assert_eq!(
            gathered(&mut buffer, at(4), at(99)),
            (vec!["e".into(), "fghij".into()], at(10))
        );
        assert_eq!(gathered(&mut buffer, at(1), at(3)), (vec!["bc".into()], at(3)));
        buffer.release(Seq(at(4)));
        assert_eq!(buffer.pieces(), 2, "a piece goes as a whole");
        assert_eq!(
            gathered(&mut buffer, at(4), at(6)),
            (vec!["e".into(), "f".into()], at(6))
        );
        buffer.release(Seq(at(10)));
        assert_eq!(buffer.pieces(), 0);
        assert_eq!(gathered(&mut buffer, at(10), at(11)), (vec![], at(10)));
    }

    #[test]
    fn a_packet_has_so_many_pieces_and_the_next_goes_on() {
        let mut buffer = filled(0, &["a"; 12]);
        assert_eq!(gathered(&mut buffer, 0, 12).1, 8);
        assert_eq!(gathered(&mut buffer, 8, 12), (vec!["a".into(); 4], 12));
    }

    #[test]
    fn nothing_is_copied() {
        let mut buffer = filled(0, &["abcdef"]);
        let piece = buffer.pieces.front().expect("pushed").1.clone();
        let (parts, _) = gathered(&mut buffer, 2, 5);
        assert_eq!(parts[0].as_ptr(), piece[2..].as_ptr());
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What came before its turn, where it lies, and the blocks that say so to the peer.

use std::collections::VecDeque;

use arrayvec::ArrayVec;
use transport_apic::Payload;

use crate::engine::{segment::Block, sequence::Seq};

/// Pieces that wait for what is missing before them; none overlaps another.
#[derive(Debug)]
pub(crate) struct Assembly<P> {
    pieces: VecDeque<(Seq, P)>,
    /// What the pieces cover, without gaps within, and when each block grew last.
    blocks: Vec<(Block, u32)>,
    growth: u32,
}

/// No room for another piece, which is dropped: its sender will send it again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl<P: Payload> Assembly<P> {
    pub(crate) fn new() -> Self {
        Self {
            pieces: VecDeque::new(),
            blocks: Vec::new(),
            growth: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
        self.blocks.clear();
    }

    /// Puts `piece`, whose first octet is `start`, in its place; what is there already stays. No more than `most` pieces
    /// are kept.
    pub(crate) fn insert(&mut self, start: Seq, piece: &P, most: usize) -> Result<(), Full> {
        let end = start + octets(piece);
        let mut at = start;
        let mut index = self.pieces.partition_point(|(other, _)| *other <= start);
        if let Some((other, before)) = index.checked_sub(1).and_then(|before| self.pieces.get(before)) {
            at = at.max(*other + octets(before));
        }
        let result = loop {
            if at >= end {
                break Ok(());
            }
            let next = self.pieces.get(index);
            let until = next.map_or(end, |(next, _)| next.min(end));
            if at < until {
                if self.pieces.len() >= most {
                    break Err(Full);
                }
                let range = (at - start) as usize..(until - start) as usize;
                self.pieces.insert(index, (at, piece.slice(range)));
                index += 1;
            }
            let Some((next, there)) = self.pieces.get(index) else {
                at = end;
                continue;
            };
            at = until.max(*next + octets(there)).min(end);
            index += 1;
        };
        // Up to there nothing is missing, even if there was no room for the rest.
        let covered = Block {
            start,
            end: at.min(end),
        };
        if covered.end > start {
            self.cover(covered);
        }
        result
    }

    /// Takes the piece that begins at `next`, if it is there.
    pub(crate) fn take(&mut self, next: Seq) -> Option<P> {
        let (start, piece) = self.pieces.front()?;
        if *start != next {
            return None;
        }
        let end = next + octets(piece);
        if let Some((first, _)) = self.blocks.first_mut() {
            first.start = end;
            if first.end <= end {
                self.blocks.remove(0);
            }
        }
        self.pieces.pop_front().map(|(_, piece)| piece)
    }

    /// Forgets what lies before `next`: it came another way.
    pub(crate) fn discard(&mut self, next: Seq) {
        while let Some((start, piece)) = self.pieces.front_mut() {
            if *start >= next {
                break;
            }
            let end = *start + octets(piece);
            if end <= next {
                self.pieces.pop_front();
                continue;
            }
            *piece = piece.slice((next - *start) as usize..piece.len());
            *start = next;
        }
        self.blocks.retain_mut(|(block, _)| {
            block.start = block.start.max(next);
            block.start < block.end
        });
    }

    /// The blocks to report, the most recent first (RFC 2018 §4).
    pub(crate) fn blocks(&self) -> ArrayVec<Block, 4> {
        let mut latest: ArrayVec<(Block, u32), 4> = ArrayVec::new();
        for block in &self.blocks {
            let place = latest.iter().position(|other| other.1 < block.1);
            let place = place.unwrap_or(latest.len());
            if latest.is_full() {
                latest.pop();
            }
            if place <= latest.len() {
                latest.insert(place, *block);
            }
        }
        latest.into_iter().map(|(block, _)| block).collect()
    }

    /// Joins `new` with the blocks that it touches.
    fn cover(&mut self, new: Block) {
        self.growth = self.growth.wrapping_add(1);
        let from = self.blocks.partition_point(|(block, _)| block.end < new.start);
        let touching = self.blocks.iter().skip(from);
        let count = touching.take_while(|(block, _)| block.start <= new.end).count();
        let mut joined = new;
        for (block, _) in self.blocks.drain(from..from + count) {
            joined.start = joined.start.min(block.start);
            joined.end = joined.end.max(block.end);
        }
        self.blocks.insert(from, (joined, self.growth));
    }
}

fn octets<P: Payload>(piece: &P) -> u32 {
    u32::try_from(piece.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn block(start: u32, end: u32) -> Block {
        Block {
            start: Seq(start),
            end: Seq(end),
        }
    }

    #[test]
    fn blocks_join_and_the_latest_is_told_first() {
        let mut assembly = Assembly::new();
        let piece = Bytes::from_static(&[0; 10]);
        for start in [10, 50, 30, 90, 70] {
            assembly.insert(Seq(start), &piece, 99).expect("there is room");
        }
        let told: Vec<Block> = assembly.blocks().into_iter().collect();
        assert_eq!(
            told,
            [block(70, 80), block(90, 100), block(30, 40), block(50, 60)]
        );
        assembly.insert(Seq(40), &piece, 99).expect("there is room");
        assert_eq!(assembly.blocks()[0], block(30, 60), "joined with both sides");
    }

    #[test]
    fn a_bound_is_kept_and_leaves_what_was_there() {
        let mut assembly = Assembly::new();
        let piece = Bytes::from_static(&[0; 2]);
        for at in 0..3_u32 {
            assembly.insert(Seq(at * 4), &piece, 3).expect("there is room");
        }
        assert_eq!(assembly.insert(Seq(12), &piece, 3), Err(Full));
        assert_eq!(assembly.insert(Seq(4), &piece, 3), Ok(()), "nothing new");
    }

    proptest! {
        #[test]
        fn in_any_order_and_overlap_the_octets_come_out_once(
            start: u32,
            cuts in proptest::collection::vec((0_usize..200, 1_usize..60), 1..60),
        ) {
            let stream = Bytes::from_iter((0..=255_u8).cycle().take(260));
            let mut assembly = Assembly::new();
            let mut covered = vec![false; stream.len()];
            for (from, length) in cuts {
                let piece = stream.slice(from..from + length);
                assembly.insert(Seq(start) + u32::try_from(from).expect("short"), &piece, usize::MAX).expect("room");
                covered[from..from + length].fill(true);
                let told: u32 = assembly.blocks.iter().map(|(block, _)| block.end - block.start).sum();
                prop_assert_eq!(told as usize, covered.iter().filter(|there| **there).count());
            }
            let mut at = 0;
            while at < stream.len() {
                let next = Seq(start) + u32::try_from(at).expect("short");
                match assembly.take(next) {
                    Some(piece) => {
                        prop_assert_eq!(&piece, &stream.slice(at..at + piece.len()));
                        prop_assert!(covered[at..at + piece.len()].iter().all(|there| *there));
                        at += piece.len();
                    }
                    None => {
                        prop_assert!(!covered[at], "octet {} is there", at);
                        at += 1;
                    }
                }
            }
            prop_assert!(assembly.is_empty() && assembly.blocks.is_empty());
        }
    }
}

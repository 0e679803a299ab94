// SPDX-License-Identifier: MIT OR Apache-2.0
//! The receiving half of a connection: what comes in order, what waits for its turn, and when to say so.

mod assembly;

use std::collections::VecDeque;

use rtu::{Nanos, Time};
use transport_apic::Payload;

use self::assembly::Assembly;
use super::{
    segment::{Block, Segment},
    sequence::Seq,
};

/// The receive sequence space (RFC 9293 §3.3.1), and what it holds.
#[derive(Debug)]
pub(crate) struct Receiver<P> {
    /// RCV.NXT.
    pub(crate) nxt: Seq,
    /// The right edge of the window that the peer was told, and keeps (§3.8.6.2.2).
    edge: Seq,
    scale: u8,
    /// The longest segment that may come, and the longest that has.
    mss: u32,
    longest: u32,
    budget: u32,
    most_pieces: usize,
    /// In order, and not taken by the application yet.
    ready: VecDeque<P>,
    ready_octets: u32,
    /// Taken, and still in the application's hands.
    held: u32,
    assembly: Assembly<P>,
    /// Where the peer's octets end, once its FIN has come.
    fin: Option<Seq>,
    acknowledgement: Acknowledgement,
    /// What to report of a duplicate, once (RFC 2883).
    duplicate: Option<Block>,
}

/// What every host takes, and what is assumed of one that says nothing (RFC 9293 §3.7.1).
pub(crate) const LEAST_MSS: u32 = 536;

/// When to acknowledge (RFC 9293 §3.8.6.3).
#[derive(Debug)]
struct Acknowledgement {
    now: bool,
    /// If nothing else goes out before.
    at: Option<Time>,
    /// Octets that came since the last one.
    owed: u32,
    delay: Nanos,
}

/// What became of a segment's octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// There is something to read that was not there before.
    pub(crate) readable: bool,
    /// All the peer had to say has been said.
    pub(crate) finished: bool,
    /// Pieces that were dropped for want of room.
    pub(crate) dropped: bool,
}

impl<P: Payload> Receiver<P> {
    /// One that keeps `budget` octets, in `most_pieces` pieces in order and as many out of order, and acknowledges after
    /// `delay` at the latest.
    pub(crate) fn new(budget: u32, most_pieces: usize, delay: Nanos) -> Self {
        Self {
            nxt: Seq::default(),
            edge: Seq::default(),
            scale: 0,
            mss: LEAST_MSS,
            longest: LEAST_MSS,
            budget,
            most_pieces,
            ready: VecDeque::new(),
            ready_octets: 0,
            held: 0,
            assembly: Assembly::new(),
            fin: None,
            acknowledgement: Acknowledgement {
                now: false,
                at: None,
                owed: 0,
                delay,
            },
            duplicate: None,
        }
    }

    /// The shift that lets a window of `budget` fit into 16 bits (RFC 7323 §2.3).
    pub(crate) fn scale_for(budget: u32) -> u8 {
        let bits = u32::BITS - budget.leading_zeros();
        u8::try_from(bits.saturating_sub(16)).unwrap_or(0).min(14)
    }

    /// Keeps so much from now on. What the peer was told that it may send it still may.
    pub(crate) fn resize(&mut self, budget: u32, most_pieces: usize) {
        self.budget = budget;
        self.most_pieces = most_pieces;
    }

    /// The peer's SYN has come: its octets begin after `irs`.
    pub(crate) fn synchronize(&mut self, irs: Seq, scale: u8, mss: u32) {
        self.nxt = irs + 1;
        self.scale = scale;
        self.mss = mss;
        // The window of a SYN is not scaled (RFC 7323 §2.2).
        self.edge = self.nxt + self.budget.min(u32::from(u16::MAX));
    }

    /// The widest window that the peer may be told of: a scale that was agreed upon bounds it (RFC 7323 §2.3).
    pub(crate) fn most_window(&self) -> u32 {
        self.budget.min(u32::from(u16::MAX) << self.scale)
    }

    /// RCV.WND: what the peer was told that it may send.
    pub(crate) fn window(&self) -> u32 {
        self.edge.since(self.nxt)
    }

    /// Whether `segment` has anything to do with the window (RFC 9293 §3.10.7.4, first check).
    pub(crate) fn is_acceptable(&self, segment: &Segment) -> bool {
        let (length, window) = (segment.len(), self.window());
        let within = |seq: Seq| self.nxt <= seq && seq < self.nxt + window;
        match (length, window) {
            (0, 0) => segment.seq == self.nxt,
            (0, _) => within(segment.seq),
            (_, 0) => false,
            _ => within(segment.seq) || within(segment.seq + (length - 1)),
        }
    }

    /// Takes `pieces` of an acceptable segment that begins at `seq`, and ends with the peer's last octet if `fin`.
    pub(crate) fn receive(
        &mut self,
        now: Time,
        seq: Seq,
        length: u32,
        pieces: impl IntoIterator<Item = P>,
        fin: bool,
    ) -> Received {
        let mut received = Received::default();
        let before = self.nxt;
        let gap = seq > self.nxt || !self.assembly.is_empty();
        let mut end = (seq + length).min(self.edge);
        if let Some(fin) = self.fin {
            end = end.min(fin);
        }
        self.longest = self.longest.max(length.min(self.mss));
        let mut at = seq;
        for piece in pieces {
            let start = at;
            at += u32::try_from(piece.len()).unwrap_or(u32::MAX);
            received.dropped |= !self.place(start, piece, end);
        }
        while let Some(piece) = self.assembly.take(self.nxt) {
            self.deliver(piece);
        }
        if fin && self.fin.is_none() && seq + length <= self.edge && !received.dropped {
            self.fin = Some(seq + length);
        }
        if self.fin == Some(self.nxt) {
            self.nxt += 1;
            self.assembly.clear();
            received.finished = true;
        }
        received.readable = self.nxt > before && !self.ready.is_empty();
        if seq < before && length > 0 {
            self.duplicate = Some(Block {
                start: seq,
                end: (seq + length).min(before),
            });
        }
        if gap || received.finished || self.nxt == before {
            // A gap, or what fills it: RFC 5681 §4.2.
            self.acknowledge_now();
        } else {
            self.owe(now, self.nxt - before);
        }
        received
    }

    /// Whether something has come that is behind what has not.
    pub(crate) fn misses(&self) -> bool {
        !self.assembly.is_empty()
    }

    /// Whether `segment` brings octets that are next and fit, with nothing before them that was not taken, or after them.
    pub(crate) fn expects(&self, segment: &Segment) -> bool {
        let next = segment.seq == self.nxt && segment.payload > 0 && segment.payload <= self.window();
        next && self.ready.is_empty() && self.assembly.is_empty() && self.fin.is_none()
    }

    /// Takes the `octets` of a segment that is [expected](Self::expects), which the application takes at once.
    pub(crate) fn pass(&mut self, now: Time, octets: u32) {
        self.longest = self.longest.max(octets.min(self.mss));
        self.nxt += octets;
        self.owe(now, octets);
        self.consumed(0);
    }

    /// Notes that `segment` came again, to tell the peer.
    pub(crate) fn repeated(&mut self, segment: &Segment) {
        let end = segment.seq + segment.payload;
        if end <= self.nxt {
            self.duplicate = Some(Block {
                start: segment.seq,
                end,
            });
        }
    }

    /// Returns false if there was no room.
    fn place(&mut self, start: Seq, piece: P, end: Seq) -> bool {
        let from = start.max(self.nxt);
        let until = (start + u32::try_from(piece.len()).unwrap_or(u32::MAX)).min(end);
        if from >= until {
            return true;
        }
        let range = (from - start) as usize..(until - start) as usize;
        let whole = range.len() == piece.len();
        let piece = if whole { piece } else { piece.slice(range) };
        if from == self.nxt && (self.assembly.is_empty() || self.ready.len() < self.most_pieces) {
            if self.ready.len() >= self.most_pieces {
                return false;
            }
            self.deliver(piece);
            self.assembly.discard(self.nxt);
            return true;
        }
        self.assembly.insert(from, &piece, self.most_pieces).is_ok()
    }

    fn deliver(&mut self, piece: P) {
        let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        self.nxt += length;
        self.ready_octets += length;
        self.ready.push_back(piece);
    }

    /// Takes the next piece; its octets stay counted against the window until they are consumed.
    pub(crate) fn take(&mut self) -> Option<P> {
        let piece = self.ready.pop_front()?;
        let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        self.ready_octets -= length;
        self.held += length;
        Some(piece)
    }

    /// The application has let go of `octets`.
    pub(crate) fn consumed(&mut self, octets: u32) {
        self.held = self.held.saturating_sub(octets);
        if self.fin.is_none() && self.grown() > 0 {
            // The peer may wait for it: RFC 9293 §3.8.6.2.2.
            self.acknowledgement.now = true;
        }
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Lets go of everything, and takes nothing more.
    pub(crate) fn clear(&mut self) {
        self.ready.clear();
        self.ready_octets = 0;
        self.assembly.clear();
    }

    /// By how much the window could grow, if that is enough to be worth a word: the receiver's side of avoiding silly
    /// windows (RFC 9293 §3.8.6.2.2).
    fn grown(&self) -> u32 {
        let free = self.budget.saturating_sub(self.ready_octets + self.held);
        let grown = (self.nxt + free).since(self.edge);
        if grown >= self.mss.min(self.budget / 2) {
            grown
        } else {
            0
        }
    }

    /// Opens the window as far as there is room, and returns the field to send; `syn` for one that is not scaled.
    pub(crate) fn advertise(&mut self, syn: bool) -> u16 {
        if syn {
            return u16::try_from(self.budget).unwrap_or(u16::MAX);
        }
        let window = self.window() + self.grown();
        self.edge = self
            .edge
            .max(self.nxt + window.min(u32::from(u16::MAX) << self.scale));
        // Rounded down: what the peer sends up to the edge is taken, whatever the scale leaves of it.
        u16::try_from(self.window() >> self.scale).unwrap_or(u16::MAX)
    }

    /// The blocks to report, a duplicate first.
    pub(crate) fn blocks(&mut self) -> arrayvec::ArrayVec<Block, 4> {
        let mut blocks = self.assembly.blocks();
        if let Some(duplicate) = self.duplicate.take() {
            blocks.truncate(3);
            blocks.insert(0, duplicate);
        }
        blocks
    }

    pub(crate) fn has_blocks(&self) -> bool {
        self.duplicate.is_some() || !self.assembly.is_empty()
    }

    pub(crate) fn acknowledge_now(&mut self) {
        self.acknowledgement.now = true;
    }

    fn owe(&mut self, now: Time, octets: u32) {
        let acknowledgement = &mut self.acknowledgement;
        acknowledgement.owed += octets;
        // Every second full segment at the latest: RFC 9293 §3.8.6.3.
        if acknowledgement.delay == Nanos::ZERO || acknowledgement.owed >= 2 * self.longest {
            acknowledgement.now = true;
        } else if acknowledgement.at.is_none() {
            acknowledgement.at = Some(now + acknowledgement.delay);
        }
    }

    /// Whether an acknowledgement is due.
    pub(crate) fn is_due(&self, now: Time) -> bool {
        self.acknowledgement.now || self.acknowledgement.at.is_some_and(|at| at <= now)
    }

    /// When one will be.
    pub(crate) fn deadline(&self) -> Option<Time> {
        if self.acknowledgement.now {
            Some(Time::ZERO)
        } else {
            self.acknowledgement.at
        }
    }

    /// One went out, alone or with octets of ours.
    pub(crate) fn acknowledged(&mut self) {
        self.acknowledgement.now = false;
        self.acknowledgement.at = None;
        self.acknowledgement.owed = 0;
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! One end of a channel, as far as it is memory: nothing here asks the kernel for anything.
//!
//! Each end has an area that it alone writes (`geometry`): its transmit ring, its frames, and its indices of the other's
//! rings. All that is read of the other's area is loaded once, and checked, before it is believed. So whatever the other
//! one writes, at worst this channel comes to its end, with the rule that was broken.
//!
//! A slot holds a packet's headers, and its payload as well where both fit: a small message costs no frame, and no
//! completion. Otherwise it has descriptors, each naming a part of a frame of the sender's.

mod completion;
#[cfg(fuzzing)]
mod fuzz;
#[cfg(any(test, fuzzing))]
mod pair;
mod receive;
mod transmit;

use std::mem;

use crate::frame::{Frame, Owner};
use crate::geometry::{Control, FrameClass, Geometry};
use crate::pace::{Pace, Pacer};
use crate::pool::Pool;
use crate::ring::{Consumer, Producer};
use crate::sync::{Ordering, fence, load_acquire};
use crate::{Closed, Counters, Integrity, Interest, Short, Violation};

use self::completion::{Loans, Sent};
#[cfg(fuzzing)]
pub use self::fuzz::consume;
#[cfg(test)]
pub(crate) use self::pair::pair;

/// The longest packet whose payload is copied: IPv4's total length has 16 bits.
const MTU: usize = 65_535;
/// The longest one whose payload stays where it lies: what a descriptor can say of one piece.
const JUMBO: usize = (1 << 24) - 1;

/// Bits of the word that says what sleepers want to be woken for, and how; the others tell one nap from the next.
const WANTS_PACKETS: u64 = 1;
const WANTS_ROOM: u64 = 2;
const BY_FUTEX: u64 = 4;
const BY_DOORBELL: u64 = 8;
const NAP: u64 = 16;

/// How a sleeper wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// It waits on our bell.
    Futex,
    /// It watches the socket.
    Doorbell,
}

impl Wake {
    fn bit(self) -> u64 {
        match self {
            Self::Futex => BY_FUTEX,
            Self::Doorbell => BY_DOORBELL,
        }
    }
}

/// Who is to be woken: one may watch the socket while another sleeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wakes {
    pub(crate) futex: bool,
    pub(crate) doorbell: bool,
}

/// One end of a channel.
#[derive(Debug)]
pub(crate) struct End {
    /// Our area: what we transmit lies there.
    pool: Pool,
    /// Our packets, in our area.
    outgoing: Producer,
    /// What of our frames the other end has.
    sent: Sent,
    /// The other's area, and what we have of its frames.
    loans: Loans,
    /// Its packets, in its area.
    incoming: Consumer,
    /// Where payload goes that is copied on its way in.
    private: Pool,
    integrity: Integrity,
    pacer: Option<Pacer>,
    /// What we last asked to be woken for.
    nap: u64,
    /// The number of the other's nap that we have ended.
    rung: u64,
    /// The other end was told of room since we last looked whether it sleeps.
    gave_room: bool,
    counters: Counters,
    ended: Option<Closed>,
}

impl End {
    /// `ours` is an area that nobody else writes, `theirs` one that somebody else does; `private` has room for what is
    /// copied.
    pub(crate) fn new(
        ours: Owner,
        theirs: Owner,
        private: Pool,
        integrity: Integrity,
        pace: Option<Pace>,
    ) -> Self {
        Self {
            outgoing: Producer::new(ours.geometry().slots),
            sent: Sent::new(ours.geometry().frames()),
            pool: Pool::new(ours),
            incoming: Consumer::new(theirs.geometry().slots),
            loans: Loans::new(theirs),
            private,
            integrity,
            pacer: pace.map(Pacer::new),
            nap: 0,
            rung: 0,
            gave_room: false,
            counters: Counters::default(),
            ended: None,
        }
    }

    pub(crate) fn ours(&self) -> &Owner {
        self.pool.owner()
    }

    pub(crate) fn theirs(&self) -> &Owner {
        self.loans.owner()
    }

    pub(crate) fn integrity(&self) -> Integrity {
        self.integrity
    }

    /// The longest packet, in bytes.
    pub(crate) fn mtu(&self) -> usize {
        match self.integrity {
            Integrity::Shared => JUMBO,
            Integrity::Copied => MTU,
        }
    }

    /// How many bytes of payload there is memory for, if it has to be copied, in whatever pieces it comes.
    pub(crate) fn holds(&self) -> usize {
        let Geometry { small, large, .. } = *self.private.owner().geometry();
        let bytes = |class: FrameClass| class.size as usize * class.count as usize;
        match self.integrity {
            // The end of a frame may be too short for the next packet.
            Integrity::Shared => bytes(small) - small.count as usize * Short::MOST,
            // Pieces just over half a frame fill it.
            Integrity::Copied => bytes(large).max(bytes(small)) / 2,
        }
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }

    pub(crate) fn ended(&self) -> Option<Closed> {
        self.ended
    }

    /// Shows the other end what is transmitted, received and returned; says how to wake it, if it sleeps and wants to know.
    pub(crate) fn publish(&mut self) -> Wakes {
        if self.ended.is_some() {
            return Wakes::default();
        }
        let packets = self
            .outgoing
            .publish(self.pool.owner().control(Control::Published));
        self.settle();
        let room = mem::take(&mut self.gave_room);
        if !packets && !room {
            return Wakes::default();
        }
        // SeqCst: pairs with the one in `arm`. Either the other end sees what was published, or we see that it sleeps.
        fence(Ordering::SeqCst);
        let nap = self.theirs().control(Control::Nap).load(Ordering::Relaxed);
        let wants = (packets && nap & WANTS_PACKETS != 0) || (room && nap & WANTS_ROOM != 0);
        // One wake for each nap: from then on it is masked.
        if !wants || nap / NAP == self.rung {
            return Wakes::default();
        }
        self.rung = nap / NAP;
        self.counters.wakes += 1;
        Wakes {
            futex: nap & BY_FUTEX != 0,
            doorbell: nap & BY_DOORBELL != 0,
        }
    }

    /// Asks to be woken in that way; false if there is something already. All is published. What was asked for to be woken in
    /// the other way still holds.
    pub(crate) fn arm(&mut self, interest: Interest, by: Wake) -> bool {
        if self.is_there(interest) {
            return false;
        }
        let wants = match interest {
            Interest::Packets => WANTS_PACKETS,
            Interest::PacketsAndRoom => WANTS_PACKETS | WANTS_ROOM,
        };
        self.doze(self.nap.wrapping_add(NAP) | wants | by.bit());
        // SeqCst: pairs with the one in `publish`.
        fence(Ordering::SeqCst);
        if self.is_there(interest) {
            self.disarm(by);
            return false;
        }
        true
    }

    /// Takes back what `arm` asked for; the nap's number stays, so that nobody rings for it twice.
    pub(crate) fn disarm(&mut self, by: Wake) {
        let rest = self.nap & !by.bit();
        let nobody = rest & (BY_FUTEX | BY_DOORBELL) == 0;
        self.doze(if nobody { rest & !(NAP - 1) } else { rest });
    }

    fn doze(&mut self, nap: u64) {
        self.nap = nap;
        self.ours().control(Control::Nap).store(nap, Ordering::Relaxed);
    }

    /// How many naps there were: the other end may not ring more often.
    pub(crate) fn naps(&self) -> u64 {
        self.nap / NAP
    }

    /// Whether there is anything of interest; something that is wrong is.
    pub(crate) fn is_there(&mut self, interest: Interest) -> bool {
        if self.ended.is_some() || self.peer_closed() {
            return true;
        }
        let packets = self.published() != Ok(None);
        packets || (interest == Interest::PacketsAndRoom && self.has_room())
    }

    fn has_room(&mut self) -> bool {
        self.reclaim();
        self.has_slot() && self.pool.any_free()
    }

    /// Whether there is a slot for one more packet; a rule that is broken shows when it is used.
    pub(crate) fn has_slot(&mut self) -> bool {
        let consumed = self.loans.owner().control(Control::Consumed);
        !matches!(self.outgoing.next(consumed), Ok(None))
    }

    fn peer_closed(&self) -> bool {
        // Acquire: pairs with the Release of `close`; what was published before is seen.
        load_acquire(self.theirs().control(Control::Closed)) != 0
    }

    /// The other end is gone, as somebody who watches it says. Call it when all that came before was received.
    pub(crate) fn peer_gone(&mut self) -> Closed {
        let closed = if self.peer_closed() {
            Closed::ByPeer
        } else {
            Closed::PeerGone
        };
        *self.ended.get_or_insert(closed)
    }

    pub(crate) fn close(&mut self) {
        self.ended.get_or_insert(Closed::Here);
        // Release: pairs with the Acquire of `peer_closed`.
        self.ours().control(Control::Closed).store(1, Ordering::Release);
    }

    /// The other end broke a rule: nothing of it is believed any more.
    pub(crate) fn fail(&mut self, violation: Violation) -> Closed {
        let ended = *self.ended.get_or_insert(Closed::Violation(violation));
        self.ours().control(Control::Closed).store(1, Ordering::Release);
        ended
    }

    /// Tells the other end what was received, and which of its frames are free again. Who waits for that is woken when all is
    /// published.
    fn settle(&mut self) {
        self.gave_room |= self
            .incoming
            .publish(self.pool.owner().control(Control::Consumed));
        self.reclaim();
        match self.loans.give_back(self.pool.owner()) {
            Ok(returned) => self.gave_room |= returned,
            Err(violation) => drop(self.fail(violation)),
        }
    }

    /// Takes back the frames that the other end has returned.
    fn reclaim(&mut self) {
        if let Err(violation) = self.sent.reclaim(self.loans.owner(), self.pool.owner()) {
            self.fail(violation);
        }
    }
}

/// A frame's part, as a descriptor says it: 12 bits for the frame, 28 for where the part begins, 24 for how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    frame: u32,
    offset: u32,
    length: u32,
}

impl Piece {
    fn of(frame: &Frame) -> Self {
        Self {
            frame: frame.index(),
            offset: frame.offset(),
            // No packet is longer than a descriptor can say.
            length: u32::try_from(frame.len()).unwrap_or(u32::MAX),
        }
    }

    fn encode(self) -> u64 {
        u64::from(self.frame) << 52 | u64::from(self.offset) << 24 | u64::from(self.length)
    }

    fn decode(word: u64) -> Self {
        let field = |shift: u32, bits: u32| {
            let value = (word >> shift) & ((1 << bits) - 1);
            u32::try_from(value).unwrap_or(u32::MAX)
        };
        Self {
            frame: field(52, 12),
            offset: field(24, 28),
            length: field(0, 24),
        }
    }
}

#[cfg(all(test, loom))]
mod model;

#[cfg(all(test, not(loom)))]
mod tests;

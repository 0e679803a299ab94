// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sending half of a connection: what may be sent, what is on its way, and what to do about what is lost.

mod buffer;
pub(crate) mod congestion;
mod flight;
mod recovery;
mod rtt;

use arrayvec::ArrayVec;
use rtu::{Nanos, Time};
use transport_apic::{Packet, Payload};

use self::{buffer::SendBuffer, congestion::Congestion, flight::Flight, recovery::Recovery, rtt::RoundTrip};
use super::{Settings, receiver::LEAST_MSS, segment::Segment, sequence::Seq};

/// The send sequence space (RFC 9293 §3.3.1), and what it holds.
#[derive(Debug)]
pub(crate) struct Sender<P> {
    /// SND.UNA.
    pub(crate) una: Seq,
    /// SND.NXT.
    pub(crate) nxt: Seq,
    /// SND.WND, scaled, and the largest there ever was.
    window: u32,
    most_window: u32,
    scale: u8,
    /// SND.WL1 and SND.WL2.
    window_from: (Seq, Seq),
    /// Octets of payload in a full segment.
    mss: u32,
    buffer: SendBuffer<P>,
    flight: Flight,
    congestion: Congestion,
    pub(crate) rtt: RoundTrip,
    recovery: Recovery,
    /// The peer reports what it has out of order.
    pub(crate) sack: bool,
    /// FIN follows what is in the buffer.
    finishing: bool,
    nagle: bool,
    /// What is sent arrives: nothing is ever in flight.
    reliable: bool,
    budget: u32,
    most_pieces: usize,
    /// Retransmission, or a probe of a window that is closed.
    timer: Option<Time>,
    /// When something was sent last, and when the peer last took something.
    last_sent: Time,
    progress: Time,
}

/// One segment to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing {
    pub(crate) seq: Seq,
    pub(crate) octets: u32,
    pub(crate) push: bool,
    pub(crate) fin: bool,
}

impl Outgoing {
    pub(crate) fn end(&self) -> Seq {
        self.seq + self.octets + u32::from(self.fin)
    }
}

/// What a packet carries.
type Pieces<P> = ArrayVec<P, { Packet::PIECES }>;

/// What is to be done as a timer has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expired {
    /// Nothing but to see what may be sent now.
    Resume,
    /// The peer's window is to be asked for.
    ProbeWindow,
}

impl<P: Payload> Sender<P> {
    pub(crate) fn new(iss: Seq, settings: &Settings) -> Self {
        Self {
            una: iss,
            nxt: iss + 1,
            window: 0,
            most_window: 0,
            scale: 0,
            window_from: (Seq::default(), Seq::default()),
            mss: LEAST_MSS,
            buffer: SendBuffer::new(iss + 1),
            flight: Flight::default(),
            congestion: Congestion::new(settings.congestion, LEAST_MSS),
            rtt: RoundTrip::new(settings.first_timeout, settings.least_timeout),
            recovery: Recovery::default(),
            sack: false,
            finishing: false,
            nagle: settings.nagle,
            reliable: settings.reliable,
            budget: settings.send_budget,
            most_pieces: settings.most_pieces(settings.send_budget),
            timer: None,
            last_sent: Time::ZERO,
            progress: Time::ZERO,
        }
    }

    /// The peer has taken our SYN, which was sent once if `rtt` says how long that took.
    pub(crate) fn established(&mut self, now: Time, mss: u32, scale: u8, rtt: Option<Nanos>) {
        self.una = self.nxt;
        self.mss = mss;
        self.scale = scale;
        self.congestion.resize(mss, true);
        self.progress = now;
        self.last_sent = now;
        match rtt {
            Some(rtt) => self.rtt.measured(rtt),
            None => self.rtt.recovered(),
        }
    }

    /// Takes so much from now on; what is queued stays.
    pub(crate) fn resize(&mut self, budget: u32, most_pieces: usize) {
        self.budget = budget;
        self.most_pieces = most_pieces;
    }

    /// Octets that may still be queued.
    pub(crate) fn room(&self) -> u32 {
        if self.buffer.pieces() >= self.most_pieces {
            return 0;
        }
        let queued = self.buffer.end().since(self.una);
        self.budget.saturating_sub(queued)
    }

    /// Whether there is room worth telling somebody about who found none: not for each segment that is acknowledged.
    pub(crate) fn has_room_again(&self) -> bool {
        self.room() > 0 && self.room() >= self.budget / 4
    }

    /// Octets that would go out at once if they were queued: what the peer's window has left, after what is queued already.
    pub(crate) fn usable(&self) -> u32 {
        let window = (self.una + self.window).since(self.nxt);
        window.saturating_sub(self.unsent()).min(self.room())
    }

    /// Octets that may be under way at a time, as far as both ends go. Congestion, which bounds them for a while, is none of it:
    /// its window grows only while it is used up.
    pub(crate) fn widest(&self) -> u32 {
        self.most_window.min(self.budget)
    }

    pub(crate) fn queue(&mut self, piece: P, octets: u32) {
        self.buffer.push(piece, octets);
    }

    /// Whether `length` octets more may be queued; if nothing is, a piece may be longer than the budget.
    pub(crate) fn takes(&self, length: u32) -> bool {
        length <= self.room() || self.buffer.pieces() == 0
    }

    pub(crate) fn is_finishing(&self) -> bool {
        self.finishing
    }

    /// Has FIN follow.
    pub(crate) fn finish(&mut self) {
        self.finishing = true;
    }

    /// The peer has everything, with our FIN.
    pub(crate) fn is_finished(&self) -> bool {
        self.finishing && self.una > self.buffer.end()
    }

    /// Nothing is queued that was not sent, nor sent that was not acknowledged.
    pub(crate) fn is_idle(&self) -> bool {
        self.flight.is_empty() && self.buffer.end() <= self.nxt && !self.fin_due()
    }

    /// Lets go of everything.
    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
        self.flight.clear();
        self.recovery = Recovery::default();
        self.timer = None;
        self.finishing = false;
        self.nxt = self.buffer.end().max(self.nxt);
        self.una = self.nxt;
    }

    /// Takes the peer's window, unless it is older than the one that is known (RFC 9293 §3.10.7.4, fifth check). What
    /// acknowledges something new is never older, though it has an old number as a retransmission has: the window begins
    /// there, and the one that was known would reach too far.
    pub(crate) fn update_window(&mut self, segment: &Segment, syn: bool) -> bool {
        let (seq, ack) = self.window_from;
        let newer = self.una < segment.ack || seq < segment.seq || (seq == segment.seq && ack <= segment.ack);
        if !syn && !newer {
            return false;
        }
        let scale = if syn { 0 } else { self.scale };
        let window = u32::from(segment.window) << scale;
        let changed = window != self.window;
        self.window = window;
        self.most_window = self.most_window.max(window);
        self.window_from = (segment.seq, segment.ack);
        changed
    }

    /// MAX.SND.WND of RFC 5961 §5.2.
    pub(crate) fn most_window(&self) -> u32 {
        self.most_window
    }

    /// The path takes no more than `mss` octets of payload: what was longer is sent again in shorter segments.
    pub(crate) fn shorten(&mut self, mss: u32) {
        if mss < self.mss {
            self.mss = mss;
            self.congestion.resize(mss, false);
            self.recovery.forced |= self.flight.lose_longer(mss + 1);
        }
    }

    /// Whether something is lost, or was never sent.
    pub(crate) fn has_more(&self) -> bool {
        self.flight.has_lost() || self.unsent() > 0 || self.fin_due()
    }

    fn fin_due(&self) -> bool {
        self.finishing && self.nxt <= self.buffer.end()
    }

    /// Octets queued and never sent.
    fn unsent(&self) -> u32 {
        self.buffer.end().since(self.nxt)
    }

    /// Returns the next segment that may be sent now: what is lost first, then what is new. Its octets go into `payload`, which
    /// is empty.
    pub(crate) fn next(&mut self, now: Time, payload: &mut Pieces<P>) -> Option<Outgoing> {
        if self.flight.has_lost()
            && let Some(outgoing) = self.retransmit(now, payload)
        {
            return Some(outgoing);
        }
        self.send_new(now, payload)
    }

    fn retransmit(&mut self, now: Time, payload: &mut Pieces<P>) -> Option<Outgoing> {
        if !self.recovery.forced && self.pipe() >= self.congestion.window() {
            self.recovery.limited = true;
            return None;
        }
        self.recovery.forced = false;
        let lost = self.flight.first_lost()?;
        let end = lost
            .end
            .min(lost.start + self.mss + u32::from(lost.end > self.buffer.end()));
        let outgoing = self.outgoing(lost.start, end, payload);
        let end = outgoing.end();
        if end == outgoing.seq {
            return None;
        }
        self.flight.resent(end, now);
        self.sent(now);
        Some(outgoing)
    }

    fn send_new(&mut self, now: Time, payload: &mut Pieces<P>) -> Option<Outgoing> {
        let unsent = self.unsent();
        if unsent == 0 && !self.fin_due() {
            return None;
        }
        if self.flight.is_empty() && now - self.last_sent > self.rtt.timeout() {
            self.congestion.idle();
        }
        let usable = (self.una + self.window).since(self.nxt);
        let length = unsent.min(self.mss).min(usable);
        let fin = self.fin_due() && length == unsent && usable > length;
        if length == 0 && !fin {
            self.arm_probe(now);
            return None;
        }
        let pipe = self.pipe();
        if pipe > 0 && pipe + length > self.congestion.window() && !self.recovery.probing {
            self.recovery.limited = true;
            return None;
        }
        if !self.is_worth_sending(length, unsent, fin) || self.flight.segments() >= self.most_pieces {
            self.arm_probe(now);
            return None;
        }
        self.recovery.probing = false;
        self.recovery.overriding = false;
        let outgoing = self.outgoing(self.nxt, self.nxt + length + u32::from(fin), payload);
        let end = outgoing.end();
        if self.reliable {
            self.buffer.release(end);
            self.nxt = end;
            return Some(outgoing);
        }
        self.flight.push(self.nxt, end, now);
        self.nxt = end;
        self.sent(now);
        self.schedule_probe(now);
        Some(outgoing)
    }

    /// Sends `octets` that nobody has to keep, if [`send_new`](Self::send_new) would send them at once, alone and whole.
    pub(crate) fn pass(&mut self, octets: u32) -> Option<Outgoing> {
        let free = self.reliable && !self.finishing && !self.has_more();
        if !free || octets == 0 || octets > self.mss.min(self.usable()) {
            return None;
        }
        let seq = self.nxt;
        self.buffer.skip(octets);
        self.nxt += octets;
        Some(Outgoing {
            seq,
            octets,
            push: true,
            fin: false,
        })
    }

    /// The sender's side of avoiding silly windows (RFC 9293 §3.8.6.2.1), and Nagle's algorithm where it is on (§3.7.4).
    fn is_worth_sending(&self, length: u32, unsent: u32, fin: bool) -> bool {
        if length >= self.mss || fin {
            return true;
        }
        let waits = self.nagle && !self.flight.is_empty();
        (length == unsent && !waits) || length >= self.most_window / 2 || self.recovery.overriding
    }

    /// The segment from `seq` to `end`, which counts FIN if that lies within.
    fn outgoing(&mut self, seq: Seq, end: Seq, payload: &mut Pieces<P>) -> Outgoing {
        let data_end = end.min(self.buffer.end());
        let stop = if seq < data_end {
            self.buffer.gather(seq, data_end, payload)
        } else {
            seq
        };
        Outgoing {
            seq,
            octets: stop - seq,
            push: stop == self.buffer.end() && stop > seq,
            fin: end > self.buffer.end() && stop == self.buffer.end(),
        }
    }

    /// RFC 6298 (5.1).
    fn sent(&mut self, now: Time) {
        self.last_sent = now;
        if self.timer.is_none() || self.recovery.persisting {
            if self.flight.segments() <= 1 {
                self.progress = now;
            }
            if self.recovery.persisting {
                self.recovery.persisting = false;
                self.rtt.recovered();
            }
            self.timer = Some(now + self.rtt.timeout());
        }
    }

    /// Nothing may be sent, and nothing that is on its way will change that: the window has to be asked for
    /// (RFC 9293 §3.8.6.1).
    fn arm_probe(&mut self, now: Time) {
        if self.flight.is_empty() && self.timer.is_none() && !self.reliable {
            self.recovery.persisting = true;
            self.timer = Some(now + self.rtt.timeout());
        }
    }

    /// Octets in the network, as far as known; without SACK a duplicate acknowledgement stands for a segment.
    fn pipe(&self) -> u32 {
        self.flight
            .pipe()
            .saturating_sub(self.recovery.duplicates.saturating_mul(self.mss))
    }

    /// When something must be done.
    pub(crate) fn deadline(&self) -> Option<Time> {
        match (self.timer, self.recovery.soon()) {
            (Some(timer), Some(soon)) => Some(timer.min(soon)),
            (timer, soon) => timer.or(soon),
        }
    }

    /// How long the peer has taken nothing, though something was sent; `heard` is when it last said anything.
    pub(crate) fn stalled(&self, now: Time, heard: Time) -> Nanos {
        if self.flight.is_empty() {
            // A closed window is no failure as long as the peer answers: RFC 9293 §3.8.6.1.
            return if self.recovery.persisting {
                now - heard.max(self.last_sent)
            } else {
                Nanos::ZERO
            };
        }
        now - self.progress
    }
}

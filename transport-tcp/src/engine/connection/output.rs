// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a connection sends, and when.

use arrayvec::ArrayVec;
use rtu::Time;
use transport_apic::{Packet, Payload};

use super::{Connection, Error, State};
use crate::engine::{
    receiver::Receiver,
    segment::{Flags, Segment, Timestamps},
    sender::{Expired, Outgoing},
    sequence::Seq,
};

impl<P: Payload> Connection<P> {
    /// Returns the next packet to send now, as one of its own: see [`transmit_into`](Self::transmit_into).
    pub fn transmit(&mut self, now: Time) -> Option<Packet<P>> {
        let mut packet = Packet::default();
        self.transmit_into(now, &mut packet).then_some(packet)
    }

    /// Makes the next packet to send now in `packet`, which is used again and again; called until there is none, and then
    /// nothing is in it. This is also where time passes: what a timer asks for happens here.
    pub fn transmit_into(&mut self, now: Time, packet: &mut Packet<P>) -> bool {
        packet.clear();
        if !self.pending && self.deadline().is_none_or(|deadline| deadline > now) {
            return false;
        }
        self.tick(now);
        let segment = self.next(now, &mut packet.payload);
        self.pending = segment.is_some() && self.has_more();
        let Some(segment) = segment else {
            return false;
        };
        self.counters.sent += 1;
        self.path.write(&segment, packet);
        true
    }

    /// Makes the headers in `packet` of a segment with `octets` that the caller carries: they follow the headers, and are his to
    /// add. That is [`send`](Self::send) and [`transmit_into`](Self::transmit_into) at once. False, and nothing has changed, if
    /// they would not go out as one segment, or something has to go before, or if they had to be kept to be sent again
    /// ([`Settings::reliable`](crate::engine::Settings::reliable)).
    pub fn transmit_carried(&mut self, now: Time, octets: usize, packet: &mut Packet<P>) -> bool {
        packet.clear();
        let open = matches!(self.state, State::Established | State::CloseWait) && !self.forgotten;
        if !open || self.reply.is_some() || self.probe_window {
            return false;
        }
        let octets = u32::try_from(octets).unwrap_or(u32::MAX);
        let Some(outgoing) = self.sender.pass(octets) else {
            return false;
        };
        let segment = self.carrying(now, outgoing);
        self.pending = self.has_more();
        self.counters.sent += 1;
        self.path.write(&segment, packet);
        true
    }

    /// Whether something may be there to go out, whatever the time.
    pub(super) fn has_more(&self) -> bool {
        self.reply.is_some()
            || self.handshake.due
            || self.probe_window
            || self.receiver.is_due(Time::ZERO)
            || self.sender.has_more()
    }

    /// The next segment; what it carries goes into `payload`.
    fn next(&mut self, now: Time, payload: &mut ArrayVec<P, { Packet::PIECES }>) -> Option<Segment> {
        if self.reply.is_some() {
            return self.reply.take();
        }
        if self.handshake.due {
            return Some(self.synchronizing(now));
        }
        if self.state.may_transmit()
            && let Some(outgoing) = self.sender.next(now, payload)
        {
            return Some(self.carrying(now, outgoing));
        }
        if std::mem::take(&mut self.probe_window) {
            // An old number: any answer to it tells the window.
            return Some(self.segment(now, self.sender.una - 1, Flags::ACK));
        }
        // What is not acceptable is answered before the handshake is over too: RFC 9293 §3.10.7.4.
        if self.receiver.is_due(now) && self.state.may_acknowledge() {
            let mut segment = self.segment(now, self.sender.nxt, Flags::ACK);
            if self.sender.sack {
                segment.sack = self.receiver.blocks();
            }
            self.receiver.acknowledged();
            return Some(segment);
        }
        None
    }

    fn carrying(&mut self, now: Time, outgoing: Outgoing) -> Segment {
        let mut flags = Flags::ACK;
        if outgoing.push {
            flags = flags | Flags::PSH;
        }
        if outgoing.fin {
            flags = flags | Flags::FIN;
        }
        self.counters.retransmitted += u64::from(outgoing.end() != self.sender.nxt);
        let mut segment = self.segment(now, outgoing.seq, flags);
        segment.payload = outgoing.octets;
        // Blocks would make a full segment too long: they go alone.
        if !self.receiver.has_blocks() {
            self.receiver.acknowledged();
        }
        segment
    }

    /// A segment that acknowledges, as all do after the handshake.
    fn segment(&mut self, now: Time, seq: Seq, flags: Flags) -> Segment {
        self.clock.acknowledged = self.receiver.nxt;
        Segment {
            seq,
            ack: self.receiver.nxt,
            flags,
            window: self.receiver.advertise(false),
            timestamps: self.clock.on.then(|| Timestamps {
                value: self.clock.value(now),
                echo: self.clock.recent,
            }),
            ..Segment::default()
        }
    }

    /// SYN, or SYN with the acknowledgement of the peer's.
    fn synchronizing(&mut self, now: Time) -> Segment {
        self.handshake.due = false;
        self.handshake.last = now;
        self.handshake.count += 1;
        let answers = self.state == State::SynReceived;
        let settings = &self.settings;
        let scale = Receiver::<P>::scale_for(settings.receive_budget);
        // An answer offers what the SYN did.
        let offers = |own: bool, peer: bool| own && (peer || !answers);
        let mut segment = Segment {
            seq: self.handshake.iss,
            flags: Flags::SYN,
            window: self.receiver.advertise(true),
            mss: Some(self.own_mss()),
            scale: offers(settings.window_scaling, self.handshake.peer_scale.is_some()).then_some(scale),
            sack_permitted: offers(settings.sack, self.sender.sack),
            timestamps: offers(settings.timestamps, self.clock.on).then(|| Timestamps {
                value: self.clock.value(now),
                echo: if answers { self.clock.recent } else { 0 },
            }),
            ..Segment::default()
        };
        if answers {
            segment.flags = Flags::SYN | Flags::ACK;
            segment.ack = self.receiver.nxt;
            self.clock.acknowledged = self.receiver.nxt;
            self.receiver.acknowledged();
        }
        segment
    }

    /// Does what is due.
    fn tick(&mut self, now: Time) {
        if self.until.is_some_and(|until| until <= now) {
            // TIME-WAIT is over, or nobody waits for a peer that does not close.
            return self.enter_closed(None);
        }
        match self.state {
            State::Closed | State::Listen | State::TimeWait => {}
            State::SynSent | State::SynReceived => self.tick_handshake(now),
            _ => {
                if let Some(expired) = self.sender.expire(now) {
                    self.probe_window |= expired == Expired::ProbeWindow;
                    if self.sender.stalled(now, self.heard) >= self.settings.user_timeout {
                        return self.enter_closed(Some(self.soft_error.unwrap_or(Error::TimedOut)));
                    }
                }
                self.tick_keep_alive(now);
            }
        }
    }

    fn tick_handshake(&mut self, now: Time) {
        if self.handshake.count == 0 || self.handshake.last + self.sender.rtt.timeout() > now {
            return;
        }
        if now - self.handshake.began >= self.settings.handshake_timeout {
            let error = self.soft_error.unwrap_or(Error::TimedOut);
            return self.enter_closed((!self.handshake.passive).then_some(error));
        }
        self.sender.rtt.back_off();
        self.handshake.due = true;
    }

    fn tick_keep_alive(&mut self, now: Time) {
        let due = self.keep_alive_at().is_some_and(|at| at <= now);
        let Some(keep_alive) = self.settings.keep_alive.filter(|_| due) else {
            return;
        };
        if self.probes >= keep_alive.probes {
            return self.enter_closed(Some(Error::TimedOut));
        }
        self.probes += 1;
        self.probe_window = true;
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! SEGMENT ARRIVES (RFC 9293 §3.10.7).

use rtu::{Nanos, Time};
use transport_apic::{Packet, Payload};

use super::{Connection, Error, Malformed, State};
use crate::engine::{
    receiver::Receiver,
    segment::{Flags, Segment},
    wire::{Checksums, Ip, TCP_HEADER},
};

/// For how long a timestamp says anything about one that comes later (RFC 7323 §5.5).
const PAWS_LIFE: Nanos = Nanos::from_secs(24 * 24 * 3600);

/// Reads `packet` as a TCP segment.
pub(crate) fn read<P: Payload>(
    packet: &Packet<P>,
    ip: &Ip,
    checksums: Checksums,
) -> Result<Segment, Malformed> {
    let headers = packet.headers.as_ref();
    let transport = headers.get(ip.header..).ok_or(Malformed::Length)?;
    let payload = packet.payload_len();
    if !ip.is_of(headers.len() + payload) {
        return Err(Malformed::Length);
    }
    let segment = Segment::read(transport, payload)?;
    if checksums == Checksums::Verify {
        ip.check(packet)?;
    }
    Ok(segment)
}

impl<P: Payload> Connection<P> {
    /// Takes a packet that came for this connection; its payload is taken out of it.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if it is not a whole TCP segment of this connection's peer; then nothing has changed.
    pub fn receive(&mut self, now: Time, packet: &mut Packet<P>) -> Result<(), Malformed> {
        let ip = self.path.read_back(packet.headers.as_ref())?;
        let segment = read(packet, &ip, self.settings.checksums)?;
        self.on_segment(now, &segment, packet.payload.drain(..));
        Ok(())
    }

    /// Takes a segment with `headers`, whose `octets` the caller carries, if they are next and nothing is special about it: then
    /// they are the caller's. That is [`receive`](Self::receive) and [`recv`](Self::recv) at once. False, and nothing has
    /// changed, if not.
    pub fn receive_carried(&mut self, now: Time, headers: &[u8], octets: usize) -> bool {
        let Some(segment) = self.predict(headers, octets) else {
            return false;
        };
        self.counters.received += 1;
        self.heard = now;
        self.probes = 0;
        let counts = self.on_acknowledgement(now, &segment);
        debug_assert!(counts, "what it acknowledges was predicted");
        self.receiver.pass(now, segment.payload);
        self.pending |= self.has_more();
        true
    }

    /// Header prediction, as by V. Jacobson: the segment, if it is one that passes all checks of
    /// [`on_synchronized`](Self::on_synchronized), has no option, and brings what comes next.
    fn predict(&self, headers: &[u8], octets: usize) -> Option<Segment> {
        let plain = self.state == State::Established && !self.clock.on && !self.forgotten;
        if !plain || self.settings.checksums == Checksums::Verify {
            return None;
        }
        let ip = self.path.predict_back(headers)?;
        let transport = headers
            .get(ip.header..)
            .filter(|transport| transport.len() == TCP_HEADER)?;
        if !ip.is_of(headers.len() + octets) {
            return None;
        }
        let segment = Segment::read(transport, octets).ok()?;
        let new =
            segment.flags.is_ack_alone() && self.sender.una <= segment.ack && segment.ack <= self.sender.nxt;
        (new && self.receiver.expects(&segment)).then_some(segment)
    }

    pub(crate) fn on_segment(&mut self, now: Time, segment: &Segment, pieces: impl IntoIterator<Item = P>) {
        self.counters.received += 1;
        match self.state {
            State::Closed => self.reply = reset(segment),
            State::Listen => self.on_listen(now, segment),
            State::SynSent => self.on_syn_sent(now, segment),
            State::SynReceived => self.on_syn_received(now, segment, pieces),
            _ => self.on_synchronized(now, segment, pieces),
        }
        self.pending |= self.has_more();
    }

    /// §3.10.7.2.
    fn on_listen(&mut self, now: Time, segment: &Segment) {
        if segment.flags.has(Flags::RST) {
            return;
        }
        if segment.flags.has(Flags::ACK) {
            self.reply = reset(segment);
        } else if segment.flags.has(Flags::SYN) {
            self.synchronize(now, segment);
            self.state = State::SynReceived;
            self.handshake.began = now;
            self.handshake.due = true;
        }
    }

    /// §3.10.7.3.
    fn on_syn_sent(&mut self, now: Time, segment: &Segment) {
        let flags = segment.flags;
        let acknowledged = flags.has(Flags::ACK);
        if acknowledged && segment.ack != self.sender.nxt {
            self.reply = reset(segment);
            return;
        }
        if flags.has(Flags::RST) {
            if acknowledged {
                self.enter_closed(Some(Error::Refused));
            }
            return;
        }
        if !flags.has(Flags::SYN) {
            return;
        }
        self.synchronize(now, segment);
        if acknowledged {
            self.establish(now);
            self.receiver.acknowledge_now();
        } else {
            // Both began at once.
            self.state = State::SynReceived;
            self.handshake.due = true;
        }
    }

    /// Takes what the peer's SYN says, and what both ends agree on by it.
    fn synchronize(&mut self, now: Time, segment: &Segment) {
        self.heard = now;
        if let (Some(timestamps), true) = (segment.timestamps, self.settings.timestamps) {
            self.clock.on = true;
            self.clock.recent = timestamps.value;
            self.clock.recent_at = now;
        }
        self.clock.acknowledged = segment.seq;
        self.sender.sack = segment.sack_permitted && self.settings.sack;
        self.handshake.peer_mss = segment.mss.unwrap_or(0);
        self.handshake.peer_scale = segment.scale.filter(|_| self.settings.window_scaling);
        let scale = match self.handshake.peer_scale {
            Some(_) => Receiver::<P>::scale_for(self.settings.receive_budget),
            None => 0,
        };
        self.receiver
            .synchronize(segment.seq, scale, u32::from(self.own_mss()));
        self.sender.update_window(segment, true);
    }

    fn establish(&mut self, now: Time) {
        let mss = self.segment_size();
        // More than 14 means 14 (RFC 7323 §2.3).
        let scale = self.handshake.peer_scale.unwrap_or(0).min(14);
        let once = (self.handshake.count == 1).then(|| now - self.handshake.last);
        self.sender.established(now, mss, scale, once);
        self.state = if self.sender.is_finishing() {
            State::FinWait1
        } else {
            State::Established
        };
        self.events.connected = true;
    }

    fn on_syn_received(&mut self, now: Time, segment: &Segment, pieces: impl IntoIterator<Item = P>) {
        if !segment.flags.has(Flags::SYN) || segment.seq + 1 != self.receiver.nxt {
            return self.on_synchronized(now, segment, pieces);
        }
        if segment.flags.has(Flags::ACK) && segment.ack == self.sender.nxt {
            // The peer's answer to our SYN, as both began at once (figure 8).
            self.sender.update_window(segment, true);
            self.establish(now);
            self.receiver.acknowledge_now();
        } else {
            // Our answer is lost, so there is another.
            self.handshake.due |= self.challenges.allow(now);
        }
    }

    /// §3.10.7.4.
    fn on_synchronized(&mut self, now: Time, segment: &Segment, pieces: impl IntoIterator<Item = P>) {
        let flags = segment.flags;
        if !self.is_timely(now, segment) {
            self.counters.unacceptable += 1;
            return;
        }
        // With its window closed, a segment that is next may still acknowledge.
        let next = segment.seq == self.receiver.nxt;
        if !next && !self.receiver.is_acceptable(segment) {
            self.counters.unacceptable += 1;
            if !flags.has(Flags::RST) {
                self.on_unacceptable(now, segment);
            }
            return;
        }
        if flags.has(Flags::RST) {
            return self.on_reset(now, next);
        }
        if flags.has(Flags::SYN) {
            // RFC 5961 §4.2.
            return self.challenge(now);
        }
        if !flags.has(Flags::ACK) {
            return;
        }
        self.heard = now;
        self.probes = 0;
        if !self.on_acknowledgement(now, segment) {
            return;
        }
        if let Some(timestamps) = segment.timestamps
            && self.clock.on
            && segment.seq <= self.clock.acknowledged
        {
            // RFC 7323 §4.3.
            self.clock.recent = timestamps.value;
            self.clock.recent_at = now;
        }
        if segment.payload > 0 || flags.has(Flags::FIN) {
            self.on_text(now, segment, pieces);
        }
    }

    /// Protection against wrapped sequence numbers: RFC 7323 §5.3. An old segment is answered.
    fn is_timely(&mut self, now: Time, segment: &Segment) -> bool {
        if !self.clock.on || segment.flags.has(Flags::RST) {
            return true;
        }
        // One without timestamps, where they were agreed on, is none of ours (§3.2).
        let Some(timestamps) = segment.timestamps else {
            return false;
        };
        let old = timestamps.value.wrapping_sub(self.clock.recent).cast_signed() < 0;
        if old && now - self.clock.recent_at < PAWS_LIFE {
            self.challenge(now);
            return false;
        }
        true
    }

    /// Whether a SYN is certainly later than all of this connection, which is over: RFC 6191 §2.
    pub(crate) fn is_succeeded_by(&self, segment: &Segment) -> bool {
        match segment.timestamps {
            Some(timestamps) if self.clock.on => {
                let age = timestamps.value.wrapping_sub(self.clock.recent).cast_signed();
                age > 0 || (age == 0 && segment.seq > self.receiver.nxt)
            }
            _ => segment.seq > self.receiver.nxt,
        }
    }

    fn on_unacceptable(&mut self, now: Time, segment: &Segment) {
        if self.state == State::TimeWait {
            // The peer has not heard our last acknowledgement.
            if segment.flags.has(Flags::FIN) {
                self.until = Some(now + self.settings.time_wait);
            }
        } else if segment.flags.has(Flags::ACK) && segment.len() == 0 {
            self.heard = now;
        }
        if segment.payload > 0 {
            // It has come before, mostly, and the peer waits to hear so. An answer to octets is answered by nobody, so there
            // is no flood to fear.
            self.receiver.repeated(segment);
            self.receiver.acknowledge_now();
        } else {
            self.challenge(now);
        }
    }

    /// Answers with where we are: RFC 5961, "challenge ACK".
    fn challenge(&mut self, now: Time) {
        if self.challenges.allow(now) {
            self.receiver.acknowledge_now();
        }
    }

    /// RFC 5961 §3.2: only the exact number resets.
    fn on_reset(&mut self, now: Time, exact: bool) {
        if !exact {
            return self.challenge(now);
        }
        let error = match self.state {
            State::SynReceived if self.handshake.passive => None,
            State::SynReceived => Some(Error::Refused),
            State::Closing | State::LastAck | State::TimeWait => None,
            _ => Some(Error::Reset),
        };
        self.enter_closed(error);
    }

    /// Returns whether the rest of the segment counts.
    fn on_acknowledgement(&mut self, now: Time, segment: &Segment) -> bool {
        if self.state == State::SynReceived {
            if segment.ack != self.sender.nxt {
                self.reply = reset(segment);
                return false;
            }
            self.sender.update_window(segment, true);
            self.establish(now);
            // From here on windows are scaled.
            self.sender.update_window(segment, false);
            return true;
        }
        let oldest = self.sender.una - self.sender.most_window();
        if segment.ack > self.sender.nxt || segment.ack < oldest {
            // RFC 5961 §5.2.
            self.challenge(now);
            return false;
        }
        if segment.ack < self.sender.una {
            return true;
        }
        let moved = self.sender.update_window(segment, false);
        if segment.ack == self.sender.una && segment.payload > 0 && segment.sack.is_empty() {
            // The peer sends and we do not: nothing is new about what we sent.
            return true;
        }
        let echo = segment.timestamps.filter(|_| self.clock.on).map(|at| at.echo);
        let sent = echo.and_then(|echo| self.clock.sent(now, echo));
        self.sender.acknowledged(now, segment, sent, moved);
        if self.blocked && self.sender.has_room_again() {
            self.blocked = false;
            self.events.writable = true;
        }
        if self.sender.is_finished() {
            self.on_fin_acknowledged(now);
        }
        self.state != State::Closed
    }

    fn on_fin_acknowledged(&mut self, now: Time) {
        match self.state {
            State::FinWait1 => {
                self.state = State::FinWait2;
                if self.forgotten {
                    self.until = Some(now + self.settings.orphan_timeout);
                }
            }
            State::Closing => self.enter_time_wait(now),
            State::LastAck => self.enter_closed(None),
            _ => {}
        }
    }

    /// The seventh and eighth check: octets, and the end of them.
    fn on_text(&mut self, now: Time, segment: &Segment, pieces: impl IntoIterator<Item = P>) {
        if !matches!(self.state, State::Established | State::FinWait1 | State::FinWait2) {
            return;
        }
        if self.forgotten && segment.payload > 0 && segment.seq + segment.payload > self.receiver.nxt {
            // Nobody will take it: RFC 9293 §3.6.1.
            return self.abort();
        }
        let fin = segment.flags.has(Flags::FIN);
        let received = self
            .receiver
            .receive(now, segment.seq, segment.payload, pieces, fin);
        self.events.readable |= received.readable;
        self.counters.dropped += u64::from(received.dropped);
        if self.settings.reliable && (received.dropped || self.receiver.misses()) {
            // Nobody sends it again.
            self.abort();
            return self.enter_closed(Some(Error::Lost));
        }
        if received.finished {
            self.on_fin(now);
        }
    }

    fn on_fin(&mut self, now: Time) {
        self.events.peer_closed = true;
        match self.state {
            State::Established => self.state = State::CloseWait,
            // Our FIN was not acknowledged by the same segment: that is looked at first.
            State::FinWait1 => self.state = State::Closing,
            State::FinWait2 => self.enter_time_wait(now),
            _ => {}
        }
    }
}

/// The answer to a segment of no connection (RFC 9293 §3.5.2, group 1).
pub(crate) fn reset(segment: &Segment) -> Option<Segment> {
    if segment.flags.has(Flags::RST) {
        return None;
    }
    Some(if segment.flags.has(Flags::ACK) {
        Segment {
            seq: segment.ack,
            flags: Flags::RST,
            ..Segment::default()
        }
    } else {
        Segment {
            ack: segment.seq + segment.len(),
            flags: Flags::RST | Flags::ACK,
            ..Segment::default()
        }
    })
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Acknowledgements, and the ways back from a loss (RFC 6298, 6582, 6675, 8985).

use rtu::{Nanos, Time};
use transport_apic::Payload;

use super::{Expired, Sender, flight::DUPLICATES};
use crate::engine::{
    segment::{Block, Segment},
    sequence::Seq,
};

/// What is being done about losses.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// Up to where what was sent before the loss was found.
    until: Option<Seq>,
    /// The loss was found by the timer: slow start leads back (RFC 5681 §3.1).
    timed_out: bool,
    /// Timeouts since something was acknowledged.
    timeouts: u32,
    /// Acknowledgements that said nothing new, of a peer without SACK.
    pub(super) duplicates: u32,
    /// The next lost segment goes out whatever the congestion window says.
    pub(super) forced: bool,
    /// So does the next new one: it is the probe of a tail.
    pub(super) probing: bool,
    /// A segment that is short goes out all the same: it was held back for long enough (RFC 9293 §3.8.6.2.1).
    pub(super) overriding: bool,
    /// The timer waits for a window to open, not for an acknowledgement.
    pub(super) persisting: bool,
    /// The congestion window was what bound the sender.
    pub(super) limited: bool,
    /// When the next segment counts as lost (RFC 8985 §6.2).
    reorder: Option<Time>,
    /// When the tail is to be probed (RFC 8985 §7.2).
    probe: Option<Time>,
    probed: Option<Probed>,
}

/// A probe that was sent: TLP.end_seq and TLP.is_retrans.
#[derive(Clone, Copy, Debug)]
struct Probed {
    end: Seq,
    retransmission: bool,
    at: Time,
}

impl Recovery {
    pub(super) fn soon(&self) -> Option<Time> {
        match (self.reorder, self.probe) {
            (Some(reorder), Some(probe)) => Some(reorder.min(probe)),
            (reorder, probe) => reorder.or(probe),
        }
    }
}

/// How long a peer may hold an acknowledgement back: WCDelAckT of RFC 8985 §7.2.
const DELAYED: Nanos = Nanos::from_millis(200);
/// A probe is not sent earlier: a peer that is not scheduled for a moment has lost nothing.
const PROBE_LEAST: Nanos = Nanos::from_millis(2);

impl<P: Payload> Sender<P> {
    /// Takes an acknowledgement of `una ..= nxt`. `sent` is when the segment left that it answers, if timestamps tell.
    pub(crate) fn acknowledged(
        &mut self,
        now: Time,
        segment: &Segment,
        sent: Option<Time>,
        window_moved: bool,
    ) {
        if self.reliable {
            // Nobody waits for it but the peer's window.
            self.una = self.una.max(segment.ack);
            return;
        }
        let before = self.una;
        let limited = self.recovery.limited;
        let least = self.rtt.shortest();
        let mut delivered = 0;
        let mut rtt = None;
        if segment.ack > self.una {
            let news = self.flight.acknowledge(now, segment.ack, sent, least);
            (delivered, rtt) = (news.octets, news.rtt);
            self.una = segment.ack;
            self.buffer.release(self.una);
            self.progressed(now);
        } else if segment.payload == 0 && !window_moved && !self.sack && !self.flight.is_empty() {
            self.recovery.duplicates += 1;
        }
        let mut repeated = false;
        if self.sack {
            for block in segment.sack.iter().copied() {
                if !self.is_news(block) {
                    repeated |= block.end <= self.una;
                    continue;
                }
                let news = self.flight.sack(now, block, sent, least);
                delivered += news.octets;
                rtt = news.rtt.or(rtt);
            }
        }
        if let Some(rtt) = rtt {
            self.rtt.measured(rtt);
        }
        self.settle_probe(sent, repeated);
        self.recover(now, self.una > before);
        if self.recovery.until.is_none() || self.recovery.timed_out {
            if limited && delivered > 0 {
                let rtt = self.rtt.smoothed().unwrap_or(Nanos::ZERO);
                self.congestion.acknowledged(now, delivered, rtt);
            }
            self.recovery.limited = false;
        }
        if self.una > before {
            self.restart_timer(now);
        }
    }

    /// Whether `block` reports something that is on its way; others are old, or report a duplicate (RFC 2883 §4).
    fn is_news(&self, block: Block) -> bool {
        block.start < block.end && block.start >= self.una && block.end <= self.nxt
    }

    fn progressed(&mut self, now: Time) {
        self.progress = now;
        self.rtt.recovered();
        self.recovery.timeouts = 0;
        self.recovery.duplicates = 0;
    }

    /// RFC 6298 (5.2, 5.3).
    fn restart_timer(&mut self, now: Time) {
        self.recovery.persisting = false;
        if self.flight.is_empty() {
            self.timer = None;
            self.recovery.probe = None;
            self.recovery.reorder = None;
        } else {
            self.timer = Some(now + self.rtt.timeout());
            self.schedule_probe(now);
        }
    }

    /// Enters, continues or leaves recovery after an acknowledgement.
    fn recover(&mut self, now: Time, advanced: bool) {
        if let Some(until) = self.recovery.until {
            if self.una >= until {
                self.recovery.until = None;
                self.recovery.timed_out = false;
            } else if advanced && !self.sack && !self.recovery.timed_out {
                // A partial acknowledgement: RFC 6582 §3.2, step 3.
                self.flight.lose_first();
                self.recovery.forced = true;
            }
        }
        if self.sack {
            if (advanced && !self.flight.is_empty()) || self.flight.has_sacked() {
                self.detect(now);
            }
        } else if self.recovery.until.is_none() && self.recovery.duplicates >= DUPLICATES {
            self.flight.lose_first();
            self.enter();
        }
    }

    /// RFC 8985 §6.2, step 5.
    fn detect(&mut self, now: Time) {
        let smoothed = self.rtt.smoothed().unwrap_or(Nanos::ZERO);
        let recovering = self.recovery.until.is_some();
        let detected = self.flight.detect(now, smoothed, self.rtt.shortest(), recovering);
        self.recovery.reorder = detected.wait.map(|wait| now + wait);
        if detected.lost && !recovering {
            self.enter();
        }
    }

    fn enter(&mut self) {
        self.recovery.until = Some(self.nxt);
        self.recovery.timed_out = false;
        self.recovery.forced = true;
        self.recovery.probe = None;
        self.congestion.lost(self.flight.outstanding());
    }

    /// Whether the probe of a tail repaired a loss: that is one for congestion control too (RFC 8985 §7.4).
    fn settle_probe(&mut self, sent: Option<Time>, repeated: bool) {
        let Some(probed) = self.recovery.probed.filter(|probed| probed.end <= self.una) else {
            return;
        };
        self.recovery.probed = None;
        let first_copy = sent.is_some_and(|sent| sent < probed.at);
        if probed.retransmission && !repeated && !first_copy && self.recovery.until.is_none() {
            self.congestion.lost(self.flight.outstanding().max(self.mss));
        }
    }

    /// Has the tail probed in two round trips, unless something says so earlier (RFC 8985 §7.2).
    pub(super) fn schedule_probe(&mut self, now: Time) {
        self.recovery.probe = None;
        let unwanted = !self.sack || self.recovery.until.is_some() || self.recovery.probed.is_some();
        if unwanted || self.flight.has_sacked() || self.recovery.persisting {
            return;
        }
        let Some(smoothed) = self.rtt.smoothed() else {
            return;
        };
        let mut wait = (smoothed * 2).max(PROBE_LEAST);
        if self.flight.segments() == 1 {
            wait += DELAYED;
        }
        let at = now + wait;
        if self.timer.is_some_and(|timer| at < timer) {
            self.recovery.probe = Some(at);
        }
    }

    /// Does what is due, and says what else is to be done.
    pub(crate) fn expire(&mut self, now: Time) -> Option<Expired> {
        let due = |at: Option<Time>| at.is_some_and(|at| at <= now);
        if due(self.timer) {
            return Some(self.time_out(now));
        }
        if due(self.recovery.reorder) {
            self.recovery.reorder = None;
            self.detect(now);
            return Some(Expired::Resume);
        }
        if due(self.recovery.probe) {
            self.recovery.probe = None;
            self.probe_tail(now);
            return Some(Expired::Resume);
        }
        None
    }

    /// RFC 6298 (5.4 to 5.7), or the probe of a closed window.
    fn time_out(&mut self, now: Time) -> Expired {
        self.rtt.back_off();
        self.timer = Some(now + self.rtt.timeout());
        if self.flight.is_empty() {
            if (self.una + self.window) > self.nxt {
                self.recovery.overriding = true;
                return Expired::Resume;
            }
            return Expired::ProbeWindow;
        }
        let again = self.recovery.timeouts > 0;
        self.congestion.timed_out(self.flight.outstanding(), again);
        self.flight.lose_all(again);
        self.recovery = Recovery {
            until: Some(self.nxt),
            timed_out: true,
            timeouts: self.recovery.timeouts + 1,
            forced: true,
            limited: true,
            ..Recovery::default()
        };
        Expired::Resume
    }

    /// Sends something new if there is something, or the last segment again (RFC 8985 §7.3).
    fn probe_tail(&mut self, now: Time) {
        let fresh = self.unsent() > 0 && (self.una + self.window).since(self.nxt) > 0;
        let end = if fresh {
            self.recovery.probing = true;
            Some(self.nxt + 1)
        } else {
            self.recovery.forced = true;
            self.flight.probe_last().map(|block| block.end)
        };
        self.recovery.probed = end.map(|end| Probed {
            end,
            retransmission: !fresh,
            at: now,
        });
        self.timer = Some(now + self.rtt.timeout());
    }
}

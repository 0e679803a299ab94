// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is on its way: each segment sent and not yet acknowledged, and which of them are lost (RFC 2018, 6675, 8985).

use std::collections::VecDeque;

use rtu::{Nanos, Time};

use crate::engine::{segment::Block, sequence::Seq};

/// One segment that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) start: Seq,
    pub(crate) end: Seq,
    /// When it was sent last.
    pub(crate) at: Time,
    pub(crate) retransmitted: bool,
    /// The peer has it, out of order.
    sacked: bool,
    /// Taken for lost, and not sent again since.
    lost: bool,
}

impl Sent {
    fn len(&self) -> u32 {
        self.end - self.start
    }

    /// Whether the other one was sent after this: RACK_sent_after.
    fn is_before(&self, at: Time, end: Seq) -> bool {
        self.at < at || (self.at == at && self.end < end)
    }
}

/// What an acknowledgement said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Delivered {
    /// Octets that are known to be there since.
    pub(crate) octets: u32,
    /// The time to the last segment that was sent once.
    pub(crate) rtt: Option<Nanos>,
}

/// The segments on their way, in order of their numbers.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    sent: VecDeque<Sent>,
    sacked: u32,
    sacked_segments: u32,
    lost: u32,
    /// No segment before this is lost.
    first_lost: Seq,
    rack: Rack,
}

/// Recent acknowledgement: the most recently sent segment that has arrived (RFC 8985 §5.3).
#[derive(Debug, Default)]
struct Rack {
    /// When it was sent, and where it ended.
    at: Time,
    end: Seq,
    rtt: Nanos,
    /// The highest number that has arrived.
    highest: Option<Seq>,
    reordered: bool,
}

/// What RACK found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Detected {
    /// Something is lost that was not before.
    pub(crate) lost: bool,
    /// In how long the next segment is to be taken for lost.
    pub(crate) wait: Option<Nanos>,
}

/// How many segments must have arrived behind a gap before it is a loss, if nothing is known of reordering.
pub(crate) const DUPLICATES: u32 = 3;

impl Flight {
    pub(crate) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    pub(crate) fn segments(&self) -> usize {
        self.sent.len()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Octets that have been sent and not acknowledged.
    pub(crate) fn outstanding(&self) -> u32 {
        match (self.sent.front(), self.sent.back()) {
            (Some(first), Some(last)) => last.end - first.start,
            _ => 0,
        }
    }

    /// Octets that are in the network, by all that is known: RFC 6675's pipe.
    pub(crate) fn pipe(&self) -> u32 {
        self.outstanding() - self.sacked - self.lost
    }

    pub(crate) fn has_lost(&self) -> bool {
        self.lost > 0
    }

    pub(crate) fn has_sacked(&self) -> bool {
        self.sacked > 0
    }

    /// Notes that `start` to `end` was sent for the first time.
    pub(crate) fn push(&mut self, start: Seq, end: Seq, at: Time) {
        self.sent.push_back(Sent {
            start,
            end,
            at,
            retransmitted: false,
            sacked: false,
            lost: false,
        });
    }

    /// Takes the cumulative acknowledgement `ack`; `sent` is what our clock said when the segment left that it answers, if
    /// timestamps tell.
    pub(crate) fn acknowledge(&mut self, now: Time, ack: Seq, sent: Option<Time>, least: Nanos) -> Delivered {
        let mut delivered = Delivered::default();
        while let Some(first) = self.sent.front_mut() {
            if first.start >= ack {
                break;
            }
            let whole = first.end <= ack;
            let octets = if whole { first.len() } else { ack - first.start };
            if first.sacked {
                self.sacked -= octets;
            } else {
                delivered.octets += octets;
                if first.lost {
                    self.lost -= octets;
                }
            }
            if !whole {
                first.start = ack;
                break;
            }
            if let Some(first) = self.sent.pop_front() {
                if first.sacked {
                    self.sacked_segments -= 1;
                    continue;
                }
                if !first.retransmitted {
                    delivered.rtt = Some(now - first.at);
                }
                self.rack.arrived(now, &first, sent, least);
            }
        }
        delivered
    }

    /// Takes the selective acknowledgement of `block`, which lies within what is outstanding.
    pub(crate) fn sack(&mut self, now: Time, block: Block, sent: Option<Time>, least: Nanos) -> Delivered {
        let mut delivered = Delivered::default();
        let from = self.sent.partition_point(|sent| sent.start < block.start);
        for segment in self.sent.range_mut(from..) {
            if segment.end > block.end {
                break;
            }
            if segment.sacked {
                continue;
            }
            segment.sacked = true;
            self.sacked += segment.len();
            self.sacked_segments += 1;
            delivered.octets += segment.len();
            if segment.lost {
                segment.lost = false;
                self.lost -= segment.len();
            }
            if !segment.retransmitted {
                delivered.rtt = Some(now - segment.at);
            }
            self.rack.arrived(now, segment, sent, least);
        }
        delivered
    }

    /// Marks what must be lost by now (RFC 8985 §6.2, step 5).
    pub(crate) fn detect(
        &mut self,
        now: Time,
        smoothed: Nanos,
        shortest: Nanos,
        recovering: bool,
    ) -> Detected {
        let enough = recovering || self.sacked_segments >= DUPLICATES;
        let window = if !self.rack.reordered && enough {
            Nanos::ZERO
        } else {
            (shortest / 4).min(smoothed)
        };
        let (at, end, patience) = (self.rack.at, self.rack.end, self.rack.rtt + window);
        let mut detected = Detected::default();
        for segment in &mut self.sent {
            if segment.sacked || segment.lost {
                continue;
            }
            if !segment.is_before(at, end) {
                if segment.retransmitted {
                    continue;
                }
                // What follows was sent later still.
                break;
            }
            let age = now - segment.at;
            if age >= patience {
                segment.lost = true;
                self.lost += segment.len();
                self.first_lost = if detected.lost {
                    self.first_lost.min(segment.start)
                } else {
                    segment.start
                };
                detected.lost = true;
            } else {
                detected.wait = detected.wait.max(Some(patience - age));
            }
        }
        detected
    }

    /// Marks the first segment, for peers without SACK (RFC 6582 §3.2), unless it is on its way again.
    pub(crate) fn lose_first(&mut self) {
        if let Some(first) = self.sent.front_mut()
            && !first.lost
            && !first.sacked
        {
            first.lost = true;
            self.lost += first.len();
            self.first_lost = first.start;
        }
    }

    /// Marks all that the peer is not known to have: the retransmission timer has expired (RFC 8985 §6.3). With `renege`
    /// what was selectively acknowledged counts as well: the peer may have let it go (RFC 2018 §8).
    pub(crate) fn lose_all(&mut self, renege: bool) {
        for segment in &mut self.sent {
            if renege {
                segment.sacked = false;
            }
            segment.lost = !segment.sacked;
        }
        if renege {
            self.sacked = 0;
            self.sacked_segments = 0;
        }
        self.lost = self.outstanding() - self.sacked;
        self.first_lost = self.sent.front().map(|first| first.start).unwrap_or_default();
    }

    /// Marks what is longer than `most`: a router has dropped it for its length.
    pub(crate) fn lose_longer(&mut self, most: u32) -> bool {
        let before = self.lost;
        for segment in &mut self.sent {
            if segment.len() > most && !segment.sacked && !segment.lost {
                segment.lost = true;
                self.lost += segment.len();
            }
        }
        self.first_lost = self.sent.front().map(|first| first.start).unwrap_or_default();
        self.lost > before
    }

    /// The first segment that is lost.
    pub(crate) fn first_lost(&mut self) -> Option<Block> {
        if self.lost == 0 {
            return None;
        }
        let segment = self.lost_from()?;
        let found = self.sent.get(segment)?;
        let block = Block {
            start: found.start,
            end: found.end,
        };
        self.first_lost = block.start;
        Some(block)
    }

    /// Notes that the first lost segment was sent again, up to `end`: a shorter one is cut in two.
    pub(crate) fn resent(&mut self, end: Seq, now: Time) {
        let Some(index) = self.lost_from() else {
            return;
        };
        let Some(segment) = self.sent.get_mut(index) else {
            return;
        };
        let rest = (end < segment.end).then(|| Sent {
            start: end,
            ..segment.clone()
        });
        segment.end = segment.end.min(end);
        segment.at = now;
        segment.retransmitted = true;
        segment.lost = false;
        self.lost -= segment.len();
        self.first_lost = segment.end;
        if let Some(rest) = rest {
            self.sent.insert(index + 1, rest);
        }
    }

    /// The last segment, for a probe, and notes that it is sent again.
    pub(crate) fn probe_last(&mut self) -> Option<Block> {
        let last = self.sent.back_mut().filter(|last| !last.sacked)?;
        if !last.lost {
            last.lost = true;
            self.lost += last.len();
        }
        self.first_lost = last.start;
        Some(Block {
            start: last.start,
            end: last.end,
        })
    }

    fn lost_from(&self) -> Option<usize> {
        let from = self.sent.partition_point(|sent| sent.end <= self.first_lost);
        let within = self.sent.range(from..).position(|sent| sent.lost);
        // A hint that was wrong costs a search from the beginning, once.
        within
            .map(|index| from + index)
            .or_else(|| self.sent.iter().position(|sent| sent.lost))
    }
}

impl Rack {
    /// RFC 8985 §6.2, steps 2 and 3.
    fn arrived(&mut self, now: Time, segment: &Sent, sent: Option<Time>, shortest: Nanos) {
        let rtt = now - segment.at;
        // It may have been the first copy that arrived.
        let ambiguous =
            segment.retransmitted && (sent.is_some_and(|sent| sent < segment.at) || rtt < shortest);
        if !ambiguous {
            self.rtt = rtt;
            let first = self.highest.is_none();
            if first || self.at < segment.at || (self.at == segment.at && self.end < segment.end) {
                self.at = segment.at;
                self.end = segment.end;
            }
        }
        match self.highest {
            Some(highest) if segment.end < highest => self.reordered |= !segment.retransmitted,
            _ => self.highest = Some(segment.end),
        }
    }
}

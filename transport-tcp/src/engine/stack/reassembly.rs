// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets that come in fragments, put together again within bounds.
//!
//! Fragments that overlap are somebody's trick: all of their packet is dropped, what is still to come included (RFC 5722,
//! RFC 8200 §4.5), over IPv4 too. One that comes twice is no overlap.

use std::{collections::BTreeMap, net::IpAddr};

use arrayvec::ArrayVec;
use rtu::{Nanos, Time};
use smallvec::SmallVec;
use transport_apic::{Packet, Payload};

use crate::engine::{
    Malformed,
    fragment::{Fragment, Whole},
    wire::UDP_HEADER,
};

/// How long the rest of a packet is waited for: as Linux does over IPv4, and within the 60 s of RFC 8200 §4.5. Identifications
/// come round, so longer is not better (RFC 4963).
const PATIENCE: Nanos = Nanos::from_secs(30);
/// What a fragment costs beside its octets: many short ones must not be free.
const OVERHEAD: usize = 128;
/// The part of all room that one source may have.
const SHARE: usize = 4;
/// Packets that are waited for.
const MOST: usize = 64;

/// What became of fragments on a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FragmentCounters {
    /// Fragments received.
    pub received: u64,
    /// Fragments sent.
    pub sent: u64,
    /// Packets put together.
    pub reassembled: u64,
    /// Packets dropped because the rest of them did not come in time.
    pub timed_out: u64,
    /// Packets dropped because their fragments overlapped, or did not agree where the packet ends.
    pub overlapping: u64,
    /// Packets dropped because there was no room for all, or their source had more than its share.
    pub crowded: u64,
}

/// The data of a packet.
#[derive(Debug)]
pub(super) struct Joined<P> {
    pub(super) of: Whole,
    pub(super) udp: [u8; UDP_HEADER],
    pub(super) payload: SmallVec<[P; Packet::PIECES]>,
}

/// Packets of which some fragments have come.
#[derive(Debug)]
pub(super) struct Reassembly<P> {
    /// In the order in which they began.
    partial: Vec<Partial<P>>,
    cost: usize,
    room: usize,
}

#[derive(Debug)]
struct Partial<P> {
    of: Whole,
    ends: Time,
    /// By where they begin; where they end stands with them.
    fragments: BTreeMap<usize, (usize, ArrayVec<P, { Packet::PIECES }>)>,
    udp: Option<[u8; UDP_HEADER]>,
    octets: usize,
    total: Option<usize>,
    cost: usize,
    /// Whatever comes of it is dropped.
    spoilt: bool,
}

impl<P: Payload> Reassembly<P> {
    pub(super) fn new(room: usize) -> Self {
        Self {
            partial: Vec::new(),
            cost: 0,
            room,
        }
    }

    /// Takes a fragment of a datagram, whose lengths agree; returns the datagram that it completes.
    ///
    /// # Errors
    ///
    /// [`Malformed::Fragment`] if there is something wrong with it.
    pub(super) fn receive(
        &mut self,
        now: Time,
        fragment: &Fragment,
        packet: Packet<P>,
        counters: &mut FragmentCounters,
    ) -> Result<Option<Joined<P>>, Malformed> {
        counters.received += 1;
        let headers = packet.headers.as_ref().get(fragment.header..);
        let udp = headers.unwrap_or_default().first_chunk().copied();
        if (fragment.offset == 0) != udp.is_some() {
            return Err(Malformed::Fragment);
        }
        if let (Some(udp), false) = (udp, fragment.more) {
            // A packet in one fragment has to do with no other one (RFC 6946 §4).
            counters.reassembled += 1;
            return Ok(Some(Joined {
                of: fragment.of,
                udp,
                payload: packet.payload.into_iter().collect(),
            }));
        }
        let index = self.begun(now, fragment.of);
        let Some(partial) = self.partial.get_mut(index) else {
            return Ok(None);
        };
        let before = partial.cost;
        partial.add(fragment, udp, packet.payload, counters);
        let (complete, after) = (partial.is_complete(), partial.cost);
        self.cost = self.cost + after - before;
        if !complete {
            self.make_room(fragment.of.source, counters);
            return Ok(None);
        }
        counters.reassembled += 1;
        Ok(self.remove(index).joined())
    }

    /// Drops what is waited for no longer.
    pub(super) fn expire(&mut self, now: Time, counters: &mut FragmentCounters) {
        while self.partial.first().is_some_and(|first| first.ends <= now) {
            let late = self.remove(0);
            counters.timed_out += u64::from(!late.spoilt);
        }
    }

    /// Returns what is kept, as the bounds count it.
    #[cfg(test)]
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// Returns when there will be something to drop.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.partial.first().map(|first| first.ends)
    }

    /// The packet that a fragment belongs to, which begins with it if there is none.
    fn begun(&mut self, now: Time, of: Whole) -> usize {
        let known = self.partial.iter().position(|partial| partial.of == of);
        known.unwrap_or_else(|| {
            self.partial.push(Partial {
                of,
                ends: now + PATIENCE,
                fragments: BTreeMap::new(),
                udp: None,
                octets: 0,
                total: None,
                cost: OVERHEAD,
                spoilt: false,
            });
            self.cost += OVERHEAD;
            self.partial.len() - 1
        })
    }

    /// Sees to the bounds: of one source its oldest packet goes, and of all the oldest.
    fn make_room(&mut self, source: IpAddr, counters: &mut FragmentCounters) {
        let its = |partial: &&Partial<P>| partial.of.source == source;
        loop {
            let (cost, count) = self
                .partial
                .iter()
                .filter(its)
                .fold((0, 0), |(cost, count), partial| (cost + partial.cost, count + 1));
            let excess = if cost > self.room / SHARE || count > MOST / SHARE {
                self.partial.iter().position(|partial| its(&partial))
            } else if self.cost > self.room || self.partial.len() > MOST {
                Some(0)
            } else {
                None
            };
            let Some(index) = excess else {
                return;
            };
            let dropped = self.remove(index);
            counters.crowded += u64::from(!dropped.spoilt);
        }
    }

    fn remove(&mut self, index: usize) -> Partial<P> {
        let partial = self.partial.remove(index);
        self.cost -= partial.cost;
        partial
    }
}

impl<P: Payload> Partial<P> {
    fn add(
        &mut self,
        fragment: &Fragment,
        udp: Option<[u8; UDP_HEADER]>,
        payload: ArrayVec<P, { Packet::PIECES }>,
        counters: &mut FragmentCounters,
    ) {
        let (begin, end) = (fragment.offset, fragment.offset + fragment.length);
        if self.spoilt || self.has(begin, end, udp, &payload) {
            return;
        }
        let before = self.fragments.range(..end).next_back();
        let overlaps = before.is_some_and(|(_, (end, _))| *end > begin);
        let last = (!fragment.more).then_some(end);
        let agrees = match (self.total, last) {
            (Some(total), Some(last)) => total == last,
            (Some(total), None) => end <= total,
            // Nothing may lie behind the end.
            (None, Some(last)) => self.fragments.values().all(|(end, _)| *end <= last),
            (None, None) => true,
        };
        if overlaps || !agrees {
            counters.overlapping += 1;
            self.spoil();
            return;
        }
        self.total = self.total.or(last);
        self.udp = self.udp.or(udp);
        self.octets += fragment.length;
        self.cost += OVERHEAD + fragment.length;
        self.fragments.insert(begin, (end, payload));
    }

    /// Whether the same fragment has come before.
    fn has(&self, begin: usize, end: usize, udp: Option<[u8; UDP_HEADER]>, payload: &[P]) -> bool {
        let octets = |pieces: &[P]| -> Vec<u8> {
            pieces
                .iter()
                .flat_map(|piece| piece.as_ref().iter().copied())
                .collect()
        };
        self.fragments.get(&begin).is_some_and(|(known, pieces)| {
            *known == end && (udp.is_none() || self.udp == udp) && octets(pieces) == octets(payload)
        })
    }

    /// Keeps nothing but that it is to be dropped.
    fn spoil(&mut self) {
        self.spoilt = true;
        self.fragments.clear();
        self.cost = OVERHEAD;
    }

    fn is_complete(&self) -> bool {
        !self.spoilt && self.total == Some(self.octets)
    }

    fn joined(self) -> Option<Joined<P>> {
        let pieces = self.fragments.into_values().flat_map(|(_, pieces)| pieces);
        Some(Joined {
            of: self.of,
            udp: self.udp?,
            payload: pieces.collect(),
        })
    }
}

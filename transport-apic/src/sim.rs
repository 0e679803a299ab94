// SPDX-License-Identifier: MIT OR Apache-2.0
//! Links in virtual time that delay, lose, reorder, duplicate and corrupt, as a seed says.
//!
//! A [`Link`] takes packets in at one end and gives them out at the other, one way; two of them make a [`Circuit`], which is
//! a [`Channel`](crate::Channel). It has no clock: who uses it says what time it is, as the span since the beginning. The
//! same [`Conditions`], seed and calls give the same packets at the same times, on every machine.
//!
//! ```
//! use std::time::Duration;
//! use transport_apic::sim::{Conditions, Link};
//!
//! let conditions = Conditions { delay: Duration::from_millis(5), loss: 0.01, ..Conditions::default() };
//! let mut link: Link<Vec<u8>> = Link::new(conditions, 42)?;
//! link.send(Duration::ZERO, b"hello".to_vec());
//! assert_eq!(link.receive(Duration::from_millis(4)), None);
//! assert_eq!(link.next_arrival(), Some(Duration::from_millis(5)));
//! assert_eq!(link.receive(Duration::from_millis(5)), Some(b"hello".to_vec()));
//! # Ok::<(), transport_apic::sim::BadConditions>(())
//! ```

mod circuit;
mod conditions;

pub use self::circuit::Circuit;
pub use self::conditions::{BadConditions, Burst, Conditions};

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use fastrand::Rng;

/// What became of the packets that were sent on a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Packets that were sent, whatever became of them.
    pub sent: u64,
    /// Packets that came out, copies too.
    pub received: u64,
    /// Packets that were lost one by one.
    pub lost: u64,
    /// Packets that were lost in a burst.
    pub lost_in_burst: u64,
    /// Packets that found the queue full.
    pub queue_full: u64,
    /// Packets longer than the MTU.
    pub too_long: u64,
    /// Copies that came of packets.
    pub duplicated: u64,
    /// Packets and copies that were held back.
    pub reordered: u64,
    /// Packets and copies of which a byte was garbled.
    pub corrupted: u64,
}

/// One direction of a simulated link, for packets of type `T`.
#[derive(Clone, Debug)]
pub struct Link<T> {
    conditions: Conditions,
    random: Rng,
    in_burst: bool,
    /// When all that was sent will have left the queue, at the link's rate.
    idle_at: Duration,
    /// When the last packet arrives that was not held back: jitter alone does not change the order.
    last_arrival: Duration,
    under_way: BinaryHeap<Reverse<Arrival<T>>>,
    /// Tells apart what arrives at the same time.
    number: u64,
    counters: Counters,
}

impl<T: AsRef<[u8]> + Clone + From<Vec<u8>>> Link<T> {
    /// Makes a link on which nothing is under way.
    ///
    /// # Errors
    ///
    /// [`BadConditions`] if a probability is none, or a link with a rate could take nothing.
    pub fn new(conditions: Conditions, seed: u64) -> Result<Self, BadConditions> {
        conditions.check()?;
        Ok(Self {
            conditions,
            random: Rng::with_seed(seed),
            in_burst: false,
            idle_at: Duration::ZERO,
            last_arrival: Duration::ZERO,
            under_way: BinaryHeap::new(),
            number: 0,
            counters: Counters::default(),
        })
    }

    /// Changes the conditions for what is sent from now on; what is under way arrives as it would have.
    ///
    /// # Errors
    ///
    /// [`BadConditions`], as [`new`](Self::new); the old ones stay.
    pub fn change(&mut self, conditions: Conditions) -> Result<(), BadConditions> {
        conditions.check()?;
        self.conditions = conditions;
        Ok(())
    }

    /// Puts a packet in at `now`.
    pub fn send(&mut self, now: Duration, packet: T) {
        self.counters.sent += 1;
        let length = packet.as_ref().len();
        if length > self.conditions.mtu {
            self.counters.too_long += 1;
            return;
        }
        if self.is_lost() {
            return;
        }
        let Some(leaves) = self.leaves_queue(now, length) else {
            self.counters.queue_full += 1;
            return;
        };
        if self.happens(self.conditions.duplication) {
            self.counters.duplicated += 1;
            self.carry(leaves, packet.clone());
        }
        self.carry(leaves, packet);
    }

    /// Takes out a packet that has arrived by `now`, the earliest first.
    pub fn receive(&mut self, now: Duration) -> Option<T> {
        if self.next_arrival()? > now {
            return None;
        }
        let Reverse(arrival) = self.under_way.pop()?;
        self.counters.received += 1;
        Some(arrival.packet)
    }
}

impl<T> Link<T> {
    /// Returns when the next packet arrives, if any is under way.
    pub fn next_arrival(&self) -> Option<Duration> {
        self.under_way.peek().map(|Reverse(arrival)| arrival.at)
    }

    /// Returns how many packets are under way.
    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Returns what became of the packets so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn happens(&mut self, probability: f64) -> bool {
        // What never happens costs no number, so that what is switched off does not change the rest of a run.
        probability > 0.0 && self.random.f64() < probability
    }

    /// Gilbert's and Elliott's chain of two states, then the loss that knows no past.
    fn is_lost(&mut self) -> bool {
        if let Some(burst) = self.conditions.burst {
            let turns = if self.in_burst { burst.ends } else { burst.begins };
            self.in_burst ^= self.happens(turns);
            if self.in_burst && self.happens(burst.loss) {
                self.counters.lost_in_burst += 1;
                return true;
            }
        }
        let lost = self.happens(self.conditions.loss);
        self.counters.lost += u64::from(lost);
        lost
    }

    /// When a packet's last byte leaves the queue; `None` if there is no room for it.
    fn leaves_queue(&mut self, now: Duration, length: usize) -> Option<Duration> {
        let Some(rate) = self.conditions.rate else {
            return Some(now);
        };
        let starts = self.idle_at.max(now);
        let waiting = (starts - now).as_nanos() * u128::from(rate.get()) / NANOS_PER_SECOND;
        let room = u128::try_from(self.conditions.queue).unwrap_or(u128::MAX);
        if waiting + length as u128 > room {
            return None;
        }
        let nanos = (length as u128 * NANOS_PER_SECOND).div_ceil(u128::from(rate.get()));
        self.idle_at = starts.saturating_add(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)));
        Some(self.idle_at)
    }

    fn up_to(&mut self, longest: Duration) -> Duration {
        match u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX) {
            0 => Duration::ZERO,
            longest => Duration::from_nanos(self.random.u64(0..=longest)),
        }
    }
}

impl<T: AsRef<[u8]> + From<Vec<u8>>> Link<T> {
    fn carry(&mut self, leaves: Duration, packet: T) {
        let packet = if self.happens(self.conditions.corruption) {
            self.counters.corrupted += 1;
            self.corrupted(&packet)
        } else {
            packet
        };
        let jitter = self.up_to(self.conditions.jitter);
        let arrives = leaves
            .saturating_add(self.conditions.delay)
            .saturating_add(jitter);
        let at = if self.happens(self.conditions.reordering) {
            self.counters.reordered += 1;
            let held_back = self.up_to(self.conditions.held_back);
            arrives.saturating_add(held_back)
        } else {
            self.last_arrival = self.last_arrival.max(arrives);
            self.last_arrival
        };
        let number = self.number;
        self.number += 1;
        self.under_way.push(Reverse(Arrival { at, number, packet }));
    }

    /// Flips one to eight bits, all of one byte.
    fn corrupted(&mut self, packet: &T) -> T {
        let mut bytes = packet.as_ref().to_vec();
        let at = self.random.usize(0..bytes.len().max(1));
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= self.random.u8(1..);
        }
        T::from(bytes)
    }
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// A packet under way. Earlier ones come first, and of those that arrive together the one that was sent first.
#[derive(Clone, Debug)]
struct Arrival<T> {
    at: Duration,
    number: u64,
    packet: T,
}

impl<T> Ord for Arrival<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl<T> PartialOrd for Arrival<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Arrival<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Arrival<T> {}

#[cfg(test)]
mod tests;

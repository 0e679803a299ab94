// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a link does to what it carries.

use std::num::NonZeroU64;
use std::time::Duration;

/// What a link does to what it carries. The default is a perfect one: at once, everything, in order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// The time from one end to the other. Defaults to none.
    pub delay: Duration,
    /// The most that is added to it, packet by packet and evenly; jitter alone does not change the order. Defaults to
    /// none.
    pub jitter: Duration,
    /// Bytes per second. Defaults to any number.
    pub rate: Option<NonZeroU64>,
    /// The most bytes that wait for the rate; what finds no room is dropped. Defaults to 64 KiB.
    pub queue: usize,
    /// The probability that a packet is lost, whatever happened to others. Defaults to 0.
    pub loss: f64,
    /// Losses that come together. Defaults to none.
    pub burst: Option<Burst>,
    /// The probability that a packet is held back, so that later ones overtake it. Defaults to 0.
    pub reordering: f64,
    /// The longest that such a packet is held back. Defaults to 10 ms.
    pub held_back: Duration,
    /// The probability that a packet comes twice. Defaults to 0.
    pub duplication: f64,
    /// The probability that one byte of a packet is garbled, any of its bits flipped: a change that the checksums of IP,
    /// TCP and UDP always tell, as they do not if bits of several bytes change (RFC 1071 §1). Defaults to 0.
    pub corruption: f64,
    /// The longest packet, in bytes; longer ones are dropped. Defaults to any length.
    pub mtu: usize,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            rate: None,
            queue: 64 * 1024,
            loss: 0.0,
            burst: None,
            reordering: 0.0,
            held_back: Duration::from_millis(10),
            duplication: 0.0,
            corruption: 0.0,
            mtu: usize::MAX,
        }
    }
}

/// Losses that come together: a chain of two states, good and bad, with a step per packet (Gilbert 1960, Elliott 1963).
///
/// Of all packets, `begins / (begins + ends) * loss` are lost; a bad time lasts `1 / ends` packets on the average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    /// The probability that a bad time begins with a packet.
    pub begins: f64,
    /// The probability that a bad time ends with a packet.
    pub ends: f64,
    /// The probability that a packet in a bad time is lost.
    pub loss: f64,
}

/// Conditions that no link can have.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadConditions {
    /// A probability is not between 0 and 1.
    #[error("{field} is a probability, from 0 to 1, not {value}")]
    NotProbability {
        /// Which one.
        field: &'static str,
        /// What it was.
        value: f64,
    },
    /// A link with a rate, and a queue that holds nothing, carries nothing.
    #[error("a link with a rate needs a queue of at least one packet, not of 0 bytes")]
    NoQueue,
}

impl Conditions {
    pub(super) fn check(&self) -> Result<(), BadConditions> {
        let burst = self.burst.unwrap_or(Burst {
            begins: 0.0,
            ends: 0.0,
            loss: 0.0,
        });
        let probabilities = [
            ("loss", self.loss),
            ("reordering", self.reordering),
            ("duplication", self.duplication),
            ("corruption", self.corruption),
            ("burst.begins", burst.begins),
            ("burst.ends", burst.ends),
            ("burst.loss", burst.loss),
        ];
        for (field, value) in probabilities {
            if !(0.0..=1.0).contains(&value) {
                return Err(BadConditions::NotProbability { field, value });
            }
        }
        if self.rate.is_some() && self.queue == 0 {
            return Err(BadConditions::NoQueue);
        }
        Ok(())
    }
}

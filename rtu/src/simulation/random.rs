// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers from a seed, the same on every machine.

/// A small generator: SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Makes one from a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Makes another one that goes its own way.
    pub fn split(&mut self) -> Self {
        Self(self.bits())
    }

    /// Returns 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Returns a number in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns whether something of this probability happens.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Returns a number from `least` to `most`, both included; `least` if there is none between.
    pub fn within(&mut self, least: u64, most: u64) -> u64 {
        let span = most.saturating_sub(least).saturating_add(1);
        // The bias of a remainder is of no matter for spans of nanoseconds.
        least + self.bits() % span
    }

    /// Returns a number between two positive ones, each order of magnitude being as probable as any other.
    pub fn log_uniform(&mut self, least: f64, most: f64) -> f64 {
        (least.ln() + self.unit() * (most.ln() - least.ln())).exp()
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sequence numbers: 32 bits that wrap around.

use std::{
    cmp::Ordering,
    ops::{Add, AddAssign, Sub},
};

/// A sequence number. Sums wrap; one is less than another if it lies in the half of the circle before it, so comparison
/// is right for numbers of one window and means nothing beyond (RFC 9293 §3.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Seq(pub(crate) u32);

impl Seq {
    /// Returns the later of two.
    #[must_use]
    pub(crate) fn max(self, other: Self) -> Self {
        if other > self { other } else { self }
    }

    /// Returns the earlier of two.
    #[must_use]
    pub(crate) fn min(self, other: Self) -> Self {
        if other < self { other } else { self }
    }

    /// Returns how far this lies after `start`, or zero if it lies before.
    #[must_use]
    pub(crate) fn since(self, start: Self) -> u32 {
        if self > start { self - start } else { 0 }
    }
}

impl PartialOrd for Seq {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some((*self - *other).cast_signed().cmp(&0))
    }
}

impl Add<u32> for Seq {
    type Output = Self;
    fn add(self, count: u32) -> Self {
        Self(self.0.wrapping_add(count))
    }
}

impl AddAssign<u32> for Seq {
    fn add_assign(&mut self, count: u32) {
        *self = *self + count;
    }
}

impl Sub<u32> for Seq {
    type Output = Self;
    fn sub(self, count: u32) -> Self {
        Self(self.0.wrapping_sub(count))
    }
}

impl Sub for Seq {
    type Output = u32;
    /// How many numbers lie from `other` to this, going forward.
    fn sub(self, other: Self) -> u32 {
        self.0.wrapping_sub(other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_across_the_wrap() {
        let last = Seq(u32::MAX);
        assert!(last < last + 1);
        assert_eq!(last + 1, Seq(0));
        assert_eq!((last + 10) - last, 10);
        assert!(Seq(5) - 10 > Seq(1) - 100);
        assert_eq!(last.max(Seq(3)), Seq(3));
        assert_eq!(last.min(Seq(3)), last);
        assert_eq!((Seq(3).since(last), last.since(Seq(3))), (4, 0));
    }
}

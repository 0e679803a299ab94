// SPDX-License-Identifier: MIT OR Apache-2.0
//! Priorities, and ranges of them.

use std::fmt;

use crate::exception::{SystemException, SystemExceptionKind};

/// How urgent something is, from 0 to 32767; higher is more urgent, and the same on every machine
/// (`RTCORBA::Priority`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(i16);

/// A number that is no priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no priority: those are from 0 to 32767")]
pub struct BadPriority(pub i16);

impl Priority {
    /// The least urgent.
    pub const MIN: Self = Self(0);
    /// The most urgent.
    pub const MAX: Self = Self(i16::MAX);

    /// Returns the priority of this number.
    ///
    /// # Errors
    ///
    /// [`BadPriority`] below 0.
    pub const fn new(value: i16) -> Result<Self, BadPriority> {
        if value < 0 {
            Err(BadPriority(value))
        } else {
            Ok(Self(value))
        }
    }

    /// Returns the number, from 0 to 32767.
    #[must_use]
    pub const fn get(self) -> i16 {
        self.0
    }

    /// Returns the priority that this is within the low-delay class, from −128 to 127: what
    /// [`Qos::priority`](crate::qos::Qos::priority) takes. 128 neighbours share one.
    #[must_use]
    pub const fn low_delay(self) -> i16 {
        (self.0 >> 7) - 128
    }

    /// Returns the weight that this is within the best-effort class, from 1 to 16. 2048 neighbours share one.
    #[must_use]
    pub const fn weight(self) -> u32 {
        (self.0 >> 11).unsigned_abs() as u32 + 1
    }
}

impl TryFrom<i16> for Priority {
    type Error = BadPriority;

    fn try_from(value: i16) -> Result<Self, BadPriority> {
        Self::new(value)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `BAD_PARAM`.
impl From<BadPriority> for SystemException {
    fn from(error: BadPriority) -> Self {
        Self::from(SystemExceptionKind::BadParam).with_message(error.to_string())
    }
}

/// The priorities from `low` to `high`, both included (`RTCORBA::PriorityBand`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PriorityBand {
    /// The lowest.
    pub low: Priority,
    /// The highest.
    pub high: Priority,
}

impl PriorityBand {
    /// Returns the band from `low` to `high`.
    #[must_use]
    pub const fn new(low: Priority, high: Priority) -> Self {
        Self { low, high }
    }

    /// Tells whether a priority lies in the band.
    #[must_use]
    pub fn contains(&self, priority: Priority) -> bool {
        self.low <= priority && priority <= self.high
    }

    /// Tells whether some priority lies in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

impl fmt::Display for PriorityBand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.low, self.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_from_0_are_priorities() {
        assert_eq!(Priority::new(0), Ok(Priority::MIN));
        assert_eq!(Priority::new(32767), Ok(Priority::MAX));
        assert_eq!(Priority::try_from(-1), Err(BadPriority(-1)));
        let raised = SystemException::from(BadPriority(-7));
        assert_eq!(raised.kind(), SystemExceptionKind::BadParam);
        assert!(raised.to_string().contains("-7"), "{raised}");
    }

    #[test]
    fn the_whole_range_spreads_over_the_classes_in_order() {
        assert_eq!(Priority::MIN.low_delay(), -128);
        assert_eq!(Priority::MAX.low_delay(), 127);
        let all: Vec<i16> = (0..=i16::MAX).map(|value| Priority(value).low_delay()).collect();
        assert!(all.is_sorted());
        let weights: Vec<u32> = (0..=i16::MAX).map(|value| Priority(value).weight()).collect();
        assert!(weights.is_sorted());
        assert_eq!((Priority::MIN.weight(), Priority::MAX.weight()), (1, 16));
        assert!((-128..=127).all(|level| all.iter().filter(|it| **it == level).count() == 128));
    }

    #[test]
    fn bands_include_both_ends() {
        let band = |low, high| PriorityBand::new(Priority(low), Priority(high));
        assert!(band(3, 5).contains(Priority(3)) && band(3, 5).contains(Priority(5)));
        assert!(!band(3, 5).contains(Priority(2)) && !band(3, 5).contains(Priority(6)));
        assert!(band(3, 5).overlaps(&band(5, 9)) && band(0, 9).overlaps(&band(4, 4)));
        assert!(!band(3, 5).overlaps(&band(6, 9)));
    }
}

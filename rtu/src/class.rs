// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is more urgent than what.

use crate::Nanos;

/// The kind of an RTU, and so its place among the others.
///
/// Every low-delay one is more urgent than every periodic one, and every periodic one more urgent than every best-effort
/// one. Within a class of reactive ones the higher priority is more urgent; among periodic ones the shorter period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Reactive, above every periodic one; counted as sporadic with a minimum inter-arrival, and held to it.
    LowDelay {
        /// Higher is more urgent.
        priority: u8,
    },
    /// Released once per period; rate monotonic.
    Periodic,
    /// Reactive, below every periodic one; without any guarantee.
    BestEffort {
        /// Higher is more urgent.
        priority: u8,
    },
}

/// Steps within each power of two of a period: periods within 1/64 of each other may be equally urgent.
const STEPS: u64 = 64;
/// Levels of each reactive class: one for each priority.
const PRIORITIES: u16 = 256;

/// How urgent an RTU is: one of [`LEVELS`](Self::LEVELS) levels, of which the lower is the more urgent.
///
/// Levels instead of exact periods are what makes every decision of the scheduler one of constant time; the analysis
/// knows the same levels, so that nothing is lost but 1/64 of a period. Whoever shares a level is served in order of
/// release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Urgency(u16);

impl Urgency {
    /// How many levels there are.
    pub const LEVELS: usize = 4096;
    /// The least urgent level: best effort at priority 0.
    pub const LEAST: Self = Self(4095);
    const PERIODIC: u16 = PRIORITIES;
    const BEST_EFFORT: u16 = 4096 - PRIORITIES;

    /// Returns the level of a class; `period` counts for [`Class::Periodic`] only.
    ///
    /// Periods above 73 years share a level.
    #[must_use]
    pub fn of(class: Class, period: Nanos) -> Self {
        match class {
            Class::LowDelay { priority } => Self(u16::from(u8::MAX - priority)),
            Class::BestEffort { priority } => Self(Self::BEST_EFFORT + u16::from(u8::MAX - priority)),
            Class::Periodic => {
                let step = u16::try_from(step(period.0)).unwrap_or(u16::MAX);
                Self(Self::PERIODIC.saturating_add(step).min(Self::BEST_EFFORT - 1))
            }
        }
    }

    /// Returns the level as an index below [`LEVELS`](Self::LEVELS).
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Makes the level of an index; those beyond the last are the last.
    #[must_use]
    pub fn from_index(index: usize) -> Self {
        u16::try_from(index).map_or(Self::LEAST, |level| Self(level.min(Self::LEAST.0)))
    }

    /// Returns whether it is one that carries a guarantee: low delay or periodic.
    #[must_use]
    pub const fn is_guaranteed(self) -> bool {
        self.0 < Self::BEST_EFFORT
    }
}

/// Numbers the periods, 64 to each power of two.
fn step(period: u64) -> u64 {
    match u64::from((period | 1).ilog2()).checked_sub(STEPS.ilog2().into()) {
        None => period,
        Some(shift) => shift * STEPS + (period >> shift),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn periodic(period: u64) -> Urgency {
        Urgency::of(Class::Periodic, Nanos(period))
    }

    #[test]
    fn classes_do_not_mix() {
        let low_delay = |priority| Urgency::of(Class::LowDelay { priority }, Nanos(5));
        let best_effort = |priority| Urgency::of(Class::BestEffort { priority }, Nanos(5));
        let order = [
            low_delay(255),
            low_delay(0),
            periodic(1),
            periodic(u64::MAX),
            best_effort(255),
            best_effort(0),
        ];
        assert!(order.is_sorted_by(|one, other| one < other), "{order:?}");
        assert_eq!(low_delay(255).index(), 0);
        assert_eq!(best_effort(0), Urgency::LEAST);
        assert_eq!(Urgency::LEAST.index() + 1, Urgency::LEVELS);
        assert_eq!(
            order.map(Urgency::is_guaranteed),
            [true, true, true, true, false, false]
        );
    }

    #[test]
    fn shorter_periods_are_more_urgent_to_within_a_64th() {
        let mut period = 1_u64;
        while period < 1 << 60 {
            let longer = period + period / 64 + 1;
            assert!(periodic(period) < periodic(longer), "{period}");
            assert!(periodic(period) <= periodic(period + 1), "{period}");
            period += period / 7 + 1;
        }
    }

    #[test]
    fn a_level_is_its_index() {
        for index in 0..Urgency::LEVELS {
            assert_eq!(Urgency::from_index(index).index(), index);
        }
        assert_eq!(Urgency::from_index(usize::MAX), Urgency::LEAST);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the priorities of RT-CORBA to those of the system, and back.

use std::fmt;

use orb_core::rtcorba::Priority;

/// A priority of the system's: 0 is ordinary scheduling, 1 to 99 are those of `SCHED_FIFO`
/// (`RTCORBA::NativePriority`).
pub type NativePriority = u8;

/// Says what a priority is on this machine (`RTCORBA::PriorityMapping`).
pub trait PriorityMapping: fmt::Debug + Send + Sync + 'static {
    /// Returns the system's priority for one of RT-CORBA; `None` if it has none here.
    fn to_native(&self, priority: Priority) -> Option<NativePriority>;

    /// Returns the RT-CORBA priority for one of the system's; `None` if it has none.
    fn to_corba(&self, native: NativePriority) -> Option<Priority>;
}

/// Spreads the whole range of RT-CORBA evenly over a range of the system's. The default, over 1 to 49: below the
/// executive (50), so that guarantees hold beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinearMapping {
    lowest: NativePriority,
    highest: NativePriority,
}

/// How many priorities RT-CORBA has.
const PRIORITIES: u32 = 1 << 15;

impl LinearMapping {
    /// Maps onto the system's priorities from `lowest` to `highest`, both included; if they are the wrong way round, onto
    /// those between them all the same.
    #[must_use]
    pub fn new(lowest: NativePriority, highest: NativePriority) -> Self {
        Self {
            lowest: lowest.min(highest),
            highest: highest.max(lowest),
        }
    }

    fn levels(self) -> u32 {
        u32::from(self.highest - self.lowest) + 1
    }
}

impl Default for LinearMapping {
    fn default() -> Self {
        Self::new(1, 49)
    }
}

impl PriorityMapping for LinearMapping {
    fn to_native(&self, priority: Priority) -> Option<NativePriority> {
        let above = u32::from(priority.get().unsigned_abs()) * self.levels() / PRIORITIES;
        u8::try_from(above + u32::from(self.lowest)).ok()
    }

    /// Returns the lowest priority that is mapped to `native`.
    fn to_corba(&self, native: NativePriority) -> Option<Priority> {
        let above = u32::from(native.checked_sub(self.lowest)?);
        if native > self.highest {
            return None;
        }
        let lowest = (above * PRIORITIES).div_ceil(self.levels());
        Priority::new(i16::try_from(lowest).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn priority(value: i16) -> Priority {
        Priority::new(value).unwrap()
    }

    #[test]
    fn both_ends_meet_and_the_order_is_kept() {
        let mapping = LinearMapping::default();
        assert_eq!(mapping.to_native(Priority::MIN), Some(1));
        assert_eq!(mapping.to_native(Priority::MAX), Some(49));
        let all: Vec<u8> = (0..=i16::MAX)
            .map(|value| mapping.to_native(priority(value)).unwrap())
            .collect();
        assert!(all.is_sorted());
    }

    #[test]
    fn what_comes_back_is_mapped_to_the_same_again() {
        for (lowest, highest) in [(0, 0), (0, 99), (1, 49), (99, 1), (7, 8)] {
            let mapping = LinearMapping::new(lowest, highest);
            for native in lowest.min(highest)..=lowest.max(highest) {
                let corba = mapping.to_corba(native).expect("within");
                assert_eq!(mapping.to_native(corba), Some(native), "{mapping:?}");
                let below = corba.get() - 1;
                assert!(below < 0 || mapping.to_native(priority(below)) != Some(native));
            }
        }
    }

    #[test]
    fn what_lies_outside_has_no_priority() {
        let mapping = LinearMapping::new(10, 20);
        assert_eq!(mapping.to_corba(9), None);
        assert_eq!(mapping.to_corba(21), None);
    }
}

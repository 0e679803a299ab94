// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long an executive with nothing to do stays awake: pure, in the executive's own time.
//!
//! Staying awake saves those who notify a system call, and a release the way out of the kernel. But a real-time thread
//! that takes more than `sched_rt_runtime_us` of a period is stopped for the rest of it, 50 ms of each second as Linux
//! comes. So sleeping earns the right to spin, and being awake, in upcalls as well, spends it. Over any span the thread
//! is awake by its own choice for at most its share of that span, and a little credit.

use crate::{Nanos, Time};

/// What can be saved up.
const MOST_CREDIT: Nanos = Nanos::from_millis(10);
/// What can be owed: after a second of upcalls without sleep, more of them do not make it worse.
const MOST_DEBT: Nanos = Nanos::from_secs(1);
/// Trust in spinning is a number from 0 to this.
const MOST_TRUST: u8 = 16;
/// Of so many idle times without trust, one is spent spinning, to see whether it is worthwhile again.
const PROBE: u8 = 32;

/// Decides whether to spin or to sleep.
#[derive(Clone, Debug)]
pub(super) struct Pacer {
    longest: Nanos,
    /// Nanoseconds awake that one asleep earns.
    ratio: i64,
    credit: i64,
    trust: u8,
    untried: u8,
    lead: Nanos,
}

impl Pacer {
    /// Spins for at most `longest` at a time, and is awake for at most `share` of the time (0.95 is 95 %).
    pub(super) fn new(longest: Nanos, share: f64) -> Self {
        let share = share.clamp(0.0, 0.98);
        #[expect(clippy::cast_possible_truncation, reason = "it is at most 49")]
        let ratio = (share / (1.0 - share)) as i64;
        Self {
            longest,
            ratio,
            credit: nanos(MOST_CREDIT),
            trust: MOST_TRUST,
            untried: 0,
            lead: Nanos::ZERO,
        }
    }

    /// Time has passed in upcalls, or spinning.
    pub(super) fn awake(&mut self, span: Nanos) {
        self.credit = (self.credit - nanos(span)).max(-nanos(MOST_DEBT));
    }

    /// Time has passed asleep.
    pub(super) fn asleep(&mut self, span: Nanos) {
        let earned = nanos(span).saturating_mul(self.ratio);
        self.credit = self.credit.saturating_add(earned).min(nanos(MOST_CREDIT));
    }

    /// Until when to spin, `now` having nothing to do until `due`; `None` to sleep at once.
    pub(super) fn spin_until(&mut self, now: Time, due: Option<Time>) -> Option<Time> {
        let allowed = self.longest.min(Nanos(u64::try_from(self.credit).unwrap_or(0)));
        if allowed == Nanos::ZERO {
            return None;
        }
        let end = now + allowed;
        // To what is certain to come that soon, spinning is the shortest way.
        if let Some(due) = due.filter(|due| *due <= end) {
            return Some(due);
        }
        if self.trust == 0 {
            self.untried = (self.untried + 1) % PROBE;
            return (self.untried == 0).then_some(end);
        }
        Some(end)
    }

    /// A spin that was not for a timer is over: something came, or nothing.
    pub(super) fn spun(&mut self, came: bool) {
        self.trust = if came {
            (self.trust + 4).min(MOST_TRUST)
        } else {
            self.trust.saturating_sub(1)
        };
    }

    /// When to wake for what is due: earlier by what waking takes, as far as that may be spun away.
    pub(super) fn wake_at(&self, due: Time) -> Time {
        if self.credit > nanos(self.lead) {
            due - self.lead
        } else {
            due
        }
    }

    /// Waking for a time took so long. Follows what 15 of 16 wake-ups do not exceed.
    pub(super) fn woke(&mut self, late: Nanos) {
        self.lead = if late > self.lead {
            self.lead + (late - self.lead) / 4
        } else {
            self.lead - (self.lead - late) / 64
        };
        self.lead = self.lead.min(self.longest);
    }
}

fn nanos(span: Nanos) -> i64 {
    i64::try_from(span.0).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Spins as long as it may, sleeps in between; returns the time awake within each second.
    fn awake_per_second(pacer: &mut Pacer, nap: Nanos, work: Nanos, seconds: usize) -> Vec<u64> {
        let mut awake = vec![0; seconds];
        let mut now = Time::ZERO;
        let mut pass = |now: &mut Time, span: Nanos, counts: bool| {
            if let Some(second) = awake.get_mut((now.0 / 1_000_000_000) as usize).filter(|_| counts) {
                *second += span.0;
            }
            *now = *now + span;
        };
        while now < Time::ZERO + Nanos::from_secs(seconds as u64) {
            pass(&mut now, work, true);
            pacer.awake(work);
            if let Some(end) = pacer.spin_until(now, None) {
                let span = end - now;
                pass(&mut now, span, true);
                pacer.awake(span);
                pacer.spun(true);
            }
            // What always finds something while it spins never sleeps, but for the lack of credit.
            if pacer.spin_until(now, None).is_none() {
                pass(&mut now, nap, false);
                pacer.asleep(nap);
            }
        }
        awake
    }

    proptest! {
        #[test]
        fn it_sleeps_its_share_of_every_second(spin in 1_000..2_000_000_u64, nap in 1_000..3_000_000_u64, work in 0..500_u64) {
            let mut pacer = Pacer::new(Nanos(spin), 0.93);
            for awake in awake_per_second(&mut pacer, Nanos(nap), Nanos(work * nap / 1_000), 3) {
                prop_assert!(awake <= 945_000_000, "{awake}");
            }
        }
    }

    #[test]
    fn it_uses_what_it_may() {
        let mut pacer = Pacer::new(Nanos::from_micros(50), 0.93);
        let awake = awake_per_second(&mut pacer, Nanos::from_micros(10), Nanos::ZERO, 2);
        assert!(awake.iter().all(|awake| *awake > 900_000_000), "{awake:?}");
    }

    #[test]
    fn without_a_limit_it_sleeps_at_once() {
        let mut pacer = Pacer::new(Nanos::ZERO, 0.93);
        assert_eq!(pacer.spin_until(Time(5), Some(Time(6))), None);
        pacer.woke(Nanos(1_000));
        assert_eq!(pacer.wake_at(Time(5_000)), Time(5_000));
    }

    #[test]
    fn it_spins_to_what_is_due_soon_and_otherwise_as_long_as_that_pays() {
        let mut pacer = Pacer::new(Nanos(100), 0.9);
        assert_eq!(pacer.spin_until(Time(0), Some(Time(70))), Some(Time(70)));
        assert_eq!(pacer.spin_until(Time(0), Some(Time(700))), Some(Time(100)));
        (0..MOST_TRUST).for_each(|_| pacer.spun(false));
        let tried = (0..64).filter(|_| pacer.spin_until(Time(0), None).is_some());
        assert_eq!(tried.count(), 2);
        pacer.spun(true);
        assert_eq!(pacer.spin_until(Time(0), None), Some(Time(100)));
    }

    #[test]
    fn it_wakes_earlier_by_what_waking_takes() {
        let mut pacer = Pacer::new(Nanos::from_micros(50), 0.9);
        (0..200).for_each(|_| pacer.woke(Nanos::from_micros(20)));
        let lead = Time(1_000_000) - pacer.wake_at(Time(1_000_000));
        assert!(
            lead > Nanos::from_micros(19) && lead <= Nanos::from_micros(20),
            "{lead}"
        );
        (0..200).for_each(|_| pacer.woke(Nanos::from_millis(20)));
        assert_eq!(
            Time(1_000_000) - pacer.wake_at(Time(1_000_000)),
            Nanos::from_micros(50)
        );
        // Who has no credit left does not spin it away.
        pacer.awake(Nanos::from_secs(9));
        assert_eq!(pacer.wake_at(Time(1_000_000)), Time(1_000_000));
    }
}

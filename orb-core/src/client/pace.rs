// SPDX-License-Identifier: MIT OR Apache-2.0
//! The pace of what is sent without waiting for replies.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// So many messages in every period, which may go one after the other at once: the generic cell rate algorithm, as virtual
/// scheduling has it (ITU-T I.371). Times are nanoseconds since some beginning.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// From one message to the next, on average; 0 for no pace.
    interval: AtomicU64,
    /// By how much a message may come before its time.
    tolerance: AtomicU64,
    /// When the next message is due.
    next: AtomicU64,
}

impl Pace {
    /// Changes the pace; none without a period.
    pub(super) fn set(&self, period: Duration, messages: u32) {
        let period = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        let interval = period.div_ceil(u64::from(messages.max(1)));
        // Relaxed: who still sees the old ones sends one message more at the old pace.
        self.tolerance.store(period - interval, Ordering::Relaxed);
        self.interval.store(interval, Ordering::Relaxed);
        self.next.store(0, Ordering::Relaxed);
    }

    /// Takes the next place, and returns how long it is until then; `None`, and nothing taken, if it is later than `last`.
    pub(super) fn take(&self, now: u64, last: u64) -> Option<Duration> {
        let place = self.take_before(now, last.max(now))?;
        Some(Duration::from_nanos(place - now))
    }

    /// Takes the next place if it is less than a period from now: for one who sends a period's messages at once, each period,
    /// and may come late for one period and in time for the next.
    pub(super) fn take_early(&self, now: u64) -> bool {
        let interval = self.interval.load(Ordering::Relaxed);
        let period = interval.saturating_add(self.tolerance.load(Ordering::Relaxed));
        self.take_before(now, now.saturating_add(period)).is_some()
    }

    /// Takes the next place, not after `last`, and returns when it is.
    fn take_before(&self, now: u64, last: u64) -> Option<u64> {
        let interval = self.interval.load(Ordering::Relaxed);
        if interval == 0 {
            return Some(now);
        }
        let tolerance = self.tolerance.load(Ordering::Relaxed);
        let place = |next: u64| next.saturating_sub(tolerance).max(now);
        let taken = self
            .next
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
                (place(next) <= last).then(|| next.max(now).saturating_add(interval))
            });
        taken.ok().map(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: u64 = 1_000_000;

    fn pace(milliseconds: u64, messages: u32) -> Pace {
        let pace = Pace::default();
        pace.set(Duration::from_millis(milliseconds), messages);
        pace
    }

    fn wait(pace: &Pace, now: u64) -> u64 {
        let wait = pace.take(now * MILLI, u64::MAX).unwrap();
        u64::try_from(wait.as_millis()).unwrap()
    }

    #[test]
    fn a_period_of_messages_goes_at_once_and_the_rest_at_the_rate() {
        let pace = pace(10, 5);
        let waits: Vec<_> = (0..10).map(|_| wait(&pace, 0)).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 2, 4, 6, 8, 10]);
        // After a rest as much may go at once again, and no more.
        let waits: Vec<_> = (0..7).map(|_| wait(&pace, 1000)).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 2, 4]);
    }

    #[test]
    fn in_the_long_run_nobody_sends_faster_than_the_rate() {
        let pace = pace(10, 3);
        let mut now = 0;
        for _ in 0..3000 {
            now += u64::try_from(pace.take(now, u64::MAX).unwrap().as_nanos()).unwrap();
        }
        let periods = now / (10 * MILLI);
        assert!((999..=1001).contains(&periods), "{periods}");
    }

    #[test]
    fn without_a_pace_nobody_waits() {
        let free = pace(0, 1);
        assert!((0..1000).all(|_| wait(&free, 7) == 0));
        assert!((0..1000).all(|_| wait(&Pace::default(), 7) == 0));
    }

    #[test]
    fn a_place_beyond_the_deadline_is_left_to_others() {
        let pace = pace(10, 1);
        assert_eq!(wait(&pace, 0), 0);
        assert_eq!(pace.take(0, 9 * MILLI), None);
        assert_eq!(pace.take(0, 9 * MILLI), None);
        assert_eq!(wait(&pace, 1), 9);
        assert_eq!(wait(&pace, 1), 19);
    }

    #[test]
    fn who_sends_each_period_keeps_the_rate_although_he_is_late_now_and_then() {
        let pace = pace(10, 4);
        let mut sent = 0;
        for (period, late) in [0, 0, 3, 9, 0, 5, 0, 0, 7, 0].into_iter().enumerate() {
            let now = (period as u64 * 10 + late) * MILLI;
            sent += (0..4).filter(|_| pace.take_early(now)).count();
        }
        assert_eq!(sent, 40);
        // More than that is not his, and what he sent counts for all others.
        assert!(!pace.take_early(90 * MILLI));
        assert_eq!(wait(&pace, 90), 11);
    }

    #[test]
    fn who_sends_each_period_leaves_out_what_others_have_sent() {
        let pace = pace(10, 4);
        assert!((0..8).all(|_| pace.take(0, u64::MAX).is_some()));
        assert!(!pace.take_early(0));
        let sent = (0..8).filter(|_| pace.take_early(10 * MILLI)).count();
        assert_eq!(sent, 4);
    }

    #[test]
    fn a_new_pace_holds_from_then_on() {
        let pace = pace(1000, 1);
        assert_eq!(wait(&pace, 0), 0);
        pace.set(Duration::from_millis(2), 2);
        let waits: Vec<_> = (0..3).map(|_| wait(&pace, 1)).collect();
        assert_eq!(waits, [0, 0, 1]);
    }
}

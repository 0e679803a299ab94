// SPDX-License-Identifier: MIT OR Apache-2.0
//! The pace of a channel: a token bucket, kept as the time until which it has spent its bytes.

use std::num::NonZeroU64;
use std::time::Duration;

/// How fast a channel may transmit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Bytes per second, in the long run.
    pub rate: NonZeroU64,
    /// Bytes that may go at once after a pause; one packet always may.
    pub burst: u64,
}

/// A pace, and what was spent of it. Times are since a beginning that the caller chose.
///
/// ```
/// use std::{num::NonZeroU64, time::Duration};
/// use transport_apic::{Pace, Pacer};
/// let rate = NonZeroU64::new(1000).unwrap();
/// let mut pacer = Pacer::new(Pace { rate, burst: 100 });
/// pacer.spend(300, Duration::ZERO);
/// assert_eq!(pacer.allows(Duration::ZERO), Err(Duration::from_millis(200)));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Pacer {
    pace: Pace,
    /// When all that was sent would have gone at the rate.
    spent: Duration,
}

impl Pacer {
    /// Makes one of which nothing was spent.
    pub fn new(pace: Pace) -> Self {
        let spent = Duration::ZERO;
        Self { pace, spent }
    }

    /// Goes on at another pace; what was spent before still counts.
    pub fn change(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// Whether it allows anything now.
    ///
    /// # Errors
    ///
    /// From when on it does.
    pub fn allows(&self, now: Duration) -> Result<(), Duration> {
        let tolerance = self.span(self.pace.burst);
        if self.spent <= now.saturating_add(tolerance) {
            Ok(())
        } else {
            Err(self.spent.saturating_sub(tolerance))
        }
    }

    /// Spends `bytes`, allowed or not.
    pub fn spend(&mut self, bytes: usize, now: Duration) {
        let span = self.span(bytes as u64);
        self.spent = self.spent.max(now).saturating_add(span);
    }

    fn span(&self, bytes: u64) -> Duration {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.pace.rate.get());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_pace_does_not_forget_what_was_spent() {
        let pace = |rate| Pace {
            rate: NonZeroU64::new(rate).expect("not zero"),
            burst: 0,
        };
        let mut pacer = Pacer::new(pace(1));
        pacer.spend(60, Duration::ZERO);
        pacer.change(pace(1_000_000));
        let minute = Duration::from_secs(60);
        assert_eq!(pacer.allows(Duration::ZERO), Err(minute));
        pacer.spend(1_000_000, minute);
        assert_eq!(pacer.allows(minute), Err(minute + Duration::from_secs(1)));
    }

    #[test]
    fn in_the_long_run_it_is_the_rate_and_never_more_than_a_burst_above() {
        let pace = Pace {
            rate: NonZeroU64::new(1_000_000).expect("a million"),
            burst: 3000,
        };
        let mut pacer = Pacer::new(pace);
        let (mut now, mut sent) = (Duration::from_secs(5), 0_u64);
        let begin = now;
        while now < begin + Duration::from_secs(1) {
            match pacer.allows(now) {
                Ok(()) => {
                    pacer.spend(1000, now);
                    sent += 1000;
                }
                Err(until) => {
                    assert!(until > now, "it is worth waiting for");
                    now = until;
                }
            }
            let earned = u64::try_from((now - begin).as_micros()).expect("short");
            assert!(sent <= earned + 3000 + 1000, "{sent} at {earned}");
        }
        assert!(sent >= 1_000_000);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Counts how long things took, in a kilobyte each and without ever allocating again.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Nanos;

/// Steps within each power of two: values are kept to within 1/8 of themselves.
const STEPS: u64 = 8;
/// Eight steps for each power of two from 2³ to 2³⁵ ns, and the eight values below.
const BUCKETS: usize = 34 * 8;

/// A distribution of spans, from a nanosecond to a minute, to within an eighth; the longest is kept exactly.
#[derive(Clone)]
pub struct Histogram {
    buckets: [u32; BUCKETS],
    count: u64,
    most: Nanos,
}

impl Histogram {
    /// Makes an empty one.
    #[must_use]
    pub fn new() -> Self {
        Self {
            buckets: [0; BUCKETS],
            count: 0,
            most: Nanos::ZERO,
        }
    }

    /// Counts one span. Those above a minute count as a minute, but for [`max`](Self::max).
    pub fn record(&mut self, span: Nanos) {
        if let Some(bucket) = self.buckets.get_mut(index(span.0)) {
            *bucket = bucket.saturating_add(1);
        }
        self.count += 1;
        self.most = self.most.max(span);
    }

    /// Returns how many spans were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the longest one, exactly; `None` if there is none.
    #[must_use]
    pub fn max(&self) -> Option<Nanos> {
        (self.count > 0).then_some(self.most)
    }

    /// Returns a span that `percent` of the others do not exceed, at most an eighth too long; `None` if there is none.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> Option<Nanos> {
        let wanted = percent.clamp(0.0, 100.0) / 100.0 * self.count as f64;
        let mut seen = 0;
        let reaches = |count: &u32| {
            seen += u64::from(*count);
            seen > 0 && seen as f64 >= wanted
        };
        let index = self.buckets.iter().position(reaches)?;
        Some(Nanos(least(index + 1) - 1).min(self.most))
    }

    /// Returns how long all of them took together, to within a sixteenth.
    #[must_use]
    pub fn total(&self) -> Nanos {
        let buckets = self.buckets.iter().enumerate();
        let totals = buckets.map(|(index, count)| {
            let middle = least(index).midpoint(least(index + 1) - 1);
            middle.saturating_mul(u64::from(*count))
        });
        Nanos(totals.fold(0, u64::saturating_add))
    }

    /// Returns the non-empty buckets: the shortest span of each, and how many fell in it.
    pub fn buckets(&self) -> impl Iterator<Item = (Nanos, u64)> + '_ {
        let buckets = self.buckets.iter().enumerate();
        buckets
            .filter(|(_, count)| **count > 0)
            .map(|(index, count)| (Nanos(least(index)), u64::from(*count)))
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket = bucket.saturating_add(*more);
        }
        self.count += other.count;
        self.most = self.most.max(other.most);
    }

    /// Returns what was counted since `earlier`, when the same one was read before; of the longest of those is known only
    /// that it is no longer than the longest of all, and to within an eighth.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut since = Self::new();
        let both = self.buckets.iter().zip(&earlier.buckets);
        for (bucket, (now, then)) in since.buckets.iter_mut().zip(both) {
            *bucket = now.saturating_sub(*then);
            since.count += u64::from(*bucket);
        }
        let last = since.buckets.iter().rposition(|count| *count > 0);
        since.most = last.map_or(Nanos::ZERO, |last| self.most.min(Nanos(least(last + 1) - 1)));
        since
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.buckets.fill(0);
        self.count = 0;
        self.most = Nanos::ZERO;
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram")
            .field("count", &self.count)
            .field("median", &self.percentile(50.0))
            .field("max", &self.max())
            .finish_non_exhaustive()
    }
}

/// The buckets of a [`Histogram`] that one thread counts in and any other may read meanwhile. The longest span is kept
/// elsewhere, next to what else changes with it.
pub(crate) struct LiveBuckets([AtomicU32; BUCKETS]);

impl LiveBuckets {
    /// Counts one span; by the one thread that writes.
    pub(crate) fn record(&self, span: Nanos) {
        if let Some(bucket) = self.0.get(index(span.0)) {
            bucket.store(
                bucket.load(Ordering::Relaxed).saturating_add(1),
                Ordering::Relaxed,
            );
        }
    }

    /// Reads what was counted so far, of which the longest took `most`.
    pub(crate) fn read(&self, most: Nanos) -> Histogram {
        let mut read = Histogram::new();
        for (bucket, live) in read.buckets.iter_mut().zip(&self.0) {
            *bucket = live.load(Ordering::Relaxed);
            read.count += u64::from(*bucket);
        }
        read.most = most;
        read
    }
}

impl Default for LiveBuckets {
    fn default() -> Self {
        Self([const { AtomicU32::new(0) }; BUCKETS])
    }
}

/// Which bucket counts the value; the last one all that are too long.
fn index(value: u64) -> usize {
    let power = u64::from((value | 1).ilog2());
    let index = match power.checked_sub(3) {
        None => value,
        Some(shift) => shift * STEPS + (value >> shift),
    };
    usize::try_from(index).map_or(BUCKETS - 1, |index| index.min(BUCKETS - 1))
}

/// The least value of a bucket.
fn least(index: usize) -> u64 {
    let index = index as u64;
    match (index / STEPS).checked_sub(1) {
        None => index,
        Some(shift) => (index % STEPS + STEPS) << shift,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_bucket_just_below_it() {
        for value in (0..36)
            .map(|power| 1_u64 << power)
            .chain([0, 3, 9, 15, 1000, 999_999_999])
        {
            let least = least(index(value));
            assert!(least <= value && value - least <= value / 8, "{value} {least}");
        }
        assert_eq!(index(u64::MAX), BUCKETS - 1);
        for bucket in 0..BUCKETS {
            assert_eq!(index(least(bucket)), bucket);
        }
    }

    #[test]
    fn percentiles_are_close_and_the_end_exact() {
        let mut histogram = Histogram::new();
        (1..=1000).for_each(|micros| histogram.record(Nanos::from_micros(micros)));
        histogram.record(Nanos::from_secs(1000));
        assert_eq!(histogram.max(), Some(Nanos::from_secs(1000)));
        for percent in [10.0, 50.0, 90.0, 99.0] {
            let found = histogram.percentile(percent).expect("there are values").0 as f64 / 1000.0;
            assert!(
                found >= percent * 10.0 && found <= percent * 11.3,
                "{percent}: {found}"
            );
        }
    }

    #[test]
    fn live_buckets_read_as_what_was_counted() {
        let (live, mut counted) = (LiveBuckets::default(), Histogram::new());
        for span in [0, 7, 8, 1_000, 1_001, 5_000_000, u64::MAX].map(Nanos) {
            live.record(span);
            counted.record(span);
        }
        let read = live.read(Nanos(u64::MAX));
        assert!(read.buckets().eq(counted.buckets()));
        assert_eq!((read.count(), read.max()), (counted.count(), counted.max()));
    }

    #[test]
    fn what_was_counted_since_is_what_came_after() {
        let mut histogram = Histogram::new();
        histogram.record(Nanos(1_000_000));
        let earlier = histogram.clone();
        assert_eq!(histogram.since(&earlier).max(), None);
        let mut after = Histogram::new();
        for span in [3, 1_000, 1_000].map(Nanos) {
            histogram.record(span);
            after.record(span);
        }
        let since = histogram.since(&earlier);
        assert!(since.buckets().eq(after.buckets()));
        assert_eq!(since.count(), 3);
        let longest = since.max().expect("there are values");
        assert!((1_000..=1_125).contains(&longest.0), "{longest}");
        // The wrong way round there is nothing.
        assert_eq!(earlier.since(&histogram).count(), 0);
    }

    #[test]
    fn the_total_is_close() {
        let mut histogram = Histogram::new();
        (1..=1000).for_each(|micros| histogram.record(Nanos::from_micros(micros)));
        let (found, right) = (histogram.total().0, 500_500_000);
        assert!(found.abs_diff(right) <= right / 16, "{found}");
        assert_eq!(Histogram::new().total(), Nanos::ZERO);
    }

    #[test]
    fn an_empty_one_has_no_percentiles() {
        let histogram = Histogram::new();
        assert_eq!((histogram.max(), histogram.percentile(50.0)), (None, None));
    }

    #[test]
    fn two_add_up_and_are_forgotten() {
        let (mut one, mut other) = (Histogram::new(), Histogram::new());
        one.record(Nanos(1000));
        other.record(Nanos(3000));
        one.merge(&other);
        assert_eq!((one.count(), one.max()), (2, Some(Nanos(3000))));
        assert_eq!(one.buckets().map(|(_, count)| count).sum::<u64>(), 2);
        one.clear();
        assert_eq!((one.count(), one.buckets().count()), (0, 0));
    }
}

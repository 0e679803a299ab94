// SPDX-License-Identifier: MIT OR Apache-2.0
//! Counts how long things took, in a kilobyte each and without ever allocating again.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

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
        self.record_many(span, 1);
    }

    /// Counts as many spans of one length.
    pub(crate) fn record_many(&mut self, span: Nanos, count: u64) {
        self.raise(index(span.0), count);
        self.most = self.most.max(span);
    }

    fn raise(&mut self, index: usize, count: u64) {
        if let Some(bucket) = self.buckets.get_mut(index) {
            *bucket = bucket.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        }
        self.count += count;
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
        self.raise(index(span.0));
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

    fn raise(&self, index: usize) {
        if let Some(bucket) = self.0.get(index) {
            let count = bucket.load(Ordering::Relaxed).saturating_add(1);
            bucket.store(count, Ordering::Relaxed);
        }
    }
}

impl Default for LiveBuckets {
    fn default() -> Self {
        Self([const { AtomicU32::new(0) }; BUCKETS])
    }
}

/// The latest spans of a histogram in one word, which go to its buckets six at a time: these are many and lie elsewhere,
/// so that of many histograms few are in the processor's caches.
///
/// From the lowest bit: six entries of nine bits, each a bucket's number plus one, or zero; whether they are being
/// written to the buckets; how often they were.
#[derive(Debug, Default)]
pub(crate) struct Recent(AtomicU64);

/// Bits of an entry of [`Recent`], and of all of them.
const ENTRY: u32 = 9;
const ENTRIES: u32 = 6 * ENTRY;
const WRITING: u64 = 1 << ENTRIES;
/// How often a reader tries to see the word and the buckets as of the same time.
const TRIES: usize = 100;

impl Recent {
    /// Counts one span; by the one thread that writes.
    pub(crate) fn record(&self, buckets: &LiveBuckets, span: Nanos) {
        let mut word = self.0.load(Ordering::Relaxed);
        if word >> (ENTRIES - ENTRY) & ((1 << ENTRY) - 1) != 0 {
            word = self.write_out(buckets, word);
        }
        let rounds = word >> ENTRIES << ENTRIES;
        let entries = (word - rounds) << ENTRY | (index(span.0) as u64 + 1);
        // Release: who sees the word empty sees the buckets with what was in it. (Pairs with `read`.)
        self.0.store(rounds | entries, Ordering::Release);
    }

    /// Empties the word, and returns it.
    #[cold]
    fn write_out(&self, buckets: &LiveBuckets, word: u64) -> u64 {
        self.0.store(word | WRITING, Ordering::Relaxed);
        // Who sees a bucket raised sees that it is being done. (Pairs with the fence in `read`.)
        fence(Ordering::Release);
        for_each_entry(word, |index| buckets.raise(index));
        (word >> ENTRIES << ENTRIES).wrapping_add(WRITING << 1)
    }

    /// Reads what was counted so far, of which the longest took `most`.
    ///
    /// If the writer is in the way time and again, the latest may be missing.
    pub(crate) fn read(&self, buckets: &LiveBuckets, most: Nanos) -> Histogram {
        let mut tries = (0..TRIES).filter_map(|_| self.try_read(buckets, most));
        tries.next().unwrap_or_else(|| buckets.read(most))
    }

    /// Reads it, unless the latest spans are written to the buckets meanwhile.
    fn try_read(&self, buckets: &LiveBuckets, most: Nanos) -> Option<Histogram> {
        // Pairs with the Release in `record`.
        let word = self.0.load(Ordering::Acquire);
        let mut read = buckets.read(most);
        for_each_entry(word, |index| read.raise(index, 1));
        // Pairs with the fence in `write_out`.
        fence(Ordering::Acquire);
        let rounds = self.0.load(Ordering::Relaxed) >> ENTRIES;
        (word & WRITING == 0 && rounds == word >> ENTRIES).then_some(read)
    }
}

fn for_each_entry(word: u64, mut each: impl FnMut(usize)) {
    let mut entries = word % WRITING;
    while entries != 0 {
        // Below nine bits, and not zero.
        each((entries % (1 << ENTRY)) as usize - 1);
        entries >>= ENTRY;
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
        let (live, recent) = (LiveBuckets::default(), Recent::default());
        let (direct, mut counted) = (LiveBuckets::default(), Histogram::new());
        let spans = [0, 7, 8, 1_000, 1_001, 5_000_000, u64::MAX].map(Nanos);
        for span in spans.into_iter().cycle().take(40) {
            recent.record(&live, span);
            direct.record(span);
            counted.record(span);
            let most = counted.max().expect("there are values");
            for read in [recent.read(&live, most), direct.read(most)] {
                assert!(read.buckets().eq(counted.buckets()));
                assert_eq!((read.count(), read.max()), (counted.count(), counted.max()));
            }
        }
    }

    #[test]
    fn the_latest_six_are_in_no_bucket_yet() {
        let (live, recent) = (LiveBuckets::default(), Recent::default());
        (0..6).for_each(|_| recent.record(&live, Nanos(5)));
        assert_eq!(live.read(Nanos(5)).count(), 0);
        recent.record(&live, Nanos(5));
        assert_eq!(live.read(Nanos(5)).count(), 6);
    }

    #[test]
    fn what_is_read_meanwhile_never_falls() {
        const SPANS: u64 = 200_000;
        let (live, recent) = (LiveBuckets::default(), Recent::default());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for at in 0..SPANS {
                    // The first bucket that is read, and the last.
                    recent.record(&live, Nanos((at % 2) << 40));
                    // So that a reader comes to its end in between, now and then.
                    (0..100).for_each(|_| std::hint::spin_loop());
                }
            });
            let mut seen = 0;
            while seen < SPANS {
                let Some(read) = recent.try_read(&live, Nanos(1 << 40)) else {
                    continue;
                };
                let count = read.count();
                assert!(count >= seen && count <= SPANS, "{count} after {seen}");
                seen = count;
            }
        });
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

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Counts how long things took, in constant memory.

use std::fmt;
use std::time::Duration;

/// Steps within each power of two: values are kept to within 1/32 of themselves.
const STEPS: u64 = 32;
/// One group of steps for each power of two from 2⁵ to 2⁶³, and one for all below.
const BUCKETS: usize = 60 * 32;
/// Lines of a drawing, beside that of the outliers.
const LINES: u32 = 10;
/// Columns of its longest bar.
const COLUMNS: u64 = 40;

/// A distribution of durations, from a nanosecond to centuries, to within 3 %.
///
/// Its [`Display`](fmt::Display) draws it in a dozen lines.
///
/// ```
/// use std::time::Duration;
/// let mut histogram = orb_core::histogram::Histogram::new();
/// for micros in 1..=100 {
///     histogram.record(Duration::from_micros(micros));
/// }
/// let median = histogram.percentile(50.0).unwrap_or_default();
/// assert!(median.as_micros().abs_diff(50) <= 2);
/// ```
#[derive(Clone)]
pub struct Histogram {
    buckets: Box<[u64]>,
    count: u64,
    total: Duration,
    least: Duration,
    most: Duration,
}

impl Histogram {
    /// Makes an empty one.
    #[must_use]
    pub fn new() -> Self {
        Self {
            buckets: vec![0; BUCKETS].into(),
            count: 0,
            total: Duration::ZERO,
            least: Duration::MAX,
            most: Duration::ZERO,
        }
    }

    /// Counts one duration.
    pub fn record(&mut self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get_mut(index(nanoseconds)) {
            *bucket += 1;
        }
        self.count += 1;
        self.total = self.total.saturating_add(time);
        self.least = self.least.min(time);
        self.most = self.most.max(time);
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket += more;
        }
        self.count += other.count;
        self.total = self.total.saturating_add(other.total);
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
    }

    /// Returns how many durations were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the shortest one, exactly; `None` if there is none.
    #[must_use]
    pub fn min(&self) -> Option<Duration> {
        (self.count > 0).then_some(self.least)
    }

    /// Returns the longest one, exactly; `None` if there is none.
    #[must_use]
    pub fn max(&self) -> Option<Duration> {
        (self.count > 0).then_some(self.most)
    }

    /// Returns the average, exactly; `None` if there is none.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        let nanoseconds = self.total.as_nanos().checked_div(u128::from(self.count))?;
        u64::try_from(nanoseconds).ok().map(Duration::from_nanos)
    }

    /// Returns the duration that `percent` of the others do not exceed, to within 3 %; `None` if there is none.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        let wanted = percent.clamp(0.0, 100.0) / 100.0 * self.count as f64;
        let mut seen = 0;
        let reaches = |bucket: &u64| {
            seen += bucket;
            seen > 0 && seen as f64 >= wanted
        };
        let index = self.buckets.iter().position(reaches)?;
        Some(Duration::from_nanos(middle(index)).clamp(self.least, self.most))
    }

    /// How many lie in `[from, to)`.
    fn between(&self, from: u64, to: u64) -> u64 {
        let buckets = self.buckets.iter().enumerate();
        buckets
            .filter(|(index, _)| (from..to).contains(&middle(*index)))
            .map(|(_, count)| count)
            .sum()
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
            .field("min", &self.min())
            .field("median", &self.percentile(50.0))
            .field("max", &self.max())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Histogram {
    /// Draws a bar for each of ten equal ranges up to the 95th percentile, and one for what is above.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(low), Some(high)) = (self.min(), self.percentile(95.0)) else {
            return write!(f, "nothing was counted");
        };
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let (low, high) = (nanoseconds(low), nanoseconds(high));
        let step = (high.saturating_sub(low) / u64::from(LINES)).max(1);
        let start = |line: u32| low.saturating_add(step.saturating_mul(u64::from(line)));
        let mut ranges: Vec<(u64, u64)> = (0..LINES).map(|line| (start(line), start(line + 1))).collect();
        if let Some(first) = ranges.first_mut() {
            first.0 = 0;
        }
        ranges.push((start(LINES), u64::MAX));
        let counts: Vec<u64> = ranges.iter().map(|(from, to)| self.between(*from, *to)).collect();
        let most = counts.iter().copied().max().unwrap_or(0).max(1);
        for (line, ((from, _), count)) in ranges.iter().zip(&counts).enumerate() {
            let from = Duration::from_nanos(if line == 0 { low } else { *from });
            let bar = (count * COLUMNS).div_ceil(most);
            let bar = "█".repeat(usize::try_from(bar).unwrap_or(0));
            let end = if line + 1 < ranges.len() { "\n" } else { "" };
            write!(f, "{:>10} │{bar} {count}{end}", format!("{from:.1?}"))?;
        }
        Ok(())
    }
}

/// Which bucket counts the value.
fn index(value: u64) -> usize {
    let power = u64::from((value | 1).ilog2());
    let index = match power.checked_sub(5) {
        None => value,
        Some(shift) => (shift + 1) * STEPS + ((value >> shift) - STEPS),
    };
    usize::try_from(index).unwrap_or(BUCKETS)
}

/// The value in the middle of a bucket.
fn middle(index: usize) -> u64 {
    let index = index as u64;
    match (index / STEPS).checked_sub(1) {
        None => index,
        Some(shift) => {
            let from = (index % STEPS + STEPS) << shift;
            from + ((1 << shift) >> 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_bucket_near_it() {
        for value in (0..64)
            .map(|power| 1_u64 << power)
            .chain([0, 3, 33, 1000, 999_999_999, u64::MAX])
        {
            let index = index(value);
            assert!(index < BUCKETS, "{value}");
            assert!(
                middle(index).abs_diff(value) <= value / 32 + 1,
                "{value} {}",
                middle(index)
            );
        }
    }

    #[test]
    fn percentiles_are_close_and_the_ends_exact() {
        let mut histogram = Histogram::new();
        (1..=1000).for_each(|micros| histogram.record(Duration::from_micros(micros)));
        assert_eq!(histogram.min(), Some(Duration::from_micros(1)));
        assert_eq!(histogram.max(), Some(Duration::from_micros(1000)));
        assert_eq!(histogram.mean(), Some(Duration::from_nanos(500_500)));
        for percent in [1.0, 50.0, 90.0, 99.0] {
            let micros = histogram
                .percentile(percent)
                .expect("there are values")
                .as_nanos() as f64
                / 1000.0;
            assert!(
                (micros - percent * 10.0).abs() <= percent * 0.4 + 1.0,
                "{percent}: {micros}"
            );
        }
        assert_eq!(histogram.percentile(0.0), histogram.min());
        assert_eq!(histogram.percentile(100.0), histogram.max());
    }

    #[test]
    fn an_empty_one_has_no_percentiles() {
        let histogram = Histogram::new();
        assert_eq!(
            (histogram.min(), histogram.mean(), histogram.percentile(50.0)),
            (None, None, None)
        );
        assert_eq!(histogram.to_string(), "nothing was counted");
    }

    #[test]
    fn two_add_up() {
        let (mut one, mut other) = (Histogram::new(), Histogram::new());
        one.record(Duration::from_millis(1));
        other.record(Duration::from_millis(3));
        one.merge(&other);
        assert_eq!((one.count(), one.mean()), (2, Some(Duration::from_millis(2))));
    }

    #[test]
    fn the_drawing_shows_every_value_once() {
        let mut histogram = Histogram::new();
        (0..500).for_each(|step| histogram.record(Duration::from_nanos(7_000 + step)));
        histogram.record(Duration::from_millis(20));
        let drawing = histogram.to_string();
        let counts = drawing
            .lines()
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        assert_eq!(counts.sum::<u64>(), 501, "{drawing}");
        assert_eq!(drawing.lines().count(), 11);
    }
}

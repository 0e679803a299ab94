// SPDX-License-Identifier: MIT OR Apache-2.0
//! From samples to a cost that is not exceeded: a high percentile of each point, and the tightest line above all points.

/// Returns the value that `percent` of the samples do not exceed, by nearest rank; `None` without samples.
pub(super) fn percentile(samples: &[u64], percent: f64) -> Option<u64> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let place = percent.clamp(0.0, 100.0) / 100.0 * sorted.len() as f64;
    let enough = |rank: &usize| (*rank + 1) as f64 >= place;
    (0..sorted.len())
        .find(enough)
        .and_then(|rank| sorted.get(rank).copied())
}

/// What something costs that has a fixed part and one for each unit: each message, each byte.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Line {
    /// What there is to pay without any unit, in nanoseconds.
    pub(super) fixed: f64,
    /// What each unit adds, in nanoseconds.
    pub(super) each: f64,
}

/// How far below a point a line may seem to be, of the point, for being calculated in floating point.
const ROUNDING: f64 = 1e-9;

impl Line {
    /// Finds the tightest line without negative parts that is nowhere below the points, which are (units, nanoseconds), and
    /// in which a unit adds at least `least`.
    ///
    /// Tightest is the one that exceeds them least, each counted in parts of itself: one microsecond too much is a lot for a
    /// small message and nothing for a large one. Not least squares, which would be below every other point; a plan that
    /// counts with this line has counted with no less than was measured anywhere.
    pub(super) fn above(points: &[(f64, f64)], least: f64) -> Option<Self> {
        let lines = candidates(points, least).filter(|line| line.each >= least && line.covers(points));
        lines.min_by(|one, other| one.excess(points).total_cmp(&other.excess(points)))
    }

    /// Finds the line of something that is measured with disturbances: what a unit adds at least is told by the medians,
    /// which disturbances do not reach, and the line is above the high percentiles.
    ///
    /// Without the medians, a disturbance of the smallest point could make the line flat, and so too low beyond the last one.
    pub(super) fn above_disturbed(medians: &[(f64, f64)], high: &[(f64, f64)]) -> Option<Self> {
        let typical = Self::above(medians, 0.0)?;
        Self::above(high, typical.each)
    }

    /// Returns what so many units cost.
    pub(super) fn at(&self, units: f64) -> f64 {
        self.fixed + self.each * units
    }

    fn covers(&self, points: &[(f64, f64)]) -> bool {
        let covered = |(units, cost): &(f64, f64)| self.at(*units) >= cost * (1.0 - ROUNDING);
        self.fixed >= 0.0 && self.each >= 0.0 && points.iter().all(covered)
    }

    fn excess(&self, points: &[(f64, f64)]) -> f64 {
        points
            .iter()
            .map(|(units, cost)| self.at(*units) / cost.max(1.0))
            .sum()
    }
}

/// The best line touches two points, or one point and a bound: it is as flat as it may be, or begins at nothing.
fn candidates(points: &[(f64, f64)], least: f64) -> impl Iterator<Item = Line> {
    let through_two = points.iter().flat_map(|(left, low)| {
        points.iter().map(move |(right, high)| {
            let each = (high - low) / (right - left);
            Line {
                fixed: low - each * left,
                each,
            }
        })
    });
    let at_a_bound = points.iter().flat_map(move |(units, cost)| {
        let flat = Line {
            fixed: (cost - least * units).max(0.0),
            each: least,
        };
        let from_nothing = Line {
            fixed: 0.0,
            each: cost / units,
        };
        [flat, from_nothing]
    });
    let all = through_two.chain(at_a_bound);
    all.filter(|line| line.fixed.is_finite() && line.each.is_finite())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_samples() {
        let samples: Vec<u64> = (1..=200).rev().collect();
        assert_eq!(percentile(&samples, 99.0), Some(198));
        assert_eq!(percentile(&samples, 100.0), Some(200));
        assert_eq!(percentile(&samples, 0.0), Some(1));
        assert_eq!(percentile(&[7], 99.0), Some(7));
        assert_eq!(percentile(&[], 99.0), None);
    }

    #[test]
    fn points_on_a_line_give_that_line() {
        let points = [1.0, 2.0, 4.0, 16.0].map(|units| (units, 3_000.0 + 450.0 * units));
        let line = Line::above(&points, 0.0).unwrap();
        assert!(
            (line.fixed - 3_000.0).abs() < 1e-6 && (line.each - 450.0).abs() < 1e-6,
            "{line:?}"
        );
        assert!((line.at(100.0) - 48_000.0).abs() < 1e-6);
    }

    #[test]
    fn a_point_above_the_others_is_not_averaged_away() {
        let mut points = [1.0, 2.0, 4.0, 8.0].map(|units| (units, 1_000.0 * units));
        points[1].1 = 3_000.0;
        let line = Line::above(&points, 0.0).unwrap();
        assert!(line.at(2.0) >= 3_000.0 * (1.0 - 1e-9), "{line:?}");
        // Touching that point and the last one is the tightest.
        assert!((line.at(8.0) - 8_000.0).abs() < 1e-6, "{line:?}");
    }

    #[test]
    fn nothing_is_ever_negative() {
        let falling = Line::above(&[(1.0, 900.0), (10.0, 500.0)], 0.0).unwrap();
        assert_eq!((falling.fixed, falling.each), (900.0, 0.0));
        let steep = Line::above(&[(10.0, 10.0), (20.0, 100.0)], 0.0).unwrap();
        assert_eq!((steep.fixed, steep.each), (0.0, 5.0));
        assert_eq!(
            Line::above(&[(0.0, 40.0)], 0.0),
            Some(Line {
                fixed: 40.0,
                each: 0.0
            })
        );
        assert_eq!(Line::above(&[], 0.0), None);
    }

    #[test]
    fn a_disturbed_point_does_not_make_the_line_flat() {
        let units = [1.0, 2.0, 4.0, 16.0];
        let medians = units.map(|units| (units, 5_000.0 + 2_000.0 * units));
        let mut high = medians.map(|(units, cost)| (units, cost + 500.0));
        high[0].1 = 90_000.0;
        let line = Line::above_disturbed(&medians, &high).unwrap();
        assert!((line.each - 2_000.0).abs() < 1e-6, "{line:?}");
        assert!((line.fixed - 88_000.0).abs() < 1e-6, "{line:?}");
        let undisturbed = Line::above_disturbed(&medians, &medians).unwrap();
        assert!((undisturbed.fixed - 5_000.0).abs() < 1e-6, "{undisturbed:?}");
    }

    proptest! {
        #[test]
        fn no_point_is_above_its_line(
            points in proptest::collection::vec((0_u32..100_000, 0_u32..1_000_000_000), 1..12),
            fixed in 0_u32..1_000_000,
            each in 0_u32..1_000,
            least in 0_u32..1_000,
        ) {
            let least = f64::from(least);
            let points: Vec<_> = points.iter().map(|(units, cost)| (f64::from(*units), f64::from(*cost))).collect();
            let line = Line::above(&points, least).unwrap();
            prop_assert!(line.fixed >= 0.0 && line.each >= least);
            for (units, cost) in &points {
                prop_assert!(line.at(*units) >= cost * (1.0 - 1e-6), "{line:?} at {units}: {cost}");
            }
            // No line that covers the points is tighter.
            let other = Line { fixed: f64::from(fixed), each: f64::from(each) };
            if other.each >= least && other.covers(&points) {
                prop_assert!(line.excess(&points) <= other.excess(&points) * (1.0 + 1e-6), "{line:?} {other:?}");
            }
        }
    }
}

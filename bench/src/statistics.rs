// SPDX-License-Identifier: MIT OR Apache-2.0
//! Medians and quartiles.

/// What several rounds came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Summary {
    /// The middle value.
    pub(crate) median: f64,
    /// The first quartile.
    pub(crate) lower: f64,
    /// The third quartile.
    pub(crate) upper: f64,
}

impl Summary {
    /// Summarises the rounds; none for no rounds.
    pub(crate) fn of(rounds: &[f64]) -> Option<Self> {
        let mut sorted = rounds.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            median: quantile(&sorted, 2)?,
            lower: quantile(&sorted, 1)?,
            upper: quantile(&sorted, 3)?,
        })
    }

    /// The interquartile range as a share of the median.
    pub(crate) fn spread(self) -> f64 {
        if self.median == 0.0 {
            0.0
        } else {
            (self.upper - self.lower) / self.median.abs()
        }
    }
}

/// The value `quarters` quarters of the way through, between neighbours where need be.
fn quantile(sorted: &[f64], quarters: usize) -> Option<f64> {
    let steps = sorted.len().checked_sub(1)? * quarters;
    let (index, rest) = (steps / 4, (steps % 4) as f64 / 4.0);
    let (low, high) = (*sorted.get(index)?, *sorted.get(index + 1).or(sorted.last())?);
    Some(low + (high - low) * rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_neighbours() {
        let summary = Summary::of(&[4.0, 1.0, 3.0, 2.0]).expect("there are rounds");
        assert_eq!((summary.lower, summary.median, summary.upper), (1.75, 2.5, 3.25));
        assert_eq!(summary.spread(), 0.6);
    }

    #[test]
    fn one_round_has_no_spread_and_none_no_summary() {
        assert_eq!(Summary::of(&[7.0]).map(Summary::spread), Some(0.0));
        assert_eq!(Summary::of(&[]), None);
    }
}

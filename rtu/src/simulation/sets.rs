// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random task sets.

use crate::analysis::Task;
use crate::{Class, Nanos};

use super::Random;

/// How random task sets are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sets {
    /// How many tasks each has.
    pub tasks: usize,
    /// The utilisation of all of them together, spread by UUniFast (Bini and Buttazzo 2005).
    pub utilisation: f64,
    /// The shortest period.
    pub shortest: Nanos,
    /// The longest period; between the two they are log-uniform.
    pub longest: Nanos,
    /// How long iterations are.
    pub iterations: Iterations,
    /// The share of low-delay tasks.
    pub low_delay: f64,
    /// The share of tasks whose deadline is before the end of the period.
    pub early_deadlines: f64,
}

/// How long the longest iteration of a task is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Iterations {
    /// As long as this, or as the whole activation if that is shorter.
    Fixed(Nanos),
    /// Log-uniform, from a hundredth of the shortest period to this share of it.
    UpTo(f64),
}

impl Sets {
    /// Returns a random set.
    #[must_use]
    pub fn sample(&self, random: &mut Random) -> Vec<Task> {
        let shares = unifast(self.tasks, self.utilisation, random);
        shares.into_iter().map(|share| self.task(share, random)).collect()
    }

    fn task(&self, share: f64, random: &mut Random) -> Task {
        let period = nanos(random.log_uniform(self.shortest.0 as f64, self.longest.0 as f64));
        let cost = nanos(period.0 as f64 * share);
        let longest_iteration = match self.iterations {
            Iterations::Fixed(length) => length,
            Iterations::UpTo(share) => {
                nanos(self.shortest.0 as f64 * random.log_uniform(0.01, share.max(0.01)))
            }
        };
        let deadline = if random.chance(self.early_deadlines) {
            Nanos(random.within(cost.0.max(period.0 / 4), period.0))
        } else {
            period
        };
        let class = if random.chance(self.low_delay) {
            let priority = random.bits().to_le_bytes()[0];
            Class::LowDelay { priority }
        } else {
            Class::Periodic
        };
        Task {
            class,
            period,
            cost,
            longest_iteration: longest_iteration.clamp(Nanos(1), cost),
            deadline,
            jitter: Nanos::ZERO,
        }
    }
}

/// Shares that add up to a sum, all such being as probable.
fn unifast(count: usize, sum: f64, random: &mut Random) -> Vec<f64> {
    let mut left = sum;
    let mut shares = Vec::with_capacity(count);
    for others in (1..count).rev() {
        let rest = left * random.unit().powf(1.0 / others as f64);
        shares.push(left - rest);
        left = rest;
    }
    shares.push(left);
    shares
}

fn nanos(value: f64) -> Nanos {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from a float saturates"
    )]
    Nanos((value as u64).max(1))
}

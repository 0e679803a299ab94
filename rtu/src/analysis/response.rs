// SPDX-License-Identifier: MIT OR Apache-2.0
//! Response times: the fixed points of the formula.

use crate::Nanos;

use super::{Overheads, Task};

/// By how many deadlines a response time may exceed its own before it counts as unbounded.
pub(super) const HOPELESS: u64 = 16;

/// What one task demands of the CPU whenever it is released: `cost` (switches included) each `period`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    pub(super) cost: u64,
    pub(super) period: u64,
    pub(super) jitter: u64,
}

impl Demand {
    pub(super) fn of(task: &Task, overheads: &Overheads) -> Self {
        if !task.urgency().is_guaranteed() {
            return Self {
                cost: 0,
                period: u64::MAX,
                jitter: 0,
            };
        }
        Self {
            cost: (task.cost + overheads.switch * 2).0,
            period: task.period.0.max(1),
            jitter: task.jitter.max(overheads.jitter).0,
        }
    }

    /// The most work that is released within a window of this length: ⌈(t + J) / T⌉ (C + 2S).
    pub(super) fn within(&self, window: u64) -> u64 {
        let activations = window.saturating_add(self.jitter).div_ceil(self.period);
        activations.saturating_mul(self.cost)
    }

    /// The longest window with the demand of this one.
    pub(super) fn same_until(&self, window: u64) -> u64 {
        let activations = window.saturating_add(self.jitter).div_ceil(self.period);
        activations
            .saturating_mul(self.period)
            .saturating_sub(self.jitter)
    }

    /// The longest window up to `limit` that ends with a release of this one; `limit` if there is none.
    pub(super) fn last_release(&self, limit: u64) -> u64 {
        let late = limit.saturating_add(self.jitter);
        let last = (late / self.period * self.period).saturating_sub(self.jitter);
        if last == 0 { limit } else { last }
    }

    fn rate(&self) -> f64 {
        self.cost as f64 / self.period as f64
    }
}

/// The work of `base` and of all that interferes within a window.
pub(super) fn demand_within<'a>(base: u64, others: impl Iterator<Item = &'a Demand>, window: u64) -> u64 {
    others.fold(base, |sum, other| sum.saturating_add(other.within(window)))
}

/// The least window that holds its own demand, if there is one up to `limit`.
///
/// Each step replaces the window by the demand within it. It begins from a bound below the solution that needs no steps:
/// each term is at least (R + J) / T of its cost, and at least its cost once (Sjödin and Hansson 1998).
pub(super) fn fixed_point<'a, I>(base: u64, others: I, limit: u64) -> Option<u64>
where
    I: Iterator<Item = &'a Demand> + Clone,
{
    let (mut once, mut rate, mut late) = (base, 0.0, 0.0);
    for other in others.clone() {
        once = once.saturating_add(other.cost);
        rate += other.rate();
        late += other.rate() * other.jitter as f64;
    }
    // Rounding may make a full CPU look overfull by a hair; the steps then decide.
    if rate > 1.0 + 1e-9 {
        return None;
    }
    let from_rates = (base as f64 + late) / (1.0 - rate).max(1e-9) * (1.0 - 1e-6);
    let mut window = once.max(floor(from_rates));
    while window <= limit {
        let demand = demand_within(base, others.clone(), window);
        if demand <= window {
            return Some(window);
        }
        window = demand;
    }
    None
}

/// The whole part, as far as it fits.
pub(super) fn floor(value: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from a float saturates, and the value is not negative"
    )]
    let whole = value as u64;
    whole
}

/// Returns the response time of each task of a set that shares a CPU, in the order of `tasks`.
///
/// It counts from the actual release; the task meets its deadline if response time and jitter together do. A response
/// time beyond the deadline is that of the first activation of a busy period, and later ones may have it worse.
/// `None` stands for best effort, and for what has no end within sixteen times the deadline.
///
/// ```
/// use rtu::analysis::{response_times, Overheads, Task};
/// use rtu::{Class, Nanos};
/// let task = |period, cost| Task {
///     class: Class::Periodic,
///     period: Nanos::from_millis(period),
///     cost: Nanos::from_millis(cost),
///     longest_iteration: Nanos::from_millis(1),
///     deadline: Nanos::from_millis(period),
///     jitter: Nanos::ZERO,
/// };
/// let set = [task(10, 2), task(20, 4), task(50, 10)];
/// let found = response_times(&set, &Overheads::default());
/// let millis = |millis| Some(Nanos::from_millis(millis));
/// assert_eq!(found, [millis(3), millis(7), millis(18)]);
/// ```
#[must_use]
pub fn response_times(tasks: &[Task], overheads: &Overheads) -> Vec<Option<Nanos>> {
    let demands: Vec<(u16, Demand)> = tasks
        .iter()
        .map(|task| (level(task), Demand::of(task, overheads)))
        .collect();
    let response = |(index, task): (usize, &Task)| {
        let own = demands.get(index)?;
        if !task.urgency().is_guaranteed() {
            return None;
        }
        let others = demands
            .iter()
            .enumerate()
            .filter(|(other, (level, _))| *other != index && *level <= own.0)
            .map(|(_, (_, demand))| demand);
        let base = own.1.cost.saturating_add(blocking(task, tasks).0);
        let limit = task.limit(overheads) * HOPELESS;
        fixed_point(base, others, limit.0).map(Nanos)
    };
    tasks.iter().enumerate().map(response).collect()
}

fn level(task: &Task) -> u16 {
    u16::try_from(task.urgency().index()).unwrap_or(u16::MAX)
}

/// The longest iteration of any task that is less urgent: B.
fn blocking(task: &Task, tasks: &[Task]) -> Nanos {
    let less_urgent = tasks.iter().filter(|other| other.urgency() > task.urgency());
    less_urgent
        .map(|other| other.longest_iteration)
        .max()
        .unwrap_or(Nanos::ZERO)
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! How far a set is from its edge, and what would push it over.

use crate::{Class, Nanos};

use super::admitted::AdmittedSet;
use super::refusal::with_cost;
use super::{Overheads, Task, response_times};

/// How far one task is from its edge, all others being as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Margin {
    /// Its response time; `None` for best effort, and if it has no end.
    pub response: Option<Nanos>,
    /// By how much it is before its deadline, jitter included; zero if it is not.
    pub slack: Nanos,
    /// The largest cost it could have, to within 1 %; less than its own if the set does not fit. `None` if its cost is not
    /// what matters: for best effort, or if the others do not fit without it.
    pub largest_cost: Option<Nanos>,
}

/// How far a set is from its edge.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensitivity {
    /// By what all costs could grow together until the first deadline is missed; below 1 if one is missed as they are.
    pub growth: f64,
    /// The share of the CPU in use at that point, without overheads: the breakdown utilisation.
    pub breakdown: f64,
    /// The margin of each task, in the order of the set.
    pub margins: Vec<Margin>,
    /// Which task, by its place in the set, is the first to miss its deadline when all costs grow.
    pub first_to_miss: Option<usize>,
}

/// Steps of bisection for a factor: to within a thousandth of a percent.
const STEPS: usize = 24;

/// Returns how far a set is from its edge.
#[must_use]
pub fn sensitivity(tasks: &[Task], overheads: &Overheads) -> Sensitivity {
    let growth = growth(tasks, overheads);
    let responses = response_times(tasks, overheads);
    let margins = tasks
        .iter()
        .enumerate()
        .zip(responses)
        .map(|((index, task), response)| Margin {
            response,
            slack: response.map_or(Nanos::ZERO, |response| task.limit(overheads) - response),
            largest_cost: largest_cost(tasks, index, overheads),
        });
    let utilisation: f64 = tasks.iter().map(Task::utilisation).sum();
    Sensitivity {
        growth,
        breakdown: utilisation * growth,
        margins: margins.collect(),
        first_to_miss: late(&scaled(tasks, growth * 1.001), overheads),
    }
}

/// Returns by what all costs of a set, and its iterations with them, can grow until it does not fit, to within 0.001 %.
///
/// Zero if it fits with no cost at all, as when a deadline is within the jitter.
#[must_use]
pub fn growth(tasks: &[Task], overheads: &Overheads) -> f64 {
    let utilisation: f64 = tasks.iter().map(Task::utilisation).sum();
    if utilisation <= 0.0 {
        return 0.0;
    }
    let (mut fits, mut too_much) = (0.0, 1.0 / utilisation);
    for _ in 0..STEPS {
        let middle = (fits + too_much) / 2.0;
        if late(&scaled(tasks, middle), overheads).is_none() {
            fits = middle;
        } else {
            too_much = middle;
        }
    }
    fits
}

/// Returns the longest iteration that something less urgent than the whole set may have beside it, to within 1 %: a
/// best-effort RTU in the same thread. `None` if the set does not fit as it is.
#[must_use]
pub fn longest_tolerable_iteration(tasks: &[Task], overheads: &Overheads) -> Option<Nanos> {
    let mut set = AdmittedSet::new(*overheads);
    for task in tasks {
        set.admit(task).ok()?;
    }
    let guaranteed = tasks.iter().filter(|task| task.urgency().is_guaranteed());
    let shortest = guaranteed.map(|task| task.limit(overheads)).min();
    let blocker = |longest_iteration| Task {
        class: Class::BestEffort { priority: 0 },
        period: Nanos::ZERO,
        cost: longest_iteration,
        longest_iteration,
        deadline: Nanos::ZERO,
        jitter: Nanos::ZERO,
    };
    match shortest {
        None => Some(Nanos::MAX),
        Some(shortest) => Some(set.largest(shortest + Nanos(1), blocker).unwrap_or(Nanos::ZERO)),
    }
}

/// The first task that misses its deadline.
fn late(tasks: &[Task], overheads: &Overheads) -> Option<usize> {
    let responses = response_times(tasks, overheads);
    tasks.iter().zip(responses).position(|(task, response)| {
        task.urgency().is_guaranteed() && response.is_none_or(|response| response > task.limit(overheads))
    })
}

fn scaled(tasks: &[Task], factor: f64) -> Vec<Task> {
    let scale = |span: Nanos| Nanos(super::response::floor(span.0 as f64 * factor).max(1));
    let tasks = tasks.iter().map(|task| Task {
        cost: scale(task.cost),
        longest_iteration: scale(task.longest_iteration),
        ..*task
    });
    tasks.collect()
}

fn largest_cost(tasks: &[Task], index: usize, overheads: &Overheads) -> Option<Nanos> {
    let task = tasks.get(index).filter(|task| task.urgency().is_guaranteed())?;
    let mut set = AdmittedSet::new(*overheads);
    for (other, task) in tasks.iter().enumerate() {
        if other != index {
            set.admit(task).ok()?;
        }
    }
    set.largest(task.deadline.min(task.period) + Nanos(1), |cost| {
        with_cost(task, cost)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn periodic(period: u64, cost: u64, longest_iteration: u64) -> Task {
        Task {
            class: Class::Periodic,
            period: Nanos(period),
            cost: Nanos(cost),
            longest_iteration: Nanos(longest_iteration),
            deadline: Nanos(period),
            jitter: Nanos::ZERO,
        }
    }

    const FREE: Overheads = Overheads {
        switch: Nanos::ZERO,
        jitter: Nanos::ZERO,
    };

    fn near(found: Nanos, expected: u64) -> bool {
        found.0 <= expected && found.0 >= expected - expected / 50
    }

    #[test]
    fn harmonic_periods_can_fill_the_cpu() {
        let set = [periodic(100_000, 20_000, 1), periodic(200_000, 60_000, 1)];
        let found = sensitivity(&set, &FREE);
        assert!((found.growth - 2.0).abs() < 0.001, "{}", found.growth);
        assert!((found.breakdown - 1.0).abs() < 0.001, "{}", found.breakdown);
        assert_eq!(found.first_to_miss, Some(1));
        assert!(
            near(found.margins[0].largest_cost.expect("it may grow"), 70_000),
            "{found:?}"
        );
        assert!(
            near(found.margins[1].largest_cost.expect("it may grow"), 160_000),
            "{found:?}"
        );
        assert_eq!(found.margins[0].slack, Nanos(79_999));
    }

    #[test]
    fn a_set_that_does_not_fit_has_to_shrink() {
        let set = [periodic(100_000, 60_000, 1), periodic(200_000, 160_000, 1)];
        let found = sensitivity(&set, &FREE);
        assert!(found.growth < 0.72 && found.growth > 0.71, "{}", found.growth);
        assert!(
            near(found.margins[1].largest_cost.expect("it may stay"), 80_000),
            "{found:?}"
        );
        assert_eq!(longest_tolerable_iteration(&set, &FREE), None);
    }

    #[test]
    fn the_longest_tolerable_iteration_is_the_least_slack() {
        let set = [
            periodic(1_000_000, 400_000, 1),
            periodic(2_000_000, 600_000, 100_000),
        ];
        let longest = longest_tolerable_iteration(&set, &FREE).expect("the set fits");
        // Two and one activations within two milliseconds leave 600 µs, which is also what the first one can wait.
        assert!(near(longest, 600_000), "{longest}");
        let mut tight = set;
        tight[0].deadline = Nanos(450_000);
        tight[1].longest_iteration = Nanos(10_000);
        let longest = longest_tolerable_iteration(&tight, &FREE).expect("the set fits");
        assert!(near(longest, 50_000), "{longest}");
        assert_eq!(longest_tolerable_iteration(&[], &FREE), Some(Nanos::MAX));
        tight[0].deadline = Nanos(410_000);
        assert!(near(
            longest_tolerable_iteration(&tight, &FREE).expect("the set fits"),
            10_000
        ));
    }

    #[test]
    fn a_set_without_any_demand_has_no_growth() {
        assert!(growth(&[], &FREE) <= 0.0);
        let hopeless = Overheads {
            jitter: Nanos(1000),
            ..FREE
        };
        assert!(growth(&[periodic(1000, 1, 1)], &hopeless) <= 0.0);
    }
}

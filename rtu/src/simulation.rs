// SPDX-License-Identifier: MIT OR Apache-2.0
//! The scheduler and its handlers in virtual time, to see whether the analysis keeps its word.
//!
//! [`run`] drives the real [`Scheduler`](crate::scheduler::Scheduler) and real [`Upcall`](crate::Upcall)s; only time, work
//! and notifications are made up. Iterations have random lengths up to their longest, the scheduler learns of releases up
//! to the release jitter too late, every dispatch costs a switch, and a run can begin where it hurts one task most: all
//! that are as urgent are released together, just after the longest iteration of a less urgent one has begun.

mod campaign;
mod machine;
mod random;
mod sets;

pub use campaign::{Report, campaign, mean_breakdown};
pub use random::Random;
pub use sets::{Iterations, Sets};

use crate::analysis::{Overheads, Task};
use crate::{Nanos, Time, Urgency};

use machine::Machine;

/// How a simulated run begins and goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Course {
    /// Which task, by its place in the set, the beginning is worst for; `None` to begin at random.
    pub victim: Option<usize>,
    /// How much virtual time passes.
    pub length: Nanos,
    /// Whether every activation takes its whole cost in iterations as long as can be; otherwise about half of them do.
    pub worst_case: bool,
}

/// What was seen of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many activations were done.
    pub completions: u64,
    /// How many deadlines were missed, min(D, T) after the nominal release.
    pub misses: u64,
    /// How often a handler was entered.
    pub dispatches: u64,
    /// The longest time from nominal release to end, for each task with a guarantee.
    pub longest: Vec<Nanos>,
}

/// Runs a set on one CPU in virtual time. Sporadic tasks come as often as they may, or a little less.
#[must_use]
pub fn run(tasks: &[Task], overheads: &Overheads, course: &Course, random: &mut Random) -> Seen {
    let begin = Time(1_000_000_000);
    let starts: Vec<Time> = tasks
        .iter()
        .map(|task| begin + offset(task, tasks, course, random))
        .collect();
    let mut machine = Machine::new(tasks, &starts, overheads, course.worst_case, random);
    machine.run_until(begin + course.length);
    machine.seen()
}

/// When a task first comes.
fn offset(task: &Task, tasks: &[Task], course: &Course, random: &mut Random) -> Nanos {
    let Some(victim) = course.victim.and_then(|victim| tasks.get(victim)) else {
        return Nanos(random.within(0, task.period.0));
    };
    let blocker = blocker(victim.urgency(), tasks);
    if task.urgency() <= victim.urgency() {
        Nanos(2)
    } else if blocker == Some(task) {
        Nanos::ZERO
    } else {
        Nanos(random.within(2, task.period.0.max(2)))
    }
}

/// Who has the longest iteration of those that are less urgent.
fn blocker(urgency: Urgency, tasks: &[Task]) -> Option<&Task> {
    let less_urgent = tasks.iter().filter(|task| task.urgency() > urgency);
    less_urgent.max_by_key(|task| task.longest_iteration)
}

#[cfg(test)]
mod tests;

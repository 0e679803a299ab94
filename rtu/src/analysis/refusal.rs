// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a task was refused, and what would have fitted.

use std::fmt;

use crate::Nanos;

use super::admitted::{AdmittedSet, TaskId};
use super::{InvalidTask, Task};

/// Why a task was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its figures make no sense together.
    #[error("{0}")]
    Invalid(#[from] InvalidTask),
    /// With it, it or another one would miss its deadline.
    #[error("{0}")]
    Miss(Miss),
}

/// Which task would miss its deadline, by how much, and what would fit instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Miss {
    /// Who would be late: if several would, the least urgent.
    pub who: Whom,
    /// Its response time; `None` if it would have no end within sixteen times its deadline.
    pub response: Option<Nanos>,
    /// The longest response time that meets its deadline: min(D, T) - J.
    pub limit: Nanos,
    /// What the candidate would have to be instead.
    pub nearest: Nearest,
}

/// Who would be late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The task that asks.
    Candidate,
    /// One that was admitted before.
    Admitted(TaskId),
}

/// Requests near the refused one that fit: each changes one figure only, to within 1 % of where it just fits.
///
/// `None` where no change of that figure alone helps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nearest {
    /// This cost (with iterations no longer than it), as from a smaller batch.
    pub cost: Option<Nanos>,
    /// This period or minimum inter-arrival; a deadline that was the period moves with it.
    pub period: Option<Nanos>,
    /// This longest iteration, the cost being the same.
    pub longest_iteration: Option<Nanos>,
    /// This deadline.
    pub deadline: Option<Nanos>,
}

/// How many times the period a nearest request may have.
const LONGEST_STRETCH: u64 = 1 << 10;

impl Miss {
    /// Returns by how much the deadline would be missed; `None` if without end.
    #[must_use]
    pub fn excess(&self) -> Option<Nanos> {
        self.response.map(|response| response - self.limit)
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.who {
            Whom::Candidate => write!(f, "it would miss its deadline: ")?,
            Whom::Admitted(_) => write!(f, "one that is already admitted would miss its deadline: ")?,
        }
        match (self.response, self.excess()) {
            (Some(response), Some(excess)) => write!(
                f,
                "a response time of {response} against {}, {excess} too long",
                self.limit
            )?,
            _ => write!(f, "no bounded response time against {}", self.limit)?,
        }
        self.nearest.fmt(f)
    }
}

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = [
            ("a cost of", self.cost),
            ("a period of", self.period),
            ("iterations of", self.longest_iteration),
            ("a deadline of", self.deadline),
        ];
        let mut before = "; it would fit with ";
        for (what, figure) in figures {
            if let Some(figure) = figure {
                write!(f, "{before}{what} {figure}")?;
                before = " or ";
            }
        }
        Ok(())
    }
}

impl AdmittedSet {
    /// Returns what a task that does not fit would have to be instead.
    #[must_use]
    pub fn nearest(&mut self, task: &Task) -> Nearest {
        Nearest {
            cost: self.largest(task.cost, |cost| with_cost(task, cost)),
            period: self.nearest_period(task),
            longest_iteration: self.largest(task.longest_iteration, |longest_iteration| Task {
                longest_iteration,
                ..*task
            }),
            deadline: self.nearest_deadline(task),
        }
    }

    /// The largest figure below one that does not fit, such that the task made from it does, to within 1 %.
    pub(super) fn largest(&mut self, above: Nanos, task: impl Fn(Nanos) -> Task) -> Option<Nanos> {
        if !self.fits(&task(Nanos(1))) {
            return None;
        }
        let (mut fits, mut too_large) = (Nanos(1), above);
        while (too_large - fits).0 > too_large.0 / 128 + 1 {
            let middle = fits + (too_large - fits) / 2;
            if self.fits(&task(middle)) {
                fits = middle;
            } else {
                too_large = middle;
            }
        }
        Some(fits)
    }

    fn nearest_period(&mut self, task: &Task) -> Option<Nanos> {
        let mut factor = 2;
        while !self.fits(&with_period(task, task.period * factor)) {
            factor *= 2;
            if factor > LONGEST_STRETCH {
                return None;
            }
        }
        let (mut too_short, mut fits) = (task.period * (factor / 2), task.period * factor);
        while (fits - too_short).0 > fits.0 / 128 + 1 {
            let middle = too_short + (fits - too_short) / 2;
            if self.fits(&with_period(task, middle)) {
                fits = middle;
            } else {
                too_short = middle;
            }
        }
        Some(fits)
    }

    /// A longer deadline harms nobody else, so it is the response time, if that is within the period.
    fn nearest_deadline(&mut self, task: &Task) -> Option<Nanos> {
        let relaxed = Task {
            deadline: task.period,
            ..*task
        };
        if task.deadline >= task.period || !self.fits(&relaxed) {
            return None;
        }
        let response = self.response_of(&relaxed)?;
        Some(response + task.jitter.max(self.overheads().jitter))
    }
}

/// The task with another cost; its iterations are then no longer than that.
pub(super) fn with_cost(task: &Task, cost: Nanos) -> Task {
    Task {
        cost,
        longest_iteration: task.longest_iteration.min(cost),
        ..*task
    }
}

fn with_period(task: &Task, period: Nanos) -> Task {
    let deadline = if task.deadline < task.period {
        task.deadline
    } else {
        period
    };
    Task {
        period,
        deadline,
        ..*task
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the analysis knows of an RTU and of the machine.

use crate::{Class, Nanos, Urgency};

/// An RTU as the analysis sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Task {
    /// Its class, and so how urgent it is. Best effort gets no guarantee, but may block others.
    pub class: Class,
    /// The period T; for low delay the minimum inter-arrival. Not looked at for best effort.
    pub period: Nanos,
    /// The worst-case execution time C of one activation, all its iterations together.
    pub cost: Nanos,
    /// The worst-case execution time of one iteration, after which it yields if told to. At most the cost.
    pub longest_iteration: Nanos,
    /// The relative deadline D, counted from the nominal release. Beyond the period it counts as the period.
    pub deadline: Nanos,
    /// The release jitter J: how much later than nominally it may be released. Never counted less than the machine's.
    pub jitter: Nanos,
}

/// What scheduling itself costs on a machine; measured there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Overheads {
    /// The cost S of one switch: from the end of one activation to the first instruction of the next handler.
    pub switch: Nanos,
    /// The release jitter J: from the moment a timer or notification is due to the moment the scheduler knows.
    pub jitter: Nanos,
}

/// Why a task cannot be analysed at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTask {
    /// The period is zero.
    #[error("the period is zero")]
    NoPeriod,
    /// The cost is zero.
    #[error("the cost of an activation is zero")]
    NoCost,
    /// The longest iteration is zero.
    #[error("the longest iteration is zero")]
    NoIteration,
    /// The longest iteration is longer than the whole activation.
    #[error("the longest iteration takes longer than the whole activation")]
    IterationBeyondCost,
    /// The deadline, or the period, is not beyond the release jitter.
    #[error("the deadline passes before a late release, with a release jitter of {jitter}")]
    DeadlineWithinJitter {
        /// The release jitter that was counted.
        jitter: Nanos,
    },
}

impl Task {
    /// Returns the share of a CPU that it asks for, without overheads: C / T; zero for best effort.
    #[must_use]
    pub fn utilisation(&self) -> f64 {
        if self.urgency().is_guaranteed() {
            self.cost.share_of(self.period)
        } else {
            0.0
        }
    }

    /// Returns its place among the others.
    #[must_use]
    pub fn urgency(&self) -> Urgency {
        Urgency::of(self.class, self.period)
    }

    /// Checks that the figures make sense together.
    ///
    /// # Errors
    ///
    /// Says which figure does not.
    pub fn validate(&self, overheads: &Overheads) -> Result<(), InvalidTask> {
        if self.longest_iteration == Nanos::ZERO {
            return Err(InvalidTask::NoIteration);
        }
        if !self.urgency().is_guaranteed() {
            return Ok(());
        }
        if self.period == Nanos::ZERO {
            return Err(InvalidTask::NoPeriod);
        }
        if self.cost == Nanos::ZERO {
            return Err(InvalidTask::NoCost);
        }
        if self.longest_iteration > self.cost {
            return Err(InvalidTask::IterationBeyondCost);
        }
        if self.limit(overheads) == Nanos::ZERO {
            let jitter = self.jitter.max(overheads.jitter);
            return Err(InvalidTask::DeadlineWithinJitter { jitter });
        }
        Ok(())
    }

    /// The longest response time that meets the deadline: min(D, T) - J.
    pub(super) fn limit(&self, overheads: &Overheads) -> Nanos {
        self.deadline.min(self.period) - self.jitter.max(overheads.jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Task = Task {
        class: Class::Periodic,
        period: Nanos(1000),
        cost: Nanos(100),
        longest_iteration: Nanos(100),
        deadline: Nanos(5000),
        jitter: Nanos(7),
    };

    fn wrong(task: Task) -> Option<InvalidTask> {
        let overheads = Overheads {
            switch: Nanos(1),
            jitter: Nanos(20),
        };
        task.validate(&overheads).err()
    }

    #[test]
    fn figures_that_make_no_sense_are_named() {
        let zero = Nanos::ZERO;
        assert_eq!(wrong(GOOD), None);
        assert_eq!(wrong(Task { period: zero, ..GOOD }), Some(InvalidTask::NoPeriod));
        assert_eq!(wrong(Task { cost: zero, ..GOOD }), Some(InvalidTask::NoCost));
        let task = Task {
            longest_iteration: zero,
            ..GOOD
        };
        assert_eq!(wrong(task), Some(InvalidTask::NoIteration));
        let task = Task {
            longest_iteration: Nanos(101),
            ..GOOD
        };
        assert_eq!(wrong(task), Some(InvalidTask::IterationBeyondCost));
        let jitter = Nanos(20);
        let task = Task {
            deadline: jitter,
            ..GOOD
        };
        assert_eq!(wrong(task), Some(InvalidTask::DeadlineWithinJitter { jitter }));
    }

    #[test]
    fn best_effort_needs_an_iteration_only() {
        let class = Class::BestEffort { priority: 3 };
        let task = Task {
            class,
            period: Nanos::ZERO,
            cost: Nanos::ZERO,
            ..GOOD
        };
        assert_eq!(wrong(task), None);
        assert!(task.utilisation() <= 0.0);
        let task = Task {
            longest_iteration: Nanos::ZERO,
            ..task
        };
        assert_eq!(wrong(task), Some(InvalidTask::NoIteration));
    }

    #[test]
    fn the_limit_is_the_deadline_or_the_period_less_the_larger_jitter() {
        let overheads = Overheads {
            switch: Nanos(1),
            jitter: Nanos(20),
        };
        assert_eq!(GOOD.limit(&overheads), Nanos(980));
        let task = Task {
            deadline: Nanos(400),
            jitter: Nanos(50),
            ..GOOD
        };
        assert_eq!(task.limit(&overheads), Nanos(350));
    }
}

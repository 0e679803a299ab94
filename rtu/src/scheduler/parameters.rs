// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an RTU is scheduled by.

use crate::{Class, Nanos, Time, Urgency};

/// What an RTU is scheduled by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Its class, and so how urgent it is.
    pub class: Class,
    /// The period. For a reactive RTU the minimum inter-arrival that it is held to; zero for none.
    ///
    /// A periodic RTU's period of zero counts as a nanosecond.
    pub period: Nanos,
    /// The relative deadline, from the nominal release; later than that is a miss. Not looked at for best effort.
    pub deadline: Nanos,
    /// What it may use per period (or, without one, per release); `None` for as much as it likes.
    pub budget: Option<Budget>,
}

/// How much an RTU may use of the CPU per period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The execution time per period.
    pub amount: Nanos,
    /// What is done when it has used more.
    pub on_overrun: Overrun,
}

/// What is done about an RTU that has used more than its budget. It is counted in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overrun {
    /// Nothing else: it goes on.
    Log,
    /// It goes on in the next period, and what it used too much counts against that period's budget.
    Defer,
    /// It goes on as best effort of the lowest priority, until it is changed.
    Demote,
}

impl Parameters {
    /// Makes those of a class and period, whose end is the deadline, without a budget.
    #[must_use]
    pub const fn new(class: Class, period: Nanos) -> Self {
        Self {
            class,
            period,
            deadline: period,
            budget: None,
        }
    }

    /// Makes those of a periodic RTU, with the period's end as the deadline and without a budget.
    #[must_use]
    pub const fn periodic(period: Nanos) -> Self {
        Self::new(Class::Periodic, period)
    }

    /// Returns them with a budget per period.
    #[must_use]
    pub const fn with_budget(self, amount: Nanos, on_overrun: Overrun) -> Self {
        let budget = Some(Budget { amount, on_overrun });
        Self { budget, ..self }
    }

    /// Returns them with another relative deadline.
    #[must_use]
    pub const fn with_deadline(self, deadline: Nanos) -> Self {
        Self { deadline, ..self }
    }

    /// Returns how urgent they make an RTU.
    #[must_use]
    pub fn urgency(&self) -> Urgency {
        Urgency::of(self.class, self.period)
    }

    pub(crate) fn is_periodic(&self) -> bool {
        self.class == Class::Periodic
    }

    pub(super) fn deadline_of(&self, released: Time) -> Time {
        released + self.deadline
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a handler is, and what it sees while it runs.

use std::fmt;

use crate::{Nanos, Time};

/// How an activation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Everything this activation had to do is done.
    Done,
    /// It returned early, and goes on from the head of its queue once nothing more urgent is ready.
    NotDone,
}

/// A handler: the code of a real-time upcall.
///
/// One activation processes at most [`batch`](Activation::batch) units in iterations. After each iteration it looks at
/// [`should_yield`](Activation::should_yield), and returns [`Outcome::NotDone`] if told to; its progress stays in its own
/// fields. Nothing else takes the CPU from it, so its longest iteration is what more urgent ones may have to wait.
///
/// ```
/// use rtu::{Activation, Outcome, Upcall};
/// struct Drain(Vec<u32>);
/// impl Upcall for Drain {
///     fn upcall(&mut self, cx: &mut Activation<'_>) -> Outcome {
///         for _ in 0..cx.batch() {
///             if self.0.pop().is_none() {
///                 return Outcome::Done;
///             }
///             if cx.should_yield() {
///                 return Outcome::NotDone;
///             }
///         }
///         cx.again(); // Perhaps there is more.
///         Outcome::Done
///     }
/// }
/// ```
pub trait Upcall {
    /// Runs until the work of this activation is done or it is told to yield.
    fn upcall(&mut self, cx: &mut Activation<'_>) -> Outcome;
}

impl<F: FnMut(&mut Activation<'_>) -> Outcome> Upcall for F {
    fn upcall(&mut self, cx: &mut Activation<'_>) -> Outcome {
        self(cx)
    }
}

/// What runs handlers: an executive with threads and a clock, or a simulation without.
pub trait Host {
    /// Returns the time.
    fn now(&mut self) -> Time;

    /// Returns whether something more urgent than the running RTU is ready. Called at the end of each iteration, and so
    /// to be cheap.
    fn should_yield(&mut self) -> bool;
}

/// One activation of a handler, as the handler sees it.
pub struct Activation<'a> {
    host: &'a mut dyn Host,
    released: Time,
    deadline: Option<Time>,
    batch: u32,
    again: bool,
}

impl<'a> Activation<'a> {
    /// Begins an activation of at most `batch` units that was released at `released`.
    pub fn new(host: &'a mut dyn Host, released: Time, deadline: Option<Time>, batch: u32) -> Self {
        Self {
            host,
            released,
            deadline,
            batch,
            again: false,
        }
    }

    /// Returns whether something more urgent is ready, so that the handler has to return [`Outcome::NotDone`].
    pub fn should_yield(&mut self) -> bool {
        self.host.should_yield()
    }

    /// Returns the time, on the clock of whatever runs the handler.
    pub fn now(&mut self) -> Time {
        self.host.now()
    }

    /// Returns how many units (messages) this activation may process.
    #[must_use]
    pub fn batch(&self) -> u32 {
        self.batch
    }

    /// Returns when this activation was released.
    #[must_use]
    pub fn released(&self) -> Time {
        self.released
    }

    /// Returns when this activation has to be done; `None` for best effort.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// Returns how much time is left until the deadline; zero once it has passed, `None` for best effort.
    pub fn slack(&mut self) -> Option<Nanos> {
        let now = self.host.now();
        self.deadline.map(|deadline| deadline - now)
    }

    /// Asks for another activation, as a notification would: a reactive handler whose batch ran out before its input.
    pub fn again(&mut self) {
        self.again = true;
    }

    /// Returns whether the handler asked for [`again`](Self::again). For whatever runs the handler.
    #[must_use]
    pub fn wants_again(&self) -> bool {
        self.again
    }
}

impl fmt::Debug for Activation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Activation")
            .field("released", &self.released)
            .field("deadline", &self.deadline)
            .field("batch", &self.batch)
            .field("again", &self.again)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host whose time passes with each question, and that asks to yield at some time.
    struct Ticking {
        now: u64,
        yields_at: u64,
    }

    impl Host for Ticking {
        fn now(&mut self) -> Time {
            Time(self.now)
        }

        fn should_yield(&mut self) -> bool {
            self.now += 10;
            self.now >= self.yields_at
        }
    }

    /// Takes units until there are none, its batch is over, or it is to yield.
    fn drain(units: &mut u32, cx: &mut Activation<'_>) -> Outcome {
        for _ in 0..cx.batch() {
            if *units == 0 {
                return Outcome::Done;
            }
            *units -= 1;
            if cx.should_yield() {
                return Outcome::NotDone;
            }
        }
        cx.again();
        Outcome::Done
    }

    #[test]
    fn a_handler_ends_with_its_input_its_batch_or_its_turn() {
        let run = |units: u32, yields_at: u64| {
            let mut left = units;
            let mut handler = |cx: &mut Activation<'_>| drain(&mut left, cx);
            let mut host = Ticking { now: 0, yields_at };
            let mut cx = Activation::new(&mut host, Time(0), None, 4);
            let outcome = handler.upcall(&mut cx);
            let again = cx.wants_again();
            (outcome, again, left)
        };
        assert_eq!(run(3, u64::MAX), (Outcome::Done, false, 0));
        assert_eq!(run(9, u64::MAX), (Outcome::Done, true, 5));
        assert_eq!(run(9, 20), (Outcome::NotDone, false, 7));
    }

    #[test]
    fn slack_is_what_is_left_until_the_deadline() {
        let mut host = Ticking {
            now: 40,
            yields_at: 0,
        };
        let mut cx = Activation::new(&mut host, Time(30), Some(Time(100)), 1);
        assert_eq!(
            (cx.slack(), cx.now(), cx.released()),
            (Some(Nanos(60)), Time(40), Time(30))
        );
        let mut late = Activation::new(&mut host, Time(0), Some(Time(35)), 1);
        assert_eq!(
            (late.slack(), late.deadline()),
            (Some(Nanos::ZERO), Some(Time(35)))
        );
        assert_eq!(Activation::new(&mut host, Time(0), None, 1).slack(), None);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A CPU in virtual time, and handlers that do nothing but take it.

use std::cell::Cell;
use std::rc::Rc;

use crate::analysis::{Overheads, Task};
use crate::scheduler::{Notified, Parameters, RtuId, Scheduler};
use crate::{Activation, Class, Host, Nanos, Outcome, Time, Upcall};

use super::{Random, Seen};

/// The time of a machine; all that share it see it pass.
#[derive(Clone, Debug)]
struct Clock(Rc<Cell<Time>>);

impl Clock {
    fn now(&self) -> Time {
        self.0.get()
    }

    fn pass(&self, span: Nanos) {
        self.0.set(self.0.get() + span);
    }
}

/// The handler of a task.
struct Work {
    clock: Clock,
    task: Task,
    worst_case: bool,
    left: Nanos,
    random: Random,
}

impl Work {
    /// Often all, and sometimes a part.
    fn some_of(&mut self, all: Nanos) -> Nanos {
        if self.worst_case || self.random.chance(0.5) {
            all
        } else {
            Nanos(self.random.within(1, all.0))
        }
    }
}

impl Upcall for Work {
    fn upcall(&mut self, cx: &mut Activation<'_>) -> Outcome {
        if self.left == Nanos::ZERO {
            self.left = self.some_of(self.task.cost);
        }
        loop {
            let iteration = self.some_of(self.task.longest_iteration.min(self.left));
            self.clock.pass(iteration);
            self.left -= iteration;
            if self.left == Nanos::ZERO {
                return Outcome::Done;
            }
            if cx.should_yield() {
                return Outcome::NotDone;
            }
        }
    }
}

/// A task, and what comes for it from outside.
struct Actor {
    id: RtuId,
    task: Task,
    /// When a sporadic one comes next.
    arrival: Time,
    /// The nominal release of what a sporadic one has not done yet.
    nominal: Option<Time>,
}

/// All but the handlers: what they run on, and see through their activations.
struct Platform {
    scheduler: Scheduler,
    clock: Clock,
    actors: Vec<Actor>,
    jitter: Nanos,
    /// What the scheduler believes the time to be: up to the jitter behind.
    view: Time,
    begin: Time,
    random: Random,
}

/// A CPU, its scheduler, and the handlers.
pub(super) struct Machine {
    platform: Platform,
    handlers: Vec<Work>,
    switch: Nanos,
    seen: Seen,
}

impl Machine {
    pub(super) fn new(
        tasks: &[Task],
        starts: &[Time],
        overheads: &Overheads,
        worst_case: bool,
        random: &mut Random,
    ) -> Self {
        let begin = starts.iter().min().copied().unwrap_or_default();
        let clock = Clock(Rc::new(Cell::new(begin + overheads.jitter)));
        let mut scheduler = Scheduler::with_capacity(tasks.len());
        let actors = tasks.iter().zip(starts).map(|(task, start)| {
            let deadline = task.deadline.min(task.period);
            let parameters = Parameters::new(task.class, task.period).with_deadline(deadline);
            Actor {
                id: scheduler.add(parameters, *start),
                task: *task,
                arrival: *start,
                nominal: None,
            }
        });
        let actors = actors.collect();
        let handlers = tasks.iter().map(|task| Work {
            clock: clock.clone(),
            task: *task,
            worst_case,
            left: Nanos::ZERO,
            random: random.split(),
        });
        Self {
            handlers: handlers.collect(),
            switch: overheads.switch,
            seen: Seen {
                longest: vec![Nanos::ZERO; tasks.len()],
                ..Seen::default()
            },
            platform: Platform {
                scheduler,
                clock,
                actors,
                jitter: overheads.jitter,
                view: begin,
                begin,
                random: random.split(),
            },
        }
    }

    pub(super) fn run_until(&mut self, end: Time) {
        while self.platform.clock.now() < end {
            self.platform.poll();
            if !self.dispatch() && !self.platform.sleep() {
                return;
            }
        }
    }

    pub(super) fn seen(mut self) -> Seen {
        let now = self.platform.clock.now();
        let actors = self.platform.actors.iter();
        for actor in actors.filter(|actor| actor.task.urgency().is_guaranteed()) {
            let account = self.platform.scheduler.account(actor.id);
            self.seen.misses += account.map_or(0, |account| account.misses);
            // What never ends is late as well; of periodic ones the scheduler sees it at the next release.
            let deadline = actor.nominal.map(|nominal| nominal + actor.task.deadline);
            self.seen.misses += u64::from(deadline.is_some_and(|deadline| deadline < now));
        }
        self.seen
    }

    /// Runs the most urgent until it returns; `false` if none is ready.
    fn dispatch(&mut self) -> bool {
        let Some(running) = self.platform.scheduler.next() else {
            return false;
        };
        // The scheduler was empty, so it gave the slots in order.
        let index = running.id.slot();
        let Some(handler) = self.handlers.get_mut(index) else {
            return false;
        };
        self.seen.dispatches += 1;
        self.platform.clock.pass(self.switch);
        let entered = self.platform.clock.now();
        let mut cx = Activation::new(&mut self.platform, running.released, running.deadline, 1);
        let outcome = handler.upcall(&mut cx);
        let now = self.platform.clock.now();
        if outcome == Outcome::Done {
            self.note(index, now - running.released);
        }
        self.platform
            .scheduler
            .finish(running.id, outcome, now - entered, now);
        true
    }

    fn note(&mut self, index: usize, response: Nanos) {
        self.seen.completions += 1;
        if let Some(longest) = self.seen.longest.get_mut(index) {
            *longest = (*longest).max(response);
        }
        if let Some(actor) = self.platform.actors.get_mut(index) {
            actor.nominal = None;
        }
    }
}

impl Platform {
    /// Lets the scheduler see a time that is a little late, and what has come by then.
    fn poll(&mut self) {
        let late = self.late();
        self.view = self.view.max(self.clock.now() - late);
        self.scheduler.advance(self.view);
        for actor in &mut self.actors {
            if actor.task.class == Class::Periodic || actor.arrival > self.view {
                continue;
            }
            match self.scheduler.notify(actor.id, actor.arrival) {
                Notified::Released => actor.nominal = Some(actor.arrival),
                Notified::Policed(until) => actor.nominal = Some(until),
                Notified::Masked | Notified::Ignored => {}
            }
            actor.arrival = next_arrival(&actor.task, actor.arrival, &mut self.random);
        }
    }

    /// How late the scheduler is to learn of what comes. It hurts most if the first releases are late and those after them
    /// are not.
    fn late(&mut self) -> Nanos {
        match self.random.within(0, 3) {
            _ if self.view <= self.begin => self.jitter,
            0 => self.jitter,
            1 => Nanos(self.random.within(0, self.jitter.0)),
            _ => Nanos::ZERO,
        }
    }

    /// Waits for what comes next, and sees it late by up to the jitter; `false` if nothing does.
    fn sleep(&mut self) -> bool {
        let sporadic = self
            .actors
            .iter()
            .filter(|actor| actor.task.class != Class::Periodic);
        let arrival = sporadic.map(|actor| actor.arrival).min();
        let Some(next) = arrival.into_iter().chain(self.scheduler.next_event()).min() else {
            return false;
        };
        let late = self.late();
        self.view = self.view.max(next);
        self.clock.0.set(self.clock.now().max(next + late));
        true
    }
}

impl Host for Platform {
    fn now(&mut self) -> Time {
        self.clock.now()
    }

    fn should_yield(&mut self) -> bool {
        self.poll();
        self.scheduler.should_yield()
    }
}

/// A sporadic task comes again when it may, a little later, or too early, which the scheduler is to put right.
fn next_arrival(task: &Task, last: Time, random: &mut Random) -> Time {
    let period = task.period.0.max(1);
    let distance = match random.within(0, 9) {
        0 => random.within(period / 2, period),
        1 => random.within(period, period * 2),
        _ => period,
    };
    last + Nanos(distance.max(1))
}

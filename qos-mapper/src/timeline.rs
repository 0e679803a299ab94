// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a CPU would do, in virtual time: the scheduler run with everyone at its worst.

use rtu::scheduler::{RtuId, Scheduler};
use rtu::{Class, Nanos, Outcome, Time};

use crate::plan::Plan;

/// The schedule of a CPU from the moment at which everyone is released together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// How much is shown: the hyperperiod, or less if that is too long.
    pub window: Nanos,
    /// The hyperperiod, after which the schedule repeats; none if it is beyond 584 years.
    pub hyperperiod: Option<Nanos>,
    /// Who runs when, in order.
    pub segments: Vec<Segment>,
    /// How often someone was not done by its deadline. Zero for an admitted set.
    pub misses: u64,
}

/// A time in which one flow runs without giving the CPU up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The place of its plan in the list.
    pub flow: usize,
    /// When it begins.
    pub start: Time,
    /// When it ends.
    pub end: Time,
    /// Whether it was done, and not only preempted.
    pub done: bool,
}

/// Releases in a window, at most: what a drawing can show.
const MOST_RELEASES: u64 = 2_000;

/// Runs the plans of one CPU in virtual time: all released together, each activation at its worst, each reactive one
/// released as often as it may be. Plans without a guarantee are left out.
pub fn timeline(plans: &[&Plan], switch: Nanos) -> Timeline {
    let periods: Vec<u64> = guaranteed(plans)
        .map(|(_, plan)| plan.rtu.period.0.max(1))
        .collect();
    let hyperperiod = periods
        .iter()
        .try_fold(1, |multiple, period| least_common_multiple(multiple, *period));
    let mut run = Run::new(plans, switch);
    let window = window(&periods, hyperperiod);
    run.until(Time(window));
    Timeline {
        window: Nanos(window),
        hyperperiod: hyperperiod.map(Nanos),
        misses: run.misses,
        segments: run.segments,
    }
}

fn guaranteed<'a>(plans: &'a [&Plan]) -> impl Iterator<Item = (usize, &'a Plan)> {
    let all = plans.iter().enumerate().map(|(index, plan)| (index, *plan));
    all.filter(|(_, plan)| plan.task().is_some())
}

/// The hyperperiod, or as much of it as can be shown.
fn window(periods: &[u64], hyperperiod: Option<u64>) -> u64 {
    if periods.is_empty() {
        return 0;
    }
    let rate: f64 = periods.iter().map(|period| 1.0 / *period as f64).sum();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from a float saturates, and the value is not negative"
    )]
    let shown = (MOST_RELEASES as f64 / rate) as u64;
    hyperperiod.unwrap_or(u64::MAX).min(shown)
}

fn least_common_multiple(one: u64, other: u64) -> Option<u64> {
    let (mut divisor, mut rest) = (one, other);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (one / divisor.max(1)).checked_mul(other)
}

struct Run {
    scheduler: Scheduler,
    flows: Vec<Flow>,
    switch: Nanos,
    now: Time,
    segments: Vec<Segment>,
    misses: u64,
}

struct Flow {
    id: RtuId,
    place: usize,
    /// When a reactive one is notified next.
    notified: Option<Time>,
    period: Nanos,
    budget: Nanos,
    iteration: Nanos,
    /// What is left of the activation.
    left: Nanos,
}

impl Run {
    fn new(plans: &[&Plan], switch: Nanos) -> Self {
        let mut scheduler = Scheduler::with_capacity(plans.len());
        let flow = |(place, plan): (usize, &Plan)| Flow {
            id: scheduler.add(plan.parameters(), Time::ZERO),
            place,
            notified: (plan.rtu.class != Class::Periodic).then_some(Time::ZERO),
            period: plan.rtu.period,
            budget: plan.rtu.budget,
            iteration: plan.rtu.longest_iteration.max(Nanos(1)),
            left: plan.rtu.budget,
        };
        Self {
            flows: guaranteed(plans).map(flow).collect(),
            scheduler,
            switch,
            now: Time::ZERO,
            segments: Vec::new(),
            misses: 0,
        }
    }

    fn until(&mut self, end: Time) {
        self.tell();
        while self.now < end {
            let Some(running) = self.scheduler.next() else {
                match self.next_event() {
                    Some(event) if event < end => self.now = self.now.max(event),
                    _ => break,
                }
                self.tell();
                continue;
            };
            let Some(index) = self.flows.iter().position(|flow| flow.id == running.id) else {
                break;
            };
            self.activation(index);
        }
    }

    /// Runs an activation until it is done or has to yield.
    fn activation(&mut self, index: usize) {
        self.now = self.now + self.switch;
        let start = self.now;
        let mut done = false;
        while !done {
            let Some(flow) = self.flows.get_mut(index) else {
                return;
            };
            let iteration = flow.iteration.min(flow.left);
            flow.left -= iteration;
            done = flow.left == Nanos::ZERO;
            self.now = self.now + iteration;
            self.tell();
            if self.scheduler.should_yield() {
                break;
            }
        }
        let Some(flow) = self.flows.get_mut(index) else {
            return;
        };
        if done {
            flow.left = flow.budget;
        }
        let outcome = if done { Outcome::Done } else { Outcome::NotDone };
        let finished = self
            .scheduler
            .finish(flow.id, outcome, self.now - start, self.now);
        self.misses += u64::from(finished.is_some_and(|it| it.missed));
        self.segments.push(Segment {
            flow: flow.place,
            start,
            end: self.now,
            done,
        });
    }

    /// Tells the scheduler the time, and the reactive ones what came.
    fn tell(&mut self) {
        self.scheduler.advance(self.now);
        for flow in &mut self.flows {
            while let Some(due) = flow.notified.filter(|due| *due <= self.now) {
                self.scheduler.notify(flow.id, due);
                flow.notified = Some(due + flow.period.max(Nanos(1)));
            }
        }
    }

    fn next_event(&self) -> Option<Time> {
        let notified = self.flows.iter().filter_map(|flow| flow.notified);
        notified.chain(self.scheduler.next_event()).min()
    }
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The scheduler against one that sorts a list: whatever happens, both choose alike and count alike.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as expected"
)]

#[path = "oracle/naive.rs"]
mod naive;

use proptest::prelude::*;
use rtu::scheduler::{Overrun, Parameters, RtuId, Scheduler};
use rtu::{Class, Nanos, Outcome, Time};

use naive::Naive;

#[derive(Clone, Copy, Debug)]
enum Step {
    Add(Parameters, u64),
    Remove(prop::sample::Index),
    Notify(prop::sample::Index),
    Advance(u64),
    ToNextEvent,
    Next,
    Finish(Outcome, u64),
}

fn parameters() -> impl Strategy<Value = Parameters> {
    let class = prop_oneof![
        (0..3_u8).prop_map(|priority| Class::LowDelay { priority }),
        Just(Class::Periodic),
        (0..3_u8).prop_map(|priority| Class::BestEffort { priority }),
    ];
    let period = prop_oneof![Just(0_u64), 1..40_u64, 100..110_u64, 1_000..100_000_u64];
    let on_overrun = prop_oneof![Just(Overrun::Log), Just(Overrun::Defer), Just(Overrun::Demote)];
    let budget = prop::option::of((1..40_u64, on_overrun));
    (class, period, 1..100_u64, budget).prop_map(|(class, period, deadline, budget)| {
        let period = if class == Class::Periodic {
            period.max(20)
        } else {
            period
        };
        let parameters = Parameters::new(class, Nanos(period)).with_deadline(Nanos(period * deadline / 100));
        match budget {
            Some((amount, on_overrun)) => parameters.with_budget(Nanos(amount), on_overrun),
            None => parameters,
        }
    })
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![Just(Outcome::Done), Just(Outcome::NotDone)];
    prop_oneof![
        2 => (parameters(), 0..200_u64).prop_map(|(parameters, start)| Step::Add(parameters, start)),
        1 => any::<prop::sample::Index>().prop_map(Step::Remove),
        4 => any::<prop::sample::Index>().prop_map(Step::Notify),
        2 => prop_oneof![0..30_u64, 0..10_000_u64].prop_map(Step::Advance),
        4 => Just(Step::ToNextEvent),
        6 => Just(Step::Next),
        6 => (outcome, 0..60_u64).prop_map(|(outcome, used)| Step::Finish(outcome, used)),
    ]
}

/// Both schedulers, and what is true of the world.
struct Pair {
    real: Scheduler,
    naive: Naive,
    ids: Vec<RtuId>,
    now: u64,
}

impl Pair {
    fn step(&mut self, step: Step) {
        match step {
            Step::Add(parameters, start) => {
                let start = Time(self.now + start);
                let id = self.real.add(parameters, start);
                self.naive.add(id, parameters, start);
                self.ids.push(id);
            }
            Step::Remove(which) if !self.ids.is_empty() => {
                let id = self.ids.swap_remove(which.index(self.ids.len()));
                assert!(self.real.remove(id));
                self.naive.remove(id);
            }
            Step::Notify(which) if !self.ids.is_empty() => {
                let id = self.ids[which.index(self.ids.len())];
                let now = Time(self.now);
                assert_eq!(self.real.notify(id, now), self.naive.notify(id, now));
            }
            Step::Advance(span) => self.advance(self.now + span),
            Step::ToNextEvent => {
                let next = self.real.next_event().map_or(self.now, |next| next.0);
                self.advance(self.now.max(next));
            }
            Step::Next => self.next(),
            Step::Finish(outcome, used) => self.finish(outcome, used),
            Step::Remove(_) | Step::Notify(_) => {}
        }
    }

    fn advance(&mut self, now: u64) {
        self.now = now;
        self.real.advance(Time(now));
        self.naive.advance(Time(now));
    }

    fn next(&mut self) {
        let running = self.real.next();
        match running {
            Some(running) => self.naive.run(running),
            None => assert!(self.naive.nothing_to_run(), "somebody is ready"),
        }
    }

    fn finish(&mut self, outcome: Outcome, used: u64) {
        let Some(id) = self.real.running() else {
            return;
        };
        // Work takes time, in which others may become ready before it ends.
        self.advance(self.now + used);
        assert_eq!(self.real.should_yield(), self.naive.should_yield());
        let finished = self.real.finish(id, outcome, Nanos(used), Time(self.now));
        assert_eq!(
            finished,
            Some(self.naive.finish(id, outcome, Nanos(used), Time(self.now)))
        );
    }

    fn compare(&self) {
        let (real, naive) = (self.real.next_event(), self.naive.next_event());
        assert!(
            real.is_none() == naive.is_none() && real <= naive,
            "{real:?} {naive:?}"
        );
        assert_eq!(self.real.most_urgent(), self.naive.most_urgent());
        for id in &self.ids {
            let account = self.real.account(*id).expect("it is there");
            let counted = [
                account.releases,
                account.completions,
                account.misses,
                account.overruns,
            ];
            assert_eq!(counted, self.naive.counted(*id), "{id:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn both_choose_alike(first in prop::collection::vec(parameters(), 1..6), steps in prop::collection::vec(step(), 1..120)) {
        let mut pair = Pair {
            real: Scheduler::with_capacity(2),
            naive: Naive::default(),
            ids: Vec::new(),
            now: 0,
        };
        for parameters in first {
            pair.step(Step::Add(parameters, 0));
        }
        for step in steps {
            pair.step(step);
            pair.compare();
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rules of the scheduler once more, as plainly as can be: one list, searched from end to end.

use rtu::scheduler::{Finished, Notified, Overrun, Parameters, RtuId, Running};
use rtu::{Class, Nanos, Outcome, Time, Urgency};

/// A scheduler that is slow and simple.
#[derive(Default)]
pub(crate) struct Naive {
    now: Time,
    rtus: Vec<Rtu>,
    /// Grows with each event; those released by one advance share it, since their order is open.
    turn: i64,
    /// Falls with each activation that goes on.
    front: i64,
}

struct Rtu {
    id: RtuId,
    parameters: Parameters,
    demoted: bool,
    place: Place,
    /// The next release of a periodic one.
    due: Time,
    released: Time,
    /// Releases that wait behind the activation: one at most.
    behind: Option<Time>,
    told: bool,
    miss_counted: bool,
    /// When the budget was last filled; never, for one that never came.
    filled: Option<Time>,
    spent: Nanos,
    overran: bool,
    releases: u64,
    completions: u64,
    misses: u64,
    overruns: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Idle,
    Until(Time),
    Deferred(Option<Time>),
    Ready(i64),
    Running,
}

impl Rtu {
    fn urgency(&self) -> Urgency {
        if self.demoted {
            Urgency::LEAST
        } else {
            self.parameters.urgency()
        }
    }

    fn periodic(&self) -> bool {
        self.parameters.class == Class::Periodic
    }

    fn deadline(&self) -> Time {
        self.released + self.parameters.deadline
    }

    fn timer(&self) -> Option<Time> {
        match self.place {
            _ if self.periodic() => Some(self.due),
            Place::Until(time) | Place::Deferred(Some(time)) => Some(time),
            _ => None,
        }
    }

    fn fill(&mut self, at: Time) {
        let kept = match self.parameters.budget {
            Some(budget) if budget.on_overrun == Overrun::Defer => self.spent - budget.amount,
            _ => Nanos(0),
        };
        (self.filled, self.spent, self.overran) = (Some(at), kept, false);
    }

    fn broke(&self) -> bool {
        (self.periodic() || self.parameters.period > Nanos(0))
            && self
                .parameters
                .budget
                .is_some_and(|budget| budget.on_overrun == Overrun::Defer && self.spent >= budget.amount)
    }

    /// Goes to a place in the queue, or waits for the next budget.
    fn queue(&mut self, turn: i64, now: Time) {
        self.place = if self.broke() {
            let until = self.filled.unwrap_or_default() + self.parameters.period;
            Place::Deferred((!self.periodic()).then_some(until.max(now)))
        } else {
            Place::Ready(turn)
        };
    }

    fn release(&mut self, at: Time, turn: i64, now: Time) {
        self.releases += 1;
        self.fill(at);
        self.begin(at, turn, now);
    }

    fn begin(&mut self, at: Time, turn: i64, now: Time) {
        self.released = at;
        self.miss_counted = false;
        self.queue(turn, now);
    }

    fn request(&mut self, at: Time, turn: i64, now: Time) -> Notified {
        let earliest = self
            .filled
            .map_or(Time(0), |filled| filled + self.parameters.period);
        let from = earliest.max(at);
        if from <= now {
            self.release(from, turn, now);
            Notified::Released
        } else {
            self.place = Place::Until(from);
            Notified::Policed(from)
        }
    }

    fn expire(&mut self, turn: i64, now: Time) {
        match self.place {
            _ if self.periodic() => {
                // Of the periods that passed unseen, all but the last are lost.
                while self.due + self.parameters.period <= now {
                    self.releases += 1;
                    self.misses += 1;
                    self.due = self.due + self.parameters.period;
                }
                let due = self.due;
                self.due = due + self.parameters.period;
                if self.place == Place::Idle {
                    self.release(due, turn, now);
                } else {
                    self.release_behind(due, turn, now);
                }
            }
            Place::Until(at) => self.release(at, turn, now),
            Place::Deferred(Some(at)) => {
                self.fill(at);
                self.queue(turn, now);
            }
            _ => {}
        }
    }

    fn release_behind(&mut self, due: Time, turn: i64, now: Time) {
        self.releases += 1;
        if now > self.deadline() && !self.miss_counted {
            self.miss_counted = true;
            self.misses += 1;
        }
        if self.behind.is_some() {
            self.misses += 1;
        } else {
            self.behind = Some(due);
        }
        self.fill(due);
        if matches!(self.place, Place::Deferred(_)) {
            self.queue(turn, now);
        }
    }

    fn overrun(&mut self, outcome: Outcome) -> Option<Overrun> {
        let budget = self.parameters.budget?;
        let needed = self.spent + Nanos(u64::from(outcome == Outcome::NotDone));
        if needed <= budget.amount || self.overran || self.demoted {
            return None;
        }
        self.overran = true;
        self.overruns += 1;
        self.demoted = budget.on_overrun == Overrun::Demote;
        Some(budget.on_overrun)
    }
}

impl Naive {
    pub(crate) fn add(&mut self, id: RtuId, parameters: Parameters, start: Time) {
        self.rtus.push(Rtu {
            id,
            parameters,
            demoted: false,
            place: Place::Idle,
            due: start,
            released: Time(0),
            behind: None,
            told: false,
            miss_counted: false,
            filled: None,
            spent: Nanos(0),
            overran: false,
            releases: 0,
            completions: 0,
            misses: 0,
            overruns: 0,
        });
    }

    pub(crate) fn remove(&mut self, id: RtuId) {
        self.rtus.retain(|rtu| rtu.id != id);
    }

    pub(crate) fn notify(&mut self, id: RtuId, at: Time) -> Notified {
        self.turn += 1;
        let (turn, now) = (self.turn, self.now);
        let rtu = self.rtu(id);
        match rtu.place {
            _ if rtu.periodic() => Notified::Ignored,
            Place::Idle => rtu.request(at, turn, now),
            Place::Running => {
                rtu.told = true;
                Notified::Masked
            }
            _ => Notified::Masked,
        }
    }

    pub(crate) fn advance(&mut self, now: Time) {
        self.turn += 1;
        self.now = now;
        let turn = self.turn;
        // What is deferred again for no time at all is due once more.
        while let Some(rtu) = self
            .rtus
            .iter_mut()
            .find(|rtu| rtu.timer().is_some_and(|timer| timer <= now))
        {
            rtu.expire(turn, now);
        }
    }

    pub(crate) fn next_event(&self) -> Option<Time> {
        self.rtus.iter().filter_map(Rtu::timer).min()
    }

    pub(crate) fn most_urgent(&self) -> Option<Urgency> {
        let ready = self
            .rtus
            .iter()
            .filter(|rtu| matches!(rtu.place, Place::Ready(_)));
        ready.map(Rtu::urgency).min()
    }

    pub(crate) fn nothing_to_run(&self) -> bool {
        self.most_urgent().is_none() || self.running().is_some()
    }

    pub(crate) fn should_yield(&self) -> bool {
        match (self.running(), self.most_urgent()) {
            (Some(running), Some(ready)) => ready < running.urgency(),
            _ => false,
        }
    }

    /// The other one chose this: it has to be one of the first in order.
    pub(crate) fn run(&mut self, chosen: Running) {
        assert!(!self.nothing_to_run());
        let order = |rtu: &Rtu| match rtu.place {
            Place::Ready(turn) => Some((rtu.urgency(), turn)),
            _ => None,
        };
        let first = self.rtus.iter().filter_map(order).min();
        let rtu = self.rtu(chosen.id);
        assert_eq!(order(rtu), first);
        assert_eq!(chosen.released, rtu.released);
        let guaranteed = !matches!(rtu.parameters.class, Class::BestEffort { .. });
        assert_eq!(chosen.deadline, guaranteed.then_some(rtu.deadline()));
        rtu.place = Place::Running;
    }

    pub(crate) fn finish(&mut self, id: RtuId, outcome: Outcome, used: Nanos, now: Time) -> Finished {
        self.turn += 1;
        self.front -= 1;
        let (turn, front) = (self.turn, self.front);
        let rtu = self.rtu(id);
        rtu.spent += used;
        let overrun = rtu.overrun(outcome);
        if outcome == Outcome::NotDone {
            rtu.told = false;
            rtu.queue(front, now);
            return Finished {
                missed: false,
                overrun,
            };
        }
        let guaranteed = !matches!(rtu.parameters.class, Class::BestEffort { .. });
        let missed = guaranteed && now > rtu.deadline();
        rtu.misses += u64::from(missed && !rtu.miss_counted);
        rtu.completions += 1;
        rtu.place = Place::Idle;
        if let Some(due) = rtu.behind.take() {
            rtu.begin(due, turn, now);
        } else if std::mem::take(&mut rtu.told) {
            rtu.request(now, turn, now);
        }
        Finished { missed, overrun }
    }

    pub(crate) fn counted(&self, id: RtuId) -> [u64; 4] {
        let rtu = self.rtus.iter().find(|rtu| rtu.id == id).unwrap();
        [rtu.releases, rtu.completions, rtu.misses, rtu.overruns]
    }

    fn running(&self) -> Option<&Rtu> {
        self.rtus.iter().find(|rtu| rtu.place == Place::Running)
    }

    fn rtu(&mut self, id: RtuId) -> &mut Rtu {
        self.rtus.iter_mut().find(|rtu| rtu.id == id).unwrap()
    }
}

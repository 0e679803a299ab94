// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which RTU runs next on a CPU: rate-monotonic scheduling with delayed preemption (RMDP).
//!
//! The scheduler is a table of what is ready and a wheel of what is to come. It has no clock and runs nothing: whoever
//! owns the CPU tells it the time, asks for the most urgent, runs it, and says how that ended.
//!
//! ```
//! use rtu::scheduler::{Parameters, Scheduler};
//! use rtu::{Class, Nanos, Outcome, Time};
//! let mut scheduler = Scheduler::with_capacity(16);
//! let stream = Parameters::periodic(Nanos::from_millis(10));
//! let stream = scheduler.add(stream, Time(0));
//! let alarm = Parameters::new(Class::LowDelay { priority: 1 }, Nanos::from_millis(5));
//! let alarm = scheduler.add(alarm, Time(0));
//!
//! scheduler.advance(Time(0));
//! assert_eq!(scheduler.next().map(|running| running.id), Some(stream));
//! scheduler.notify(alarm, Time(1_000));
//! assert!(scheduler.should_yield());
//! scheduler.finish(stream, Outcome::NotDone, Nanos(1_200), Time(1_200));
//! assert_eq!(scheduler.next().map(|running| running.id), Some(alarm));
//! scheduler.finish(alarm, Outcome::Done, Nanos(300), Time(1_500));
//! assert_eq!(scheduler.next().map(|running| running.id), Some(stream));
//! scheduler.finish(stream, Outcome::Done, Nanos(500), Time(2_000));
//! assert_eq!(scheduler.next_event(), Some(Time(10_000_000)));
//! ```
//!
//! # Constant time
//!
//! Every event costs the same, be there one RTU or ten thousand: readiness is a queue for each of 4,096 levels of urgency
//! and a bitmap of two words' depth above them; releases are in a hierarchical wheel of eleven levels, in which an RTU
//! moves at most once per level and release. Both are linked through slots that are made when an RTU is added, so no event
//! allocates. Adding, changing and removing one may allocate.

mod account;
mod parameters;
mod ready;
mod table;
mod wheel;

pub(crate) use account::Counter;
pub use account::{Account, Counts, Meter};
pub use parameters::{Budget, Overrun, Parameters};
pub use table::RtuId;

use std::sync::Arc;

use crate::{Nanos, Outcome, Time, Urgency};

use ready::ReadyQueues;
use table::{Rtu, State, Table};
use wheel::Wheel;

/// The scheduler of one CPU.
#[derive(Debug)]
pub struct Scheduler {
    table: Table,
    ready: ReadyQueues,
    wheel: Wheel,
    running: Option<u32>,
}

/// The activation that [`Scheduler::next`] chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// Which RTU.
    pub id: RtuId,
    /// When it was released: nominally, for a periodic one.
    pub released: Time,
    /// When it has to be done; `None` for best effort.
    pub deadline: Option<Time>,
}

/// What became of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notified {
    /// The RTU was idle and is now ready.
    Released,
    /// It came before the minimum inter-arrival was over, and counts from then on.
    Policed(Time),
    /// The RTU is going to look anyway: it is ready, waits for its time, or is told again when it is done.
    Masked,
    /// The RTU is periodic and follows its period only, or is not there any more.
    Ignored,
}

/// What finishing an activation brought to light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// It was done, and later than its deadline.
    pub missed: bool,
    /// It has used more than its budget, and this was done about it. Told once per period.
    pub overrun: Option<Overrun>,
}

impl Scheduler {
    /// Makes a scheduler with room for `capacity` RTUs; with more of them it grows.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            table: Table::with_capacity(capacity),
            ready: ReadyQueues::with_capacity(capacity),
            wheel: Wheel::with_capacity(capacity),
            running: None,
        }
    }

    /// Adds an RTU. A periodic one is first released at `start`, a reactive one by its first notification.
    ///
    /// May allocate.
    ///
    /// # Panics
    ///
    /// With more than four thousand million RTUs.
    pub fn add(&mut self, parameters: Parameters, start: Time) -> RtuId {
        self.add_with_meter(parameters, start, Arc::new(Meter::default()))
    }

    /// Adds an RTU that counts in a given meter, such as one that it had elsewhere. Within the capacity it does not allocate.
    ///
    /// # Panics
    ///
    /// As [`add`](Self::add).
    pub fn add_with_meter(&mut self, parameters: Parameters, start: Time, meter: Arc<Meter>) -> RtuId {
        let id = self.table.add(parameters, meter);
        self.ready.grow(self.table.slots());
        self.wheel.grow(self.table.slots());
        if parameters.is_periodic() {
            // What lies behind the scheduler's time would count as releases that nobody saw.
            self.wheel.arm(id.index, start.max(self.wheel.now()));
        }
        id
    }

    /// Changes how an RTU is scheduled, and ends its demotion or deferral. A periodic one keeps its next release, unless
    /// that is further away than its new period; one that becomes periodic is released at once.
    ///
    /// Returns `false` if it is not there any more.
    pub fn change(&mut self, id: RtuId, parameters: Parameters, now: Time) -> bool {
        let Some(rtu) = self.table.find(id) else {
            return false;
        };
        let was_periodic = rtu.parameters.is_periodic();
        if was_periodic != parameters.is_periodic() {
            (rtu.notified, rtu.pending) = (false, None);
        }
        rtu.parameters = parameters;
        rtu.urgency = parameters.urgency();
        rtu.demoted = false;
        rtu.used = Nanos::ZERO;
        let (urgency, state) = (rtu.urgency, rtu.state);
        let due = self.wheel.disarm(id.index);
        if parameters.is_periodic() {
            let due = due.filter(|_| was_periodic).unwrap_or(now);
            self.wheel.arm(id.index, due.min(now + parameters.period));
        }
        match state {
            State::Ready => {
                self.ready.remove(id.index);
                self.ready.push_back(id.index, urgency);
            }
            State::Deferred => self.enqueue(id.index),
            State::Waiting if parameters.is_periodic() => self.table.at(id.index).state = State::Idle,
            State::Waiting => {
                self.request(id.index, now);
            }
            State::Idle | State::Running | State::Free => {}
        }
        true
    }

    /// Removes an RTU, even the running one. Returns `false` if it is not there any more.
    pub fn remove(&mut self, id: RtuId) -> bool {
        let Some(rtu) = self.table.find(id) else {
            return false;
        };
        if rtu.state == State::Ready {
            self.ready.remove(id.index);
        }
        self.wheel.disarm(id.index);
        self.running = self.running.filter(|running| *running != id.index);
        self.table.remove(id.index);
        true
    }

    /// Tells a reactive RTU that there is something to do, since `now`.
    ///
    /// Its minimum inter-arrival counts from one nominal release to the next, not from when the scheduler saw the first:
    /// otherwise a sender that keeps to the distance would fall behind by a little each time.
    pub fn notify(&mut self, id: RtuId, now: Time) -> Notified {
        let Some(rtu) = self.table.find(id) else {
            return Notified::Ignored;
        };
        if rtu.parameters.is_periodic() {
            return Notified::Ignored;
        }
        match rtu.state {
            State::Idle => self.request(id.index, now),
            State::Running => {
                // It may have looked already; it is told again when it is done.
                rtu.notified = true;
                Notified::Masked
            }
            State::Ready | State::Waiting | State::Deferred | State::Free => Notified::Masked,
        }
    }

    /// Lets time pass: releases what is due, and ends deferrals. Time that runs backwards stands still.
    pub fn advance(&mut self, now: Time) {
        let mut now = self.wheel.advance(now);
        while self.wheel.next().is_some_and(|next| next <= now) {
            now = self.wheel.advance(now);
            while let Some((index, due)) = self.wheel.pop_expired() {
                self.expire(index, due, now);
            }
        }
    }

    /// Returns when [`advance`](Self::advance) has something to do next: what the timer is to be set to. `None` for never.
    ///
    /// After a removal it may be earlier than needed, once.
    #[must_use]
    pub fn next_event(&self) -> Option<Time> {
        self.wheel.next()
    }

    /// Takes the most urgent RTU that is ready, which runs from now on; `None` if none is, or one still runs.
    #[expect(
        clippy::should_implement_trait,
        reason = "what it returns has to be finished before the next, so it is no iterator"
    )]
    pub fn next(&mut self) -> Option<Running> {
        if self.running.is_some() {
            return None;
        }
        let index = self.ready.pop()?;
        let id = self.table.id(index);
        let rtu = self.table.at(index);
        rtu.state = State::Running;
        self.running = Some(index);
        Some(Running {
            id,
            released: rtu.released,
            deadline: rtu.parameters.urgency().is_guaranteed().then_some(rtu.deadline()),
        })
    }

    /// Returns whether something more urgent than the running RTU is ready, so that it has to return: the flag of delayed
    /// preemption.
    #[must_use]
    pub fn should_yield(&self) -> bool {
        match (self.running, self.ready.most_urgent()) {
            (Some(running), Some(ready)) => ready < self.table.peek(running).urgency,
            _ => false,
        }
    }

    /// Returns how urgent the most urgent ready RTU is; `None` if none is ready.
    #[must_use]
    pub fn most_urgent(&self) -> Option<Urgency> {
        self.ready.most_urgent()
    }

    /// Returns the running RTU.
    #[must_use]
    pub fn running(&self) -> Option<RtuId> {
        self.running.map(|index| self.table.id(index))
    }

    /// Returns how urgent an RTU is now, after a demotion as well; `None` if it is not there any more.
    #[must_use]
    pub fn urgency(&self, id: RtuId) -> Option<Urgency> {
        Some(self.table.look(id)?.urgency)
    }

    /// Returns what an RTU is scheduled by; `None` if it is not there any more.
    #[must_use]
    pub fn parameters(&self, id: RtuId) -> Option<&Parameters> {
        Some(&self.table.look(id)?.parameters)
    }

    /// Returns what an RTU did and used so far; `None` if it is not there any more.
    #[must_use]
    pub fn account(&self, id: RtuId) -> Option<Account> {
        Some(self.meter(id)?.read())
    }

    /// Returns where an RTU counts, to be read from anywhere; `None` if it is not there any more.
    #[must_use]
    pub fn meter(&self, id: RtuId) -> Option<&Arc<Meter>> {
        self.table.meter(id)
    }

    /// Ends the running activation, which used the CPU for `used`. One that is not done goes to the head of its own
    /// queue, unless it has used up its budget and is to be deferred.
    ///
    /// Returns `None` if `id` is not the running one.
    pub fn finish(&mut self, id: RtuId, outcome: Outcome, used: Nanos, now: Time) -> Option<Finished> {
        self.running.filter(|running| *running == id.index)?;
        self.table.find(id)?;
        self.running = None;
        let overrun = self.charge(id.index, outcome, used);
        let missed = match outcome {
            Outcome::Done => self.complete(id.index, now),
            Outcome::NotDone => {
                self.requeue(id.index, now);
                false
            }
        };
        Some(Finished { missed, overrun })
    }

    /// Returns whether [`finish`](Self::finish) with these would be told of as an overrun, so that whoever measured `used`
    /// may look closer before.
    #[must_use]
    pub fn would_overrun(&self, id: RtuId, outcome: Outcome, used: Nanos) -> bool {
        let rtu = self.table.look(id);
        rtu.is_some_and(|rtu| !rtu.overran && rtu.is_over_budget(outcome, rtu.used + used))
    }

    /// Does to an RTU what [`Overrun::Demote`] does. Returns `false` if it is not there any more.
    pub fn demote(&mut self, id: RtuId) -> bool {
        let Some(rtu) = self.table.find(id) else {
            return false;
        };
        rtu.demoted = true;
        rtu.urgency = Urgency::LEAST;
        if rtu.state == State::Ready {
            self.ready.remove(id.index);
            self.ready.push_back(id.index, Urgency::LEAST);
        }
        true
    }

    /// Charges time to the RTU that used it, and does what is agreed for more than its budget.
    fn charge(&mut self, index: u32, outcome: Outcome, used: Nanos) -> Option<Overrun> {
        let (rtu, account) = self.table.both(index);
        account.charge(used);
        rtu.used += used;
        rtu.cost += used;
        let budget = rtu.parameters.budget?;
        if !rtu.is_over_budget(outcome, rtu.used) || rtu.overran {
            return None;
        }
        rtu.overran = true;
        account.overruns.add(1);
        if budget.on_overrun == Overrun::Demote {
            rtu.demoted = true;
            rtu.urgency = Urgency::LEAST;
        }
        Some(budget.on_overrun)
    }

    fn complete(&mut self, index: u32, now: Time) -> bool {
        let (rtu, account) = self.table.both(index);
        let missed = rtu.parameters.urgency().is_guaranteed() && now > rtu.deadline();
        if missed && !rtu.late {
            account.misses.add(1);
        }
        account.complete(now - rtu.released, rtu.cost);
        rtu.cost = Nanos::ZERO;
        rtu.state = State::Idle;
        if let Some(due) = rtu.pending.take() {
            self.begin(index, due, now);
        } else if std::mem::take(&mut rtu.notified) {
            self.request(index, now);
        }
        missed
    }

    /// Puts an activation that is not done back: it goes on where it was, or waits for its next budget.
    fn requeue(&mut self, index: u32, now: Time) {
        let (rtu, account) = self.table.both(index);
        account.yields.add(1);
        // It looks again when it goes on.
        rtu.notified = false;
        if rtu.is_deferred() {
            self.defer(index, now);
        } else {
            let urgency = rtu.urgency;
            rtu.state = State::Ready;
            self.ready.push_front(index, urgency);
        }
    }

    /// Keeps an activation back until the next budget. A periodic one's release is in the wheel already.
    fn defer(&mut self, index: u32, now: Time) {
        let (rtu, account) = self.table.both(index);
        account.deferrals.add(1);
        rtu.state = State::Deferred;
        if !rtu.parameters.is_periodic() {
            let until = rtu.replenished + rtu.parameters.period;
            self.wheel.arm(index, until.max(now));
        }
    }

    /// Releases a reactive RTU that was notified at `at`: now, or as soon as its minimum inter-arrival allows.
    fn request(&mut self, index: u32, at: Time) -> Notified {
        let rtu = self.table.at(index);
        let due = rtu.earliest_release().max(at);
        // The notification may be older than what the scheduler knows of the time.
        let now = self.wheel.now().max(at);
        if due <= now {
            self.release(index, due, now);
            Notified::Released
        } else {
            rtu.state = State::Waiting;
            self.wheel.arm(index, due);
            Notified::Policed(due)
        }
    }

    /// A time that an RTU waited for has come.
    fn expire(&mut self, index: u32, due: Time, now: Time) {
        let rtu = self.table.at(index);
        if rtu.parameters.is_periodic() {
            return self.expire_periodic(index, due, now);
        }
        match rtu.state {
            State::Waiting => self.release(index, due, now),
            State::Deferred => {
                rtu.replenish(due);
                self.resume(index, now);
            }
            State::Idle | State::Ready | State::Running | State::Free => {}
        }
    }

    fn expire_periodic(&mut self, index: u32, due: Time, now: Time) {
        let (rtu, account) = self.table.both(index);
        let period = rtu.parameters.period.max(Nanos(1));
        // Whole periods that nobody saw pass are lost.
        let lost = (now - due).0 / period.0;
        let due = due + period * lost;
        account.lose(lost);
        self.wheel.arm(index, due + period);
        if rtu.state.is_unfinished() {
            self.release_behind(index, due, now);
        } else {
            self.release(index, due, now);
        }
    }

    /// Releases a periodic RTU whose last activation is not done: this one follows it. More than one are not kept.
    fn release_behind(&mut self, index: u32, due: Time, now: Time) {
        let (rtu, account) = self.table.both(index);
        account.release(now - due);
        if now > rtu.deadline() && !rtu.late {
            rtu.late = true;
            account.misses.add(1);
        }
        if rtu.pending.is_some() {
            account.misses.add(1);
        } else {
            rtu.pending = Some(due);
        }
        rtu.replenish(due);
        if rtu.state == State::Deferred {
            self.resume(index, now);
        }
    }

    fn release(&mut self, index: u32, due: Time, now: Time) {
        let (rtu, account) = self.table.both(index);
        account.release(now - due);
        rtu.replenish(due);
        self.begin(index, due, now);
    }

    /// Begins an activation.
    fn begin(&mut self, index: u32, released: Time, now: Time) {
        let rtu = self.table.at(index);
        rtu.released = released;
        rtu.late = false;
        self.resume(index, now);
    }

    /// Makes an activation ready, if earlier ones left anything of its budget.
    fn resume(&mut self, index: u32, now: Time) {
        if self.table.at(index).is_deferred() {
            self.defer(index, now);
        } else {
            self.enqueue(index);
        }
    }

    fn enqueue(&mut self, index: u32) {
        let rtu: &mut Rtu = self.table.at(index);
        rtu.state = State::Ready;
        let urgency = rtu.urgency;
        self.ready.push_back(index, urgency);
    }
}

#[cfg(test)]
mod tests;

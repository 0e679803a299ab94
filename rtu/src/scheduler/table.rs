// SPDX-License-Identifier: MIT OR Apache-2.0
//! The RTUs of a scheduler, by slot and generation.

#![expect(
    clippy::indexing_slicing,
    reason = "an index comes from the queue, the wheel or a checked id, each of which holds slots in use only"
)]

use std::sync::Arc;

use crate::{Nanos, Outcome, Time, Urgency};

use super::{Budget, Meter, Overrun, Parameters};

/// Names an RTU of a scheduler for as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RtuId {
    pub(super) index: u32,
    generation: u32,
}

impl RtuId {
    /// Returns the slot it has in its scheduler, from 0: small, and given again once the RTU is removed.
    #[must_use]
    pub const fn slot(self) -> usize {
        self.index as usize
    }
}

/// Where an RTU is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not in use.
    Free,
    /// Has nothing to do.
    Idle,
    /// Notified too early, and in the wheel until its minimum inter-arrival is over.
    Waiting,
    /// In the queue.
    Ready,
    /// Has the CPU.
    Running,
    /// Not done, and out of budget until the next period.
    Deferred,
}

impl State {
    pub(super) fn is_unfinished(self) -> bool {
        matches!(self, Self::Ready | Self::Running | Self::Deferred)
    }
}

/// What the scheduler knows of an RTU.
#[derive(Debug)]
pub(super) struct Rtu {
    generation: u32,
    pub(super) state: State,
    pub(super) urgency: Urgency,
    /// Notified while it ran.
    pub(super) notified: bool,
    pub(super) demoted: bool,
    /// The overrun of this period was counted.
    pub(super) overran: bool,
    /// The missed deadline of this activation was counted.
    pub(super) late: bool,
    pub(super) parameters: Parameters,
    /// Nominal release of the activation.
    pub(super) released: Time,
    /// The release that came while the activation was not done.
    pub(super) pending: Option<Time>,
    /// When it last got its budget; for a reactive one the last release or end of a deferral.
    pub(super) replenished: Time,
    /// What it used since.
    pub(super) used: Nanos,
    /// What the activation used so far.
    pub(super) cost: Nanos,
    ever_released: bool,
}

impl Rtu {
    fn new(generation: u32, parameters: Parameters) -> Self {
        Self {
            generation,
            state: State::Idle,
            urgency: parameters.urgency(),
            notified: false,
            demoted: false,
            overran: false,
            late: false,
            parameters,
            released: Time::ZERO,
            pending: None,
            replenished: Time::ZERO,
            used: Nanos::ZERO,
            cost: Nanos::ZERO,
            ever_released: false,
        }
    }

    /// When the activation has to be done.
    pub(super) fn deadline(&self) -> Time {
        self.parameters.deadline_of(self.released)
    }

    /// When the minimum inter-arrival is over.
    pub(super) fn earliest_release(&self) -> Time {
        if self.ever_released {
            self.replenished + self.parameters.period
        } else {
            Time::ZERO
        }
    }

    /// Gives it a new budget; who is deferred pays its debt from it.
    pub(super) fn replenish(&mut self, now: Time) {
        self.replenished = now;
        self.ever_released = true;
        self.overran = false;
        self.used = match self.parameters.budget {
            Some(budget) if budget.on_overrun == Overrun::Defer => self.used - budget.amount,
            _ => Nanos::ZERO,
        };
    }

    /// Whether it is over its budget, having used so much of it. Who is demoted has none.
    pub(super) fn is_over_budget(&self, outcome: Outcome, used: Nanos) -> bool {
        // Who is not done needs more than it has used.
        let over =
            |budget: &Budget| used > budget.amount || (outcome == Outcome::NotDone && used >= budget.amount);
        !self.demoted && self.parameters.budget.as_ref().is_some_and(over)
    }

    /// Whether it has to wait for its next budget. Without a period there is none to wait for.
    pub(super) fn is_deferred(&self) -> bool {
        let paced = self.parameters.is_periodic() || self.parameters.period > Nanos::ZERO;
        paced
            && self.parameters.budget.is_some_and(|budget| {
                budget.on_overrun == Overrun::Defer
                    && budget.amount > Nanos::ZERO
                    && self.used >= budget.amount
            })
    }
}

/// An RTU and where it counts, since every event touches both: two cache lines side by side.
#[derive(Debug)]
#[repr(align(128))]
struct Slot {
    rtu: Rtu,
    meter: Arc<Meter>,
}

/// Of many RTUs few are in the processor's caches, so what a slot is larger, every dispatch is slower.
const _: () = assert!(
    size_of::<Slot>() == 128,
    "a slot has its place in two cache lines"
);

/// The RTUs by slot, and their meters beside them.
#[derive(Debug)]
pub(super) struct Table {
    slots: Vec<Slot>,
    /// What stands in for the meter of a slot that is not in use.
    nobody: Arc<Meter>,
    free: Vec<u32>,
}

impl Slot {
    fn holds(&self, id: RtuId) -> bool {
        self.rtu.generation == id.generation && self.rtu.state != State::Free
    }
}

impl Table {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            slots: Vec::with_capacity(capacity),
            nobody: Arc::new(Meter::default()),
            free: Vec::with_capacity(capacity),
        }
    }

    /// How many slots there are, in use or not.
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn add(&mut self, parameters: Parameters, meter: Arc<Meter>) -> RtuId {
        let index = self.free.pop().unwrap_or_else(|| {
            let index = u32::try_from(self.slots.len())
                .ok()
                .filter(|index| *index < u32::MAX);
            let mut rtu = Rtu::new(0, parameters);
            rtu.state = State::Free;
            let meter = Arc::clone(&self.nobody);
            self.slots.push(Slot { rtu, meter });
            index.expect("memory ends before the indices do")
        });
        let slot = &mut self.slots[index as usize];
        slot.rtu = Rtu::new(slot.rtu.generation, parameters);
        slot.meter = meter;
        self.id(index)
    }

    pub(super) fn remove(&mut self, index: u32) {
        let rtu = self.at(index);
        rtu.state = State::Free;
        rtu.generation = rtu.generation.wrapping_add(1);
        self.slots[index as usize].meter = Arc::clone(&self.nobody);
        self.free.push(index);
    }

    pub(super) fn id(&self, index: u32) -> RtuId {
        let generation = self.peek(index).generation;
        RtuId { index, generation }
    }

    /// The RTU of an id, if it is still there.
    pub(super) fn find(&mut self, id: RtuId) -> Option<&mut Rtu> {
        let slot = self.slots.get_mut(id.slot())?;
        slot.holds(id).then_some(&mut slot.rtu)
    }

    pub(super) fn look(&self, id: RtuId) -> Option<&Rtu> {
        Some(&self.slot(id)?.rtu)
    }

    pub(super) fn meter(&self, id: RtuId) -> Option<&Arc<Meter>> {
        Some(&self.slot(id)?.meter)
    }

    fn slot(&self, id: RtuId) -> Option<&Slot> {
        self.slots.get(id.slot()).filter(|slot| slot.holds(id))
    }

    pub(super) fn at(&mut self, index: u32) -> &mut Rtu {
        &mut self.slots[index as usize].rtu
    }

    pub(super) fn peek(&self, index: u32) -> &Rtu {
        &self.slots[index as usize].rtu
    }

    pub(super) fn both(&mut self, index: u32) -> (&mut Rtu, &Meter) {
        let Slot { rtu, meter } = &mut self.slots[index as usize];
        (rtu, meter)
    }
}

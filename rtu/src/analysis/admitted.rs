// SPDX-License-Identifier: MIT OR Apache-2.0
//! The admitted RTUs of a CPU, and whether one more fits.

use crate::{Nanos, Urgency};

use super::refusal::{Miss, Refusal, Whom};
use super::response::{Demand, HOPELESS, demand_within, fixed_point};
use super::{Overheads, Task};

/// Names a task of an [`AdmittedSet`] for as long as it is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(u64);

/// What an admitted task was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Its name in the set.
    pub id: TaskId,
    /// Its response time in the set as it is now; `None` for best effort.
    pub response: Option<Nanos>,
}

/// The tasks that share a CPU, of which every one with a guarantee meets its deadline.
///
/// Kept sorted, most urgent first. Each task keeps a *witness*: a window within its deadline, and the demand within that
/// window, which fits. One more task changes each demand by one term, so asking whether it fits takes one division for
/// each task, and a new fixed point only for those whose witness no longer holds. The answer is exact either way.
#[derive(Clone, Debug, Default)]
pub struct AdmittedSet {
    overheads: Overheads,
    members: Vec<Member>,
    /// What each member demands, in the same order: what the inner loop reads.
    demands: Vec<Demand>,
    witnesses: Vec<Witness>,
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    id: TaskId,
    task: Task,
    urgency: Urgency,
    /// The longest response time that is in time: min(D, T) - J.
    limit: u64,
}

/// A window in which all demand fits: `demand ≤ window ≤ limit`.
#[derive(Clone, Copy, Debug)]
struct Witness {
    window: u64,
    /// Own cost, blocking, and what interferes within the window.
    demand: u64,
    blocking: u64,
}

impl Witness {
    /// What stands for a task without a guarantee.
    const NONE: Self = Self {
        window: u64::MAX,
        demand: 0,
        blocking: 0,
    };
}

impl AdmittedSet {
    /// Makes the empty set of a machine.
    #[must_use]
    pub fn new(overheads: Overheads) -> Self {
        Self {
            overheads,
            ..Self::default()
        }
    }

    /// Returns what scheduling costs on its machine.
    #[must_use]
    pub fn overheads(&self) -> &Overheads {
        &self.overheads
    }

    /// Returns how many tasks are in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Returns the tasks, most urgent first.
    pub fn tasks(&self) -> impl Iterator<Item = (TaskId, &Task)> {
        self.members.iter().map(|member| (member.id, &member.task))
    }

    /// Returns a task by its name.
    #[must_use]
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        Some(&self.members.get(self.position(id)?)?.task)
    }

    /// Returns the share of the CPU that the tasks ask for, without overheads.
    #[must_use]
    pub fn utilisation(&self) -> f64 {
        self.members.iter().map(|member| member.task.utilisation()).sum()
    }

    /// Returns the response time of a task; `None` for best effort.
    #[must_use]
    pub fn response(&self, id: TaskId) -> Option<Nanos> {
        self.response_at(self.position(id)?)
    }

    /// Returns the response time of each task, most urgent first; `None` for best effort.
    pub fn responses(&self) -> impl Iterator<Item = (TaskId, &Task, Option<Nanos>)> {
        let members = self.members.iter().enumerate();
        members.map(|(index, member)| (member.id, &member.task, self.response_at(index)))
    }

    /// Admits a task if it and all others then meet their deadlines.
    ///
    /// # Errors
    ///
    /// Says which one would not and what would fit instead; the set stays as it was.
    pub fn admit(&mut self, task: &Task) -> Result<Admission, Refusal> {
        task.validate(&self.overheads)?;
        let at = self.insert(TaskId(self.next), task);
        match self.prove(at) {
            Ok(witnesses) => {
                self.witnesses = witnesses;
                self.next += 1;
                let id = TaskId(self.next - 1);
                Ok(Admission {
                    id,
                    response: self.response_at(at),
                })
            }
            Err(missing) => {
                let miss = self.miss(missing, at);
                self.take_out(at);
                let nearest = self.nearest(task);
                Err(Refusal::Miss(Miss { nearest, ..miss }))
            }
        }
    }

    /// Returns whether a task would be admitted.
    pub fn fits(&mut self, task: &Task) -> bool {
        if task.validate(&self.overheads).is_err() {
            return false;
        }
        let at = self.insert(TaskId(self.next), task);
        let fits = self.prove(at).is_ok();
        self.take_out(at);
        fits
    }

    /// Takes a task out, and returns it; `None` if it is not in the set.
    pub fn remove(&mut self, id: TaskId) -> Option<Task> {
        let at = self.position(id)?;
        let gone = *self.members.get(at)?;
        let demand = *self.demands.get(at)?;
        self.take_out(at);
        self.witnesses.remove(at);
        let blocking = self.blocking();
        for ((member, witness), blocking) in self.members.iter().zip(&mut self.witnesses).zip(blocking) {
            if !member.urgency.is_guaranteed() {
                continue;
            }
            witness.demand -= witness.blocking - blocking;
            witness.blocking = blocking;
            if member.urgency >= gone.urgency {
                witness.demand -= demand.within(witness.window);
            }
        }
        Some(gone.task)
    }

    /// Changes a task under its name, as when a grant is renegotiated. `None` if it is not in the set.
    ///
    /// # Errors
    ///
    /// As for [`admit`](Self::admit); the task then stays as it was.
    pub fn change(&mut self, id: TaskId, task: &Task) -> Option<Result<Admission, Refusal>> {
        let before = self.clone();
        self.remove(id)?;
        let admission = self.admit(task);
        if let Ok(admission) = &admission
            && let Some(at) = self.position(admission.id)
        {
            if let Some(member) = self.members.get_mut(at) {
                member.id = id;
            }
            return Some(Ok(Admission { id, ..*admission }));
        }
        *self = before;
        Some(admission)
    }

    /// Returns the response time that a task would have, if it were admitted whatever comes of it.
    pub(super) fn response_of(&mut self, task: &Task) -> Option<Nanos> {
        let at = self.insert(TaskId(self.next), task);
        let response = self.response_at(at);
        self.take_out(at);
        response
    }

    fn position(&self, id: TaskId) -> Option<usize> {
        self.members.iter().position(|member| member.id == id)
    }

    /// Puts a task behind all that are as urgent, without a witness yet.
    fn insert(&mut self, id: TaskId, task: &Task) -> usize {
        let urgency = task.urgency();
        let at = self.end_of(urgency);
        let limit = task.limit(&self.overheads).0;
        self.members.insert(
            at,
            Member {
                id,
                task: *task,
                urgency,
                limit,
            },
        );
        self.demands.insert(at, Demand::of(task, &self.overheads));
        at
    }

    fn take_out(&mut self, at: usize) {
        self.members.remove(at);
        self.demands.remove(at);
    }

    /// Where those that are less urgent begin.
    fn end_of(&self, urgency: Urgency) -> usize {
        self.members.partition_point(|member| member.urgency <= urgency)
    }

    /// Finds a witness for every member once the one at `new` has come; else which one has none.
    ///
    /// What the newcomer adds to each demand is one term. Only where that is too much a new witness is looked for, from the
    /// least urgent on, since those most often have none.
    fn prove(&self, new: usize) -> Result<Vec<Witness>, usize> {
        let (Some(added), Some(demand)) = (self.members.get(new), self.demands.get(new)) else {
            return Err(new);
        };
        let mut witnesses = self.witnesses.clone();
        let unproved = Witness {
            window: 0,
            demand: u64::MAX,
            blocking: self.blocking_of(added.urgency),
        };
        witnesses.insert(new, unproved);
        let mut open = Vec::new();
        for (index, (member, witness)) in self.members.iter().zip(&mut witnesses).enumerate() {
            if !member.urgency.is_guaranteed() {
                *witness = Witness::NONE;
            } else if member.urgency < added.urgency {
                let blocking = witness.blocking.max(added.task.longest_iteration.0);
                witness.demand = witness.demand.saturating_add(blocking - witness.blocking);
                witness.blocking = blocking;
            } else if index != new {
                witness.demand = witness.demand.saturating_add(demand.within(witness.window));
            }
            if witness.demand > witness.window {
                open.push((index, member, witness));
            }
        }
        for (index, member, witness) in open.into_iter().rev() {
            *witness = self.witness(index, member, witness.blocking).ok_or(index)?;
        }
        Ok(witnesses)
    }

    /// Looks for a window that holds its demand, and with room to spare if there is one.
    fn witness(&self, index: usize, member: &Member, blocking: u64) -> Option<Witness> {
        let (base, others) = self.formula(index, member, blocking)?;
        let witness = |window| Witness {
            window,
            demand: demand_within(base, others.clone(), window),
            blocking,
        };
        // The longest window has most room if periods differ much, the last before the most frequent comes again if not.
        let frequent = others.clone().min_by_key(|other| other.period);
        let before = frequent.map_or(member.limit, |other| other.last_release(member.limit));
        let room = |witness: &Witness| witness.window.checked_sub(witness.demand);
        let candidates = [witness(member.limit), witness(before)];
        let roomy = candidates.into_iter().filter(|witness| room(witness).is_some());
        if let Some(roomy) = roomy.max_by_key(room) {
            return Some(roomy);
        }
        let response = fixed_point(base, others.clone(), member.limit)?;
        // Up to the next release the demand stays the same.
        let same_until = others.clone().map(|other| other.same_until(response));
        Some(witness(same_until.fold(member.limit, u64::min)))
    }

    /// What a member waits for at least, and all that interferes with it.
    fn formula(
        &self,
        index: usize,
        member: &Member,
        blocking: u64,
    ) -> Option<(u64, impl Iterator<Item = &Demand> + Clone)> {
        let (before, rest) = self.demands.split_at_checked(index)?;
        let (own, after) = rest.split_first()?;
        let equals = self.end_of(member.urgency).checked_sub(index + 1)?;
        let others = before.iter().chain(after.iter().take(equals));
        Some((own.cost.saturating_add(blocking), others))
    }

    fn response_at(&self, index: usize) -> Option<Nanos> {
        let member = self.members.get(index)?;
        if !member.urgency.is_guaranteed() {
            return None;
        }
        let (base, others) = self.formula(index, member, self.blocking_of(member.urgency))?;
        fixed_point(base, others, member.limit.saturating_mul(HOPELESS)).map(Nanos)
    }

    /// The longest iteration of all that are less urgent.
    fn blocking_of(&self, urgency: Urgency) -> u64 {
        let less_urgent = self.members.iter().skip(self.end_of(urgency));
        less_urgent
            .map(|member| member.task.longest_iteration.0)
            .max()
            .unwrap_or(0)
    }

    /// The same for every member, from one pass.
    fn blocking(&self) -> Vec<u64> {
        let (mut below, mut here, mut level) = (0, 0, Urgency::LEAST);
        let mut blocking: Vec<u64> = self
            .members
            .iter()
            .rev()
            .map(|member| {
                if member.urgency != level {
                    below = here;
                    level = member.urgency;
                }
                here = here.max(member.task.longest_iteration.0);
                below
            })
            .collect();
        blocking.reverse();
        blocking
    }

    fn miss(&self, index: usize, new: usize) -> Miss {
        let member = self.members.get(index);
        Miss {
            who: match member {
                Some(member) if index != new => Whom::Admitted(member.id),
                _ => Whom::Candidate,
            },
            response: self.response_at(index),
            limit: Nanos(member.map_or(0, |member| member.limit)),
            nearest: super::refusal::Nearest::default(),
        }
    }
}

#[cfg(test)]
mod tests;

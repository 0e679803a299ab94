// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which CPU a task goes to: partitioned scheduling, in which it then stays.

use crate::Nanos;

use super::admitted::{Admission, AdmittedSet, TaskId};
use super::refusal::Refusal;
use super::{Overheads, Task};

/// The admitted sets of the CPUs that serve RTUs.
#[derive(Clone, Debug)]
pub struct Cpus {
    sets: Vec<AdmittedSet>,
    last: usize,
}

/// How a CPU is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fit {
    /// The first one that it fits on: fills CPU by CPU, and wastes least.
    #[default]
    First,
    /// The one that was last placed on, or else the next that it fits on: asks fewer.
    Next,
}

/// Where a task was placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Which CPU, from 0, in the order in which they were given.
    pub cpu: usize,
    /// What it was promised there.
    pub admission: Admission,
}

/// A task that had better be on another CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Where it is.
    pub from: usize,
    /// Its name there.
    pub task: TaskId,
    /// Where it would fit.
    pub to: usize,
}

impl Cpus {
    /// Makes `count` empty CPUs of one machine, at least one.
    #[must_use]
    pub fn new(count: usize, overheads: Overheads) -> Self {
        Self {
            sets: vec![AdmittedSet::new(overheads); count.max(1)],
            last: 0,
        }
    }

    /// Returns the sets, one per CPU.
    #[must_use]
    pub fn sets(&self) -> &[AdmittedSet] {
        &self.sets
    }

    /// Returns the set of a CPU, to admit there or to remove what is.
    pub fn set_mut(&mut self, cpu: usize) -> Option<&mut AdmittedSet> {
        self.sets.get_mut(cpu)
    }

    /// Admits a task on one of the CPUs.
    ///
    /// # Errors
    ///
    /// If it fits on none, the refusal of the CPU with the least load.
    pub fn place(&mut self, task: &Task, fit: Fit) -> Result<Placement, Refusal> {
        let count = self.sets.len();
        let first = match fit {
            Fit::First => 0,
            Fit::Next => self.last,
        };
        let mut order = (0..count).map(|step| (first + step) % count);
        let found = order.find(|cpu| self.sets.get_mut(*cpu).is_some_and(|set| set.fits(task)));
        let cpu = found.unwrap_or_else(|| self.least_loaded());
        let set = self.sets.get_mut(cpu).expect("there is at least one CPU");
        let admission = set.admit(task)?;
        self.last = cpu;
        Ok(Placement { cpu, admission })
    }

    /// Proposes a move from the CPU with the most load to that with the least, if they differ by more than `threshold`
    /// (0.3 is 30 % of a CPU) and it brings them nearer to each other. `None` if all may stay as it is: moving costs caches
    /// and a gap in the flow, so it should not happen for little.
    #[must_use]
    pub fn rebalance(&mut self, threshold: f64) -> Option<Move> {
        let (from, to) = (self.most_loaded(), self.least_loaded());
        let difference = self.sets.get(from)?.load() - self.sets.get(to)?.load();
        if difference <= threshold {
            return None;
        }
        let mut candidates: Vec<(TaskId, Task)> = self
            .sets
            .get(from)?
            .tasks()
            .filter(|(_, task)| task.utilisation() > 0.0 && task.utilisation() < difference)
            .map(|(id, task)| (id, *task))
            .collect();
        // The best one leaves both with the same load.
        let off = |task: &Task| (task.utilisation() * 2.0 - difference).abs();
        candidates.sort_by(|(_, one), (_, other)| off(one).total_cmp(&off(other)));
        let target = self.sets.get_mut(to)?;
        let (task, _) = candidates.into_iter().find(|(_, task)| target.fits(task))?;
        Some(Move { from, task, to })
    }

    /// Moves a task, if it still fits where it is to go; returns its new name there.
    pub fn apply(&mut self, proposal: Move) -> Option<TaskId> {
        let task = *self.sets.get(proposal.from)?.task(proposal.task)?;
        let admission = self.sets.get_mut(proposal.to)?.admit(&task).ok()?;
        self.sets.get_mut(proposal.from)?.remove(proposal.task);
        Some(admission.id)
    }

    fn least_loaded(&self) -> usize {
        let sets = self.sets.iter().enumerate();
        sets.min_by(|(_, one), (_, other)| one.load().total_cmp(&other.load()))
            .map_or(0, |(cpu, _)| cpu)
    }

    fn most_loaded(&self) -> usize {
        let sets = self.sets.iter().enumerate();
        sets.max_by(|(_, one), (_, other)| one.load().total_cmp(&other.load()))
            .map_or(0, |(cpu, _)| cpu)
    }
}

impl AdmittedSet {
    /// Returns the share of the CPU that is spoken for, switches included.
    #[must_use]
    pub fn load(&self) -> f64 {
        let switches = self.overheads().switch * 2;
        let guaranteed = self.tasks().filter(|(_, task)| task.urgency().is_guaranteed());
        guaranteed
            .map(|(_, task)| (task.cost + switches).share_of(task.period.max(Nanos(1))))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Class;

    fn share(percent: u64) -> Task {
        Task {
            class: Class::Periodic,
            period: Nanos(1_000_000),
            cost: Nanos(percent * 10_000),
            longest_iteration: Nanos(1),
            deadline: Nanos(1_000_000),
            jitter: Nanos::ZERO,
        }
    }

    fn placed(fit: Fit, shares: &[u64]) -> Vec<Option<usize>> {
        let mut cpus = Cpus::new(3, Overheads::default());
        let place = |percent: &u64| {
            cpus.place(&share(*percent), fit)
                .ok()
                .map(|placement| placement.cpu)
        };
        shares.iter().map(place).collect()
    }

    #[test]
    fn first_fit_returns_to_earlier_cpus_and_next_fit_does_not() {
        let shares = [60, 60, 30, 60, 30, 30];
        let at = |cpus: [usize; 6]| cpus.map(Some).to_vec();
        assert_eq!(placed(Fit::First, &shares), at([0, 1, 0, 2, 1, 2]));
        assert_eq!(placed(Fit::Next, &shares), at([0, 1, 1, 2, 2, 0]));
    }

    #[test]
    fn what_fits_nowhere_is_refused_by_the_least_loaded() {
        let mut cpus = Cpus::new(2, Overheads::default());
        cpus.place(&share(80), Fit::First).expect("it is alone");
        cpus.place(&share(70), Fit::First)
            .expect("the other CPU is empty");
        let Err(Refusal::Miss(miss)) = cpus.place(&share(50), Fit::First) else {
            panic!("there is no room for it");
        };
        let cost = miss.nearest.cost.expect("something fits");
        assert!(cost.0 <= 300_000 && cost.0 > 295_000, "{cost}");
        assert_eq!(cpus.sets().iter().map(AdmittedSet::len).sum::<usize>(), 2);
        assert!(
            Cpus::new(0, Overheads::default())
                .place(&share(50), Fit::Next)
                .is_ok()
        );
    }

    #[test]
    fn only_gross_imbalance_moves_anything() {
        let mut cpus = Cpus::new(2, Overheads::default());
        for percent in [50, 20, 10] {
            cpus.place(&share(percent), Fit::First)
                .expect("the first CPU has room");
        }
        assert_eq!(cpus.rebalance(0.9), None);
        let proposal = cpus.rebalance(0.3).expect("80 % against nothing");
        assert_eq!((proposal.from, proposal.to), (0, 1));
        cpus.apply(proposal).expect("the other CPU is empty");
        let loads: Vec<f64> = cpus.sets().iter().map(AdmittedSet::load).collect();
        assert!(
            (loads[0] - 0.3).abs() < 0.01 && (loads[1] - 0.5).abs() < 0.01,
            "{loads:?}"
        );
        assert_eq!(cpus.rebalance(0.3), None);
        assert_eq!(cpus.apply(proposal), None, "it is not there any more");
    }
}

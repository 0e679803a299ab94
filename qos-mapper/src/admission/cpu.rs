// SPDX-License-Identifier: MIT OR Apache-2.0
//! One CPU of the book.

use rtu::Nanos;
use rtu::analysis::{AdmittedSet, Overheads, Refusal, Task, TaskId, Whom};

use crate::machine::Machine;
use crate::refusal::{Bottleneck, CpuShortage, Miss};

/// What sums of shares may be off by.
const ROUNDING: f64 = 1e-9;

/// A CPU with an executive, and all that is admitted on it.
#[derive(Clone, Debug)]
pub(super) struct Cpu {
    pub(super) number: u32,
    pub(super) set: AdmittedSet,
    usable: f64,
    external: Vec<TaskId>,
    /// What other processes admitted although it does not fit beside ours.
    beyond: Vec<Task>,
}

impl Cpu {
    pub(super) fn new(number: u32, usable: f64, overheads: Overheads) -> Self {
        Self {
            number,
            set: AdmittedSet::new(overheads),
            usable,
            external: Vec::new(),
            beyond: Vec::new(),
        }
    }

    /// The share that is admitted, switches included.
    pub(super) fn load(&self) -> f64 {
        let switch = self.set.overheads().switch;
        let admitted = self.set.tasks().map(|(_, task)| task);
        admitted
            .chain(&self.beyond)
            .fold(0.0, |load, task| load + share(task, switch))
    }

    fn has_share(&self, task: &Task) -> bool {
        self.beyond.is_empty()
            && self.load() + share(task, self.set.overheads().switch) <= self.usable + ROUNDING
    }

    pub(super) fn fits(&mut self, task: &Task) -> bool {
        self.has_share(task) && self.set.fits(task)
    }

    pub(super) fn admit(&mut self, task: &Task) -> Result<TaskId, Bottleneck> {
        if self.has_share(task)
            && let Ok(admission) = self.set.admit(task)
        {
            return Ok(admission.id);
        }
        Err(Bottleneck::Cpu(self.shortage(task)))
    }

    /// Takes a task of ours out; what others have admitted beyond what fits may take its room.
    pub(super) fn remove(&mut self, id: TaskId) {
        self.set.remove(id);
        let beyond = std::mem::take(&mut self.beyond);
        self.admit_external(&beyond);
    }

    /// Replaces what other processes have admitted; returns whether everything fits.
    pub(super) fn set_external(&mut self, tasks: &[Task]) -> bool {
        for id in std::mem::take(&mut self.external) {
            self.set.remove(id);
        }
        self.beyond.clear();
        self.admit_external(tasks);
        self.beyond.is_empty()
    }

    fn admit_external(&mut self, tasks: &[Task]) {
        for task in tasks {
            match self.set.admit(task) {
                Ok(admission) => self.external.push(admission.id),
                Err(_) => self.beyond.push(*task),
            }
        }
    }

    /// Says why a task has no room here.
    pub(super) fn shortage(&self, task: &Task) -> CpuShortage {
        let missed = if self.has_share(task) {
            self.miss(task)
        } else {
            None
        };
        CpuShortage {
            cpu: Some(self.number),
            admitted: self.load(),
            asked: share(task, self.set.overheads().switch),
            usable: self.usable,
            missed,
        }
    }

    fn miss(&self, task: &Task) -> Option<Miss> {
        let Err(Refusal::Miss(miss)) = self.set.clone().admit(task) else {
            return None;
        };
        let late = match miss.who {
            Whom::Candidate => None,
            Whom::Admitted(id) => Some(id),
        };
        let who = late.and_then(|id| self.set.task(id)).unwrap_or(task);
        let jitter = who.jitter.max(self.set.overheads().jitter);
        Some(Miss {
            who: None,
            task: late,
            deadline: who.deadline.min(who.period),
            response: miss.response.map(|response| response + jitter),
        })
    }
}

/// The share of a CPU that a task takes with its switches.
pub(super) fn share(task: &Task, switch: Nanos) -> f64 {
    if task.utilisation() == 0.0 {
        return 0.0;
    }
    (task.cost + switch * 2).share_of(task.period)
}

/// What is said when no executive runs where a flow has to be.
pub(super) fn no_such(task: &Task, machine: &Machine) -> CpuShortage {
    CpuShortage {
        cpu: None,
        admitted: 0.0,
        asked: share(task, machine.switch),
        usable: f64::from(machine.usable) / 100.0,
        missed: None,
    }
}

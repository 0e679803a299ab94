// SPDX-License-Identifier: MIT OR Apache-2.0
//! The book of what is granted, and whether one more fits.

use std::collections::BTreeMap;

use rtu::Nanos;
use rtu::analysis::{AdmittedSet, Fit, Overheads, Task, TaskId};

use crate::cost::CostModel;
use crate::machine::Machine;
use crate::map::plan;
use crate::nearest::alternatives;
use crate::plan::Plan;
use crate::refusal::{Bottleneck, CpuShortage, Refusal, RingBound};
use crate::request::Request;

use self::cpu::Cpu;

mod cpu;

/// Names a grant for as long as it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantId(u64);

/// A request that was granted.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// Its name, to give it back by.
    pub id: GrantId,
    /// What the flow is run by.
    pub plan: Plan,
}

/// A flow that [`Admission::rebalance`] moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Whose it is.
    pub id: GrantId,
    /// The CPU it was on.
    pub from: u32,
    /// The CPU it is on.
    pub to: u32,
}

/// Why a grant stays as it was.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RenegotiationError {
    /// There is no such grant.
    #[error("there is no such grant")]
    Unknown,
    /// The new request does not fit.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Everything that is granted on a machine.
///
/// A flow stays on the CPU it was placed on, unless it is renegotiated or [`rebalance`](Self::rebalance) moves it.
///
/// ```
/// use std::time::Duration;
/// use orb_core::qos::Qos;
/// use qos_mapper::{Admission, CostModel, Machine, Request};
/// let mut admission = Admission::new(Machine::default(), CostModel::default());
/// let qos = Qos::low_delay(Duration::from_millis(1)).worst_case(Duration::from_micros(300));
/// let first = admission.admit("first", &Request::new(qos.clone())).unwrap();
/// admission.admit("second", &Request::new(qos.clone())).unwrap();
/// let refusal = admission.admit("third", &Request::new(qos.clone())).unwrap_err();
/// println!("{refusal}"); // CPU 0 has no room: …; what would fit: delay ≥ …
/// admission.release(first.id);
/// admission.admit("third", &Request::new(qos)).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Admission {
    machine: Machine,
    costs: CostModel,
    choosing: Fit,
    cpus: Vec<Cpu>,
    grants: BTreeMap<GrantId, Held>,
    ring_memory: u64,
    link_rate: u64,
    /// The index of the CPU that was placed on last.
    last: usize,
    next: u64,
}

#[derive(Clone, Debug)]
struct Held {
    name: String,
    plan: Plan,
    pinned: bool,
    task: Option<(usize, TaskId)>,
}

impl Admission {
    /// Makes the book of a machine that has granted nothing. Places by first fit.
    pub fn new(machine: Machine, costs: CostModel) -> Self {
        let overheads = overheads(&machine);
        let usable = f64::from(machine.usable) / 100.0;
        let cpus = machine.cpus.iter().map(|cpu| Cpu::new(*cpu, usable, overheads));
        Self {
            cpus: cpus.collect(),
            machine,
            costs,
            choosing: Fit::default(),
            grants: BTreeMap::new(),
            ring_memory: 0,
            link_rate: 0,
            last: 0,
            next: 0,
        }
    }

    /// Sets how a CPU is chosen for a flow. Defaults to [`Fit::First`].
    #[must_use]
    pub fn choosing(mut self, fit: Fit) -> Self {
        self.choosing = fit;
        self
    }

    /// Returns the machine.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Returns the cost model.
    pub fn costs(&self) -> &CostModel {
        &self.costs
    }

    /// Replaces the cost model, after a calibration. What is granted keeps its plan until it is renegotiated.
    pub fn set_costs(&mut self, costs: CostModel) {
        self.costs = costs;
    }

    /// Admits a request; `name` is what refusals of others call it.
    ///
    /// # Errors
    /// What stands in the way, and what would fit now. Nothing is left behind.
    pub fn admit(&mut self, name: &str, request: &Request) -> Result<Grant, Refusal> {
        let start = match self.choosing {
            Fit::First => 0,
            Fit::Next => self.last,
        };
        let id = GrantId(self.next);
        let plan = self.enter(id, name, request, start)?;
        self.next += 1;
        Ok(Grant { id, plan })
    }

    /// Gives a grant back, and returns its plan; none if there is no such grant.
    pub fn release(&mut self, id: GrantId) -> Option<Plan> {
        self.take_out(id).map(|held| held.plan)
    }

    /// Changes a grant under its name. It stays on its CPU if there is room for the changed one.
    ///
    /// # Errors
    /// As [`admit`](Self::admit). The grant then stays as it was, without a moment in which it was given back.
    pub fn renegotiate(&mut self, id: GrantId, request: &Request) -> Result<Plan, RenegotiationError> {
        let before = self.cpus.clone();
        let old = self.take_out(id).ok_or(RenegotiationError::Unknown)?;
        let start = old.task.map_or(0, |(cpu, _)| cpu);
        match self.enter(id, &old.name, request, start) {
            Ok(plan) => Ok(plan),
            Err(refusal) => {
                // Putting it back task by task would not do: others may have taken its room already.
                self.cpus = before;
                self.hold(id, old);
                Err(refusal.into())
            }
        }
    }

    /// Returns a plan as it is now; none if there is no such grant.
    pub fn plan(&self, id: GrantId) -> Option<&Plan> {
        self.grants.get(&id).map(|held| &held.plan)
    }

    /// Returns what is granted, in the order of admission: names of grants, their flows, and plans.
    pub fn grants(&self) -> impl Iterator<Item = (GrantId, &str, &Plan)> {
        self.grants
            .iter()
            .map(|(id, held)| (*id, held.name.as_str(), &held.plan))
    }

    /// Returns the share of a CPU that is admitted, switches and other processes included; none if the machine has no
    /// executive there.
    pub fn load(&self, cpu: u32) -> Option<f64> {
        self.cpus.iter().find(|it| it.number == cpu).map(Cpu::load)
    }

    /// Returns the response time of a flow as things are now; none for best effort.
    pub fn response(&self, id: GrantId) -> Option<Nanos> {
        let (cpu, task) = self.grants.get(&id)?.task?;
        self.cpus.get(cpu)?.set.response(task)
    }

    /// Tells what the executives of other processes have admitted on a CPU, in place of what was told before. It counts
    /// for all admissions to come.
    ///
    /// Returns whether everyone on the CPU still meets its deadline. If not, the others admitted without counting us; what
    /// is granted stays, and nothing more is granted there until they have gone. A CPU without an executive of ours is
    /// always fine.
    pub fn set_external(&mut self, cpu: u32, tasks: &[Task]) -> bool {
        let ours = self.cpus.iter_mut().find(|it| it.number == cpu);
        ours.is_none_or(|it| it.set_external(tasks))
    }

    /// Moves flows from the CPU with the most load to the one with the least, while they differ by more than `threshold`
    /// (a share of a CPU) and a move brings them nearer. Flows that asked for their CPU stay.
    pub fn rebalance(&mut self, threshold: f64) -> Vec<Move> {
        let mut moves = Vec::new();
        // Each move shortens a distance; the bound is only against rounding.
        while moves.len() < self.grants.len() {
            let Some(moved) = self.move_one(threshold) else {
                break;
            };
            moves.push(moved);
        }
        moves
    }

    /// Plans, places and books a request, beginning at the CPU of index `start`.
    fn enter(&mut self, id: GrantId, name: &str, request: &Request, start: usize) -> Result<Plan, Refusal> {
        let placed = self
            .fit(request, start)
            .and_then(|(plan, cpu)| self.book(plan, cpu));
        let (plan, task) = placed.map_err(|bottleneck| Refusal {
            alternatives: alternatives(request, &bottleneck, |changed| self.fits(changed, start)),
            bottleneck: self.with_name(bottleneck),
        })?;
        if let Some((cpu, _)) = task {
            self.last = cpu;
        }
        let held = Held {
            name: name.to_owned(),
            plan: plan.clone(),
            pinned: request.cpu.is_some(),
            task,
        };
        self.hold(id, held);
        Ok(plan)
    }

    /// Says whether a request would fit, and on which CPU.
    fn fit(&mut self, request: &Request, start: usize) -> Result<(Plan, Option<usize>), Bottleneck> {
        let plan = self.shared(request)?;
        let Some(task) = plan.task() else {
            return Ok((plan, None));
        };
        match self.place(&task, request.cpu, start) {
            Some(cpu) => Ok((plan, Some(cpu))),
            None => Err(Bottleneck::Cpu(self.shortage(&task, request.cpu))),
        }
    }

    /// The same without the reason, which takes longer to find than the answer.
    fn fits(&mut self, request: &Request, start: usize) -> bool {
        let task = self.shared(request).map(|plan| plan.task());
        task.is_ok_and(|task| task.is_none_or(|task| self.place(&task, request.cpu, start).is_some()))
    }

    /// Plans a request, within what is left of the link and of memory.
    fn shared(&self, request: &Request) -> Result<Plan, Bottleneck> {
        let plan = plan(request, &self.costs, &self.machine)?;
        let link_left = self.machine.link.rate.saturating_sub(self.link_rate);
        if plan.link_rate > link_left {
            return Err(Bottleneck::Link {
                asked: plan.link_rate,
                left: link_left,
                rate: self.machine.link.rate,
            });
        }
        let memory_left = self.machine.ring_memory.saturating_sub(self.ring_memory);
        if plan.ring_memory() > memory_left {
            return Err(Bottleneck::RingMemory {
                needed: plan.ring_memory(),
                left: memory_left,
                of: RingBound::AllRings,
            });
        }
        Ok(plan)
    }

    /// Looks for a CPU with room, from index `start` on and around.
    fn place(&mut self, task: &Task, wanted: Option<u32>, start: usize) -> Option<usize> {
        let count = self.cpus.len().max(1);
        let mut around = (0..count).map(|offset| (start + offset) % count);
        around.find(|index| {
            let cpu = self.cpus.get_mut(*index);
            cpu.is_some_and(|cpu| wanted.is_none_or(|it| it == cpu.number) && cpu.fits(task))
        })
    }

    /// Says why no CPU has room: the reason of the one with the least load.
    fn shortage(&self, task: &Task, wanted: Option<u32>) -> CpuShortage {
        let asked = self
            .cpus
            .iter()
            .filter(|cpu| wanted.is_none_or(|it| it == cpu.number));
        let emptiest = asked.min_by(|one, other| one.load().total_cmp(&other.load()));
        match emptiest {
            Some(cpu) => cpu.shortage(task),
            None => cpu::no_such(task, &self.machine),
        }
    }

    /// Puts the task of a plan on its CPU.
    fn book(
        &mut self,
        mut plan: Plan,
        cpu: Option<usize>,
    ) -> Result<(Plan, Option<(usize, TaskId)>), Bottleneck> {
        let mut task = None;
        if let (Some(index), Some(wanted)) = (cpu, plan.task())
            && let Some(cpu) = self.cpus.get_mut(index)
        {
            plan.cpu = Some(cpu.number);
            task = Some((index, cpu.admit(&wanted)?));
        }
        Ok((plan, task))
    }

    fn take_out(&mut self, id: GrantId) -> Option<Held> {
        let held = self.grants.remove(&id)?;
        if let Some((index, task)) = held.task
            && let Some(cpu) = self.cpus.get_mut(index)
        {
            cpu.remove(task);
        }
        self.ring_memory -= held.plan.ring_memory();
        self.link_rate -= held.plan.link_rate;
        Some(held)
    }

    fn hold(&mut self, id: GrantId, held: Held) {
        self.ring_memory = self.ring_memory.saturating_add(held.plan.ring_memory());
        self.link_rate = self.link_rate.saturating_add(held.plan.link_rate);
        self.grants.insert(id, held);
    }

    /// Puts the name of the one that would miss its deadline in the place of its task.
    fn with_name(&self, mut bottleneck: Bottleneck) -> Bottleneck {
        if let Bottleneck::Cpu(shortage) = &mut bottleneck
            && let (Some(number), Some(miss)) = (shortage.cpu, &mut shortage.missed)
            && let Some(task) = miss.task
        {
            let on_cpu = |held: &&Held| {
                held.task.is_some_and(|(index, id)| {
                    id == task && self.cpus.get(index).is_some_and(|cpu| cpu.number == number)
                })
            };
            let name = self.grants.values().find(on_cpu).map(|held| held.name.clone());
            miss.who = Some(name.unwrap_or_else(|| "an RTU of another process".to_owned()));
        }
        bottleneck
    }

    fn move_one(&mut self, threshold: f64) -> Option<Move> {
        let loads: Vec<f64> = self.cpus.iter().map(Cpu::load).collect();
        let by_load = |one: &usize, other: &usize| {
            let load = |index: &usize| loads.get(*index).copied().unwrap_or_default();
            load(one).total_cmp(&load(other))
        };
        let from = (0..loads.len()).max_by(by_load)?;
        let to = (0..loads.len()).min_by(by_load)?;
        let gap = loads.get(from)? - loads.get(to)?;
        if gap <= threshold {
            return None;
        }
        let switch = self.machine.switch;
        // The one that closes the gap best is nearest to half of it.
        let mut movable: Vec<(GrantId, Task, f64)> = self
            .grants
            .iter()
            .filter(|(_, held)| !held.pinned && held.task.is_some_and(|(cpu, _)| cpu == from))
            .filter_map(|(id, held)| held.plan.task().map(|task| (*id, task)))
            .map(|(id, task)| (id, task, cpu::share(&task, switch)))
            .filter(|(_, _, share)| *share < gap)
            .collect();
        movable.sort_by(|one, other| (one.2 - gap / 2.0).abs().total_cmp(&(other.2 - gap / 2.0).abs()));
        let target = self.cpus.get_mut(to)?;
        let (id, task, _) = movable.into_iter().find(|(_, task, _)| target.fits(task))?;
        let (to_number, admitted) = (target.number, target.admit(&task).ok()?);
        let held = self.grants.get_mut(&id)?;
        let (_, old) = held.task.replace((to, admitted))?;
        held.plan.cpu = Some(to_number);
        let source = self.cpus.get_mut(from)?;
        source.remove(old);
        Some(Move {
            id,
            from: source.number,
            to: to_number,
        })
    }

    /// Returns what scheduling costs, for reports.
    pub(crate) fn overheads(&self) -> Overheads {
        overheads(&self.machine)
    }

    /// Returns the tasks admitted on each CPU, for reports.
    pub(crate) fn sets(&self) -> impl Iterator<Item = (u32, &AdmittedSet)> {
        self.cpus.iter().map(|cpu| (cpu.number, &cpu.set))
    }

    /// Returns the place of a grant's task; none on best-effort time.
    pub(crate) fn task_of(&self, id: GrantId) -> Option<(u32, TaskId)> {
        let (index, task) = self.grants.get(&id)?.task?;
        Some((self.cpus.get(index)?.number, task))
    }
}

fn overheads(machine: &Machine) -> Overheads {
    Overheads {
        switch: machine.switch,
        jitter: machine.jitter,
    }
}

#[cfg(test)]
mod tests;

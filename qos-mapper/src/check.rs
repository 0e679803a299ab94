// SPDX-License-Identifier: MIT OR Apache-2.0
//! A whole QoS file against a machine, beforehand.

use std::collections::BTreeSet;

use rtu::Nanos;
use rtu::analysis::{Fit, Overheads, Task, growth as growth_of_all, longest_tolerable_iteration};

use crate::admission::{Admission, Grant, GrantId};
use crate::cost::CostModel;
use crate::file::{ObjectEntry, QosFile};
use crate::join::{group_name, join};
use crate::machine::Machine;
use crate::plan::Plan;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::sensitivity::{Growth, growth};

/// What becomes of a QoS file on a machine.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckReport {
    /// The machine that it was checked against.
    pub machine: Machine,
    /// Each CPU with what is admitted there.
    pub cpus: Vec<CpuReport>,
    /// Flows without a guarantee.
    pub best_effort: Vec<FlowReport>,
    /// What was refused, and why.
    pub refused: Vec<RefusedFlow>,
    /// What guarantees take of the link, in bytes per second on the wire.
    pub link_rate: u64,
    /// What rings take of memory, in bytes.
    pub ring_memory: u64,
}

/// One CPU.
#[derive(Clone, Debug, PartialEq)]
pub struct CpuReport {
    /// Its number.
    pub cpu: u32,
    /// The share that is admitted, switches included.
    pub load: f64,
    /// The flows on it, most urgent first.
    pub flows: Vec<FlowReport>,
    /// How many times as much everything on it could cost together before a deadline is missed or guarantees take more
    /// than they may; infinite if nothing is admitted.
    pub all_may_grow: f64,
    /// The longest iteration that something less urgent may have in the same thread; none if nothing is admitted.
    pub tolerated_iteration: Option<Nanos>,
    /// The place in `flows` of the one whose messages may become dearer by the least.
    pub first_to_break: Option<usize>,
}

/// One flow that is granted.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowReport {
    /// What it is called: the entry's name, with a number if there are several.
    pub name: String,
    /// The line of its entry.
    pub line: usize,
    /// What it would be run by.
    pub plan: Plan,
    /// Whether its servant's worst case is a guess of the cost model, since the file declares none. Such a flow begins
    /// with a probation.
    pub assumed: bool,
    /// The longest response time with release jitter; none for best effort.
    pub response: Option<Nanos>,
    /// How much dearer its messages may become; none for best effort.
    pub growth: Option<Growth>,
}

/// One flow that is refused.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedFlow {
    /// What it is called.
    pub name: String,
    /// The line of its entry.
    pub line: usize,
    /// Why, and what would fit.
    pub refusal: Refusal,
}

impl FlowReport {
    /// Returns how long before its deadline it is done at the latest; none for best effort.
    pub fn slack(&self) -> Option<Nanos> {
        self.response.map(|response| self.plan.rtu.deadline - response)
    }
}

/// Checks a QoS file: all of its entries, and groups of them as one, are admitted in their order, on the machine that the file
/// describes or else on `machine`. Servants that declare no worst case are taken to need what the cost model assumes.
pub fn check(file: &QosFile, costs: &CostModel, machine: &Machine, fit: Fit) -> CheckReport {
    let machine = file.machine.as_ref().unwrap_or(machine).clone();
    let mut book = Admission::new(machine, costs.clone()).choosing(fit);
    let (mut granted, mut refused) = (Vec::new(), Vec::new());
    for asked in asked(file, costs) {
        for number in 1..=asked.flows {
            let name = match asked.flows {
                1 => asked.name.clone(),
                _ => format!("{} #{number}", asked.name),
            };
            let line = asked.line;
            let request = asked.request.as_ref().map_err(Refusal::clone);
            match request.and_then(|request| book.admit(&name, request)) {
                Ok(grant) => granted.push((grant, name, line, asked.assumed)),
                Err(refusal) => {
                    refused.push(RefusedFlow { name, line, refusal });
                    // The next of the same kind fares no better.
                    break;
                }
            }
        }
    }
    report(&book, granted, refused)
}

type Granted = (Grant, String, usize, bool);

/// What flows of one kind ask for.
struct Asked {
    name: String,
    line: usize,
    request: Result<Request, Refusal>,
    flows: u32,
    /// Whether a servant's worst case is a guess.
    assumed: bool,
}

/// Returns what the entries of a file ask for; those of a group as one, in place of the first.
fn asked(file: &QosFile, costs: &CostModel) -> Vec<Asked> {
    let is_assumed = |entry: &ObjectEntry| {
        entry.request.qos.is_guaranteed() && entry.request.qos.declared_worst_case().is_none()
    };
    let assuming = |entry: &ObjectEntry| {
        let mut request = Request {
            assume_servant: true,
            ..entry.request.clone()
        };
        if entry.group.is_some() && is_assumed(entry) {
            let assumed = costs.assumed_servant(&request.types);
            request.qos = request.qos.worst_case(assumed.into());
        }
        request
    };
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for entry in &file.objects {
        let members: Vec<_> = match entry.group.as_deref() {
            None => vec![entry],
            Some(group) if seen.insert(group) => {
                let of_group = |it: &&ObjectEntry| it.group.as_deref() == Some(group);
                file.objects.iter().filter(of_group).collect()
            }
            Some(_) => continue,
        };
        let requests: Vec<_> = members.iter().map(|it| assuming(it)).collect();
        let (name, request) = match &entry.group {
            None => (entry.name.clone(), Ok(assuming(entry))),
            Some(group) => (group_name(group), join(&requests)),
        };
        all.push(Asked {
            name,
            line: entry.line,
            request,
            flows: members.iter().map(|it| it.flows).max().unwrap_or(1),
            assumed: members.iter().any(|it| is_assumed(it)),
        });
    }
    all
}

fn report(book: &Admission, granted: Vec<Granted>, refused: Vec<RefusedFlow>) -> CheckReport {
    let plans = granted.iter().map(|(grant, ..)| &grant.plan);
    let (link_rate, ring_memory) = plans.fold((0, 0), |(rate, memory): (u64, u64), plan| {
        (
            rate.saturating_add(plan.link_rate),
            memory.saturating_add(plan.ring_memory()),
        )
    });
    let jitter = book.machine().jitter;
    let mut flows: Vec<(GrantId, FlowReport)> = granted
        .into_iter()
        .map(|(grant, name, line, assumed)| {
            let flow = FlowReport {
                name,
                line,
                assumed,
                response: book.response(grant.id).map(|response| response + jitter),
                plan: grant.plan,
                growth: None,
            };
            (grant.id, flow)
        })
        .collect();
    let cpus = book
        .machine()
        .cpus
        .iter()
        .map(|cpu| on_cpu(book, *cpu, &mut flows));
    CheckReport {
        cpus: cpus.collect(),
        machine: book.machine().clone(),
        best_effort: flows.into_iter().map(|(_, flow)| flow).collect(),
        refused,
        link_rate,
        ring_memory,
    }
}

/// Takes the flows of a CPU out of the list.
fn on_cpu(book: &Admission, cpu: u32, flows: &mut Vec<(GrantId, FlowReport)>) -> CpuReport {
    let own = flows.extract_if(.., |(_, flow)| flow.plan.cpu == Some(cpu));
    let mut own: Vec<_> = own.collect();
    own.sort_by_key(|(_, flow)| flow.plan.task().map(|task| task.urgency()));
    let usable = f64::from(book.machine().usable) / 100.0;
    let found: Vec<Option<Growth>> = own
        .iter()
        .map(|(id, _)| {
            let (_, task) = book.task_of(*id)?;
            let (_, set) = book.sets().find(|(number, _)| *number == cpu)?;
            let name = |wanted| {
                let mut all = own.iter();
                let owner = all.find(|(id, _)| book.task_of(*id) == Some((cpu, wanted)));
                owner.map_or_else(String::new, |(_, flow)| flow.name.clone())
            };
            growth(set, task, usable, name)
        })
        .collect();
    let mut flows: Vec<FlowReport> = own.into_iter().map(|(_, flow)| flow).collect();
    for (flow, growth) in flows.iter_mut().zip(found) {
        flow.growth = growth;
    }
    let by_growth = |(_, flow): &(usize, &FlowReport)| flow.growth.as_ref().map_or(u32::MAX, |it| it.percent);
    let first_to_break = flows
        .iter()
        .enumerate()
        .min_by_key(by_growth)
        .map(|(index, _)| index);
    let set = book.sets().find(|(number, _)| *number == cpu).map(|(_, set)| set);
    let tasks: Vec<Task> = set
        .into_iter()
        .flat_map(|set| set.tasks())
        .map(|(_, task)| *task)
        .collect();
    let overheads = book.overheads();
    CpuReport {
        cpu,
        all_may_grow: all_may_grow(&tasks, &overheads, usable),
        tolerated_iteration: longest_tolerable_iteration(&tasks, &overheads).filter(|_| !tasks.is_empty()),
        load: book.load(cpu).unwrap_or_default(),
        flows,
        first_to_break,
    }
}

fn all_may_grow(tasks: &[Task], overheads: &Overheads, usable: f64) -> f64 {
    let own: f64 = tasks.iter().map(Task::utilisation).sum();
    if own <= 0.0 {
        return f64::INFINITY;
    }
    let switches: f64 = tasks
        .iter()
        .map(|task| (overheads.switch * 2).share_of(task.period))
        .sum();
    growth_of_all(tasks, overheads).min((usable - switches) / own)
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A check as JSON. Times are nanoseconds, sizes bytes, rates bytes per second, shares parts of one.

use qos_mapper::{Bottleneck, CheckReport, CpuReport, FlowReport, RefusedFlow, describe};
use serde_json::{Value, json};

/// Renders a report.
pub(super) fn render(report: &CheckReport) -> String {
    let value = json!({
        "machine": report.machine.name,
        "fits": report.refused.is_empty(),
        "cpus": report.cpus.iter().map(cpu).collect::<Vec<_>>(),
        "best_effort": report.best_effort.iter().map(flow).collect::<Vec<_>>(),
        "refused": report.refused.iter().map(refused).collect::<Vec<_>>(),
        "link": { "granted": report.link_rate, "rate": report.machine.link.rate },
        "rings": { "granted": report.ring_memory, "memory": report.machine.ring_memory },
    });
    format!("{value:#}\n")
}

fn cpu(cpu: &CpuReport) -> Value {
    let first = cpu.first_to_break.and_then(|index| cpu.flows.get(index));
    json!({
        "cpu": cpu.cpu,
        "load": rounded(cpu.load),
        "all_may_grow": rounded(cpu.all_may_grow),
        "tolerated_iteration": cpu.tolerated_iteration.map(|it| it.0),
        "first_to_break": first.map(|flow| &flow.name),
        "flows": cpu.flows.iter().map(flow).collect::<Vec<_>>(),
    })
}

/// To three decimals; what is infinite becomes null.
fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

fn flow(flow: &FlowReport) -> Value {
    let (plan, rtu) = (&flow.plan, &flow.plan.rtu);
    json!({
        "name": flow.name,
        "line": flow.line,
        "class": plan.qos.class(),
        "request": describe(&plan.qos),
        "assumed_worst_case": flow.assumed,
        "period": rtu.period.0,
        "batch": rtu.batch,
        "budget": rtu.budget.0,
        "longest_iteration": rtu.longest_iteration.0,
        "deadline": rtu.deadline.0,
        "response": flow.response.map(|it| it.0),
        "slack": flow.slack().map(|it| it.0),
        "may_grow_percent": flow.growth.as_ref().map(|it| it.percent),
        "then_breaks": flow.growth.as_ref().and_then(|it| it.breaks.as_ref()),
        "rings": plan.rings.map(|it| json!({ "receive": it.receive, "send": it.send })),
        "window": plan.window,
        "pacing": plan.pacing.map(|it| json!({ "rate": it.rate, "burst": it.burst })),
        "link_rate": plan.link_rate,
    })
}

fn refused(refused: &RefusedFlow) -> Value {
    let alternatives = &refused.refusal.alternatives;
    json!({
        "name": refused.name,
        "line": refused.line,
        "bottleneck": bottleneck(&refused.refusal.bottleneck),
        "text": refused.refusal.bottleneck.to_string(),
        "would_fit": alternatives.iter().map(|it| &it.words).collect::<Vec<_>>(),
    })
}

fn bottleneck(bottleneck: &Bottleneck) -> &'static str {
    match bottleneck {
        Bottleneck::Contradiction { .. } => "contradiction",
        Bottleneck::Deadline { .. } => "deadline",
        Bottleneck::Link { .. } => "link",
        Bottleneck::RingMemory { .. } => "ring_memory",
        Bottleneck::Cpu(_) => "cpu",
        _ => "other",
    }
}

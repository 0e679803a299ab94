// SPDX-License-Identifier: MIT OR Apache-2.0
//! A check as text.

use std::fmt::Write;

use qos_mapper::{CheckReport, CpuReport, FlowReport, describe, show_rate, show_share, show_size, show_time};

/// Renders a report; `origin` says what the machine is known from.
pub(super) fn render(report: &CheckReport, origin: &str) -> String {
    let mut text = format!("Machine: {}\n", report.machine.name.as_deref().unwrap_or(origin));
    for cpu in &report.cpus {
        write_cpu(&mut text, cpu, report.machine.usable);
    }
    write_rest(&mut text, report);
    for refused in &report.refused {
        let _ = write!(
            text,
            "\nRefused: {} (line {})\n  {}\n",
            refused.name, refused.line, refused.refusal
        );
    }
    text
}

const HEAD: [&str; 9] = [
    "flow",
    "class",
    "T",
    "B",
    "C",
    "response",
    "deadline",
    "slack",
    "may grow to",
];

fn write_cpu(text: &mut String, cpu: &CpuReport, usable: u8) {
    let load = show_share(cpu.load);
    let _ = writeln!(text, "\nCPU {}: {load} admitted, of {usable} % usable", cpu.cpu);
    if cpu.flows.is_empty() {
        return;
    }
    let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
    rows.extend(cpu.flows.iter().map(row));
    write_table(text, &rows);
    let _ = write!(
        text,
        "  everything could cost {:.2} times as much",
        cpu.all_may_grow
    );
    if let Some(iteration) = cpu.tolerated_iteration {
        let iteration = show_time(iteration);
        let _ = write!(text, "; something less urgent could run {iteration} at a time");
    }
    text.push('\n');
    let first = cpu.first_to_break.and_then(|index| cpu.flows.get(index));
    if let Some((flow, growth)) = first.and_then(|flow| flow.growth.as_ref().map(|it| (flow, it))) {
        let times = f64::from(growth.percent) / 100.0;
        let then = match &growth.breaks {
            None => "guarantees would take more than is usable".to_owned(),
            Some(name) if *name == flow.name => "it would miss its own deadline".to_owned(),
            Some(name) => format!("`{name}` would miss its deadline"),
        };
        let _ = writeln!(
            text,
            "  breaks first: `{}`, if it cost more than {times:.2} times: {then}",
            flow.name
        );
    }
}

fn row(flow: &FlowReport) -> Vec<String> {
    let rtu = &flow.plan.rtu;
    let mark = if flow.assumed { " *" } else { "" };
    let optional = |time: Option<_>| time.map_or_else(String::new, show_time);
    let growth = flow
        .growth
        .as_ref()
        .map(|it| format!("{:.2} ×", f64::from(it.percent) / 100.0));
    vec![
        format!("{}{mark}", flow.name),
        flow.plan.qos.class().to_owned(),
        show_time(rtu.period),
        rtu.batch.to_string(),
        show_time(rtu.budget),
        optional(flow.response),
        show_time(rtu.deadline),
        optional(flow.slack()),
        growth.unwrap_or_default(),
    ]
}

/// Columns under each other: words to the left, figures to the right.
fn write_table(text: &mut String, rows: &[Vec<String>]) {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = match index {
                0 | 1 => write!(line, "  {cell:<width$}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

fn write_rest(text: &mut String, report: &CheckReport) {
    text.push('\n');
    for flow in &report.best_effort {
        let _ = writeln!(
            text,
            "Without a guarantee: {} ({})",
            flow.name,
            describe(&flow.plan.qos)
        );
    }
    let link = show_rate(report.machine.link.rate);
    let _ = writeln!(text, "Link: {} of {link}", show_rate(report.link_rate));
    let memory = show_size(report.machine.ring_memory);
    let _ = writeln!(text, "Rings: {} of {memory}", show_size(report.ring_memory));
    let mut flows = report.cpus.iter().flat_map(|cpu| &cpu.flows);
    if flows.any(|flow| flow.assumed) {
        text.push_str("* declares no worst_case: a guess is counted here, and it begins with a probation\n");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A check as a drawing: who runs when on each CPU, if everyone is at its worst.

use std::fmt::Write;

use qos_mapper::{CheckReport, CpuReport, Plan, Timeline, show_share, show_time, timeline};

use crate::svg::escaped;

/// Where the lanes begin, and how wide they are.
const LEFT: f64 = 200.0;
const WIDTH: f64 = 1_000.0;
/// The height of a lane, of its bars, and of what stands above and below the lanes of a CPU.
const LANE: usize = 22;
const BAR: usize = 14;
const HEAD: usize = 40;
const FOOT: usize = 36;
/// Lanes that are drawn for a CPU; the others are only counted.
const MOST_LANES: usize = 60;
/// Marks on a time axis, at most.
const MOST_TICKS: u64 = 20;

/// Renders a report.
pub(super) fn render(report: &CheckReport) -> String {
    let cpus: Vec<&CpuReport> = report.cpus.iter().filter(|cpu| !cpu.flows.is_empty()).collect();
    let height: usize = cpus.iter().map(|cpu| height(cpu)).sum();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <style>.low_delay{{fill:#c0392b}}.isochronous{{fill:#2471a3}}.burst{{fill:#1e8449}}\
         .lane{{stroke:#ddd}}.tick{{fill:#777;font-size:10px}}.release{{stroke:#777}}</style>\n",
        LEFT + WIDTH + 20.0,
        height.max(FOOT)
    );
    let mut top = 0;
    for cpu in cpus {
        draw_cpu(&mut svg, report, cpu, top);
        top += self::height(cpu);
    }
    if top == 0 {
        svg.push_str("<text x=\"10\" y=\"20\">nothing is guaranteed</text>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn height(cpu: &CpuReport) -> usize {
    HEAD + cpu.flows.len().min(MOST_LANES) * LANE + FOOT
}

fn draw_cpu(svg: &mut String, report: &CheckReport, cpu: &CpuReport, top: usize) {
    let plans: Vec<&Plan> = cpu.flows.iter().map(|flow| &flow.plan).collect();
    let timeline = timeline(&plans, report.machine.switch);
    let left_out = cpu.flows.len().saturating_sub(MOST_LANES);
    let more = if left_out > 0 {
        format!(", {left_out} more flows not drawn")
    } else {
        String::new()
    };
    let _ = writeln!(
        svg,
        "<text x=\"10\" y=\"{}\" font-weight=\"bold\">CPU {}: {} admitted, {}{more}</text>",
        top + 20,
        cpu.cpu,
        show_share(cpu.load),
        shown(&timeline)
    );
    for (index, flow) in cpu.flows.iter().take(MOST_LANES).enumerate() {
        let y = top + HEAD + index * LANE;
        let _ = writeln!(
            svg,
            "<text x=\"10\" y=\"{}\">{}</text><path class=\"lane\" d=\"M{LEFT} {}h{WIDTH}\"/>",
            y + BAR - 2,
            escaped(&flow.name),
            y + BAR
        );
        draw_releases(svg, &flow.plan, timeline.window.0, y);
    }
    draw_segments(svg, &timeline, &plans, top + HEAD);
    draw_axis(svg, timeline.window.0, top + height(cpu) - FOOT + 8);
}

fn shown(timeline: &Timeline) -> String {
    let window = show_time(timeline.window);
    match timeline.hyperperiod {
        Some(all) if all == timeline.window => format!("repeats every {window}"),
        _ => format!("the first {window}"),
    }
}

/// Where a time of the window is drawn.
fn x(time: u64, window: u64) -> f64 {
    LEFT + WIDTH * (time as f64 / window.max(1) as f64).min(1.0)
}

fn draw_releases(svg: &mut String, plan: &Plan, window: u64, y: usize) {
    let period = plan.rtu.period.0.max(1);
    // So close together they would be a block.
    if window / period > 200 {
        return;
    }
    let mut path = String::new();
    let mut release = 0;
    while release < window {
        let _ = write!(path, "M{:.2} {}v-4", x(release, window), y + BAR + 4);
        release = release.saturating_add(period);
    }
    let _ = writeln!(svg, "<path class=\"release\" d=\"{path}\"/>");
}

fn draw_segments(svg: &mut String, timeline: &Timeline, plans: &[&Plan], top: usize) {
    let window = timeline.window.0;
    for segment in timeline
        .segments
        .iter()
        .filter(|segment| segment.flow < MOST_LANES)
    {
        let (from, to) = (x(segment.start.0, window), x(segment.end.0, window));
        let class = plans.get(segment.flow).map_or("", |plan| plan.qos.class());
        let _ = writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{from:.2}\" y=\"{}\" width=\"{:.2}\" height=\"{BAR}\"/>",
            top + segment.flow * LANE,
            (to - from).max(0.3)
        );
    }
}

fn draw_axis(svg: &mut String, window: u64, y: usize) {
    let step = step(window);
    let mut time = 0;
    while time <= window {
        let _ = writeln!(
            svg,
            "<text class=\"tick\" x=\"{:.2}\" y=\"{y}\" text-anchor=\"middle\">{}</text>",
            x(time, window),
            show_time(rtu::Nanos(time))
        );
        time = time.saturating_add(step);
    }
}

/// A round distance of marks: 1, 2 or 5 with zeros.
fn step(window: u64) -> u64 {
    let mut step = 1_u64;
    for factor in [2, 5, 10].into_iter().cycle() {
        let decade = 10_u64.saturating_pow(step.ilog10());
        if window / step <= MOST_TICKS || step > u64::MAX / 20 {
            break;
        }
        step = decade * factor;
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_few() {
        let steps = [1, 20, 21, 1_000_000, 30_000_000, u64::MAX].map(step);
        assert_eq!(
            steps.map(|it| it.to_string().trim_end_matches('0').to_owned()),
            ["1", "1", "2", "5", "2", "1"]
        );
        for window in [1, 20, 21, 1_000_000, 30_000_000, 123_456_789, u64::MAX] {
            assert!(window / step(window) <= MOST_TICKS, "{window}");
        }
    }
}

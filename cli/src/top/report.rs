// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the flows did while one looked, as a drawing: their rates and response times over time.

use std::fmt::Write;
use std::time::Duration;

use upcall::statistics::{Flow, Snapshot};

use crate::svg::escaped;

/// Flows that are drawn; those with a guarantee come first where they are there from the beginning.
const MOST_FLOWS: usize = 12;
/// Looks that are kept: an hour's.
const MOST_LOOKS: usize = 3600;
const COLOURS: [&str; 6] = ["#1b6ca8", "#b8453f", "#6a9a3b", "#d1782d", "#8c5aa8", "#8a8d91"];
/// Where the curves begin, how wide and high a chart of them is, and how far the next one is below.
const LEFT: f64 = 70.0;
const WIDTH: f64 = 620.0;
const HEIGHT: f64 = 200.0;
const CHART: f64 = 270.0;
/// What stands above the first chart.
const TOP: f64 = 50.0;
/// Characters of a name beside the curves.
const LONGEST_NAME: usize = 40;

/// What was seen of flows, look by look.
#[derive(Debug, Default)]
pub(super) struct Report {
    flows: Vec<Curve>,
    left_out: bool,
}

/// What was seen of a flow.
#[derive(Debug)]
struct Curve {
    flow: (u32, u32, String),
    name: String,
    /// The time in seconds, messages per second, and the 99th percentile of the response time in seconds.
    looks: Vec<Look>,
}

type Look = (f64, f64, Option<f64>);

/// One of the charts: what it is called, how a value is shown, and which value it has of a look.
struct Chart {
    title: &'static str,
    show: fn(f64) -> String,
    value: fn(&Look) -> Option<f64>,
}

const CHARTS: [Chart; 2] = [
    Chart {
        title: "messages per second",
        show: |rate| format!("{rate}"),
        value: |(_, rate, _)| Some(*rate),
    },
    Chart {
        title: "response time that 99 in 100 upcalls of a second do not exceed",
        show: |seconds| format!("{:?}", Duration::from_secs_f64(seconds)),
        value: |(_, _, response)| *response,
    },
];

impl Report {
    /// Takes note of what the flows do now, so long after the beginning.
    pub(super) fn record(&mut self, at: Duration, snapshots: &[Snapshot]) {
        for orb in snapshots {
            for flow in &orb.flows {
                let id = (orb.process, orb.orb, flow.peer.clone());
                let found = self.flows.iter().position(|curve| curve.flow == id);
                let index = found.unwrap_or(self.flows.len());
                if found.is_none() {
                    if index == MOST_FLOWS {
                        self.left_out = true;
                        continue;
                    }
                    self.flows.push(Curve::new(id, orb, flow));
                }
                if let Some(curve) = self.flows.get_mut(index) {
                    let response = flow.response.map(|response| response.p99.as_secs_f64());
                    let looks = &mut curve.looks;
                    looks.push((at.as_secs_f64(), flow.recent.rate, response));
                    let surplus = looks.len().saturating_sub(MOST_LOOKS);
                    looks.drain(..surplus);
                }
            }
        }
    }

    /// Draws it.
    pub(super) fn draw(&self) -> String {
        let height = TOP + CHART * CHARTS.len() as f64;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1000\" height=\"{height}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
             <text x=\"10\" y=\"20\" font-size=\"15\" font-weight=\"bold\">{}</text>\n",
            match (self.flows.len(), self.left_out) {
                (0, _) => "no flows".to_owned(),
                (count, false) => format!("flows: {count}"),
                (count, true) => format!("flows: the first {count}"),
            }
        );
        for (chart, row) in CHARTS.iter().zip(0_u8..) {
            self.draw_chart(&mut svg, chart, TOP + CHART * f64::from(row));
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn draw_chart(&self, svg: &mut String, chart: &Chart, top: f64) {
        let looks = || self.flows.iter().flat_map(|curve| &curve.looks);
        let times = range(looks().map(|look| look.0));
        // What is zero or nonsense has no place on a scale of powers of ten.
        let value = |look: &Look| (chart.value)(look).filter(|value| (1e-9..1e12).contains(value));
        let (Some(times), Some(values)) = (times, range(looks().filter_map(value))) else {
            return;
        };
        let powers = (
            values.0.log10().floor(),
            values.1.log10().ceil().max(values.0.log10().floor() + 1.0),
        );
        let x = |time: f64| LEFT + WIDTH * (time - times.0) / (times.1 - times.0).max(1e-9);
        let y = |value: f64| top + HEIGHT * (powers.1 - value.log10()) / (powers.1 - powers.0);
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"{:.1}\">{}</text>",
            top - 10.0,
            chart.title
        );
        let mut power = powers.0;
        while power <= powers.1 {
            let value = 10_f64.powf(power);
            draw_mark(svg, &(chart.show)(value), y(value));
            power += 1.0;
        }
        for (index, curve) in self.flows.iter().enumerate() {
            let points = curve
                .looks
                .iter()
                .filter_map(|look| Some((x(look.0), y(value(look)?))));
            curve.draw(svg, index, top, &points.collect::<Vec<_>>());
        }
        let bottom = top + HEIGHT + 18.0;
        for (time, anchor) in [(times.0, "start"), (times.1, "end")] {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{bottom:.1}\" text-anchor=\"{anchor}\">{time:.0} s</text>",
                x(time)
            );
        }
    }
}

impl Curve {
    fn new(flow: (u32, u32, String), orb: &Snapshot, of: &Flow) -> Self {
        let what = if of.object.is_empty() {
            &of.peer
        } else {
            &of.object
        };
        let name = format!("{what} ({}, {})", of.class.name(), orb.program);
        Self {
            flow,
            name: name.chars().take(LONGEST_NAME).collect(),
            looks: Vec::new(),
        }
    }

    fn draw(&self, svg: &mut String, index: usize, top: f64, points: &[(f64, f64)]) {
        if points.is_empty() {
            return;
        }
        let colour = COLOURS.iter().cycle().nth(index).unwrap_or(&"#000");
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
            path.join(" "),
            LEFT + WIDTH + 10.0,
            top + 12.0 + 16.0 * index as f64,
            escaped(&self.name)
        );
    }
}

fn draw_mark(svg: &mut String, text: &str, y: f64) {
    let _ = writeln!(
        svg,
        "<path d=\"M{LEFT} {y:.1}h{WIDTH}\" stroke=\"#ddd\"/>\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#777\">{}</text>",
        LEFT - 6.0,
        y + 4.0,
        escaped(text)
    );
}

/// The least and the most.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| {
        let (least, most) = range.unwrap_or((value, value));
        Some((least.min(value), most.max(value)))
    })
}

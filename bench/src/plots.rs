// SPDX-License-Identifier: MIT OR Apache-2.0
//! The plots of the document: curves over logarithmic axes, legible on light and on dark.

use std::fmt::Write;
use std::path::Path;

use crate::lab::{Measured, Values};
use crate::output::{Results, write};
use crate::plan::Unit;
use crate::svg::escape;

/// The quantiles that clients report, in percent.
const QUANTILES: [(&str, f64); 10] = [
    ("p1_ns", 1.0),
    ("p5_ns", 5.0),
    ("p10_ns", 10.0),
    ("p25_ns", 25.0),
    ("p50_ns", 50.0),
    ("p75_ns", 75.0),
    ("p90_ns", 90.0),
    ("p95_ns", 95.0),
    ("p99_ns", 99.0),
    ("p99.9_ns", 99.9),
];
/// Those that the axis names.
const NAMED: [f64; 5] = [1.0, 50.0, 90.0, 99.0, 99.9];

const LEFT: f64 = 64.0;
const TOP: f64 = 40.0;
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 250.0;
/// For the names of the curves.
const RIGHT: f64 = 120.0;
/// Between two names, at least.
const LINE: f64 = 15.0;
const COLOURS: usize = 6;
/// Colours that are told apart on both grounds, and by who does not see red from green.
const STYLE: &str = "\
svg{background:#fff;color:#222}\
.g{stroke:#8886}\
.c0{--c:#0072b2}.c1{--c:#777}.c2{--c:#d55e00}.c3{--c:#009e73}.c4{--c:#cc79a7}.c5{--c:#b58900}\
path{fill:none;stroke:var(--c);stroke-width:2}.n{fill:var(--c)}text{fill:currentColor}\
@media(prefers-color-scheme:dark){svg{background:#161b22;color:#ddd}.c0{--c:#56b4e9}.c1{--c:#aaa}}";

/// Writes those plots that the rows of this run are for into `folder`.
pub(crate) fn write_all(results: &Results, folder: &Path) -> Result<(), String> {
    let row = |name: &str| results.rows.iter().find(|row| row.row.name == name);
    let plots = [
        ("null-call.svg", row("null-awake").map(latencies)),
        ("arguments.svg", throughput(&results.rows)),
    ];
    for (name, plot) in plots {
        if let Some(plot) = plot {
            write(&folder.join(name), &plot.draw())?;
        }
    }
    Ok(())
}

/// How long what part of the calls took: the medians of each quantile over the rounds.
fn latencies(row: &Measured) -> Plot {
    let curve = |one: &Values| Curve {
        name: one.name,
        points: QUANTILES
            .iter()
            .filter_map(|(name, percent)| Some((nines(*percent), one.median(name)?)))
            .collect(),
    };
    Plot {
        title: "null call, both ends awake: latency by quantile",
        across: NAMED
            .map(|percent| (nines(percent), format!("{percent} %")))
            .into(),
        unit: Unit::Nanoseconds,
        curves: row.contestants.iter().map(curve).collect(),
    }
}

/// Each nine takes as much room as the one before, so that the tail is seen.
fn nines(percent: f64) -> f64 {
    -(1.0 - percent / 100.0).log10()
}

/// How many octets a second arguments of each size make.
fn throughput(rows: &[Measured]) -> Option<Plot> {
    let sizes: Vec<(u32, &Measured)> = rows
        .iter()
        .filter_map(|row| Some((row.row.name.strip_prefix("put-")?.parse().ok()?, row)))
        .collect();
    let mut names: Vec<&'static str> = Vec::new();
    for one in sizes.iter().flat_map(|(_, row)| &row.contestants) {
        if !names.contains(&one.name) {
            names.push(one.name);
        }
    }
    let curve = |name: &'static str| Curve {
        name,
        points: sizes
            .iter()
            .filter_map(|(octets, row)| Some((f64::from(*octets).log2(), row.of(name)?.summary.median)))
            .collect(),
    };
    (sizes.len() > 1).then(|| Plot {
        title: "sequence<octet> as argument: octets per second by size",
        across: sizes
            .iter()
            .map(|(octets, _)| (f64::from(*octets).log2(), size(*octets)))
            .collect(),
        unit: Unit::BytesPerSecond,
        curves: names.into_iter().map(curve).collect(),
    })
}

fn size(octets: u32) -> String {
    match octets {
        0..1024 => format!("{octets} B"),
        1024..0x10_0000 => format!("{} K", octets >> 10),
        _ => format!("{} M", octets >> 20),
    }
}

struct Plot {
    title: &'static str,
    /// Where the axis has what word.
    across: Vec<(f64, String)>,
    /// Of the values, whose axis is logarithmic.
    unit: Unit,
    curves: Vec<Curve>,
}

struct Curve {
    name: &'static str,
    points: Vec<(f64, f64)>,
}

impl Plot {
    fn draw(&self) -> String {
        let across = Range::of(self.across.iter().map(|(at, _)| *at));
        let values = self.curves.iter().flat_map(|curve| &curve.points);
        let up = Range::of(values.map(|(_, value)| value.log10())).to_decades();
        let x = |at: f64| LEFT + WIDTH * across.part(at);
        let y = |value: f64| TOP + HEIGHT * (1.0 - up.part(value.log10()));
        let mut body = String::new();
        for (at, word) in &self.across {
            let x = x(*at);
            let _ = writeln!(
                body,
                "<path class=\"g\" d=\"M{x:.1} {TOP}v{HEIGHT}\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{word}</text>",
                TOP + HEIGHT + 18.0
            );
        }
        for value in up.decades() {
            let y = y(value);
            let _ = writeln!(
                body,
                "<path class=\"g\" d=\"M{LEFT} {y:.1}h{WIDTH}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                y + 4.0,
                rounded(self.unit, value)
            );
        }
        let ends = self
            .curves
            .iter()
            .map(|curve| curve.points.last().map_or(TOP, |(_, value)| y(*value)));
        let places = apart(&ends.collect::<Vec<_>>());
        for (index, (curve, place)) in self.curves.iter().zip(places).enumerate() {
            let points = curve
                .points
                .iter()
                .map(|(at, value)| format!("{:.1} {:.1}", x(*at), y(*value)));
            let _ = writeln!(
                body,
                "<g class=\"c{}\"><path d=\"M{}\"/><text class=\"n\" x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
                index % COLOURS,
                points.collect::<Vec<_>>().join("L"),
                LEFT + WIDTH + 8.0,
                place + 4.0,
                escape(curve.name),
            );
        }
        let (width, height) = (LEFT + WIDTH + RIGHT, TOP + HEIGHT + 30.0);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <style>{STYLE}</style>\n<text x=\"8\" y=\"20\" font-size=\"14\">{}</text>\n{body}</svg>\n",
            escape(self.title),
        )
    }
}

/// A value of the axis, without digits that say nothing.
fn rounded(unit: Unit, value: f64) -> String {
    let shown = unit.show(value);
    match shown.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            let number = number.trim_end_matches('0').trim_end_matches('.');
            format!("{number} {unit}")
        }
        _ => shown,
    }
}

/// Where names stand that are not to cover each other, each as near to its curve's end as can be.
fn apart(ends: &[f64]) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> = ends.iter().copied().enumerate().collect();
    order.sort_by(|one, other| one.1.total_cmp(&other.1));
    let mut last = f64::NEG_INFINITY;
    for (_, place) in &mut order {
        *place = place.max(last + LINE);
        last = *place;
    }
    order.sort_by_key(|(index, _)| *index);
    order.into_iter().map(|(_, place)| place).collect()
}

/// From the least to the largest value of an axis.
struct Range {
    from: f64,
    to: f64,
}

impl Range {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let none = Self {
            from: f64::INFINITY,
            to: f64::NEG_INFINITY,
        };
        values.fold(none, |range, value| Self {
            from: range.from.min(value),
            to: range.to.max(value),
        })
    }

    /// The same, out to whole powers of ten.
    fn to_decades(&self) -> Self {
        Self {
            from: self.from.floor(),
            to: self.to.ceil(),
        }
    }

    fn decades(&self) -> impl Iterator<Item = f64> + use<> {
        let (mut next, to) = (self.from, self.to);
        std::iter::from_fn(move || {
            let power = (next <= to).then(|| 10_f64.powf(next));
            next += 1.0;
            power
        })
    }

    fn part(&self, value: f64) -> f64 {
        (value - self.from) / (self.to - self.from).max(f64::MIN_POSITIVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tests::measured;

    #[test]
    fn there_is_a_curve_for_each_contestant_and_a_word_for_each_size() {
        let rows = [
            measured("put-64", &[("ours", &[1e8]), ("memcpy", &[2e9])]),
            measured(
                "put-1048576",
                &[("ours", &[4e10]), ("memcpy", &[5e10]), ("in place", &[9e12])],
            ),
            measured("other", &[("ours", &[1.0])]),
        ];
        let drawing = throughput(&rows).expect("two sizes").draw();
        for part in [
            ">64 B<",
            ">1 M<",
            ">ours<",
            ">memcpy<",
            ">in place<",
            "class=\"c2\"",
            "sequence&lt;octet&gt;",
        ] {
            assert!(drawing.contains(part), "{part}: {drawing}");
        }
        assert!(throughput(&rows[1..]).is_none());
    }

    #[test]
    fn latencies_are_drawn_by_quantile_up_to_the_last_that_is_reported() {
        let plot = latencies(&measured("null-awake", &[("ours", &[10.0]), ("raw", &[20.0])]));
        assert_eq!(plot.curves.len(), 2);
        let values: Vec<f64> = plot.curves[0].points.iter().map(|(_, value)| *value).collect();
        assert_eq!(values, [1.0, 2.0, 9.0]);
        let drawing = plot.draw();
        assert!(drawing.contains(">99.9 %<") && drawing.contains(">1 ns<") && drawing.contains(">10 ns<"));
        assert!(!drawing.contains("NaN") && !drawing.contains("inf"), "{drawing}");
    }

    #[test]
    fn names_do_not_cover_each_other() {
        assert_eq!(apart(&[50.0, 10.0, 12.0]), [50.0, 10.0, 25.0]);
    }
}

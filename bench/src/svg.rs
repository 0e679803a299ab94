// SPDX-License-Identifier: MIT OR Apache-2.0
//! Draws the rows: bars of the medians with their quartiles, and for latencies the quantiles as curves.

use std::fmt::Write;
use std::path::Path;

use crate::lab::Measured;
use crate::output::{Results, write};
use crate::plan::Unit;

const WIDTH: f64 = 760.0;
const LABELS: f64 = 130.0;
const LINE: f64 = 30.0;
const COLOURS: [&str; 6] = ["#1b6ca8", "#8a8d91", "#d1782d", "#6a9a3b", "#8c5aa8", "#b8453f"];
const QUANTILES: [(&str, &str); 9] = [
    ("p1_ns", "1 %"),
    ("p5_ns", "5 %"),
    ("p10_ns", "10 %"),
    ("p25_ns", "25 %"),
    ("p50_ns", "50 %"),
    ("p75_ns", "75 %"),
    ("p90_ns", "90 %"),
    ("p95_ns", "95 %"),
    ("p99_ns", "99 %"),
];

/// Writes one file for each row into `folder`, and a second one for latencies.
pub(crate) fn write_all(results: &Results, folder: &Path) -> Result<(), String> {
    for row in results.rows.iter().filter(|row| !row.contestants.is_empty()) {
        write(&folder.join(format!("{}.svg", row.row.name)), &bars(row))?;
        if let Some(drawing) = curves(row) {
            write(&folder.join(format!("{}-quantiles.svg", row.row.name)), &drawing)?;
        }
    }
    Ok(())
}

/// The medians as bars, each with a line from its first to its third quartile.
fn bars(row: &Measured) -> String {
    let largest = row
        .contestants
        .iter()
        .map(|one| one.summary.upper)
        .fold(f64::MIN_POSITIVE, f64::max);
    let scale = (WIDTH - LABELS - 130.0) / largest;
    let mut body = String::new();
    for (index, (one, colour)) in row.contestants.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let top = 46.0 + LINE * index as f64;
        let (length, middle) = (one.summary.median * scale, top + 10.0);
        let (from, to) = (
            LABELS + one.summary.lower * scale,
            LABELS + one.summary.upper * scale,
        );
        let _ = writeln!(
            body,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LABELS:.1}\" y=\"{top:.1}\" width=\"{length:.1}\" height=\"20\" fill=\"{colour}\"/>\
             <line x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\" stroke=\"#000\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LABELS - 8.0,
            top + 15.0,
            escape(one.name),
            LABELS + length.max(one.summary.upper * scale) + 8.0,
            top + 15.0,
            row.row.unit.show(one.summary.median),
        );
    }
    let better = if row.row.unit.more_is_better() {
        "more is better"
    } else {
        "less is better"
    };
    drawing(
        60.0 + LINE * row.contestants.len() as f64,
        &format!("{} ({better})", row.row.title),
        &body,
    )
}

/// The quantiles, for rows of latencies.
fn curves(row: &Measured) -> Option<String> {
    let values = |index: usize| -> Option<Vec<f64>> {
        let one = row.contestants.get(index)?;
        QUANTILES.iter().map(|(name, _)| one.median(name)).collect()
    };
    if row.row.unit != Unit::Nanoseconds {
        return None;
    }
    let all: Vec<(usize, Vec<f64>)> = (0..row.contestants.len())
        .filter_map(|index| Some((index, values(index)?)))
        .collect();
    let largest = all
        .iter()
        .flat_map(|(_, values)| values)
        .copied()
        .fold(0.0, f64::max);
    if largest <= 0.0 {
        return None;
    }
    let (height, step) = (240.0, (WIDTH - LABELS - 140.0) / (QUANTILES.len() - 1) as f64);
    let place = |index: usize, value: f64| {
        (
            LABELS + step * index as f64,
            46.0 + height * (1.0 - value / largest),
        )
    };
    let mut body = String::new();
    for (index, (_, label)) in QUANTILES.iter().enumerate() {
        let (x, _) = place(index, 0.0);
        let _ = writeln!(
            body,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
            height + 66.0
        );
    }
    for (index, values) in &all {
        let points: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(index, value)| place(index, *value))
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let colour = COLOURS.iter().cycle().nth(*index).unwrap_or(&"#000");
        let (x, y) = place(values.len() - 1, values.last().copied().unwrap_or(0.0));
        let name = row.contestants.get(*index).map_or("", |one| one.name);
        let _ = writeln!(
            body,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
            points.join(" "),
            x + 6.0,
            y + 4.0,
            escape(name),
        );
    }
    let _ = writeln!(
        body,
        "<text x=\"8\" y=\"56\">{}</text>",
        row.row.unit.show(largest)
    );
    Some(drawing(
        height + 80.0,
        &format!("{}: quantiles", row.row.title),
        &body,
    ))
}

fn drawing(height: f64, title: &str, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"8\" y=\"24\" font-size=\"15\" font-weight=\"bold\">{}</text>\n{body}</svg>\n",
        escape(title),
    )
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tests::measured;

    #[test]
    fn a_row_is_drawn_with_a_bar_for_each_contestant() {
        let drawing = bars(&measured("a", &[("ours", &[10.0]), ("raw", &[20.0])]));
        assert_eq!(drawing.matches("height=\"20\"").count(), 2);
        assert!(drawing.contains("less is better"));
    }

    #[test]
    fn what_reports_no_quantiles_gets_no_curves() {
        assert_eq!(curves(&measured("a", &[("ours", &[10.0])])), None);
    }

    #[test]
    fn names_do_not_break_the_drawing() {
        assert_eq!(escape("a<b> & c"), "a&lt;b&gt; &amp; c");
        assert!(bars(&measured("a", &[("sequence<octet>", &[1.0])])).contains("sequence&lt;octet&gt;"));
    }
}

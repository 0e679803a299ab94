// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tables for people, and JSON for programs.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::lab::Measured;
use crate::stolen::Stolen;
use crate::targets::Targets;

/// All rows of a run.
#[derive(Debug)]
pub(crate) struct Results {
    group: String,
    rounds: usize,
    began: Stolen,
    /// In the order in which they were measured.
    pub(crate) rows: Vec<Measured>,
}

impl Results {
    /// No rows yet.
    pub(crate) fn new(group: &str, rounds: usize) -> Self {
        Self {
            group: group.to_owned(),
            rounds,
            began: Stolen::now(),
            rows: Vec::new(),
        }
    }

    /// Everything, with each round's value.
    pub(crate) fn json(&self, targets: &Targets) -> String {
        let rows: Vec<Value> = self.rows.iter().map(|row| row_json(row, targets)).collect();
        let all = json!({
            "group": self.group,
            "rounds": self.rounds,
            "machine": machine(),
            "stolen": Stolen::now().share_since(&self.began),
            "rows": rows,
        });
        format!("{all:#}\n")
    }

    /// The tables of the document.
    pub(crate) fn markdown(&self, targets: &Targets) -> String {
        let stolen = Stolen::now().share_since(&self.began) * 100.0;
        let most = self.rows.iter().map(|row| row.stolen).fold(0.0, f64::max) * 100.0;
        let mut text = format!(
            "{} rounds, {}; the hypervisor took {stolen:.1} % of the time, and {most:.1} % of that of the row that it \
             disturbed most.\n\n",
            self.rounds,
            machine()
        );
        text.push_str("| work | who | median | spread | ours ÷ theirs | target | met |\n");
        text.push_str("|---|---|---|---|---|---|---|\n");
        for row in &self.rows {
            markdown_row(&mut text, row, targets);
        }
        text
    }
}

fn row_json(row: &Measured, targets: &Targets) -> Value {
    let contestants: Vec<Value> = row
        .contestants
        .iter()
        .map(|one| {
            json!({
                "name": one.name,
                "median": one.summary.median,
                "quartiles": [one.summary.lower, one.summary.upper],
                "rounds": one.rounds,
                "ratio": row.ratio(one.name),
            })
        })
        .collect();
    let held: Vec<Value> = targets
        .of_row(row.row.name)
        .map(|target| json!({ "bound": target.bound(row.row.unit), "value": target.value(row), "met": target.is_met(row) }))
        .collect();
    let skipped: Vec<Value> = row
        .skipped
        .iter()
        .map(|(name, reason)| json!({ "name": name, "reason": reason }))
        .collect();
    json!({
        "name": row.row.name,
        "title": row.row.title,
        "stolen": row.stolen,
        "unit": format!("{:?}", row.row.unit),
        "contestants": contestants,
        "targets": held,
        "skipped": skipped,
    })
}

fn markdown_row(text: &mut String, row: &Measured, targets: &Targets) {
    let mut title = row.row.title;
    for one in &row.contestants {
        let over = if one.name == "ours" { None } else { Some(one.name) };
        let ratio = over
            .and_then(|name| row.ratio(name))
            .map_or(String::new(), |ratio| format!("{ratio:.2}"));
        let held = targets
            .of_row(row.row.name)
            .find(|target| target.over.as_deref() == over);
        let bound = held.map_or(String::new(), |target| target.bound(row.row.unit));
        let met = held.map_or("", |target| if target.is_met(row) { "yes" } else { "**no**" });
        let (median, spread) = (
            row.row.unit.show(one.summary.median),
            row.row.unit.spread(one.summary),
        );
        let _ = writeln!(
            text,
            "| {title} | {} | {median} | {spread:.0} % | {ratio} | {bound} | {met} |",
            one.name
        );
        title = "";
    }
    for (name, reason) in &row.skipped {
        let _ = writeln!(
            text,
            "| {title} | {name} | not measured: {} | | | | |",
            reason.replace('|', "/")
        );
        title = "";
    }
}

/// A row as it is printed while the bench runs.
pub(crate) fn row(row: &Measured, targets: &Targets) -> String {
    let stolen = row.stolen * 100.0;
    let mut text = format!("\n{} ({}), {stolen:.1} % stolen\n", row.row.title, row.row.name);
    for one in &row.contestants {
        let (median, spread) = (
            row.row.unit.show(one.summary.median),
            row.row.unit.spread(one.summary),
        );
        let _ = write!(text, "  {:<12} {median:>14}  ± {spread:>3.0} %", one.name);
        if let Some(ratio) = row.ratio(one.name).filter(|_| one.name != "ours") {
            let _ = write!(text, "   ours ÷ theirs {ratio:.3}");
        }
        text.push('\n');
    }
    for (name, reason) in &row.skipped {
        let _ = writeln!(text, "  SKIPPED: {name}: {reason}");
    }
    for target in targets.of_row(row.row.name) {
        let (bound, value) = (target.bound(row.row.unit), target.show_value(row));
        let met = if target.is_met(row) { "met" } else { "MISSED" };
        let _ = writeln!(text, "  target {bound}: {value}, {met}");
    }
    text
}

/// Processor, cores and kernel.
fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or(": unknown processor");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{} cores of {}, Linux {}",
        cores,
        model.trim_start_matches([' ', '\t', ':']),
        kernel.trim()
    )
}

/// Writes a file, making its folder.
pub(crate) fn write(file: &Path, text: &str) -> Result<(), String> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}

/// Puts the tables between the document's marks for the group.
pub(crate) fn renew(file: &Path, group: &str, tables: &str) -> Result<(), String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let (begin, end) = (
        format!("<!-- begin {group} -->\n"),
        format!("<!-- end {group} -->"),
    );
    let renewed = text.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some(format!("{before}{begin}{tables}{end}{after}"))
    });
    write(
        file,
        &renewed.ok_or_else(|| format!("{} has no marks for `{group}`", file.display()))?,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tests::measured;

    #[test]
    fn a_row_shows_ratios_and_who_was_skipped() {
        let mut values = measured("null-one-core", &[("ours", &[1100.0]), ("raw", &[1000.0])]);
        values.skipped.push(("omniORB", "not built".into()));
        let text = row(&values, &Targets::of("iiop").expect("readable"));
        assert!(
            text.contains("ours ÷ theirs 1.100") && text.contains("SKIPPED: omniORB: not built"),
            "{text}"
        );
        assert!(text.contains("target ≤ 1.05 × raw: 1.100, MISSED"), "{text}");
    }

    #[test]
    fn json_holds_every_round() {
        let mut results = Results::new("iiop", 2);
        results.rows.push(measured("echo", &[("ours", &[5.0, 6.0])]));
        let value: Value = serde_json::from_str(&results.json(&Targets::default())).expect("JSON");
        assert_eq!(value["rows"][0]["contestants"][0]["rounds"], json!([5.0, 6.0]));
    }

    #[test]
    fn only_what_stands_between_the_marks_is_renewed() {
        let file = std::env::temp_dir().join(format!("upcall-bench-renew-{}.md", std::process::id()));
        fs::write(&file, "before\n<!-- begin g -->\nold\n<!-- end g -->\nafter\n").expect("written");
        renew(&file, "g", "new\n").expect("renewed");
        let text = fs::read_to_string(&file).expect("read");
        fs::remove_file(&file).expect("removed");
        assert_eq!(text, "before\n<!-- begin g -->\nnew\n<!-- end g -->\nafter\n");
    }

    #[test]
    fn the_table_has_a_line_for_each_contestant() {
        let mut results = Results::new("iiop", 1);
        results.rows.push(measured(
            "null-one-core",
            &[("ours", &[900.0]), ("raw", &[1000.0])],
        ));
        let text = results.markdown(&Targets::of("iiop").expect("readable"));
        assert!(
            text.contains("| raw | 1.00 µs | 0 % | 0.90 | ≤ 1.05 × raw | yes |"),
            "{text}"
        );
    }
}

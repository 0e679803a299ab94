// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bench's driver: runs each row of a group, ours and its peers alternately in the same session and on the same
//! pinned cores, and says how they compare. `cargo xtask bench` builds everything and starts it.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command talks to its user"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

mod apic;
mod iiop;
mod interrupt;
mod isolation;
mod lab;
mod output;
mod plan;
mod plots;
mod process;
mod rtu;
mod statistics;
mod stolen;
mod svg;
mod targets;

use lab::Lab;
use output::Results;
use plan::Row;
use targets::Targets;

fn main() -> ExitCode {
    match run(&command().get_matches()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("bench: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn command() -> Command {
    let value = |name: &'static str, help: &'static str| Arg::new(name).long(name).help(help);
    let folder = |name, help| {
        value(name, help)
            .required(true)
            .value_parser(value_parser!(PathBuf))
    };
    Command::new("upcall-bench")
        .about("Measures the ORB beside its peers")
        .arg(Arg::new("GROUP").required(true))
        .arg(folder("programs", "Where our programs are"))
        .arg(folder("peers", "Where the peers' programs are"))
        .arg(value("svg", "The folder of the plots").value_parser(value_parser!(PathBuf)))
        .arg(value("json", "The file of all measurements").value_parser(value_parser!(PathBuf)))
        .arg(
            value(
                "markdown",
                "The document whose tables are renewed, and its plots in `plots` beside it",
            )
            .value_parser(value_parser!(PathBuf)),
        )
        .arg(value("rows", "Only these rows").value_delimiter(','))
        .arg(
            value("rounds", "Rounds of each row")
                .value_parser(value_parser!(usize))
                .default_value("7"),
        )
        .arg(value("check", "Compare with the targets").action(ArgAction::SetTrue))
        .arg(value("quick", "Short rounds").action(ArgAction::SetTrue))
}

fn run(options: &ArgMatches) -> Result<bool, String> {
    let path = |name: &str| options.get_one::<PathBuf>(name).cloned();
    let group = options.get_one::<String>("GROUP").ok_or("no group")?;
    let wanted: Option<Vec<&String>> = options.get_many("rows").map(Iterator::collect);
    let all = rows(group)?;
    if let Some(unknown) = wanted
        .iter()
        .flatten()
        .find(|name| !all.iter().any(|row| row.name == ***name))
    {
        let known: Vec<&str> = all.iter().map(|row| row.name).collect();
        return Err(format!("no row `{unknown}`; there are: {}", known.join(", ")));
    }
    let rows = all.into_iter().filter(|row| {
        wanted
            .as_ref()
            .is_none_or(|names| names.iter().any(|name| *name == row.name))
    });
    let quick = options.get_flag("quick");
    let rounds = if quick {
        3
    } else {
        options.get_one::<usize>("rounds").copied().unwrap_or(7).max(1)
    };
    let lab = Lab::new(
        path("programs").unwrap_or_default(),
        path("peers").unwrap_or_default(),
        quick,
    );
    interrupt::clean_up_when_told(lab.place().to_owned())?;
    let targets = Targets::of(group)?;
    let mut results = Results::new(group, rounds);
    for row in rows {
        let measured = lab.measure(&row, rounds);
        println!("{}", output::row(&measured, &targets));
        results.rows.push(measured);
    }
    if let Some(folder) = path("svg") {
        svg::write_all(&results, &folder)?;
    }
    if let Some(file) = path("json") {
        output::write(&file, &results.json(&targets))?;
    }
    if let Some(file) = path("markdown") {
        output::renew(&file, group, &results.markdown(&targets))?;
        plots::write_all(&results, &file.with_file_name("plots"))?;
    }
    Ok(!options.get_flag("check") || verdict(&results, &targets))
}

/// The rows of a group.
fn rows(group: &str) -> Result<Vec<Row>, String> {
    match group {
        "iiop" => Ok(iiop::rows()),
        "rtu" => Ok(rtu::rows()),
        "isolation" => Ok(isolation::rows()),
        "apic" => Ok(apic::rows()),
        other => Err(format!(
            "no group `{other}`; there are: iiop, rtu, isolation, apic"
        )),
    }
}

/// Says which rows miss their targets; a row that could not be measured misses them too.
fn verdict(results: &Results, targets: &Targets) -> bool {
    let misses: Vec<String> = results.rows.iter().flat_map(|row| targets.misses(row)).collect();
    for miss in &misses {
        println!("MISSED: {miss}");
    }
    println!("{} of the targets missed", misses.len());
    misses.is_empty()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const GROUPS: [&str; 4] = ["iiop", "rtu", "isolation", "apic"];

    #[test]
    fn rows_have_names_of_their_own_and_start_with_ours() {
        for rows in GROUPS.map(|group| rows(group).expect("a group")) {
            let names: BTreeSet<&str> = rows.iter().map(|row| row.name).collect();
            assert_eq!(names.len(), rows.len());
            let first = |row: &Row| row.contestants.first().is_some_and(|first| first.name == "ours");
            assert!(rows.iter().all(first));
        }
    }

    #[test]
    fn every_target_names_a_row_and_a_contestant_of_it() {
        for group in GROUPS {
            let rows = rows(group).expect("a group");
            for target in &Targets::of(group).expect("readable").targets {
                let row = rows.iter().find(|row| row.name == target.row);
                let row = row.unwrap_or_else(|| panic!("{target:?}"));
                let known = |over: &String| row.contestants.iter().any(|contestant| contestant.name == over);
                assert!(target.over.as_ref().is_none_or(known), "{target:?}");
            }
        }
    }

    #[test]
    fn the_arguments_are_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn an_unknown_group_or_row_is_refused_with_the_known_ones() {
        let options = |extra: &[&str]| {
            let mut words = vec!["bench", "--programs", "a", "--peers", "b"];
            words.extend(extra);
            command().get_matches_from(words)
        };
        assert!(
            run(&options(&["nothing"]))
                .expect_err("unknown group")
                .contains("iiop")
        );
        assert!(
            run(&options(&["iiop", "--rows", "nope"]))
                .expect_err("unknown row")
                .contains("null-one-core")
        );
    }
}

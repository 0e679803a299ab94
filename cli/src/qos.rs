// SPDX-License-Identifier: MIT OR Apache-2.0
//! `upcall qos`: says beforehand what becomes of a QoS file.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use qos_mapper::{Calibration, CheckReport, FileErrors, QosFile, check};
use rtu::analysis::Fit;
use upcall::poa::RealTime;

use crate::failure::Failure;

mod json;
mod svg;
mod text;

/// What to do with a QoS file.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Checks whether everything that a QoS file asks for fits, without running anything
    Check(CheckOptions),
}

#[derive(Debug, Args)]
struct CheckOptions {
    /// The QoS file
    file: PathBuf,
    /// The machine, by its calibration file [default: this one]
    #[arg(short, long, value_name = "FILE")]
    machine: Option<PathBuf>,
    /// Go on from the CPU that was placed on last, instead of trying the first ones again
    #[arg(long)]
    next_fit: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Also draw the schedule of each CPU
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Does it, and returns what to print.
pub(crate) fn run(options: &Options) -> Result<String, Failure> {
    let Action::Check(options) = &options.action;
    let file = QosFile::parse(&read(&options.file)?).map_err(|errors| located(&options.file, &errors))?;
    let (calibration, origin) = calibration(options.machine.as_deref())?;
    let fit = if options.next_fit { Fit::Next } else { Fit::First };
    let report = check(&file, &calibration.costs, &calibration.machine, fit);
    if let Some(path) = &options.svg {
        fs::write(path, svg::render(&report)).map_err(|error| about(path, &error))?;
    }
    let rendered = if options.json {
        json::render(&report)
    } else {
        text::render(&report, &origin)
    };
    outcome(rendered, &report)
}

/// A report in which something is refused is printed all the same, and then a failure.
fn outcome(rendered: String, report: &CheckReport) -> Result<String, Failure> {
    let refused = report.refused.len();
    if refused == 0 {
        return Ok(rendered);
    }
    crate::output::say(rendered)?;
    let what = if refused == 1 {
        "request is"
    } else {
        "requests are"
    };
    Err(Failure::new(format!("{refused} {what} refused"))
        .hint("docs/qos-guide.md explains how to read a refusal"))
}

pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| about(path, &error))
}

pub(crate) fn about(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}

/// Each mistake with its file, as compilers write it.
pub(crate) fn located(path: &Path, errors: &FileErrors) -> Failure {
    Failure::new(errors.in_file(path.display()))
}

/// The calibration that was asked for, or this machine's, or the default; and where it is from.
fn calibration(asked: Option<&Path>) -> Result<(Calibration, String), Failure> {
    let parse = |path: &Path| Calibration::parse(&read(path)?).map_err(|errors| located(path, &errors));
    if let Some(path) = asked {
        return Ok((parse(path)?, path.display().to_string()));
    }
    if let Some(path) = RealTime::calibration_file().filter(|path| path.exists()) {
        return Ok((parse(&path)?, path.display().to_string()));
    }
    let mut calibration = Calibration::default();
    let own = RealTime::own_cpus();
    if !own.is_empty() {
        calibration.machine.cpus = own;
    }
    Ok((
        calibration,
        "this machine with conservative costs, since it was not calibrated".to_owned(),
    ))
}

#[cfg(test)]
mod tests;

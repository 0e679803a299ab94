// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a person or CI does with the whole workspace: `cargo xtask demo | test | bench | fuzz | ci`.
//!
//! It stands on the standard library and an argument parser alone, so that it is built in seconds on a machine that
//! has nothing but Rust and a C compiler, and it leaves everything it makes under the target directory.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command talks to its user"
)]

use std::process::ExitCode;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

mod bench;
mod demo;
mod fuzz;
mod house;
mod outcome;
mod packages;
mod suite;

/// What every command ends with: whether all went well, or why it could not go on.
type Outcome = Result<bool, String>;

fn main() -> ExitCode {
    let matches = command().get_matches();
    match run(&matches) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(matches: &ArgMatches) -> Outcome {
    match matches.subcommand() {
        Some(("demo", options)) => demo::run(options.get_flag("release")),
        Some(("test", _)) => suite::run(house::under_ci()),
        Some(("ci", _)) => suite::run(true),
        Some(("bench", options)) => bench::run(&bench_request(options)),
        Some(("fuzz", options)) => fuzz::run(
            options.get_one::<String>("TARGET").map(String::as_str),
            Duration::from_secs(options.get_one::<u64>("seconds").copied().unwrap_or(60)),
            options.get_flag("keep"),
        ),
        _ => Err("no such command".into()),
    }
}

fn bench_request(options: &ArgMatches) -> bench::Request {
    let text = |name: &str| options.get_one::<String>(name).cloned();
    bench::Request {
        group: text("GROUP").unwrap_or_else(|| "iiop".into()),
        check: options.get_flag("check"),
        json: text("json"),
        svg: text("svg"),
        markdown: text("markdown"),
        rows: text("rows"),
        rounds: options.get_one::<u32>("rounds").copied(),
        quick: options.get_flag("quick"),
    }
}

fn command() -> Command {
    Command::new("cargo xtask")
        .bin_name("cargo xtask")
        .about("Automation of the Upcall workspace")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("demo")
                .about("Builds and runs a server, a naming service and their clients; ends by itself. Needs no root")
                .arg(flag("release", "Build with optimisation: slower to start, round trips as they really are")),
        )
        .subcommand(Command::new("test").about(
            "Runs every check and test; installs the peers they need with apt when it may, and says by name \
             what it skipped. With CI=true in the environment a skip is a failure",
        ))
        .subcommand(bench_command())
        .subcommand(
            Command::new("fuzz")
                .about("Runs one fuzz target, or each in turn, and keeps what it finds under fuzz/artifacts")
                .arg(Arg::new("TARGET").help("The target to run [default: all of them]"))
                .arg(
                    Arg::new("seconds")
                        .long("seconds")
                        .value_name("N")
                        .value_parser(value_parser!(u64))
                        .default_value("60")
                        .help("How long to run each target"),
                )
                .arg(flag("keep", "Take inputs that reach new code into fuzz/corpus")),
        )
        .subcommand(Command::new("ci").about("Runs what CI runs: every test, with a skip counted as a failure"))
}

fn bench_command() -> Command {
    Command::new("bench")
        .about("Measures the ORB beside its peers, alternately and on the same pinned cores")
        .arg(
            Arg::new("GROUP")
                .default_value("iiop")
                .value_parser(["iiop", "rtu", "isolation", "apic"])
                .help("The group of measurements"),
        )
        .arg(flag(
            "check",
            "Exit 1 and name each row that misses its target in bench/targets.toml",
        ))
        .arg(value("json", "FILE", "Write every measurement to FILE"))
        .arg(value(
            "svg",
            "DIR",
            "Write the plots to DIR [default: target/bench]",
        ))
        .arg(value(
            "markdown",
            "FILE",
            "Write the tables of docs/performance.md to FILE",
        ))
        .arg(value(
            "rows",
            "NAMES",
            "Measure only these rows, separated by commas",
        ))
        .arg(value("rounds", "N", "Rounds of each row [default: 7]").value_parser(value_parser!(u32)))
        .arg(flag(
            "quick",
            "A few short rounds: to see that everything runs, not to trust the numbers",
        ))
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn value(name: &'static str, placeholder: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(placeholder).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_explains_itself() {
        command().debug_assert();
        for name in ["demo", "test", "bench", "fuzz", "ci"] {
            let error = command()
                .try_get_matches_from(["xtask", name, "--help"])
                .expect_err("help is no run");
            assert_eq!(error.kind(), clap::error::ErrorKind::DisplayHelp, "{name}");
        }
    }

    #[test]
    fn an_unknown_group_is_refused_before_anything_is_built() {
        let error = command()
            .try_get_matches_from(["xtask", "bench", "iop"])
            .expect_err("no such group");
        assert_eq!(error.kind(), clap::error::ErrorKind::InvalidValue);
        assert!(error.to_string().contains("isolation"), "{error}");
    }

    #[test]
    fn a_bench_request_carries_its_options() {
        let matches = command()
            .try_get_matches_from([
                "xtask", "bench", "iiop", "--check", "--json", "out.json", "--rounds", "3",
            ])
            .expect("valid arguments");
        let (_, options) = matches.subcommand().expect("bench");
        let request = bench_request(options);
        assert!(request.check);
        assert_eq!(
            (request.group.as_str(), request.json.as_deref()),
            ("iiop", Some("out.json"))
        );
        assert_eq!(request.rounds, Some(3));
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask test`: every check and test, in the order in which a failure is cheapest to learn of.

use std::io::{BufRead, BufReader, IsTerminal};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::outcome::{Reader, SKIPPED, Tally};
use crate::{house, packages};

/// A hung step ends after this long where nobody watches.
const STEP_LIMIT: Duration = Duration::from_secs(45 * 60);

/// Runs everything; `strict` counts a skip as a failure.
pub(crate) fn run(strict: bool) -> Outcome {
    let started = Instant::now();
    let mut tally = Tally::default();
    announce(1, "what the tests need beside Rust");
    tally.skipped.extend(packages::prepare());
    for lack in &tally.skipped {
        println!("{SKIPPED} {lack}");
    }
    announce(2, "format");
    component(
        &mut tally,
        "rustfmt",
        "cargo fmt",
        &["fmt", "--all", "--check"],
        &[],
    );
    announce(3, "lints");
    let lints = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    component(&mut tally, "clippy", "cargo clippy", &lints, &[]);
    announce(4, "documentation");
    let documentation = ["doc", "--workspace", "--no-deps", "--quiet"];
    component(
        &mut tally,
        "",
        "cargo doc",
        &documentation,
        &[("RUSTDOCFLAGS", "-D warnings")],
    );
    announce(5, "tests");
    tests(&mut tally)?;
    announce(6, "model checker");
    let model = [
        "test",
        "--release",
        "--package",
        "upcall-rtu",
        "--package",
        "upcall-transport-apic",
        "--lib",
        "--target-dir",
        "target/loom",
        "model",
    ];
    component(&mut tally, "", "loom", &model, &[("RUSTFLAGS", "--cfg loom")]);
    announce(7, "demo");
    component(&mut tally, "", "cargo xtask demo", &["xtask", "demo"], &[]);
    let (words, went_well) = summary(&tally, strict, started.elapsed());
    println!("\n{words}");
    Ok(went_well)
}

fn announce(step: usize, what: &str) {
    println!("\n[{step}/7] {what}");
}

/// Runs one of cargo's commands as a check, or skips it when the toolchain lacks `component`.
fn component(
    tally: &mut Tally,
    component: &str,
    name: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
) {
    let lacking =
        !component.is_empty() && house::which(&format!("cargo-{}", component.replace("rust", ""))).is_none();
    if lacking {
        let reason =
            format!("{name}: the toolchain has no {component}; `rustup component add {component}` brings it");
        println!("{SKIPPED} {reason}");
        tally.skipped.insert(reason);
        return;
    }
    let started = Instant::now();
    let mut cargo = house::cargo();
    cargo.args(arguments).envs(environment.iter().copied());
    let result = house::must(limited(cargo));
    if let Err(reason) = &result {
        println!("{reason}");
    }
    println!(
        "{name}: {} in {:.0?}",
        if result.is_ok() { "ok" } else { "FAILED" },
        started.elapsed()
    );
    tally.check(name, result.is_ok());
}

/// Runs `cargo test`, showing what it prints but for the output of tests that passed.
fn tests(tally: &mut Tally) -> Result<(), String> {
    let mut cargo = house::cargo();
    cargo.args(["test", "--workspace", "--no-fail-fast", "--", "--show-output"]);
    let mut child = limited(cargo)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cargo test could not be started: {error}"))?;
    let mut reader = Reader::default();
    let output = child.stdout.take().ok_or("cargo test has no output")?;
    let mut lines = BufReader::new(output);
    let mut line = Vec::new();
    while lines
        .read_until(b'\n', &mut line)
        .map_err(|error| format!("cargo test's output: {error}"))?
        > 0
    {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        if reader.line(text) {
            println!("{text}");
        }
        line.clear();
    }
    let status = child.wait().map_err(|error| format!("cargo test: {error}"))?;
    let found = reader.finish();
    // A crate that does not build, or a test that takes its process down, shows only here.
    if !status.success() && found.failed.is_empty() {
        tally.failed.push(format!("cargo test ({status})"));
    }
    tally.passed += found.passed;
    tally.failed.extend(found.failed);
    tally.skipped.extend(found.skipped);
    Ok(())
}

/// Gives a step a time limit, unless a person is there to interrupt it.
fn limited(command: Command) -> Command {
    if std::io::stdout().is_terminal() || house::which("timeout").is_none() {
        return command;
    }
    let mut limited = house::command("timeout");
    limited
        .arg(STEP_LIMIT.as_secs().to_string())
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

/// The closing words of a run, and whether it went well.
fn summary(tally: &Tally, strict: bool, took: Duration) -> (String, bool) {
    let mut lines: Vec<String> = tally
        .failed
        .iter()
        .map(|name| format!("FAILED: {name}"))
        .collect();
    lines.extend(tally.skipped.iter().map(|reason| format!("{SKIPPED} {reason}")));
    let refused = strict && !tally.skipped.is_empty();
    if refused {
        lines.push("under CI nothing may be skipped".into());
    }
    lines.push(format!(
        "took {} min {} s",
        took.as_secs() / 60,
        took.as_secs() % 60
    ));
    lines.push(tally.closing_line());
    (lines.join("\n"), tally.failed.is_empty() && !refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_fails_only_where_nothing_may_be_skipped() {
        let mut tally = Tally {
            passed: 1,
            ..Tally::default()
        };
        assert!(summary(&tally, true, Duration::ZERO).1);
        tally.skipped.insert("tshark: not installed".into());
        assert!(summary(&tally, false, Duration::ZERO).1);
        assert!(!summary(&tally, true, Duration::ZERO).1);
    }

    #[test]
    fn a_failure_fails_the_run() {
        let mut tally = Tally::default();
        tally.check("cargo fmt", false);
        let (words, went_well) = summary(&tally, false, Duration::ZERO);
        assert!(!went_well);
        assert!(
            words.ends_with("0 passed, 1 failed, 0 skipped") && words.contains("FAILED: cargo fmt"),
            "{words}"
        );
    }

    #[test]
    fn a_limited_command_keeps_its_arguments_and_environment() {
        let mut command = house::command("echo");
        command.arg("hello").env("NAME", "value").env_remove("OTHER");
        let limited = limited(command);
        assert!(limited.get_args().any(|argument| argument == "hello"));
        assert_eq!(limited.get_envs().count(), 2);
    }
}

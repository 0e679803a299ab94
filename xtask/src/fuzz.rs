// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask fuzz`: builds the fuzz targets with coverage and the address sanitizer, and runs them.
//!
//! libFuzzer's own driver is linked into each target, so no other tool has to be installed; the flags are those of the
//! nightly compiler, let through on the stable one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::{Outcome, house};

const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Zsanitizer=address -Ccodegen-units=1 -Cdebug-assertions=yes \
    -Cdebuginfo=1 -Cforce-frame-pointers=yes";

/// Runs `target`, or each there is, for `time` each.
///
/// What is new in them stays under the target directory, unless it is to be kept: then the inputs that reach new code
/// join the corpus.
pub(crate) fn run(target: Option<&str>, time: Duration, keep: bool) -> Outcome {
    let folder = house::root().join("fuzz");
    let all = targets(&folder)?;
    let chosen: Vec<String> = match target {
        None => all,
        Some(name) if all.iter().any(|known| known == name) => vec![name.to_owned()],
        Some(name) => return Err(format!("no fuzz target `{name}`; there are: {}", all.join(", "))),
    };
    let host = host()?;
    build(&folder, &host)?;
    let mut found = Vec::new();
    for name in &chosen {
        let started = Instant::now();
        println!("fuzzing {name} for {} s", time.as_secs());
        match house::must(session(&folder, &host, name, time)?) {
            Ok(()) => println!("{name}: no finding in {:.0?}", started.elapsed()),
            Err(reason) => {
                println!("{name}: {reason}; the input is kept in fuzz/artifacts/{name}");
                found.push(name.as_str());
            }
        }
        if keep {
            house::must(merge(&folder, &host, name))?;
        }
    }
    println!(
        "{} targets, findings in: {}",
        chosen.len(),
        if found.is_empty() {
            "none".into()
        } else {
            found.join(", ")
        }
    );
    Ok(found.is_empty())
}

fn targets(folder: &Path) -> Result<Vec<String>, String> {
    let entries = std::fs::read_dir(folder.join("fuzz_targets"))
        .map_err(|error| format!("fuzz/fuzz_targets cannot be read: {error}"))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".rs").map(str::to_owned))
        .collect();
    names.sort();
    Ok(names)
}

fn host() -> Result<String, String> {
    let output = house::command("rustc")
        .arg("-vV")
        .output()
        .map_err(|error| format!("rustc -vV: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| "rustc -vV names no host".into())
}

fn build(folder: &Path, host: &str) -> Result<(), String> {
    let mut cargo = house::cargo();
    cargo
        .args(["build", "--release", "--bins", "--target", host])
        .current_dir(folder)
        .env("RUSTFLAGS", FLAGS)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", house::target().join("fuzz"));
    house::must(cargo)
}

/// Where a target's inputs are: those that are kept, and those found since.
fn corpora(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    (
        folder.join("corpus").join(name),
        house::target().join("fuzz/corpus").join(name),
    )
}

fn program(host: &str, name: &str) -> Command {
    house::command(house::target().join("fuzz").join(host).join("release").join(name))
}

fn session(folder: &Path, host: &str, name: &str, time: Duration) -> Result<Command, String> {
    let (kept, found) = corpora(folder, name);
    let artifacts = folder.join("artifacts").join(name);
    for made in [&kept, &found, &artifacts] {
        std::fs::create_dir_all(made).map_err(|error| format!("{}: {error}", made.display()))?;
    }
    let mut fuzzer = program(host, name);
    // New inputs go to the first folder.
    fuzzer
        .args([&found, &kept])
        .arg(format!("-max_total_time={}", time.as_secs()))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-rss_limit_mb=4096", "-timeout=60", "-print_final_stats=1"]);
    Ok(fuzzer)
}

/// Takes what reaches new code into the corpus.
fn merge(folder: &Path, host: &str, name: &str) -> Command {
    let (kept, found) = corpora(folder, name);
    let mut merge = program(host, name);
    merge.arg("-merge=1").args([&kept, &found]);
    merge
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_names_its_host() {
        assert!(host().expect("rustc is here").contains('-'));
    }

    #[test]
    fn an_unknown_target_is_refused_with_the_known_ones() {
        if let Err(reason) = run(Some("no-such-target"), Duration::ZERO, false) {
            assert!(reason.contains("fuzz"), "{reason}");
        } else {
            panic!("it ran");
        }
    }
}

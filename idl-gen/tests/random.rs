// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random IDL: valid files are accepted by us and by `omniidl`, and single mutations of them get the same verdict from
//! both, except where `docs/idl-disagreements.md` says who is right.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic and print"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, thread};

use idl_gen::Config;

use self::generator::Generator;
use self::mutation::mutated;

#[path = "random/chance.rs"]
mod chance;
#[path = "random/generator.rs"]
mod generator;
#[path = "random/mutation.rs"]
mod mutation;

/// How many valid files, and as many mutations; the environment variable `IDL_SEEDS` asks for more.
fn seeds() -> u64 {
    std::env::var("IDL_SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok())
        .unwrap_or(200)
}

/// Says that a test can't run, which CI doesn't allow.
fn skipped(name: &str, reason: &str) {
    println!("SKIPPED: {name}: {reason}");
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI has no skips");
}

fn omniidl_is_here() -> bool {
    Command::new("omniidl")
        .arg("-V")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

/// Runs `omniidl` on files that may be wrong; says whether it accepts all, and what it says.
fn omniidl(files: &[PathBuf]) -> (bool, String) {
    let output = Command::new("omniidl")
        .arg("-nf")
        .args(files)
        .output()
        .expect("omniidl runs");
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn ours(file: &Path) -> (bool, String) {
    let analysis = Config::new().analyse(&[file]);
    (
        !analysis.diagnostics.has_errors(),
        analysis.diagnostics.render(&analysis.model.sources),
    )
}

#[test]
fn valid_files_are_accepted_and_become_rust() {
    let directory = tempfile::tempdir().unwrap();
    for seed in 0..seeds() {
        let file = directory.path().join(format!("valid{seed}.idl"));
        fs::write(&file, Generator::file(seed)).unwrap();
        let (accepted, said) = ours(&file);
        assert!(accepted, "seed {seed}:\n{said}");
    }
    let file = directory.path().join("valid7.idl");
    assert!(Config::new().generate(&[file]).is_ok());
}

#[test]
fn omniidl_accepts_the_same_valid_files() {
    if !omniidl_is_here() {
        return skipped("random IDL against omniidl", "omniidl is not installed");
    }
    let directory = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = (0..seeds())
        .map(|seed| {
            let file = directory.path().join(format!("valid{seed}.idl"));
            fs::write(&file, Generator::file(seed)).unwrap();
            file
        })
        .collect();
    for some in files.chunks(40) {
        let (accepted, said) = omniidl(some);
        let refused = some
            .iter()
            .find(|file| said.contains(&format!("{}:", file.display())) && !accepted);
        let text = refused
            .and_then(|file| fs::read_to_string(file).ok())
            .unwrap_or_default();
        assert!(accepted, "{said}\n{text}");
    }
}

/// Seeds of which `docs/idl-disagreements.md` decides: the numbers in the second column of its table.
fn recorded() -> BTreeSet<u64> {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/idl-disagreements.md");
    let text = fs::read_to_string(document).expect("the record is kept");
    let column = |line: &str| line.split('|').nth(2).map(str::to_owned);
    let rows = text
        .lines()
        .filter(|line| line.starts_with('|'))
        .filter_map(column);
    rows.flat_map(|cell| {
        cell.split(',')
            .filter_map(|seed| seed.trim().parse().ok())
            .collect::<Vec<u64>>()
    })
    .collect()
}

/// Compares the verdicts on one mutation; returns what to show if they differ.
fn compare(directory: &Path, seed: u64) -> Option<String> {
    let (text, what) = mutated(&Generator::file(seed), seed);
    let file = directory.join(format!("mutated{seed}.idl"));
    fs::write(&file, &text).unwrap();
    let (we, our_words) = ours(&file);
    let (they, their_words) = omniidl(std::slice::from_ref(&file));
    let verdict = if we { "we accept" } else { "we refuse" };
    (we != they).then(|| format!("seed {seed}: {what}: {verdict}\n{our_words}\nomniidl: {their_words}\n"))
}

#[test]
fn mutations_get_the_same_verdict_or_are_recorded() {
    if !omniidl_is_here() {
        return skipped("mutated IDL against omniidl", "omniidl is not installed");
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let recorded = recorded();
    let compared: Vec<(u64, String)> = thread::scope(|scope| {
        let worker = |first: u64| {
            move || {
                (first..seeds())
                    .step_by(2)
                    .filter_map(|s| Some((s, compare(path, s)?)))
                    .collect()
            }
        };
        let workers: Vec<_> = (0..2).map(|first| scope.spawn(worker(first))).collect();
        workers
            .into_iter()
            .flat_map(|worker| -> Vec<_> { worker.join().unwrap() })
            .collect()
    });
    let new: Vec<&str> = compared
        .iter()
        .filter(|(s, _)| !recorded.contains(s))
        .map(|(_, text)| text.as_str())
        .collect();
    assert!(
        new.is_empty(),
        "{} disagreements are not recorded:\n{}",
        new.len(),
        new.join("\n")
    );
    assert!(compared.len() < usize::try_from(seeds()).unwrap() / 8);
}

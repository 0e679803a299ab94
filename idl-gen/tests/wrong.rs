// SPDX-License-Identifier: MIT OR Apache-2.0
//! Wrong IDL is refused at the right line and column, and for the right reason.
//!
//! Each file of `tests/wrong` ends with the findings it must give, as lines `//! line:column: severity: message`; they are
//! taken off before it is compiled. `//! other.idl:line:column: …` names another file than the one compiled.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::path::{Path, PathBuf};
use std::{fs, io};

use idl_gen::analyse;
use idl_gen::source::SourceLoader;

/// The only file there is.
struct One(PathBuf, String);

impl SourceLoader for One {
    fn load(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        if path == self.0 {
            Ok(self.1.clone().into_bytes())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }
}

fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong");
    let entries = fs::read_dir(folder).expect("the corpus is part of the crate");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Compiles a file of the corpus; returns what was found and what was expected.
fn verdicts(file: &Path) -> (String, String) {
    let text = fs::read_to_string(file).unwrap();
    let expectation = |line: &&str| line.starts_with("//! ");
    let source: String = text
        .lines()
        .filter(|line| !expectation(line))
        .map(|line| format!("{line}\n"))
        .collect();
    let name = PathBuf::from(file.file_name().unwrap());
    let analysis = analyse(
        std::slice::from_ref(&name),
        &[],
        &[],
        &mut One(name.clone(), source),
    );
    let found = analysis
        .diagnostics
        .summary(&analysis.model.sources)
        .replace(&format!("{}:", name.display()), "");
    let rendered = analysis.diagnostics.render(&analysis.model.sources);
    assert!(rendered.contains("-->"), "{name:?} shows no source:\n{rendered}");
    let expected = text
        .lines()
        .filter(expectation)
        .map(|line| format!("{}\n", &line[4..]))
        .collect();
    (found, expected)
}

#[test]
fn every_wrong_file_gives_exactly_the_findings_it_names() {
    let files = corpus();
    assert!(files.len() >= 150, "only {} files", files.len());
    let mut failed = Vec::new();
    for file in &files {
        let (found, expected) = verdicts(file);
        if found != expected || !expected.contains("error: ") {
            failed.push(format!(
                "{}\nexpected:\n{expected}found:\n{found}",
                file.display()
            ));
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {} files:\n{}",
        failed.len(),
        files.len(),
        failed.join("\n")
    );
}

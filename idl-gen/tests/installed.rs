// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every IDL file that Debian's `omniorb-idl` and `omniidl` install is accepted, or its missing file or name is named.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use idl_gen::Config;
use idl_gen::diagnostics::Severity;

/// Files that refer to files or names which the packages don't hold, and what each error names.
///
/// These come from OMG's security and transaction services: what they need of `CORBA` and `IOP` moved to files that OMG
/// publishes elsewhere.
const INCOMPLETE: [(&str, &[&str]); 10] = [
    ("CosTSPortability.idl", &["`Environment`"]),
    ("DCE_CIOPSecurity.idl", &["`IOP.idl`", "`IOP`"]),
    ("NRService.idl", SECURITY),
    ("SECIOP.idl", SECURITY),
    ("SSLIOP.idl", SECURITY),
    ("Security.idl", SECURITY),
    ("SecurityAdmin.idl", SECURITY),
    ("SecurityLevel1.idl", SECURITY),
    ("SecurityLevel2.idl", SECURITY),
    ("SecurityReplaceable.idl", SECURITY),
];

const SECURITY: &[&str] = &[
    "`IOP.idl`",
    "`IOP`",
    "`Current`",
    "`InterfaceDef`",
    "`Policy`",
    "`PolicyType`",
    "`ServiceDetailType`",
    "`ServiceOption`",
];

fn installed() -> Vec<PathBuf> {
    let listed = Command::new("dpkg")
        .args(["-L", "omniorb-idl", "omniidl"])
        .output();
    let text = listed.map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    text.lines()
        .filter(|line| line.ends_with(".idl"))
        .map(PathBuf::from)
        .collect()
}

#[test]
fn every_installed_file_is_accepted_or_names_what_is_missing() {
    let files = installed();
    if files.is_empty() {
        println!("SKIPPED: installed IDL: the packages omniorb-idl and omniidl are not installed");
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI has no skips");
        return;
    }
    let root = Path::new("/usr/share/idl/omniORB");
    let config = Config::new().include(root).include(root.join("COS"));
    let mut wrong = Vec::new();
    for file in &files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let analysis = config.analyse(&[file]);
        let errors: Vec<_> = analysis
            .diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .collect();
        let missing = INCOMPLETE
            .iter()
            .find(|(incomplete, _)| *incomplete == name)
            .map(|(_, missing)| *missing);
        let clear = |message: &str| {
            message.contains("is not found")
                && missing.is_some_and(|names| names.iter().any(|n| message.contains(n)))
        };
        if errors.iter().any(|error| !clear(&error.message)) || missing.is_some() == errors.is_empty() {
            wrong.push(format!(
                "{}\n{}",
                file.display(),
                analysis.diagnostics.render(&analysis.model.sources)
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} files:\n{}",
        wrong.len(),
        files.len(),
        wrong.join("\n")
    );
    assert!(files.len() > INCOMPLETE.len() * 5);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks the IDL files given: `cargo run -p upcall-idl-gen --example check -- [--summary] [-I DIR]… FILE…`, each by itself.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::env;

fn main() {
    let mut config = idl_gen::Config::new();
    let mut files = Vec::new();
    let mut summary = false;
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.strip_prefix("-I") {
            Some("") => config = config.include(arguments.next().unwrap_or_default()),
            Some(directory) => config = config.include(directory),
            None if argument == "--summary" => summary = true,
            None => files.push(argument),
        }
    }
    let mut wrong = 0;
    for file in files {
        let analysis = config.analyse(&[&file]);
        if summary {
            eprint!(
                "== {file}\n{}",
                analysis.diagnostics.summary(&analysis.model.sources)
            );
        } else {
            eprint!("{}", analysis.diagnostics.render(&analysis.model.sources));
        }
        wrong += usize::from(analysis.diagnostics.has_errors());
    }
    std::process::exit(i32::from(wrong > 0));
}

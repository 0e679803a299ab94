// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask demo`: builds the example programs and lets one of them show the others at work.

use crate::{Outcome, house};

/// Builds the examples and runs the demonstration to its end.
pub(crate) fn run(release: bool) -> Outcome {
    println!("building the examples");
    let profile: &[&str] = if release { &["--release"] } else { &[] };
    let mut build = house::cargo();
    build
        .args([
            "build",
            "--quiet",
            "--package",
            "upcall-examples",
            "--package",
            "upcall-cli",
            "--bins",
        ])
        .args(profile);
    house::must(build)?;
    let folder = house::target().join(if release { "release" } else { "debug" });
    let mut demo = house::command(folder.join("demo"));
    demo.arg("--programs").arg(&folder);
    demo.arg("--out").arg(house::target().join("demo"));
    house::must(demo).map(|()| true)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask bench`: builds ours and each peer with optimisation, then hands over to the bench's own driver.

use std::path::Path;
use std::process::Command;

use crate::{Outcome, house};

/// What to measure, and where the results go.
#[derive(Debug)]
pub(crate) struct Request {
    /// The group of rows.
    pub(crate) group: String,
    /// Compare with the targets.
    pub(crate) check: bool,
    /// Where every measurement is written.
    pub(crate) json: Option<String>,
    /// The folder of the plots.
    pub(crate) svg: Option<String>,
    /// Where the tables are written.
    pub(crate) markdown: Option<String>,
    /// Only these rows.
    pub(crate) rows: Option<String>,
    /// Rounds of each row.
    pub(crate) rounds: Option<u32>,
    /// Short rounds.
    pub(crate) quick: bool,
}

/// Builds everything and measures.
pub(crate) fn run(request: &Request) -> Outcome {
    let programs = house::target().join("release");
    println!("building ours");
    let mut ours = house::cargo();
    ours.args(["build", "--release", "--quiet", "--package", "upcall-bench"]);
    ours.args(["--package", "upcall-cli"]);
    house::must(ours)?;
    if request.group == "apic" {
        // By itself: together, the tests' features would be those of what is measured.
        let mut long = house::cargo();
        long.args([
            "build",
            "--release",
            "--quiet",
            "--package",
            "upcall-tests",
            "--bins",
        ]);
        house::must(long)?;
    }
    let peers = house::target().join("peers");
    println!("building the peers written in Rust");
    let mut rust = house::cargo();
    rust.args([
        "build",
        "--release",
        "--quiet",
        "--manifest-path",
        "bench/peers/Cargo.toml",
        "--target-dir",
    ])
    .arg(&peers);
    if let Err(reason) = house::must(rust) {
        println!("SKIPPED: tonic, rustorb, iceoryx2: {reason}");
    }
    println!("building the peer written in C++");
    if let Err(reason) = omniorb(&peers) {
        println!("SKIPPED: omniORB: {reason}");
    }
    let status = driver(request, &programs, &peers)
        .status()
        .map_err(|error| format!("the driver: {error}"))?;
    Ok(status.success())
}

/// The bench's driver with the request as its arguments.
fn driver(request: &Request, programs: &Path, peers: &Path) -> Command {
    let mut driver = house::command(programs.join("upcall-bench"));
    driver
        .arg(&request.group)
        .arg("--programs")
        .arg(programs)
        .arg("--peers")
        .arg(peers);
    let svg = request
        .svg
        .clone()
        .unwrap_or_else(|| house::target().join("bench").display().to_string());
    driver.arg("--svg").arg(svg);
    let options = [
        ("--json", &request.json),
        ("--markdown", &request.markdown),
        ("--rows", &request.rows),
    ];
    for (name, value) in options {
        if let Some(value) = value {
            driver.arg(name).arg(value);
        }
    }
    if let Some(rounds) = request.rounds {
        driver.arg("--rounds").arg(rounds.to_string());
    }
    for (name, wanted) in [("--check", request.check), ("--quick", request.quick)] {
        if wanted {
            driver.arg(name);
        }
    }
    driver
}

/// Compiles the omniORB client and server.
fn omniorb(peers: &Path) -> Result<(), String> {
    for program in ["omniidl", "g++"] {
        if house::which(program).is_none() {
            return Err(format!("{program} is not installed"));
        }
    }
    let work = peers.join("omniorb");
    for folder in [&work, &peers.join("release")] {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let sources = house::root().join("bench/peers/omniorb");
    let mut omniidl = house::command("omniidl");
    omniidl
        .arg("-bcxx")
        .arg(format!("-C{}", work.display()))
        .arg(house::root().join("bench/idl/bench.idl"));
    house::must(omniidl)?;
    for role in ["server", "client"] {
        let mut compiler = house::command("g++");
        compiler
            .args(["-O2", "-std=c++17", "-w", "-I"])
            .arg(&work)
            .arg(sources.join(format!("{role}.cc")))
            .arg(work.join("benchSK.cc"))
            .args(["-lomniORB4", "-lomnithread", "-lpthread", "-o"])
            .arg(peers.join("release").join(format!("omniorb-{role}")));
        house::must(compiler)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_gets_the_whole_request() {
        let request = Request {
            group: "iiop".into(),
            check: true,
            json: Some("out.json".into()),
            svg: None,
            markdown: None,
            rows: Some("null".into()),
            rounds: Some(3),
            quick: true,
        };
        let shown = house::show(&driver(&request, Path::new("here"), Path::new("there")));
        for part in [
            "iiop",
            "--json out.json",
            "--rows null",
            "--rounds 3",
            "--check",
            "--quick",
            "--peers there",
        ] {
            assert!(shown.contains(part), "{shown} lacks {part}");
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the whole: interoperability, robustness, and the rules of the house.
//!
//! The library holds what such tests share: [`Process`] runs another program and ends it whatever happens,
//! [`peers`] builds the programs of other ORBs, [`Capture`] records the traffic of a port. A test that lacks
//! what it needs says so with [`skip`].

#[path = "../../transport-tcp/tests/kernel/apart.rs"]
mod apart;
mod capture;
pub mod idle;
pub mod interop;
pub mod killed;
pub mod loopback;
pub mod naming;
pub mod peers;
mod process;
pub mod serving;

use std::path::{Path, PathBuf};

pub use capture::Capture;
pub use process::Process;

/// The longest that a test waits for anything, in seconds, unless it says otherwise.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Says that the test `name` can't run here because of `reason`.
///
/// # Panics
/// Under `CI=true`, where a skip counts as a failure.
#[expect(
    clippy::print_stdout,
    reason = "what is skipped must be seen in the tests' output"
)]
pub fn skip(name: &str, reason: &str) {
    println!("SKIPPED: {name}: {reason}");
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "{name} must not be skipped here: {reason}"
    );
}

/// Runs `test` on a thread in a network of its own, with all threads and programs that it starts, whose loopback interface
/// works; says why not where that is not allowed.
///
/// # Panics
/// When the test does.
pub fn apart(name: &str, test: impl FnOnce() + Send) {
    apart::apart(name, || {
        let up = std::process::Command::new("ip")
            .args(["link", "set", "lo", "up"])
            .status();
        if up.is_ok_and(|status| status.success()) {
            test();
        } else {
            skip(name, "`ip link set lo up` does not work here: iproute2 has it");
        }
    });
}

/// The folder of this package.
#[must_use]
pub fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where built peers are kept: a folder beside the test programs, in cargo's target folder.
///
/// # Errors
/// When the running program can't be found or the folder not be made.
pub fn target_folder() -> std::io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program
        .ancestors()
        .nth(2)
        .ok_or(std::io::ErrorKind::NotFound)?
        .join("peers");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// The path of `program` on the `PATH`, if it is there.
#[must_use]
pub fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// A port of the loopback interface that was free a moment ago, for programs that can't be told to choose.
///
/// # Errors
/// When no port can be bound.
pub fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?
        .local_addr()?
        .port())
}

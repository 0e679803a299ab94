// SPDX-License-Identifier: MIT OR Apache-2.0
//! omniORB's naming service and its tools.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{PATIENCE, Process, free_port, which};

/// A running omniNames with nothing bound.
#[derive(Debug)]
pub struct OmniNames {
    _process: Process,
    _log: TempDir,
    port: u16,
}

impl OmniNames {
    /// Starts one on a free port, its log in a temporary folder.
    ///
    /// # Errors
    /// What is missing on this machine.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Result<Self, String> {
        for tool in ["omniNames", "nameclt"] {
            which(tool).ok_or_else(|| format!("{tool} is not installed"))?;
        }
        let log = TempDir::new().map_err(|error| error.to_string())?;
        let port = free_port().map_err(|error| error.to_string())?;
        let mut command = Command::new("omniNames");
        command
            .args(["-start", &port.to_string(), "-logdir"])
            .arg(log.path());
        let process = Process::start(command.args(["-ORBendPoint", &format!("giop:tcp:127.0.0.1:{port}")]));
        let names = Self {
            _process: process,
            _log: log,
            port,
        };
        let deadline = Instant::now() + PATIENCE;
        while names.tool(&["list"]).is_err() {
            assert!(Instant::now() < deadline, "omniNames does not start");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(names)
    }

    /// The URL of its root context.
    #[must_use]
    pub fn url(&self) -> String {
        format!("corbaloc::127.0.0.1:{}/NameService", self.port)
    }

    /// The URL of the object bound to `name`.
    #[must_use]
    pub fn url_of(&self, name: &str) -> String {
        format!("corbaname::127.0.0.1:{}#{name}", self.port)
    }

    /// Runs nameclt; gives what it printed.
    ///
    /// # Errors
    /// What it printed when it failed.
    pub fn tool(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new("nameclt");
        command.args(["-ORBInitRef", &format!("NameService={}", self.url())]);
        ran(command.args(arguments))
    }
}

/// What catior says of a reference.
///
/// # Errors
/// What is missing, or what it printed when it failed.
pub fn catior(reference: &str) -> Result<String, String> {
    which("catior").ok_or("catior is not installed")?;
    ran(Command::new("catior").arg(reference))
}

fn ran(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let failed = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        Ok(printed)
    } else {
        Err(printed + &failed)
    }
}

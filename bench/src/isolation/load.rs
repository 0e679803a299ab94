// SPDX-License-Identifier: MIT OR Apache-2.0
//! Others that want all of the machine.

use std::process::{Child, Command, Stdio};

use crate::lab::Lab;
use crate::plan::Programs;
use crate::process::Server;

/// Programs that want all they can have of the CPUs.
const HOGS: usize = 8;
/// Connections of the flood, each with one call at a time to an object without a guarantee.
const FLOOD: usize = 50;

/// Hogs, and a flood of calls to a server of its own; ends with this value.
pub(super) struct Load {
    _hogs: Hogs,
    _flood: Helper,
    _flooded: Server,
}

impl Load {
    /// Starts them; whoever is measured over the fabric is beset by a flood over the fabric.
    pub(super) fn start(lab: &Lab, of: Programs) -> Result<Self, String> {
        let (of, program) = match of {
            Programs::Fabric => (of, "bench-client"),
            _ => (Programs::Ours, "bench-load"),
        };
        let flooded = Server::start(lab.program(of, "server")?)?;
        let mut flood = lab.on_the_way_to(of, program)?;
        flood
            .args(["load", "--address", &flooded.address, "--millis", "60000"])
            .args(["--connections", &FLOOD.to_string()]);
        Ok(Self {
            _flood: Helper::start(flood)?,
            _flooded: flooded,
            _hogs: Hogs::start(lab)?,
        })
    }
}

/// Programs that want all of the CPUs; they end with this value.
pub(crate) struct Hogs {
    _hogs: Vec<Helper>,
}

impl Hogs {
    pub(crate) fn start(lab: &Lab) -> Result<Self, String> {
        let hog = |_| {
            let mut hog = lab.ours("bench-rtu")?;
            hog.arg("hog");
            Helper::start(hog)
        };
        let hogs: Result<_, String> = (0..HOGS).map(hog).collect();
        Ok(Self { _hogs: hogs? })
    }
}

/// A program that runs until this value ends.
struct Helper(Child);

impl Helper {
    fn start(mut command: Command) -> Result<Self, String> {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().map_err(|error| format!("the load: {error}"))?;
        Ok(Self(child))
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

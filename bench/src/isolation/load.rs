// SPDX-License-Identifier: MIT OR Apache-2.0
//! Others that want all of the machine.

use std::process::{Child, Command, Stdio};

use crate::lab::Lab;
use crate::process::Server;

/// Programs that want all they can have of the CPUs.
const HOGS: usize = 8;
/// Connections of the flood, each with one call at a time to an object without a guarantee.
const FLOOD: usize = 50;

/// Hogs, and a flood of calls to a server of its own; ends with this value.
pub(super) struct Load {
    children: Vec<Child>,
    _flooded: Server,
}

impl Load {
    pub(super) fn start(lab: &Lab) -> Result<Self, String> {
        let mut flooded = lab.ours("bench-server")?;
        flooded.arg("server");
        let flooded = Server::start(flooded)?;
        let mut flood = lab.ours("bench-load")?;
        flood
            .args(["load", "--address", &flooded.address, "--millis", "60000"])
            .args(["--connections", &FLOOD.to_string()]);
        let mut load = Self {
            children: Vec::with_capacity(HOGS + 1),
            _flooded: flooded,
        };
        load.add(flood)?;
        for _ in 0..HOGS {
            let mut hog = lab.ours("bench-rtu")?;
            hog.arg("hog");
            load.add(hog)?;
        }
        Ok(load)
    }

    fn add(&mut self, mut command: Command) -> Result<(), String> {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().map_err(|error| format!("the load: {error}"))?;
        self.children.push(child);
        Ok(())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for child in &mut self.children {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows of the group `isolation`: what becomes of a flow when others want all of the machine.

use std::process::{Child, Command, Stdio};

use probe::Report;

use crate::lab::Lab;
use crate::plan::{Contestant, Method, Pair, Programs, Row, Unit};
use crate::process::{Server, findings};

/// Programs that want all they can have of the CPUs.
const HOGS: usize = 8;
/// Connections of the flood, each with one call at a time to an object without a guarantee.
const FLOOD: usize = 50;
/// Above every ordinary program, below the executive.
const CLIENT_PRIORITY: &str = "40";
/// That of a server without guarantees that has real-time scheduling all the same: the executive's.
const SERVER_PRIORITY: &str = "50";

/// All rows, in the order of the tables.
pub(crate) fn rows() -> Vec<Row> {
    let beset = |name, of, server, realtime| Contestant {
        name,
        method: Method::Beset {
            pair: Pair {
                of,
                cpus: (1, 0),
                server,
                calls: 2_000,
            },
            realtime,
        },
    };
    vec![Row {
        name: "low-delay",
        title: "p99 of a call every 0.5 ms: with 8 hogs and 50 flooding clients, against alone",
        unit: Unit::Growth,
        contestants: vec![
            beset("ours", Programs::Ours, "--guarantee", false),
            beset("no guarantee", Programs::Ours, "", false),
            beset("no guarantee, FIFO", Programs::Ours, "", true),
            beset("omniORB", Programs::OmniOrb, "", false),
            beset("omniORB, FIFO", Programs::OmniOrb, "", true),
        ],
    }]
}

/// The p99 of calls beside the load, divided by that without. The client is ours, and has real-time scheduling, so that
/// only the server makes the difference.
pub(crate) fn growth(lab: &Lab, pair: &Pair, realtime: bool) -> Result<(f64, Report), String> {
    let server = lab.server(pair)?;
    let server = Server::start(if realtime {
        scheduled(&server, SERVER_PRIORITY)
    } else {
        server
    })?;
    let p99 = || -> Result<(f64, Report), String> {
        let mut client = Command::new(lab.find("bench-client")?);
        client
            .args(["client", "--pause-us", "500", "--warmup", "200"])
            .args(["--cpu", &pair.cpus.1.to_string(), "--address", &server.address])
            .args(["--calls", &lab.calls(pair).to_string()]);
        let report = findings(&scheduled(&client, CLIENT_PRIORITY))?;
        let value = report.value("p99_ns").ok_or("the client reports no p99")?;
        Ok((value, report))
    };
    let (alone, _) = p99()?;
    let load = Load::start(lab)?;
    let (beset, mut report) = p99()?;
    drop(load);
    report.set("alone_p99_ns", alone);
    Ok((beset / alone, report))
}

/// The command with `SCHED_FIFO`.
fn scheduled(command: &Command, priority: &str) -> Command {
    let mut scheduled = Command::new("chrt");
    scheduled
        .args(["--fifo", priority])
        .arg(command.get_program())
        .args(command.get_args());
    scheduled
}

/// Hogs, and a flood of calls to a server of its own; ends with this value.
struct Load {
    children: Vec<Child>,
    _flooded: Server,
}

impl Load {
    fn start(lab: &Lab) -> Result<Self, String> {
        let mut flooded = Command::new(lab.find("bench-server")?);
        flooded.arg("server");
        let flooded = Server::start(flooded)?;
        let mut flood = Command::new(lab.find("bench-load")?);
        flood
            .args(["load", "--address", &flooded.address, "--millis", "60000"])
            .args(["--connections", &FLOOD.to_string()]);
        let mut load = Self {
            children: Vec::with_capacity(HOGS + 1),
            _flooded: flooded,
        };
        load.add(flood)?;
        for _ in 0..HOGS {
            let mut hog = Command::new(lab.find("bench-rtu")?);
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

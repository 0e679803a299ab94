// SPDX-License-Identifier: MIT OR Apache-2.0
//! What it costs flows to be watched: statistics that are left once a second, and `upcall top` that reads them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use probe::Report;

use super::{CLIENT_PRIORITY, scheduled, streams};
use crate::lab::Lab;
use crate::plan::{Pair, Programs};
use crate::process::{Server, findings};
use crate::statistics::Summary;

/// How often each of the two servers has its turn.
const TURNS: usize = 20;
/// As much as the kernel keeps of the name of the thread that leaves statistics.
const THREAD: &str = "upcall-statisti";

/// A folder for statistics, and `upcall top` that reads what is left there.
struct Watch {
    folder: PathBuf,
    top: Child,
}

impl Watch {
    fn start(lab: &Lab) -> Result<Self, String> {
        let folder = lab.folder()?.join("statistics");
        let top = Command::new(lab.find("upcall")?)
            .args(["top", "--json", "--from"])
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        let top = top.map_err(|error| format!("upcall top: {error}"))?;
        Ok(Self { folder, top })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended by itself, and the folder may never have been made.
        let _ = self.top.kill();
        let _ = self.top.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// By how much longer a call takes half of the time, when its flow is watched, than to another server at the same time,
/// which nobody watches; or the same where nobody watches either: what there is to see of a difference that there is not.
pub(crate) fn longer(lab: &Lab, pair: &Pair, watched: bool) -> Result<(f64, Report), String> {
    let watch = watched.then(|| Watch::start(lab)).transpose()?;
    let folder = watch.as_ref().map(|watch| watch.folder.as_path());
    let (with, without) = (start(lab, pair, folder)?, start(lab, pair, None)?);
    let mut ratios = Vec::with_capacity(TURNS);
    let mut report = Report::default();
    for turn in 0..TURNS {
        let mut median = |server: &Server| -> Result<f64, String> {
            report = call(lab, pair, server)?;
            report
                .value("p50_ns")
                .ok_or_else(|| "the client reports no p50".into())
        };
        // Each goes first as often as the other.
        let ratio = if turn % 2 == 0 {
            let with = median(&with)?;
            with / median(&without)?
        } else {
            let without = median(&without)?;
            median(&with)? / without
        };
        ratios.push(ratio);
    }
    let ratio = Summary::of(&ratios).ok_or("there was no turn")?;
    Ok((ratio.median - 1.0, report))
}

fn call(lab: &Lab, pair: &Pair, server: &Server) -> Result<Report, String> {
    let mut client = lab.caller(pair.of)?;
    client
        .args(["--pause-us", "500", "--warmup", "20"])
        .args(["--cpu", &pair.cpus.1.to_string(), "--address", &server.address])
        .args(["--calls", &lab.calls(pair).to_string()]);
    findings(&scheduled(&client, CLIENT_PRIORITY))
}

/// The share of a CPU that the statistics of streams take while they are read, whatever the flows have of it.
pub(crate) fn share(lab: &Lab, pair: &Pair, rates: &[u32]) -> Result<(f64, Report), String> {
    let watch = Watch::start(lab)?;
    let server = start(lab, pair, Some(&watch.folder))?;
    let (before, began) = (server.cpu_time(THREAD)?, Instant::now());
    let client = streams::Client {
        orb: pair.of == Programs::Fabric,
        burn: 0,
    };
    let (_, report) = streams::stream(lab, pair, &server, client, rates)?;
    let used = server.cpu_time(THREAD)? - before;
    Ok((used / began.elapsed().as_secs_f64(), report))
}

/// Starts a server that leaves its statistics there, or nowhere.
fn start(lab: &Lab, pair: &Pair, folder: Option<&Path>) -> Result<Server, String> {
    let mut server = lab.server(pair)?;
    server.env("UPCALL_STATISTICS", folder.unwrap_or(Path::new("")));
    Server::start(server)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls to a guaranteed object while others want all of the CPUs.

use probe::Report;

use crate::isolation::{CLIENT_PRIORITY, Hogs, scheduled};
use crate::lab::Lab;
use crate::plan::Pair;
use crate::process::{Server, findings};

/// Returns the p99.9 of calls beside hogs, divided by five times their p50 without and what the control, a thread that only
/// sleeps, is late beside as many hogs (p99.9).
pub(crate) fn lateness(lab: &Lab, pair: &Pair) -> Result<(f64, Report), String> {
    let calls = lab.calls(pair).to_string();
    let server = Server::start(lab.server(pair)?)?;
    let mut client = lab.client(pair, "--pause-us 500", &server.address, lab.calls(pair))?;
    client.args(["--warmup", "200"]);
    let client = scheduled(&client, CLIENT_PRIORITY);
    let number = |report: &Report, name: &str| {
        report
            .value(name)
            .ok_or_else(|| format!("no {name} was reported"))
    };
    let alone = number(&findings(&client)?, "p50_ns")?;
    let hogs = Hogs::start(lab)?;
    let mut beside = findings(&client)?;
    drop(hogs);
    drop(server);
    // It brings as many hogs of its own.
    let mut control = lab.ours("bench-rtu")?;
    control.args(["cyclictest", &calls]);
    let control = number(&findings(&control)?, "p999_ns")?;
    let late = number(&beside, "p99.9_ns")?;
    beside.set("alone_p50_ns", alone);
    beside.set("control_p999_ns", control);
    Ok((late / (5.0 * alone + control), beside))
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The act about guarantees: three objects of one server, first alone, and then beside hogs and a flood of calls.

use std::{
    fs,
    io::{self, IsTerminal},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use rtu::doctor::{Verdict, examine};
use upcall_examples::doing;

use super::Program;

/// How long the objects are alone, and then how long they are not.
const ALONE: Duration = Duration::from_secs(6);
const BESET: Duration = Duration::from_secs(6);
/// Clients that call as fast as they can.
const FLOOD: u32 = 8;

/// Shows it, and leaves a drawing of it in a folder.
pub(super) fn show(programs: &Path, out: &Path) -> Result<(), String> {
    println!("── guarantees: three motors, of which two have one");
    say_what_is_missing();
    let plant = Program::start(Command::new(programs.join("demo-plant")))?;
    let references = plant.ready.clone();
    let motors: Vec<&str> = references.split_whitespace().collect();
    let &[axis, stop, log] = motors.as_slice() else {
        return Err("the plant does not say where its motors are".into());
    };
    println!("`axis` is isochronous: 4 calls in 10 ms; `stop` has low delay: a call may come every 5 ms;");
    println!(
        "`log` is best effort. Each has a client that calls it as often as was asked for, `stop` half as often."
    );
    let clients = [
        load(
            programs,
            axis,
            &["--clients", "1", "--batch", "4", "--every-us", "10000"],
        )?,
        load(programs, stop, &["--clients", "1", "--every-us", "10000"])?,
        load(programs, log, &["--clients", "1", "--every-us", "5000"])?,
    ];
    let drawing = out.join("guarantees.svg");
    fs::create_dir_all(out).map_err(doing("making a folder for the report"))?;
    let (ended, end) = mpsc::channel::<()>();
    let tables = thread::scope(|scope| {
        let tables = scope.spawn(move || beset(programs, log, &end));
        let shown = live(programs, &drawing);
        // Whoever has had enough of the table has had enough of the load.
        drop(ended);
        shown.and(tables.join().unwrap_or_else(|_| Err("the load panicked".into())))
    })?;
    for (when, table) in tables {
        println!("\n{when}:\n{table}");
    }
    println!("drawn over time: {}\n", drawing.display());
    drop(clients);
    plant.stop()
}

/// Without the rights for real-time scheduling it runs all the same, and keeps what it can.
fn say_what_is_missing() {
    let wanted = ["scheduling rights", "memory lock"];
    let checks = examine().into_iter().filter(|check| wanted.contains(&check.name));
    for check in checks.filter(|check| check.verdict >= Verdict::Poor) {
        println!("missing: {} ({})", check.name, check.found);
        for (what, text) in [("costs", check.cost), ("change", check.remedy)] {
            text.into_iter().for_each(|text| println!("  {what}: {text}"));
        }
    }
}

fn load(programs: &Path, motor: &str, words: &[&str]) -> Result<Program, String> {
    let mut command = Command::new(programs.join("demo-load"));
    command.args(["--motor", motor]).args(words);
    Program::start(command)
}

/// The table of the plant's flows and of those who flood it.
fn top(programs: &Path) -> Command {
    let mut command = Command::new(programs.join("upcall"));
    command.args(["top", "--filter", "demo-plant", "--sort", "class"]);
    command
}

/// Shows the table, live if there is a terminal, and has it drawn.
fn live(programs: &Path, drawing: &Path) -> Result<(), String> {
    let seconds = (ALONE + BESET).as_secs().to_string();
    let mut command = top(programs);
    command.args(["--for", &seconds, "--svg"]).arg(drawing);
    if !io::stdout().is_terminal() {
        command.stdout(Stdio::null());
    }
    super::run(&mut command)
}

/// Begins to hog the CPUs and to flood the best-effort object after a while; returns the tables from before and after, those
/// that there was time for until `end`.
fn beset(programs: &Path, log: &str, end: &Receiver<()>) -> Result<Vec<(String, String)>, String> {
    let is_over = |span| end.recv_timeout(span) != Err(RecvTimeoutError::Timeout);
    let mut tables = Vec::new();
    // The last look that each table shows is a second old.
    let last = Duration::from_millis(500);
    if is_over(ALONE - last) {
        return Ok(tables);
    }
    tables.push(("alone".to_owned(), once(programs)?));
    let hogs = thread::available_parallelism().map_or(1, usize::from) * 2;
    let (hogs, flood) = (hogs.to_string(), FLOOD.to_string());
    let _load = [
        load(programs, log, &["--hogs", &hogs])?,
        load(programs, log, &["--clients", &flood])?,
    ];
    if is_over(BESET - last) {
        return Ok(tables);
    }
    let when = format!("beside {hogs} hogs and {flood} clients that call `log` as fast as they can");
    tables.push((when, once(programs)?));
    Ok(tables)
}

fn once(programs: &Path) -> Result<String, String> {
    let output = top(programs)
        .arg("--once")
        .output()
        .map_err(doing("starting upcall top"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures a row: each round takes every contestant once, and each round starts with another one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use probe::Report;

use crate::plan::{Contestant, Counted, Method, Pair, Programs, Row, Side, Unit, Value};
use crate::process::{Server, findings, instructions, long_findings, system_calls, traced};
use crate::statistics::Summary;
use crate::stolen::Stolen;
use crate::{apic, isolation};

/// How often it is counted what a run allocates.
const RUNS: usize = 3;

/// Where programs are measured.
#[derive(Debug)]
pub(crate) struct Lab {
    programs: PathBuf,
    peers: PathBuf,
    /// For what the programs leave while they run.
    folder: PathBuf,
    quick: bool,
    /// What programs that take long have reported.
    reports: Mutex<BTreeMap<&'static str, Result<Report, String>>>,
}

impl Drop for Lab {
    fn drop(&mut self) {
        // There is none if nothing was left.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A row with its values.
#[derive(Debug)]
pub(crate) struct Measured {
    /// What was measured.
    pub(crate) row: Row,
    /// Those who could be, in the row's order.
    pub(crate) contestants: Vec<Values>,
    /// Those who could not, with the reason.
    pub(crate) skipped: Vec<(&'static str, String)>,
    /// What a hypervisor took of the time.
    pub(crate) stolen: f64,
}

/// What one contestant came to.
#[derive(Debug)]
pub(crate) struct Values {
    /// Who.
    pub(crate) name: &'static str,
    /// The value of each round.
    pub(crate) rounds: Vec<f64>,
    /// What they come to.
    pub(crate) summary: Summary,
    /// All that was reported in each round.
    pub(crate) reports: Vec<Report>,
}

impl Values {
    /// The median over the rounds of what was reported by that name.
    pub(crate) fn median(&self, name: &str) -> Option<f64> {
        let values: Option<Vec<f64>> = self.reports.iter().map(|report| report.value(name)).collect();
        Some(Summary::of(&values?)?.median)
    }
}

impl Measured {
    /// The values of the contestant of that name.
    pub(crate) fn of(&self, name: &str) -> Option<&Values> {
        self.contestants.iter().find(|contestant| contestant.name == name)
    }

    /// Ours divided by the other's, each round by itself, so that what both felt cancels out; the median of that.
    pub(crate) fn ratio(&self, over: &str) -> Option<f64> {
        let (ours, theirs) = (self.of("ours")?, self.of(over)?);
        let ratios: Vec<f64> = ours
            .rounds
            .iter()
            .zip(&theirs.rounds)
            .map(|(ours, theirs)| ours / theirs)
            .collect();
        // Of nothing there is no part, and of a deviation none that says anything.
        let ratio = Summary::of(&ratios).map(|summary| summary.median);
        ratio.filter(|ratio| ratio.is_finite() && self.row.unit != Unit::Deviation)
    }
}

impl Lab {
    /// Ours are in `programs`, the others' in `peers`.
    pub(crate) fn new(programs: PathBuf, peers: PathBuf, quick: bool) -> Self {
        Self {
            programs,
            peers: peers.join("release"),
            folder: std::env::temp_dir().join(format!("upcall-bench-{}", std::process::id())),
            quick,
            reports: Mutex::default(),
        }
    }

    /// Measures a row in so many rounds. Who fails once is left out with the reason.
    pub(crate) fn measure(&self, row: &Row, rounds: usize) -> Measured {
        let began = Stolen::now();
        let mut values: BTreeMap<&'static str, (Vec<f64>, Vec<Report>)> = BTreeMap::new();
        let mut skipped: Vec<(&'static str, String)> = Vec::new();
        for round in 0..rounds {
            let count = row.contestants.len();
            for contestant in row
                .contestants
                .iter()
                .cycle()
                .skip(round % count.max(1))
                .take(count)
            {
                if skipped.iter().any(|(name, _)| *name == contestant.name)
                    || (round > 0 && is_exact(contestant))
                {
                    continue;
                }
                match self.once(contestant) {
                    Ok((value, report)) => {
                        let entry = values.entry(contestant.name).or_default();
                        entry.0.push(value);
                        entry.1.push(report);
                    }
                    Err(reason) => skipped.push((contestant.name, reason)),
                }
            }
        }
        let in_order = row
            .contestants
            .iter()
            .filter(|one| skipped.iter().all(|(name, _)| *name != one.name));
        let contestants = in_order.filter_map(|contestant| {
            let (rounds, reports) = values.remove(contestant.name)?;
            Some(Values {
                name: contestant.name,
                summary: Summary::of(&rounds)?,
                rounds,
                reports,
            })
        });
        Measured {
            contestants: contestants.collect(),
            row: row.clone(),
            skipped,
            stolen: Stolen::now().share_since(&began),
        }
    }

    fn once(&self, contestant: &Contestant) -> Result<(f64, Report), String> {
        match &contestant.method {
            Method::Pair { pair, client, value } => self.pair(pair, client, *value),
            Method::Program {
                program,
                arguments,
                value,
            } => {
                let mut command = self.ours(program)?;
                command.args(arguments.split_ascii_whitespace());
                let report = findings(&command)?;
                Ok((number(&report, *value)?, report))
            }
            Method::Long {
                program,
                arguments,
                value,
            } => {
                let report = self.long(program, arguments)?;
                Ok((number(&report, *value)?, report))
            }
            Method::Counted {
                pair,
                client,
                side,
                what,
            } => self.counted(pair, client, *side, *what),
            Method::IdleConnections { pair, connections } => self.idle_connections(pair, *connections),
            Method::IdleObjects { pair, objects } => self.idle_objects(pair, *objects),
            Method::Beset { pair, realtime } => isolation::growth(self, pair, *realtime),
            Method::Streams {
                pair,
                realtime,
                streams,
            } => isolation::measure(self, pair, *realtime, streams),
            Method::Watched { pair, watched } => isolation::longer(self, pair, *watched),
            Method::Watching { pair, rates } => isolation::share(self, pair, rates),
            Method::Instructions {
                program,
                arguments,
                function,
                units,
            } => {
                let mut command = self.ours(program)?;
                command.args(arguments.split_ascii_whitespace());
                let (instructions, report) = instructions(&command, function)?;
                Ok((instructions / number(&report, Value::Of(units))?, report))
            }
            Method::Hogged { pair } => apic::lateness(self, pair),
            Method::Size { program } => self.size(program),
        }
    }

    pub(crate) fn find(&self, program: &str) -> Result<PathBuf, String> {
        let places = [self.programs.join(program), self.peers.join(program)];
        places
            .into_iter()
            .find(|place| place.is_file())
            .ok_or_else(|| format!("{program} is not built"))
    }

    /// A program of ours, which finds no fabric.
    pub(crate) fn ours(&self, program: &str) -> Result<Command, String> {
        let mut command = Command::new(self.find(program)?);
        command.env("UPCALL_FABRIC", "");
        Ok(command)
    }

    pub(crate) fn program(&self, of: Programs, role: &str) -> Result<Command, String> {
        let name = match of {
            Programs::Ours | Programs::Fabric => format!("bench-{role}"),
            Programs::Raw => "bench-raw".into(),
            Programs::Memory => "bench-memory".into(),
            Programs::Iceoryx2 => "iceoryx2".into(),
            Programs::OmniOrb | Programs::OmniOrbUnix => format!("omniorb-{role}"),
            Programs::Rustorb => "rustorb".into(),
            Programs::Tonic => "tonic".into(),
            Programs::Threads => "bench-threads".into(),
            Programs::Tokio => format!("tokio-{role}"),
        };
        let mut command = self.ours(&name)?;
        command.arg(role);
        match (of, role) {
            (Programs::Fabric, "server") => command
                .env("UPCALL_FABRIC", self.folder()?.join("fabric"))
                .env("UPCALL_LISTEN", "apic://"),
            (Programs::Fabric, _) => command.env("UPCALL_FABRIC", self.folder()?.join("fabric")),
            (Programs::OmniOrbUnix, "server") => {
                let endpoint = format!("giop:unix:{}", self.folder()?.join("omniorb").display());
                command.args(["-ORBendPoint", &endpoint])
            }
            _ => &mut command,
        };
        Ok(command)
    }

    /// Our client, for a server of these programs: over the fabric where these are there.
    pub(crate) fn caller(&self, of: Programs) -> Result<Command, String> {
        let mut client = self.on_the_way_to(of, "bench-client")?;
        client.arg("client");
        Ok(client)
    }

    /// A program of ours that finds a server of these programs over the fabric, if it is there.
    pub(crate) fn on_the_way_to(&self, of: Programs, program: &str) -> Result<Command, String> {
        let mut command = self.ours(program)?;
        if of == Programs::Fabric {
            command.env("UPCALL_FABRIC", self.folder()?.join("fabric"));
        }
        Ok(command)
    }

    /// Where the folder is that programs leave things in, once it is made.
    pub(crate) fn place(&self) -> &Path {
        &self.folder
    }

    /// The folder for what programs leave.
    pub(crate) fn folder(&self) -> Result<&PathBuf, String> {
        std::fs::create_dir_all(&self.folder)
            .map_err(|error| format!("{}: {error}", self.folder.display()))?;
        Ok(&self.folder)
    }

    pub(crate) fn server(&self, pair: &Pair) -> Result<Command, String> {
        let mut server = self.program(pair.of, "server")?;
        server
            .arg("--cpu")
            .arg(pair.cpus.0.to_string())
            .args(pair.server.split_ascii_whitespace());
        Ok(server)
    }

    /// The client's command; options that start with a program's name are for that program.
    pub(crate) fn client(
        &self,
        pair: &Pair,
        options: &str,
        address: &str,
        calls: usize,
    ) -> Result<Command, String> {
        let mut client = match options.strip_prefix("load") {
            Some(_) => {
                let mut load = self.ours("bench-load")?;
                load.arg("load");
                load
            }
            None => self.program(pair.of, "client")?,
        };
        let millis = self.millis(1500).to_string();
        client
            .args(["--cpu", &pair.cpus.1.to_string(), "--address", address])
            .args([
                "--calls",
                &calls.to_string(),
                "--warmup",
                &(calls / 10).to_string(),
                "--millis",
                &millis,
            ])
            .args(options.trim_start_matches("load").split_ascii_whitespace());
        Ok(client)
    }

    pub(crate) fn calls(&self, pair: &Pair) -> usize {
        if self.quick { pair.calls / 10 } else { pair.calls }
    }

    pub(crate) fn millis(&self, millis: u32) -> u32 {
        if self.quick { millis / 5 } else { millis }
    }

    fn pair(&self, pair: &Pair, options: &str, value: Value) -> Result<(f64, Report), String> {
        let mut server = Server::start(self.server(pair)?)?;
        let calls = self.calls(pair);
        let client = self.client(pair, options, &server.address, calls)?;
        let Value::UserOfBoth = value else {
            let report = findings(&client)?;
            return Ok((number(&report, value)?, report));
        };
        let before = server.count()?;
        let report = findings(&client)?;
        let after = server.count()?;
        // The server's time includes the client's warm-up calls.
        let served = growth(&before, &after, "user_ns")? / (calls + calls / 10) as f64;
        let called = report
            .value("user_ns")
            .ok_or("the client does not say its user time")?;
        Ok((served + called, report))
    }

    /// Runs a program for the first row that wants it, and says how far it is.
    fn long(&self, program: &'static str, arguments: &str) -> Result<Report, String> {
        let run = || {
            let mut command = self.ours(program)?;
            command.args(arguments.split_ascii_whitespace());
            long_findings(&command)
        };
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.entry(program).or_insert_with(run).clone()
    }

    /// The difference of a long and a short run, so that what a connection costs once cancels out.
    fn counted(
        &self,
        pair: &Pair,
        options: &str,
        side: Side,
        what: Counted,
    ) -> Result<(f64, Report), String> {
        let calls = self.calls(pair);
        let (short, long) = match what {
            Counted::Allocations => self.allocations(pair, options, side, calls)?,
            Counted::SystemCalls => (
                self.system_calls(pair, options, side, calls)?,
                self.system_calls(pair, options, side, 3 * calls)?,
            ),
        };
        // Warm-up calls are a tenth more.
        let more = 2 * calls + 2 * calls / 10;
        Ok(((long - short) / more as f64, Report::default()))
    }

    /// What a short and a long run allocate, with a server that has served before: the least of several, since now and then a
    /// connection is taken over on its way up. What a server writes down once a second is not among it, called or not.
    fn allocations(
        &self,
        pair: &Pair,
        options: &str,
        side: Side,
        calls: usize,
    ) -> Result<(f64, f64), String> {
        let mut server = self.server(pair)?;
        server.arg("--count").env("UPCALL_STATISTICS", "");
        let mut server = Server::start(server)?;
        let mut run = |calls: usize| -> Result<f64, String> {
            let mut client = self.client(pair, options, &server.address, calls)?;
            client.arg("--count");
            let before = server.count()?;
            let report = findings(&client)?;
            let after = server.count()?;
            match side {
                Side::Client => report
                    .value("allocations")
                    .map(|each| each * (calls + calls / 10) as f64)
                    .ok_or_else(|| "the client does not count allocations".into()),
                Side::Server => growth(&before, &after, "allocations"),
            }
        };
        run(calls)?;
        let mut least = |calls: usize| {
            (0..RUNS).try_fold(f64::INFINITY, |least, _| Ok::<_, String>(run(calls)?.min(least)))
        };
        Ok((least(calls)?, least(3 * calls)?))
    }

    fn system_calls(&self, pair: &Pair, options: &str, side: Side, calls: usize) -> Result<f64, String> {
        let file = self.folder()?.join("strace");
        let trace = |command: Command, traced_side| {
            if side == traced_side {
                traced(&command, &file)
            } else {
                command
            }
        };
        let mut server = Server::start(trace(self.server(pair)?, Side::Server))?;
        findings(&trace(
            self.client(pair, options, &server.address, calls)?,
            Side::Client,
        ))?;
        server.stop()?;
        let summary = std::fs::read_to_string(&file).map_err(|error| format!("strace's counts: {error}"))?;
        Ok(system_calls(&summary))
    }

    fn idle_connections(&self, pair: &Pair, connections: usize) -> Result<(f64, Report), String> {
        let mut server = Server::start(self.server(pair)?)?;
        // One connection first: what the first one costs is not each one's.
        let hold = |count: usize, address: &str| -> Result<Server, String> {
            let mut holder = match pair.of {
                Programs::Fabric => self.program(pair.of, "client")?,
                _ => {
                    let mut load = self.ours("bench-load")?;
                    load.arg("idle");
                    load
                }
            };
            holder.args(["--address", address, "--connections", &count.to_string()]);
            Server::start(holder)
        };
        let first = hold(1, &server.address)?;
        let before = server.count()?;
        let many = hold(connections, &server.address)?;
        let after = server.count()?;
        drop((first, many));
        Ok((
            growth(&before, &after, "resident_bytes")? / connections as f64,
            after,
        ))
    }

    fn idle_objects(&self, pair: &Pair, objects: usize) -> Result<(f64, Report), String> {
        let heap = |count: usize| -> Result<Report, String> {
            let mut command = self.server(pair)?;
            command.args(["--count", "--objects", &count.to_string()]);
            Server::start(command)?.count()
        };
        let (one, many) = (heap(1)?, heap(objects)?);
        let more = growth(&one, &many, "heap_bytes")?;
        Ok((more / (objects - 1) as f64, many))
    }

    fn size(&self, program: &str) -> Result<(f64, Report), String> {
        let stripped = self.folder()?.join("stripped");
        let mut strip = Command::new("strip");
        strip.arg("-o").arg(&stripped).arg(self.find(program)?);
        let status = strip.status().map_err(|error| format!("strip: {error}"))?;
        let size = std::fs::metadata(&stripped)
            .map_err(|error| format!("strip ({status}): {error}"))?
            .len();
        Ok((size as f64, Report::default()))
    }
}

/// Whether another round would say the same again, and takes long.
fn is_exact(contestant: &Contestant) -> bool {
    matches!(
        contestant.method,
        Method::Size { .. }
            | Method::Long { .. }
            | Method::Counted { .. }
            | Method::Instructions { .. }
            | Method::IdleObjects { .. }
            | Method::IdleConnections { .. }
    )
}

fn number(report: &Report, value: Value) -> Result<f64, String> {
    let named = |name: &str| {
        report
            .value(name)
            .ok_or_else(|| format!("it does not report {name}"))
    };
    match value {
        Value::Of(name) => named(name),
        Value::BytesIn(bytes, name) => Ok(bytes as f64 * 1e9 / named(name)?),
        Value::UserOfBoth => Err("only a pair has two ends".into()),
    }
}

fn growth(before: &Report, after: &Report, name: &str) -> Result<f64, String> {
    match (before.value(name), after.value(name)) {
        (Some(before), Some(after)) => Ok(after - before),
        _ => Err(format!("the server does not count {name}")),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::plan::Unit;

    /// A row of that name with those values.
    pub(crate) fn measured(name: &'static str, values: &[(&'static str, &[f64])]) -> Measured {
        let contestants = values.iter().map(|(name, rounds)| Values {
            name,
            rounds: rounds.to_vec(),
            summary: Summary::of(rounds).expect("there are rounds"),
            reports: vec![Report::parse("p1_ns=1 p50_ns=2 p99_ns=9")],
        });
        let row = Row {
            name,
            title: "a title",
            unit: Unit::Nanoseconds,
            contestants: Vec::new(),
        };
        Measured {
            row,
            contestants: contestants.collect(),
            skipped: Vec::new(),
            stolen: 0.0,
        }
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        // The second round was ten times slower for both.
        let row = measured(
            "a",
            &[("ours", &[11.0, 110.0, 11.0]), ("raw", &[10.0, 100.0, 10.0])],
        );
        assert!((row.ratio("raw").expect("both are there") - 1.1).abs() < 1e-9);
        assert_eq!(row.ratio("other"), None);
    }

    #[test]
    fn who_is_not_built_is_skipped_by_name() {
        let lab = Lab::new("nowhere".into(), "nowhere".into(), true);
        let row = crate::iiop::rows().swap_remove(0);
        let measured = lab.measure(&row, 2);
        assert!(measured.contestants.is_empty());
        assert_eq!(measured.skipped.len(), row.contestants.len());
        assert!(
            measured
                .skipped
                .iter()
                .any(|(name, reason)| *name == "raw" && reason.contains("not built"))
        );
    }

    #[test]
    fn bytes_in_a_time_make_a_speed() {
        let report = Report::parse("p50_ns=1000");
        assert_eq!(number(&report, Value::BytesIn(2000, "p50_ns")), Ok(2e9));
        assert!(number(&report, Value::Of("p99_ns")).is_err());
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The act about the fabric: the same client and server, once by IIOP and once in shared memory, side by side.

use std::{
    fmt,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use upcall_examples::doing;

/// What the client's line about its round trips begins with.
const TRIPS: &str = "round trips of ";

/// What a run of the client says of its round trips: of which calls, and each percentile with its time.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Trips(Vec<(String, Vec<(String, String)>)>);

/// Runs the client to its end, and prints what it prints, if that is `shown`.
pub(super) fn run(client: &mut Command, shown: bool) -> Result<Trips, String> {
    let child = client.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = child.map_err(doing("starting a client"))?;
    let output = child.stdout.take().ok_or("a client without output")?;
    let mut trips = Trips::default();
    for line in BufReader::new(output).lines() {
        let line = line.map_err(doing("reading what a client prints"))?;
        trips.read(&line);
        if shown {
            println!("{line}");
        }
    }
    let status = child.wait().map_err(doing("waiting for a client"))?;
    if status.success() {
        Ok(trips)
    } else {
        Err(format!("a client ended with {status}"))
    }
}

impl Trips {
    /// Takes in a line such as `round trips of 2000 reads: p50 9.1µs, p99 20.4µs`.
    fn read(&mut self, line: &str) {
        let Some((calls, times)) = line.strip_prefix(TRIPS).and_then(|rest| rest.split_once(": ")) else {
            return;
        };
        let time = |time: &str| {
            let (percentile, time) = time.split_once(' ')?;
            Some((percentile.to_owned(), time.to_owned()))
        };
        let times = times.split(", ").filter_map(time).collect();
        self.0.push((calls.to_owned(), times));
    }
}

/// Two runs of one client.
pub(super) struct Columns<'a> {
    pub(super) iiop: &'a Trips,
    pub(super) apic: &'a Trips,
}

impl fmt::Display for Columns<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<28}{:>5}{:>12}{:>12}", "round trips", "", "IIOP", "APIC")?;
        for ((calls, iiop), (_, apic)) in self.iiop.0.iter().zip(&self.apic.0) {
            let mut calls = calls.as_str();
            for ((percentile, iiop), (_, apic)) in iiop.iter().zip(apic) {
                writeln!(f, "{calls:<28}{percentile:>5}{iiop:>12}{apic:>12}")?;
                calls = "";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_runs_say_stands_side_by_side() {
        let of = |lines: &[&str]| {
            let mut trips = Trips::default();
            lines.iter().for_each(|line| trips.read(line));
            trips
        };
        let iiop = of(&[
            "found `sensor-0`",
            "round trips of 2000 blocking reads: p50 9.1µs, p99 20.4µs",
        ]);
        let apic = of(&["round trips of 2000 blocking reads: p50 1.0µs, p99 2.2µs"]);
        let table = Columns {
            iiop: &iiop,
            apic: &apic,
        };
        let table = table.to_string();
        let rows: Vec<Vec<&str>> = table
            .lines()
            .map(|row| row.split_whitespace().collect())
            .collect();
        assert_eq!(
            rows,
            [
                vec!["round", "trips", "IIOP", "APIC"],
                vec!["2000", "blocking", "reads", "p50", "9.1µs", "1.0µs"],
                vec!["p99", "20.4µs", "2.2µs"],
            ]
        );
    }
}

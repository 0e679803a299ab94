// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a row of a table is: who is measured, at what, and how.

use crate::isolation::Streams;
use crate::statistics::Summary;

/// One line of a table.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The name that targets and options use.
    pub(crate) name: &'static str,
    /// What it measures, for people.
    pub(crate) title: &'static str,
    /// The unit of its values.
    pub(crate) unit: Unit,
    /// Ours first, then the peers.
    pub(crate) contestants: Vec<Contestant>,
}

/// What values are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Nanoseconds: less is better.
    Nanoseconds,
    /// Calls per second: more is better.
    CallsPerSecond,
    /// Bytes per second: more is better.
    BytesPerSecond,
    /// Bytes: less is better.
    Bytes,
    /// A number per call: less is better.
    PerCall,
    /// How often something happened.
    Times,
    /// A part of the whole: more is better.
    Share,
    /// How many times as much as without what disturbs: less is better.
    Growth,
    /// How far off, as a part of what it should be: less is better.
    Deviation,
}

/// Somebody who is measured.
#[derive(Debug, Clone)]
pub(crate) struct Contestant {
    /// Who: `ours`, `raw`, `omniORB`, …
    pub(crate) name: &'static str,
    /// How the value comes about.
    pub(crate) method: Method,
}

/// How a value comes about.
#[derive(Debug, Clone)]
pub(crate) enum Method {
    /// A server and a client; the value is one of the numbers the client reports.
    Pair {
        pair: Pair,
        client: &'static str,
        value: Value,
    },
    /// A program that reports by itself.
    Program {
        program: &'static str,
        arguments: &'static str,
        value: Value,
    },
    /// The same with a program that takes long: it runs once for all rows that name it.
    Long {
        program: &'static str,
        arguments: &'static str,
        value: Value,
    },
    /// Allocations or other counts per call, as the difference of a long and a short run, on one side.
    Counted {
        pair: Pair,
        client: &'static str,
        side: Side,
        what: Counted,
    },
    /// Bytes more in the server for each idle connection.
    IdleConnections { pair: Pair, connections: usize },
    /// Bytes more in the server's heap for each object.
    IdleObjects { pair: Pair, objects: usize },
    /// By how much the slowest calls in a hundred become slower when the machine has more to do than it can.
    Beset { pair: Pair, realtime: bool },
    /// What is answered of streams of requests.
    Streams {
        pair: Pair,
        realtime: bool,
        streams: Streams,
    },
    /// By how much longer a call takes when its flow is watched, or is said to be.
    Watched { pair: Pair, watched: bool },
    /// What leaving and reading statistics of streams takes of a CPU.
    Watching { pair: Pair, rates: &'static [u32] },
    /// Instructions of one function of a program for each of the units that it reports, as callgrind counts them.
    Instructions {
        program: &'static str,
        arguments: &'static str,
        function: &'static str,
        units: &'static str,
    },
    /// How late the slowest call in a thousand is beside hogs, as a part of what it may be.
    Hogged { pair: Pair },
    /// Size of a program without its symbols.
    Size { program: &'static str },
}

/// A number out of a report, made into the row's unit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value {
    /// As it stands.
    Of(&'static str),
    /// So many bytes were handled in the nanoseconds of that name.
    BytesIn(usize, &'static str),
    /// User-space time of both ends, each call.
    UserOfBoth,
}

/// A server, a client, and where they run.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    /// Whose.
    pub(crate) of: Programs,
    /// The CPUs of server and client.
    pub(crate) cpus: (usize, usize),
    /// More arguments for the server.
    pub(crate) server: &'static str,
    /// Timed calls; a tenth of them more warm up.
    pub(crate) calls: usize,
}

/// Whose programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Programs {
    /// This ORB, over TCP.
    Ours,
    /// This ORB, over the fabric.
    Fabric,
    /// Sockets without an ORB.
    Raw,
    /// Shared memory without an ORB.
    Memory,
    /// Request-response of iceoryx2, Rust.
    Iceoryx2,
    /// omniORB, C++.
    OmniOrb,
    /// omniORB over a Unix socket.
    OmniOrbUnix,
    /// rustorb, Rust.
    Rustorb,
    /// tonic, Rust.
    Tonic,
    /// A thread for each connection, without an ORB.
    Threads,
    /// A task of tokio for each connection, without an ORB.
    Tokio,
}

/// An end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The caller.
    Client,
    /// The called.
    Server,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Heap allocations.
    Allocations,
    /// System calls.
    SystemCalls,
}

impl Programs {
    /// The name in tables and targets.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours | Self::Fabric => "ours",
            Self::Raw | Self::Memory => "raw",
            Self::Iceoryx2 => "iceoryx2",
            Self::OmniOrb => "omniORB",
            Self::OmniOrbUnix => "omniORB, Unix",
            Self::Rustorb => "rustorb",
            Self::Tonic => "tonic",
            Self::Threads => "threads",
            Self::Tokio => "tokio",
        }
    }
}

impl Unit {
    /// Whether the larger of two values is the better one.
    pub(crate) fn more_is_better(self) -> bool {
        matches!(self, Self::CallsPerSecond | Self::BytesPerSecond | Self::Share)
    }

    /// The interquartile range, in percent: of the median, or of what deviations deviate from.
    pub(crate) fn spread(self, summary: Summary) -> f64 {
        match self {
            Self::Deviation => (summary.upper - summary.lower) * 100.0,
            _ => summary.spread() * 100.0,
        }
    }

    /// The value with its unit, for people.
    pub(crate) fn show(self, value: f64) -> String {
        // The difference of two runs may be a negative nothing.
        let value = if value.abs() < 5e-4 { 0.0 } else { value };
        match self {
            Self::Nanoseconds if value >= 1e6 => format!("{:.2} ms", value / 1e6),
            Self::Nanoseconds if value >= 1e3 => format!("{:.2} µs", value / 1e3),
            Self::Nanoseconds => format!("{value:.1} ns"),
            Self::CallsPerSecond if value >= 1e6 => format!("{:.2} M/s", value / 1e6),
            Self::CallsPerSecond => format!("{value:.0} /s"),
            Self::BytesPerSecond if value < 1e8 => format!("{:.1} MB/s", value / 1e6),
            Self::BytesPerSecond => format!("{:.2} GB/s", value / 1e9),
            Self::Bytes if value >= 1e6 => format!("{:.2} MB", value / 1e6),
            Self::Bytes => format!("{value:.0} B"),
            Self::PerCall | Self::Share => format!("{value:.3}"),
            Self::Growth => format!("{value:.2} ×"),
            Self::Deviation => format!("{:.1} %", value * 100.0),
            Self::Times => format!("{value:.0}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_in_readable_units() {
        assert_eq!(Unit::Nanoseconds.show(7_461.0), "7.46 µs");
        assert_eq!(Unit::Nanoseconds.show(41.25), "41.2 ns");
        assert_eq!(Unit::BytesPerSecond.show(2.5e9), "2.50 GB/s");
        assert_eq!(Unit::BytesPerSecond.show(4.26e6), "4.3 MB/s");
        assert_eq!(Unit::CallsPerSecond.show(3e6), "3.00 M/s");
        assert_eq!(Unit::Bytes.show(184.0), "184 B");
    }

    #[test]
    fn deviations_spread_by_percents_of_what_they_deviate_from() {
        let summary = Summary::of(&[-0.02, 0.0, 0.001, 0.01, 0.02]).expect("rounds");
        assert!((Unit::Deviation.spread(summary) - 1.0).abs() < 1e-9);
        let summary = Summary::of(&[1.0, 2.0, 3.0]).expect("rounds");
        assert!((Unit::Growth.spread(summary) - 50.0).abs() < 1e-9);
    }
}

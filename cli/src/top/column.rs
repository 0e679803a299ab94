// SPDX-License-Identifier: MIT OR Apache-2.0
//! The columns of the table.

use std::cmp::Ordering;
use std::time::Duration;

use clap::ValueEnum;
use upcall::statistics::{Flow, Response, Snapshot};

/// A column, which the table can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Column {
    /// The object, by POA and id
    Object,
    /// The client's address
    Peer,
    /// What `upcall capture` calls it: the number of the process, and which of its flows
    #[value(alias = "process")]
    Flow,
    /// The program
    Program,
    /// The class that was granted
    Class,
    /// Messages per second that were granted
    Granted,
    /// Messages per second in the last second
    Rate,
    /// Deadlines that were missed so far
    Misses,
    /// Periods so far in which it used more than its budget
    Overruns,
    /// The share of a CPU in the last second
    Cpu,
    /// The share of a CPU that was granted
    Budget,
    /// Half of the response times are no longer
    Median,
    /// 99 in 100 of the response times are no longer
    P99,
    /// The longest response time in the last second
    Longest,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub(super) orb: &'a Snapshot,
    pub(super) flow: &'a Flow,
}

impl Row<'_> {
    /// What the flow is called.
    pub(super) fn name(&self) -> String {
        self.flow.name(self.orb)
    }
}

impl Column {
    pub(super) const ALL: [Self; 14] = [
        Self::Object,
        Self::Peer,
        Self::Flow,
        Self::Program,
        Self::Class,
        Self::Granted,
        Self::Rate,
        Self::Misses,
        Self::Overruns,
        Self::Cpu,
        Self::Budget,
        Self::Median,
        Self::P99,
        Self::Longest,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Object => "OBJECT",
            Self::Peer => "PEER",
            Self::Flow => "FLOW",
            Self::Program => "PROGRAM",
            Self::Class => "CLASS",
            Self::Granted => "GRANTED/s",
            Self::Rate => "RATE/s",
            Self::Misses => "MISSES",
            Self::Overruns => "OVERRUNS",
            Self::Cpu => "CPU %",
            Self::Budget => "OF %",
            Self::Median => "MEDIAN",
            Self::P99 => "P99",
            Self::Longest => "MAX",
        }
    }

    /// The key that sorts by it: a letter of its title, and where it stands there.
    pub(super) fn key(self) -> (char, usize) {
        let at = match self {
            Self::Peer | Self::Flow | Self::Rate | Self::Overruns | Self::Budget | Self::P99 => 1,
            Self::Cpu | Self::Median | Self::Longest => 2,
            _ => 0,
        };
        (
            self.title().chars().nth(at).unwrap_or(' ').to_ascii_lowercase(),
            at,
        )
    }

    /// Words stand on the left, and figures on the right.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Object | Self::Peer | Self::Program | Self::Class)
    }

    pub(super) fn cell(self, row: &Row<'_>) -> String {
        let Row { orb, flow } = *row;
        let granted = flow.granted;
        let time =
            |part: fn(&Response) -> Duration| flow.response.as_ref().map(|it| format!("{:.1?}", part(it)));
        // What workers serve is not measured so.
        let upcalls = |count: u64| (flow.upcalls > 0 || granted.is_some()).then(|| count.to_string());
        let cell = match self {
            Self::Object => (!flow.object.is_empty()).then(|| flow.object.clone()),
            Self::Peer => Some(flow.peer.clone()),
            Self::Flow => Some(row.name()),
            Self::Program => Some(orb.program.clone()),
            Self::Class => Some(class(flow)),
            Self::Granted => granted.map(|granted| figure(granted.rate)),
            Self::Rate => Some(figure(flow.recent.rate)),
            Self::Misses => upcalls(flow.misses),
            Self::Overruns => upcalls(flow.overruns),
            Self::Cpu => upcalls(0).map(|_| percent(flow.recent.share)),
            Self::Budget => granted.map(|granted| percent(granted.share)),
            Self::Median => time(|it| it.median),
            Self::P99 => time(|it| it.p99),
            Self::Longest => time(|it| it.longest),
        };
        cell.unwrap_or_else(|| "–".to_owned())
    }

    /// Which of two rows comes first, in the order that one wants to see: names from A, figures from the highest.
    pub(super) fn compare(self, one: &Row<'_>, other: &Row<'_>) -> Ordering {
        match self {
            Self::Object => one.flow.object.cmp(&other.flow.object),
            Self::Peer => one.flow.peer.cmp(&other.flow.peer),
            Self::Flow => (one.orb.process, one.flow.number).cmp(&(other.orb.process, other.flow.number)),
            Self::Program => one.orb.program.cmp(&other.orb.program),
            Self::Class => one.flow.class.cmp(&other.flow.class),
            _ => self.figure(other).total_cmp(&self.figure(one)),
        }
    }

    fn figure(self, row: &Row<'_>) -> f64 {
        let flow = row.flow;
        let time = |part: fn(&Response) -> Duration| flow.response.as_ref().map(|it| part(it).as_secs_f64());
        let figure = match self {
            Self::Granted => flow.granted.map(|granted| granted.rate),
            Self::Rate => Some(flow.recent.rate),
            Self::Misses => Some(flow.misses as f64),
            Self::Overruns => Some(flow.overruns as f64),
            Self::Cpu => Some(flow.recent.share),
            Self::Budget => flow.granted.map(|granted| granted.share),
            Self::Median => time(|it| it.median),
            Self::P99 => time(|it| it.p99),
            Self::Longest => time(|it| it.longest),
            _ => None,
        };
        figure.unwrap_or(-1.0)
    }
}

/// The class, with a star while the guarantee is not given yet.
fn class(flow: &Flow) -> String {
    let waits = flow.granted.is_none() && !flow.object.is_empty();
    let star = if waits { " *" } else { "" };
    format!("{}{star}", flow.class.name())
}

fn figure(figure: f64) -> String {
    if figure.abs() < 10.0 {
        format!("{figure:.1}")
    } else {
        format!("{figure:.0}")
    }
}

fn percent(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}

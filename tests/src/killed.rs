// SPDX-License-Identifier: MIT OR Apache-2.0
//! Processes that are killed while they call each other over the fabric: what the other one is told, how soon, and what it
//! still holds afterwards.
//!
//! [`Survivor`] is the process that goes on, [`victim`] what it starts and kills.

mod held;
mod servants;
mod survivor;
mod victim;

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    time::Duration,
};

/// What the IDL compiler made of `codegen/main_thread.idl`.
pub(crate) mod idl {
    upcall::include_idl!("main_thread");
}

pub use held::Held;
pub(crate) use servants::Patient;
pub use survivor::{Ours, Survivor};
pub use victim::victim;

/// What the two are at when one of them is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// A servant has the request; its caller sleeps.
    InServant,
    /// The same, and nobody waits for the reply yet.
    Deferred,
    /// Null calls, one after the other, so that both are awake.
    Calls,
    /// Large arguments and results, one call after the other.
    Bulk,
    /// Connections are made, and given up after a call.
    Connecting,
    /// There is a connection, and nobody uses it.
    Idle,
    /// The server calls its client back, who does not answer.
    CallBack,
    /// Null calls to an object with a guarantee, on a lane of its own.
    Guaranteed,
}

impl Moment {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::InServant,
        Self::Deferred,
        Self::Calls,
        Self::Bulk,
        Self::Connecting,
        Self::Idle,
        Self::CallBack,
        Self::Guaranteed,
    ];

    /// Returns how the command line calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InServant => "in-servant",
            Self::Deferred => "deferred",
            Self::Calls => "calls",
            Self::Bulk => "bulk",
            Self::Connecting => "connecting",
            Self::Idle => "idle",
            Self::CallBack => "call-back",
            Self::Guaranteed => "guaranteed",
        }
    }

    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|moment| moment.name() == name)
    }
}

/// What the survivor of one moment saw, over many deaths.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// How long after the kill a call failed, where one was under way.
    pub failed: Vec<Duration>,
    /// With what, and how often.
    pub with: BTreeMap<String, usize>,
    /// How long after the kill all that belonged to the dead one was given back.
    pub returned: Vec<Duration>,
}

impl Seen {
    fn fails(&mut self, after: Duration, with: impl Into<String>) {
        self.failed.push(after);
        *self.with.entry(with.into()).or_default() += 1;
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "failed after {}; given back after {}",
            Times(&self.failed),
            Times(&self.returned)
        )?;
        self.with
            .iter()
            .try_for_each(|(with, count)| write!(f, "; {count} × {with}"))
    }
}

/// The median, the 99th percentile and the longest of some times.
struct Times<'a>(&'a [Duration]);

impl fmt::Display for Times<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut times = self.0.to_vec();
        times.sort_unstable();
        let at = |percent: usize| {
            let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
            times.get(index).copied().unwrap_or_default().as_secs_f64() * 1e3
        };
        if times.is_empty() {
            return f.write_char('–');
        }
        write!(f, "{:.1} ms (p99 {:.1}, max {:.1})", at(50), at(99), at(100))
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the flows of running ORBs do: what `upcall top` shows.
//!
//! Once a second each ORB that serves, or has a flow of its own at a server, writes a [`Snapshot`] of its flows into a [`Folder`] in memory, which all processes of
//! the user share. Flows have no part in that: a thread beside them reads the counters that they keep in any case. What is
//! read from the folder is checked like anything that comes from outside, and what dead processes left is cleared away.
//!
//! ```no_run
//! # fn main() -> std::io::Result<()> {
//! for orb in upcall::statistics::Folder::of_user().read()? {
//!     for flow in orb.flows.iter().filter(|flow| flow.misses > 0) {
//!         println!("{} of process {} was late {} times", flow.object, orb.process, flow.misses);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod folder;
mod publisher;
mod rounds;
mod wire;

use std::time::Duration;

pub use self::folder::Folder;
pub(crate) use self::publisher::Publisher;

/// Characters of a name that is shown.
const LONGEST_NAME: usize = 256;

/// What the flows of one ORB did so far, and in the last second.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The process, by the system's number.
    pub process: u32,
    /// Which ORB of the process, in the order in which they began to serve.
    pub orb: u32,
    /// The program, by the name of its file.
    pub program: String,
    /// Its flows: those with a guarantee in the order in which they came, and then the others.
    pub flows: Vec<Flow>,
    /// How many more there are: 4,096 are listed.
    pub left_out: u64,
}

/// What a flow, one client's connection, is to do and does; or the client's end of one.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Flow {
    /// Which one: no other flow of its process ever has this number.
    pub number: u64,
    /// The object, by the path of its POA and its id, or by its type where the adapter made the id. Empty for a connection
    /// without a guarantee, which may call any object. Behind an arrow (`→`), the type of an object elsewhere: this is the
    /// client's end of a flow, whose messages are those that its upcall sent.
    pub object: String,
    /// The other end's address.
    pub peer: String,
    /// The class that was granted.
    pub class: Class,
    /// What was granted; `None` on best-effort time, which is where a flow also is on probation.
    pub granted: Option<Granted>,
    /// Messages that were taken.
    pub messages: u64,
    /// Octets that were received, or sent at the client's end.
    pub received: u64,
    /// Upcalls that were done. Without a guarantee from the start there are none: workers serve such connections.
    pub upcalls: u64,
    /// Deadlines that were missed.
    pub misses: u64,
    /// Periods in which it used more CPU than its budget.
    pub overruns: u64,
    /// The CPU time that it used; zero where workers serve it.
    pub used: Duration,
    /// What it did in the last second.
    pub recent: Recent,
    /// How long upcalls took from their release to their end, in the last second that had any.
    pub response: Option<Response>,
}

/// The class of a flow's quality of service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Sporadic messages, each within a bound.
    LowDelay,
    /// Messages in every period.
    Isochronous,
    /// A bandwidth, in bursts.
    Burst,
    /// A share of what is left.
    #[default]
    BestEffort,
}

/// What a guarantee comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Granted {
    /// The CPU, by the system's number.
    pub cpu: u32,
    /// Messages per second.
    pub rate: f64,
    /// The share of the CPU.
    pub share: f64,
    /// When an upcall has to be done after its release.
    pub deadline: Duration,
}

/// What a flow did of late.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Recent {
    /// Messages per second.
    pub rate: f64,
    /// Octets received per second.
    pub bandwidth: f64,
    /// The share of a CPU that it used.
    pub share: f64,
}

/// How long upcalls took from their release to their end, to within an eighth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Response {
    /// Half of them took no longer.
    pub median: Duration,
    /// 99 in 100 took no longer.
    pub p99: Duration,
    /// None took longer.
    pub longest: Duration,
}

impl Flow {
    /// Returns the name that it has on its machine, `4711.3`: the number of its process, and its own.
    #[must_use]
    pub fn name(&self, orb: &Snapshot) -> String {
        format!("{}.{}", orb.process, self.number)
    }
}

impl Class {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 4] = [Self::LowDelay, Self::Isochronous, Self::Burst, Self::BestEffort];

    /// Returns the name, as `@realtime(class=…)` spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LowDelay => "low_delay",
            Self::Isochronous => "isochronous",
            Self::Burst => "burst",
            Self::BestEffort => "best_effort",
        }
    }
}

/// A name that is not too long, and has nothing in it that terminals or CDR would stumble over.
fn shown(name: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    name.chars().map(plain).take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests;

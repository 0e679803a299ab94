// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a request is refused, and what would fit.

use std::fmt;

use orb_core::qos::Qos;
use rtu::Nanos;
use rtu::analysis::TaskId;

use crate::units::{show_rate, show_share, show_size, show_time};

/// A refused request: what stands in the way, and the nearest requests that would fit.
///
/// Its `Display` is the text for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// What stands in the way.
    pub bottleneck: Bottleneck,
    /// Requests that differ in one respect each and would be granted now; the first is the nearest to what was asked.
    pub alternatives: Vec<Alternative>,
}

/// What stands in the way of a request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Bottleneck {
    /// The request contradicts itself.
    Contradiction {
        /// Why.
        why: String,
    },
    /// The deadline is below what must be done until then.
    Deadline {
        /// The deadline that counts.
        deadline: Nanos,
        /// What the messages take with switches and jitter, on a CPU of their own.
        needed: Nanos,
        /// How many messages these are.
        messages: u32,
    },
    /// The link is too slow.
    Link {
        /// What the flow would take, in bytes per second on the wire.
        asked: u64,
        /// What is left of the link.
        left: u64,
        /// The rate of the link.
        rate: u64,
    },
    /// The rings do not fit into memory.
    RingMemory {
        /// What the flow needs, in bytes.
        needed: u64,
        /// What there is for it.
        left: u64,
        /// What of: one ring, or the rings of all flows.
        of: RingBound,
    },
    /// No CPU has room. The figures are of the one with the least load.
    Cpu(CpuShortage),
}

/// A bound on ring memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingBound {
    /// On the ring of one flow and direction.
    OneRing,
    /// On the rings of all flows.
    AllRings,
}

/// Why a CPU has no room.
#[derive(Clone, Debug, PartialEq)]
pub struct CpuShortage {
    /// The CPU; none if the machine does not have the one that was asked for.
    pub cpu: Option<u32>,
    /// The share of the CPU that is admitted, other processes included.
    pub admitted: f64,
    /// The share that the request asks for.
    pub asked: f64,
    /// The share that guarantees may take in all.
    pub usable: f64,
    /// Who would miss its deadline; none if it is the shares that exceed what is usable.
    pub missed: Option<Miss>,
}

/// A deadline that would be missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// Who would miss it; none for the one that asks.
    pub who: Option<String>,
    /// The same as its CPU knows it, until the name is looked up.
    pub(crate) task: Option<TaskId>,
    /// The deadline.
    pub deadline: Nanos,
    /// The response time with jitter; none if it has no end.
    pub response: Option<Nanos>,
}

/// A request that would fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Alternative {
    /// What to change, in the application's words: `period ≥ 12 ms`.
    pub words: String,
    /// The changed request.
    pub qos: Qos,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.bottleneck)?;
        let words: Vec<_> = self.alternatives.iter().map(|it| it.words.as_str()).collect();
        if words.is_empty() {
            return Ok(());
        }
        write!(f, "; what would fit: {}", words.join(", or "))
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Bottleneck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contradiction { why } => f.write_str(why),
            Self::Deadline {
                deadline,
                needed,
                messages,
            } => write!(
                f,
                "a deadline of {} is below what {} needs on a CPU of its own, {}",
                show_time(*deadline),
                match messages {
                    1 => "one message".to_owned(),
                    several => format!("an activation of {several} messages"),
                },
                show_time(*needed)
            ),
            Self::Link { asked, left, rate } => write!(
                f,
                "the link is too slow: with headers this needs {}, and {} of {} is left",
                show_rate(*asked),
                show_rate(*left),
                show_rate(*rate)
            ),
            Self::RingMemory { needed, left, of } => write!(
                f,
                "{}: this needs {}, and there is {}",
                match of {
                    RingBound::OneRing => "a ring is too small",
                    RingBound::AllRings => "the memory for rings is too small",
                },
                show_size(*needed),
                show_size(*left)
            ),
            Self::Cpu(shortage) => shortage.fmt(f),
        }
    }
}

impl fmt::Display for CpuShortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(cpu) = self.cpu else {
            return f.write_str("no executive runs on the CPU that was asked for");
        };
        let asked = show_share(self.asked);
        let admitted = show_share(self.admitted);
        write!(
            f,
            "CPU {cpu} has no room: this asks for {asked} beside {admitted} admitted"
        )?;
        match &self.missed {
            None => write!(f, ", and guarantees may take {}", show_share(self.usable)),
            Some(miss) => write!(f, ", and {miss}"),
        }
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match &self.who {
            None => "it".to_owned(),
            Some(name) => format!("`{name}`"),
        };
        let deadline = show_time(self.deadline);
        match self.response {
            None => write!(f, "{who} would never meet its deadline of {deadline}"),
            Some(response) => {
                let late = show_time(response - self.deadline);
                write!(f, "{who} would miss its deadline of {deadline} by {late}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_stands_in_the_way_and_what_would_fit() {
        let alternative = |words: &str| Alternative {
            words: words.to_owned(),
            qos: Qos::default(),
        };
        let mut refusal = Refusal {
            bottleneck: Bottleneck::Cpu(CpuShortage {
                cpu: Some(2),
                admitted: 0.61,
                asked: 0.3,
                usable: 0.95,
                missed: Some(Miss {
                    who: Some("sensor-3".into()),
                    task: None,
                    deadline: Nanos::from_millis(10),
                    response: Some(Nanos::from_micros(10_250)),
                }),
            }),
            alternatives: vec![alternative("period ≥ 12 ms"), alternative("messages ≤ 3")],
        };
        assert_eq!(
            refusal.to_string(),
            "CPU 2 has no room: this asks for 30.0 % beside 61.0 % admitted, and `sensor-3` would miss its deadline of \
             10 ms by 250 µs; what would fit: period ≥ 12 ms, or messages ≤ 3"
        );
        refusal.alternatives.clear();
        refusal.bottleneck = Bottleneck::Deadline {
            deadline: Nanos::from_micros(10),
            needed: Nanos::from_micros(35),
            messages: 1,
        };
        assert_eq!(
            refusal.to_string(),
            "a deadline of 10 µs is below what one message needs on a CPU of its own, 35 µs"
        );
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a request becomes.

use orb_core::qos::Qos;
use rtu::analysis::Task;
use rtu::scheduler::{Overrun, Parameters};
use rtu::{Class, Nanos};

use crate::cost::FlowCost;

/// All that a flow is run by.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The request that is granted.
    pub qos: Qos,
    /// The request waits for enough messages to be measured; until then the flow runs as best effort.
    pub probation: bool,
    /// The parameters of the RTU.
    pub rtu: RtuPlan,
    /// The CPU it is placed on; none before admission, and for best effort.
    pub cpu: Option<u32>,
    /// What a message was taken to cost.
    pub cost: FlowCost,
    /// The largest message, in bytes without its header; none for best effort, where the ORB's bound counts.
    pub largest_message: Option<u64>,
    /// The flow's own rings; without, it uses shared buffers.
    pub rings: Option<Rings>,
    /// The receive window in bytes, at least bandwidth × round trip; none leaves it to the transport.
    pub window: Option<u64>,
    /// The pace at which it sends; none for as fast as it goes.
    pub pacing: Option<Pacing>,
    /// Whether small messages may wait for each other on their way out.
    pub coalesce: bool,
    /// What it takes of the link, in bytes per second on the wire; 0 for best effort.
    pub link_rate: u64,
}

/// The parameters of an RTU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtuPlan {
    /// Its class.
    pub class: Class,
    /// T: the period, or the minimum inter-arrival of low delay. Zero for best effort.
    pub period: Nanos,
    /// B: messages per activation, at most.
    pub batch: u32,
    /// C: the longest that an activation takes. Zero for best effort.
    pub budget: Nanos,
    /// The longest time between two looks at the preemption flag.
    pub longest_iteration: Nanos,
    /// D: when an activation must be done after its release; at most T. Zero for best effort.
    pub deadline: Nanos,
    /// What an overrun of the budget leads to.
    pub on_overrun: Overrun,
}

/// A flow's rings, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rings {
    /// Where it receives.
    pub receive: u64,
    /// Where it sends from.
    pub send: u64,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacing {
    /// Bytes per second, messages with their headers.
    pub rate: u64,
    /// Bytes that may go out at once.
    pub burst: u64,
}

impl Plan {
    /// Returns the RTU as the analysis sees it; none for best effort.
    pub fn task(&self) -> Option<Task> {
        if matches!(self.rtu.class, Class::BestEffort { .. }) {
            return None;
        }
        Some(Task {
            class: self.rtu.class,
            period: self.rtu.period,
            cost: self.rtu.budget,
            longest_iteration: self.rtu.longest_iteration,
            deadline: self.rtu.deadline,
            // The machine's counts.
            jitter: Nanos::ZERO,
        })
    }

    /// Returns what the scheduler runs the RTU by. On best-effort time there is neither budget nor minimum inter-arrival.
    pub fn parameters(&self) -> Parameters {
        if self.task().is_none() {
            return Parameters::new(self.rtu.class, Nanos::ZERO);
        }
        Parameters::new(self.rtu.class, self.rtu.period)
            .with_deadline(self.rtu.deadline)
            .with_budget(self.rtu.budget, self.rtu.on_overrun)
    }

    /// Returns the memory that its own rings take, in bytes.
    pub fn ring_memory(&self) -> u64 {
        self.rings
            .map_or(0, |rings| rings.receive.saturating_add(rings.send))
    }
}

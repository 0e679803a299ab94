// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a thread of the executive does with its time.

use crate::Nanos;
use crate::scheduler::Counter;

/// What one of the executive's threads did with its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// How many upcalls it made.
    pub upcalls: u64,
    /// How often it slept.
    pub sleeps: u64,
    /// How long it was awake, up to when it last fell asleep.
    pub awake: Nanos,
    /// How long it slept.
    pub asleep: Nanos,
    /// How much of the time awake it did not have the CPU: taken by the hypervisor, interrupts and more urgent threads.
    pub stolen: Nanos,
}

/// The same, as it goes.
#[derive(Debug, Default)]
pub(super) struct LiveUsage {
    pub(super) upcalls: Counter,
    sleeps: Counter,
    awake: Counter,
    asleep: Counter,
    stolen: Counter,
}

impl LiveUsage {
    pub(super) fn awake(&self, span: Nanos, used: Nanos) {
        self.awake.add(span.0);
        self.stolen.add((span - used).0);
    }

    pub(super) fn asleep(&self, span: Nanos) {
        self.sleeps.add(1);
        self.asleep.add(span.0);
    }

    pub(super) fn read(&self) -> Usage {
        Usage {
            upcalls: self.upcalls.read(),
            sleeps: self.sleeps.read(),
            awake: Nanos(self.awake.read()),
            asleep: Nanos(self.asleep.read()),
            stolen: Nanos(self.stolen.read()),
        }
    }
}

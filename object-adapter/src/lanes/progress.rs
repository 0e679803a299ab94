// SPDX-License-Identifier: MIT OR Apache-2.0
//! How far a flow is, for whoever looks at it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Messages and octets of a flow: counted by its upcall, and read by anybody.
#[derive(Debug, Default)]
pub(super) struct Progress {
    messages: AtomicU64,
    octets: AtomicU64,
}

impl Progress {
    /// Takes note of how many there were so far.
    pub(super) fn note(&self, messages: u64, octets: u64) {
        // Relaxed: they are read one by one.
        self.messages.store(messages, Ordering::Relaxed);
        self.octets.store(octets, Ordering::Relaxed);
    }

    pub(super) fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }

    pub(super) fn octets(&self) -> u64 {
        self.octets.load(Ordering::Relaxed)
    }
}

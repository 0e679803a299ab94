// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the system granted an executive, and what would make it grant the rest.

use std::io;
use std::sync::Once;

use super::builder::Policy;

/// What a thread for guaranteed RTUs got of what it asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Granted {
    /// The CPU, by the system's number.
    pub cpu: usize,
    /// How it was to be scheduled.
    pub asked: Policy,
    /// Why the system refused that; `None` if it did not. The thread then has ordinary scheduling.
    pub scheduling: Option<io::ErrorKind>,
    /// Why the system refused to lock its memory; `None` if it did not.
    pub memory: Option<io::ErrorKind>,
}

impl Granted {
    /// Returns whether it got everything.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.scheduling.is_none() && self.memory.is_none()
    }

    /// Says what is missing and which command grants it; `None` if nothing is.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        let scheduling = self.scheduling.map(|error| match self.asked {
            Policy::Fifo { priority } => format!(
                "SCHED_FIFO {priority} was refused ({error}), so upcalls run with ordinary scheduling and no guarantee \
                 holds; `sudo prlimit --pid $$ --rtprio={priority}` in the shell that starts the program grants it, or \
                 for good `sudo setcap cap_sys_nice+ep PROGRAM`, or `@GROUP - rtprio {priority}` in \
                 /etc/security/limits.conf"
            ),
            Policy::Deadline { .. } | Policy::Ordinary => format!(
                "SCHED_DEADLINE was refused ({error}), so upcalls run with ordinary scheduling and no guarantee holds; \
                 it takes `sudo setcap cap_sys_nice+ep PROGRAM`, and a share of the CPU that is not given away"
            ),
        });
        let memory = self.memory.map(|error| {
            format!(
                "memory could not be locked ({error}), so an upcall may wait for a page; \
                 `sudo prlimit --pid $$ --memlock=unlimited` in the shell that starts the program grants it"
            )
        });
        let advice: Vec<String> = scheduling.into_iter().chain(memory).collect();
        (!advice.is_empty()).then(|| advice.join("; "))
    }
}

/// Warns of what is missing, once per process: all executives lack the same.
pub(super) fn warn_once(granted: &[Granted]) {
    static WARNED: Once = Once::new();
    if let Some(advice) = granted.iter().find_map(Granted::advice) {
        WARNED.call_once(|| tracing::warn!("{advice}; `upcall doctor` has more"));
    }
}

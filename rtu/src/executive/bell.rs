// SPDX-License-Identifier: MIT OR Apache-2.0
//! How an executive sleeps and is woken: with a system call only if it does sleep.
//!
//! Whoever has something for it leaves that where the executive looks, and rings. The executive, about to sleep, says so,
//! and looks once more. Each of the two writes first and reads then, with a full fence between, so at least one sees what
//! the other wrote: nothing is left lying while the executive sleeps.

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;

use crate::Time;

use super::sync::{Futex, Ordering, fence};

const AWAKE: u32 = 0;
const IN_FUTEX: u32 = 1;
const IN_POLL: u32 = 2;

/// Wakes one thread, which owns it.
#[derive(Debug)]
pub(super) struct Bell {
    state: Futex,
    /// Wakes the owner where it waits for descriptors as well.
    event: OwnedFd,
}

impl Bell {
    /// # Errors
    ///
    /// If the kernel has no descriptor left.
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            state: Futex::new(AWAKE),
            event: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    /// Wakes the owner, if it sleeps or is about to, and returns whether it did. What it is woken for was made visible before.
    pub(super) fn ring(&self) -> bool {
        // Pairs with the fence in `about_to`.
        fence(Ordering::SeqCst);
        if self.state.word.load(Ordering::Relaxed) == AWAKE {
            return false;
        }
        // One of those who ring does the call.
        match self.state.word.swap(AWAKE, Ordering::AcqRel) {
            IN_FUTEX => self.state.wake(),
            IN_POLL => self.signal(),
            _ => return false,
        }
        true
    }

    fn signal(&self) {
        // It cannot overflow: the owner would have to sleep through 2⁶⁴ of them.
        let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
    }

    /// Becomes readable when the bell rings while the owner polls.
    pub(super) fn event(&self) -> &OwnedFd {
        &self.event
    }

    /// Sleeps until somebody rings or the time has come, unless `busy` finds something to do. By the owner only.
    ///
    /// Returns whether it slept. May return early.
    pub(super) fn sleep(&self, until: Option<Time>, busy: impl FnOnce() -> bool) -> bool {
        let sleeps = self.about_to(IN_FUTEX, busy);
        if sleeps {
            self.state.wait(IN_FUTEX, until);
        }
        self.state.word.swap(AWAKE, Ordering::AcqRel);
        sleeps
    }

    /// The same, with a `poll` that returns once [`event`](Self::event) becomes readable.
    pub(super) fn poll(&self, busy: impl FnOnce() -> bool, poll: impl FnOnce()) -> bool {
        let sleeps = self.about_to(IN_POLL, busy);
        if sleeps {
            poll();
        }
        self.state.word.swap(AWAKE, Ordering::AcqRel);
        sleeps
    }

    fn about_to(&self, state: u32, busy: impl FnOnce() -> bool) -> bool {
        // Read-modify-writes put all that happens to the word in one order, for the owner's as well as others'.
        self.state.word.swap(state, Ordering::AcqRel);
        // Pairs with the fence in `ring`.
        fence(Ordering::SeqCst);
        !busy()
    }
}

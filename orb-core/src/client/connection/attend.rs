// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting for a reply on a thread that has work to do meanwhile, which the reply may depend on.

use std::{
    sync::Arc,
    task::{Poll, Wake, Waker},
    thread::{self, Thread},
    time::Instant,
};

use super::Connection;
use crate::{client::failure::Delivery, nested};

impl Connection {
    /// Tells whether a thread that waits here must not sleep in a receive. Over a link that no poller watches it has to.
    #[inline]
    pub(super) fn must_attend(&self) -> bool {
        nested::has_duties() && self.link.fd().is_some()
    }

    /// Waits for the reply to `id` as a task does, and attends to the thread's duties; the executive reads.
    #[cold]
    pub(super) fn wait_attending(&self, id: u32, deadline: Instant) -> Delivery {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let _blocking = nested::about_to_block();
        loop {
            if let Poll::Ready(delivery) = self.poll(id, &waker, deadline) {
                return delivery;
            }
            // Nothing can be missed: who brings a reply or work unparks this thread, and so it does not sleep.
            if !nested::attend() {
                thread::park();
            }
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

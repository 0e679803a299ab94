// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the executive does for a connection while no thread reads from it.

use std::{task::Waker, time::Instant};

use super::{Connection, Shared};
use crate::{
    client::failure::Failure,
    transport::{Event, Interest},
};

impl Connection {
    /// Asks the executive to read, if nobody leads and somebody needs it.
    pub(super) fn watch_if_needed(&self, shared: &mut Shared) {
        let needed = shared.slots.tasks() > 0 || shared.blocked > 0;
        if needed && shared.reader.is_some() {
            self.watch(shared, Interest::READ_ONCE);
        }
    }

    /// Asks the executive to look at the link once it is ready.
    pub(super) fn watch(&self, shared: &mut Shared, interest: Interest) {
        let wanted = Interest {
            readable: shared.watched.readable || interest.readable,
            writable: shared.watched.writable || interest.writable,
            edge: false,
            oneshot: true,
        };
        if shared.failure.is_some() {
            return;
        }
        // Asked for again although it was: who has received meanwhile may have taken it back.
        match self.link.watch(wanted) {
            None => self.executive.call(Event {
                token: self.token,
                readable: wanted.readable,
                writable: wanted.writable,
                closed: false,
            }),
            Some(interest) if wanted != shared.watched => {
                self.executive.arm(self.token, self.link.fd(), interest);
            }
            Some(_) => {}
        }
        if let Some(at) = self.link.paced_until().filter(|_| wanted.writable) {
            self.executive.expect_by(at);
        }
        shared.watched = wanted;
    }

    /// The link is ready: sends what waits, reads what is there.
    pub(crate) fn on_event(&self, event: Event) {
        let mut shared = self.shared.lock();
        shared.watched = Interest::NONE;
        let backlog = std::mem::take(&mut shared.backlog);
        drop(shared);
        if backlog {
            // It asks again if something is left; a broken link shows when reading.
            drop(self.writer.flush(self));
        }
        if event.readable || event.closed {
            self.read_for_others(event.closed);
        }
        let mut shared = self.shared.lock();
        self.watch_if_needed(&mut shared);
    }

    fn read_for_others(&self, closed: bool) {
        let lead = self.take_lead(&mut self.shared.lock());
        // If somebody leads, he also sees to what comes after.
        if let Some(lead) = lead {
            if closed {
                self.link.hung_up();
            }
            self.read_what_is_there(lead);
        }
    }

    /// Sends what only waited for its time, and gives up the tasks' requests whose time is over; returns when the next one's is.
    pub(crate) fn on_tick(&self, now: Instant) -> Option<Instant> {
        let backlog = std::mem::take(&mut self.shared.lock().backlog);
        if backlog {
            // As on an event.
            drop(self.writer.flush(self));
        }
        let mut wakers = Vec::new();
        let mut shared = self.shared.lock();
        for id in shared.slots.expired(now) {
            let failure = Failure::timeout(self.peer(), "waiting for a reply from");
            if let super::super::slots::Delivered::Kept(Some(waker)) = shared.slots.deliver(id, Err(failure))
            {
                wakers.push(waker);
            }
        }
        let next = shared.slots.next_deadline();
        drop(shared);
        wakers.into_iter().for_each(Waker::wake);
        next
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A connection that one owner serves for good, whenever it likes, instead of the workers.

use std::{
    fmt,
    os::fd::BorrowedFd,
    sync::{Arc, atomic::Ordering},
};

use crate::{
    cdr::Version,
    codeset::CodeSets,
    giop,
    qos::{Granted, Qos},
    servant::Adapter,
    server::{
        asking::{Asked, Verdict},
        connection::{Connection, Terms, Wait},
        service::{Service, Turn},
        shared::Shared,
        slot::Slot,
        worker,
    },
    transport::{Endpoint, Interest, Link},
};

/// A connection whose reading belongs to one owner, who runs it: receive, dispatch and reply in one go, without
/// blocking and without another thread.
///
/// In all else it is a connection of its server like any other: it is counted, closed when it idles or stalls, and told
/// when the server ends. Dropping the flow closes it, in good order.
pub struct Flow {
    service: Service,
    connection: Arc<Connection>,
    epoch: u64,
    /// A request that waits for a verdict, and the verdict.
    asked: Option<Box<Asked>>,
    verdict: Option<Verdict>,
}

/// What a [`Flow`] differs in from other connections.
#[derive(Clone, Debug)]
pub struct FlowConfig {
    /// The largest message, in bytes, headers included; the server's bound counts too.
    pub max_message_size: usize,
    /// Who serves its requests.
    pub adapter: Arc<dyn Adapter>,
}

/// How far a [`Flow`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// Everything that had come was served; there is more once the descriptor is readable.
    Drained,
    /// The peer takes no more replies, so no more requests are served before the descriptor is writable.
    Blocked,
    /// It was stopped, and there is or may be more to serve.
    NotDone,
    /// The next request asks for quality of service for this connection: see [`Flow::asked`]. Nothing more is served before
    /// [`Flow::decide`] says what comes of that.
    Asked,
    /// The connection has ended.
    Ended,
}

impl Flow {
    pub(super) fn adopt(shared: &Arc<Shared>, link: Arc<dyn Link>, config: FlowConfig) -> Option<Self> {
        let terms = Terms {
            max_message_size: config.max_message_size.min(shared.config.max_message_size),
            adapter: Some(config.adapter),
            once: false,
            flow: true,
        };
        let connection = shared.add_connection(link, terms)?;
        let (epoch, _) = connection.own()?;
        let slot = Arc::new(Slot::default());
        slot.reading.lock().replace((Arc::clone(&connection), epoch));
        shared.slots.lock().push(Arc::clone(&slot));
        shared.wake_watchdog();
        Some(Self {
            service: Service::new(shared, &slot, false),
            connection,
            epoch,
            asked: None,
            verdict: None,
        })
    }

    /// Begins with a request that was received elsewhere.
    pub(super) fn begin_with(&mut self, asked: Box<Asked>, codesets: CodeSets, verdict: Verdict) {
        self.connection.negotiate(codesets);
        self.connection.taken.store(1, Ordering::Relaxed);
        (self.asked, self.verdict) = (Some(asked), Some(verdict));
    }

    /// Serves what has come, asking `go_on` after each message; replies go out together. Never blocks, unless a servant
    /// does.
    pub fn run(&mut self, mut go_on: impl FnMut() -> bool) -> Run {
        worker::be_worker();
        let poller = Arc::clone(&self.service.shared.poller);
        if self.connection.is_backed_up() && !self.connection.unblock(&*poller) {
            return self.blocked();
        }
        let (mut drained, mut held_back) = (false, false);
        let run = loop {
            match self.turn(&mut drained) {
                Turn::Asked(asked) => {
                    self.asked = Some(asked);
                    break Run::Asked;
                }
                Turn::Served { more } => {
                    held_back |= more;
                    if !go_on() {
                        break if more || !drained {
                            Run::NotDone
                        } else {
                            Run::Drained
                        };
                    }
                }
                Turn::Drained | Turn::Nothing | Turn::Held => break Run::Drained,
                Turn::Lost | Turn::Ended => break Run::Ended,
            }
        };
        if held_back {
            self.connection.flush(&*poller);
        }
        if self.connection.is_broken() {
            // What it sent before it went is nobody's concern, and would be served at the cost of others.
            return Run::Ended;
        }
        if run != Run::Ended && self.connection.is_backed_up() {
            return self.blocked();
        }
        run
    }

    /// Serves the next message, which is the one that asked for something if there is one.
    #[inline]
    fn turn(&mut self, drained: &mut bool) -> Turn {
        match self.asked.take() {
            None => self.service.turn(&self.connection, self.epoch, drained, Wait::No),
            Some(asked) => self.decided(asked),
        }
    }

    #[cold]
    fn decided(&mut self, asked: Box<Asked>) -> Turn {
        match self.verdict.take() {
            None => Turn::Asked(asked),
            Some(verdict) => self
                .service
                .decided(&self.connection, self.epoch, &asked, &verdict),
        }
    }

    /// Returns what the next request asks for this connection, if that is to be decided.
    pub fn asked(&self) -> Option<&Qos> {
        self.asked.as_ref().map(|asked| &asked.qos)
    }

    /// Says what comes of what was asked: the request is served by the next run.
    pub fn decide(&mut self, verdict: Verdict) {
        self.verdict = Some(verdict);
    }

    /// Has the client told, with the next reply, that it has been granted something else.
    pub fn announce(&mut self, granted: Granted) {
        self.service.news = Some(Box::new(granted));
    }

    /// Changes how large a message may be, in bytes, headers included; the server's bound counts too.
    pub fn limit_messages(&mut self, bytes: usize) {
        let most = self.service.shared.config.max_message_size;
        self.connection.limit_messages(self.epoch, bytes.min(most));
    }

    /// The peer takes nothing for now, or never again.
    fn blocked(&self) -> Run {
        if self.connection.is_closing() {
            Run::Ended
        } else {
            Run::Blocked
        }
    }

    /// Returns what the connection travels on.
    pub fn link(&self) -> &Arc<dyn Link> {
        &self.connection.link
    }

    /// Returns the descriptor to wait for; `None` for a link that cannot be waited for.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.connection.link.fd()
    }

    /// Sees to it that the descriptor tells of `interest`, as [`Link::watch`] does; `None` if it is there already: the flow is
    /// to be run again.
    pub fn watch(&self, interest: Interest) -> Option<Interest> {
        self.connection.link.watch(interest)
    }

    /// Returns how many messages were taken so far.
    pub fn messages(&self) -> u64 {
        self.connection.taken.load(Ordering::Relaxed)
    }

    /// Returns how many bytes were received so far.
    pub fn received(&self) -> u64 {
        self.connection.received.load(Ordering::Relaxed)
    }

    /// Returns the other side's address.
    pub fn peer(&self) -> &Endpoint {
        self.connection.peer()
    }

    /// Says goodbye to the peer in good order: what was not answered was not served, and it may try elsewhere.
    pub fn close(&self) {
        self.connection
            .say_goodbye(&giop::close_connection(Version::V1_2));
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        let shared = &self.service.shared;
        // What was not answered was not served: the peer may try again, or elsewhere.
        self.connection
            .say_goodbye(&giop::close_connection(Version::V1_2));
        shared.end(&self.connection);
        let slot = &self.service.slot;
        shared.slots.lock().retain(|other| !Arc::ptr_eq(other, slot));
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow")
            .field("peer", self.peer())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client's end of a flow with a guarantee: who may send when, and who does.
//!
//! Requests that nobody waits for are encoded by their callers and sent by the owner of an [`Outlet`], at the pace of the
//! flow's plan. Who waits for a reply sends for himself, after what was queued before, when the pace has a place for him.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    task::Waker,
    thread,
    time::{Duration, Instant},
};

use bytes::BytesMut;

use super::{
    connection::Connection,
    pace::Pace,
    ring::{Put, Ring},
    writer::WriteError,
};
use crate::{
    cdr::Encoder,
    exception::{Completed, Result, SystemException, SystemExceptionKind as Kind},
    flow::FlowTerms,
    nested,
    transport::{Endpoint, Link},
};

/// How requests go out on a connection whose flow was granted a rate.
#[derive(Debug)]
pub(crate) struct Sender {
    connection: Arc<Connection>,
    pace: Pace,
    /// From when on the pace counts its time.
    began: Instant,
    /// What is sent by the owner of an outlet; without one, callers send everything themselves.
    ring: Option<Ring>,
    /// Has the owner run the outlet.
    waker: OnceLock<Waker>,
}

impl Sender {
    /// Makes one for callers who send for themselves, so many messages in each period.
    pub(crate) fn paced(connection: &Arc<Connection>, period: Duration, messages: u32) -> Self {
        let pace = Pace::default();
        pace.set(period, messages);
        Self {
            connection: Arc::clone(connection),
            pace,
            began: Instant::now(),
            ring: None,
            waker: OnceLock::new(),
        }
    }

    /// Makes one with a ring of two periods, which an [`Outlet`] empties.
    pub(crate) fn with_ring(connection: &Arc<Connection>, terms: &FlowTerms) -> Self {
        let places = usize::try_from(terms.messages).unwrap_or(usize::MAX);
        Self {
            ring: Some(Ring::new(places.saturating_mul(2), terms.send)),
            ..Self::paced(connection, terms.period, terms.messages)
        }
    }

    /// Waits until a caller may send a request himself.
    ///
    /// # Errors
    ///
    /// `TIMEOUT` if that is not before `deadline`.
    pub(crate) fn release(&self, deadline: Instant) -> Result<()> {
        if let Some(ring) = &self.ring
            && !ring.wait_for_all(deadline)
        {
            return Err(too_fast());
        }
        let now = Instant::now();
        let wait = self.pace.take(self.since(now), self.since(deadline));
        let wait = wait.ok_or_else(too_fast)?;
        if !wait.is_zero() {
            let _blocking = nested::about_to_block();
            thread::sleep(wait);
        }
        Ok(())
    }

    /// Has a message sent in its turn; waits for room until `deadline`, if there is one. A request that `connection` expects
    /// a reply to is sent there or not at all.
    pub(crate) fn send(
        &self,
        connection: &Arc<Connection>,
        message: &Encoder<'_>,
        deadline: Option<Instant>,
    ) -> std::result::Result<(), WriteError> {
        let Some(ring) = &self.ring else {
            if let Some(deadline) = deadline {
                self.release(deadline).map_err(|_| WriteError::Timeout)?;
            }
            return connection.send(message, deadline);
        };
        if !Arc::ptr_eq(connection, &self.connection) {
            return Err(WriteError::elsewhere());
        }
        let put = match deadline {
            Some(deadline) => ring.put_by(message.parts(), deadline),
            None => ring.try_put(message.parts()),
        };
        match (put, deadline) {
            (Put::Queued, _) => {
                if let Some(waker) = self.waker.get() {
                    waker.wake_by_ref();
                }
                Ok(())
            }
            (Put::Full, Some(_)) => Err(WriteError::Timeout),
            (Put::Full, None) => Err(WriteError::Full),
            (Put::Closed, _) => Err(WriteError::elsewhere()),
        }
    }

    /// Sends what is queued at once, and takes nothing more. Whoever owned the outlet has dropped it.
    pub(crate) fn close(&self) {
        for message in self.ring.iter().flat_map(Ring::close) {
            // What cannot be sent any more is lost with its connection.
            drop(self.connection.send_now(&message));
        }
    }

    fn since(&self, time: Instant) -> u64 {
        let since = time.saturating_duration_since(self.began);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cold]
fn too_fast() -> SystemException {
    SystemException::new(Kind::Timeout, 0, Completed::No)
        .with_message("sending faster than was granted: the time was over")
}

/// What callers have queued for a flow of their own; who owns it sends that, and does so in time.
pub struct Outlet {
    sender: Arc<Sender>,
    /// A message that was taken and could not be sent yet.
    held: Option<BytesMut>,
    sent: u64,
    octets: u64,
}

/// How far an [`Outlet`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// All that was queued is sent.
    Empty,
    /// There is or may be more: it was stopped, or callers have used up the pace, or the network takes nothing for now.
    NotYet,
    /// The connection has ended.
    Ended,
}

impl Outlet {
    pub(crate) fn new(sender: Arc<Sender>) -> Self {
        Self {
            sender,
            held: None,
            sent: 0,
            octets: 0,
        }
    }

    /// Has `waker` woken, from any thread, when something is queued. Defaults to nobody: who sends each period looks by
    /// himself. The first one counts.
    pub fn wake_by(&self, waker: Waker) {
        // One owner, who says so once.
        drop(self.sender.waker.set(waker));
    }

    /// Sends what is queued, as far as the pace allows, asking `go_on` after each message. Never blocks.
    pub fn run(&mut self, mut go_on: impl FnMut() -> bool) -> Drained {
        let Some(ring) = &self.sender.ring else {
            return Drained::Empty;
        };
        let now = self.sender.since(Instant::now());
        let drained = loop {
            if !self.sender.connection.is_open() {
                break Drained::Ended;
            }
            let message = match self.held.take() {
                Some(message) => message,
                None if ring.is_empty() => break Drained::Empty,
                None if self.sender.connection.has_backlog() || !self.sender.pace.take_early(now) => {
                    break Drained::NotYet;
                }
                None => match ring.take() {
                    Some(message) => message,
                    None => break Drained::Empty,
                },
            };
            match self.sender.connection.send_now(&message) {
                Ok(()) => {
                    self.sent += 1;
                    self.octets += message.len() as u64;
                    ring.sent(message);
                }
                Err(WriteError::Broken { .. }) => {
                    // Whoever reads from it finds out, and ends it: that takes locks.
                    self.sender.connection.have_a_look();
                    break Drained::Ended;
                }
                Err(WriteError::Full | WriteError::Timeout) => {
                    self.held = Some(message);
                    break Drained::NotYet;
                }
            }
            if !go_on() {
                break Drained::NotYet;
            }
        };
        if ring.wake() { drained } else { Drained::NotYet }
    }

    /// Returns how many messages were sent so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Returns how many octets that were.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Returns the server's address.
    pub fn peer(&self) -> &Endpoint {
        self.sender.connection.peer()
    }

    /// Returns what the connection travels on.
    pub fn link(&self) -> &Arc<dyn Link> {
        self.sender.connection.carrier()
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        if let Some(message) = self.held.take() {
            drop(self.sender.connection.send_now(&message));
        }
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet")
            .field("peer", self.peer())
            .finish_non_exhaustive()
    }
}

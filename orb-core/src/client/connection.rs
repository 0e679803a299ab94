// SPDX-License-Identifier: MIT OR Apache-2.0
//! One connection to a server, shared by all threads that call it.

mod attend;
mod collect;
mod datagrams;
mod lead;
mod watch;

use self::datagrams::Numbered;
pub(super) use self::lead::Lead;

use std::{
    cell::Cell,
    collections::VecDeque,
    fmt,
    io::IoSlice,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Poll, Waker},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use self::collect::Collecting;
use super::{
    executive::Executive,
    failure::{Cause, Delivery, Failure},
    reader::Reader,
    slots::Slots,
    writer::{Patience, Surroundings, WriteError, Writer},
};
use crate::{
    cdr::{Encoder, Endian, Version},
    codeset::CodeSets,
    flow::FlowTerms,
    giop::{self, Limits, MessageType},
    orb::OrbConfig,
    transport::{Endpoint, Interest, Link},
};

/// After so long without a call the connection is looked at before it is used: the peer may have closed it.
const STALE_AFTER: Duration = Duration::from_millis(10);

/// What a connection takes from the ORB's settings.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    busy_poll: Duration,
    limits: Limits,
    max_outstanding: usize,
    max_queued_bytes: usize,
}

impl From<&OrbConfig> for Settings {
    fn from(config: &OrbConfig) -> Self {
        Self {
            busy_poll: config.busy_poll,
            limits: Limits {
                message: config.max_message_size,
                ..Limits::default()
            },
            max_outstanding: config.max_outstanding,
            max_queued_bytes: config.max_queued_bytes,
        }
    }
}

/// A connection to a server.
#[derive(Debug)]
pub(crate) struct Connection {
    link: Arc<dyn Link>,
    settings: Settings,
    executive: Arc<Executive>,
    /// By which the executive knows this connection.
    token: u64,
    writer: Writer,
    collecting: Collecting,
    shared: Mutex<Shared>,
    open: AtomicBool,
    /// Whether somebody keeps it for himself, so that it may idle.
    kept: AtomicBool,
    /// Whether a reply has come: from then on the peer knows what was negotiated.
    answered: AtomicBool,
    /// What numbers messages, where they travel in datagrams.
    datagrams: Option<Numbered>,
    /// Who keeps this connection, and must let go when it ends, so that its descriptor is closed.
    users: Mutex<Users>,
}

#[derive(Default)]
struct Users {
    list: Vec<Weak<dyn ConnectionUser>>,
    /// At this length those that are gone are taken out.
    prune_at: usize,
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} users", self.list.len())
    }
}

/// Keeps a connection for its calls.
pub(crate) trait ConnectionUser: Send + Sync {
    /// The connection has ended: it need not be kept.
    fn connection_ended(&self);

    /// The connection is about to be ended at this end: what is queued for it is sent now. Defaults to nothing.
    fn connection_ends(&self) {}
}

#[derive(Debug)]
struct Shared {
    slots: Slots<Delivery>,
    /// The receiving side; taken out by the thread that leads.
    reader: Option<Box<Reader>>,
    /// Who sleeps, in the order they came; some may have got their reply meanwhile.
    followers: VecDeque<u32>,
    failure: Option<Failure>,
    /// Senders that are blocked: replies must be read while they are.
    blocked: usize,
    /// What the executive has been asked to look for.
    watched: Interest,
    /// Whether the writer has a backlog.
    backlog: bool,
    last_used: Instant,
}

/// How long a caller waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    /// When it gives up.
    pub(crate) deadline: Instant,
    /// What was left of it when the clock was last looked at.
    pub(crate) left: Duration,
}

impl Wait {
    /// Waits until `deadline`, seen from `now`.
    pub(crate) fn until(deadline: Instant, now: Instant) -> Self {
        Self {
            deadline,
            left: deadline.saturating_duration_since(now),
        }
    }

    /// Looks at the clock; `false` when the time is over.
    fn look(&mut self) -> bool {
        self.left = self.deadline.saturating_duration_since(Instant::now());
        !self.left.is_zero()
    }
}

impl Connection {
    /// Takes over a connected link.
    pub(crate) fn new(
        link: Arc<dyn Link>,
        settings: Settings,
        executive: Arc<Executive>,
        token: u64,
        now: Instant,
        kept: bool,
    ) -> Self {
        let shared = Shared {
            slots: Slots::new(settings.max_outstanding),
            reader: Some(Box::new(Reader::new(settings.limits))),
            followers: VecDeque::new(),
            failure: None,
            blocked: 0,
            watched: Interest::NONE,
            backlog: false,
            last_used: now,
        };
        Self {
            datagrams: Numbered::on(&*link),
            link,
            executive,
            token,
            writer: Writer::new(settings.max_queued_bytes),
            collecting: Collecting::default(),
            settings,
            shared: Mutex::new(shared),
            open: AtomicBool::new(true),
            kept: AtomicBool::new(kept),
            answered: AtomicBool::new(false),
            users: Mutex::default(),
        }
    }

    /// Puts the connection into its executive's care.
    pub(crate) fn adopted(self: Arc<Self>) -> Arc<Self> {
        self.executive.adopt(self.token, &self, self.link.fd());
        self
    }

    /// Returns the server's address.
    pub(crate) fn peer(&self) -> &Endpoint {
        self.link.peer()
    }

    /// Returns what it travels on.
    pub(crate) fn carrier(&self) -> &Arc<dyn Link> {
        &self.link
    }

    /// Tells whether requests can be sent.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        // Relaxed: who finds out too late gets the failure from `begin`.
        self.open.load(Ordering::Relaxed)
    }

    /// Tells whether the peer has answered anything yet.
    #[inline]
    pub(crate) fn is_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Notes who keeps this connection.
    pub(crate) fn add_user(&self, user: Weak<dyn ConnectionUser>) {
        let mut users = self.users.lock();
        if users.list.len() >= users.prune_at {
            users.list.retain(|user| user.strong_count() > 0);
            users.prune_at = 2 * users.list.len() + 8;
        }
        users.list.push(user);
    }

    /// Reserves a request id.
    pub(crate) fn begin(&self, now: Instant) -> Result<u32, Failure> {
        let mut shared = self.shared.lock();
        if shared.needs_a_look(now) {
            shared = self.look_again(shared)?;
        }
        self.open_slot(&mut shared, now)
    }

    /// Reserves a request id for a thread that will wait for the reply, and with it the lead, if that is free.
    #[inline]
    pub(super) fn begin_leading(&self, now: Instant) -> Result<(u32, Option<Lead<'_>>), Failure> {
        let mut shared = self.shared.lock();
        if shared.needs_a_look(now) {
            shared = self.look_again(shared)?;
        }
        let id = self.open_slot(&mut shared, now)?;
        Ok((id, self.take_lead(&mut shared)))
    }

    #[inline]
    fn open_slot(&self, shared: &mut Shared, now: Instant) -> Result<u32, Failure> {
        shared.last_used = now;
        match (&shared.failure, shared.slots.open()) {
            (None, Some(id)) => Ok(id),
            (Some(failure), _) => Err(unsent(failure)),
            (None, None) => Err(self.too_many()),
        }
    }

    #[cold]
    fn too_many(&self) -> Failure {
        let text = format!("{}: too many requests wait for a reply", self.peer());
        Failure::new(Cause::Overloaded, text)
    }

    /// Sends one message; `deadline` is `None` for a caller that does not wait.
    pub(crate) fn send(&self, message: &Encoder<'_>, deadline: Option<Instant>) -> Result<(), WriteError> {
        self.send_within(self, message, deadline)
    }

    /// Sends one message, or as much as the link takes now, leaving the rest to the executive. Unlike [`Connection::send`] it
    /// ends nothing if that fails.
    pub(super) fn send_now(&self, message: &[u8]) -> Result<(), WriteError> {
        let patience = Patience { deadline: None };
        self.writer.send(self, &mut [IoSlice::new(message)], patience)
    }

    /// Tells whether something was left to the executive to send.
    pub(super) fn has_backlog(&self) -> bool {
        self.writer.has_backlog()
    }

    /// Has the executive look at the link: it finds out that it is broken.
    #[cold]
    pub(super) fn have_a_look(&self) {
        self.flush_later();
    }

    /// Has the link suit what the plan of its flow comes to; without one it sends as fast as it goes.
    pub(crate) fn suit(&self, terms: Option<&FlowTerms>) {
        self.link.set_pace(terms.and_then(|terms| terms.pace));
        if let Some(FlowTerms { receive, send, .. }) = terms
            && let Err(error) = self.link.set_buffers(*receive, *send)
        {
            tracing::warn!(peer = %self.peer(), %error, "the buffers stay as they are");
        }
    }

    /// Sends one message; `around` is told when that blocks.
    #[inline]
    pub(super) fn send_within(
        &self,
        around: &impl Surroundings,
        message: &Encoder<'_>,
        deadline: Option<Instant>,
    ) -> Result<(), WriteError> {
        let patience = Patience { deadline };
        let result = if message.is_contiguous() {
            let mut parts = message.parts();
            self.writer.send(
                around,
                &mut [IoSlice::new(parts.next().unwrap_or_default())],
                patience,
            )
        } else {
            let mut parts: Vec<_> = message.parts().map(IoSlice::new).collect();
            self.writer.send(around, &mut parts, patience)
        };
        self.ended_by(result)
    }

    /// Takes the reply if it was delivered.
    #[inline]
    pub(crate) fn take_delivered(&self, id: u32) -> Option<Delivery> {
        self.shared.lock().slots.take(id)
    }

    /// Takes the reply if it is there. Reads what has arrived if nobody else does, but does not wait.
    pub(crate) fn try_take(&self, id: u32) -> Option<Delivery> {
        let mut shared = self.shared.lock();
        if let Some(delivery) = shared.slots.take(id) {
            return Some(delivery);
        }
        let lead = self.take_lead(&mut shared);
        drop(shared);
        self.send_collected();
        self.read_what_is_there(lead?);
        self.shared.lock().slots.take(id)
    }

    /// Takes the reply if it is there, or notes whom to wake when it is; the executive reads meanwhile.
    pub(crate) fn poll(&self, id: u32, waker: &Waker, deadline: Instant) -> Poll<Delivery> {
        let mut shared = self.shared.lock();
        if let Some(delivery) = shared.slots.take(id) {
            return Poll::Ready(delivery);
        }
        shared.slots.set_waker(id, waker, deadline);
        self.watch_if_needed(&mut shared);
        drop(shared);
        self.send_collected();
        self.executive.expect_by(deadline);
        Poll::Pending
    }

    /// Gives a request up and tells the server, if it may still be at work on it.
    pub(crate) fn cancel(&self, id: u32, version: Version) {
        let in_flight = self.shared.lock().slots.abandon(id);
        if in_flight {
            self.send_cancel(id, version);
        }
    }

    /// Gives a request up whose time is over, and tells the server.
    #[cold]
    pub(crate) fn give_up(&self, id: u32, version: Version) {
        self.shared.lock().slots.abandon(id);
        self.send_cancel(id, version);
    }

    fn send_cancel(&self, id: u32, version: Version) {
        if self.is_open() {
            let mut message = Encoder::new(Endian::NATIVE, version, CodeSets::UNNEGOTIATED);
            giop::begin(&mut message, MessageType::CancelRequest);
            message.ulong(id);
            if giop::finish(&mut message, None).is_ok() {
                // A courtesy: it is not worth waiting for.
                drop(self.send(&message, None));
            }
        }
    }

    /// Forgets a request that was not sent.
    pub(crate) fn retract(&self, id: u32) {
        let mut shared = self.shared.lock();
        // A failure may have been delivered to it meanwhile.
        if shared.slots.take(id).is_none() {
            shared.slots.close(id);
        }
    }

    /// Returns what ended the connection.
    #[cold]
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.shared.lock().failure.clone()
    }

    /// Ends the connection: everybody who waits gets `failure`.
    #[cold]
    pub(crate) fn fail(&self, failure: Failure) {
        let mut shared = self.shared.lock();
        if shared.failure.is_some() {
            return;
        }
        tracing::debug!(peer = %self.peer(), ?failure, in_flight = shared.slots.live(), "connection ends");
        self.open.store(false, Ordering::Relaxed);
        let wakers = shared.slots.deliver_all(|| Err(failure.clone()));
        shared.failure = Some(failure);
        drop(shared);
        wakers.into_iter().for_each(Waker::wake);
        self.writer.break_off(std::io::ErrorKind::NotConnected);
        self.link.shutdown();
        self.executive.forget(self.token, self.link.fd());
        let users = std::mem::take(&mut self.users.lock().list);
        for user in users.iter().filter_map(Weak::upgrade) {
            user.connection_ended();
        }
    }

    /// Ends the connection since the ORB ends, after what was queued for it.
    pub(super) fn shut_down(&self) {
        let users = self.users.lock().list.clone();
        for user in users.iter().filter_map(Weak::upgrade) {
            user.connection_ends();
        }
        self.send_collected();
        self.fail(Failure::new(Cause::Shutdown, "the ORB was shut down"));
    }

    /// Gives up a connection that was kept: it is closed now, or, if something is still to be sent, once it idles.
    pub(crate) fn release(&self) {
        self.kept.store(false, Ordering::Relaxed);
        self.close_if_idle(Instant::now());
    }

    /// Closes the connection if nothing is in flight and it was not used since `before`.
    pub(crate) fn close_if_idle(&self, before: Instant) -> bool {
        if self.kept.load(Ordering::Relaxed) {
            return false;
        }
        let shared = self.shared.lock();
        let idle = shared.slots.live() == 0 && shared.last_used <= before && !shared.backlog;
        drop(shared);
        if idle {
            self.fail(Failure::new(
                Cause::Closed,
                format!("connection to {}: closed after idling", self.peer()),
            ));
        }
        idle
    }
}

impl Shared {
    /// Whether the peer may have closed the connection while nobody looked.
    #[inline]
    fn needs_a_look(&self, now: Instant) -> bool {
        self.slots.live() == 0 && now.saturating_duration_since(self.last_used) > STALE_AFTER
    }
}

/// What a connection's failure means to a request that was not sent yet: it can go elsewhere.
#[cold]
fn unsent(failure: &Failure) -> Failure {
    match failure.cause {
        Cause::Shutdown => failure.clone(),
        _ => failure.clone().with_cause(Cause::Closed),
    }
}

/// A request that is being sent by the thread that leads: if that blocks, somebody else must lead.
pub(super) struct Sending<'c> {
    pub(super) connection: &'c Connection,
    lead: Cell<Option<Lead<'c>>>,
}

impl<'c> Sending<'c> {
    #[inline]
    pub(super) fn new(connection: &'c Connection, lead: Option<Lead<'c>>) -> Self {
        Self {
            connection,
            lead: Cell::new(lead),
        }
    }

    /// Returns the lead, if it is still held.
    #[inline]
    pub(super) fn into_lead(self) -> Option<Lead<'c>> {
        self.lead.into_inner()
    }
}

impl Surroundings for Sending<'_> {
    #[inline]
    fn link(&self) -> &dyn Link {
        self.connection.link()
    }

    fn before_blocking(&self) {
        drop(self.lead.take());
        self.connection.before_blocking();
    }

    fn after_blocking(&self) {
        self.connection.after_blocking();
    }

    fn flush_later(&self) {
        self.connection.flush_later();
    }
}

impl Surroundings for Connection {
    fn link(&self) -> &dyn Link {
        self.link.as_ref()
    }

    fn before_blocking(&self) {
        let mut shared = self.shared.lock();
        shared.blocked += 1;
        self.watch_if_needed(&mut shared);
    }

    fn after_blocking(&self) {
        self.shared.lock().blocked -= 1;
    }

    fn flush_later(&self) {
        let mut shared = self.shared.lock();
        shared.backlog = true;
        self.watch(&mut shared, Interest::WRITE_ONCE);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the ORB asks of a transport: links that carry bytes, listeners, and a poller.
//!
//! The ORB owns these traits and names no implementation. They are used at connection granularity and above, so
//! they are `dyn`; a call costs one [`Link::send`] and one [`Link::recv`].

use std::{
    fmt,
    io::{self, IoSlice},
    os::fd::BorrowedFd,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};

use crate::rtcorba::TcpProtocolProperties;

mod endpoint;
mod flow;
mod tap;

pub use endpoint::{Endpoint, EndpointError};
pub use flow::{Pace, Windows};
pub use tap::{Direction, Tap};

/// A way to reach other ORBs, known by its URL scheme (`iiop`, `apic`).
pub trait Transport: Send + Sync + fmt::Debug {
    /// Returns the URL scheme this transport serves.
    fn scheme(&self) -> &str;

    /// Returns the identity of the place within which this transport's endpoints mean something, such as one machine;
    /// `None` if they mean the same everywhere. References name such an endpoint along with the place.
    fn locality(&self) -> Option<&str> {
        None
    }

    /// Opens a link to `endpoint`, giving up at `deadline`.
    ///
    /// # Errors
    ///
    /// A [`TransportError`] that names the endpoint and what failed.
    fn connect(&self, endpoint: &Endpoint, deadline: Instant) -> Result<Arc<dyn Link>, TransportError>;

    /// Opens a link likewise, which is like this from its first packet on. One without TCP knows nothing of it.
    ///
    /// # Errors
    ///
    /// As [`Transport::connect`].
    fn connect_with(
        &self,
        endpoint: &Endpoint,
        deadline: Instant,
        _properties: &TcpProtocolProperties,
    ) -> Result<Arc<dyn Link>, TransportError> {
        self.connect(endpoint, deadline)
    }

    /// Listens at `endpoint`; port 0 asks for any free port.
    ///
    /// # Errors
    ///
    /// A [`TransportError`] that names the endpoint and what failed.
    fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, TransportError>;

    /// Listens at another endpoint beside `endpoint`, for some of what is reached there: at the same host, and any free port.
    ///
    /// # Errors
    ///
    /// As [`Transport::listen`].
    fn listen_beside(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, TransportError> {
        self.listen(&endpoint.with_port(0))
    }

    /// Creates a poller for this transport's links and listeners.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn poller(&self) -> io::Result<Arc<dyn Poller>>;

    /// Is called when the ORB has shut down: nothing will be asked of the transport any more, and what it holds beside its links
    /// and listeners can go. References may outlive their ORB for long.
    fn stop(&self) {}
}

/// One connection: an ordered stream of bytes in each direction.
///
/// Sending and receiving are independent; each is done by one thread at a time, which the owner sees to.
pub trait Link: Send + Sync + fmt::Debug {
    /// Sends the parts in order and returns how many bytes went out; blocks while nothing can be sent.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when `timeout` passed (or came close: the caller looks at the clock);
    /// anything else means that the link is broken.
    fn send(&self, parts: &[IoSlice<'_>], timeout: Option<Duration>) -> io::Result<usize>;

    /// Sends as [`Link::send`] does, but never blocks.
    ///
    /// # Errors
    ///
    /// As [`Link::send`].
    fn try_send(&self, parts: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Receives into the spare capacity of `buffer` (which must not be empty), blocking while nothing is there.
    /// Returns the number of bytes appended; 0 is the end of the stream.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when `timeout` passed (or came close: the caller looks at the clock);
    /// anything else means that the link is broken.
    fn recv(&self, buffer: &mut BytesMut, timeout: Option<Duration>) -> io::Result<usize>;

    /// Receives as [`Link::recv`] does, but never blocks.
    ///
    /// # Errors
    ///
    /// As [`Link::recv`].
    fn try_recv(&self, buffer: &mut BytesMut) -> io::Result<usize>;

    /// Returns whether so many octets of one message are handed on where they lie, with
    /// [`recv_where_it_lies`](Self::recv_where_it_lies). Defaults to never.
    fn hands_on(&self, _octets: usize) -> bool {
        false
    }

    /// Receives at most `most` octets without copying them, once they are all there; or fewer, where what comes next does not
    /// lie right behind. None is the end of the stream. Their sender could still change them: he is trusted not to, but
    /// nothing may depend on it. With a timeout of zero it never blocks.
    ///
    /// # Errors
    ///
    /// As [`Link::recv`]; and [`io::ErrorKind::Unsupported`], which is the default, from one that hands nothing on so.
    fn recv_where_it_lies(&self, _most: usize, _timeout: Option<Duration>) -> io::Result<Bytes> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Describes a link that carries datagrams; `None`, the default, for a stream. A receive then brings one datagram, whole if
    /// there is room, and each send is one, whole or not at all. Some are lost, or come in another order, or twice, and at a
    /// listener's from anybody.
    fn datagrams(&self) -> Option<Datagrams> {
        None
    }

    /// Returns memory of so many octets for somebody to fill and keep: what lies there once it is frozen is sent without a copy,
    /// in whole or in part. `None` if there is none, or it would be of no use for so few; that is the default.
    fn buffer(&self, _octets: usize) -> Option<Box<dyn Registered>> {
        None
    }

    /// Ends both directions: blocked calls return, the peer sees the end of the stream.
    fn shutdown(&self);

    /// Ends the sending direction only: what was sent still arrives.
    fn shutdown_send(&self) {
        self.shutdown();
    }

    /// Asks for room for so many bytes on their way in and out, beside what the transport itself needs for them; what is not
    /// sent yet is to have no more than that. One that
    /// has no say in that does nothing, and one that bounds it gives as much as it may.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn set_buffers(&self, _receive: usize, _send: usize) -> io::Result<()> {
        Ok(())
    }

    /// Returns how much may be under way at a time, as it is now; `None` where nobody knows, which is the default. Cheap enough
    /// to be asked now and then on a flow's path.
    fn windows(&self) -> Option<Windows> {
        None
    }

    /// Sets how fast it may send; `None` is as fast as it goes. What there is no time for yet is treated as if there were no room
    /// for it. A link that somebody else paces, such as the operating system, does nothing.
    fn set_pace(&self, _pace: Option<Pace>) {}

    /// Returns when its pace lets it send again, if that is what is in the way: no descriptor tells of it. Defaults to never
    /// being in the way.
    fn paced_until(&self) -> Option<Instant> {
        None
    }

    /// Returns the other side's address.
    fn peer(&self) -> &Endpoint;

    /// Returns this side's address.
    fn local(&self) -> &Endpoint;

    /// Returns the descriptor a [`Poller`] watches; `None` for a link that cannot be polled.
    fn fd(&self) -> Option<BorrowedFd<'_>>;

    /// Sees to it that the descriptor tells of `interest` from now on, until the next receive; returns what of it the poller
    /// is to watch for, or `None` if it is there already, and the descriptor will not tell. Called before a thread relies on a
    /// poller. A link that the operating system carries has nothing to do here.
    fn watch(&self, interest: Interest) -> Option<Interest> {
        Some(interest)
    }

    /// Is called when a poller told that the descriptor is [closed](Event::closed), which it tells once: the next receive is to
    /// find the end, behind what came before. A link that the operating system carries has nothing to do here.
    fn hung_up(&self) {}

    /// Shows `tap` each packet from now on, as it travels, until [`Link::untap`]. What goes on at that time is not held up.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`] for a link whose packets somebody else makes, such as the operating system, and
    /// [`io::ErrorKind::ResourceBusy`] if there is a tap already.
    fn tap(&self, _tap: Box<dyn Tap>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Takes the tap off and drops it, if there is one.
    fn untap(&self) {}
}

/// What a link that carries datagrams is like, and what it did not hand on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Datagrams {
    /// The most octets that one may have.
    pub longest: usize,
    /// How many came and were dropped for want of room.
    pub overruns: u64,
    /// How many came without any octets.
    pub empty: u64,
}

/// Memory of a link's, that somebody fills.
pub trait Registered: AsRef<[u8]> + AsMut<[u8]> + Send + Sync {
    /// Makes it octets that nobody writes any more.
    fn freeze(self: Box<Self>) -> Bytes;
}

/// Where connections arrive.
pub trait Listener: Send + Sync + fmt::Debug {
    /// Accepts one connection that is already there; never blocks.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when there is none.
    fn accept(&self) -> io::Result<Arc<dyn Link>>;

    /// Asks for room as [`Link::set_buffers`] does, for the connections to come; so even the first of their windows is as
    /// large.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn set_buffers(&self, _receive: usize, _send: usize) -> io::Result<()> {
        Ok(())
    }

    /// Sets what the connections to come are like. One without TCP does nothing.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn set_properties(&self, _properties: &TcpProtocolProperties) -> io::Result<()> {
        Ok(())
    }

    /// Returns the address that was bound, with the port filled in.
    fn local(&self) -> &Endpoint;

    /// Returns the descriptor a [`Poller`] watches.
    fn fd(&self) -> Option<BorrowedFd<'_>>;
}

/// Waits for many links at once.
pub trait Poller: Send + Sync + fmt::Debug {
    /// Watches `source`; its events carry `token`.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn add(&self, source: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()>;

    /// Changes what `source` is watched for; arms it again after a one-shot event.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn modify(&self, source: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()>;

    /// Stops watching `source`.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn remove(&self, source: BorrowedFd<'_>) -> io::Result<()>;

    /// Replaces `events` with what happened, waiting at most `timeout` (`None`: for ever, or until [`Poller::wake`]).
    /// Several threads may wait at once; each event goes to one of them.
    ///
    /// # Errors
    ///
    /// What the operating system says; an interruption by a signal is not an error and yields no events.
    fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()>;

    /// Makes one waiting thread (or the next that waits) return.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn wake(&self) -> io::Result<()>;
}

/// What a source is watched for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Bytes (or a connection) to read.
    pub readable: bool,
    /// Room to write.
    pub writable: bool,
    /// Report each change once, not the state.
    pub edge: bool,
    /// Report once, then wait to be armed again.
    pub oneshot: bool,
}

impl Interest {
    /// Nothing: registered, but not armed.
    pub const NONE: Self = Self {
        readable: false,
        writable: false,
        edge: false,
        oneshot: true,
    };
    /// Readable, once.
    pub const READ_ONCE: Self = Self {
        readable: true,
        writable: false,
        edge: false,
        oneshot: true,
    };
    /// Writable, once.
    pub const WRITE_ONCE: Self = Self {
        readable: false,
        writable: true,
        edge: false,
        oneshot: true,
    };
    /// Readable, each time something new arrives.
    pub const READ_EDGE: Self = Self {
        readable: true,
        writable: false,
        edge: true,
        oneshot: false,
    };
    /// Readable, as long as it is.
    pub const READ: Self = Self {
        readable: true,
        writable: false,
        edge: false,
        oneshot: false,
    };
}

/// What happened at one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The token given when the source was added.
    pub token: u64,
    /// There is something to read (the end of the stream included).
    pub readable: bool,
    /// There is room to write.
    pub writable: bool,
    /// The peer has gone, or the source is broken.
    pub closed: bool,
}

/// Why a transport could not connect or listen.
#[derive(Debug, thiserror::Error)]
#[error("{action} {endpoint}: {source}")]
pub struct TransportError {
    /// What was tried: `connect to`, `listen at`, `resolve`.
    pub action: &'static str,
    /// Where it was tried.
    pub endpoint: Endpoint,
    /// What failed.
    pub source: io::Error,
}

impl TransportError {
    /// Says what was tried, where, and what failed.
    pub fn new(action: &'static str, endpoint: &Endpoint, source: io::Error) -> Self {
        Self {
            action,
            endpoint: endpoint.clone(),
            source,
        }
    }

    /// Tells whether the time given was over.
    pub fn is_timeout(&self) -> bool {
        matches!(
            self.source.kind(),
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
        )
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! One connection as the server sees it: who reads it, and what goes out on it.
//!
//! One worker at a time owns the reading; [`Connection::epoch`] says which. A worker that stays too long in a servant loses
//! it to another, and notices when it comes back for the next message.

mod datagrams;
mod packed;
mod wait;

use std::{
    io::IoSlice,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::BytesMut;
use parking_lot::{Mutex, MutexGuard};

pub(super) use self::wait::Wait;
use self::{datagrams::Tally, packed::pack};
use crate::{
    codeset::CodeSets,
    datagram::Senders,
    giop::{self, Assembler, GiopError, Limits, Message},
    intake::{recv_where_it_lies, wanted_where_it_lies},
    servant::Adapter,
    server::{
        ServerConfig,
        outbox::{Outbox, Sent},
    },
    transport::{Endpoint, Interest, Link, Poller},
};

/// Size of the buffer a worker lends to the connection it serves.
const RECEIVE_BUFFER: usize = 16 * 1024;
/// Room for at least this much is made before each receive.
const ROOM: usize = 4 * 1024;

/// The receiving side of a connection.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) assembler: Assembler,
    /// Whether a worker owns the reading.
    pub(super) owned: bool,
    /// When it was served last.
    pub(super) served: Instant,
    /// Nothing is read any more: what comes is thrown away until the peer closes.
    draining: bool,
    /// Who sent what, where messages are datagrams.
    senders: Option<Box<Senders>>,
}

/// What a worker finds when it wants the next message.
#[derive(Debug)]
pub(super) enum Next {
    /// A message, which was put where it was asked for, in these code sets; `more` if another is there already.
    Message { codesets: CodeSets, more: bool },
    /// All that had come was taken.
    Drained,
    /// Nothing came in the time given.
    Nothing,
    /// Another worker reads now.
    NotOurs,
    /// The peer has closed, or the link is broken.
    Ended,
    /// The peer broke the rules.
    Wrong(GiopError),
}

/// How long somebody waits at a time for a lock that is held for long only by who reads.
const MOMENT: Duration = Duration::from_millis(1);

/// What a receive brought.
enum Received {
    /// Octets; whether they were `all` there were.
    Some {
        all: bool,
    },
    Nothing,
    End,
}

/// How a connection is served.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) max_message_size: usize,
    /// Who serves its requests, if it is not the server's adapter.
    pub(super) adapter: Option<Arc<dyn Adapter>>,
    /// It is closed once a request was answered.
    pub(super) once: bool,
    /// It has one owner for good, who watches it and waits for nobody.
    pub(super) flow: bool,
}

impl Terms {
    /// Those of most connections.
    pub(super) fn of(config: &ServerConfig) -> Self {
        Self {
            max_message_size: config.max_message_size,
            adapter: None,
            once: false,
            flow: false,
        }
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) link: Arc<dyn Link>,
    pub(super) token: u64,
    pub(super) terms: Terms,
    inbox: Mutex<Inbox>,
    /// Changes, under the inbox's lock, whenever reading passes from one worker to another.
    epoch: AtomicU64,
    /// What the connection's characters travel in, see [`pack`].
    codesets: AtomicU8,
    outbox: Mutex<Outbox>,
    /// What became of datagrams, if it carries these.
    datagrams: Option<Box<Tally>>,
    /// Something came in while a worker owned the reading.
    dirty: AtomicBool,
    /// The peer has closed its side, so a short read is not all there is: the end of the stream follows.
    hung_up: AtomicBool,
    /// The peer takes no more replies, so no more requests are taken from it.
    backed_up: AtomicBool,
    /// Its owner decides on something, and nobody takes the reading away.
    pinned: AtomicBool,
    /// What was sent last could not be: nobody is there for replies any more.
    broken: AtomicBool,
    /// The owner may block in a receive, the inbox locked.
    lingering: AtomicBool,
    /// Received until now, in octets; messages taken until now; and whether a message is under way. For housekeeping,
    /// which must not wait for a worker that blocks in a receive.
    pub(super) received: AtomicU64,
    pub(super) taken: AtomicU64,
    pub(super) partial: AtomicBool,
    /// What housekeeping saw last: a fingerprint of progress, and when it changed (in ms of the server's life).
    pub(super) seen: AtomicU64,
    pub(super) seen_at: AtomicU64,
    /// What had been received then.
    pub(super) received_then: AtomicU64,
}

impl Connection {
    pub(super) fn new(link: Arc<dyn Link>, token: u64, terms: Terms) -> Self {
        let limits = Limits {
            message: terms.max_message_size,
            ..Limits::default()
        };
        let outbox = Mutex::new(Outbox::new(!terms.flow));
        let datagrams = link.datagrams().map(|_| Box::default());
        Self {
            link,
            token,
            terms,
            inbox: Mutex::new(Inbox {
                assembler: Assembler::new(limits),
                owned: false,
                served: Instant::now(),
                draining: false,
                senders: datagrams.as_ref().map(|_| Box::default()),
            }),
            epoch: AtomicU64::new(0),
            codesets: AtomicU8::new(pack(CodeSets::UNNEGOTIATED)),
            outbox,
            datagrams,
            dirty: AtomicBool::new(false),
            hung_up: AtomicBool::new(false),
            backed_up: AtomicBool::new(false),
            pinned: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            lingering: AtomicBool::new(false),
            received: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            partial: AtomicBool::new(false),
            seen: AtomicU64::new(0),
            seen_at: AtomicU64::new(0),
            received_then: AtomicU64::new(0),
        }
    }

    pub(super) fn peer(&self) -> &Endpoint {
        self.link.peer()
    }

    /// Takes the reading, unless another worker has it; that one then looks again before it lets go. Tells too how
    /// long ago the connection was served.
    pub(super) fn own(&self) -> Option<(u64, Duration)> {
        // SeqCst pairs with the load in `let_go`: either the owner sees the flag, or we see that it has let go.
        self.dirty.store(true, Ordering::SeqCst);
        let mut inbox = self.briefly()?;
        (!inbox.owned).then(|| (self.take(&mut inbox), inbox.served.elapsed()))
    }

    /// Has the owner look again before it lets go: there may be messages that were received and not taken.
    pub(super) fn stir(&self) {
        self.dirty.store(true, Ordering::SeqCst);
    }

    /// Remembers that the peer has closed its side; before [`Connection::own`].
    pub(super) fn hang_up(&self) {
        self.link.hung_up();
        self.hung_up.store(true, Ordering::SeqCst);
    }

    fn take(&self, inbox: &mut Inbox) -> u64 {
        inbox.owned = true;
        self.epoch.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Locks the receiving side, unless its owner blocks in it, who then looks at `dirty` anyway.
    fn briefly(&self) -> Option<MutexGuard<'_, Inbox>> {
        loop {
            if self.lingering.load(Ordering::SeqCst) {
                return None;
            }
            if let Some(inbox) = self.inbox.try_lock_for(MOMENT) {
                return Some(inbox);
            }
        }
    }

    /// Locks the receiving side for the worker with `epoch`; `None` if it has lost the reading: the next owner may
    /// block in it for long.
    #[inline]
    fn as_owner(&self, epoch: u64) -> Option<MutexGuard<'_, Inbox>> {
        while self.epoch.load(Ordering::SeqCst) == epoch {
            if let Some(inbox) = self.inbox.try_lock().or_else(|| self.inbox.try_lock_for(MOMENT)) {
                return (self.epoch.load(Ordering::SeqCst) == epoch).then_some(inbox);
            }
        }
        None
    }

    /// Says that the owner will block in a receive; `false` if it is the owner no more.
    pub(super) fn linger(&self, epoch: u64) -> bool {
        let inbox = self.as_owner(epoch);
        if inbox.is_some() {
            self.lingering.store(true, Ordering::SeqCst);
        }
        inbox.is_some()
    }

    /// Lets go of the reading, and takes it again at once if something came in meanwhile.
    pub(super) fn let_go(&self, epoch: u64, spare: &mut Option<BytesMut>) -> Option<u64> {
        {
            let mut inbox = self.as_owner(epoch)?;
            if let Some(buffer) = inbox.assembler.take_buffer() {
                *spare = Some(buffer);
            }
            self.partial.store(!inbox.assembler.is_idle(), Ordering::Relaxed);
            inbox.served = Instant::now();
            inbox.owned = false;
            self.lingering.store(false, Ordering::SeqCst);
        }
        if self.is_backed_up() {
            return None;
        }
        let restless = self.dirty.load(Ordering::SeqCst) || self.hung_up.load(Ordering::SeqCst);
        if !restless && self.link.watch(Interest::READ_EDGE).is_some() {
            return None;
        }
        let mut inbox = self.briefly()?;
        (!inbox.owned).then(|| self.take(&mut inbox))
    }

    /// Takes the reading away from the worker with `epoch`, for the next one; `Some(true)` if there may be something
    /// to take at once. `None` if that worker has lost the reading already, or blocks in it (`patient` is `false`), or
    /// if `still` does not hold; and for flows, whose owner keeps it.
    pub(super) fn take_away(&self, epoch: u64, patient: bool, still: impl Fn() -> bool) -> Option<bool> {
        if self.terms.flow || self.pinned.load(Ordering::SeqCst) {
            return None;
        }
        let mut inbox = if patient {
            self.as_owner(epoch)?
        } else {
            self.inbox.try_lock()?
        };
        // Messages are taken under this lock, so what `still` sees cannot change here.
        let pinned = self.pinned.load(Ordering::SeqCst);
        if self.epoch.load(Ordering::SeqCst) != epoch || !inbox.owned || pinned || !still() {
            return None;
        }
        self.partial.store(!inbox.assembler.is_idle(), Ordering::Relaxed);
        self.epoch.fetch_add(1, Ordering::SeqCst);
        inbox.owned = false;
        self.lingering.store(false, Ordering::SeqCst);
        let is_there = inbox.assembler.wanted() == 0 || self.dirty.load(Ordering::SeqCst);
        Some(is_there || self.link.watch(Interest::READ_EDGE).is_none())
    }

    /// Keeps the reading with the worker with `epoch`; `false` if it has lost it, or if the connection is not at rest:
    /// something follows in the buffer, or is still to be sent.
    pub(super) fn pin(&self, epoch: u64) -> bool {
        let Some(inbox) = self.as_owner(epoch) else {
            return false;
        };
        let at_rest = inbox.assembler.is_idle() && !self.is_backed_up() && !self.outbox.lock().has_pending();
        self.pinned.store(at_rest, Ordering::SeqCst);
        at_rest
    }

    /// Lets the reading be taken away again.
    pub(super) fn unpin(&self) {
        self.pinned.store(false, Ordering::SeqCst);
    }

    /// Gives the reading up for good: nobody gets it any more. `false` if the worker with `epoch` does not have it.
    pub(super) fn retire(&self, epoch: u64) -> bool {
        let inbox = self.as_owner(epoch);
        if inbox.is_some() {
            // It stays owned, by nobody.
            self.epoch.fetch_add(1, Ordering::SeqCst);
            self.lingering.store(false, Ordering::SeqCst);
        }
        inbox.is_some()
    }

    /// Takes the next message, receiving if there is none; `drained` remembers that nothing more was there.
    pub(super) fn next(
        &self,
        epoch: u64,
        drained: &mut bool,
        wait: Wait,
        spare: &mut Option<BytesMut>,
        place: &mut Option<Message>,
        taken: impl FnOnce(),
    ) -> Next {
        let Some(mut inbox) = self.as_owner(epoch) else {
            return Next::NotOurs;
        };
        loop {
            match inbox.message(place) {
                Ok(()) if place.is_some() => {
                    let count = self.taken.load(Ordering::Relaxed) + 1;
                    self.taken.store(count, Ordering::Relaxed);
                    taken();
                    return Next::Message {
                        codesets: self.codesets(),
                        more: inbox.assembler.wanted() == 0,
                    };
                }
                Ok(()) if *drained => {
                    self.partial.store(!inbox.assembler.is_idle(), Ordering::Relaxed);
                    return Next::Drained;
                }
                Ok(()) => {}
                Err(error) => return Next::Wrong(error),
            }
            inbox.assembler.lend(|| {
                spare
                    .take()
                    .unwrap_or_else(|| BytesMut::with_capacity(RECEIVE_BUFFER))
            });
            match self.receive(&mut inbox, wait) {
                Received::End => return Next::Ended,
                Received::Nothing => return Next::Nothing,
                Received::Some { all } => *drained = all,
            }
        }
    }

    fn receive(&self, inbox: &mut MutexGuard<'_, Inbox>, wait: Wait) -> Received {
        if matches!(wait, Wait::No) {
            self.dirty.store(false, Ordering::SeqCst);
        }
        if let Some(tally) = &self.datagrams {
            return self.receive_datagram(inbox, wait, tally);
        }
        self.partial.store(!inbox.assembler.is_idle(), Ordering::Relaxed);
        let assembler = &mut inbox.assembler;
        let wanted = wanted_where_it_lies(assembler, &*self.link);
        let (room, result) = if wanted == 0 {
            let buffer = assembler.buffer(ROOM);
            let room = buffer.capacity() - buffer.len();
            (room, wait.recv(&*self.link, buffer))
        } else {
            let receive = |timeout| recv_where_it_lies(assembler, &*self.link, wanted, timeout);
            // Such a link tells by itself if there is more, before anybody relies on a poller.
            (usize::MAX, wait.receive(receive))
        };
        match result {
            Ok(0) => Received::End,
            Ok(count) => {
                // Only the owner counts.
                let received = self.received.load(Ordering::Relaxed) + count as u64;
                self.received.store(received, Ordering::Relaxed);
                // A stream socket that fills less than it could has no more at the moment (epoll(7)).
                let all = count < room
                    && !self.hung_up.load(Ordering::SeqCst)
                    && wanted_where_it_lies(&inbox.assembler, &*self.link) == 0;
                Received::Some { all }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                self.hung_up.store(false, Ordering::SeqCst);
                Received::Nothing
            }
            Err(error) => {
                tracing::debug!(peer = %self.peer(), %error, "connection broken");
                Received::End
            }
        }
    }

    /// Takes the memory of a large message back.
    pub(super) fn recycle(&self, epoch: u64, message: Message) {
        if let Some(mut inbox) = self.as_owner(epoch) {
            inbox.assembler.recycle(message);
        }
    }

    /// Changes how large a message may be, from the next one on.
    pub(super) fn limit_messages(&self, epoch: u64, bytes: usize) {
        if let Some(mut inbox) = self.as_owner(epoch) {
            inbox.assembler.limit_messages(bytes);
        }
    }

    /// Sends a message; `more` if another will follow at once.
    pub(super) fn send(&self, poller: &dyn Poller, message: &[IoSlice<'_>], more: bool) {
        let mut outbox = self.outbox.lock();
        let sent = outbox.send(&*self.link, message, more);
        self.look_after(poller, sent, &outbox);
    }

    /// Sends what was held back.
    pub(super) fn flush(&self, poller: &dyn Poller) {
        let mut outbox = self.outbox.lock();
        if outbox.has_pending() && outbox.blocked_since().is_none() {
            let sent = outbox.flush(&*self.link);
            self.look_after(poller, sent, &outbox);
        }
    }

    /// Goes on after the link became writable; `true` if everything went out and reading may go on.
    pub(super) fn unblock(&self, poller: &dyn Poller) -> bool {
        let mut outbox = self.outbox.lock();
        if outbox.blocked_since().is_none() {
            return false;
        }
        let sent = outbox.flush(&*self.link);
        if sent == Sent::Fine {
            self.backed_up.store(false, Ordering::SeqCst);
            outbox.release();
            return true;
        }
        self.look_after(poller, sent, &outbox);
        false
    }

    fn look_after(&self, poller: &dyn Poller, sent: Sent, outbox: &Outbox) {
        match sent {
            Sent::Fine => {}
            Sent::Blocked => {
                self.backed_up.store(true, Ordering::SeqCst);
                self.arm_with(poller, outbox);
            }
            // Whoever reads sees the end of the stream, and cleans up.
            Sent::Broken => {
                self.broken.store(true, Ordering::Relaxed);
                self.link.shutdown();
            }
        }
    }

    /// Has the poller report what this connection waits for.
    pub(super) fn arm(&self, poller: &dyn Poller) {
        self.arm_with(poller, &self.outbox.lock());
    }

    /// Changes to what is watched are made under the outbox's lock, so that none undoes another.
    fn arm_with(&self, poller: &dyn Poller, outbox: &Outbox) {
        let interest = if outbox.blocked_since().is_some() {
            Interest::WRITE_ONCE
        } else {
            Interest::READ_EDGE
        };
        self.watch(poller, interest);
    }

    /// Has the poller report nothing, while a worker stays with the connection.
    pub(super) fn disarm(&self, poller: &dyn Poller) -> bool {
        let outbox = self.outbox.lock();
        outbox.blocked_since().is_none() && self.watch(poller, Interest::NONE)
    }

    fn watch(&self, poller: &dyn Poller, interest: Interest) -> bool {
        let Some(fd) = self.link.fd().filter(|_| !self.terms.flow) else {
            return false;
        };
        // What is there already is reported at once: a descriptor that does not tell of it is always writable.
        let wanted = if interest.writable {
            self.link.watch(interest).unwrap_or(interest)
        } else {
            interest
        };
        let result = poller.modify(fd, self.token, wanted);
        if let Err(error) = &result {
            tracing::debug!(peer = %self.peer(), %error, "connection cannot be watched");
        }
        result.is_ok()
    }

    /// Tells whether the peer takes no replies at the moment.
    pub(super) fn is_backed_up(&self) -> bool {
        self.backed_up.load(Ordering::SeqCst)
    }

    /// Tells whether the peer has gone, or sending to it has ended otherwise.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Tells whether something came in that nobody is looking at.
    pub(super) fn is_restless(&self) -> bool {
        self.dirty.load(Ordering::SeqCst) && !self.is_backed_up()
    }

    /// Tells whether nothing is sent any more: the peer is to close.
    pub(super) fn is_closing(&self) -> bool {
        self.outbox.lock().is_closed()
    }

    /// Tells since when the peer takes nothing, if so.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        if !self.is_backed_up() {
            return None;
        }
        self.outbox.lock().blocked_since()
    }

    /// Lets go of the sending side's memory, unless it is in use.
    pub(super) fn rest(&self) {
        if let Some(mut outbox) = self.outbox.try_lock() {
            outbox.release();
        }
    }

    /// Sends a last message and closes this direction; what the peer still sends is thrown away.
    pub(super) fn say_goodbye(&self, message: &[u8]) {
        let mut outbox = self.outbox.lock();
        if outbox.is_closed() {
            return;
        }
        outbox.send(&*self.link, &[IoSlice::new(message)], false);
        outbox.close();
        self.link.shutdown_send();
    }

    /// Answers what made no sense: MessageError in our version (CORBA 3.3 Part 2 §9.4.8), and the end.
    pub(super) fn refuse(&self, epoch: u64, error: &GiopError) {
        if let Some(tally) = &self.datagrams {
            return tally.malformed();
        }
        tracing::warn!(peer = %self.peer(), %error, "message refused");
        self.dismiss(epoch, &giop::message_error(crate::cdr::Version::V1_2));
    }

    /// Sends a last message; what still comes is thrown away.
    pub(super) fn dismiss(&self, epoch: u64, message: &[u8]) {
        self.say_goodbye(message);
        if let Some(mut inbox) = self.as_owner(epoch) {
            inbox.draining = true;
        }
    }
}

impl Inbox {
    #[inline]
    fn message(&mut self, place: &mut Option<Message>) -> Result<(), GiopError> {
        if self.draining {
            self.assembler = Assembler::default();
            return Ok(());
        }
        *place = self.assembler.next_message()?;
        Ok(())
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What goes out on one connection: replies that wait for others of their burst, or for a slow peer.

use std::{
    io::{self, IoSlice},
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};

use crate::transport::Link;

/// Replies of a burst are sent together up to this many octets.
const TOGETHER: usize = 64 * 1024;
/// From this many octets on, sending waits for the peer for a moment instead of keeping a copy.
const WORTH_WAITING: usize = 64 * 1024;
/// How long a thread waits for a peer to take some of a large reply.
const PATIENCE: Duration = Duration::from_millis(40);
/// A buffer above this size is not kept.
const KEPT: usize = 128 * 1024;

/// The sending side of a connection.
#[derive(Debug)]
pub(super) struct Outbox {
    pending: BytesMut,
    blocked_since: Option<Instant>,
    closed: bool,
    waits: bool,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It went out, or waits for more of its burst.
    Fine,
    /// The peer takes no more: the rest waits until the link is writable.
    Blocked,
    /// The link is broken, or was closed.
    Broken,
}

impl Outbox {
    /// Makes an empty one; one that `waits` may block for a moment with a large message.
    pub(super) fn new(waits: bool) -> Self {
        Self {
            pending: BytesMut::new(),
            blocked_since: None,
            closed: false,
            waits,
        }
    }

    /// Sends a message, after what was held back; or holds it back too if `more` will follow at once.
    pub(super) fn send(&mut self, link: &dyn Link, message: &[IoSlice<'_>], more: bool) -> Sent {
        if self.closed {
            return Sent::Broken;
        }
        let size: usize = message.iter().map(|part| part.len()).sum();
        if self.blocked_since.is_some() || (more && self.pending.len() + size <= TOGETHER) {
            self.keep(message, 0);
            return Sent::Fine;
        }
        if self.pending.is_empty() {
            return self.transmit(link, message, size);
        }
        self.send_after(link, message, size)
    }

    /// Sends a message after what was held back.
    #[inline(never)]
    fn send_after(&mut self, link: &dyn Link, message: &[IoSlice<'_>], size: usize) -> Sent {
        if size <= TOGETHER {
            self.keep(message, 0);
            return self.flush(link);
        }
        match self.flush(link) {
            Sent::Fine => self.transmit(link, message, size),
            Sent::Blocked => {
                self.keep(message, 0);
                Sent::Blocked
            }
            Sent::Broken => Sent::Broken,
        }
    }

    /// Sends what was held back.
    pub(super) fn flush(&mut self, link: &dyn Link) -> Sent {
        if self.closed {
            return Sent::Broken;
        }
        while !self.pending.is_empty() {
            match link.try_send(&[IoSlice::new(&self.pending)]) {
                Ok(0) => return self.broken(),
                Ok(count) => self.pending.advance(count.min(self.pending.len())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked_since = Some(Instant::now());
                    return Sent::Blocked;
                }
                Err(_) => return self.broken(),
            }
        }
        self.blocked_since = None;
        // Moves back to the buffer's start, or lets go of a large one.
        self.pending = if self.pending.capacity() > KEPT {
            BytesMut::new()
        } else {
            let mut empty = std::mem::take(&mut self.pending);
            empty.clear();
            empty
        };
        Sent::Fine
    }

    /// Lets go of the memory while nothing is held back.
    pub(super) fn release(&mut self) {
        if self.pending.is_empty() {
            self.pending = BytesMut::new();
        }
    }

    /// Tells since when the peer takes nothing, if so.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        self.blocked_since
    }

    /// Tells whether something is held back.
    pub(super) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Tells whether nothing can be sent any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Lets nothing more be sent.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.pending = BytesMut::new();
        self.blocked_since = None;
    }

    #[inline]
    fn transmit(&mut self, link: &dyn Link, message: &[IoSlice<'_>], size: usize) -> Sent {
        match link.try_send(message) {
            Ok(count) if count == size => Sent::Fine,
            result => self.transmit_rest(link, message, size, result),
        }
    }

    #[cold]
    fn transmit_rest(
        &mut self,
        link: &dyn Link,
        message: &[IoSlice<'_>],
        size: usize,
        begun: io::Result<usize>,
    ) -> Sent {
        let mut sent = match begun {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(_) => return self.broken(),
        };
        let mut waits = self.waits;
        while sent < size {
            let rest = after(message, sent);
            let result = if waits && size - sent >= WORTH_WAITING {
                link.send(&rest, Some(PATIENCE))
            } else {
                link.try_send(&rest)
            };
            match result {
                Ok(0) => return self.broken(),
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if waits && size - sent >= WORTH_WAITING {
                        waits = false;
                        continue;
                    }
                    self.keep(message, sent);
                    self.blocked_since = Some(Instant::now());
                    return Sent::Blocked;
                }
                Err(_) => return self.broken(),
            }
        }
        Sent::Fine
    }

    fn keep(&mut self, message: &[IoSlice<'_>], sent: usize) {
        let mut skip = sent;
        for part in message {
            let rest = part.get(skip.min(part.len())..).unwrap_or_default();
            skip = skip.saturating_sub(part.len());
            self.pending.extend_from_slice(rest);
        }
    }

    fn broken(&mut self) -> Sent {
        self.close();
        Sent::Broken
    }
}

/// The parts without the first `sent` octets.
fn after<'a>(message: &'a [IoSlice<'a>], sent: usize) -> Vec<IoSlice<'a>> {
    let mut skip = sent;
    let mut rest = Vec::with_capacity(message.len());
    for part in message {
        if let Some(left) = part.get(skip..).filter(|left| !left.is_empty()) {
            rest.push(IoSlice::new(left));
        }
        skip = skip.saturating_sub(part.len());
    }
    rest
}

#[cfg(test)]
mod tests {
    use std::os::fd::BorrowedFd;

    use parking_lot::Mutex;

    use super::*;
    use crate::transport::Endpoint;

    /// Takes so many octets, at most `step` at once.
    #[derive(Debug)]
    struct Narrow {
        room: Mutex<usize>,
        step: usize,
        taken: Mutex<Vec<u8>>,
        end: Endpoint,
    }

    impl Narrow {
        fn new(room: usize, step: usize) -> Self {
            Self {
                room: Mutex::new(room),
                step,
                taken: Mutex::default(),
                end: Endpoint::new("script", "memory", 0),
            }
        }
    }

    impl Link for Narrow {
        fn send(&self, parts: &[IoSlice<'_>], _: Option<Duration>) -> io::Result<usize> {
            let mut room = self.room.lock();
            let octets: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
            let count = octets.len().min(self.step).min(*room);
            if count == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            *room -= count;
            self.taken.lock().extend_from_slice(&octets[..count]);
            Ok(count)
        }

        fn try_send(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
            self.send(parts, None)
        }

        fn recv(&self, _: &mut BytesMut, _: Option<Duration>) -> io::Result<usize> {
            Ok(0)
        }

        fn try_recv(&self, _: &mut BytesMut) -> io::Result<usize> {
            Ok(0)
        }

        fn shutdown(&self) {}

        fn peer(&self) -> &Endpoint {
            &self.end
        }

        fn local(&self) -> &Endpoint {
            &self.end
        }

        fn fd(&self) -> Option<BorrowedFd<'_>> {
            None
        }
    }

    fn message(size: usize) -> Vec<u8> {
        (0..=255).cycle().take(size).collect()
    }

    #[test]
    fn what_the_peer_does_not_take_at_once_follows_in_order() {
        for size in [10, 70_000, 300_000] {
            let (first, second) = (message(size), message(99));
            let link = Narrow::new(size / 2, 1000);
            let mut outbox = Outbox::new(true);
            let parts = first.split_at(size / 3);
            let slices = [IoSlice::new(parts.0), IoSlice::new(parts.1)];
            assert_eq!(outbox.send(&link, &slices, false), Sent::Blocked);
            assert!(outbox.blocked_since().is_some());
            assert_eq!(outbox.send(&link, &[IoSlice::new(&second)], false), Sent::Fine);
            assert_eq!(link.taken.lock().len(), size / 2);
            *link.room.lock() = usize::MAX;
            assert_eq!(outbox.flush(&link), Sent::Fine);
            assert!(*link.taken.lock() == [first, second].concat());
            assert!(outbox.blocked_since().is_none());
        }
    }

    #[test]
    fn messages_of_a_burst_wait_for_its_end_or_for_a_large_one() {
        let link = Narrow::new(usize::MAX, usize::MAX);
        let mut outbox = Outbox::new(true);
        let (small, large) = (message(100), message(TOGETHER + 1));
        outbox.send(&link, &[IoSlice::new(&small)], true);
        outbox.send(&link, &[IoSlice::new(&small)], true);
        assert!(link.taken.lock().is_empty());
        outbox.send(&link, &[IoSlice::new(&large)], true);
        assert_eq!(link.taken.lock().len(), 200 + large.len());
        outbox.send(&link, &[IoSlice::new(&small)], true);
        outbox.send(&link, &[IoSlice::new(&small)], false);
        assert_eq!(link.taken.lock().len(), 400 + large.len());
        assert!(!outbox.has_pending());
    }

    #[test]
    fn nothing_goes_out_after_the_end() {
        let link = Narrow::new(usize::MAX, usize::MAX);
        let mut outbox = Outbox::new(true);
        outbox.close();
        assert_eq!(outbox.send(&link, &[IoSlice::new(b"late")], false), Sent::Broken);
        assert!(link.taken.lock().is_empty());
    }
}

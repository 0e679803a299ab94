// SPDX-License-Identifier: MIT OR Apache-2.0
//! One connection of our own TCP.

use std::{
    io::{self, IoSlice},
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use orb_core::transport::{Endpoint, Interest, Link, Pace, Windows};
use parking_lot::{Mutex, MutexGuard};
use transport_apic::Pacer;

use super::{
    flow::{Flow, Wanted},
    host::{Host, Shared},
    settings,
};
use crate::{
    engine::{ConnectionId, SendError, State},
    pacing,
};

/// What is queued as one piece, and how much memory is asked for at a time.
const LONGEST_PIECE: usize = 256 * 1024;

/// A connection of the host's.
#[derive(Debug)]
pub(super) struct TunLink {
    host: Arc<Host>,
    id: ConnectionId,
    flow: Arc<Flow>,
    local: Endpoint,
    peer: Endpoint,
    /// How fast it may send: by messages, so that what has begun to go goes on.
    pacer: Mutex<Option<Pacer>>,
}

impl TunLink {
    pub(super) fn new(
        host: Arc<Host>,
        (id, flow): (ConnectionId, Arc<Flow>),
        local: Endpoint,
        peer: Endpoint,
    ) -> Self {
        Self {
            host,
            id,
            flow,
            local,
            peer,
            pacer: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.host.lock()
    }

    fn settle(&self, shared: &mut Shared) {
        self.host.settle(shared);
    }

    /// Takes what is there, or what waits at the device.
    fn receive(&self, shared: &mut Shared, buffer: &mut BytesMut) -> io::Result<usize> {
        if let Some(entry) = shared.flows.get_mut(&self.id) {
            entry.attend();
        }
        let mut received = shared.receive(self.id, buffer);
        if would_block(&received) {
            self.host.look(shared);
            received = shared.receive(self.id, buffer);
        }
        // What was taken opens the window.
        self.settle(shared);
        received
    }

    /// Sends as much as there is room for, if it is the time for that.
    fn transmit(&self, shared: &mut Shared, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.paced_until().is_some() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let sent = shared.send(self.id, parts);
        self.settle(shared);
        if let (Ok(sent), Some(pacer)) = (&sent, self.pacer.lock().as_mut()) {
            pacer.spend(*sent, pacing::now());
        }
        sent
    }

    /// Tries until it works, something else is wrong than that there is nothing to do, or the time is over.
    fn insist(
        &self,
        timeout: Option<Duration>,
        mut attempt: impl FnMut(&mut Shared) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let until = timeout.map(|timeout| Instant::now() + timeout);
        let mut shared = self.lock();
        loop {
            let result = attempt(&mut shared);
            if !would_block(&result) || until.is_some_and(|until| Instant::now() >= until) {
                return result;
            }
            match until.into_iter().chain(self.paced_until()).min() {
                Some(until) => drop(self.flow.changed.wait_until(&mut shared, until)),
                None => self.flow.changed.wait(&mut shared),
            }
        }
    }
}

fn would_block(result: &io::Result<usize>) -> bool {
    matches!(result, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

impl Shared {
    /// Appends what has come to `buffer`, as far as it has room. 0 is the end.
    fn receive(&mut self, id: ConnectionId, buffer: &mut BytesMut) -> io::Result<usize> {
        let before = buffer.len();
        let Some(entry) = self.flows.get_mut(&id) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        if entry.ended {
            return Ok(0);
        }
        let stack = self.driver.stack();
        while buffer.len() < buffer.capacity() {
            let Some(mut piece) = entry.rest.take().or_else(|| stack.recv(id)) else {
                break;
            };
            let room = buffer.capacity() - buffer.len();
            let part = piece.split_to(piece.len().min(room));
            buffer.extend_from_slice(&part);
            entry.rest = Some(piece).filter(|rest| !rest.is_empty());
        }
        match buffer.len() - before {
            0 if stack.error(id).is_some() => Err(self.broken(id)),
            0 if stack.is_finished(id) => Ok(0),
            0 => Err(self.is_there().err().unwrap_or(io::ErrorKind::WouldBlock.into())),
            count => Ok(count),
        }
    }

    /// Queues as much of `parts` as there is room for.
    fn send(&mut self, id: ConnectionId, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.is_there()?;
        let mut parts = parts.iter().map(|part| &part[..]);
        let (mut part, mut sent): (&[u8], usize) = (&[], 0);
        loop {
            let room = self.driver.stack().room(id).clamp(1, LONGEST_PIECE);
            let piece = gather(&mut self.room, room, &mut part, &mut parts);
            let length = piece.len();
            if length == 0 {
                return Ok(sent);
            }
            match self.driver.stack().send(id, piece) {
                Ok(()) => sent += length,
                Err(_) if sent > 0 => return Ok(sent),
                Err(SendError::Full(_)) => return Err(io::ErrorKind::WouldBlock.into()),
                Err(SendError::Closed(_)) => return Err(self.broken(id)),
            }
        }
    }

    /// What could be done with a connection at once.
    fn now(&mut self, id: ConnectionId) -> Wanted {
        let over = self.gone.is_some()
            || self.flows.get(&id).is_none_or(|entry| entry.ended)
            || self.driver.stack().state(id) == State::Closed;
        let rest = self.flows.get(&id).is_some_and(|entry| entry.rest.is_some());
        let stack = self.driver.stack();
        let readable = stack
            .connection(id)
            .is_some_and(|known| known.is_readable() || known.is_finished());
        Wanted {
            readable: over || rest || readable,
            writable: over || stack.room(id) > 0,
        }
    }
}

/// Copies up to `most` octets of `part` and the `parts` behind it into one piece of `memory`.
fn gather<'p>(
    memory: &mut BytesMut,
    most: usize,
    part: &mut &'p [u8],
    parts: &mut impl Iterator<Item = &'p [u8]>,
) -> Bytes {
    loop {
        let left = most - memory.len();
        let (now, later) = part.split_at(part.len().min(left));
        if memory.capacity() - memory.len() < now.len() {
            memory.reserve(now.len().max(LONGEST_PIECE));
        }
        memory.extend_from_slice(now);
        *part = later;
        if !part.is_empty() || memory.len() == most {
            return memory.split().freeze();
        }
        match parts.next() {
            Some(next) => *part = next,
            None => return memory.split().freeze(),
        }
    }
}

impl Link for TunLink {
    fn send(&self, parts: &[IoSlice<'_>], timeout: Option<Duration>) -> io::Result<usize> {
        self.insist(timeout, |shared| self.transmit(shared, parts))
    }

    fn try_send(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.transmit(&mut self.lock(), parts)
    }

    fn recv(&self, buffer: &mut BytesMut, timeout: Option<Duration>) -> io::Result<usize> {
        self.insist(timeout, |shared| self.receive(shared, buffer))
    }

    fn try_recv(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        self.receive(&mut self.lock(), buffer)
    }

    fn shutdown(&self) {
        let mut shared = self.lock();
        if let Some(entry) = shared.flows.get_mut(&self.id) {
            entry.ended = true;
            entry.tell(Wanted {
                readable: true,
                writable: true,
            });
        }
        drop(shared);
        self.shutdown_send();
    }

    fn shutdown_send(&self) {
        let mut shared = self.lock();
        let now = shared.driver.now();
        shared.driver.stack().shutdown(now, self.id);
        self.settle(&mut shared);
    }

    fn set_buffers(&self, receive: usize, send: usize) -> io::Result<()> {
        let (receive, send) = (settings::budget(receive), settings::budget(send));
        let mut shared = self.lock();
        shared.driver.stack().set_budgets(self.id, receive, send);
        self.settle(&mut shared);
        Ok(())
    }

    fn set_pace(&self, pace: Option<Pace>) {
        pacing::set(&mut self.pacer.lock(), pace);
    }

    fn paced_until(&self) -> Option<Instant> {
        let pacer = (*self.pacer.lock())?;
        pacer.allows(pacing::now()).err().map(pacing::instant)
    }

    fn windows(&self) -> Option<Windows> {
        let (receive, send) = self.lock().driver.stack().connection(self.id)?.windows()?;
        Some(Windows { receive, send })
    }

    fn peer(&self) -> &Endpoint {
        &self.peer
    }

    fn local(&self) -> &Endpoint {
        &self.local
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.flow.bell.as_fd())
    }

    fn watch(&self, interest: Interest) -> Option<Interest> {
        // Of the time to send the bell does not tell.
        let interest = Interest {
            writable: interest.writable && self.paced_until().is_none(),
            ..interest
        };
        let mut shared = self.lock();
        let now = shared.now(self.id);
        let entry = shared.flows.get_mut(&self.id)?;
        // The bell tells of anything by being readable.
        entry.arm(interest.into(), now).then_some(Interest {
            readable: interest.readable || interest.writable,
            writable: false,
            ..interest
        })
    }
}

impl Drop for TunLink {
    fn drop(&mut self) {
        self.host.leave(self.id);
    }
}

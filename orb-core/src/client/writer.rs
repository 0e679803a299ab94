// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sending on a connection that many threads share.
//!
//! Whoever finds the connection free sends its message itself. Whoever finds it taken leaves a small message in the
//! queue, and the thread that is sending takes it along; only large messages wait for their turn. The messages of
//! one thread go out in order, because the turn is given up only when the queue is empty or will be emptied first.
//! Short messages of a burst are collected, and go out as one before anything else does.

mod bunch;

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    sync::atomic::{AtomicBool, AtomicU8, Ordering},
    time::Instant,
};

use bytes::{Buf, Bytes};
use parking_lot::{Condvar, Mutex, MutexGuard};

use self::bunch::Bunch;
use crate::{nested, transport::Link};

/// Nobody is sending.
const IDLE: u8 = 0;
/// Somebody is sending.
const BUSY: u8 = 1;
/// Somebody is sending and has been asked to look at the queue before it stops.
const MORE: u8 = 2;

/// Messages up to this size are queued when somebody else is sending; larger ones wait for their turn, since
/// copying them costs more than waiting.
const QUEUED_UP_TO: usize = 32 * 1024;

/// How many queued messages go out with one system call.
const GATHER: usize = 32;

/// Why a message was not sent.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The time was over before anything was sent.
    Timeout,
    /// Too much waits to be sent already, and the caller does not wait.
    Full,
    /// The link is broken; `sent` says whether part of the message may have gone out.
    Broken {
        /// What the transport said.
        error: io::Error,
        /// Whether anything of the message was handed to it.
        sent: bool,
    },
}

impl WriteError {
    /// The message was to go by a connection that is not the flow's any more: nothing of it was sent.
    #[cold]
    pub(super) fn elsewhere() -> Self {
        Self::Broken {
            error: io::ErrorKind::NotConnected.into(),
            sent: false,
        }
    }

    /// Part of the message may have gone out.
    #[cold]
    fn after_sending(self) -> Self {
        match self {
            Self::Broken { error, .. } => Self::Broken { error, sent: true },
            other => other,
        }
    }
}

/// How patient a sender is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// When to give up; `None`: do not wait at all.
    pub(crate) deadline: Option<Instant>,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Bytes>,
    bytes: usize,
    /// Threads that wait for their turn or for room.
    waiting: usize,
    broken: Option<io::ErrorKind>,
}

/// The sending side of a connection.
#[derive(Debug)]
pub(crate) struct Writer {
    state: AtomicU8,
    /// Whether the queue holds what could not be sent without blocking. Changed by the turn's holder only.
    backlog: AtomicBool,
    /// Whether there is something in the bunch. Set by the turn's holder only.
    collected: AtomicBool,
    /// The turn's holder's, until the link is broken.
    bunch: Mutex<Bunch>,
    queue: Mutex<Queue>,
    changed: Condvar,
    max_bytes: usize,
}

/// What the writer asks of the connection around it.
pub(crate) trait Surroundings {
    /// The link to send on.
    fn link(&self) -> &dyn Link;
    /// The caller is about to block: replies must be read meanwhile, or both sides could wait for each other.
    fn before_blocking(&self);
    /// It no longer blocks.
    fn after_blocking(&self);
    /// There is a backlog: [`Writer::flush`] must be called when the link takes bytes again.
    fn flush_later(&self);
}

impl Writer {
    /// Makes a writer whose queue holds at most about `max_bytes`.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            state: AtomicU8::new(IDLE),
            backlog: AtomicBool::new(false),
            collected: AtomicBool::new(false),
            bunch: Mutex::default(),
            queue: Mutex::new(Queue::default()),
            changed: Condvar::new(),
            max_bytes,
        }
    }

    /// Sends one message given in parts.
    pub(crate) fn send(
        &self,
        around: &impl Surroundings,
        parts: &mut [IoSlice<'_>],
        patience: Patience,
    ) -> Result<(), WriteError> {
        if !self.take_turn() {
            let size = parts.iter().map(|part| part.len()).sum();
            if size <= QUEUED_UP_TO || patience.deadline.is_none() {
                return self.enqueue(around, parts, size, patience);
            }
            self.wait_for_turn(around, patience)?;
        }
        let turn = Turn { writer: self, around };
        let result = turn.send(parts, patience);
        drop(turn);
        result
    }

    /// Sends what is queued without blocking; whoever is sending does it otherwise.
    pub(crate) fn flush(&self, around: &impl Surroundings) -> Result<(), WriteError> {
        if !self.take_turn() {
            return Ok(());
        }
        let turn = Turn { writer: self, around };
        turn.drain()
    }

    /// Tells whether something waits for the link to take bytes again.
    pub(crate) fn has_backlog(&self) -> bool {
        self.backlog.load(Ordering::Relaxed)
    }

    /// Forgets the queue and turns every waiting sender away.
    pub(crate) fn break_off(&self, kind: io::ErrorKind) {
        let mut queue = self.queue.lock();
        queue.broken = Some(kind);
        queue.messages.clear();
        queue.bytes = 0;
        self.changed.notify_all();
        drop(queue);
        self.bunch.lock().clear();
        self.collected.store(false, Ordering::Relaxed);
    }

    #[inline]
    fn take_turn(&self) -> bool {
        // Acquire pairs with the Release in `Turn::drop`: what the last holder did is seen.
        self.state
            .compare_exchange(IDLE, BUSY, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Asks the thread that is sending to look at the queue. `true`: there is none any more, the turn is ours.
    fn ask_for_more(&self) -> bool {
        loop {
            if self.take_turn() {
                return true;
            }
            // Release pairs with the Acquire in `Turn::drop`; the queue itself is under its lock.
            let asked = self
                .state
                .compare_exchange(BUSY, MORE, Ordering::Release, Ordering::Relaxed);
            if matches!(asked, Ok(_) | Err(MORE)) {
                return false;
            }
        }
    }

    fn enqueue(
        &self,
        around: &impl Surroundings,
        parts: &[IoSlice<'_>],
        size: usize,
        patience: Patience,
    ) -> Result<(), WriteError> {
        let mut queue = self.queue.lock();
        while queue.bytes > self.max_bytes {
            queue = self.wait(around, queue, patience)?;
        }
        check(&queue)?;
        queue.messages.push_back(gather(parts, size));
        queue.bytes += size;
        drop(queue);
        if self.ask_for_more() {
            drop(Turn { writer: self, around }.drain());
        }
        Ok(())
    }

    fn wait_for_turn(&self, around: &impl Surroundings, patience: Patience) -> Result<(), WriteError> {
        let mut queue = self.queue.lock();
        loop {
            check(&queue)?;
            // Under the queue's lock, so that the holder's notification cannot come before we sleep.
            if self.ask_for_more() {
                return Ok(());
            }
            queue = self.wait(around, queue, patience)?;
        }
    }

    fn wait<'q>(
        &'q self,
        around: &impl Surroundings,
        mut queue: MutexGuard<'q, Queue>,
        patience: Patience,
    ) -> Result<MutexGuard<'q, Queue>, WriteError> {
        let deadline = patience.deadline.ok_or(WriteError::Full)?;
        queue.waiting += 1;
        let blocking = nested::about_to_block();
        around.before_blocking();
        let late = self.changed.wait_until(&mut queue, deadline).timed_out();
        around.after_blocking();
        queue.waiting -= 1;
        drop(blocking);
        if late { Err(WriteError::Timeout) } else { Ok(queue) }
    }
}

fn check(queue: &Queue) -> Result<(), WriteError> {
    match queue.broken {
        Some(kind) => Err(WriteError::Broken {
            error: kind.into(),
            sent: false,
        }),
        None => Ok(()),
    }
}

fn gather(parts: &[IoSlice<'_>], size: usize) -> Bytes {
    let mut whole = Vec::with_capacity(size);
    for part in parts {
        whole.extend_from_slice(part);
    }
    whole.into()
}

/// The right to send; given up when dropped, after looking at the queue.
struct Turn<'w, S: Surroundings> {
    writer: &'w Writer,
    around: &'w S,
}

impl<S: Surroundings> Turn<'_, S> {
    fn send(&self, parts: &mut [IoSlice<'_>], patience: Patience) -> Result<(), WriteError> {
        if self.writer.has_collected() {
            self.send_collected()?;
        }
        if self.writer.backlog.load(Ordering::Relaxed) {
            self.send_backlog(patience)?;
            if patience.deadline.is_none() && self.writer.backlog.load(Ordering::Relaxed) {
                return self.keep(parts);
            }
        }
        let mut left = parts;
        let mut sent = false;
        // The usual case: everything goes out at once.
        match self.around.link().try_send(left) {
            Ok(count) => {
                IoSlice::advance_slices(&mut left, count);
                sent = count > 0;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(WriteError::Broken { error, sent }),
        }
        if left.is_empty() {
            return Ok(());
        }
        self.send_rest(left, sent, patience)
    }

    #[cold]
    fn send_rest(
        &self,
        mut left: &mut [IoSlice<'_>],
        mut sent: bool,
        patience: Patience,
    ) -> Result<(), WriteError> {
        let Some(deadline) = patience.deadline else {
            return self.keep(left);
        };
        let _blocked = Blocked::new(self.around);
        while !left.is_empty() {
            let remaining = deadline.saturating_duration_since(Instant::now());
            if remaining.is_zero() {
                // What has gone out in part must be completed, or the stream could not be used any more.
                return if sent {
                    self.keep(left)
                } else {
                    Err(WriteError::Timeout)
                };
            }
            match self.around.link().send(left, Some(remaining)) {
                Ok(count) => {
                    sent |= count > 0;
                    IoSlice::advance_slices(&mut left, count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(WriteError::Broken { error, sent }),
            }
        }
        Ok(())
    }

    /// Leaves the rest of a message to whoever sends next.
    fn keep(&self, parts: &[IoSlice<'_>]) -> Result<(), WriteError> {
        let size = parts.iter().map(|part| part.len()).sum();
        let mut queue = self.writer.queue.lock();
        check(&queue)?;
        let rest = gather(parts, size);
        if self.writer.backlog.load(Ordering::Relaxed) {
            // Others stand before it: only whole messages get here.
            if queue.bytes > self.writer.max_bytes {
                return Err(WriteError::Full);
            }
            queue.messages.push_back(rest);
        } else {
            queue.messages.push_front(rest);
        }
        queue.bytes += size;
        self.writer.backlog.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Sends what others could not, waiting as long as the caller may.
    fn send_backlog(&self, patience: Patience) -> Result<(), WriteError> {
        self.drain()?;
        let Some(deadline) = patience.deadline else {
            return Ok(());
        };
        if !self.writer.has_backlog() {
            return Ok(());
        }
        let _blocked = Blocked::new(self.around);
        while self.writer.has_backlog() {
            let remaining = deadline.saturating_duration_since(Instant::now());
            let Some(first) = self.writer.queue.lock().messages.front().cloned() else {
                break;
            };
            if remaining.is_zero() {
                return Err(WriteError::Timeout);
            }
            match self.around.link().send(&[IoSlice::new(&first)], Some(remaining)) {
                Ok(count) => self.sent(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(WriteError::Broken { error, sent: false }),
            }
            drop(first);
            self.drain()?;
        }
        Ok(())
    }

    /// Sends the queue as far as that is possible without blocking.
    fn drain(&self) -> Result<(), WriteError> {
        if self.writer.has_collected() {
            self.send_collected()?;
        }
        loop {
            let mut gathered: [Bytes; GATHER] = Default::default();
            let mut count = 0;
            // A datagram is one message.
            let most = self.around.link().datagrams().map_or(GATHER, |_| 1);
            for (place, message) in gathered
                .iter_mut()
                .take(most)
                .zip(&self.writer.queue.lock().messages)
            {
                place.clone_from(message);
                count += 1;
            }
            if count == 0 {
                self.writer.backlog.store(false, Ordering::Relaxed);
                return Ok(());
            }
            let slices = gathered.each_ref().map(|message| IoSlice::new(message));
            match self
                .around
                .link()
                .try_send(slices.get(..count).unwrap_or_default())
            {
                Ok(count) => self.sent(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.writer.backlog.store(true, Ordering::Relaxed);
                    return Ok(());
                }
                Err(error) => {
                    self.writer.break_off(error.kind());
                    return Err(WriteError::Broken { error, sent: false });
                }
            }
        }
    }

    /// Takes `count` bytes off the queue's front.
    fn sent(&self, mut count: usize) {
        let mut queue = self.writer.queue.lock();
        queue.bytes = queue.bytes.saturating_sub(count);
        while let Some(first) = queue.messages.front_mut() {
            if first.len() > count {
                first.advance(count);
                break;
            }
            count -= first.len();
            queue.messages.pop_front();
        }
        if queue.waiting > 0 {
            self.writer.changed.notify_all();
        }
    }
}

impl<S: Surroundings> Drop for Turn<'_, S> {
    #[inline]
    fn drop(&mut self) {
        // Release pairs with the Acquire in `take_turn`.
        let state = &self.writer.state;
        if state
            .compare_exchange(BUSY, IDLE, Ordering::Release, Ordering::Relaxed)
            .is_err()
        {
            self.give_up_slowly();
        } else if self.writer.backlog.load(Ordering::Relaxed) {
            self.around.flush_later();
        }
    }
}

impl<S: Surroundings> Turn<'_, S> {
    /// Somebody asked for more: takes the queue along and wakes who waits.
    #[cold]
    fn give_up_slowly(&self) {
        let state = &self.writer.state;
        loop {
            // Acquire pairs with the Release in `ask_for_more`.
            state.swap(BUSY, Ordering::Acquire);
            if !self.writer.has_backlog() {
                // A broken link is found by whoever waits for a reply.
                drop(self.drain());
            }
            if state
                .compare_exchange(BUSY, IDLE, Ordering::Release, Ordering::Relaxed)
                .is_ok()
            {
                break;
            }
        }
        let queue = self.writer.queue.lock();
        if queue.waiting > 0 {
            self.writer.changed.notify_all();
        }
        drop(queue);
        if self.writer.has_backlog() {
            self.around.flush_later();
        }
    }
}

/// Tells the connection for as long as it lives that a sender is blocked.
struct Blocked<'s, S: Surroundings> {
    around: &'s S,
    _blocking: nested::Blocking,
}

impl<'s, S: Surroundings> Blocked<'s, S> {
    fn new(around: &'s S) -> Self {
        let blocking = nested::about_to_block();
        around.before_blocking();
        Self {
            around,
            _blocking: blocking,
        }
    }
}

impl<S: Surroundings> Drop for Blocked<'_, S> {
    fn drop(&mut self) {
        self.around.after_blocking();
    }
}

#[cfg(test)]
mod tests;

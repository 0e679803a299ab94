// SPDX-License-Identifier: MIT OR Apache-2.0
//! What others may know of a worker: what it serves, and since when.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

use crate::{server::connection::Connection, transport::Event};

/// One worker, seen from outside.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// Odd while a request is in progress; never the same for two of them.
    sequence: AtomicU64,
    request_id: AtomicU32,
    /// What follows on the connection must not overtake this message: a oneway, or not yet known to be none.
    ordered: AtomicBool,
    pub(super) cancelled: Arc<AtomicBool>,
    /// What the worker reads, and in which epoch.
    pub(super) reading: Mutex<Option<(Arc<Connection>, u64)>>,
    /// What it is to look at next.
    pub(super) batch: Mutex<VecDeque<Event>>,
    /// What the watchdog saw last, and since when (in ms of the server's life).
    pub(super) watched: AtomicU64,
    pub(super) watched_since: AtomicU64,
}

impl Slot {
    /// Says that a message was taken, and is being served.
    pub(super) fn begin(&self) {
        self.ordered.store(true, Ordering::Relaxed);
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(sequence + 1, Ordering::Release);
    }

    /// Says which request it is, and whether its client `waits` for the servant.
    pub(super) fn request(&self, id: u32, waits: bool) {
        self.cancelled.store(false, Ordering::Relaxed);
        self.ordered.store(!waits, Ordering::Relaxed);
        self.request_id.store(id, Ordering::Release);
    }

    /// Says that it was served.
    pub(super) fn end(&self) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(sequence + 1, Ordering::Release);
    }

    /// Returns the sequence number: odd while a request is in progress.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::Acquire)
    }

    /// Tells whether what follows must not overtake the message in progress.
    pub(super) fn is_ordered(&self) -> bool {
        self.ordered.load(Ordering::Relaxed)
    }

    /// Tells whether a request is in progress.
    pub(super) fn is_busy(&self) -> bool {
        self.sequence() % 2 == 1
    }

    /// Cancels the request `id` of `connection`, if this worker serves it.
    pub(super) fn cancel(&self, connection: &Arc<Connection>, id: u32) {
        let serves = self.serves(connection) && self.is_busy();
        if serves && self.request_id.load(Ordering::Acquire) == id {
            self.cancelled.store(true, Ordering::Relaxed);
        }
    }

    /// Tells whether this worker serves `connection`, or served it last.
    pub(super) fn serves(&self, connection: &Arc<Connection>) -> bool {
        let reading = self.reading.lock();
        reading
            .as_ref()
            .is_some_and(|(served, _)| Arc::ptr_eq(served, connection))
    }
}

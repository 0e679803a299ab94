// SPDX-License-Identifier: MIT OR Apache-2.0
//! Receiving where each datagram is one message: what is none is dropped and counted, and the next one is as good as ever.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
};

use super::{Connection, Inbox, Received, Wait};
use crate::datagram::{self, Arrival, DatagramCounters, Discarded, LONGEST, Senders};

/// How many bad ones are dropped before something else is looked at.
const BURST: usize = 64;
/// No datagram is longer, over IPv6 either.
const ROOM: usize = LONGEST + 28;

/// Counts what became of datagrams; only who reads does.
#[derive(Debug, Default)]
pub(super) struct Tally {
    taken: AtomicU64,
    malformed: AtomicU64,
    too_long: AtomicU64,
    unanswerable: AtomicU64,
    repeated: AtomicU64,
    missing: AtomicU64,
    late: AtomicU64,
}

impl Connection {
    /// Tells whether messages come in datagrams, from anybody.
    pub(in crate::server) fn carries_datagrams(&self) -> bool {
        self.datagrams.is_some()
    }

    /// Returns what became of datagrams.
    pub(in crate::server) fn datagram_counters(&self) -> Option<DatagramCounters> {
        let tally = self.datagrams.as_ref()?;
        let link = self.link.datagrams().unwrap_or_default();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Some(DatagramCounters {
            taken: read(&tally.taken),
            malformed: read(&tally.malformed) + link.empty,
            too_long: read(&tally.too_long),
            unanswerable: read(&tally.unanswerable),
            repeated: read(&tally.repeated),
            missing: read(&tally.missing),
            late: read(&tally.late),
            overruns: link.overruns,
        })
    }

    /// Receives the next datagram that is a message, and leaves it alone in the buffer.
    #[inline(never)]
    pub(super) fn receive_datagram(&self, inbox: &mut Inbox, wait: Wait, tally: &Tally) -> Received {
        let most = self.terms.max_message_size;
        for _ in 0..BURST {
            let buffer = inbox.assembler.buffer(ROOM);
            let before = buffer.len();
            match wait.recv(&*self.link, buffer) {
                Ok(0) => return Received::End,
                Ok(count) => {
                    let received = self.received.load(Ordering::Relaxed) + count as u64;
                    self.received.store(received, Ordering::Relaxed);
                    let datagram = buffer.get(before..).unwrap_or_default();
                    if tally.admits(datagram, most, inbox.senders.as_deref_mut()) {
                        return Received::Some { all: false };
                    }
                    buffer.truncate(before);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    tracing::warn!(local = %self.link.local(), %error, "no more datagrams are received");
                    return Received::End;
                }
            }
        }
        Received::Nothing
    }
}

impl Tally {
    /// Decides whether a datagram is served, and counts it.
    fn admits(&self, datagram: &[u8], most: usize, senders: Option<&mut Senders>) -> bool {
        let stamp = match datagram::read(datagram, most) {
            Ok(stamp) => stamp,
            Err(discarded) => {
                count(match discarded {
                    Discarded::Malformed => &self.malformed,
                    Discarded::TooLong => &self.too_long,
                    Discarded::Unanswerable => &self.unanswerable,
                });
                return false;
            }
        };
        match senders.zip(stamp).map(|(senders, stamp)| senders.note(stamp)) {
            Some(Arrival::Repeated) => {
                count(&self.repeated);
                return false;
            }
            Some(Arrival::Next { skipped }) => add(&self.missing, skipped),
            Some(Arrival::Late) => count(&self.late),
            Some(Arrival::Early) | None => {}
        }
        count(&self.taken);
        true
    }

    /// Counts one that turned out to be malformed when it was served.
    pub(super) fn malformed(&self) {
        count(&self.malformed);
    }
}

fn count(counter: &AtomicU64) {
    add(counter, 1);
}

fn add(counter: &AtomicU64, more: u64) {
    let value = counter.load(Ordering::Relaxed).saturating_add(more);
    counter.store(value, Ordering::Relaxed);
}

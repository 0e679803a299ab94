// SPDX-License-Identifier: MIT OR Apache-2.0
//! The thread that looks after the others: requests that take long, peers that stall, connections that idle.

use std::{
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    cdr::Version,
    giop,
    server::{
        connection::Connection,
        shared::{Shared, readable},
        slot::Slot,
    },
};

/// How long a request is in progress, at least, before others of its connection no longer wait for it.
const TICK: Duration = Duration::from_millis(4);
/// The same on a server that had nothing to do for a while.
const SLOW_TICK: Duration = Duration::from_millis(64);
/// For how long, in milliseconds, the rest of a connection waits for a oneway.
const ORDERED: u64 = 1000;
/// How often connections are looked after.
const ROUND: Duration = Duration::from_millis(500);
/// A peer must send at least so many octets per millisecond of a message, on the whole.
const SLOWEST: u64 = 16;

/// What the watchdog remembers from one tick to the next.
struct Watchdog {
    shared: Arc<Shared>,
    saturated_since: Option<Instant>,
    last_round: Instant,
    quiet: u32,
    /// Lists that are filled and emptied again, so that looking around costs no allocation.
    slots: Vec<Arc<Slot>>,
    connections: Vec<Arc<Connection>>,
}

/// The life of the watchdog thread.
pub(super) fn run(shared: Arc<Shared>) {
    shared.set_watchdog(thread::current());
    let mut watchdog = Watchdog {
        shared,
        saturated_since: None,
        last_round: Instant::now(),
        quiet: 0,
        slots: Vec::new(),
        connections: Vec::new(),
    };
    while !watchdog.shared.stopped.load(Ordering::SeqCst) {
        watchdog.tick();
        match watchdog.pause() {
            Some(time) => thread::park_timeout(time),
            None => thread::park(),
        }
    }
}

impl Watchdog {
    fn pause(&self) -> Option<Duration> {
        if self.shared.connection_count() == 0 && !self.shared.refused.load(Ordering::Relaxed) {
            return None;
        }
        Some(if self.quiet > 250 { SLOW_TICK } else { TICK })
    }

    fn tick(&mut self) {
        self.slots.extend(self.shared.slots.lock().iter().cloned());
        let mut active = false;
        let now = self.shared.now();
        for slot in self.slots.drain(..) {
            let sequence = slot.sequence();
            let before = slot.watched.swap(sequence, Ordering::Relaxed);
            active |= before != sequence || slot.is_busy();
            if before != sequence {
                slot.watched_since.store(now, Ordering::Relaxed);
            } else if sequence % 2 == 1 {
                let since = now.saturating_sub(slot.watched_since.load(Ordering::Relaxed));
                look_after(&self.shared, &slot, sequence, since);
            }
        }
        self.quiet = if active { 0 } else { self.quiet.saturating_add(1) };
        self.look_after_workers();
        self.shared.wake_for_ready();
        if self.last_round.elapsed() >= ROUND {
            self.last_round = Instant::now();
            self.look_after_connections();
            // In case accepting had to stop for want of descriptors.
            self.shared.retry_listeners();
        }
    }

    /// Sees to it that somebody waits for events; where all workers are in servants for long, somebody who refuses.
    fn look_after_workers(&mut self) {
        if self.shared.want_poller() {
            self.saturated_since = None;
            return;
        }
        let since = *self.saturated_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.shared.config.queue_time && self.shared.hire(true) {
            tracing::warn!(
                limit = self.shared.config.max_requests,
                "too many requests in progress: further ones are refused"
            );
            self.saturated_since = None;
        }
    }

    fn look_after_connections(&mut self) {
        let now = self.shared.now();
        self.shared.list_connections(&mut self.connections);
        let mut connections = std::mem::take(&mut self.connections);
        for connection in connections.drain(..) {
            if let Some(verdict) = self.judge(&connection, now) {
                self.close(&connection, verdict);
            }
        }
        self.connections = connections;
    }

    fn judge(&self, connection: &Arc<Connection>, now: u64) -> Option<Verdict> {
        let config = &self.shared.config;
        let stall = u64::try_from(config.stall_timeout.as_millis()).unwrap_or(u64::MAX);
        if connection
            .blocked_since()
            .is_some_and(|since| since.elapsed() >= config.stall_timeout)
        {
            return Some(Verdict::Stalled("the peer takes no replies"));
        }
        let received = connection.received.load(Ordering::Relaxed);
        let taken = connection.taken.load(Ordering::Relaxed);
        let idle = !connection.partial.load(Ordering::Relaxed);
        connection.rest();
        if connection.is_restless() {
            self.shared.make_ready([readable(connection.token)]);
        }
        if connection.carries_datagrams() && !connection.is_closing() {
            // Nobody is at the other end who could have gone.
            return None;
        }
        let progress = if idle { received } else { taken };
        if connection.seen.swap(progress, Ordering::Relaxed) != progress {
            connection.seen_at.store(now, Ordering::Relaxed);
            connection.received_then.store(received, Ordering::Relaxed);
            return None;
        }
        let quiet = now.saturating_sub(connection.seen_at.load(Ordering::Relaxed));
        if connection.terms.once && idle && quiet >= stall {
            return Some(Verdict::Stalled("the peer does not ask, and would be refused"));
        }
        if !idle || connection.is_closing() {
            let since = received.saturating_sub(connection.received_then.load(Ordering::Relaxed));
            let allowed = stall.saturating_add(since / SLOWEST);
            return (quiet >= allowed)
                .then_some(Verdict::Stalled("the peer does not go on with its message"));
        }
        let limit = u64::try_from(config.idle_timeout?.as_millis()).unwrap_or(u64::MAX);
        (quiet >= limit && !self.shared.serves(connection)).then_some(Verdict::Idle)
    }

    fn close(&self, connection: &Arc<Connection>, verdict: Verdict) {
        match verdict {
            Verdict::Stalled(reason) => {
                tracing::info!(peer = %connection.peer(), reason, "connection given up");
                self.shared.end(connection);
            }
            Verdict::Idle => {
                tracing::debug!(peer = %connection.peer(), "idle connection closed");
                connection.say_goodbye(&giop::close_connection(Version::V1_2));
            }
        }
    }
}

/// Sees to it that nobody waits for a request that has been in progress for `since` milliseconds.
fn look_after(shared: &Arc<Shared>, slot: &Slot, sequence: u64, since: u64) {
    // Oneways are served in the order in which they came, unless one takes very long: its worker may only be waiting
    // for a processor.
    if slot.is_ordered() && since < ORDERED {
        shared.relieve(slot);
    } else {
        shared.hand_over(slot, false, || slot.sequence() == sequence);
    }
}

/// Why a connection is closed.
enum Verdict {
    Stalled(&'static str),
    Idle,
}

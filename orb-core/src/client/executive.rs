// SPDX-License-Identifier: MIT OR Apache-2.0
//! The thread that looks after connections while no caller does.
//!
//! It reads replies to deferred and async calls, sends what could not be sent without blocking and what callers left
//! collected, gives up calls whose time is over, and closes connections that idle. A connection with a waiting caller never needs it.

use std::{
    collections::HashMap,
    io,
    os::fd::BorrowedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::connection::Connection;
use crate::transport::{Event, Interest, Poller};

/// How long a request may wait that was collected, to be sent along with others.
const SOON: Duration = Duration::from_micros(500);

/// The executive of one transport's connections.
#[derive(Debug)]
pub(crate) struct Executive {
    poller: Arc<dyn Poller>,
    members: Mutex<HashMap<u64, Arc<Connection>>>,
    next_token: AtomicU64,
    /// What no descriptor tells, because it was there before anybody watched.
    calls: Mutex<Vec<Event>>,
    /// Connections that collect requests, by their tokens.
    collecting: Mutex<Vec<u64>>,
    /// When it wakes up by itself.
    alarm: Mutex<Instant>,
    idle_timeout: Duration,
    stopping: AtomicBool,
}

impl Executive {
    /// Starts the thread.
    pub(crate) fn start(poller: Arc<dyn Poller>, idle_timeout: Duration) -> io::Result<Arc<Self>> {
        let executive = Arc::new(Self {
            poller,
            members: Mutex::default(),
            next_token: AtomicU64::new(0),
            calls: Mutex::default(),
            collecting: Mutex::default(),
            alarm: Mutex::new(Instant::now() + idle_period(idle_timeout)),
            idle_timeout,
            stopping: AtomicBool::new(false),
        });
        let running = Arc::clone(&executive);
        thread::Builder::new()
            .name("upcall-executive".into())
            .spawn(move || running.run())?;
        Ok(executive)
    }

    /// Returns a number by which a connection will be known.
    pub(crate) fn token(&self) -> u64 {
        self.next_token.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes a connection into its care.
    pub(crate) fn adopt(&self, token: u64, connection: &Arc<Connection>, fd: Option<BorrowedFd<'_>>) {
        if let Some(fd) = fd
            && let Err(error) = self.poller.add(fd, token, Interest::NONE)
        {
            tracing::warn!(peer = %connection.peer(), %error, "async calls cannot be served");
        }
        self.members.lock().insert(token, Arc::clone(connection));
        if self.stopping.load(Ordering::Acquire) {
            self.end_all();
        }
    }

    /// Looks at the link when it is ready, once.
    pub(crate) fn arm(&self, token: u64, fd: Option<BorrowedFd<'_>>, interest: Interest) {
        let Some(fd) = fd else { return };
        if let Err(error) = self.poller.modify(fd, token, interest) {
            // The connection has just been given up.
            tracing::debug!(token, %error, "cannot watch a connection");
        }
    }

    /// Has the thread look at a link as if its descriptor had told of `event`.
    pub(crate) fn call(&self, event: Event) {
        self.calls.lock().push(event);
        self.wake();
    }

    /// Has the thread send what a connection collects, every [`SOON`] until it collects no more.
    #[cold]
    pub(crate) fn look_soon(&self, token: u64) {
        self.collecting.lock().push(token);
        self.wake();
    }

    /// Gives a connection up.
    pub(crate) fn forget(&self, token: u64, fd: Option<BorrowedFd<'_>>) {
        let member = self.members.lock().remove(&token);
        if let (Some(fd), true) = (fd, member.is_some()) {
            // The descriptor is closed with the link anyway.
            drop(self.poller.remove(fd));
        }
    }

    /// Sees to it that calls which end at `deadline` are given up then.
    pub(crate) fn expect_by(&self, deadline: Instant) {
        let mut alarm = self.alarm.lock();
        if deadline < *alarm {
            *alarm = deadline;
            drop(alarm);
            self.wake();
        }
    }

    /// Ends every connection and the thread.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.wake();
        self.end_all();
    }

    fn end_all(&self) {
        // Taken out first: a connection that ends asks to be forgotten.
        let members = std::mem::take(&mut *self.members.lock());
        for connection in members.into_values() {
            connection.shut_down();
        }
    }

    fn wake(&self) {
        if let Err(error) = self.poller.wake() {
            tracing::warn!(%error, "cannot wake the executive");
        }
    }

    fn run(&self) {
        let (mut events, mut collecting) = (Vec::new(), Vec::new());
        while !self.stopping.load(Ordering::Acquire) {
            let mut sleep = self.alarm.lock().saturating_duration_since(Instant::now());
            if !self.collecting.lock().is_empty() {
                sleep = sleep.min(SOON);
            }
            if let Err(error) = self.poller.wait(&mut events, Some(sleep)) {
                tracing::error!(%error, "the executive cannot wait for events");
                break;
            }
            events.append(&mut self.calls.lock());
            for event in &events {
                let member = self.members.lock().get(&event.token).cloned();
                if let Some(connection) = member {
                    connection.on_event(*event);
                }
            }
            self.send_collected(&mut collecting);
            let now = Instant::now();
            if *self.alarm.lock() <= now {
                self.tick(now);
            }
        }
    }

    /// Sends what connections have collected; `tokens` is empty, and used again.
    fn send_collected(&self, tokens: &mut Vec<u64>) {
        std::mem::swap(&mut *self.collecting.lock(), tokens);
        for token in tokens.drain(..) {
            let member = self.members.lock().get(&token).cloned();
            if member.is_some_and(|connection| connection.send_what_was_collected()) {
                self.collecting.lock().push(token);
            }
        }
    }

    /// Does what is due by time, and sets the alarm for what is due next.
    fn tick(&self, now: Instant) {
        let mut next = now + idle_period(self.idle_timeout);
        // Set first: a call that comes while we look sets it earlier.
        *self.alarm.lock() = next;
        let members: Vec<_> = self.members.lock().values().cloned().collect();
        for connection in members {
            if let Some(deadline) = connection.on_tick(now) {
                next = next.min(deadline);
            }
            if let Some(before) = now.checked_sub(self.idle_timeout) {
                connection.close_if_idle(before);
            }
        }
        let mut alarm = self.alarm.lock();
        *alarm = next.min(*alarm);
    }
}

/// How often idle connections are looked for.
fn idle_period(idle_timeout: Duration) -> Duration {
    (idle_timeout / 4).clamp(Duration::from_millis(10), Duration::from_secs(30))
}

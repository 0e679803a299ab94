// SPDX-License-Identifier: MIT OR Apache-2.0
//! The serving side: connections in, requests to the adapter, replies out.
//!
//! Worker threads all wait on one poller. The worker that gets a ready connection serves it from end to end: it
//! receives, parses, calls the servant and sends the reply, without handing anything to another thread. It then stays
//! for a moment in a blocking receive, so that a client that calls again and again costs one receive and one send per
//! call. When a servant makes a call of its own, or takes longer than a few milliseconds, another worker takes over
//! the reading, so nested calls and callbacks find somebody who listens.

mod asking;
mod config;
mod connection;
mod deadline;
mod flow;
mod gate;
mod outbox;
mod service;
mod session;
mod shared;
mod slot;
mod watchdog;
mod worker;

use std::{
    fmt, io,
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

pub use self::{
    asking::{Asking, Verdict},
    config::ServerConfig,
    flow::{Flow, FlowConfig, Run},
    gate::{Gate, Reception},
};
use self::{
    connection::Terms,
    shared::{Shared, readable},
    slot::Slot,
};
use crate::{
    cdr::{OrbHandle, Version},
    datagram::DatagramCounters,
    giop,
    servant::Adapter,
    transport::{Endpoint, Link, Listener, Poller},
};

/// How long peers have to close their side after CloseConnection.
const FAREWELL: Duration = Duration::from_millis(500);
/// How often shutdown looks whether requests are still in progress.
const STEP: Duration = Duration::from_millis(2);

/// A running server. Dropping it does not stop it: [`Server::shutdown`] does.
pub struct Server {
    shared: Arc<Shared>,
    watchdog: Mutex<Option<thread::JoinHandle<()>>>,
}

/// What a connection did so far.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionStatus {
    /// Which one: no other connection of the server ever has this number, unless 2³² came and went in its place.
    pub id: u64,
    /// The other side's address.
    pub peer: Endpoint,
    /// This side's address.
    pub local: Endpoint,
    /// Messages that were taken.
    pub messages: u64,
    /// Octets that were received.
    pub received: u64,
    /// What became of datagrams, where it takes these from anybody instead of being a connection.
    pub datagrams: Option<DatagramCounters>,
}

impl Server {
    /// Starts the threads of a server; it serves what [`Server::listen`] brings.
    ///
    /// # Errors
    ///
    /// What the operating system says when it starts no thread.
    pub fn start(
        config: ServerConfig,
        adapter: Arc<dyn Adapter>,
        orb: Option<Arc<dyn OrbHandle>>,
        poller: Arc<dyn Poller>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(config, adapter, orb, poller));
        let watched = Arc::clone(&shared);
        let watchdog = thread::Builder::new()
            .name("upcall-watchdog".into())
            .spawn(move || watchdog::run(watched))?;
        for _ in 0..2 {
            shared.hire(false);
        }
        Ok(Self {
            shared,
            watchdog: Mutex::new(Some(watchdog)),
        })
    }

    /// Serves the connections that arrive at `listener`.
    ///
    /// # Errors
    ///
    /// What the poller says.
    pub fn listen(&self, listener: Box<dyn Listener>) -> io::Result<()> {
        self.shared.add_listener(listener.into(), None).map(drop)
    }

    /// Serves the connections that arrive at `listener`, and accepts them until the [`Gate`] is dropped or the server ends.
    ///
    /// # Errors
    ///
    /// What the poller says.
    pub fn listen_while(&self, listener: Box<dyn Listener>) -> io::Result<Gate> {
        let token = self.shared.add_listener(listener.into(), None)?;
        Ok(Gate::new(&self.shared, token))
    }

    /// Gives the connections that arrive at `listener` to `reception`, until the [`Gate`] is dropped or the server ends.
    ///
    /// # Errors
    ///
    /// What the poller says.
    pub fn listen_for(&self, listener: Box<dyn Listener>, reception: Arc<dyn Reception>) -> io::Result<Gate> {
        let token = self.shared.add_listener(listener.into(), Some(reception))?;
        Ok(Gate::new(&self.shared, token))
    }

    /// Takes a connection in that one owner serves for good; `None`, and closed, if there are too many or the server
    /// stops.
    pub fn adopt(&self, link: Arc<dyn Link>, config: FlowConfig) -> Option<Flow> {
        Flow::adopt(&self.shared, link, config)
    }

    /// Takes a connection in whose first request is served by `adapter`, and which is then closed, unless somebody takes it
    /// over.
    pub fn serve_once(&self, link: Arc<dyn Link>, adapter: Arc<dyn Adapter>) {
        let terms = Terms {
            adapter: Some(adapter),
            once: true,
            ..Terms::of(&self.shared.config)
        };
        worker::admit(&self.shared, link, terms);
    }

    /// Returns where connections are accepted.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let listeners = self.shared.listeners();
        listeners
            .iter()
            .map(|listener| listener.local().clone())
            .collect()
    }

    /// Serves one link on the calling thread, until its peer closes it; for links that no poller watches.
    pub fn serve(&self, link: Arc<dyn Link>) {
        let Some(connection) = self.shared.add_connection(link, Terms::of(&self.shared.config)) else {
            return;
        };
        let Some((epoch, _)) = connection.own() else {
            return;
        };
        worker::visit(&self.shared, &connection, epoch);
    }

    /// Returns who serves the requests of most connections.
    pub fn adapter(&self) -> &Arc<dyn Adapter> {
        &self.shared.adapter
    }

    /// Returns how many connections are open.
    pub fn connection_count(&self) -> usize {
        self.shared.connection_count()
    }

    /// Returns what the connections do that the workers serve: those without a [`Flow`].
    pub fn connections(&self) -> Vec<ConnectionStatus> {
        let mut connections = self.shared.connections();
        connections.retain(|connection| !connection.terms.flow);
        let status = |connection: Arc<connection::Connection>| ConnectionStatus {
            id: connection.token,
            peer: connection.peer().clone(),
            local: connection.link.local().clone(),
            messages: connection.taken.load(Ordering::Relaxed),
            received: connection.received.load(Ordering::Relaxed),
            datagrams: connection.datagram_counters(),
        };
        connections.into_iter().map(status).collect()
    }

    /// Returns what a connection of these travels on, by [`ConnectionStatus::id`]; `None` once it has ended.
    pub fn link(&self, connection: u64) -> Option<Arc<dyn Link>> {
        let connection = self.shared.connection(connection)?;
        Some(Arc::clone(&connection.link))
    }

    /// Returns how many threads serve requests at the moment, those that wait for one included.
    pub fn worker_count(&self) -> usize {
        self.shared.worker_count()
    }

    /// Stops the server: no new connections and requests; requests in progress finish within
    /// [`ServerConfig::grace`], and clients get CloseConnection. One whose request takes longer loses its connection
    /// without it, which is `COMM_FAILURE` to the client: perhaps completed.
    ///
    /// Called from a servant, it returns at once and a thread does the rest: the servant's own request is one of
    /// those in progress.
    pub fn shutdown(&self) {
        if self.shared.stopping.swap(true, Ordering::SeqCst) {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let watchdog = self.watchdog.lock().take();
        let finish = move || {
            finish(&shared);
            if let Some(watchdog) = watchdog {
                watchdog.thread().unpark();
                drop(watchdog.join());
            }
        };
        if worker::is_worker() {
            drop(
                thread::Builder::new()
                    .name("upcall-shutdown".into())
                    .spawn(finish),
            );
        } else {
            finish();
        }
    }

    /// Tells whether the server is being or was stopped.
    pub fn is_stopped(&self) -> bool {
        self.shared.stopping.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.shared, f)
    }
}

/// Says that the calling thread, one of its own pool, calls servants for a server, whose [`Server::shutdown`] from one of
/// these must not wait for itself.
pub fn serves_here() {
    worker::be_worker();
}

fn finish(shared: &Arc<Shared>) {
    tracing::debug!("server stops");
    shared.close_listeners();
    let goodbye = giop::close_connection(Version::V1_2);
    let mut until = Instant::now() + shared.config.grace;
    let mut calm = 0;
    // A worker may be between taking a message and saying so; it is not for two steps.
    while calm < 2 && Instant::now() < until {
        calm = if is_busy(shared) { 0 } else { calm + 1 };
        thread::sleep(STEP);
    }
    for connection in shared.connections() {
        if shared.serves(&connection) {
            // CloseConnection would say that its requests were not begun, and may be sent again (CORBA 3.3 Part 2
            // §9.5.2).
            tracing::warn!(peer = %connection.peer(), "a request is still in progress, and is given up");
            shared.end(&connection);
        } else {
            connection.say_goodbye(&goodbye);
            shared.make_ready([readable(connection.token)]);
        }
    }
    until = Instant::now() + FAREWELL;
    while shared.connection_count() > 0 && Instant::now() < until {
        thread::sleep(STEP);
    }
    for connection in shared.connections() {
        shared.end(&connection);
    }
    shared.stopped.store(true, Ordering::SeqCst);
    until = Instant::now() + FAREWELL;
    while shared.worker_count() > 0 && Instant::now() < until {
        drop(shared.poller.wake());
        shared.wait_for_workers(STEP);
    }
    tracing::debug!("server stopped");
}

fn is_busy(shared: &Shared) -> bool {
    shared.slots.lock().iter().any(|slot: &Arc<Slot>| slot.is_busy())
}

#[cfg(test)]
mod tests;

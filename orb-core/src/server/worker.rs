// SPDX-License-Identifier: MIT OR Apache-2.0
//! The threads that serve connections: each reads requests, calls servants and sends replies by itself.

use std::{
    cell::Cell,
    io,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use crate::{
    nested::{self, Holder},
    server::{
        connection::{Connection, Terms, Wait},
        service::{KEPT, Service, Turn},
        shared::{Shared, Stay, readable},
        slot::Slot,
    },
    transport::{Event, Interest, Link},
};

/// A worker with nothing to do for so long ends, if others are there.
const IDLE: Duration = Duration::from_secs(10);
/// Workers that are kept although they have nothing to do.
const CORE: usize = 2;

/// One worker.
pub(super) struct Worker {
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    service: Service,
    events: Vec<Event>,
}

/// What a worker does next with the connection it serves.
enum Step {
    /// It takes the next message.
    Go,
    /// It lets go of it.
    LetGo,
    /// It has lost it already.
    Lost,
    /// It closes it.
    End,
}

/// The life of a worker thread.
pub(super) fn run(shared: &Arc<Shared>, refusing: bool) {
    let slot = Arc::new(Slot::default());
    shared.slots.lock().push(Arc::clone(&slot));
    let _leaving = Leaving(shared, &slot);
    be_worker();
    let _held = nested::hold(Rc::new(Reading {
        shared: Arc::clone(shared),
        slot: Arc::clone(&slot),
    }));
    Worker::new(shared, &slot, refusing).work();
}

/// Serves one connection on the calling thread, as a worker would.
pub(super) fn visit(shared: &Arc<Shared>, connection: &Arc<Connection>, epoch: u64) {
    let slot = Arc::new(Slot::default());
    shared.slots.lock().push(Arc::clone(&slot));
    let _held = nested::hold(Rc::new(Reading {
        shared: Arc::clone(shared),
        slot: Arc::clone(&slot),
    }));
    Worker::new(shared, &slot, false).serve(connection, epoch, true);
    shared.slots.lock().retain(|other| !Arc::ptr_eq(other, &slot));
}

thread_local! {
    static IS_WORKER: Cell<bool> = const { Cell::new(false) };
}

/// Tells whether the calling thread is a server's worker, or runs a flow.
pub(super) fn is_worker() -> bool {
    IS_WORKER.get()
}

/// Says that it is.
pub(super) fn be_worker() {
    IS_WORKER.set(true);
}

/// Counts the worker out, however it ends.
struct Leaving<'a>(&'a Arc<Shared>, &'a Arc<Slot>);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.leave(self.1);
    }
}

/// What a worker holds while it is in a servant: the reading of a connection.
struct Reading {
    shared: Arc<Shared>,
    slot: Arc<Slot>,
}

impl Holder for Reading {
    fn release(&self) {
        if self.slot.is_busy() {
            self.shared.hand_over(&self.slot, true, || true);
        }
    }
}

/// Takes a connection in, for whichever worker is free.
pub(super) fn admit(shared: &Shared, link: Arc<dyn Link>, terms: Terms) {
    let Some(connection) = shared.add_connection(link, terms) else {
        return;
    };
    shared.wake_watchdog();
    let Some(fd) = connection.link.fd() else {
        return shared.make_ready([readable(connection.token)]);
    };
    if let Err(error) = shared.poller.add(fd, connection.token, Interest::READ_EDGE) {
        tracing::warn!(peer = %connection.peer(), %error, "connection cannot be watched");
        return shared.end(&connection);
    }
    if connection.link.watch(Interest::READ_EDGE).is_none() {
        shared.make_ready([readable(connection.token)]);
    }
}

impl Worker {
    pub(super) fn new(shared: &Arc<Shared>, slot: &Arc<Slot>, refusing: bool) -> Self {
        Self {
            shared: Arc::clone(shared),
            slot: Arc::clone(slot),
            service: Service::new(shared, slot, refusing),
            events: Vec::with_capacity(64),
        }
    }

    fn work(&mut self) {
        while !self.shared.stopped.load(Ordering::SeqCst) {
            let next = self.slot.batch.lock().pop_front();
            if let Some(event) = next.or_else(|| self.shared.next_ready()) {
                self.look_at(event);
            } else if !self.poll() {
                return;
            }
        }
    }

    /// Waits for something to do; `false` if there is nothing and the worker is not needed.
    fn poll(&mut self) -> bool {
        let shared = &self.shared;
        if self.service.refusing && shared.polling.load(Ordering::SeqCst) > 0 {
            return false;
        }
        let began = Instant::now();
        shared.polling.fetch_add(1, Ordering::SeqCst);
        let result = shared.poller.wait(&mut self.events, Some(IDLE));
        shared.polling.fetch_sub(1, Ordering::SeqCst);
        if let Err(error) = result {
            tracing::error!(%error, "the poller failed");
            std::thread::sleep(Duration::from_millis(100));
        }
        if self.events.is_empty() {
            let idle = began.elapsed() >= IDLE;
            if idle {
                self.service.spare = None;
            }
            return !(idle && shared.worker_count() > CORE);
        }
        shared.crowd.store(self.events.len(), Ordering::Relaxed);
        self.slot.batch.lock().extend(self.events.drain(..));
        true
    }

    fn look_at(&mut self, event: Event) {
        if Shared::is_listener(event.token) {
            return self.accept(event.token);
        }
        let Some(connection) = self.shared.connection(event.token) else {
            return;
        };
        if event.closed {
            connection.hang_up();
        }
        if connection.is_backed_up() && connection.unblock(&*self.shared.poller) {
            connection.arm(&*self.shared.poller);
        }
        if connection.is_backed_up() {
            if event.closed {
                self.shared.end(&connection);
            }
            return;
        }
        if let Some((epoch, ago)) = connection.own() {
            self.serve(&connection, epoch, ago < self.shared.config.linger);
        }
    }

    /// Takes in all connections that wait.
    #[inline(never)]
    fn accept(&mut self, token: u64) {
        let Some((listener, reception)) = self.shared.listener(token) else {
            return;
        };
        loop {
            match listener.accept() {
                Ok(link) => match &reception {
                    Some(reception) => reception.receive(link),
                    None => admit(&self.shared, link, Terms::of(&self.shared.config)),
                },
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    // Out of descriptors, most likely; the watchdog arms the listener again in a while.
                    tracing::warn!(local = %listener.local(), %error, "cannot accept a connection");
                    self.shared.refused.store(true, Ordering::Relaxed);
                    self.shared.wake_watchdog();
                    return;
                }
            }
        }
    }

    /// Serves a connection until there is nothing more to do, or it was taken away.
    pub(super) fn serve(&mut self, connection: &Arc<Connection>, epoch: u64, frequent: bool) {
        let mut visit = Visit {
            epoch,
            drained: false,
            held_back: false,
            lingering: None,
            frequent,
        };
        self.slot.reading.lock().replace((Arc::clone(connection), epoch));
        loop {
            match self.step(connection, &mut visit) {
                Step::Go => {}
                Step::Lost => {
                    // The last reply may wait for one that another worker sends now.
                    connection.flush(&*self.shared.poller);
                    break;
                }
                Step::End => {
                    self.shared.end(connection);
                    break;
                }
                Step::LetGo => {
                    let poller = &*self.shared.poller;
                    // Room may have shown while receiving.
                    let unblocked = connection.is_backed_up() && connection.unblock(poller);
                    if visit.lingering.take().is_some() || unblocked {
                        connection.arm(poller);
                    }
                    if unblocked {
                        connection.stir();
                    }
                    let Some(epoch) = connection.let_go(visit.epoch, &mut self.service.spare) else {
                        break;
                    };
                    (visit.epoch, visit.drained, visit.frequent) = (epoch, false, false);
                    self.slot.reading.lock().replace((Arc::clone(connection), epoch));
                }
            }
        }
        self.slot.reading.lock().take();
        if self
            .service
            .spare
            .as_ref()
            .is_some_and(|spare| spare.capacity() > KEPT)
        {
            self.service.spare = None;
        }
    }

    fn step(&mut self, connection: &Arc<Connection>, visit: &mut Visit) -> Step {
        let wait = match &visit.lingering {
            Some(lingering) => Wait::For(self.shared.config.busy_poll, lingering.limit),
            None => Wait::No,
        };
        match self
            .service
            .turn(connection, visit.epoch, &mut visit.drained, wait)
        {
            Turn::Served { more } => {
                visit.held_back |= more;
                if visit.lingering.is_some() && visit.drained && !more {
                    // What follows is known: the next message is waited for.
                    return self.drained(connection, visit);
                }
                Step::Go
            }
            Turn::Drained => self.drained(connection, visit),
            Turn::Nothing if visit.lingering.is_some() && connection.link.fd().is_none() => Step::Go,
            Turn::Nothing | Turn::Held => Step::LetGo,
            // Only flows are asked.
            Turn::Lost | Turn::Asked(_) => Step::Lost,
            Turn::Ended => Step::End,
        }
    }

    /// Goes on when all that had come was served.
    fn drained(&self, connection: &Arc<Connection>, visit: &mut Visit) -> Step {
        if std::mem::take(&mut visit.held_back) {
            connection.flush(&*self.shared.poller);
        }
        self.stay(connection, visit)
    }

    /// Stays with the connection, or lets it go: one that calls again at once is cheaper to wait for.
    fn stay(&self, connection: &Arc<Connection>, visit: &mut Visit) -> Step {
        let shared = &self.shared;
        if connection.is_backed_up() {
            return Step::LetGo;
        }
        if visit.lingering.is_some() {
            if shared.is_crowded() && connection.link.fd().is_some() {
                return Step::LetGo;
            }
            visit.drained = false;
            return Step::Go;
        }
        self.settle(connection, visit)
    }

    /// Begins to stay with a connection, if that is worth it.
    #[inline(never)]
    fn settle(&self, connection: &Arc<Connection>, visit: &mut Visit) -> Step {
        let shared = &self.shared;
        let watched = connection.link.fd().is_some();
        let mut lingering = Lingering {
            limit: Some(shared.config.linger),
            counted: None,
        };
        if watched {
            if !visit.frequent || self.service.refusing || !self.slot.batch.lock().is_empty() {
                return Step::LetGo;
            }
            let Some(stay) = shared.start_lingering() else {
                return Step::LetGo;
            };
            lingering.counted = Some(Arc::clone(shared));
            if stay == Stay::UntilServed {
                lingering.limit = None;
            }
        }
        if !connection.linger(visit.epoch) {
            return Step::Lost;
        }
        visit.lingering = Some(lingering);
        if watched && !connection.disarm(&*shared.poller) {
            return Step::LetGo;
        }
        visit.drained = false;
        Step::Go
    }
}

/// What a worker knows of its visit to a connection.
struct Visit {
    epoch: u64,
    drained: bool,
    /// Replies may have been held back for others.
    held_back: bool,
    lingering: Option<Lingering>,
    /// The connection was served a short while ago.
    frequent: bool,
}

/// A worker that stays with its connection.
struct Lingering {
    /// How long it waits for the next message; `None`: until something comes.
    limit: Option<Duration>,
    /// Where it is counted.
    counted: Option<Arc<Shared>>,
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if let Some(shared) = &self.counted {
            shared.stop_lingering();
        }
    }
}

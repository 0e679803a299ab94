// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the threads of one server share.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex, RwLock};

use crate::{
    cdr::OrbHandle,
    giop,
    servant::Adapter,
    server::{
        Reception, ServerConfig,
        connection::{Connection, Terms},
        slot::Slot,
        worker,
    },
    transport::{Event, Interest, Link, Listener, Poller},
};

/// Marks the tokens of listeners.
const LISTENER: u64 = 1 << 63;
/// From so many events at once on, threads do better not to stay with one connection.
const CROWD: usize = 4;

/// The state of one server.
pub(super) struct Shared {
    pub(super) config: ServerConfig,
    pub(super) adapter: Arc<dyn Adapter>,
    pub(super) orb: Option<Arc<dyn OrbHandle>>,
    pub(super) poller: Arc<dyn Poller>,
    pub(super) started: Instant,
    listeners: RwLock<Vec<Option<Entrance>>>,
    connections: RwLock<Connections>,
    /// What is to be looked at without the poller saying so.
    ready: Mutex<VecDeque<Event>>,
    ready_count: AtomicUsize,
    pub(super) slots: Mutex<Vec<Arc<Slot>>>,
    workers: Mutex<usize>,
    all_gone: Condvar,
    /// Workers that wait for the poller, or are about to.
    pub(super) polling: AtomicUsize,
    lingering: AtomicUsize,
    /// How many events came at once last.
    pub(super) crowd: AtomicUsize,
    /// Accepting failed at some listener, for want of descriptors most likely.
    pub(super) refused: AtomicBool,
    /// No new requests.
    pub(super) stopping: AtomicBool,
    /// The threads are to end.
    pub(super) stopped: AtomicBool,
    watchdog: Mutex<Option<thread::Thread>>,
}

/// A listener, and who gets its connections, if not the workers.
pub(super) type Entrance = (Arc<dyn Listener>, Option<Arc<dyn Reception>>);

/// The connections by token: a slot in the lower half, its generation in the upper.
#[derive(Default)]
struct Connections {
    slots: Vec<(u32, Option<Arc<Connection>>)>,
    free: Vec<u32>,
    count: usize,
}

impl Shared {
    pub(super) fn new(
        config: ServerConfig,
        adapter: Arc<dyn Adapter>,
        orb: Option<Arc<dyn OrbHandle>>,
        poller: Arc<dyn Poller>,
    ) -> Self {
        Self {
            config,
            adapter,
            orb,
            poller,
            started: Instant::now(),
            listeners: RwLock::default(),
            connections: RwLock::default(),
            ready: Mutex::default(),
            ready_count: AtomicUsize::new(0),
            slots: Mutex::default(),
            workers: Mutex::new(0),
            all_gone: Condvar::new(),
            polling: AtomicUsize::new(0),
            lingering: AtomicUsize::new(0),
            crowd: AtomicUsize::new(0),
            refused: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            watchdog: Mutex::default(),
        }
    }

    /// Watches a listener, and returns its token.
    pub(super) fn add_listener(
        &self,
        listener: Arc<dyn Listener>,
        reception: Option<Arc<dyn Reception>>,
    ) -> std::io::Result<u64> {
        let mut listeners = self.listeners.write();
        let index = listeners.iter().position(Option::is_none).unwrap_or_else(|| {
            listeners.push(None);
            listeners.len() - 1
        });
        let token = LISTENER | index as u64;
        if let Some(fd) = listener.fd() {
            self.poller.add(fd, token, Interest::READ_EDGE)?;
        }
        if let Some(place) = listeners.get_mut(index) {
            *place = Some((listener, reception));
        }
        Ok(token)
    }

    pub(super) fn listener(&self, token: u64) -> Option<Entrance> {
        let index = usize::try_from(token & !LISTENER).ok()?;
        self.listeners.read().get(index)?.clone()
    }

    /// Returns the listeners whose connections the workers get.
    pub(super) fn listeners(&self) -> Vec<Arc<dyn Listener>> {
        let listeners = self.listeners.read();
        let ours = listeners
            .iter()
            .flatten()
            .filter(|(_, reception)| reception.is_none());
        ours.map(|(listener, _)| Arc::clone(listener)).collect()
    }

    /// Has some worker try again to accept where that had failed.
    pub(super) fn retry_listeners(&self) {
        if self.refused.swap(false, Ordering::Relaxed) {
            let count = self.listeners.read().len() as u64;
            self.make_ready((0..count).map(|index| readable(LISTENER | index)));
        }
    }

    pub(super) fn close_listeners(&self) {
        let count = self.listeners.read().len() as u64;
        (0..count).for_each(|index| self.close_listener(LISTENER | index));
    }

    pub(super) fn close_listener(&self, token: u64) {
        let index = usize::try_from(token & !LISTENER).unwrap_or(usize::MAX);
        // Not under the lock: a reception that goes may close listeners itself.
        let closed = self.listeners.write().get_mut(index).and_then(Option::take);
        if let Some(fd) = closed.as_ref().and_then(|(listener, _)| listener.fd()) {
            drop(self.poller.remove(fd));
        }
    }

    pub(super) fn is_listener(token: u64) -> bool {
        token & LISTENER != 0
    }

    /// Takes a new connection in, or closes it where there are too many.
    pub(super) fn add_connection(&self, link: Arc<dyn Link>, terms: Terms) -> Option<Arc<Connection>> {
        let connection = {
            let mut connections = self.connections.write();
            if connections.count >= self.config.max_connections || self.stopping.load(Ordering::Relaxed) {
                drop(connections);
                refuse(&*link);
                return None;
            }
            connections.add(link, terms)?
        };
        tracing::debug!(peer = %connection.peer(), "connection accepted");
        let now = self.now();
        connection.seen_at.store(now, Ordering::Relaxed);
        Some(connection)
    }

    pub(super) fn connection(&self, token: u64) -> Option<Arc<Connection>> {
        self.connections.read().find(token).cloned()
    }

    pub(super) fn connections(&self) -> Vec<Arc<Connection>> {
        let mut list = Vec::new();
        self.list_connections(&mut list);
        list
    }

    pub(super) fn list_connections(&self, list: &mut Vec<Arc<Connection>>) {
        let connections = self.connections.read();
        let present = connections.slots.iter();
        list.extend(present.filter_map(|(_, connection)| connection.clone()));
    }

    pub(super) fn connection_count(&self) -> usize {
        self.connections.read().count
    }

    /// Forgets a connection that has ended.
    pub(super) fn end(&self, connection: &Connection) {
        if let Some(fd) = connection.link.fd() {
            drop(self.poller.remove(fd));
        }
        connection.link.shutdown();
        if self.connections.write().remove(connection.token) {
            tracing::debug!(peer = %connection.peer(), "connection closed");
        }
    }

    /// Forgets a connection whose link somebody else takes over; `None` if the worker with `epoch` does not read it.
    pub(super) fn retire(&self, connection: &Connection, epoch: u64) -> Option<Arc<dyn Link>> {
        if !connection.retire(epoch) {
            return None;
        }
        if let Some(fd) = connection.link.fd() {
            drop(self.poller.remove(fd));
        }
        self.connections.write().remove(connection.token);
        Some(Arc::clone(&connection.link))
    }

    /// Tells whether a request of this connection is in progress.
    pub(super) fn serves(&self, connection: &Arc<Connection>) -> bool {
        let slots = self.slots.lock();
        slots.iter().any(|slot| slot.serves(connection) && slot.is_busy())
    }

    /// Has some worker look at a connection that it takes no event to look at.
    pub(super) fn make_ready(&self, events: impl IntoIterator<Item = Event>) {
        let mut ready = self.ready.lock();
        ready.extend(events);
        self.ready_count.store(ready.len(), Ordering::SeqCst);
        drop(ready);
        drop(self.poller.wake());
    }

    pub(super) fn next_ready(&self) -> Option<Event> {
        if self.ready_count.load(Ordering::SeqCst) == 0 {
            return None;
        }
        let mut ready = self.ready.lock();
        let event = ready.pop_front();
        self.ready_count.store(ready.len(), Ordering::SeqCst);
        drop(ready);
        // Two wake-ups may have become one; and this worker may be busy with its event for long.
        self.wake_for_ready();
        event
    }

    /// Wakes a worker if something waits that the poller does not know of.
    pub(super) fn wake_for_ready(&self) {
        if self.ready_count.load(Ordering::SeqCst) > 0 {
            drop(self.poller.wake());
        }
    }

    /// Takes from a worker what it is too busy to look at: other connections.
    pub(super) fn relieve(self: &Arc<Self>, slot: &Slot) {
        let batch = std::mem::take(&mut *slot.batch.lock());
        if !batch.is_empty() {
            self.make_ready(batch);
            self.want_poller();
        }
    }

    /// Takes from a worker the reading of its connection too; `patient` and `still` as in [`Connection::take_away`].
    pub(super) fn hand_over(self: &Arc<Self>, slot: &Slot, patient: bool, still: impl Fn() -> bool) {
        self.relieve(slot);
        let reading = slot.reading.lock().clone();
        if let Some((connection, epoch)) = reading {
            connection.flush(&*self.poller);
            if let Some(ready) = connection.take_away(epoch, patient, still) {
                self.pass_on(&connection, ready);
            }
        }
        self.want_poller();
    }

    /// Has another worker read a connection that nobody owns.
    pub(super) fn pass_on(&self, connection: &Connection, ready: bool) {
        if ready || connection.link.fd().is_none() {
            self.make_ready([readable(connection.token)]);
        }
        if connection.link.fd().is_some() {
            connection.arm(&*self.poller);
        }
    }

    /// Sees to it that some worker waits for the poller; `false` if there are as many as there may be.
    pub(super) fn want_poller(self: &Arc<Self>) -> bool {
        self.polling.load(Ordering::SeqCst) > 0 || self.hire(false)
    }

    /// Starts another worker; a `refusing` one is beyond the limit and answers `TRANSIENT` until there is room.
    pub(super) fn hire(self: &Arc<Self>, refusing: bool) -> bool {
        let mut workers = self.workers.lock();
        // Those who stay with a silent connection serve no request.
        let limit = self.config.max_requests + self.lingering.load(Ordering::SeqCst);
        if self.stopped.load(Ordering::SeqCst) || (*workers >= limit && !refusing) {
            return false;
        }
        let shared = Arc::clone(self);
        let name = format!("upcall-worker-{workers}");
        let started = thread::Builder::new()
            .name(name)
            .spawn(move || worker::run(&shared, refusing));
        if let Err(error) = &started {
            tracing::warn!(%error, "no further worker thread can be started");
            return false;
        }
        *workers += 1;
        true
    }

    pub(super) fn worker_count(&self) -> usize {
        *self.workers.lock()
    }

    pub(super) fn leave(&self, slot: &Arc<Slot>) {
        self.slots.lock().retain(|other| !Arc::ptr_eq(other, slot));
        let mut workers = self.workers.lock();
        *workers -= 1;
        self.all_gone.notify_all();
    }

    /// Waits until all workers have ended; `false` if they have not after `time`.
    pub(super) fn wait_for_workers(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut workers = self.workers.lock();
        while *workers > 0 {
            if self.all_gone.wait_until(&mut workers, until).timed_out() {
                return false;
            }
        }
        true
    }

    /// Tells whether a worker may stay with a connection that it has just served, and counts it: for
    /// [`ServerConfig::linger`] at a time, or until something comes, which saves setting a timer.
    pub(super) fn start_lingering(self: &Arc<Self>) -> Option<Stay> {
        let limit = self.config.max_lingering;
        let more = |count: usize| (count < limit).then_some(count + 1);
        if self.is_crowded() || self.config.linger.is_zero() {
            return None;
        }
        let counted = self
            .lingering
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .ok()?;
        // Somebody must look after the others meanwhile.
        if !self.want_poller() {
            self.stop_lingering();
            return None;
        }
        // The first ones may stay; if their clients fall silent, there is still room for others.
        Some(if counted < limit / 2 {
            Stay::UntilServed
        } else {
            Stay::ForAWhile
        })
    }

    pub(super) fn stop_lingering(&self) {
        self.lingering.fetch_sub(1, Ordering::SeqCst);
    }

    /// Tells whether many connections want to be served at once.
    pub(super) fn is_crowded(&self) -> bool {
        self.crowd.load(Ordering::Relaxed) >= CROWD || self.ready_count.load(Ordering::Relaxed) > 0
    }

    /// Returns the time since the server started, in milliseconds.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn set_watchdog(&self, thread: thread::Thread) {
        *self.watchdog.lock() = Some(thread);
    }

    /// Has the watchdog look around at once.
    pub(super) fn wake_watchdog(&self) {
        if let Some(thread) = &*self.watchdog.lock() {
            thread.unpark();
        }
    }
}

/// For how long a worker stays with a connection that is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stay {
    /// Until something comes.
    UntilServed,
    /// Not for long.
    ForAWhile,
}

/// As if the poller had said so.
pub(super) fn readable(token: u64) -> Event {
    Event {
        token,
        readable: true,
        writable: false,
        closed: false,
    }
}

/// Closes in good order what cannot be taken in: the client then tries elsewhere, or later.
fn refuse(link: &dyn Link) {
    tracing::warn!(peer = %link.peer(), "too many connections: refused");
    let goodbye = giop::close_connection(crate::cdr::Version::V1_0);
    drop(link.try_send(&[std::io::IoSlice::new(&goodbye)]));
    link.shutdown();
}

impl Connections {
    fn add(&mut self, link: Arc<dyn Link>, terms: Terms) -> Option<Arc<Connection>> {
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.slots.push((0, None));
                u32::try_from(self.slots.len() - 1).ok()?
            }
        };
        let (generation, place) = self.slots.get_mut(usize::try_from(index).ok()?)?;
        // The top bit is the listeners'.
        *generation = (*generation + 1) & 0x7fff_ffff;
        let token = u64::from(*generation) << 32 | u64::from(index);
        let connection = Arc::new(Connection::new(link, token, terms));
        *place = Some(Arc::clone(&connection));
        self.count += 1;
        Some(connection)
    }

    fn find(&self, token: u64) -> Option<&Arc<Connection>> {
        let (generation, place) = self.slots.get(index(token)?)?;
        place.as_ref().filter(|_| u64::from(*generation) == token >> 32)
    }

    fn remove(&mut self, token: u64) -> bool {
        if self.find(token).is_none() {
            return false;
        }
        let Some((_, place)) = index(token).and_then(|index| self.slots.get_mut(index)) else {
            return false;
        };
        *place = None;
        self.count -= 1;
        self.free.extend(u32::try_from(token & u64::from(u32::MAX)));
        true
    }
}

fn index(token: u64) -> Option<usize> {
    usize::try_from(token & u64::from(u32::MAX)).ok()
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("config", &self.config)
            .field("connections", &self.connection_count())
            .field("workers", &self.worker_count())
            .finish_non_exhaustive()
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The connections of a host: by name, by endpoints, by what they have to say and by when they want to be asked.

use std::{
    collections::{HashMap, VecDeque},
    hash::BuildHasher,
};

use rtu::Time;
use siphasher::sip::SipHasher13;
use transport_apic::Payload;

use super::{ConnectionId, Event, SequenceNumbers, timers::Timers};
use crate::engine::{Connection, Endpoints, Events, State};

/// All connections.
#[derive(Debug)]
pub(super) struct Table<P> {
    slots: Vec<Slot<P>>,
    free: Vec<u32>,
    most: usize,
    by_endpoints: HashMap<Endpoints, u32, Keyed>,
    /// The connection that was found last: packets come in runs.
    last: Option<(Endpoints, u32)>,
    /// Those that may have something to send.
    ready: VecDeque<u32>,
    /// Those to which something happened.
    news: VecDeque<u32>,
    timers: Timers,
    /// Those in TIME-WAIT, the oldest first; some may have left it since.
    waiting: VecDeque<ConnectionId>,
}

#[derive(Debug)]
struct Slot<P> {
    generation: u32,
    entry: Option<Box<Entry<P>>>,
}

#[derive(Debug)]
struct Entry<P> {
    connection: Connection<P>,
    /// The port of the listener that waits for the handshake.
    opening: Option<u16>,
    /// The user knows it, and has not closed it.
    known: bool,
    forgotten: bool,
    waiting: bool,
    in_ready: bool,
    in_news: bool,
    events: Events,
}

/// Hashes with a key: nobody can choose endpoints that meet in one bucket.
#[derive(Clone, Copy, Debug)]
struct Keyed(SipHasher13);

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;
    fn build_hasher(&self) -> SipHasher13 {
        self.0
    }
}

impl<P: Payload> Table<P> {
    pub(super) fn new(numbers: &SequenceNumbers, most: usize) -> Self {
        let keys = (numbers.hash(b"table 0"), numbers.hash(b"table 1"));
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            most,
            by_endpoints: HashMap::with_hasher(Keyed(SipHasher13::new_with_keys(keys.0, keys.1))),
            last: None,
            ready: VecDeque::new(),
            news: VecDeque::new(),
            timers: Timers::default(),
            waiting: VecDeque::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_endpoints.len()
    }

    /// Whether a connection that the user has closed waits for an acknowledgement.
    pub(super) fn is_parting(&self) -> bool {
        let mut entries = self.slots.iter().filter_map(|slot| slot.entry.as_deref());
        entries.any(|entry| {
            let state = entry.connection.state();
            entry.forgotten && !matches!(state, State::Closed | State::FinWait2 | State::TimeWait)
        })
    }

    /// Takes in a connection that the user asked for; none if there are as many as there may be.
    pub(super) fn insert(&mut self, connection: Connection<P>) -> Option<ConnectionId> {
        self.enter(connection, None)
    }

    /// Takes in a connection that a peer asked for, at the listener of `port`.
    pub(super) fn insert_opening(&mut self, connection: Connection<P>, port: u16) -> Option<ConnectionId> {
        self.enter(connection, Some(port))
    }

    fn enter(&mut self, connection: Connection<P>, opening: Option<u16>) -> Option<ConnectionId> {
        if self.len() >= self.most && !self.evict() {
            return None;
        }
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(Slot {
                    generation: 0,
                    entry: None,
                });
                u32::try_from(self.slots.len() - 1).ok()?
            }
        };
        let place = self.slots.get_mut(slot as usize)?;
        self.by_endpoints.insert(connection.endpoints(), slot);
        place.entry = Some(Box::new(Entry {
            connection,
            opening,
            known: opening.is_none(),
            forgotten: false,
            waiting: false,
            in_ready: false,
            in_news: false,
            events: Events::default(),
        }));
        Some(ConnectionId {
            slot,
            generation: place.generation,
        })
    }

    /// Has the oldest connection in TIME-WAIT make room.
    fn evict(&mut self) -> bool {
        while let Some(id) = self.waiting.pop_front() {
            let over = |entry: &Entry<P>| entry.forgotten && entry.connection.state() == State::TimeWait;
            if self.entry(id).is_some_and(over) {
                self.remove(id.slot);
                return true;
            }
        }
        false
    }

    fn entry(&self, id: ConnectionId) -> Option<&Entry<P>> {
        let slot = self.slots.get(id.slot as usize)?;
        slot.entry.as_deref().filter(|_| slot.generation == id.generation)
    }

    fn entry_mut(&mut self, id: ConnectionId) -> Option<&mut Entry<P>> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        slot.entry
            .as_deref_mut()
            .filter(|_| slot.generation == id.generation)
    }

    fn entry_at(&mut self, slot: u32) -> Option<&mut Entry<P>> {
        self.slots.get_mut(slot as usize)?.entry.as_deref_mut()
    }

    /// The connection that the user calls `id`, and has not closed.
    pub(super) fn get(&self, id: ConnectionId) -> Option<&Connection<P>> {
        let entry = self.entry(id).filter(|entry| !entry.forgotten)?;
        Some(&entry.connection)
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection<P>> {
        let entry = self.entry_mut(id).filter(|entry| !entry.forgotten)?;
        Some(&mut entry.connection)
    }

    pub(super) fn at_mut(&mut self, slot: u32) -> Option<&mut Connection<P>> {
        self.entry_at(slot).map(|entry| &mut entry.connection)
    }

    /// Where the connection of `endpoints` is.
    pub(super) fn find(&mut self, endpoints: &Endpoints) -> Option<u32> {
        if let Some((last, slot)) = &self.last
            && last == endpoints
        {
            return Some(*slot);
        }
        let slot = *self.by_endpoints.get(endpoints)?;
        self.last = Some((*endpoints, slot));
        Some(slot)
    }

    /// The user has accepted `id`.
    pub(super) fn accepted(&mut self, id: ConnectionId) {
        if let Some(entry) = self.entry_mut(id) {
            entry.known = true;
            self.gather(id.slot);
        }
    }

    /// The user has closed `id`: it goes as soon as it is over.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        if let Some(entry) = self.entry_mut(id) {
            entry.forgotten = true;
        }
    }

    /// Notes that a connection may have something to send, or to tell.
    pub(super) fn touch(&mut self, slot: u32) {
        self.gather(slot);
        self.make_ready(slot);
    }

    fn make_ready(&mut self, slot: u32) {
        if let Some(entry) = self.entry_at(slot)
            && !entry.in_ready
        {
            entry.in_ready = true;
            self.ready.push_back(slot);
        }
    }

    /// Notes what a connection has to tell.
    fn gather(&mut self, slot: u32) {
        let Some(entry) = self.entry_at(slot) else {
            return;
        };
        entry.events.join(entry.connection.take_events());
        if entry.events != Events::default() && entry.known && !entry.forgotten && !entry.in_news {
            entry.in_news = true;
            self.news.push_back(slot);
        }
    }

    /// The next one that may have something to send.
    pub(super) fn next_ready(&mut self) -> Option<u32> {
        let slot = self.ready.pop_front()?;
        if let Some(entry) = self.entry_at(slot) {
            entry.in_ready = false;
        }
        Some(slot)
    }

    /// Has those asked whose time has come.
    pub(super) fn expire(&mut self, now: Time) {
        while let Some(slot) = self.timers.pop(now) {
            self.make_ready(slot);
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        if self.ready.is_empty() {
            self.timers.earliest()
        } else {
            Some(Time::ZERO)
        }
    }

    /// A connection has nothing more to send now: it gets its alarm, or goes. Returns the listener that waited for it, and
    /// whether it is open, if that has become clear.
    pub(super) fn settle(&mut self, slot: u32) -> Option<(u16, ConnectionId, bool)> {
        self.gather(slot);
        let place = self.slots.get_mut(slot as usize)?;
        let id = ConnectionId {
            slot,
            generation: place.generation,
        };
        let entry = place.entry.as_deref_mut()?;
        let state = entry.connection.state();
        let settled = match entry.opening {
            Some(port) if state.is_synchronized() || state == State::Closed => {
                entry.opening = None;
                Some((port, id, state.is_synchronized()))
            }
            _ => None,
        };
        entry.forgotten |= settled.is_some_and(|(_, _, open)| !open);
        if entry.forgotten && entry.connection.is_over() {
            self.remove(slot);
            return settled;
        }
        if state == State::TimeWait && !entry.waiting {
            entry.waiting = true;
            self.waiting.push_back(id);
        }
        // An alarm that is too early only costs a look, so it is not moved for each segment.
        match (entry.connection.deadline(), self.timers.at(slot)) {
            (None, Some(_)) => self.timers.clear(slot),
            (Some(deadline), alarm) if alarm.is_none_or(|alarm| deadline < alarm) => {
                self.timers.set(slot, deadline);
            }
            _ => {}
        }
        settled
    }

    /// Lets a connection go, whatever it is at.
    pub(super) fn remove(&mut self, slot: u32) {
        let Some(place) = self.slots.get_mut(slot as usize) else {
            return;
        };
        let Some(entry) = place.entry.take() else {
            return;
        };
        place.generation = place.generation.wrapping_add(1);
        self.by_endpoints.remove(&entry.connection.endpoints());
        self.last = None;
        self.timers.clear(slot);
        // Those that have left TIME-WAIT are at the front, since it is equally long for all.
        while let Some(id) = self.waiting.front()
            && self.entry(*id).is_none()
        {
            self.waiting.pop_front();
        }
        // A slot that is still queued would be asked for another connection: harmless, but only once each.
        self.free.push(slot);
    }

    /// The next thing that happened to a connection.
    pub(super) fn poll_event(&mut self) -> Option<Event> {
        while let Some(slot) = self.news.front().copied() {
            let generation = self.slots.get(slot as usize).map_or(0, |slot| slot.generation);
            let id = ConnectionId { slot, generation };
            if let Some(entry) = self
                .entry_mut(id)
                .filter(|entry| entry.in_news && !entry.forgotten)
            {
                let error = entry.connection.error();
                if let Some(event) = entry.events.next(id, error) {
                    return Some(event);
                }
                entry.in_news = false;
            }
            self.news.pop_front();
        }
        None
    }
}

impl Events {
    fn join(&mut self, other: Self) {
        self.connected |= other.connected;
        self.readable |= other.readable;
        self.writable |= other.writable;
        self.peer_closed |= other.peer_closed;
        self.closed |= other.closed;
    }

    /// Takes the first of them.
    fn next(&mut self, id: ConnectionId, error: Option<crate::engine::Error>) -> Option<Event> {
        use std::mem::take;
        if take(&mut self.connected) {
            Some(Event::Connected(id))
        } else if take(&mut self.readable) {
            Some(Event::Readable(id))
        } else if take(&mut self.writable) {
            Some(Event::Writable(id))
        } else if take(&mut self.peer_closed) {
            Some(Event::PeerClosed(id))
        } else if take(&mut self.closed) {
            Some(error.map_or(Event::Closed(id), |error| Event::Failed(id, error)))
        } else {
            None
        }
    }
}

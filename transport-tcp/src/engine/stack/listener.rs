// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who waits for peers, and the peers that wait.

use std::collections::{BTreeMap, VecDeque};

use rtu::Time;

use super::{ConnectionId, Event, ListenerId, cookies};
use crate::engine::{OpenError, Settings};

/// The listeners of a host, by port.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    open: BTreeMap<u16, Listener>,
    /// Listeners that got something to accept since they were asked for last.
    news: VecDeque<u16>,
}

#[derive(Debug)]
struct Listener {
    backlog: usize,
    /// What connections to come are like.
    settings: Settings,
    /// Connections whose handshake is not over.
    opening: usize,
    /// Open ones that were not accepted.
    ready: VecDeque<ConnectionId>,
    told: bool,
    /// When a SYN was answered with a cookie last.
    cookie: Option<Time>,
}

/// What a listener does with a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// A connection may begin.
    Welcome,
    /// As many as may be are about to open.
    Crowded,
    /// As many as may be wait to be accepted.
    Full,
    /// Nobody listens.
    None,
}

impl Listeners {
    pub(super) fn open(
        &mut self,
        port: u16,
        backlog: usize,
        settings: Settings,
    ) -> Result<ListenerId, OpenError> {
        if self.is_open(port) {
            return Err(OpenError::InUse);
        }
        let listener = Listener {
            backlog: backlog.max(1),
            settings,
            opening: 0,
            ready: VecDeque::new(),
            told: false,
            cookie: None,
        };
        self.open.insert(port, listener);
        Ok(ListenerId { port })
    }

    pub(super) fn is_open(&self, port: u16) -> bool {
        self.open.contains_key(&port)
    }

    pub(super) fn settings(&self, port: u16) -> Option<Settings> {
        self.open.get(&port).map(|listener| listener.settings)
    }

    pub(super) fn settings_mut(&mut self, id: ListenerId) -> Option<&mut Settings> {
        self.open.get_mut(&id.port).map(|listener| &mut listener.settings)
    }

    pub(super) fn close(&mut self, id: ListenerId) -> VecDeque<ConnectionId> {
        let listener = self.open.remove(&id.port);
        listener.map(|listener| listener.ready).unwrap_or_default()
    }

    pub(super) fn accept(&mut self, id: ListenerId) -> Option<ConnectionId> {
        self.open.get_mut(&id.port)?.ready.pop_front()
    }

    pub(super) fn admit(&self, port: u16) -> Admission {
        match self.open.get(&port) {
            None => Admission::None,
            Some(listener) if listener.ready.len() >= listener.backlog => Admission::Full,
            Some(listener) if listener.opening >= listener.backlog => Admission::Crowded,
            Some(_) => Admission::Welcome,
        }
    }

    /// A SYN for `port` is answered with a cookie.
    pub(super) fn gave_cookie(&mut self, now: Time, port: u16) {
        if let Some(listener) = self.open.get_mut(&port) {
            listener.cookie = Some(now);
        }
    }

    /// Whether a cookie may come back to `port`: who gave none takes none.
    pub(super) fn gave_cookies(&self, now: Time, port: u16) -> bool {
        let given = self.open.get(&port).and_then(|listener| listener.cookie);
        given.is_some_and(|at| now - at < cookies::LIFE)
    }

    pub(super) fn began(&mut self, port: u16) {
        if let Some(listener) = self.open.get_mut(&port) {
            listener.opening += 1;
        }
    }

    /// The handshake of `id` is over: it is `open`, or it came to nothing. Returns whether there is still a listener for it.
    pub(super) fn settled(&mut self, port: u16, id: ConnectionId, open: bool) -> bool {
        let Some(listener) = self.open.get_mut(&port) else {
            return false;
        };
        listener.opening = listener.opening.saturating_sub(1);
        if open {
            listener.ready.push_back(id);
            if !listener.told {
                listener.told = true;
                self.news.push_back(port);
            }
        }
        true
    }

    pub(super) fn poll_event(&mut self) -> Option<Event> {
        while let Some(port) = self.news.pop_front() {
            if let Some(listener) = self.open.get_mut(&port) {
                listener.told = false;
                if !listener.ready.is_empty() {
                    return Some(Event::Acceptable(ListenerId { port }));
                }
            }
        }
        None
    }
}

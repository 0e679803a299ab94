// SPDX-License-Identifier: MIT OR Apache-2.0
//! What runs on our host while programs of the machine talk to it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::mpsc::Sender;

use bytes::Bytes;
use rtu::{Nanos, Time};
use transport_tcp::engine::{ConnectionId, Error, ListenerId, Stack, State};

use crate::host::Application;

/// Sends back whatever comes, in the memory where it landed, and closes when the peer has.
#[derive(Default)]
pub(crate) struct Echo {
    pub(crate) port: u16,
    /// Connections it opens itself.
    pub(crate) calls: Vec<SocketAddr>,
    /// It does not read for so long after it has accepted.
    pub(crate) rests: Nanos,
    pub(crate) listener: Option<ListenerId>,
    pub(crate) connections: HashMap<ConnectionId, Pipe>,
}

/// The way of pieces from one connection to another, or to the same.
pub(crate) struct Pipe {
    to: ConnectionId,
    held: Option<Bytes>,
    since: Time,
    shut: bool,
}

impl Pipe {
    fn new(to: ConnectionId, since: Time) -> Self {
        Self {
            to,
            held: None,
            since,
            shut: false,
        }
    }

    /// Moves what it can; says whether that was anything.
    fn pump(&mut self, from: ConnectionId, stack: &mut Stack<Bytes>, now: Time) -> bool {
        let mut moved = false;
        while let Some(piece) = self.held.take().or_else(|| stack.recv(from)) {
            if stack.room(self.to) < piece.len() {
                self.held = Some(piece);
                return moved;
            }
            moved = true;
            if stack.send(self.to, piece).is_err() {
                break;
            }
        }
        if !self.shut && stack.is_finished(from) {
            stack.shutdown(now, self.to);
            self.shut = true;
            moved = true;
        }
        moved
    }
}

impl Application for Echo {
    fn step(&mut self, stack: &mut Stack<Bytes>, now: Time) -> bool {
        let mut worked = false;
        if self.port != 0 && self.listener.is_none() {
            self.listener = Some(stack.listen(self.port, 2000).unwrap());
        }
        while let Some(id) = self.listener.and_then(|listener| stack.accept(listener)) {
            self.connections.insert(id, Pipe::new(id, now));
            worked = true;
        }
        for to in self.calls.drain(..) {
            let id = stack.connect(now, None, to).unwrap();
            self.connections.insert(id, Pipe::new(id, now));
            worked = true;
        }
        self.connections.retain(|id, pipe| {
            if now - pipe.since >= self.rests {
                worked |= pipe.pump(*id, stack, now);
            }
            let over = pipe.shut && pipe.held.is_none();
            if over {
                stack.close(now, *id);
            }
            !over
        });
        worked
    }
}

/// Passes on all connections to another place, and back: so other programs' own protocols run through our TCP.
pub(crate) struct Relay {
    port: u16,
    to: SocketAddr,
    listener: Option<ListenerId>,
    moving: HashMap<ConnectionId, Pipe>,
}

impl Relay {
    pub(crate) fn new(port: u16, to: SocketAddr) -> Self {
        Self {
            port,
            to,
            listener: None,
            moving: HashMap::new(),
        }
    }
}

impl Application for Relay {
    fn step(&mut self, stack: &mut Stack<Bytes>, now: Time) -> bool {
        let mut worked = false;
        let port = self.port;
        let listener = *self
            .listener
            .get_or_insert_with(|| stack.listen(port, 100).unwrap());
        while let Some(one) = stack.accept(listener) {
            let other = stack.connect(now, None, self.to).unwrap();
            self.moving.insert(one, Pipe::new(other, now));
            self.moving.insert(other, Pipe::new(one, now));
            worked = true;
        }
        for (from, pipe) in &mut self.moving {
            worked |= pipe.pump(*from, stack, now);
        }
        worked
    }
}

/// What [`Says`] does once it has sent what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Closes its side, and waits for the peer's.
    Shutdown,
    /// Waits for the peer to close.
    Wait,
    /// Ends the connection at the first word of the peer's.
    Abort,
}

/// Says something on each connection, reads what comes, and reports how each ended.
pub(crate) struct Says {
    port: u16,
    call: Option<SocketAddr>,
    says: Bytes,
    then: Then,
    ends: Sender<End>,
    listener: Option<ListenerId>,
    said: Vec<(ConnectionId, Progress)>,
}

/// How a connection ended at our side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) heard: Vec<u8>,
    pub(crate) error: Option<Error>,
    pub(crate) state: State,
}

#[derive(Default)]
struct Progress {
    said: usize,
    heard: Vec<u8>,
    done: bool,
}

impl Says {
    pub(crate) fn new(
        port: u16,
        call: Option<SocketAddr>,
        says: Bytes,
        then: Then,
        ends: Sender<End>,
    ) -> Self {
        Self {
            port,
            call,
            says,
            then,
            ends,
            listener: None,
            said: Vec::new(),
        }
    }

    /// Whether the connection is over.
    fn talk(&self, id: ConnectionId, progress: &mut Progress, stack: &mut Stack<Bytes>, now: Time) -> bool {
        while let Some(piece) = stack.recv(id) {
            progress.heard.extend(&piece);
        }
        let upto = self.says.len().min(progress.said + stack.room(id));
        if upto > progress.said && stack.send(id, self.says.slice(progress.said..upto)).is_ok() {
            progress.said = upto;
        }
        let opening = matches!(stack.state(id), State::SynSent | State::SynReceived);
        if !progress.done && progress.said == self.says.len() && !opening {
            match self.then {
                Then::Shutdown => stack.shutdown(now, id),
                Then::Wait if stack.is_finished(id) => stack.shutdown(now, id),
                Then::Wait => return stack.error(id).is_some(),
                Then::Abort if progress.heard.is_empty() => return stack.error(id).is_some(),
                Then::Abort => stack.abort(id),
            }
            progress.done = true;
        }
        stack.error(id).is_some() || matches!(stack.state(id), State::Closed | State::TimeWait)
    }
}

impl Application for Says {
    fn step(&mut self, stack: &mut Stack<Bytes>, now: Time) -> bool {
        let listener = match self.listener {
            Some(listener) => listener,
            None => stack.listen(self.port, 100).unwrap(),
        };
        self.listener = Some(listener);
        let called = self.call.take().map(|to| stack.connect(now, None, to).unwrap());
        let fresh = stack.accept(listener).or(called);
        self.said.extend(fresh.map(|id| (id, Progress::default())));
        let mut all = std::mem::take(&mut self.said);
        all.retain_mut(|(id, progress)| {
            let over = self.talk(*id, progress, stack, now);
            if over {
                let _ = self.ends.send(End {
                    heard: std::mem::take(&mut progress.heard),
                    error: stack.error(*id),
                    state: stack.state(*id),
                });
            }
            !over
        });
        self.said = all;
        fresh.is_some()
    }
}

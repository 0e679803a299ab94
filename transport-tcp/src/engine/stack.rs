// SPDX-License-Identifier: MIT OR Apache-2.0
//! One host on one link: which connection a packet is for, who listens, and who has something to send.

mod cookies;
mod datagrams;
pub(crate) mod icmp;
mod input;
mod isn;
mod listener;
mod reassembly;
mod table;
mod timers;

#[cfg(test)]
pub(crate) mod tests;

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
};

use rtu::Time;
use transport_apic::{Packet, Payload};

use self::{datagrams::Ports, listener::Listeners, reassembly::Reassembly, table::Table};
pub use self::{
    datagrams::{Datagram, DatagramCounters, DatagramError},
    isn::SequenceNumbers,
    reassembly::FragmentCounters,
};
use super::{Connection, Endpoints, Error, OpenError, SendError, Settings, State};

/// What a host is like.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its addresses, IPv4 and IPv6.
    pub addresses: Vec<IpAddr>,
    /// The longest packet that the link takes, in octets: 576 to 65,535, and 1,280 at least for IPv6.
    pub mtu: usize,
    /// What nobody else knows: initial sequence numbers and SYN cookies are made from it.
    pub secret: [u8; 16],
    /// What each connection is like.
    pub settings: Settings,
    /// How much of everything there may be.
    pub limits: Limits,
}

impl Config {
    /// A host with `address` on a link of `mtu`, otherwise with defaults.
    #[must_use]
    pub fn new(address: IpAddr, mtu: usize, secret: [u8; 16]) -> Self {
        Self {
            addresses: vec![address],
            mtu,
            secret,
            settings: Settings::default(),
            limits: Limits::default(),
        }
    }
}

/// How much of everything there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections in any state. Those in TIME-WAIT give way to new ones. Defaults to 65,536.
    pub connections: usize,
    /// Answers to packets of no connection that wait to be sent. Defaults to 64.
    pub replies: usize,
    /// Packets of datagrams that wait to be sent. Defaults to 256.
    pub datagrams: usize,
    /// Octets of datagrams that came in fragments of which some are missing; each fragment counts 128 more than it has. One
    /// source may have a quarter. Defaults to 4 MiB.
    pub reassembly: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 65_536,
            replies: 64,
            datagrams: 256,
            reassembly: 4 << 20,
        }
    }
}

/// Names a connection of one stack; never names another one later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId {
    slot: u32,
    generation: u32,
}

/// Names a listener of one stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenerId {
    port: u16,
}

/// Names a port for datagrams of one stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatagramId {
    port: u16,
}

/// What happened. Each is told once until it is asked for, however often it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A listener has a connection to accept.
    Acceptable(ListenerId),
    /// A datagram has come, after there was none.
    Datagram(DatagramId),
    /// A connection is open.
    Connected(ConnectionId),
    /// There is something to receive that was not there before.
    Readable(ConnectionId),
    /// There is room to send again, a quarter of the budget, after there was none.
    Writable(ConnectionId),
    /// The peer sends no more.
    PeerClosed(ConnectionId),
    /// Both sides are closed. What was received can still be taken, until the user closes or aborts the connection.
    Closed(ConnectionId),
    /// The connection is over before its time.
    Failed(ConnectionId, Error),
}

/// How often something happened on a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StackCounters {
    /// Packets received.
    pub received: u64,
    /// Packets sent.
    pub sent: u64,
    /// Packets dropped because they are not what they should be.
    pub malformed: u64,
    /// Packets dropped because they are for another host.
    pub elsewhere: u64,
    /// Segments of no connection that were answered with a reset, as far as there was room for answers.
    pub resets: u64,
    /// SYN that were answered with a cookie, as far as there was room for answers.
    pub cookies: u64,
    /// SYN that were dropped because the listener has as many connections to accept as it may have.
    pub refused: u64,
    /// What became of fragments.
    pub fragments: FragmentCounters,
}

/// One host on one link.
#[derive(Debug)]
pub struct Stack<P> {
    config: Config,
    numbers: SequenceNumbers,
    table: Table<P>,
    listeners: Listeners,
    ports: Ports<P>,
    reassembly: Reassembly<P>,
    /// Answers to packets of no connection.
    replies: VecDeque<Packet<P>>,
    next_port: u16,
    counters: StackCounters,
}

/// Ports that are chosen for connections (RFC 6335 §6).
const DYNAMIC: std::ops::RangeInclusive<u16> = 49_152..=65_535;

impl<P: Payload> Stack<P> {
    /// Makes a host without connections.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let numbers = SequenceNumbers::new(config.secret);
        // Where the search for a free port begins is nobody's business (RFC 6056).
        let start = numbers.hash(b"port");
        let span = u64::from(DYNAMIC.end() - DYNAMIC.start()) + 1;
        let offset = u16::try_from(start % span).unwrap_or(0);
        Self {
            table: Table::new(&numbers, config.limits.connections),
            numbers,
            listeners: Listeners::default(),
            ports: Ports::new(),
            reassembly: Reassembly::new(config.limits.reassembly),
            replies: VecDeque::new(),
            next_port: DYNAMIC.start() + offset,
            counters: StackCounters::default(),
            config,
        }
    }

    /// Lets peers connect to `port` at any of the host's addresses. As many connections as `backlog` says (one at least) may
    /// wait to be accepted; while there are that many, SYN are dropped. As many may be about to open; while there are that
    /// many, SYN are answered with cookies, and nothing is kept of them.
    ///
    /// # Errors
    ///
    /// [`OpenError::InUse`] if there is such a listener.
    pub fn listen(&mut self, port: u16, backlog: usize) -> Result<ListenerId, OpenError> {
        self.listeners.open(port, backlog, self.config.settings)
    }

    /// Returns what connections to come at a listener are like, to be changed: [`Config::settings`] before. Who makes
    /// checksums is the same for a whole host.
    pub fn listener_settings(&mut self, listener: ListenerId) -> Option<&mut Settings> {
        self.listeners.settings_mut(listener)
    }

    /// Takes the next connection that a peer opened.
    pub fn accept(&mut self, listener: ListenerId) -> Option<ConnectionId> {
        let id = self.listeners.accept(listener)?;
        self.table.accepted(id);
        Some(id)
    }

    /// Ends a listener; connections that were not accepted are aborted.
    pub fn unlisten(&mut self, listener: ListenerId) {
        for id in self.listeners.close(listener) {
            self.abort(id);
        }
    }

    /// Opens a connection to `remote`, from `local` or from the first address of the same kind, and from a port of ours.
    ///
    /// # Errors
    ///
    /// [`OpenError::Address`] without an address to connect from, [`OpenError::NoPort`], [`OpenError::Limit`].
    pub fn connect(
        &mut self,
        now: Time,
        local: Option<IpAddr>,
        remote: SocketAddr,
    ) -> Result<ConnectionId, OpenError> {
        self.connect_with(now, local, remote, self.config.settings)
    }

    /// Opens a connection as [`connect`](Self::connect) does, with settings of its own. Who makes checksums is the same for a
    /// whole host.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_with(
        &mut self,
        now: Time,
        local: Option<IpAddr>,
        remote: SocketAddr,
        settings: Settings,
    ) -> Result<ConnectionId, OpenError> {
        let mut addresses = self.config.addresses.iter().copied();
        let ip = match local {
            Some(local) => addresses.find(|own| *own == local && own.is_ipv4() == remote.is_ipv4()),
            None => addresses.find(|own| own.is_ipv4() == remote.is_ipv4()),
        };
        let ip = ip.ok_or(OpenError::Address(local.unwrap_or(remote.ip())))?;
        let endpoints = self.free_port(ip, remote).ok_or(OpenError::NoPort)?;
        let isn = self.numbers.isn(now, &endpoints);
        let connection = Connection::connect(now, endpoints, isn, self.config.mtu, settings);
        let id = self.table.insert(connection).ok_or(OpenError::Limit)?;
        self.table.touch(id.slot);
        Ok(id)
    }

    fn free_port(&mut self, ip: IpAddr, remote: SocketAddr) -> Option<Endpoints> {
        for _ in DYNAMIC {
            let port = self.next_port;
            self.next_port = port.checked_add(1).unwrap_or(*DYNAMIC.start());
            let endpoints = Endpoints {
                local: (ip, port).into(),
                remote,
            };
            if self.table.find(&endpoints).is_none() && !self.listeners.is_open(port) {
                return Some(endpoints);
            }
        }
        None
    }

    /// Queues `piece` on a connection: see [`Connection::send`].
    ///
    /// # Errors
    ///
    /// [`SendError`] with the piece in it.
    pub fn send(&mut self, id: ConnectionId, piece: P) -> Result<(), SendError<P>> {
        match self.table.get_mut(id) {
            Some(connection) => {
                connection.send(piece)?;
                self.table.touch(id.slot);
                Ok(())
            }
            None => Err(SendError::Closed(piece)),
        }
    }

    /// Changes the budgets of a connection: see [`Connection::set_budgets`].
    pub fn set_budgets(&mut self, id: ConnectionId, receive: u32, send: u32) {
        self.with(id, |connection| connection.set_budgets(receive, send));
    }

    /// Returns how many octets may still be queued on a connection.
    pub fn room(&self, id: ConnectionId) -> usize {
        self.table.get(id).map_or(0, Connection::room)
    }

    /// Takes the next piece that has come: see [`Connection::recv`].
    pub fn recv(&mut self, id: ConnectionId) -> Option<P> {
        let piece = self.take(id)?;
        self.consumed(id, piece.len());
        Some(piece)
    }

    /// Takes the next piece and leaves the window as it is: see [`Connection::take`].
    pub fn take(&mut self, id: ConnectionId) -> Option<P> {
        self.table.get_mut(id)?.take()
    }

    /// Opens the window by what was taken and let go: see [`Connection::consumed`].
    pub fn consumed(&mut self, id: ConnectionId, octets: usize) {
        self.with(id, |connection| connection.consumed(octets));
    }

    /// Returns whether nothing more will be received: see [`Connection::is_finished`]. True if there is no such connection.
    pub fn is_finished(&self, id: ConnectionId) -> bool {
        self.table.get(id).is_none_or(Connection::is_finished)
    }

    /// Closes the sending side: see [`Connection::shutdown`].
    pub fn shutdown(&mut self, now: Time, id: ConnectionId) {
        self.with(id, |connection| connection.shutdown(now));
    }

    /// Closes both sides, and forgets the connection as soon as that is done: see [`Connection::close`].
    pub fn close(&mut self, now: Time, id: ConnectionId) {
        self.with(id, |connection| connection.close(now));
        self.table.forget(id);
    }

    /// Ends the connection at once, and forgets it: see [`Connection::abort`].
    pub fn abort(&mut self, id: ConnectionId) {
        self.with(id, Connection::abort);
        self.table.forget(id);
    }

    /// Returns where a connection is: [`State::Closed`] if there is none.
    pub fn state(&self, id: ConnectionId) -> State {
        self.table.get(id).map_or(State::Closed, Connection::state)
    }

    /// Returns why a connection failed.
    pub fn error(&self, id: ConnectionId) -> Option<Error> {
        self.table.get(id)?.error()
    }

    /// Returns a connection, to look at.
    pub fn connection(&self, id: ConnectionId) -> Option<&Connection<P>> {
        self.table.get(id)
    }

    /// Returns whether something that was sent on a connection that is closed here may still have to be sent again.
    pub fn is_parting(&self) -> bool {
        self.table.is_parting()
    }

    /// Returns how many connections there are, in any state.
    pub fn connections(&self) -> usize {
        self.table.len()
    }

    /// Returns how often something happened.
    pub fn counters(&self) -> StackCounters {
        self.counters
    }

    /// Returns the next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        let datagram = self.ports.poll_event().map(Event::Datagram);
        datagram
            .or_else(|| self.listeners.poll_event())
            .or_else(|| self.table.poll_event())
    }

    /// Returns the next packet to send now; called until there is none. Time passes here: what a timer asks for happens in
    /// this call.
    pub fn transmit(&mut self, now: Time) -> Option<Packet<P>> {
        self.reassembly.expire(now, &mut self.counters.fragments);
        let queued = self.replies.pop_front().or_else(|| self.ports.next());
        let packet = queued.or_else(|| self.transmit_connection(now));
        self.counters.sent += u64::from(packet.is_some());
        packet
    }

    /// Connections take turns.
    fn transmit_connection(&mut self, now: Time) -> Option<Packet<P>> {
        self.table.expire(now);
        while let Some(slot) = self.table.next_ready() {
            let packet = self
                .table
                .at_mut(slot)
                .and_then(|connection| connection.transmit(now));
            if packet.is_some() {
                self.table.touch(slot);
                return packet;
            }
            self.settle(slot);
        }
        None
    }

    /// Returns when [`transmit`](Self::transmit) must be called at the latest: [`Time::ZERO`] for at once, none for not before
    /// something else is called. It may be too early, never too late.
    pub fn deadline(&self) -> Option<Time> {
        if !self.replies.is_empty() || !self.ports.is_idle() {
            return Some(Time::ZERO);
        }
        let alarms = [self.table.deadline(), self.reassembly.deadline()];
        alarms.into_iter().flatten().min()
    }

    /// Does something with a connection, and sees what has become of it.
    fn with<T>(&mut self, id: ConnectionId, act: impl FnOnce(&mut Connection<P>) -> T) -> Option<T> {
        let result = act(self.table.get_mut(id)?);
        self.table.touch(id.slot);
        Some(result)
    }

    /// Notes what has become of a connection that has nothing more to send now.
    fn settle(&mut self, slot: u32) {
        if let Some((listener, id, open)) = self.table.settle(slot) {
            let wanted = self.listeners.settled(listener, id, open);
            if open && !wanted {
                self.abort(id);
            }
        }
    }
}

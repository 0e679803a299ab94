// SPDX-License-Identifier: MIT OR Apache-2.0
//! One host of ours for all links and listeners of an ORB, and the thread that looks after it.
//!
//! The host belongs to whoever holds its lock. Who sends does it to the device, on the thread that sends; who receives and
//! finds nothing takes in what waits at the device first. The thread is for the rest: packets that come while everybody
//! sleeps, timers, and what the device had no room for.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    io,
    net::SocketAddr,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use orb_core::rtcorba::TcpProtocolProperties;
use parking_lot::{Mutex, MutexGuard};
use rtu::Time;
use transport_apic::tun::{self, Tun};

use super::{
    Config, Network, StartError,
    driver::{Driver, wait},
    flow::{Bell, Entry, Flow, Wanted},
    settings,
};
use crate::engine::{
    self, Connection, ConnectionId, DatagramId, Event, ListenerId, OpenError, Settings, Stack, State,
};

/// How long what was closed may take to arrive, when the host ends.
const FAREWELL: Duration = Duration::from_millis(500);

/// Ports for listeners that take any (RFC 6335 §6).
const DYNAMIC: std::ops::RangeInclusive<u16> = 49_152..=65_535;

/// How many connections may wait to be accepted at a listener.
const BACKLOG: usize = 1024;

/// A connection, and our end of it.
type Opened = (ConnectionId, Arc<Flow>, SocketAddr);

/// A running host. It ends with this: what was sent may still arrive, then the device goes, whoever still has a link.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) host: Arc<Host>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What links, listeners and the thread share.
#[derive(Debug)]
pub(super) struct Host {
    shared: Mutex<Shared>,
    /// Wakes the thread.
    bell: Bell,
}

/// What belongs to whoever holds the lock.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) driver: Driver,
    pub(super) flows: HashMap<ConnectionId, Entry>,
    listeners: HashMap<ListenerId, Arc<Bell>>,
    /// Who takes or sends datagrams.
    pub(super) ports: HashMap<DatagramId, Entry>,
    /// Memory for what is sent next.
    pub(super) room: BytesMut,
    /// When the thread looks by itself: [`Time::ZERO`] while it is awake.
    alarm: Time,
    /// The thread waits for room in the device, too.
    awaits_room: bool,
    /// What the device said when it went.
    pub(super) gone: Option<io::ErrorKind>,
    stops: bool,
}

impl Running {
    /// Opens the device, and starts the thread.
    pub(super) fn start(config: &Config) -> Result<Self, StartError> {
        let tun = Tun::open(&tun::Config {
            name: config.device.clone(),
            addresses: config.machines(),
            mtu: config.mtu,
        })?;
        let stack = engine::Config {
            addresses: config.networks.iter().map(Network::own).collect(),
            mtu: config.mtu.into(),
            secret: secret(),
            settings: settings::of(&TcpProtocolProperties::default()),
            limits: engine::Limits::default(),
        };
        let device = tun.as_fd().try_clone_to_owned()?;
        let driver = Driver::new(tun, Stack::new(stack));
        let host = Arc::new(Host {
            bell: Bell::new()?,
            shared: Mutex::new(Shared {
                driver,
                flows: HashMap::new(),
                listeners: HashMap::new(),
                ports: HashMap::new(),
                room: BytesMut::new(),
                alarm: Time::ZERO,
                awaits_room: false,
                gone: None,
                stops: false,
            }),
        });
        let thread = thread::Builder::new().name("upcall-tun".into()).spawn({
            let host = Arc::clone(&host);
            move || host.run(&device)
        })?;
        Ok(Self {
            host,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Ends the host.
    pub(super) fn stop(&self) {
        let Some(thread) = self.thread.lock().take() else {
            return;
        };
        self.host.lock().part();
        self.host.bell.ring();
        // If it panicked it has said so.
        let _ = thread.join();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Host {
    pub(super) fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock()
    }

    /// Comes after everything that is done to the stack: what is due goes out, who waits is told, and the thread is woken if
    /// it would look too late.
    pub(super) fn settle(&self, shared: &mut Shared) {
        if shared.driver.is_due() {
            shared.driver.flush();
        }
        shared.tell();
        let stuck = shared.driver.is_stuck();
        let is_early = stuck || shared.driver.deadline().is_none_or(|at| at >= shared.alarm);
        if !is_early || stuck != shared.awaits_room {
            shared.awaits_room = stuck;
            shared.alarm = Time::ZERO;
            self.bell.ring();
        }
    }

    /// Takes in what waits at the device.
    pub(super) fn look(&self, shared: &mut Shared) {
        if let Err(error) = shared.driver.turn() {
            shared.fail(&error);
        }
        self.settle(shared);
    }

    /// Opens a connection, by `deadline` or not at all.
    pub(super) fn connect(
        &self,
        to: SocketAddr,
        deadline: Instant,
        properties: &TcpProtocolProperties,
    ) -> io::Result<Opened> {
        let mut shared = self.lock();
        shared.is_there()?;
        let now = shared.driver.now();
        let flow = Flow::new()?;
        let opened = (shared.driver.stack()).connect_with(now, None, to, settings::of(properties));
        let id = opened.map_err(not_open)?;
        shared.flows.insert(id, Entry::new(Arc::clone(&flow)));
        self.settle(&mut shared);
        loop {
            let failed = match shared.driver.stack().state(id) {
                State::SynSent | State::SynReceived if Instant::now() < deadline => None,
                State::SynSent | State::SynReceived => Some(io::ErrorKind::TimedOut.into()),
                State::Closed => Some(shared.broken(id)),
                _ => {
                    let endpoints = shared.driver.stack().connection(id).map(Connection::endpoints);
                    let local = endpoints.ok_or(io::ErrorKind::NotConnected)?.local;
                    return Ok((id, flow, local));
                }
            };
            if let Some(error) = failed.or_else(|| shared.is_there().err()) {
                shared.flows.remove(&id);
                shared.driver.stack().abort(id);
                self.settle(&mut shared);
                return Err(error);
            }
            flow.changed.wait_until(&mut shared, deadline);
        }
    }

    /// Lets peers connect to `port`, or to any port that is free if it is 0.
    pub(super) fn listen(&self, port: u16) -> io::Result<(ListenerId, u16, Arc<Bell>)> {
        let mut shared = self.lock();
        shared.is_there()?;
        let bell = Arc::new(Bell::new()?);
        let (listener, port) = at_port(port, |port| shared.driver.stack().listen(port, BACKLOG))?;
        shared.listeners.insert(listener, Arc::clone(&bell));
        Ok((listener, port, bell))
    }

    /// Changes what connections to come at a listener are like.
    pub(super) fn change(&self, listener: ListenerId, change: impl FnOnce(&mut Settings)) {
        if let Some(settings) = self.lock().driver.stack().listener_settings(listener) {
            change(settings);
        }
    }

    /// Ends a listener.
    pub(super) fn unlisten(&self, listener: ListenerId) {
        let mut shared = self.lock();
        shared.listeners.remove(&listener);
        shared.driver.stack().unlisten(listener);
        self.settle(&mut shared);
    }

    /// Takes the next connection that a peer opened.
    pub(super) fn accept(
        &self,
        listener: ListenerId,
    ) -> io::Result<Option<(ConnectionId, Arc<Flow>, engine::Endpoints)>> {
        let mut shared = self.lock();
        shared.is_there()?;
        loop {
            let Some(id) = shared.driver.stack().accept(listener) else {
                if let Some(bell) = shared.listeners.get(&listener) {
                    bell.silence();
                }
                return Ok(None);
            };
            // One that has failed meanwhile is nobody's.
            let endpoints = shared.driver.stack().connection(id).map(Connection::endpoints);
            let Some(endpoints) = endpoints else { continue };
            let flow = Flow::new().inspect_err(|_| shared.driver.stack().abort(id))?;
            shared.flows.insert(id, Entry::new(Arc::clone(&flow)));
            return Ok(Some((id, flow, endpoints)));
        }
    }

    /// Closes a connection for good.
    pub(super) fn leave(&self, id: ConnectionId) {
        let mut shared = self.lock();
        shared.flows.remove(&id);
        let now = shared.driver.now();
        shared.driver.stack().close(now, id);
        self.settle(&mut shared);
    }

    /// Looks after the host until it stops. The device's descriptor is one of the thread's own, to be waited for without the
    /// lock.
    fn run(&self, device: &OwnedFd) {
        let mut farewell = None;
        loop {
            let mut shared = self.lock();
            shared.alarm = Time::ZERO;
            let turn = shared.driver.turn();
            shared.tell();
            let more = match turn {
                Ok(more) => more && !shared.driver.is_stuck(),
                Err(error) => return shared.fail(&error),
            };
            if shared.stops {
                let until = *farewell.get_or_insert_with(|| Instant::now() + FAREWELL);
                if !shared.driver.stack().is_parting() || Instant::now() >= until {
                    return shared.end(io::ErrorKind::NotConnected);
                }
            }
            if more {
                MutexGuard::unlock_fair(shared);
                continue;
            }
            let deadline = shared.driver.deadline();
            let left = deadline.map(|at| Duration::from(at - shared.driver.now()));
            let longest = farewell.map(|_| FAREWELL).into_iter().chain(left).min();
            shared.alarm = deadline.unwrap_or(NEVER);
            shared.awaits_room = shared.driver.is_stuck();
            let room = shared.awaits_room;
            drop(shared);
            match wait(device.as_fd(), room, self.bell.as_fd(), longest) {
                Ok(true) => self.bell.silence(),
                Ok(false) => {}
                Err(error) => return self.lock().fail(&error),
            }
        }
    }
}

/// An alarm that never rings.
const NEVER: Time = Time(u64::MAX);

impl Shared {
    /// Says that the device is gone, if it is.
    pub(super) fn is_there(&self) -> io::Result<()> {
        let gone = |kind| Err(io::Error::new(kind, "the TUN device is gone"));
        self.gone.map_or(Ok(()), gone)
    }

    /// Why nothing can be done with a connection any more.
    pub(super) fn broken(&mut self, id: ConnectionId) -> io::Error {
        let Some(error) = self.driver.stack().error(id) else {
            return io::ErrorKind::NotConnected.into();
        };
        let kind = match error {
            engine::Error::Refused => io::ErrorKind::ConnectionRefused,
            engine::Error::TimedOut => io::ErrorKind::TimedOut,
            engine::Error::Unreachable => io::ErrorKind::HostUnreachable,
            engine::Error::Reset | engine::Error::Lost => io::ErrorKind::ConnectionReset,
        };
        io::Error::new(kind, error)
    }

    /// Tells those who wait what has happened.
    fn tell(&mut self) {
        while let Some(event) = self.driver.stack().poll_event() {
            let (id, readable, writable) = match event {
                Event::Acceptable(listener) => {
                    if let Some(bell) = self.listeners.get(&listener) {
                        bell.ring();
                    }
                    continue;
                }
                Event::Connected(id) | Event::Writable(id) => (id, false, true),
                Event::Readable(id) | Event::PeerClosed(id) => (id, true, false),
                Event::Closed(id) | Event::Failed(id, _) => (id, true, true),
                Event::Datagram(port) => {
                    if let Some(entry) = self.ports.get_mut(&port) {
                        entry.tell(Wanted {
                            readable: true,
                            writable: false,
                        });
                    }
                    continue;
                }
            };
            if let Some(entry) = self.flows.get_mut(&id) {
                entry.tell(Wanted { readable, writable });
            }
        }
    }

    /// Closes all connections: the host stops.
    fn part(&mut self) {
        self.stops = true;
        let now = self.driver.now();
        for (id, entry) in &mut self.flows {
            entry.ended = true;
            self.driver.stack().close(now, *id);
        }
        self.ports.values_mut().for_each(|entry| entry.ended = true);
    }

    /// The device is gone, and with it all connections.
    fn fail(&mut self, error: &io::Error) {
        tracing::error!(%error, "the TUN device is gone");
        self.end(error.kind());
    }

    fn end(&mut self, why: io::ErrorKind) {
        self.gone = Some(why);
        self.driver.close();
        for entry in self.flows.values_mut().chain(self.ports.values_mut()) {
            entry.tell(Wanted {
                readable: true,
                writable: true,
            });
        }
        self.listeners.values().for_each(|bell| bell.ring());
    }
}

/// Opens something at a port, or at the first one that is free if that is 0.
pub(super) fn at_port<T>(
    port: u16,
    mut open: impl FnMut(u16) -> Result<T, OpenError>,
) -> io::Result<(T, u16)> {
    let ports = match port {
        0 => DYNAMIC,
        port => port..=port,
    };
    let mut refused = OpenError::NoPort;
    for port in ports {
        match open(port) {
            Ok(opened) => return Ok((opened, port)),
            Err(error) => refused = error,
        }
    }
    Err(not_open(refused))
}

fn not_open(error: OpenError) -> io::Error {
    let kind = match error {
        OpenError::InUse => io::ErrorKind::AddrInUse,
        OpenError::Address(_) | OpenError::NoPort => io::ErrorKind::AddrNotAvailable,
        OpenError::Limit => io::ErrorKind::QuotaExceeded,
    };
    io::Error::new(kind, error)
}

/// What nobody else knows. The one source of randomness in the standard library.
fn secret() -> [u8; 16] {
    let half = || RandomState::new().hash_one(0_u8).to_ne_bytes();
    let mut secret = [0; 16];
    let (first, second) = secret.split_at_mut(8);
    first.copy_from_slice(&half());
    second.copy_from_slice(&half());
    secret
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! smoltcp as a [`Node`]: a stack that shares no line with ours.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use rtu::Time;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer, State};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpCidr};

use super::{Connection, Failure, Node, Phase, Received};

/// A host whose TCP is smoltcp's.
pub(crate) struct Smol {
    interface: Interface,
    device: Queues,
    sockets: SocketSet<'static>,
    connections: Vec<Kept>,
    listening: Option<(u16, SocketHandle)>,
    buffer: usize,
}

/// A connection, and what is kept beside its socket: smoltcp forgets what was not read when a connection is over.
struct Kept {
    handle: SocketHandle,
    /// Taken from the socket when the other side had closed.
    late: VecDeque<u8>,
    heard_end: bool,
    /// Both sides have closed, so that the socket may.
    ends_well: bool,
    closed: bool,
    /// It closed with a reset.
    gave_up: bool,
}

impl Kept {
    fn ends_well(&self) -> bool {
        self.ends_well && !self.gave_up
    }
}

impl Smol {
    /// Makes a host with one address, whose connections have `buffer` bytes each way.
    pub(crate) fn new(address: IpAddr, mtu: usize, buffer: usize, seed: u64) -> Self {
        let mut device = Queues {
            incoming: VecDeque::new(),
            outgoing: VecDeque::new(),
            mtu,
        };
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut device, Instant::ZERO);
        // The other host is a neighbour, whatever its address.
        interface.update_ip_addrs(|addresses| {
            let prefix = if address.is_ipv4() { 24 } else { 64 };
            addresses
                .push(IpCidr::new(address.into(), prefix))
                .expect("the first address has room");
        });
        Self {
            interface,
            device,
            sockets: SocketSet::new(Vec::new()),
            connections: Vec::new(),
            listening: None,
            buffer,
        }
    }

    fn socket(&mut self) -> SocketHandle {
        let buffer = || SocketBuffer::new(vec![0; self.buffer]);
        let mut socket = Socket::new(buffer(), buffer());
        socket.set_congestion_control(CongestionControl::Cubic);
        socket.set_timeout(Some(Duration::from_secs(PATIENCE)));
        // No keep-alive: after a FIN was lost, its byte of nothing comes out at the other side as data.
        self.sockets.add(socket)
    }

    fn add(&mut self, handle: SocketHandle) -> Connection {
        self.connections.push(Kept {
            handle,
            late: VecDeque::new(),
            heard_end: false,
            ends_well: false,
            closed: false,
            gave_up: false,
        });
        Connection(self.connections.len() - 1)
    }

    fn at(&mut self, connection: Connection) -> &mut Socket<'static> {
        self.sockets.get_mut(self.connections[connection.0].handle)
    }

    fn poll(&mut self, now: Time) {
        self.interface
            .poll(instant(now), &mut self.device, &mut self.sockets);
        let resets = self.device.outgoing.iter().any(|packet| is_reset(packet));
        for kept in &mut self.connections {
            let socket = self.sockets.get_mut::<Socket>(kept.handle);
            let state = socket.state();
            // To what comes later it answers with resets too.
            kept.gave_up |= resets && state == State::Closed && !kept.closed;
            kept.closed |= state == State::Closed;
            kept.ends_well |= matches!(state, State::TimeWait | State::LastAck);
            if matches!(state, State::CloseWait | State::Closing) || kept.ends_well {
                while socket.can_recv() {
                    let taken = socket.recv(|bytes| (bytes.len(), kept.late.extend(&*bytes)));
                    taken.expect("there is something");
                }
                kept.heard_end |= state != State::Closed;
            }
        }
    }
}

/// Seconds without an answer after which a connection is given up.
const PATIENCE: u64 = 120;

impl Node for Smol {
    fn receive(&mut self, now: Time, packet: Vec<u8>) {
        self.device.incoming.push_back(packet);
        self.poll(now);
    }

    fn transmit(&mut self, now: Time) -> Option<Vec<u8>> {
        if self.device.outgoing.is_empty() {
            self.poll(now);
        }
        self.device.outgoing.pop_front()
    }

    fn deadline(&mut self, now: Time) -> Option<Time> {
        let at = self.interface.poll_at(instant(now), &self.sockets)?;
        let micros = u64::try_from(at.total_micros()).unwrap_or(0);
        Some(Time(micros * 1000))
    }

    fn listen(&mut self, port: u16) {
        let handle = self.socket();
        let listening = self.sockets.get_mut::<Socket>(handle).listen(port);
        listening.expect("a new socket can listen");
        self.listening = Some((port, handle));
    }

    fn accept(&mut self) -> Option<Connection> {
        let (port, handle) = self.listening?;
        let state = self.sockets.get::<Socket>(handle).state();
        if matches!(state, State::Listen | State::SynReceived) {
            return None;
        }
        self.listen(port);
        Some(self.add(handle))
    }

    fn connect(&mut self, _: Time, to: SocketAddr) -> Connection {
        let handle = self.socket();
        let socket = self.sockets.get_mut::<Socket>(handle);
        let opened = socket.connect(self.interface.context(), to, 49152);
        opened.expect("a new socket can connect");
        self.add(handle)
    }

    fn phase(&mut self, connection: Connection) -> Phase {
        match self.at(connection).state() {
            State::SynSent | State::SynReceived => Phase::Opening,
            State::TimeWait => Phase::Over,
            State::Closed if self.connections[connection.0].ends_well() => Phase::Over,
            State::Closed => Phase::Failed(Failure::Untold),
            _ => Phase::Open,
        }
    }

    fn send(&mut self, _: Time, connection: Connection, bytes: &[u8]) -> usize {
        self.at(connection).send_slice(bytes).unwrap_or(0)
    }

    fn recv(&mut self, _: Time, connection: Connection, most: usize) -> Received {
        let kept = &mut self.connections[connection.0];
        let mut bytes: Vec<u8> = kept.late.drain(..most.min(kept.late.len())).collect();
        if bytes.is_empty() && kept.heard_end {
            return Received::End;
        }
        if bytes.is_empty() {
            bytes.resize(most, 0);
            let count = self.at(connection).recv_slice(&mut bytes).unwrap_or(0);
            bytes.truncate(count);
        }
        if bytes.is_empty() {
            return Received::Nothing;
        }
        Received::Bytes(bytes)
    }

    fn close(&mut self, _: Time, connection: Connection) {
        self.at(connection).close();
    }

    fn abort(&mut self, _: Time, connection: Connection) {
        self.at(connection).abort();
    }
}

/// Whether a packet of TCP over IP without options is a reset.
fn is_reset(packet: &[u8]) -> bool {
    let ip = if packet[0] >> 4 == 4 { 20 } else { 40 };
    packet[ip + 13] & 4 != 0
}

fn instant(now: Time) -> Instant {
    Instant::from_micros(i64::try_from(now.0 / 1000).unwrap_or(i64::MAX))
}

/// The link as smoltcp sees it: packets that wait to go in and out.
struct Queues {
    incoming: VecDeque<Vec<u8>>,
    outgoing: VecDeque<Vec<u8>>,
    mtu: usize,
}

/// What one burst of smoltcp's may leave to be sent.
const BURST: usize = 16;

impl Device for Queues {
    type RxToken<'a> = Incoming;
    type TxToken<'a> = Outgoing<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Incoming, Outgoing<'_>)> {
        let packet = self.incoming.pop_front()?;
        Some((Incoming(packet), Outgoing(&mut self.outgoing)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Outgoing<'_>> {
        (self.outgoing.len() < BURST).then_some(Outgoing(&mut self.outgoing))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

struct Incoming(Vec<u8>);

impl RxToken for Incoming {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(&self.0)
    }
}

struct Outgoing<'a>(&'a mut VecDeque<Vec<u8>>);

impl TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let mut packet = vec![0; length];
        let result = fill(&mut packet);
        self.0.push_back(packet);
        result
    }
}

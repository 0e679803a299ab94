// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our engine as a [`Node`].

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use rtu::Time;
use transport_apic::{Packet, Payload};
use transport_tcp::engine::{Config, ConnectionId, Error, ListenerId, Settings, Stack, State};

use super::{Connection, Failure, Node, Phase, Received};

/// A host whose TCP is ours.
pub(crate) struct Ours {
    stack: Stack<Bytes>,
    listener: Option<ListenerId>,
    connections: Vec<ConnectionId>,
}

impl Ours {
    pub(crate) fn new(address: IpAddr, mtu: usize, settings: Settings, seed: u64) -> Self {
        let mut secret = [0; 16];
        fastrand::Rng::with_seed(seed).fill(&mut secret);
        let config = Config {
            settings,
            ..Config::new(address, mtu, secret)
        };
        Self {
            stack: Stack::new(config),
            listener: None,
            connections: Vec::new(),
        }
    }

    fn add(&mut self, id: ConnectionId) -> Connection {
        self.connections.push(id);
        Connection(self.connections.len() - 1)
    }

    fn id(&self, connection: Connection) -> ConnectionId {
        self.connections[connection.0]
    }
}

impl Node for Ours {
    fn receive(&mut self, now: Time, packet: Vec<u8>) {
        // What is no packet any more is dropped, as if by a driver.
        if let Some(packet) = Packet::split(&Bytes::from(packet)) {
            let _ = self.stack.receive(now, packet);
        }
    }

    fn transmit(&mut self, now: Time) -> Option<Vec<u8>> {
        self.stack.transmit(now).map(|packet| whole(&packet))
    }

    fn deadline(&mut self, _: Time) -> Option<Time> {
        self.stack.deadline()
    }

    fn listen(&mut self, port: u16) {
        self.listener = self.stack.listen(port, 4).ok();
    }

    fn accept(&mut self) -> Option<Connection> {
        let id = self.stack.accept(self.listener?)?;
        Some(self.add(id))
    }

    fn connect(&mut self, now: Time, to: SocketAddr) -> Connection {
        let id = self
            .stack
            .connect(now, None, to)
            .expect("the peer is of our kind");
        self.add(id)
    }

    fn phase(&mut self, connection: Connection) -> Phase {
        let id = self.id(connection);
        match (self.stack.state(id), self.stack.error(id)) {
            (State::Listen | State::SynSent | State::SynReceived, _) => Phase::Opening,
            (State::TimeWait | State::Closed, None) => Phase::Over,
            (State::Closed, Some(Error::TimedOut)) => Phase::Failed(Failure::TimedOut),
            (State::Closed, Some(Error::Reset | Error::Refused)) => Phase::Failed(Failure::Reset),
            (State::Closed, Some(error)) => panic!("nothing here is {error}"),
            _ => Phase::Open,
        }
    }

    fn send(&mut self, _: Time, connection: Connection, bytes: &[u8]) -> usize {
        let id = self.id(connection);
        let taken = &bytes[..bytes.len().min(self.stack.room(id))];
        let queued = !taken.is_empty() && self.stack.send(id, Bytes::copy_from_slice(taken)).is_ok();
        if queued { taken.len() } else { 0 }
    }

    fn recv(&mut self, _: Time, connection: Connection, _: usize) -> Received {
        let id = self.id(connection);
        match self.stack.recv(id) {
            Some(piece) => Received::Bytes(piece.to_vec()),
            None if self.stack.is_finished(id) && self.stack.error(id).is_none() => Received::End,
            None => Received::Nothing,
        }
    }

    fn close(&mut self, now: Time, connection: Connection) {
        self.stack.shutdown(now, self.id(connection));
    }

    fn abort(&mut self, _: Time, connection: Connection) {
        self.stack.abort(self.id(connection));
    }
}

/// A packet in one piece.
fn whole<P: Payload>(packet: &Packet<P>) -> Vec<u8> {
    let mut bytes = packet.headers.as_ref().to_vec();
    packet
        .payload
        .iter()
        .for_each(|piece| bytes.extend(piece.as_ref()));
    bytes
}

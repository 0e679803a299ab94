// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the proof asks of a TCP/IP stack, so that any two can be set against each other.

mod ours;
mod smol;

pub(crate) use self::{ours::Ours, smol::Smol};

use std::net::SocketAddr;

use rtu::Time;

/// A host with a TCP of its own, in virtual time.
pub(crate) trait Node {
    /// Takes a packet from the link.
    fn receive(&mut self, now: Time, packet: Vec<u8>);
    /// Gives the next packet for the link.
    fn transmit(&mut self, now: Time) -> Option<Vec<u8>>;
    /// When it wants to be asked for packets again, though none came.
    fn deadline(&mut self, now: Time) -> Option<Time>;

    /// Accepts connections at `port`.
    fn listen(&mut self, port: u16);
    /// A connection that somebody opened to this host, and that was not given before.
    fn accept(&mut self) -> Option<Connection>;
    /// Opens a connection.
    fn connect(&mut self, now: Time, to: SocketAddr) -> Connection;

    /// How far a connection is.
    fn phase(&mut self, connection: Connection) -> Phase;
    /// Takes as much of `bytes` as there is room for.
    fn send(&mut self, now: Time, connection: Connection, bytes: &[u8]) -> usize;
    /// Gives at most `most` bytes.
    fn recv(&mut self, now: Time, connection: Connection, most: usize) -> Received;
    /// Says that no more is sent.
    fn close(&mut self, now: Time, connection: Connection);
    /// Ends a connection at once, with a reset.
    fn abort(&mut self, now: Time, connection: Connection);
}

/// A connection of a [`Node`], by its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connection(pub(crate) usize);

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not open yet.
    Opening,
    /// Open, or half closed.
    Open,
    /// Both sides have closed, and the connection needs nothing of anybody but time (TIME-WAIT).
    Over,
    /// Ended before its time.
    Failed(Failure),
}

/// Why a connection ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The other side reset it.
    Reset,
    /// The other side did not answer for too long.
    TimedOut,
    /// This stack does not say which.
    Untold,
}

/// What there was to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// Nothing yet, or the connection has failed.
    Nothing,
    /// The next bytes.
    Bytes(Vec<u8>),
    /// The other side has closed, and all it sent was read.
    End,
}

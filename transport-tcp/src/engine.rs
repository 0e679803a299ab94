// SPDX-License-Identifier: MIT OR Apache-2.0
//! TCP and UDP as an engine: packets, calls and times go in; packets, events and deadlines come out. There is no socket,
//! clock, thread or global state inside, and payload is never copied.
//!
//! - [`Stack`] is a host on one link: addresses, connections, listeners, and the table that finds the connection of a packet.
//! - [`Connection`] is one connection, and can be used alone, where packets of one connection come their own way.
//!
//! Whoever drives one of them does three things: it hands in what comes ([`Stack::receive`]), takes what goes out
//! ([`Stack::transmit`], until there is nothing, after any other call), and comes back at [`Stack::deadline`]. Times are
//! those of one monotonic clock, in nanoseconds, and never go backwards.
//!
//! What is received is handed up where it landed ([`Stack::recv`]); what is sent stays in the pieces that were queued, and
//! they are let go when the peer has acknowledged them. So a connection holds on to memory of others, within its budgets
//! ([`Settings::send_budget`], [`Settings::receive_budget`]), and to next to none of its own.
//!
//! RFC 9293, with window scaling, timestamps and protection against wrapped numbers (7323), selective acknowledgement (2018,
//! 2883, 6675), the retransmission timer (6298), RACK and tail-loss probes (8985), NewReno and CUBIC (5681, 6582, 9438), keyed
//! initial sequence numbers (6528) and answers to blind attacks (5961). The urgent mechanism is not there (6093 advises
//! against it): urgent octets are ordinary ones.

mod checksum;
mod connection;
mod fragment;
mod receiver;
mod segment;
mod sender;
mod sequence;
mod stack;
mod wire;

use std::{fmt, net::IpAddr};

use rtu::Nanos;

pub use self::{
    connection::{Connection, Counters, Events, State},
    sender::congestion::CongestionControl,
    stack::{
        Config, ConnectionId, Datagram, DatagramCounters, DatagramError, DatagramId, Event, FragmentCounters,
        Limits, ListenerId, SequenceNumbers, Stack, StackCounters,
    },
    wire::{Checksums, Endpoints},
};

/// What a connection is like. Copied into each as it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Octets that may be queued to be sent, with those that are not acknowledged yet. Defaults to 1 MiB.
    pub send_budget: u32,
    /// Octets that may wait to be taken: the window's size. Up to 1 GiB. Defaults to 1 MiB.
    pub receive_budget: u32,
    /// How long an acknowledgement may wait for something to go with; zero for one with each burst of packets, which suits
    /// low delay. Less than 500 ms. Defaults to 40 ms.
    pub delayed_ack: Nanos,
    /// Whether short segments wait for an acknowledgement (RFC 9293 §3.7.4). Defaults to false.
    pub nagle: bool,
    /// Whether a silent peer is asked if it is there. Defaults to not.
    pub keep_alive: Option<KeepAlive>,
    /// How long the peer may take nothing before the connection fails. Defaults to 5 minutes.
    pub user_timeout: Nanos,
    /// How long a connection may take to open. Defaults to 3 minutes.
    pub handshake_timeout: Nanos,
    /// How long a connection that is closed on our side waits for the peer to close. Defaults to 1 minute.
    pub orphan_timeout: Nanos,
    /// How long TIME-WAIT lasts. Defaults to 1 minute, as is usual; RFC 9293 has four.
    pub time_wait: Nanos,
    /// The retransmission timeout before anything was measured. Defaults to 1 s (RFC 6298).
    pub first_timeout: Nanos,
    /// The shortest retransmission timeout. Defaults to 200 ms, as is usual; RFC 6298 has one second.
    pub least_timeout: Nanos,
    /// What finds out how much the network takes. Defaults to CUBIC.
    pub congestion: CongestionControl,
    /// Whether timestamps are offered. Defaults to true.
    pub timestamps: bool,
    /// Whether selective acknowledgement is offered. Defaults to true.
    pub sack: bool,
    /// Whether window scaling is offered. Defaults to true.
    pub window_scaling: bool,
    /// Who makes checksums and checks them. Defaults to the engine.
    pub checksums: Checksums,
    /// Whether what is sent certainly arrives, once and in order, as long as both ends live: then nothing is kept to be sent
    /// again, or timed, and what is missing ends the connection. Not before the connection is open. Defaults to false.
    pub reliable: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            send_budget: 1 << 20,
            receive_budget: 1 << 20,
            delayed_ack: Nanos::from_millis(40),
            nagle: false,
            keep_alive: None,
            user_timeout: Nanos::from_secs(300),
            handshake_timeout: Nanos::from_secs(180),
            orphan_timeout: Nanos::from_secs(60),
            time_wait: Nanos::from_secs(60),
            first_timeout: Nanos::from_secs(1),
            least_timeout: Nanos::from_millis(200),
            congestion: CongestionControl::default(),
            timestamps: true,
            sack: true,
            window_scaling: true,
            checksums: Checksums::default(),
            reliable: false,
        }
    }
}

impl Settings {
    /// How many pieces `budget` octets may lie in: a bound on what they cost beside their octets.
    fn most_pieces(&self, budget: u32) -> usize {
        /// Octets of a piece that is small for a good reason.
        const SMALL: usize = 64;
        const LEAST: usize = 64;
        LEAST + budget as usize / SMALL
    }
}

/// Probes of a silent peer (RFC 9293 §3.8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Silence before the first one.
    pub idle: Nanos,
    /// Time between them.
    pub interval: Nanos,
    /// How many go without an answer before the connection fails.
    pub probes: u32,
}

/// Why a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody listens there.
    #[error("the peer refused the connection")]
    Refused,
    /// The peer has forgotten the connection, or ended it at once.
    #[error("the peer reset the connection")]
    Reset,
    /// The peer did not answer for too long.
    #[error("the peer did not answer in time")]
    TimedOut,
    /// A router or the peer said that there is no way.
    #[error("there is no way to the peer")]
    Unreachable,
    /// A link that was said to lose nothing did ([`Settings::reliable`]), or more came than there is room for.
    #[error("a segment was lost that nobody sends again")]
    Lost,
}

/// What was not queued, and why.
#[derive(PartialEq, Eq, thiserror::Error)]
pub enum SendError<P> {
    /// The budget is used up; [`Event::Writable`] tells when there is room again.
    #[error("the connection's send budget is used up")]
    Full(P),
    /// The sending side is closed, or there is no such connection.
    #[error("the connection is closed for sending")]
    Closed(P),
}

impl<P> fmt::Debug for SendError<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full",
            Self::Closed(_) => "Closed",
        })
    }
}

/// What is wrong with a packet. It is dropped, and nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// Not an IP header.
    #[error("the IP header is not one")]
    Ip,
    /// A fragment of something else than a datagram of UDP, or one that cannot be a part of any.
    #[error("the packet is a fragment of nothing that is put together")]
    Fragment,
    /// Neither TCP, UDP nor ICMP.
    #[error("the protocol is unknown")]
    Protocol,
    /// Not a TCP header.
    #[error("the TCP header is not one")]
    Tcp,
    /// Not a UDP header.
    #[error("the UDP header is not one")]
    Udp,
    /// Lengths do not agree.
    #[error("the lengths do not agree")]
    Length,
    /// A checksum is wrong.
    #[error("a checksum is wrong")]
    Checksum,
    /// For somebody else, or from nobody.
    #[error("the addresses are not those of a peer")]
    Address,
}

/// Why something could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Somebody has this port, or these endpoints.
    #[error("the endpoint is in use")]
    InUse,
    /// The host has no such address, or none of the peer's kind.
    #[error("{0} cannot be reached from, or is not, an address of this host")]
    Address(IpAddr),
    /// There are as many as there may be.
    #[error("there are as many as there may be")]
    Limit,
    /// All ports for this peer are in use.
    #[error("no port is free")]
    NoPort,
}

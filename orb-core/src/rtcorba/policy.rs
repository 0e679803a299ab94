// SPDX-License-Identifier: MIT OR Apache-2.0
//! The policies themselves.

use std::fmt;

use super::Priority;

/// The policies of RT-CORBA that there are here, by the numbers that the standard gave them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PolicyType {
    /// `PRIORITY_MODEL_POLICY_TYPE`: whose priority counts.
    PriorityModel,
    /// `THREADPOOL_POLICY_TYPE`: which threads serve.
    Threadpool,
    /// `SERVER_PROTOCOL_POLICY_TYPE`: which protocols a server serves, and how.
    ServerProtocol,
    /// `CLIENT_PROTOCOL_POLICY_TYPE`: by which protocols clients call, and how.
    ClientProtocol,
    /// `PRIVATE_CONNECTION_POLICY_TYPE`: connections that nobody else uses.
    PrivateConnection,
    /// `PRIORITY_BANDED_CONNECTION_POLICY_TYPE`: a connection for each range of priorities.
    PriorityBandedConnection,
}

impl PolicyType {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::PriorityModel,
        Self::Threadpool,
        Self::ServerProtocol,
        Self::ClientProtocol,
        Self::PrivateConnection,
        Self::PriorityBandedConnection,
    ];

    /// Returns the number, from 40 to 45.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::PriorityModel => 40,
            Self::Threadpool => 41,
            Self::ServerProtocol => 42,
            Self::ClientProtocol => 43,
            Self::PrivateConnection => 44,
            Self::PriorityBandedConnection => 45,
        }
    }

    /// Returns the name in IDL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PriorityModel => "PriorityModelPolicy",
            Self::Threadpool => "ThreadpoolPolicy",
            Self::ServerProtocol => "ServerProtocolPolicy",
            Self::ClientProtocol => "ClientProtocolPolicy",
            Self::PrivateConnection => "PrivateConnectionPolicy",
            Self::PriorityBandedConnection => "PriorityBandedConnectionPolicy",
        }
    }
}

impl fmt::Display for PolicyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// At whose priority requests are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PriorityModel {
    /// At the client's, which comes with each request.
    ClientPropagated,
    /// At the server's, which it declares for each object or for all.
    ServerDeclared,
}

impl PriorityModel {
    /// Returns the name in IDL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientPropagated => "CLIENT_PROPAGATED",
            Self::ServerDeclared => "SERVER_DECLARED",
        }
    }
}

impl fmt::Display for PriorityModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// At which priority requests are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PriorityModelPolicy {
    /// Whose priority counts.
    pub model: PriorityModel,
    /// The server's: of objects for which no other is declared, and of requests that come without one.
    pub server_priority: Priority,
}

/// A part of a thread pool, for requests of one priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadpoolLane {
    /// At which priority its threads run.
    pub priority: Priority,
    /// How many threads there are from the beginning.
    pub static_threads: u32,
    /// How many more are made when these are busy.
    pub dynamic_threads: u32,
}

impl ThreadpoolLane {
    /// Returns how many threads it may have.
    #[must_use]
    pub const fn threads(&self) -> u32 {
        self.static_threads.saturating_add(self.dynamic_threads)
    }
}

/// What may wait while all threads of a pool are busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffering {
    /// So many requests, all lanes together; at least 1.
    pub max_requests: usize,
    /// So many bytes of arguments, all together; at least 1.
    pub max_bytes: usize,
}

/// How a thread pool is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadpoolConfig {
    pub(super) lanes: Vec<ThreadpoolLane>,
    pub(super) divided: bool,
    pub(super) borrowing: bool,
    pub(super) buffering: Option<Buffering>,
    pub(super) stack_size: usize,
}

impl ThreadpoolConfig {
    /// Describes a pool without lanes, whose threads wait at `default_priority` and serve each request at its own.
    #[must_use]
    pub fn new(static_threads: u32, dynamic_threads: u32, default_priority: Priority) -> Self {
        let lane = ThreadpoolLane {
            priority: default_priority,
            static_threads,
            dynamic_threads,
        };
        Self {
            divided: false,
            ..Self::with_lanes([lane])
        }
    }

    /// Describes a pool with lanes, each for requests of its own priority.
    #[must_use]
    pub fn with_lanes(lanes: impl IntoIterator<Item = ThreadpoolLane>) -> Self {
        Self {
            lanes: lanes.into_iter().collect(),
            divided: true,
            borrowing: false,
            buffering: None,
            stack_size: 0,
        }
    }

    /// Lets a lane whose threads are all busy use idle threads of less urgent lanes, at its own priority.
    #[must_use]
    pub fn borrowing(mut self) -> Self {
        self.borrowing = true;
        self
    }

    /// Lets requests wait while all threads are busy. Defaults to none: they are refused with `TRANSIENT`.
    #[must_use]
    pub fn buffering(mut self, max_requests: usize, max_bytes: usize) -> Self {
        self.buffering = Some(Buffering {
            max_requests,
            max_bytes,
        });
        self
    }

    /// Sets the size of each thread's stack, in bytes. Defaults to that of the standard library's threads.
    #[must_use]
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = bytes;
        self
    }

    /// Returns the lanes; a pool without has one for all.
    #[must_use]
    pub fn lanes(&self) -> &[ThreadpoolLane] {
        &self.lanes
    }

    /// Tells whether the pool has lanes.
    #[must_use]
    pub fn has_lanes(&self) -> bool {
        self.divided
    }

    /// Tells whether lanes lend their threads.
    #[must_use]
    pub fn is_borrowing(&self) -> bool {
        self.borrowing
    }

    /// Returns what may wait, if anything.
    #[must_use]
    pub fn buffered(&self) -> Option<Buffering> {
        self.buffering
    }

    /// Returns the size of each thread's stack, in bytes; 0 for the default.
    #[must_use]
    pub fn stack(&self) -> usize {
        self.stack_size
    }
}

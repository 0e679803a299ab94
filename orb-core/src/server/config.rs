// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a server may use, and how long it waits.

use std::time::Duration;

use crate::giop::DEFAULT_MESSAGE_LIMIT;

/// The settings of a server. Every field has a default.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerConfig {
    /// How many connections may be open; further ones are closed at once. Defaults to 10,000.
    pub max_connections: usize,
    /// How many requests may be in progress; further ones wait in their connections, and are refused with
    /// `TRANSIENT` once that took [`ServerConfig::queue_time`]. Defaults to 128.
    pub max_requests: usize,
    /// How long requests may wait while [`ServerConfig::max_requests`] are in progress. Defaults to 1 s.
    pub queue_time: Duration,
    /// The largest message accepted, in bytes. Defaults to 64 MiB.
    pub max_message_size: usize,
    /// How long a connection may be idle before it is closed in good order; `None`: for ever. Defaults to 10 min.
    pub idle_timeout: Option<Duration>,
    /// How long a peer may make no progress with a message it has begun to send, or with a reply it should
    /// receive, before its connection is closed. Defaults to 30 s.
    pub stall_timeout: Duration,
    /// How long a thread polls a connection before it blocks. Defaults to zero.
    pub busy_poll: Duration,
    /// How long a thread stays with a connection that it has just served. Defaults to 100 ms.
    pub linger: Duration,
    /// How many threads may stay with a connection at once. Defaults to twice the processors, at least 4.
    pub max_lingering: usize,
    /// How long requests in progress may take at shutdown. Defaults to 5 s.
    pub grace: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            max_connections: 10_000,
            max_requests: 128,
            queue_time: Duration::from_secs(1),
            max_message_size: DEFAULT_MESSAGE_LIMIT,
            idle_timeout: Some(Duration::from_secs(600)),
            stall_timeout: Duration::from_secs(30),
            busy_poll: Duration::ZERO,
            linger: Duration::from_millis(100),
            max_lingering: (processors * 2).max(4),
            grace: Duration::from_secs(5),
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Looking at the packets of a link.

use std::fmt;

/// Sees each packet of a link that it was put on ([`Link::tap`](super::Link::tap)).
pub trait Tap: Send + fmt::Debug {
    /// Looks at a packet of IP, whose octets are those of `parts`, one after the other. It is called on the flow's path, by
    /// whoever sends or receives, so it neither waits, nor allocates, nor calls the system.
    fn packet(&mut self, direction: Direction, parts: &[&[u8]]);
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From this end.
    Sent,
    /// To this end.
    Received,
}

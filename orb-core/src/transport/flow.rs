// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much of a flow may be under way, and how fast.

use std::num::NonZeroU64;

/// What a link lets be under way in each direction at a time, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// What the peer may send before something of it is taken here.
    pub receive: usize,
    /// What may be sent before the peer has acknowledged something of it.
    pub send: usize,
}

/// How fast a link may send: a token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Bytes per second, in the long run.
    pub rate: NonZeroU64,
    /// Bytes that may go at once after a pause; one packet always may.
    pub burst: u64,
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a server has granted.

use std::time::Duration;

use super::Qos;

/// What a server has granted a client for its own flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The request that was granted; without the servant's worst case, which is not the client's to know.
    pub qos: Qos,
    /// The server does not know yet what messages cost it: it serves them as best effort until it does, and then keeps the
    /// guarantee if that fits.
    pub probation: bool,
    /// The time from one activation of the flow to the next, or the shortest such time for low delay. Zero for best effort
    /// and on probation.
    pub period: Duration,
    /// How many messages each activation serves, at most.
    pub messages: u32,
    /// When an activation is done, counted from its release. Zero for best effort and on probation.
    pub deadline: Duration,
}

impl Granted {
    /// Tells whether a guarantee holds now.
    pub fn is_guaranteed(&self) -> bool {
        self.qos.is_guaranteed() && !self.probation
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers that nobody else can guess (RFC 6528).

use std::hash::{Hash, Hasher};

use rtu::Time;
use siphasher::sip::SipHasher24;

use crate::engine::Endpoints;

/// Makes initial sequence numbers: a clock, and for each pair of endpoints an offset that only the secret's owner knows.
#[derive(Clone, Copy, Debug)]
pub struct SequenceNumbers {
    hasher: SipHasher24,
}

impl SequenceNumbers {
    /// Makes numbers from `secret`, which nobody else may know.
    #[must_use]
    pub fn new(secret: [u8; 16]) -> Self {
        Self {
            hasher: SipHasher24::new_with_key(&secret),
        }
    }

    /// Returns the initial sequence number of a connection that begins now. The clock ticks every 4 microseconds, so an earlier
    /// connection of the same endpoints lies before.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "sequence numbers wrap around")]
    pub fn isn(&self, now: Time, endpoints: &Endpoints) -> u32 {
        let clock = (now.0 / 4_000) as u32;
        clock.wrapping_add(self.hash_of(endpoints) as u32)
    }

    pub(super) fn hash(&self, bytes: &[u8]) -> u64 {
        self.hasher.hash(bytes)
    }

    pub(super) fn hash_of(&self, value: &impl Hash) -> u64 {
        let mut hasher = self.hasher;
        value.hash(&mut hasher);
        hasher.finish()
    }
}

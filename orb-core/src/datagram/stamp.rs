// SPDX-License-Identifier: MIT OR Apache-2.0
//! The number of a message: a service context that only servers of this kind read.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::cdr::Endian;

/// Says which service context it is. Ids of that kind are registered with OMG by nobody else.
pub(crate) const ID: u32 = 0x5550_0002;

/// The only form there is until now.
const FORM: u8 = 1;

/// Who sent a message, and which of that sender's it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Nobody else's: it was drawn.
    pub(crate) sender: u64,
    /// From 1 on.
    pub(crate) number: u64,
}

impl Stamp {
    /// Octets of the context's data: an encapsulation of the form, the sender and the number.
    pub(crate) const SIZE: usize = 24;

    /// Returns the context's data.
    pub(crate) fn encode(self) -> [u8; Self::SIZE] {
        let start = [Endian::NATIVE.flag(), FORM, 0, 0, 0, 0, 0, 0];
        let parts = [start, self.sender.to_ne_bytes(), self.number.to_ne_bytes()];
        let mut data = [0; Self::SIZE];
        data.copy_from_slice(parts.as_flattened());
        data
    }

    /// Reads the context's data; none in a form that is not known here.
    pub(crate) fn decode(data: &[u8]) -> Option<Self> {
        let ([flag, FORM, ..], rest) = data.split_first_chunk::<8>()? else {
            return None;
        };
        let (sender, rest) = rest.split_first_chunk()?;
        let (number, []) = rest.split_first_chunk()? else {
            return None;
        };
        let read = if flag & 1 == 0 {
            u64::from_be_bytes
        } else {
            u64::from_le_bytes
        };
        Some(Self {
            sender: read(*sender),
            number: read(*number),
        })
    }
}

/// Numbers what one sender sends.
#[derive(Debug)]
pub(crate) struct Stamps {
    sender: u64,
    last: AtomicU64,
}

impl Stamps {
    /// Begins, as a sender that there has not been.
    pub(crate) fn new() -> Self {
        Self {
            // The one source of randomness in the standard library.
            sender: RandomState::new().hash_one(ID),
            last: AtomicU64::new(0),
        }
    }

    /// Returns the next one.
    pub(crate) fn next(&self) -> Stamp {
        Stamp {
            sender: self.sender,
            number: self.last.fetch_add(1, Ordering::Relaxed) + 1,
        }
    }

    /// Takes one back that was not sent, unless others came behind it: then it counts as missing.
    pub(crate) fn take_back(&self, stamp: Stamp) {
        let (last, before) = (stamp.number, stamp.number - 1);
        // Fails for the reason that is said above.
        let _ = self
            .last
            .compare_exchange(last, before, Ordering::Relaxed, Ordering::Relaxed);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which messages of each sender have come: a bounded table of windows, as IPsec has them against replay (RFC 4303 §3.4.3).

use super::Stamp;

/// Sets of senders; each sender has its place in one.
const SETS: usize = 256;
/// Senders of a set that are known at once. Another one takes the place of whom nothing was heard of for the longest time.
const WAYS: usize = 4;
/// Messages before the latest of which it is known whether they have come.
const WINDOW: u64 = 64;
/// A jump further than that is none, but a beginning.
const JUMP: u64 = 1 << 20;

/// What a message is among those of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The latest, so many others having been skipped.
    Next {
        /// How many.
        skipped: u64,
    },
    /// One that was skipped.
    Late,
    /// One that is older than what was seen of the sender first.
    Early,
    /// One that came before, or is too old to tell.
    Repeated,
}

/// The senders that were heard of last.
#[derive(Debug)]
pub(crate) struct Senders {
    sets: Box<[[Sender; WAYS]; SETS]>,
    /// Counts messages, to know whom nothing was heard of for long.
    clock: u64,
}

/// What is known of one sender; nothing, while its clock stands at zero.
#[derive(Clone, Copy, Debug, Default)]
struct Sender {
    sender: u64,
    first: u64,
    latest: u64,
    /// Which messages have come: the latest is the lowest bit, the one before it the next.
    seen: u64,
    heard: u64,
}

impl Default for Senders {
    fn default() -> Self {
        Self {
            sets: Box::new([[Sender::default(); WAYS]; SETS]),
            clock: 0,
        }
    }
}

impl Senders {
    /// Notes that a message has come.
    pub(crate) fn note(&mut self, stamp: Stamp) -> Arrival {
        self.clock += 1;
        let set = usize::try_from(stamp.sender % SETS as u64).unwrap_or_default();
        let known = self.sets.get_mut(set).and_then(|set| {
            // Who is known, or else whoever was heard of first; places that nobody has come before all.
            set.iter_mut()
                .min_by_key(|known| (known.heard == 0 || known.sender != stamp.sender, known.heard))
        });
        let Some(known) = known else {
            return Arrival::Early;
        };
        let is_new = known.heard == 0 || known.sender != stamp.sender;
        known.heard = self.clock;
        if is_new || stamp.number > known.latest.saturating_add(JUMP) {
            *known = Sender {
                sender: stamp.sender,
                first: stamp.number,
                latest: stamp.number,
                seen: 1,
                heard: self.clock,
            };
            return Arrival::Next { skipped: 0 };
        }
        known.note(stamp.number)
    }
}

impl Sender {
    fn note(&mut self, number: u64) -> Arrival {
        if let Some(ahead) = number.checked_sub(self.latest).filter(|ahead| *ahead > 0) {
            let shift = u32::try_from(ahead).unwrap_or(u32::MAX);
            self.seen = self.seen.checked_shl(shift).unwrap_or_default() | 1;
            self.latest = number;
            return Arrival::Next { skipped: ahead - 1 };
        }
        let age = self.latest - number;
        if age >= WINDOW || self.seen & 1 << age != 0 {
            return Arrival::Repeated;
        }
        self.seen |= 1 << age;
        if number < self.first {
            Arrival::Early
        } else {
            Arrival::Late
        }
    }
}

#[cfg(test)]
mod tests;

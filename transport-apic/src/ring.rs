// SPDX-License-Identifier: MIT OR Apache-2.0
//! The indices of a ring with one producer and one consumer, who do not trust each other.
//!
//! Each side writes one word, which the other one only reads: how many entries were published, and how many consumed,
//! since the beginning. Both publish in batches, and remember what they last saw of the other, so that in steady state a
//! batch costs one cache line each way. What the other side says is checked before it is believed.

use crate::sync::{AtomicU64, Ordering, load_acquire};

/// The other side's index is none that it can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfBounds;

/// The side that writes entries.
#[derive(Debug)]
pub(crate) struct Producer {
    size: u64,
    /// Entries that are written; some of them perhaps not published.
    written: u64,
    published: u64,
    /// What the consumer was seen to be done with.
    consumed: u64,
}

impl Producer {
    pub(crate) fn new(size: u32) -> Self {
        Self {
            size: u64::from(size),
            written: 0,
            published: 0,
            consumed: 0,
        }
    }

    /// Returns the number of the next entry to write; `None` while the ring is full.
    pub(crate) fn next(&mut self, consumed: &AtomicU64) -> Result<Option<u64>, OutOfBounds> {
        if self.written - self.consumed == self.size {
            self.look(consumed)?;
        }
        Ok((self.written - self.consumed < self.size).then_some(self.written))
    }

    /// Looks at what the consumer is done with.
    pub(crate) fn look(&mut self, consumed: &AtomicU64) -> Result<(), OutOfBounds> {
        // Acquire: pairs with the Release of `Consumer::publish`. Its entries are free to be written again.
        let seen = load_acquire(consumed);
        if !(self.consumed..=self.published).contains(&seen) {
            return Err(OutOfBounds);
        }
        self.consumed = seen;
        Ok(())
    }

    /// Counts the entry that [`next`](Self::next) gave as written.
    pub(crate) fn wrote(&mut self) {
        self.written += 1;
    }

    /// Shows the consumer all that is written; false if there was nothing new.
    pub(crate) fn publish(&mut self, published: &AtomicU64) -> bool {
        let new = self.written != self.published;
        if new {
            self.published = self.written;
            // Release: pairs with the Acquire of `Consumer::next`.
            published.store(self.written, Ordering::Release);
        }
        new
    }
}

/// The side that reads entries.
#[derive(Debug)]
pub(crate) struct Consumer {
    size: u64,
    /// Entries that are read.
    taken: u64,
    /// Of these, what the producer was told.
    told: u64,
    /// What the producer was seen to have published.
    published: u64,
}

impl Consumer {
    pub(crate) fn new(size: u32) -> Self {
        Self {
            size: u64::from(size),
            taken: 0,
            told: 0,
            published: 0,
        }
    }

    /// Returns the number of the next entry to read, if one is there.
    pub(crate) fn next(&mut self, published: &AtomicU64) -> Result<Option<u64>, OutOfBounds> {
        if self.taken == self.published {
            // Acquire: pairs with the Release of `Producer::publish`.
            let seen = load_acquire(published);
            if seen < self.taken || seen - self.taken > self.size {
                return Err(OutOfBounds);
            }
            self.published = seen;
        }
        Ok((self.taken != self.published).then_some(self.taken))
    }

    /// Counts the entry that [`next`](Self::next) gave as read.
    pub(crate) fn took(&mut self) {
        self.taken += 1;
    }

    /// Whether the producer has been told so little that it could soon run dry.
    pub(crate) fn owes(&self) -> bool {
        self.taken - self.told >= self.size / 4
    }

    /// Tells the producer what is read; false if there was nothing new.
    pub(crate) fn publish(&mut self, consumed: &AtomicU64) -> bool {
        let new = self.taken != self.told;
        if new {
            self.told = self.taken;
            // Release: pairs with the Acquire of `Producer::look`.
            consumed.store(self.taken, Ordering::Release);
        }
        new
    }
}

#[cfg(all(test, loom))]
mod model;

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_the_other_side_says_is_checked() {
        let mut producer = Producer::new(4);
        for consumed in [1, u64::MAX] {
            assert_eq!(producer.look(&AtomicU64::new(consumed)), Err(OutOfBounds));
        }
        producer.wrote();
        assert_eq!(
            producer.look(&AtomicU64::new(1)),
            Err(OutOfBounds),
            "it is not published"
        );
        assert!(producer.publish(&AtomicU64::new(0)));
        assert_eq!(producer.look(&AtomicU64::new(1)), Ok(()));
        assert_eq!(
            producer.look(&AtomicU64::new(0)),
            Err(OutOfBounds),
            "it goes back"
        );

        let mut consumer = Consumer::new(4);
        for published in [5, u64::MAX] {
            assert_eq!(consumer.next(&AtomicU64::new(published)), Err(OutOfBounds));
        }
        assert_eq!(consumer.next(&AtomicU64::new(1)), Ok(Some(0)));
        consumer.took();
        assert_eq!(
            consumer.next(&AtomicU64::new(0)),
            Err(OutOfBounds),
            "it goes back"
        );
    }

    proptest! {
        /// Against a queue: what is published comes out once and in order, and the bound holds.
        #[test]
        fn a_ring_is_a_bounded_queue(steps in prop::collection::vec(0_u8..4, 0..500), power in 1_u32..4) {
            let size = 1_u32 << power;
            let (published, consumed) = (AtomicU64::new(0), AtomicU64::new(0));
            let (mut producer, mut consumer) = (Producer::new(size), Consumer::new(size));
            let mut slots = vec![0_u64; size as usize];
            let slot = |number: u64| usize::try_from(number % u64::from(size)).expect("below the size");
            let (mut unpublished, mut queue, mut taken) = (VecDeque::new(), VecDeque::new(), 0);
            let mut value = 0;
            for step in steps {
                match step {
                    0 => match producer.next(&consumed).expect("nobody cheats") {
                        Some(number) => {
                            value += 1;
                            slots[slot(number)] = value;
                            producer.wrote();
                            unpublished.push_back(value);
                        }
                        None => prop_assert_eq!(unpublished.len() + queue.len() + taken, size as usize),
                    },
                    1 => {
                        prop_assert_eq!(producer.publish(&published), !unpublished.is_empty());
                        queue.append(&mut unpublished);
                    }
                    2 => match consumer.next(&published).expect("nobody cheats") {
                        Some(number) => {
                            prop_assert_eq!(Some(slots[slot(number)]), queue.pop_front());
                            consumer.took();
                            taken += 1;
                        }
                        None => prop_assert!(queue.is_empty()),
                    },
                    _ => {
                        prop_assert_eq!(consumer.publish(&consumed), taken > 0);
                        taken = 0;
                    }
                }
            }
        }
    }
}

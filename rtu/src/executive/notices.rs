// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who was notified: a set of small numbers that any thread adds to and one thread empties, without a lock.
//!
//! A bit for each number, and above it a bit for each word of 64 that may have some. So an empty set is seen by reading
//! one cache line, a number that is in it already costs nothing more, and nothing is ever allocated or lost.

use super::sync::{AtomicU64, Ordering};

const BITS: usize = 64;
/// Words of the summary: one cache line.
const SUMMARY: usize = 8;

/// A set of numbers below [`MOST`](Self::MOST).
#[derive(Debug)]
pub(super) struct Notices {
    summary: Summary,
    words: Box<[AtomicU64]>,
}

/// Alone on its cache line, since the owner looks at it again and again.
#[derive(Debug)]
#[repr(align(64))]
struct Summary([AtomicU64; SUMMARY]);

impl Notices {
    /// How many numbers a set can hold at most.
    pub(super) const MOST: usize = SUMMARY * BITS * BITS;

    /// Makes an empty set of numbers below `count`, which is at most [`MOST`](Self::MOST).
    pub(super) fn new(count: usize) -> Self {
        let words = count.min(Self::MOST).div_ceil(BITS);
        Self {
            summary: Summary(std::array::from_fn(|_| AtomicU64::new(0))),
            words: (0..words).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Adds a number; one that is too large is ignored.
    pub(super) fn post(&self, number: u32) {
        let number = number as usize;
        let at = number / BITS;
        let (Some(word), Some(summary)) = (self.words.get(at), self.summary.0.get(at / BITS)) else {
            return;
        };
        // Release: what was done before the notification is seen by whoever takes it. Acquire: if the owner has emptied
        // this word, it has emptied the summary before, and we see that and set it anew. (Pairs with `take`.)
        word.fetch_or(1 << (number % BITS), Ordering::AcqRel);
        let bit = 1 << (at % BITS);
        // Acquire: if another one has set the bit, whoever hears our bell sees it set. (Pairs with the Release below.)
        if summary.load(Ordering::Acquire) & bit == 0 {
            summary.fetch_or(bit, Ordering::Release);
        }
    }

    /// Returns whether there may be any.
    pub(super) fn any(&self) -> bool {
        let words = self.words.len().div_ceil(BITS);
        let mut summary = self.summary.0.iter().take(words);
        summary.any(|word| word.load(Ordering::Relaxed) != 0)
    }

    /// Empties the set, and hands over what was in it in ascending order. For one thread only.
    pub(super) fn take(&self, mut each: impl FnMut(u32)) {
        let words = self.words.len().div_ceil(BITS);
        for (high, summary) in self.summary.0.iter().take(words).enumerate() {
            if summary.load(Ordering::Relaxed) == 0 {
                continue;
            }
            // First the summary and then the words: whoever posts in between sets the summary again. (Pairs with `post`.)
            for_each_bit(summary.swap(0, Ordering::AcqRel), |middle| {
                let at = high * BITS + middle;
                let Some(word) = self.words.get(at) else {
                    return;
                };
                for_each_bit(word.swap(0, Ordering::AcqRel), |low| {
                    each(u32::try_from(at * BITS + low).unwrap_or(u32::MAX));
                });
            });
        }
    }
}

fn for_each_bit(mut bits: u64, mut each: impl FnMut(usize)) {
    while bits != 0 {
        each(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken(notices: &Notices) -> Vec<u32> {
        let mut taken = Vec::new();
        notices.take(|number| taken.push(number));
        taken
    }

    proptest! {
        #[test]
        fn it_is_a_set(mut numbers in prop::collection::vec(0..32_768_u32, 0..200)) {
            let notices = Notices::new(Notices::MOST);
            numbers.iter().for_each(|number| notices.post(*number));
            prop_assert_eq!(notices.any(), !numbers.is_empty());
            numbers.sort_unstable();
            numbers.dedup();
            prop_assert_eq!(taken(&notices), numbers);
            prop_assert!(!notices.any() && taken(&notices).is_empty());
        }
    }

    #[test]
    fn what_is_out_of_range_is_ignored() {
        let notices = Notices::new(65);
        [64, 127, 128, u32::MAX]
            .into_iter()
            .for_each(|number| notices.post(number));
        // Room comes in words of 64.
        assert_eq!(taken(&notices), [64, 127]);
    }
}

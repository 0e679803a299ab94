// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who is ready: a queue per level of urgency, and bitmaps that find the first that is not empty.

#![expect(
    clippy::indexing_slicing,
    reason = "levels are below 4,096 by their type, and slots below the length that grow() saw to"
)]

use crate::Urgency;

/// No slot.
const NIL: u32 = u32::MAX;
const WORD: usize = 64;

/// First-in-first-out queues of slots, one per level, linked through the slots. Everything takes constant time.
#[derive(Debug)]
pub(super) struct ReadyQueues {
    /// A bit for each word of `words` that is not zero.
    summary: u64,
    /// A bit for each queue that is not empty.
    words: [u64; Urgency::LEVELS / WORD],
    queues: Box<[Queue]>,
    links: Vec<Link>,
}

#[derive(Clone, Copy, Debug)]
struct Queue {
    head: u32,
    tail: u32,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    before: u32,
    after: u32,
    level: Urgency,
}

impl ReadyQueues {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        let empty = Queue { head: NIL, tail: NIL };
        Self {
            summary: 0,
            words: [0; Urgency::LEVELS / WORD],
            queues: vec![empty; Urgency::LEVELS].into(),
            links: Vec::with_capacity(capacity),
        }
    }

    /// Makes room for slots below `slots`.
    pub(super) fn grow(&mut self, slots: usize) {
        let unlinked = Link {
            before: NIL,
            after: NIL,
            level: Urgency::LEAST,
        };
        self.links.resize(slots.max(self.links.len()), unlinked);
    }

    /// The most urgent level that somebody is ready at.
    pub(super) fn most_urgent(&self) -> Option<Urgency> {
        let word = first(self.summary)?;
        let bit = first(self.words[word])?;
        Some(Urgency::from_index(word * WORD + bit))
    }

    /// Takes the first of the most urgent level.
    pub(super) fn pop(&mut self) -> Option<u32> {
        let index = self.queues[self.most_urgent()?.index()].head;
        self.remove(index);
        Some(index)
    }

    /// Puts a slot that is in no queue at the end of one.
    pub(super) fn push_back(&mut self, index: u32, level: Urgency) {
        let tail = self.queues[level.index()].tail;
        self.link(index, level, tail, NIL);
    }

    /// Puts a slot that is in no queue at the head of one.
    pub(super) fn push_front(&mut self, index: u32, level: Urgency) {
        let head = self.queues[level.index()].head;
        self.link(index, level, NIL, head);
    }

    fn link(&mut self, index: u32, level: Urgency, before: u32, after: u32) {
        self.links[index as usize] = Link { before, after, level };
        let queue = &mut self.queues[level.index()];
        match before {
            NIL => queue.head = index,
            before => self.links[before as usize].after = index,
        }
        match after {
            NIL => queue.tail = index,
            after => self.links[after as usize].before = index,
        }
        self.words[level.index() / WORD] |= 1 << (level.index() % WORD);
        self.summary |= 1 << (level.index() / WORD);
    }

    /// Takes a slot out of the queue that it is in.
    pub(super) fn remove(&mut self, index: u32) {
        let Link { before, after, level } = self.links[index as usize];
        let queue = &mut self.queues[level.index()];
        match before {
            NIL => queue.head = after,
            before => self.links[before as usize].after = after,
        }
        match after {
            NIL => queue.tail = before,
            after => self.links[after as usize].before = before,
        }
        if queue.head == NIL {
            let word = &mut self.words[level.index() / WORD];
            *word &= !(1 << (level.index() % WORD));
            if *word == 0 {
                self.summary &= !(1 << (level.index() / WORD));
            }
        }
    }
}

/// The position of the lowest bit that is set.
fn first(word: u64) -> Option<usize> {
    (word != 0).then(|| word.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Back(u32, usize),
        Front(u32, usize),
        Remove(u32),
        Pop,
    }

    fn step() -> impl Strategy<Value = Step> {
        let level = prop_oneof![0..4096_usize, 60..68_usize];
        prop_oneof![
            (0..20_u32, level.clone()).prop_map(|(slot, level)| Step::Back(slot, level)),
            (0..20_u32, level).prop_map(|(slot, level)| Step::Front(slot, level)),
            (0..20_u32).prop_map(Step::Remove),
            Just(Step::Pop),
        ]
    }

    proptest! {
        #[test]
        fn it_is_a_row_of_queues(steps in prop::collection::vec(step(), 0..200)) {
            let mut ready = ReadyQueues::with_capacity(1);
            ready.grow(20);
            let mut naive = vec![VecDeque::new(); Urgency::LEVELS];
            for step in steps {
                let queued = |naive: &Vec<VecDeque<u32>>, slot: u32| naive.iter().position(|queue| queue.contains(&slot));
                match step {
                    Step::Back(slot, level) if queued(&naive, slot).is_none() => {
                        ready.push_back(slot, Urgency::from_index(level));
                        naive[level].push_back(slot);
                    }
                    Step::Front(slot, level) if queued(&naive, slot).is_none() => {
                        ready.push_front(slot, Urgency::from_index(level));
                        naive[level].push_front(slot);
                    }
                    Step::Remove(slot) => {
                        if let Some(level) = queued(&naive, slot) {
                            ready.remove(slot);
                            naive[level].retain(|other| *other != slot);
                        }
                    }
                    Step::Pop => {
                        let first = naive.iter_mut().find(|queue| !queue.is_empty());
                        prop_assert_eq!(ready.pop(), first.and_then(VecDeque::pop_front));
                    }
                    Step::Back(..) | Step::Front(..) => {}
                }
                let first = naive.iter().position(|queue| !queue.is_empty());
                prop_assert_eq!(ready.most_urgent().map(Urgency::index), first);
            }
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who uses which frame: reference counts that any thread gives back, and that one owner collects.
//!
//! A frame is out from when its owner lends it until the owner collects it. In between it has holders; the last one puts
//! it on a list, from which the owner takes all at once. Nobody waits for anybody, and nothing is allocated.
//!
//! The owner may lend a frame again that is on the list already (a peer's frame of which another part arrives). Then the
//! owner finds holders when it collects, and the last of those puts it on the list once more.
//!
//! When the owner leaves, the list is closed; each frame that is still out is a survivor, and whoever gives back the last
//! one learns that nobody needs the memory any more. So a lend or a clone costs no count of the memory itself.

use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// In a frame's count: it is on the list, or somebody is about to put it there.
const LISTED: u32 = 1 << 31;
/// The most holders there may be; one more is a leak in a loop, and ends the process, as with `Arc`.
const MOST_HOLDERS: u32 = LISTED / 2;
/// The end of the list.
const NOTHING: u32 = u32::MAX;
/// In place of the list, when its owner has left.
const CLOSED: u32 = u32::MAX - 1;

/// The counts of all frames of one memory.
#[derive(Debug)]
pub(crate) struct Ledger {
    frames: Box<[Entry]>,
    list: List,
}

#[derive(Debug)]
struct Entry {
    /// Holders, and [`LISTED`].
    count: AtomicU32,
    /// The frame that was given back before.
    next: AtomicU32,
    /// Whether nobody writes it any more before it comes back: 1, or 0.
    frozen: AtomicU32,
}

#[derive(Debug)]
struct List {
    /// The frame that was given back last.
    head: AtomicU32,
    /// Far more than there are frames; when the owner leaves, as many as are still out.
    survivors: AtomicU64,
}

/// One holder's share of a frame.
///
/// It refers to atomics only, so that it may dangle once it has let go: the language lets memory go away below such a
/// reference, but not below one to the whole ledger.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share<'a> {
    frame: u32,
    entry: &'a Entry,
    list: &'a List,
}

/// What the survivors are counted from while their owner has not left.
const OWNED: u64 = 1 << 40;

impl Ledger {
    pub(crate) fn new(frames: usize) -> Self {
        let entry = |_| Entry {
            count: AtomicU32::new(0),
            next: AtomicU32::new(NOTHING),
            frozen: AtomicU32::new(0),
        };
        Self {
            frames: (0..frames).map(entry).collect(),
            list: List {
                head: AtomicU32::new(NOTHING),
                survivors: AtomicU64::new(OWNED),
            },
        }
    }

    fn entry(&self, frame: u32) -> Option<&Entry> {
        self.frames.get(frame as usize)
    }

    /// Returns what a holder of that frame has; `None` for a frame that is none.
    pub(crate) fn share(&self, frame: u32) -> Option<Share<'_>> {
        let entry = self.entry(frame)?;
        let list = &self.list;
        Some(Share { frame, entry, list })
    }

    /// Counts one more holder, by the owner.
    pub(crate) fn lend(&self, frame: u32) {
        match self.entry(frame) {
            // Nobody holds it or is about to list it, so nobody else changes it.
            Some(entry) if entry.count.load(Ordering::Relaxed) == 0 => {
                entry.count.store(1, Ordering::Relaxed)
            }
            _ => self.hold(frame),
        }
    }

    /// Counts one more holder, by one who holds it already.
    pub(crate) fn hold(&self, frame: u32) {
        if let Some(entry) = self.entry(frame) {
            // Relaxed: who hands it on orders what the other one sees.
            let before = entry.count.fetch_add(1, Ordering::Relaxed);
            if before & !LISTED >= MOST_HOLDERS {
                std::process::abort();
            }
        }
    }

    /// Notes that a frame is not written any more before it comes back: by the one holder who could.
    pub(crate) fn freeze(&self, frame: u32) {
        if let Some(entry) = self.entry(frame) {
            // Relaxed: as in `hold`.
            entry.frozen.store(1, Ordering::Relaxed);
        }
    }

    /// Whether that was noted, for one who was handed a part of it: so somebody holds it, and it has not come back.
    pub(crate) fn is_frozen(&self, frame: u32) -> bool {
        let entry = self.entry(frame);
        entry.is_some_and(|entry| entry.frozen.load(Ordering::Relaxed) != 0)
    }

    /// Passes each frame that has come back to `back`: by the owner only. Returns how many there were.
    pub(crate) fn collect(&self, back: impl FnMut(u32)) -> usize {
        if self.list.head.load(Ordering::Relaxed) == NOTHING {
            return 0;
        }
        self.take_list(NOTHING, back)
    }

    fn take_list(&self, leave: u32, mut back: impl FnMut(u32)) -> usize {
        // Acquire: pairs with the Release of `List::add`.
        let mut frame = self.list.head.swap(leave, Ordering::Acquire);
        let mut found = 0;
        while let Some(entry) = self.entry(frame) {
            let next = entry.next.load(Ordering::Relaxed);
            // Acquire: pairs with the Release of `Share::release`.
            let holders = match entry.count.load(Ordering::Acquire) {
                // Nobody holds it, so nobody else changes it.
                LISTED => {
                    entry.count.store(0, Ordering::Relaxed);
                    0
                }
                _ => entry.count.fetch_and(!LISTED, Ordering::Acquire) & !LISTED,
            };
            if holders == 0 {
                // Who froze it let go of it since, so this comes after.
                entry.frozen.store(0, Ordering::Relaxed);
                back(frame);
                found += 1;
            }
            frame = next;
        }
        found
    }

    /// The owner leaves, with `out` frames lent and not collected. Returns true if nobody holds any: then the caller frees
    /// the memory.
    #[must_use]
    pub(crate) fn depart(&self, out: usize) -> bool {
        let back = self.take_list(CLOSED, |_| ());
        let left = out.saturating_sub(back) as u64;
        self.list.survived(OWNED - left)
    }
}

impl Share<'_> {
    /// Lets go of a frame. Returns true if that was the last one of a memory whose owner has left: the caller frees it, and
    /// nobody else touches it any more. Otherwise the memory may be gone when this returns.
    #[must_use]
    pub(crate) fn release(self) -> bool {
        let mut count = self.entry.count.load(Ordering::Relaxed);
        loop {
            // The last one lists it, unless it is listed already: then the owner has yet to look.
            let last = count & !LISTED == 1;
            let after = if last { LISTED } else { count.wrapping_sub(1) };
            // Release: pairs with the Acquire of `Ledger::take_list` and of `List::add`, through the counts of all who let
            // go in between.
            let change =
                self.entry
                    .count
                    .compare_exchange_weak(count, after, Ordering::Release, Ordering::Relaxed);
            match change {
                Ok(_) if last && count & LISTED == 0 => return self.list.add(self.frame, self.entry),
                Ok(_) => return false,
                Err(now) => count = now,
            }
        }
    }
}

impl List {
    /// Lists a frame that nobody holds. As for [`Share::release`].
    fn add(&self, frame: u32, entry: &Entry) -> bool {
        let mut head = self.head.load(Ordering::Relaxed);
        while head != CLOSED {
            entry.next.store(head, Ordering::Relaxed);
            // Release: pairs with the Acquire of `Ledger::take_list`.
            let change = self
                .head
                .compare_exchange_weak(head, frame, Ordering::Release, Ordering::Relaxed);
            match change {
                Ok(_) => return false,
                Err(now) => head = now,
            }
        }
        // The owner left before it could look, so it is done here. AcqRel: as `Ledger::take_list`, and hands on what that
        // showed to whoever lets go of it next.
        let holders = entry.count.fetch_and(!LISTED, Ordering::AcqRel) & !LISTED;
        holders == 0 && self.survived(1)
    }

    /// Counts off survivors; returns whether none is left.
    fn survived(&self, count: u64) -> bool {
        // AcqRel: each is done with the memory before the last one frees it.
        self.survivors.fetch_sub(count, Ordering::AcqRel) == count
    }
}

#[cfg(all(test, loom))]
mod model;

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn release(ledger: &Ledger, frame: u32) -> bool {
        ledger.share(frame).expect("a frame").release()
    }

    fn collected(ledger: &Ledger) -> Vec<u32> {
        let mut frames = Vec::new();
        ledger.collect(|frame| frames.push(frame));
        frames
    }

    #[test]
    fn a_frame_comes_back_with_its_last_holder() {
        let ledger = Ledger::new(2);
        ledger.lend(1);
        ledger.lend(1);
        assert!(!release(&ledger, 1) && collected(&ledger).is_empty());
        assert!(!release(&ledger, 1));
        assert_eq!(collected(&ledger), [1]);
        assert_eq!(collected(&ledger), [0_u32; 0], "once");
    }

    #[test]
    fn one_that_is_lent_again_while_listed_comes_back_once() {
        let ledger = Ledger::new(1);
        ledger.lend(0);
        assert!(!release(&ledger, 0));
        ledger.lend(0);
        assert_eq!(collected(&ledger), [0_u32; 0], "somebody holds it");
        assert!(!release(&ledger, 0));
        assert_eq!(collected(&ledger), [0]);
    }

    #[test]
    fn a_frame_is_frozen_until_it_comes_back() {
        let ledger = Ledger::new(1);
        ledger.lend(0);
        ledger.hold(0);
        assert!(!ledger.is_frozen(0));
        ledger.freeze(0);
        assert!(!release(&ledger, 0) && collected(&ledger).is_empty());
        assert!(ledger.is_frozen(0), "somebody holds it");
        assert!(!release(&ledger, 0));
        assert_eq!(collected(&ledger), [0]);
        ledger.lend(0);
        assert!(!ledger.is_frozen(0), "whoever has it now may write it");
    }

    #[test]
    fn the_last_survivor_frees() {
        let ledger = Ledger::new(3);
        (0..3).for_each(|frame| ledger.lend(frame));
        assert!(
            !release(&ledger, 0),
            "this one is on the list when its owner leaves"
        );
        assert!(!ledger.depart(3));
        assert!(!release(&ledger, 2));
        assert!(release(&ledger, 1));
        assert!(
            Ledger::new(1).depart(0),
            "an owner that lent nothing frees at once"
        );
    }

    proptest! {
        /// Against counts that one thread can keep: whatever is held and let go of, in whatever order.
        #[test]
        fn frames_are_back_when_nobody_holds_them(steps in prop::collection::vec((0_u32..4, 0_u8..3), 0..200)) {
            let ledger = Ledger::new(4);
            let mut holders = [0_u32; 4];
            let mut out = [false; 4];
            for (frame, step) in steps {
                let index = frame as usize;
                match step {
                    0 => {
                        ledger.lend(frame);
                        holders[index] += 1;
                        out[index] = true;
                    }
                    1 if holders[index] > 0 => {
                        prop_assert!(!release(&ledger, frame));
                        holders[index] -= 1;
                    }
                    _ => {
                        let mut back = collected(&ledger);
                        back.sort_unstable();
                        let expected: Vec<u32> =
                            (0..4).filter(|frame| out[*frame as usize] && holders[*frame as usize] == 0).collect();
                        prop_assert_eq!(&back, &expected);
                        back.iter().for_each(|frame| out[*frame as usize] = false);
                    }
                }
            }
            let left = out.iter().filter(|out| **out).count();
            let held: u32 = holders.iter().sum();
            let mut freed = u32::from(ledger.depart(left));
            for (frame, holders) in (0_u32..).zip(holders) {
                freed += (0..holders).map(|_| u32::from(release(&ledger, frame))).sum::<u32>();
            }
            prop_assert_eq!(freed, 1, "{} were held", held);
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The atomics of the hand-over, or those of the model checker: `RUSTFLAGS="--cfg loom"`.

#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use crate::Time;

/// A word that one thread waits on, in the kernel.
#[derive(Debug)]
pub(super) struct Futex {
    pub(super) word: AtomicU32,
    #[cfg(loom)]
    lot: (loom::sync::Mutex<()>, loom::sync::Condvar),
}

impl Futex {
    pub(super) fn new(value: u32) -> Self {
        Self {
            word: AtomicU32::new(value),
            #[cfg(loom)]
            lot: (loom::sync::Mutex::new(()), loom::sync::Condvar::new()),
        }
    }
}

#[cfg(not(loom))]
impl Futex {
    /// Sleeps while the word has that value, until somebody wakes or the time has come. May return early.
    pub(super) fn wait(&self, value: u32, until: Option<Time>) {
        use rustix::thread::futex;
        let until = until.map(super::clock::timespec);
        // A bitset's time limit is absolute and monotonic. Every error means: look again.
        let any = std::num::NonZeroU32::MAX;
        let _ = futex::wait_bitset(&self.word, futex::Flags::PRIVATE, value, until.as_ref(), any);
    }

    pub(super) fn wake(&self) {
        use rustix::thread::futex;
        // It fails for a word that is no futex only.
        let _ = futex::wake(&self.word, futex::Flags::PRIVATE, 1);
    }
}

/// What the kernel promises of a futex, and nothing else. Time never comes.
#[cfg(loom)]
impl Futex {
    pub(super) fn wait(&self, value: u32, _until: Option<Time>) {
        let guard = self.lot.0.lock().unwrap();
        if self.word.load(Ordering::Relaxed) == value {
            drop(self.lot.1.wait(guard).unwrap());
        }
    }

    pub(super) fn wake(&self) {
        let _guard = self.lot.0.lock().unwrap();
        self.lot.1.notify_one();
    }
}

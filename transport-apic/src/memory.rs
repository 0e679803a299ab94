// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory that is mapped: ours, which others may read, and theirs, which we may only read.

#![allow(
    unsafe_code,
    reason = "memory is mapped, shared with other processes, and handed out by address"
)]

use std::io;
use std::ptr::NonNull;
use std::sync::Arc;

#[cfg(not(loom))]
use crate::sync::AtomicU32;
use crate::sync::AtomicU64;

mod mapping;

pub use self::mapping::Untrusted;
pub(crate) use self::mapping::{Mapping, create, open};

/// A number of bytes, from a page's beginning, at an address that stays; zero at first.
///
/// The first words are used as atomics only, by everybody; the bytes behind them by whoever the rules of frames allow.
#[derive(Debug)]
pub(crate) struct Memory {
    base: NonNull<u8>,
    length: usize,
    #[cfg(not(loom))]
    words: usize,
    /// The model checker's atomics are no plain memory.
    #[cfg(loom)]
    words: Arc<[AtomicU64]>,
    _backing: Arc<Mapping>,
}

// SAFETY: it owns its mapping. What is shared are atomics, and bytes by address; who uses those is ruled by frames.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Takes over a mapping, whose first `words` are atomics; no more than it has room for.
    pub(crate) fn new(mapping: Mapping, words: usize) -> Self {
        Self {
            base: mapping.base(),
            length: mapping.length(),
            #[cfg(not(loom))]
            words: words.min(mapping.length() / size_of::<AtomicU64>()),
            #[cfg(loom)]
            words: (0..words).map(|_| AtomicU64::new(0)).collect(),
            _backing: Arc::new(mapping),
        }
    }

    /// Makes memory of this process alone.
    ///
    /// # Errors
    ///
    /// If there is no more.
    pub(crate) fn private(length: u64, words: usize) -> io::Result<Self> {
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(Self::new(Mapping::private(length)?, words))
    }

    /// The same memory once more; it is mapped until both are dropped.
    pub(crate) fn twin(&self) -> Self {
        Self {
            base: self.base,
            length: self.length,
            #[cfg(not(loom))]
            words: self.words,
            #[cfg(loom)]
            words: Arc::clone(&self.words),
            _backing: Arc::clone(&self._backing),
        }
    }

    /// The words that are atomics. Those of a peer are only loaded from, relaxed.
    #[cfg(not(loom))]
    pub(crate) fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping is aligned to a page, has room for so many words (`new`), and lives as long as `self`. Nobody
        // uses them but as atomics, of which every value is valid; so another process may write whatever it likes. Memory
        // of a peer is mapped read-only, where relaxed loads are allowed, and nothing else is done with it.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr().cast(), self.words) }
    }

    /// A word that is used as one of half the width: for futexes, and for nothing else.
    #[cfg(not(loom))]
    pub(crate) fn half_word(&self, index: usize) -> Option<&AtomicU32> {
        let word = self.words().get(index)?;
        // SAFETY: it has room for one and is aligned; as in `words`. No word is used in both widths.
        Some(unsafe { &*std::ptr::from_ref(word).cast() })
    }

    #[cfg(loom)]
    pub(crate) fn words(&self) -> &[AtomicU64] {
        &self.words
    }

    /// Where in it `bytes` begin; `None` if they lie elsewhere.
    pub(crate) fn offset(&self, bytes: &[u8]) -> Option<u64> {
        let start = bytes.as_ptr().addr().checked_sub(self.base.addr().get())?;
        let within = start.checked_add(bytes.len())? <= self.length;
        within.then_some(start as u64)
    }

    /// The address of `length` bytes from `start`; `None` if they are not all there, or are among the words.
    pub(crate) fn bytes(&self, start: u64, length: u32) -> Option<NonNull<u8>> {
        let start = usize::try_from(start).ok()?;
        let end = start.checked_add(length as usize)?;
        #[cfg(not(loom))]
        let words = self.words * size_of::<AtomicU64>();
        #[cfg(loom)]
        let words = 0;
        // SAFETY: within the mapping.
        (start >= words && end <= self.length).then(|| unsafe { self.base.add(start) })
    }
}

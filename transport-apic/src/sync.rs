// SPDX-License-Identifier: MIT OR Apache-2.0
//! The atomics of rings and reference counts, or those of the model checker: `RUSTFLAGS="--cfg loom"`.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// Loads with acquire semantics from memory that may be mapped read-only, where the language allows relaxed loads only
/// (`std::sync::atomic`, "Atomic accesses to read-only memory").
pub(crate) fn load_acquire(word: &AtomicU64) -> u64 {
    let value = word.load(Ordering::Relaxed);
    fence(Ordering::Acquire);
    value
}

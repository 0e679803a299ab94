// SPDX-License-Identifier: MIT OR Apache-2.0
//! An allocator that counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static ALLOCATED: AtomicU64 = AtomicU64::new(0);
static FREED: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, counting what it is asked for once [`count_heap`] was called: before, it costs nothing.
#[derive(Debug, Clone, Copy)]
pub struct Counting;

/// Begins to count.
pub fn count_heap() {
    COUNTING.store(true, Ordering::Relaxed);
}

/// Returns how often memory was asked for since counting began, and how many bytes of that are in use now.
pub fn heap() -> (u64, u64) {
    let in_use = ALLOCATED
        .load(Ordering::Relaxed)
        .saturating_sub(FREED.load(Ordering::Relaxed));
    (ALLOCATIONS.load(Ordering::Relaxed), in_use)
}

#[inline]
fn taken(bytes: usize) {
    if COUNTING.load(Ordering::Relaxed) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        ALLOCATED.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

#[inline]
fn given_back(bytes: usize) {
    if COUNTING.load(Ordering::Relaxed) {
        FREED.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

#[allow(
    unsafe_code,
    reason = "an allocator can only be wrapped through an unsafe trait"
)]
// SAFETY: every call is handed to the system's allocator as it came, so its guarantees are ours.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller keeps `alloc`'s contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller keeps `alloc_zeroed`'s contract, which is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        given_back(layout.size());
        // SAFETY: the pointer came from `alloc` above, thus from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        given_back(layout.size());
        taken(size);
        // SAFETY: the pointer came from `alloc` above, thus from the system's allocator.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Once the RTUs are added, no event allocates or frees anything.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test stops where something is not as expected"
)]
#![allow(
    unsafe_code,
    reason = "a global allocator is unsafe by nature; this one only counts"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use rtu::scheduler::{Overrun, Parameters, RtuId, Scheduler};
use rtu::simulation::Random;
use rtu::{Class, Nanos, Outcome, Time};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: as above; what alloc gave came from the same allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// RTUs of every kind, more than there was room for at first.
fn added(scheduler: &mut Scheduler, count: u64) -> Vec<RtuId> {
    let mut random = Random::new(1);
    let mut add = |index: u64| {
        let period = Nanos(random.within(10_000, 5_000_000));
        let priority = random.bits().to_le_bytes()[0];
        let on_overrun = [Overrun::Log, Overrun::Defer, Overrun::Demote];
        let parameters = match index % 3 {
            0 => Parameters::periodic(period),
            1 => Parameters::new(Class::LowDelay { priority }, period),
            _ => Parameters::new(Class::BestEffort { priority }, Nanos::ZERO),
        };
        let action = on_overrun[(index / 3 % 3) as usize];
        scheduler.add(
            parameters.with_budget(Nanos(900), action),
            Time(random.within(0, period.0)),
        )
    };
    (0..count).map(&mut add).collect()
}

#[test]
fn no_event_allocates() {
    let mut scheduler = Scheduler::with_capacity(10);
    let ids = added(&mut scheduler, 1_000);
    let mut random = Random::new(2);
    let mut now = 0;
    let mut ran = 0;
    let before = COUNT.with(Cell::get);
    for _ in 0..50_000 {
        let told = ids[random.within(0, 999) as usize];
        scheduler.notify(told, Time(now));
        scheduler.advance(Time(now));
        if let Some(running) = scheduler.next() {
            let used = random.within(0, 1_000);
            now += used;
            scheduler.advance(Time(now));
            let outcome = if scheduler.should_yield() {
                Outcome::NotDone
            } else {
                Outcome::Done
            };
            scheduler.finish(running.id, outcome, Nanos(used), Time(now));
            ran += 1;
        } else if let Some(next) = scheduler.next_event() {
            now = now.max(next.0);
        }
    }
    let counted = COUNT.with(Cell::get) - before;
    assert!(ran > 10_000, "{ran}");
    assert_eq!(
        counted, 0,
        "allocated or freed {counted} times in {ran} activations"
    );
}

// SPDX-License-Identifier: MIT OR Apache-2.0
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread,
};

use super::*;

const LONG: Duration = Duration::from_secs(20);

#[test]
fn one_thread_at_a_time_has_it() {
    let count = Mutex::new(0_u64);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    let mut count = count.lock();
                    let seen = *count;
                    std::hint::spin_loop();
                    *count = seen + 1;
                }
            });
        }
    });
    assert_eq!(count.into_inner(), 80_000);
}

#[test]
fn who_waits_gives_up_after_the_time_given() {
    let mutex = Mutex::new(());
    let held = mutex.lock();
    for time in [Duration::ZERO, Duration::from_millis(5)] {
        let got = thread::scope(|scope| scope.spawn(|| mutex.try_lock(time).is_some()).join().unwrap());
        assert!(!got, "{time:?}");
    }
    drop(held);
    assert!(mutex.try_lock(Duration::ZERO).is_some());
    assert!(mutex.try_lock(LONG).is_some());
}

#[test]
fn who_waits_has_it_once_it_is_free() {
    let mutex = Arc::new(Mutex::new(1));
    let mut held = mutex.lock();
    let (waits, waiting) = mpsc::channel();
    let waiter = {
        let mutex = Arc::clone(&mutex);
        thread::spawn(move || {
            waits.send(gettid()).unwrap();
            mutex.try_lock(LONG).map(|value| *value)
        })
    };
    let waiter_id = waiting.recv().unwrap();
    until_it_sleeps(waiter_id.as_raw_nonzero().get());
    // The kernel's bit that says so: unlocking is its business now.
    assert_ne!(mutex.lock.0.load(Ordering::Relaxed) >> 31, 0);
    *held = 2;
    drop(held);
    assert_eq!(waiter.join().unwrap(), Some(2));
}

#[test]
fn the_thread_that_has_it_cannot_wait_for_it() {
    let mutex = Mutex::new(());
    let held = mutex.lock();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(mutex.lock()))).is_err());
    drop(held);
    drop(mutex.lock());
}

/// The owner, an ordinary thread, runs at the real-time priority of who waits for it, and at its own afterwards.
#[test]
fn the_owner_inherits_the_priority_of_who_waits() {
    let mutex = Mutex::new(());
    let held = mutex.lock();
    let before = priority(gettid().as_raw_nonzero().get());
    let (waits, waiting) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            let given = rtu::ThreadPriority::new(3);
            waits.send(given.is_ok().then(gettid)).unwrap();
            drop(mutex.try_lock(LONG));
        });
        let Some(waiter) = waiting.recv().unwrap() else {
            drop(held);
            return println!("skipped: the process may not use SCHED_FIFO");
        };
        until_it_sleeps(waiter.as_raw_nonzero().get());
        // proc(5): a negative number is one of real time, −1 − its priority.
        assert_eq!(priority(gettid().as_raw_nonzero().get()), -4);
        drop(held);
        assert_eq!(priority(gettid().as_raw_nonzero().get()), before);
    });
}

/// What the system says of a thread of this process, from the field after its name on.
fn stat(thread: i32) -> Vec<String> {
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).expect("a thread");
    let after_name = text.rsplit_once(") ").expect("a name").1;
    after_name.split(' ').map(str::to_owned).collect()
}

fn priority(thread: i32) -> i64 {
    stat(thread)[15].parse().expect("a number")
}

fn until_it_sleeps(thread: i32) {
    for _ in 0..4_000 {
        if stat(thread)[0] == "S" {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("the thread does not wait");
}

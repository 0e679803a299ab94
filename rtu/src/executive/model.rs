// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hand-over under the model checker, in every order that the memory model allows:
//! `RUSTFLAGS="--cfg loom" cargo test --release -p upcall-rtu --lib model`.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

use super::bell::Bell;
use super::notices::Notices;

/// What the executive and those who notify it share.
struct Shared {
    notices: Notices,
    bell: Bell,
    /// Not atomic in its order: written before the notification, read after it.
    written: [AtomicUsize; 2],
}

fn shared() -> Arc<Shared> {
    Arc::new(Shared {
        notices: Notices::new(64),
        bell: Bell::new().unwrap(),
        written: [AtomicUsize::new(0), AtomicUsize::new(0)],
    })
}

fn post(shared: &Shared, number: u32) {
    shared.written[number as usize].store(1, Ordering::Relaxed);
    shared.notices.post(number);
    shared.bell.ring();
}

/// Sleeps and looks, as the executive does, until all have been heard. A lost notification would be a deadlock, which
/// the checker reports.
fn hear(shared: &Shared, mut missing: Vec<u32>) {
    while !missing.is_empty() {
        shared.notices.take(|number| {
            let written = shared.written[number as usize].load(Ordering::Relaxed);
            assert_eq!(written, 1, "what was written before is not seen");
            missing.retain(|other| *other != number);
        });
        if !missing.is_empty() {
            shared.bell.sleep(None, || shared.notices.any());
        }
    }
}

#[test]
fn a_notification_is_never_slept_through() {
    loom::model(|| {
        let shared = shared();
        let notifier = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || post(&shared, 0))
        };
        hear(&shared, vec![0]);
        notifier.join().unwrap();
    });
}

#[test]
fn two_notifiers_of_one_word_are_both_heard() {
    let mut model = loom::model::Builder::new();
    // All orders with up to three preemptions: more of them take hours.
    model.preemption_bound = Some(3);
    model.check(|| {
        let shared = shared();
        let notifiers = [0, 1].map(|number| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || post(&shared, number))
        });
        hear(&shared, vec![0, 1]);
        notifiers
            .into_iter()
            .for_each(|notifier| notifier.join().unwrap());
    });
}

#[test]
fn one_that_is_masked_is_seen_all_the_same() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let shared = shared();
        let last = Arc::new(AtomicBool::new(false));
        let notifier = {
            let (shared, last) = (Arc::clone(&shared), Arc::clone(&last));
            thread::spawn(move || {
                post(&shared, 0);
                // Perhaps while the first is still queued.
                last.store(true, Ordering::Relaxed);
                post(&shared, 0);
            })
        };
        let mut seen = false;
        while !seen {
            shared.notices.take(|_| seen = last.load(Ordering::Relaxed));
            if !seen {
                shared.bell.sleep(None, || shared.notices.any());
            }
        }
        notifier.join().unwrap();
    });
}

// SPDX-License-Identifier: MIT OR Apache-2.0
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    task::Wake,
    time::Duration,
};

use super::*;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_reply_is_found_under_its_id_only() {
    let mut slots = Slots::new(8);
    let (first, second) = (slots.open().expect("room"), slots.open().expect("room"));
    assert!(matches!(slots.deliver(second, "b"), Delivered::Kept(None)));
    assert_eq!(slots.take(first), None);
    assert_eq!(slots.take(second), Some("b"));
    assert_eq!(slots.live(), 1);
    assert!(matches!(slots.deliver(second, "again"), Delivered::Unknown));
}

#[test]
fn one_caller_uses_one_slot_with_changing_ids() {
    let mut slots: Slots<()> = Slots::new(8);
    let mut last = None;
    for _ in 0..100_000 {
        let id = slots.open().expect("room");
        assert_ne!(last, Some(id));
        slots.close(id);
        last = Some(id);
    }
    assert_eq!(slots.entries.len(), 1);
}

#[test]
fn the_number_in_flight_is_bounded() {
    let mut slots: Slots<()> = Slots::new(2);
    let first = slots.open().expect("room");
    slots.open().expect("room");
    assert_eq!(slots.open(), None);
    slots.close(first);
    assert!(slots.open().is_some());
}

#[test]
fn a_given_up_slot_is_not_used_again_before_its_late_reply() {
    let mut slots = Slots::new(8);
    let given_up = slots.open().expect("room");
    assert!(slots.abandon(given_up));
    assert!(!slots.abandon(given_up));
    let next = slots.open().expect("room");
    assert_ne!(split(next).0, split(given_up).0);
    assert!(matches!(slots.deliver(given_up, 1), Delivered::Late));
    assert!(matches!(slots.deliver(given_up, 1), Delivered::Unknown));
    assert_eq!(split(slots.open().expect("room")).0, split(given_up).0);
}

#[test]
fn given_up_requests_do_not_pile_up() {
    let mut slots: Slots<()> = Slots::new(1);
    for _ in 0..10_000 {
        let id = slots.open().expect("room");
        slots.abandon(id);
    }
    assert!(slots.entries.len() <= MAX_ABANDONED + 1);
}

#[test]
fn a_task_is_woken_once_and_counted() {
    let mut slots = Slots::new(8);
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let id = slots.open().expect("room");
    let deadline = Instant::now() + Duration::from_secs(5);
    slots.set_waker(id, &waker, deadline);
    slots.set_waker(id, &waker, deadline);
    assert_eq!((slots.tasks(), slots.next_deadline()), (1, Some(deadline)));
    let Delivered::Kept(Some(waker)) = slots.deliver(id, ()) else {
        panic!("a task waits")
    };
    waker.wake();
    assert_eq!((slots.tasks(), count.0.load(Ordering::Relaxed)), (0, 1));
    assert_eq!(slots.next_deadline(), None);
}

#[test]
fn requests_past_their_deadline_are_named() {
    let mut slots: Slots<()> = Slots::new(8);
    let now = Instant::now();
    let (early, late) = (slots.open().expect("room"), slots.open().expect("room"));
    slots.set_waker(early, Waker::noop(), now);
    slots.set_waker(late, Waker::noop(), now + Duration::from_secs(1));
    assert_eq!(slots.expired(now), [early]);
    slots.abandon(early);
    assert_eq!((slots.expired(now).len(), slots.tasks()), (0, 1));
}

#[test]
fn everybody_gets_the_failure() {
    let mut slots = Slots::new(8);
    let ids: Vec<_> = (0..3).map(|_| slots.open().expect("room")).collect();
    slots.set_waker(ids[0], Waker::noop(), Instant::now());
    assert_eq!(slots.deliver_all(|| "gone").len(), 1);
    assert!(ids.into_iter().all(|id| slots.take(id) == Some("gone")));
    assert_eq!(slots.live(), 0);
}

#[test]
fn only_a_sleeping_thread_can_be_roused() {
    let mut slots: Slots<()> = Slots::new(8);
    let id = slots.open().expect("room");
    assert!(!slots.rouse(id));
    assert!(slots.follow(id).is_some());
    assert!(slots.rouse(id));
    assert!(!slots.rouse(id));
}

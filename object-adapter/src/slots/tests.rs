// SPDX-License-Identifier: MIT OR Apache-2.0
use std::{
    sync::{Arc, atomic::AtomicUsize},
    thread,
};

use proptest::prelude::*;

use super::*;

struct Thing {
    value: u32,
    gone: Arc<AtomicUsize>,
}

impl Leave for Thing {
    fn left(self, _from: SlotId) {
        self.gone.fetch_add(1, Ordering::SeqCst);
    }
}

fn thing(value: u32, gone: &Arc<AtomicUsize>) -> Thing {
    Thing {
        value,
        gone: Arc::clone(gone),
    }
}

#[test]
fn places_are_distinct_and_without_gaps() {
    let mut expected = (0, 0);
    for index in 0..10_000 {
        assert_eq!(place(index), expected, "index {index}");
        expected.1 += 1;
        if expected.1 == (FIRST_CHUNK as usize) << expected.0 {
            expected = (expected.0 + 1, 0);
        }
    }
}

#[test]
fn a_reused_slot_is_not_found_under_its_old_id() {
    let (slots, gone) = (Slots::new(), Arc::default());
    let first = slots.insert(|_| thing(1, &gone)).unwrap();
    assert!(slots.remove(first));
    let second = slots.insert(|_| thing(2, &gone)).unwrap();
    assert_eq!(second.slot, first.slot);
    assert!(slots.pin(first).is_none());
    assert_eq!(slots.pin(second).unwrap().value, 2);
    assert!(
        !slots.remove(first),
        "removing by the old id must not touch the new content"
    );
    assert!(slots.pin(second).is_some());
}

#[test]
fn what_is_pinned_leaves_with_its_last_pin() {
    let (slots, gone) = (Slots::new(), Arc::<AtomicUsize>::default());
    let id = slots.insert(|_| thing(1, &gone)).unwrap();
    let (one, two) = (slots.pin(id).unwrap(), slots.pin(id).unwrap());
    assert!(slots.remove(id));
    assert!(!slots.remove(id), "it goes once");
    assert!(slots.pin(id).is_none(), "what goes is not handed out again");
    drop(one);
    assert_eq!(gone.load(Ordering::SeqCst), 0);
    assert!(slots.is_pinned(id));
    assert_eq!(two.value, 1);
    drop(two);
    assert_eq!(gone.load(Ordering::SeqCst), 1);
    assert!(!slots.is_pinned(id));
}

#[test]
fn an_index_that_was_never_used_is_nothing() {
    let slots = Slots::<Thing>::new();
    for slot in [0, 1, 63, 64, 1 << 20, u32::MAX] {
        assert!(slots.pin(SlotId { slot, generation: 0 }).is_none());
    }
}

#[test]
fn under_contention_each_thing_leaves_once_and_none_is_lost() {
    let (slots, gone) = (Slots::new(), Arc::<AtomicUsize>::default());
    let rounds = 200;
    for round in 0..rounds {
        let id = slots.insert(|_| thing(round, &gone)).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                while let Some(pin) = slots.pin(id) {
                    assert_eq!(pin.value, round);
                }
            });
            scope.spawn(|| slots.remove(id));
        });
        assert_eq!(gone.load(Ordering::SeqCst), round as usize + 1);
    }
    assert!(slots.ids(|_| true).is_empty());
}

#[derive(Debug, Clone)]
enum Step {
    Insert,
    Remove(usize),
    Pin(usize),
    Unpin(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Insert),
        2 => (0usize..40).prop_map(Step::Remove),
        2 => (0usize..40).prop_map(Step::Pin),
        2 => (0usize..40).prop_map(Step::Unpin),
    ]
}

proptest! {
    #[test]
    fn it_behaves_like_a_list_of_things(steps in prop::collection::vec(step(), 0..200)) {
        let (slots, gone) = (Slots::new(), Arc::<AtomicUsize>::default());
        let mut ids: Vec<(SlotId, u32, bool)> = Vec::new();
        let mut pins: Vec<Pin<'_, Thing>> = Vec::new();
        for step in steps {
            match step {
                Step::Insert => {
                    let value = u32::try_from(ids.len()).unwrap();
                    ids.push((slots.insert(|_| thing(value, &gone)).unwrap(), value, true));
                }
                Step::Remove(at) => if let Some((id, _, here)) = ids.get_mut(at) {
                    prop_assert_eq!(slots.remove(*id), *here);
                    *here = false;
                },
                Step::Pin(at) => if let Some((id, value, here)) = ids.get(at) {
                    let pin = slots.pin(*id);
                    prop_assert_eq!(pin.as_ref().map(|pin| pin.value), here.then_some(*value));
                    pins.extend(pin);
                },
                Step::Unpin(at) => if at < pins.len() { drop(pins.swap_remove(at)); },
            }
        }
        drop(pins);
        let here = ids.iter().filter(|(.., here)| *here).count();
        prop_assert_eq!(gone.load(Ordering::SeqCst), ids.len() - here);
        prop_assert_eq!(slots.ids(|_| true).len(), here);
    }
}

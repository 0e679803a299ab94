// SPDX-License-Identifier: MIT OR Apache-2.0
//! The same value twice, and values that refer to each other.

use std::sync::{Arc, Weak};

use super::{
    dynamic, read, same, trip,
    types::{Animal, Link, Pair, animal, dog, puppy},
    write,
};
use crate::{
    cdr::{Decoder, Encoder, Marshal, Unmarshal},
    value::{Value, ValueCell, ValueType, register},
};

fn link(id: i32, next: Option<Arc<Link>>) -> Arc<Link> {
    Arc::new(Link {
        id,
        next: next.into(),
        ..Link::default()
    })
}

#[test]
fn null_is_zero() {
    assert_eq!(write(&None::<Arc<Animal>>).as_ref(), [0; 4]);
    assert_eq!(trip(&None::<Arc<Animal>>), None);
}

#[test]
fn one_value_at_two_places_is_sent_once_and_stays_one() {
    let shared = Some(animal("x"));
    let pair = Some(Arc::new(Pair {
        left: shared.clone(),
        right: shared,
        ..Pair::default()
    }));
    let octets = write(&pair);
    assert_eq!(octets.windows(2).filter(|pair| pair == b"x\0").count(), 1);
    let copy = trip(&pair).expect("not null");
    assert!(same(&copy.left, &copy.right));
}

#[test]
fn equal_values_stay_two() {
    let pair = Arc::new(Pair {
        left: Some(animal("x")),
        right: Some(animal("x")),
        ..Pair::default()
    });
    let copy = trip(&Some(Arc::clone(&pair))).expect("not null");
    assert!(!same(&copy.left, &copy.right));
    assert_eq!(copy, pair);
}

#[test]
fn arguments_of_one_message_share() {
    let shared = Some(dog("rex", None));
    let again = shared.as_ref().and_then(dynamic);
    let mut encoder = Encoder::native();
    shared.marshal(&mut encoder).expect("it can be written");
    again.marshal(&mut encoder).expect("it can be written");
    let octets = encoder.contiguous();
    let mut decoder = Decoder::native(&octets);
    let first = Option::<Arc<super::types::Dog>>::unmarshal(&mut decoder)
        .expect("a dog")
        .expect("not null");
    let second = Option::<Arc<dyn Value>>::unmarshal(&mut decoder)
        .expect("a value")
        .expect("not null");
    assert!(std::ptr::addr_eq(Arc::as_ptr(&first), Arc::as_ptr(&second)));
}

#[test]
fn a_derived_value_seen_as_its_base_twice_is_one_view() {
    let view = Some(Arc::new(Animal::from(dog("rex", None))));
    let pair = Some(Arc::new(Pair {
        left: view.clone(),
        right: view,
        ..Pair::default()
    }));
    let copy = trip(&pair).expect("not null");
    assert!(same(&copy.left, &copy.right));
    assert!(
        copy.left
            .as_ref()
            .and_then(|animal| animal.downcast::<super::types::Dog>())
            .is_some()
    );
}

#[test]
fn a_cycle_survives_and_is_freed_with_its_head() {
    let (first, second) = (link(1, None), link(2, None));
    first.next.set(Some(Arc::clone(&second)));
    second.next.set_weak(&first);
    let copy = trip(&Some(Arc::clone(&first))).expect("not null");
    assert_eq!(copy.id, 1);
    let other = copy.next.get().expect("two in the cycle");
    assert_eq!(other.id, 2);
    assert!(Arc::ptr_eq(&other.next.get().expect("back"), &copy));
    assert_eq!(
        format!("{copy:?}").matches("id: 1").count(),
        2,
        "shown to where it repeats"
    );
    assert!(copy == first, "cycles are compared to where they repeat");

    let watch: Weak<Link> = Arc::downgrade(&copy);
    drop((copy, other));
    assert!(watch.upgrade().is_none());
}

#[test]
fn a_value_may_refer_to_itself() {
    let own = link(7, None);
    own.next.set_weak(&own);
    let copy = trip(&Some(own)).expect("not null");
    assert!(Arc::ptr_eq(&copy.next.get().expect("itself"), &copy));
}

#[test]
fn a_cycle_may_go_through_a_member_of_any_type() {
    register(&[crate::value::ValueFactory::of::<Link>()]);
    let own: Arc<Link> = link(7, None);
    own.any.set(dynamic(&link(8, Some(Arc::clone(&own)))));
    let copy = trip(&Some(Arc::clone(&own))).expect("not null");
    let other = copy
        .any
        .get()
        .and_then(|value| value.downcast::<Link>())
        .expect("a link");
    assert!(Arc::ptr_eq(&other.next.get().expect("back"), &copy));
    own.any.set(None);
}

#[test]
fn a_cycle_where_none_can_be_is_refused() {
    // A pair whose left is itself, which its members cannot hold.
    let octets = write(&Some(Arc::new(Pair::default())));
    let mut octets = octets[..octets.len() - 8].to_vec();
    let back = u32::try_from(octets.len() + 4).expect("short").wrapping_neg();
    octets.extend([0xff; 4]);
    octets.extend(back.to_be_bytes());
    octets.extend([0; 4]);
    assert!(read::<Option<Arc<Pair>>>(&octets).is_err());
}

#[test]
fn sharing_reaches_into_chunks_and_views() {
    let puppy = puppy();
    let copy = trip(&Some(Arc::clone(&puppy))).expect("not null");
    assert_eq!(copy, puppy);
    let uncle = copy
        .spare
        .as_ref()
        .and_then(|animal| animal.downcast::<super::types::Dog>())
        .expect("a dog");
    assert!(same(&uncle.friend, &copy.friend), "the friend came once");
}

#[test]
fn a_list_longer_than_values_may_nest_is_refused_not_a_crash() {
    let mut head = None;
    for id in 0..10_000 {
        head = Some(link(id, head));
    }
    let mut encoder = Encoder::native();
    assert!(head.marshal(&mut encoder).is_err());
    drop(encoder);
    // Dropping a long list one by one, as its owner must.
    while let Some(link) = head {
        head = link.next.get();
        link.next.set(None);
    }
}

#[test]
fn temporary_values_do_not_take_each_others_place() {
    // Both cells make their value on the fly; the second could get the first one's address.
    let cells: Vec<ValueCell<Animal>> = (0..50).map(|n| ValueCell::from(animal(&n.to_string()))).collect();
    let copies = trip(&cells);
    assert_eq!(copies, cells);
}

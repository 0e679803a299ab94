// SPDX-License-Identifier: MIT OR Apache-2.0
//! Values at positions of their bases' types, known and unknown.

use std::sync::Arc;

use super::{
    Octets, dynamic, read, trip,
    types::{Animal, Cat, Dog, Numbers, OldAnimal, Puppy, Secret, Wolf, animal, dog, puppy, wolf},
    write,
};
use crate::{
    cdr::CdrError,
    typecode::Typed,
    value::{AbstractRef, Value, ValueFactory, ValueType, register},
};

#[test]
fn a_derived_value_comes_whole_where_its_base_is_expected() {
    let sent = puppy();
    let octets = write(&Some(Arc::new(Animal::from(Arc::clone(&sent)))));
    assert_eq!(
        octets,
        write(&Some(Arc::clone(&sent))),
        "a view is sent as what it is"
    );
    let base = read::<Option<Arc<Animal>>>(&octets)
        .expect("a value")
        .expect("not null");
    assert_eq!(base.name, "pup");
    assert_eq!(base.downcast::<Puppy>(), Some(Arc::clone(&sent)));
    assert_eq!(base.downcast::<Dog>().map(|dog| dog.age), Some(1));
    assert_eq!(base.downcast::<Cat>(), None);
    let dog = read::<Option<Arc<Dog>>>(&octets)
        .expect("a value")
        .expect("not null");
    assert_eq!(dog.downcast::<Puppy>(), Some(sent));
    assert_eq!(format!("{:?}", dog.most_derived), "IDL:Puppy:1.0");
}

#[test]
fn who_knows_only_the_base_gets_that() {
    let octets = write(&Some(puppy()));
    let old = read::<Option<Arc<OldAnimal>>>(&octets).expect("truncated");
    assert_eq!(old.map(|animal| animal.name.clone()), Some("pup".into()));
}

#[test]
fn values_after_a_truncated_one_are_found() {
    let sent = vec![Some(puppy()), Some(puppy())];
    let old = read::<Vec<Option<Arc<OldAnimal>>>>(&write(&sent)).expect("truncated");
    assert!(
        old.iter()
            .all(|animal| animal.as_ref().is_some_and(|animal| animal.name == "pup"))
    );
}

#[test]
fn a_value_inside_what_was_truncated_is_found_by_a_later_indirection() {
    let friend = animal("friend");
    let rex = dog("rex", Some(Arc::clone(&friend)));
    let sent = vec![Some(Arc::new(Animal::from(rex))), Some(friend)];
    let old = read::<Vec<Option<Arc<OldAnimal>>>>(&write(&sent)).expect("truncated");
    let names: Vec<_> = old.iter().flatten().map(|animal| animal.name.as_str()).collect();
    assert_eq!(names, ["rex", "friend"]);
}

#[test]
fn who_knows_no_base_it_may_be_truncated_to_gets_nothing() {
    let cat = Arc::new(Cat {
        name: "tom".into(),
        lives: 9,
        ..Cat::default()
    });
    let octets = write(&Some(cat));
    assert_eq!(
        read::<Option<Arc<OldAnimal>>>(&octets),
        Err(CdrError::NoValueFactory)
    );
    assert!(read::<Option<Arc<Animal>>>(&octets).is_ok());
    assert_eq!(read::<Option<Arc<Dog>>>(&octets), Err(CdrError::NoValueFactory));
}

#[test]
fn a_registered_type_is_found_where_any_value_or_a_base_may_come() {
    let wolf = wolf();
    register(&[ValueFactory::of::<Wolf>()]);
    let value = trip(&dynamic(&wolf)).expect("not null");
    assert_eq!(value.actual_type(), Wolf::type_code());
    assert_eq!(Arc::clone(&value).downcast::<Wolf>(), Some(Arc::clone(&wolf)));
    assert_eq!(
        value.downcast::<Animal>().map(|animal| animal.name.clone()),
        Some("akela".into())
    );
    let animal = read::<Option<Arc<Animal>>>(&write(&Some(Arc::clone(&wolf))))
        .expect("a value")
        .expect("not null");
    assert_eq!(animal.downcast::<Wolf>(), Some(wolf));
}

#[test]
fn a_value_of_another_type_than_expected_is_refused() {
    register(&[ValueFactory::of::<Numbers>()]);
    let octets = write(&Some(Arc::new(Numbers(vec![1]))));
    assert!(matches!(
        read::<Option<Arc<Animal>>>(&octets),
        Err(CdrError::BadValue(_))
    ));
}

#[test]
fn a_box_is_its_content_with_a_tag() {
    let numbers = Some(Arc::new(Numbers(vec![5, 6])));
    let expected = Octets::default()
        .long(0x7fff_ff02)
        .text("IDL:Numbers:1.0")
        .long(2)
        .long(5)
        .long(6);
    assert_eq!(write(&numbers).as_ref(), expected.0);
    assert_eq!(trip(&numbers), numbers);
}

#[test]
fn a_custom_value_is_chunked_and_marshalled_by_its_owner() {
    let secret = Some(Arc::new(Secret { text: "abc".into() }));
    let expected = Octets::default()
        .long(0x7fff_ff0a)
        .text("IDL:Secret:1.0")
        .long(8)
        .text("cba")
        .long(0xffff_ffff);
    assert_eq!(write(&secret).as_ref(), expected.0);
    assert_eq!(trip(&secret), secret);
}

#[test]
fn an_abstract_interface_carries_values() {
    register(&[ValueFactory::of::<Secret>()]);
    let secret: Arc<dyn Value> = Arc::new(Secret { text: "abc".into() });
    match trip(&Some(AbstractRef::Value(secret))) {
        Some(AbstractRef::Value(value)) => assert_eq!(
            value.downcast::<Secret>().map(|s| s.text.clone()),
            Some("abc".into())
        ),
        other => panic!("{other:?} is no value"),
    }
    assert_eq!(write(&None::<AbstractRef>).as_ref(), [0; 8]);
    assert_eq!(trip(&None::<AbstractRef>), None);
}

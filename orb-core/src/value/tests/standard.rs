// SPDX-License-Identifier: MIT OR Apache-2.0
//! Octets written from the standard (CORBA 3.3 Part 2 §9.3.4).

use std::sync::Arc;

use super::{
    Octets, read,
    types::{Animal, Dog, OldAnimal, Pair, dog},
    write,
};
use crate::value::ValueType;

#[test]
fn a_simple_value_has_a_tag_an_id_and_its_state() {
    let expected = Octets::default()
        .long(0x7fff_ff02)
        .text("IDL:Animal:1.0")
        .text("rex");
    assert_eq!(write(&Some(super::types::animal("rex"))).as_ref(), expected.0);
}

#[test]
fn a_truncatable_value_has_a_list_of_ids_chunks_and_an_end_tag() {
    let expected = Octets::default()
        .long(0x7fff_ff0e)
        .long(2)
        .text("IDL:Dog:1.0")
        .text("IDL:Animal:1.0")
        .long(16)
        .text("rex")
        .long(3)
        .long(0)
        .long(0xffff_ffff);
    assert_eq!(write(&Some(dog("rex", None))).as_ref(), expected.0);
}

#[test]
fn a_nested_value_stands_between_chunks_and_its_id_is_an_indirection() {
    let octets = Octets::default().long(0x7fff_ff0e).long(2).text("IDL:Dog:1.0");
    let animal = octets.place();
    let expected = octets.text("IDL:Animal:1.0").long(12).text("rex").long(3);
    let expected = expected.long(0x7fff_ff0a).back_to(animal).long(8).text("tom");
    let expected = expected
        .long((-2i32).cast_unsigned())
        .long((-1i32).cast_unsigned());
    let sent = Some(dog("rex", Some(super::types::animal("tom"))));
    assert_eq!(write(&sent).as_ref(), expected.0);
    assert_eq!(read::<Option<Arc<Dog>>>(&expected.0), Ok(sent));
}

#[test]
fn one_end_tag_may_end_all_levels() {
    let octets = Octets::default().long(0x7fff_ff0e).long(2).text("IDL:Dog:1.0");
    let animal = octets.place();
    let octets = octets.text("IDL:Animal:1.0").long(12).text("rex").long(3);
    let octets = octets
        .long(0x7fff_ff0a)
        .back_to(animal)
        .long(8)
        .text("tom")
        .long((-1i32).cast_unsigned());
    let sent = Some(dog("rex", Some(super::types::animal("tom"))));
    assert_eq!(read::<Option<Arc<Dog>>>(&octets.0), Ok(sent));
    assert!(read::<Option<Arc<OldAnimal>>>(&octets.0).is_ok());
}

#[test]
fn chunks_may_end_between_members() {
    let octets = Octets::default().long(0x7fff_ff0a).text("IDL:Dog:1.0");
    let octets = octets
        .long(8)
        .text("rex")
        .long(4)
        .long(3)
        .long(4)
        .long(0)
        .long((-1i32).cast_unsigned());
    assert_eq!(read::<Option<Arc<Dog>>>(&octets.0), Ok(Some(dog("rex", None))));
}

#[test]
fn a_codebase_url_is_passed_over_and_may_be_an_indirection() {
    let octets = Octets::default()
        .long(0x7fff_ff02)
        .text("IDL:Pair:1.0")
        .long(0x7fff_ff03);
    let url = octets.place();
    let octets = octets.text("http://example.org/code");
    let id = octets.place();
    let octets = octets
        .text("IDL:Animal:1.0")
        .text("a")
        .long(0x7fff_ff03)
        .back_to(url)
        .back_to(id)
        .text("b");
    let pair = read::<Option<Arc<Pair>>>(&octets.0)
        .expect("a pair")
        .expect("not null");
    let names = [&pair.left, &pair.right].map(|animal| animal.as_ref().map(|animal| animal.name.clone()));
    assert_eq!(names, [Some("a".into()), Some("b".into())]);
}

#[test]
fn a_list_of_ids_may_be_an_indirection() {
    let octets = Octets::default()
        .long(0x7fff_ff02)
        .text("IDL:Pair:1.0")
        .long(0x7fff_ff0e);
    let list = octets.place();
    let octets = octets
        .long(2)
        .text("IDL:Dog:1.0")
        .text("IDL:Animal:1.0")
        .long(16)
        .text("a")
        .long(1)
        .long(0);
    let octets = octets
        .long((-1i32).cast_unsigned())
        .long(0x7fff_ff0e)
        .back_to(list);
    let octets = octets
        .long(16)
        .text("b")
        .long(2)
        .long(0)
        .long((-1i32).cast_unsigned());
    let pair = read::<Option<Arc<Pair>>>(&octets.0)
        .expect("a pair")
        .expect("not null");
    let ages = [&pair.left, &pair.right].map(|animal| Some(animal.as_ref()?.downcast::<Dog>()?.age));
    assert_eq!(ages, [Some(1), Some(2)]);
    assert_eq!(write(&Some(pair)).as_ref(), octets.0, "written alike");
}

#[test]
fn a_value_without_ids_is_of_the_expected_type() {
    let octets = Octets::default().long(0x7fff_ff00).text("rex");
    assert_eq!(
        read::<Option<Arc<Animal>>>(&octets.0),
        Ok(Some(super::types::animal("rex")))
    );
}

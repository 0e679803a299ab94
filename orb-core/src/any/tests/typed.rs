// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rust values into anys and out again.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use crate::{
    any::{Any, AnyError, AnyValue},
    cdr::{CdrError, Decoder, Encoder, Endian, Marshal, Unmarshal, Version},
    codeset::CodeSets,
    exception::{SystemException, SystemExceptionKind},
    fixed::Fixed,
    long_double::LongDouble,
    object::ObjectRef,
    typecode::{TypeCode, TypeCodeKind, Typed, WideChar, WideString},
    value::{
        Value, ValueCell, ValueFactory, register,
        tests::{
            Octets,
            types::{Animal, Link, Numbers, OldAnimal, Pair, Secret, Wolf, animal, wolf},
        },
    },
};

/// Through a message in the other byte order.
fn trip(any: &Any) -> Any {
    let mut encoder = Encoder::new(Endian::NATIVE.opposite(), Version::V1_2, CodeSets::NATIVE);
    encoder.octet(1);
    any.marshal(&mut encoder).expect("it can be written");
    encoder.octet(2);
    let octets = encoder.contiguous();
    let mut decoder = Decoder::new(
        &octets,
        Endian::NATIVE.opposite(),
        Version::V1_2,
        CodeSets::NATIVE,
    );
    assert_eq!(decoder.octet(), Ok(1));
    let copy = Any::unmarshal(&mut decoder).expect("it can be read");
    assert_eq!(decoder.octet(), Ok(2), "nothing is left of {copy:?}");
    copy
}

fn survives<T: AnyValue + PartialEq + std::fmt::Debug + Clone>(value: T) {
    let any = Any::from(value.clone());
    assert_eq!(any.type_code(), &T::type_code());
    let copy = trip(&any);
    assert_eq!(copy, any);
    assert_eq!(copy.get::<T>(), Ok(value));
}

#[test]
fn every_basic_type_survives() {
    survives(true);
    survives(-1i8);
    survives(255u8);
    survives(i16::MIN);
    survives(u16::MAX);
    survives(i32::MIN);
    survives(u32::MAX);
    survives(i64::MIN);
    survives(u64::MAX);
    survives(1.5f32);
    survives(-1.5f64);
    survives(LongDouble::from(0.1));
    survives('x');
    survives(WideChar('€'));
    survives(String::from("grüß"));
    survives(WideString("wide €".into()));
    survives(Fixed::<5, 2>::from_mantissa(-12345).expect("five digits"));
    survives(Bytes::from_static(b"octets"));
    survives(vec![1.0f64, 2.0]);
    survives(vec![String::from("a"), String::new()]);
    survives([[1i32, 2], [3, 4]]);
    survives(vec![true, false]);
    survives(TypeCode::sequence(TypeCode::LONG, 5));
    survives(vec![Any::from(1i32), Any::from("two"), Any::default()]);
    survives(None::<ObjectRef>);
}

#[test]
fn an_empty_any_is_null() {
    let any = trip(&Any::default());
    assert!(any.is_empty() && any.type_code().kind() == TypeCodeKind::Null);
    assert!(any.get::<i32>().is_err());
}

#[test]
fn an_any_may_hold_an_any() {
    let any = Any::of_any(&Any::from(5i16));
    assert_eq!(trip(&any).get_any().and_then(|inner| inner.get::<i16>()), Ok(5));
    assert!(Any::from(5i16).get_any().is_err());
}

#[test]
fn another_type_is_refused_with_both_names() {
    let error = Any::from(vec![1i32]).get::<String>().expect_err("no string");
    assert_eq!(error.to_string(), "the any holds a sequence<long>, not a string");
    let exception = SystemException::from(error);
    assert_eq!(exception.kind(), SystemExceptionKind::BadParam);
}

#[test]
fn aliases_and_narrower_bounds_are_seen_through() {
    let brief = TypeCode::alias("IDL:Brief:1.0", "Brief", TypeCode::string(3));
    let any = Any::with_type(brief.clone(), &String::from("abc")).expect("within its bound");
    assert_eq!(trip(&any).type_code(), &brief);
    assert_eq!(trip(&any).get::<String>(), Ok("abc".into()));
    let error = Any::with_type(brief, &String::from("abcd")).expect_err("beyond its bound");
    assert_eq!(error, AnyError::Malformed(CdrError::BoundExceeded(3)));
    assert!(matches!(
        Any::with_type(TypeCode::LONG, &1i16),
        Err(AnyError::WrongType { .. })
    ));
}

#[test]
fn a_bound_is_checked_on_the_wire() {
    let longs = TypeCode::sequence(TypeCode::LONG, 2);
    let mut encoder = Encoder::native();
    longs.marshal(&mut encoder).expect("it can be written");
    encoder.ulong(3);
    (1..4).for_each(|long| encoder.long(long));
    let octets = encoder.contiguous();
    assert_eq!(
        Any::unmarshal(&mut Decoder::native(&octets)),
        Err(CdrError::BoundExceeded(2))
    );
}

#[test]
fn what_cannot_be_sent_fails_when_it_is_sent() {
    let any = Any::from("a\0b");
    let mut encoder = Encoder::native();
    assert_eq!(any.marshal(&mut encoder), Err(CdrError::EmbeddedNul));
    assert_eq!(
        any.get::<String>(),
        Err(AnyError::Malformed(CdrError::EmbeddedNul))
    );
    assert!(format!("{any:?}").contains("NUL"));
}

#[test]
fn a_character_that_the_peer_lacks_fails_when_it_is_sent() {
    let mut codesets = CodeSets::NATIVE;
    codesets.narrow = crate::codeset::CharSet::Latin1;
    let mut encoder = Encoder::new(Endian::Big, Version::V1_1, codesets);
    assert_eq!(encoder.any(&Any::from("€")), Err(CdrError::BadCharacter));
    assert_eq!(encoder.any(&Any::from("ü")), Ok(()));
}

#[test]
fn values_keep_their_sharing_cycles_and_types() {
    let friend = Some(Arc::new(Animal::from(wolf())));
    let pair = Some(Arc::new(Pair {
        left: friend.clone(),
        right: friend,
        ..Pair::default()
    }));
    register(&[ValueFactory::of::<Wolf>()]);
    let copy = trip(&Any::from(pair.clone()))
        .get::<Option<Arc<Pair>>>()
        .expect("a pair")
        .expect("not null");
    assert!(
        copy.left
            .as_ref()
            .zip(copy.right.as_ref())
            .is_some_and(|(left, right)| Arc::ptr_eq(left, right))
    );
    assert_eq!(Some(copy), pair);

    let own = Arc::new(Link {
        id: 4,
        ..Link::default()
    });
    own.next.set_weak(&own);
    let copy = trip(&Any::from(ValueCell::from(own)))
        .get::<Option<Arc<Link>>>()
        .expect("a link")
        .expect("not null");
    assert!(Arc::ptr_eq(&copy.next.get().expect("itself"), &copy));
}

#[test]
fn a_derived_value_is_found_as_its_base_and_as_any_value() {
    register(&[ValueFactory::of::<Wolf>()]);
    let any = trip(&Any::from(Some(wolf())));
    let base = any
        .get::<Option<Arc<Animal>>>()
        .expect("a wolf is an animal")
        .expect("not null");
    assert_eq!(base.name, "akela");
    assert!(
        any.get::<Option<Arc<dyn Value>>>()
            .is_ok_and(|value| value.is_some())
    );
    assert!(any.get::<Option<Arc<Pair>>>().is_err());
}

#[test]
fn an_unknown_derived_value_is_truncated_to_the_described_type() {
    let new = Octets::default()
        .long(0x7fff_ff0e)
        .long(2)
        .text("IDL:New:1.0")
        .text("IDL:Animal:1.0");
    let new = new.long(12).text("rex").long(7).long((-1i32).cast_unsigned());
    let mut encoder = Encoder::new(Endian::Big, Version::V1_2, CodeSets::NATIVE);
    encoder
        .type_code(&Animal::type_code())
        .expect("it can be written");
    encoder.align(4);
    encoder.raw(&new.0);
    let octets = encoder.contiguous();
    let any = Any::unmarshal(&mut Decoder::new(
        &octets,
        Endian::Big,
        Version::V1_2,
        CodeSets::NATIVE,
    ));
    let any = trip(&any.expect("truncated"));
    assert_eq!(
        any.get::<Option<Arc<OldAnimal>>>()
            .map(|value| value.map(|value| value.name.clone())),
        Ok(Some("rex".into()))
    );
}

#[test]
fn boxed_and_custom_values_survive() {
    let numbers = Some(Arc::new(Numbers(vec![1, 2])));
    assert_eq!(trip(&Any::from(numbers.clone())).get(), Ok(numbers));
    register(&[ValueFactory::of::<Secret>()]);
    let secret = Some(Arc::new(Secret { text: "abc".into() }));
    assert_eq!(trip(&Any::from(secret.clone())).get(), Ok(secret));
}

#[test]
fn a_value_shared_with_the_message_is_copied_into_the_any() {
    let shared = Some(animal("shared"));
    let mut encoder = Encoder::native();
    shared.marshal(&mut encoder).expect("it can be written");
    encoder
        .type_code(&Animal::type_code())
        .expect("it can be written");
    shared.marshal(&mut encoder).expect("an indirection");
    shared.marshal(&mut encoder).expect("an indirection");
    let octets = encoder.contiguous();
    let mut decoder = Decoder::native(&octets);
    let first = Option::<Arc<Animal>>::unmarshal(&mut decoder);
    let any = Any::unmarshal(&mut decoder).expect("a copy");
    assert_eq!(Option::<Arc<Animal>>::unmarshal(&mut decoder), first);
    assert_eq!(any.get::<Option<Arc<Animal>>>(), Ok(shared));
}

#[test]
fn a_value_first_seen_in_an_any_is_shared_with_the_message() {
    let shared = Some(animal("shared"));
    let mut encoder = Encoder::native();
    encoder
        .type_code(&Animal::type_code())
        .expect("it can be written");
    shared.marshal(&mut encoder).expect("the value");
    shared.marshal(&mut encoder).expect("an indirection");
    let octets = encoder.contiguous();
    let mut decoder = Decoder::native(&octets);
    let any = Any::unmarshal(&mut decoder).expect("a value");
    assert_eq!(any.get::<Option<Arc<Animal>>>(), Ok(shared.clone()));
    assert_eq!(Option::<Arc<Animal>>::unmarshal(&mut decoder), Ok(shared));
}

proptest! {
    #[test]
    fn texts_and_numbers_survive(text in "[^\0]{0,40}", wide in "[^\0]{0,40}", numbers: Vec<i64>, flags: Vec<bool>) {
        survives(text);
        survives(WideString(wide));
        survives(numbers);
        survives(flags);
    }
}

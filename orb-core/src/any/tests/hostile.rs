// SPDX-License-Identifier: MIT OR Apache-2.0
//! Anys that no honest peer sends.

use std::sync::Arc;

use proptest::prelude::*;

use crate::{
    any::Any,
    cdr::{CdrError, Decoder, Encoder, Endian, Marshal, Unmarshal, Version},
    codeset::CodeSets,
    typecode::{TypeCode, TypeCodeKind, Typed},
    value::tests::types::{Animal, animal},
};

fn read(octets: &[u8]) -> Result<Any, CdrError> {
    Any::unmarshal(&mut Decoder::native(octets))
}

fn described(type_code: &TypeCode, value: &[u8]) -> Result<Any, CdrError> {
    let mut encoder = Encoder::native();
    type_code.marshal(&mut encoder).expect("it can be written");
    encoder.align(4);
    encoder.raw(value);
    read(&encoder.contiguous())
}

#[test]
fn much_structure_for_little_data_is_refused() {
    let members: [(&str, TypeCode); 0] = [];
    let empty = TypeCode::structure("IDL:E:1.0", "E", members);
    let error = CdrError::BadAny("much structure for little data");
    assert_eq!(
        described(&TypeCode::array(empty.clone(), u32::MAX), &[]),
        Err(error)
    );
    assert_eq!(
        described(&TypeCode::array(TypeCode::NULL, u32::MAX), &[]),
        Err(error)
    );
    // Each level doubles the work, and only the description is short.
    let mut doubled = empty;
    for level in 0..64 {
        let id = format!("IDL:D{level}:1.0");
        doubled = TypeCode::structure(id, "D", [("a", doubled.clone()), ("b", doubled)]);
        if level > 8 {
            break;
        }
    }
    assert!(
        described(&doubled, &[]).is_ok(),
        "a thousand empty parts are nothing"
    );
    assert_eq!(described(&TypeCode::array(doubled, 1000), &[]), Err(error));
}

#[test]
fn what_follows_in_a_message_does_not_decide_what_can_be_read() {
    let members: [(&str, TypeCode); 0] = [];
    let empty = TypeCode::structure("IDL:E:1.0", "E", members);
    for (count, allowed) in [(60_000, true), (70_000, false)] {
        let type_code = TypeCode::array(empty.clone(), count);
        let alone = described(&type_code, &[]);
        assert_eq!(alone.is_ok(), allowed, "{count}");
        assert_eq!(alone, described(&type_code, &[0; 100_000]), "{count}");
        if let Ok(any) = alone {
            let mut encoder = Encoder::native();
            any.marshal(&mut encoder).expect("what was read can be written");
            assert_eq!(read(&encoder.contiguous()), Ok(any));
        }
    }
}

#[test]
fn elements_without_octets_survive_where_nothing_follows() {
    let members: [(&str, TypeCode); 0] = [];
    for element in [TypeCode::NULL, TypeCode::structure("IDL:E:1.0", "E", members)] {
        let any = described(&TypeCode::sequence(element, 0), &2u32.to_ne_bytes()).expect("two of nothing");
        try_all(&any_octets(&any));
        assert_eq!(read(&any_octets(&any)), Ok(any));
    }
}

fn any_octets(any: &Any) -> Vec<u8> {
    let mut encoder = Encoder::native();
    encoder.any(any).expect("it can be written");
    encoder.contiguous().to_vec()
}

#[test]
fn a_type_that_contains_itself_is_refused() {
    let endless = TypeCode::structure("IDL:S:1.0", "S", [("own", TypeCode::recursive("IDL:S:1.0"))]);
    assert_eq!(described(&endless, &[0; 64]), Err(CdrError::TooDeep));
    let alias = TypeCode::alias("IDL:A:1.0", "A", TypeCode::recursive("IDL:A:1.0"));
    assert!(described(&alias, &[0; 64]).is_err());
}

#[test]
fn nested_anys_beyond_the_limit_are_refused() {
    let mut octets = Vec::new();
    for _ in 0..100_000 {
        octets.extend(TypeCodeKind::Any.number().to_ne_bytes());
    }
    assert_eq!(read(&octets), Err(CdrError::TooDeep));
}

#[test]
fn lengths_beyond_the_data_are_refused_before_anything_is_allocated() {
    let huge = u32::MAX.to_ne_bytes();
    for element in [
        TypeCode::OCTET,
        TypeCode::DOUBLE,
        TypeCode::STRING,
        TypeCode::ANY,
        Animal::type_code(),
    ] {
        assert_eq!(
            described(&TypeCode::sequence(element.clone(), 0), &huge),
            Err(CdrError::LengthBeyondEnd)
        );
        assert!(described(&TypeCode::array(element, u32::MAX), &huge).is_err());
    }
    assert!(described(&TypeCode::STRING, &huge).is_err());
    assert!(described(&TypeCode::object(), &huge).is_err());
}

#[test]
fn values_out_of_their_type_are_refused() {
    let one = 1u32.to_ne_bytes();
    let enumeration = TypeCode::enumeration("IDL:E:1.0", "E", ["A"]);
    assert!(matches!(
        described(&enumeration, &one),
        Err(CdrError::BadEnum { .. })
    ));
    let union = TypeCode::union("IDL:U:1.0", "U", enumeration, [(Some(0), "a", TypeCode::LONG)]);
    assert!(matches!(described(&union, &one), Err(CdrError::BadEnum { .. })));
    assert_eq!(described(&TypeCode::BOOLEAN, &[2]), Err(CdrError::BadBoolean(2)));
    assert_eq!(
        described(&TypeCode::fixed(1, 0), &[0xff]),
        Err(CdrError::BadFixed)
    );
    assert!(described(&TypeCode::fixed(u16::MAX, 0), &[0xff; 40]).is_err());
    assert!(described(&TypeCode::native("IDL:N:1.0", "N"), &one).is_err());
    assert_eq!(
        described(&TypeCode::local_interface("IDL:L:1.0", "L"), &one),
        Err(CdrError::LocalObject)
    );
}

#[test]
fn copies_of_a_shared_value_are_limited() {
    // One large value, and anys that only refer to it: each would hold a copy.
    let shared = Some(animal(&"x".repeat(100_000)));
    let codes: Vec<TypeCode> = vec![Animal::type_code(); 1000];
    let mut encoder = Encoder::native();
    shared.marshal(&mut encoder).expect("the value");
    for code in &codes {
        code.marshal(&mut encoder).expect("it can be written");
        shared.marshal(&mut encoder).expect("an indirection");
    }
    let octets = encoder.contiguous();
    let mut decoder = Decoder::native(&octets);
    Option::<Arc<Animal>>::unmarshal(&mut decoder).expect("the value");
    let copies = (0..1000).map_while(|_| Any::unmarshal(&mut decoder).ok()).count();
    assert!((2..100).contains(&copies), "{copies}");
}

fn recorded() -> impl Strategy<Value = Vec<u8>> {
    let lines: Vec<&str> = include_str!("../../../testdata/omniorb_any.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    proptest::sample::select(lines).prop_map(|line| {
        let hex = line.rsplit(' ').next().unwrap_or_default();
        hex.as_bytes()
            .chunks(2)
            .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect()
    })
}

fn try_all(octets: &[u8]) {
    for endian in [Endian::Big, Endian::Little] {
        let mut decoder = Decoder::new(octets, endian, Version::V1_2, CodeSets::NATIVE);
        if let Ok(any) = Any::unmarshal(&mut decoder) {
            let mut encoder = Encoder::native();
            any.marshal(&mut encoder).expect("what was read can be written");
            let octets = encoder.contiguous();
            assert_eq!(read(&octets).expect("what was written can be read"), any);
            let _ = format!("{any:?} {:?} {:?}", any.type_code(), any.type_code().compact());
        }
    }
}

proptest! {
    #[test]
    fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..100)) {
        try_all(&octets);
    }

    #[test]
    fn cut_and_damaged_anys_are_read_or_refused(
        mut octets in recorded(),
        cut in any::<proptest::sample::Index>(),
        at in any::<proptest::sample::Index>(),
        to in prop_oneof![any::<u8>(), 0u8..37],
    ) {
        try_all(&octets[..cut.index(octets.len())]);
        let at = at.index(octets.len());
        octets[at] = to;
        try_all(&octets);
    }
}

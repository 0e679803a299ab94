// SPDX-License-Identifier: MIT OR Apache-2.0
//! Anys that omniORB wrote.

use crate::{
    any::Any,
    cdr::{Decoder, Encoder, Endian, Marshal, Unmarshal, Version},
    codeset::CodeSets,
};

/// Name, byte order and octets of every recorded any.
fn recorded() -> Vec<(&'static str, Endian, Vec<u8>)> {
    let lines = include_str!("../../../testdata/omniorb_any.txt").lines();
    let vectors = lines.filter(|line| !line.starts_with('#')).map(|line| {
        let mut words = line.split(' ');
        let mut word = || words.next().expect("three words");
        let endian = if word() == "big" {
            Endian::Big
        } else {
            Endian::Little
        };
        let (name, hex) = (word(), word());
        let octet =
            |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).expect("hex"), 16).expect("hex");
        (name, endian, hex.as_bytes().chunks(2).map(octet).collect())
    });
    vectors.collect()
}

fn read(octets: &[u8], endian: Endian) -> Any {
    let mut decoder = Decoder::new(octets, endian, Version::V1_2, CodeSets::NATIVE);
    let any = Any::unmarshal(&mut decoder).unwrap_or_else(|error| panic!("{error}: {octets:02x?}"));
    assert_eq!(decoder.remaining(), 0, "all of it is the any: {any:?}");
    any
}

fn write(any: &Any, endian: Endian, version: Version, codesets: CodeSets) -> Vec<u8> {
    let mut encoder = Encoder::new(endian, version, codesets);
    any.marshal(&mut encoder).expect("what was read can be written");
    encoder.contiguous().to_vec()
}

fn named(name: &str) -> Any {
    let (_, endian, octets) = recorded()
        .into_iter()
        .find(|(found, ..)| *found == name)
        .expect("recorded");
    read(&octets, endian)
}

#[test]
fn every_recorded_any_is_read_and_survives_in_both_byte_orders() {
    for (name, endian, octets) in recorded() {
        let any = read(&octets, endian);
        for order in [Endian::Big, Endian::Little] {
            let copy = read(&write(&any, order, Version::V1_2, CodeSets::NATIVE), order);
            assert_eq!(copy, any, "{name}");
            assert_eq!(copy.type_code(), any.type_code(), "{name}");
        }
    }
}

#[test]
fn both_byte_orders_mean_the_same() {
    let all = recorded();
    for (name, endian, octets) in &all {
        let twin = all
            .iter()
            .find(|(other, order, _)| other == name && order != endian);
        if let Some((_, order, twin)) = twin {
            assert_eq!(read(octets, *endian), read(twin, *order), "{name}");
        }
    }
}

#[test]
fn ours_has_the_octets_of_theirs_but_for_padding() {
    for (name, endian, octets) in recorded() {
        // Byte-order marks before wide strings, how values are tagged, and inner byte orders are a matter of taste.
        // Theirs has no id before an exception, and -2 for "no default" of a union whose labels are complete.
        let taste = name == "exception"
            || name.starts_with("union_enum")
            || name.contains("wstring")
            || name.contains("mixed")
            || name.starts_with("value");
        if taste || endian != Endian::NATIVE {
            continue;
        }
        let ours = write(&read(&octets, endian), endian, Version::V1_2, CodeSets::NATIVE);
        assert_eq!(ours.len(), octets.len(), "{name}");
        for (index, (our, their)) in ours.iter().zip(&octets).enumerate() {
            // Ours has zeros where theirs has garbage.
            assert!(
                our == their || *our == 0,
                "{name} at {index}: {our:02x} for {their:02x}"
            );
        }
    }
}

#[test]
fn they_are_shown_with_their_content() {
    for (name, shown) in [
        ("null", "any()"),
        ("long", "any(long: -7)"),
        ("ulonglong", "any(unsigned long long: 18364758544493064720)"),
        ("char", "any(char: 'x')"),
        ("wchar", "any(wchar: '€')"),
        ("bounded_string", "any(string<5>: \"abc\")"),
        ("wstring", "any(wstring: \"h€\")"),
        ("fixed", "any(fixed<9,3>: -123456.789)"),
        ("struct", "any(Sample: { t: 1, value: 2.5, u: KELVIN })"),
        ("array", "any(Grid: [[1, 2, 3], [4, 5, 6]])"),
        ("exception", "any(OutOfRange: { why: \"high\", code: 9 })"),
        (
            "recursive",
            "any(Tree: { value: 1, children: [{ value: 2, children: [] }] })",
        ),
        ("union_enum", "any(Choice: case 0: \"tom\")"),
        ("union_char", "any(Many: case 97: 4)"),
        ("union_char_default", "any(Many: case 122: 9)"),
        ("union_any", "any(Wide: case -1: any(string: \"in\"))"),
        ("any_in_any", "any(any: any(short: 3))"),
    ] {
        assert_eq!(format!("{:?}", named(name)), shown);
    }
}

#[test]
fn typecodes_are_shown_as_idl() {
    for (name, shown) in [
        (
            "typecode_recursive",
            "struct Tree { long value; sequence<Tree> children }",
        ),
        (
            "typecode_value",
            "valuetype Node { long id; Node next; Node prev }",
        ),
        (
            "typecode_derived",
            "valuetype Derived: Base { long number; Base other }",
        ),
        ("typecode_box", "valuetype box SeqBox = sequence<short>"),
        (
            "typecode_union",
            "union Many switch(char) { case 97: long l; case 98: long l; case 99: boolean f; default: octet o }",
        ),
        ("typecode_objref", "interface Thing"),
    ] {
        let inner = named(name)
            .get::<crate::typecode::TypeCode>()
            .expect("a TypeCode");
        assert_eq!(format!("{inner:?}"), shown);
    }
}

#[test]
fn older_versions_and_code_sets_carry_the_same() {
    for (name, endian, octets) in recorded() {
        let any = read(&octets, endian);
        let mut codesets = CodeSets::NATIVE;
        codesets.narrow = crate::codeset::CharSet::Latin1;
        let old = write(&any, Endian::Big, Version::V1_1, codesets);
        let mut decoder = Decoder::new(&old, Endian::Big, Version::V1_1, codesets);
        assert_eq!(Any::unmarshal(&mut decoder), Ok(any), "{name}");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! TypeCodes as octets (CORBA 3.3 Part 2 §9.3.5.1).

use super::{Even, Tree, all, choice, derived};
use crate::{
    cdr::{CdrError, Decoder, Encoder, Endian, Version},
    codeset::CodeSets,
    typecode::{TypeCode, Typed},
};

fn write(code: &TypeCode, endian: Endian, version: Version) -> Vec<u8> {
    let mut encoder = Encoder::new(endian, version, CodeSets::NATIVE);
    encoder.type_code(code).expect("it can be written");
    encoder.contiguous().to_vec()
}

fn read(octets: &[u8], endian: Endian, version: Version) -> Result<TypeCode, CdrError> {
    let mut decoder = Decoder::new(octets, endian, version, CodeSets::NATIVE);
    let code = decoder.type_code()?;
    assert_eq!(decoder.remaining(), 0);
    Ok(code)
}

#[test]
fn every_shape_survives_in_both_byte_orders_and_all_versions() {
    for code in all() {
        for endian in [Endian::Big, Endian::Little] {
            for version in [Version::V1_1, Version::V1_2] {
                let octets = write(&code, endian, version);
                assert_eq!(read(&octets, endian, version), Ok(code.clone()), "{code:?}");
                let again = read(&octets, endian, version).map(|copy| write(&copy, endian, version));
                assert_eq!(again, Ok(octets), "{code:?} is written alike a second time");
            }
        }
    }
}

#[test]
fn wide_labels_survive_giop_1_1_in_a_fresh_description() {
    let code = TypeCode::union("", "", TypeCode::WCHAR, [(Some(0x20ac), "a", TypeCode::LONG)]);
    let octets = write(&code, Endian::Big, Version::V1_1);
    assert_eq!(read(&octets, Endian::Big, Version::V1_1), Ok(code));
}

#[test]
fn parameters_are_those_of_the_table() {
    assert_eq!(write(&TypeCode::LONG, Endian::Big, Version::V1_2), [0, 0, 0, 3]);
    assert_eq!(
        write(&TypeCode::string(5), Endian::Big, Version::V1_2),
        [0, 0, 0, 18, 0, 0, 0, 5]
    );
    assert_eq!(
        write(&TypeCode::fixed(9, -1), Endian::Big, Version::V1_2),
        [0, 0, 0, 28, 0, 9, 0xff, 0xff]
    );
}

#[test]
fn a_recursive_type_is_written_with_an_indirection() {
    let octets = write(&Tree::type_code(), Endian::NATIVE, Version::V1_2);
    let indirection = octets
        .windows(4)
        .rposition(|window| window == [0xff; 4])
        .expect("an indirection");
    let offset: [u8; 4] = octets[indirection + 4..indirection + 8]
        .try_into()
        .expect("four octets");
    // Back to the kind at the very beginning.
    assert_eq!(
        i32::from_ne_bytes(offset),
        -i32::try_from(indirection + 4).expect("short")
    );
    assert_eq!(octets.len(), indirection + 12, "the sequence's bound comes last");
}

#[test]
fn it_stands_anywhere_in_a_stream() {
    for before in 0..9 {
        let mut encoder = Encoder::native();
        encoder.raw(&vec![7; before]);
        for code in all() {
            encoder.type_code(&code).expect("it can be written");
            encoder.octet(9);
        }
        let octets = encoder.contiguous();
        let mut decoder = Decoder::native(&octets);
        decoder.skip(before).expect("there");
        for code in all() {
            assert_eq!(decoder.type_code(), Ok(code));
            assert_eq!(decoder.octet(), Ok(9));
        }
    }
}

#[test]
fn a_part_of_a_decoded_type_is_a_type_of_its_own() {
    let octets = write(&Even::type_code(), Endian::Little, Version::V1_2);
    let even = read(&octets, Endian::Little, Version::V1_2).expect("just written");
    let odd = even
        .member_type(0)
        .and_then(|list| list.content_type())
        .expect("a part");
    let copy = read(
        &write(&odd, Endian::Big, Version::V1_2),
        Endian::Big,
        Version::V1_2,
    );
    assert_eq!(copy, Ok(odd));
}

#[test]
fn a_part_that_was_seen_before_may_be_an_indirection() {
    // struct { Unit a; Unit b; } whose second member refers to the first's type.
    let mut encoder = Encoder::native();
    encoder.ulong(15);
    let body = |inner: &mut Encoder<'_>| {
        inner.string("IDL:S:1.0")?;
        inner.string("S")?;
        inner.ulong(2);
        inner.string("a")?;
        inner.align(4);
        let place = inner.stream_position();
        inner.type_code(&choice())?;
        inner.string("b")?;
        inner.ulong(0xffff_ffff);
        let distance = i32::try_from(inner.stream_position() - place).expect("short");
        inner.long(-distance);
        Ok(())
    };
    encoder.encapsulation(body).expect("it can be written");
    let octets = encoder.contiguous();
    let code = Decoder::native(&octets).type_code().expect("legal");
    assert_eq!(
        code,
        TypeCode::structure("IDL:S:1.0", "S", [("a", choice()), ("b", choice())])
    );
}

#[test]
fn an_incomplete_type_is_not_sent() {
    let mut encoder = Encoder::native();
    let open = TypeCode::sequence(TypeCode::recursive("IDL:Tree:1.0"), 0);
    assert!(matches!(encoder.type_code(&open), Err(CdrError::BadTypeCode(_))));
    assert!(encoder.type_code(&derived()).is_ok());
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! TypeCodes that no honest peer sends.

use proptest::prelude::*;

use super::all;
use crate::{
    cdr::{CdrError, Decoder, Encoder, Endian, Version},
    codeset::CodeSets,
    typecode::TypeCode,
};

fn read(octets: &[u8]) -> Result<TypeCode, CdrError> {
    Decoder::native(octets).type_code()
}

fn complex(
    kind: u32,
    body: impl FnOnce(&mut Encoder<'_>) -> Result<(), CdrError>,
) -> Result<TypeCode, CdrError> {
    let mut encoder = Encoder::native();
    encoder.ulong(kind);
    encoder.encapsulation(body).expect("it can be written");
    read(&encoder.contiguous())
}

fn named(encoder: &mut Encoder<'_>) {
    encoder.string("IDL:X:1.0").expect("a string");
    encoder.string("X").expect("a string");
}

#[test]
fn kinds_that_do_not_exist_are_refused() {
    assert!(matches!(
        read(&37u32.to_ne_bytes()),
        Err(CdrError::BadTypeCode(_))
    ));
    assert!(matches!(
        read(&0xffff_fffeu32.to_ne_bytes()),
        Err(CdrError::BadTypeCode(_))
    ));
    assert_eq!(read(&[]), Err(CdrError::UnexpectedEnd));
}

#[test]
fn indirections_that_lead_to_no_type_are_refused() {
    for offset in [0i32, 4, -4, -8, -1000, i32::MIN, i32::MAX] {
        let mut octets = vec![0xff; 4];
        octets.extend(offset.to_ne_bytes());
        assert_eq!(read(&octets), Err(CdrError::BadIndirection));
        let inner = complex(19, |encoder| {
            encoder.ulong(0xffff_ffff);
            encoder.long(offset);
            encoder.ulong(0);
            Ok(())
        });
        // 16 octets back stands the sequence itself.
        assert_eq!(inner, Err(CdrError::BadIndirection), "{offset}");
    }
}

#[test]
fn types_made_of_nothing_but_themselves_do_no_harm() {
    let own = |kind, with_name: bool| {
        complex(kind, |encoder| {
            if with_name {
                named(encoder);
            }
            encoder.ulong(0xffff_ffff);
            let back = i32::try_from(encoder.stream_position()).expect("short");
            encoder.long(-back);
            encoder.ulong(3);
            Ok(())
        })
    };
    for code in [own(19, false), own(20, false), own(21, true), own(30, true)] {
        let code = code.expect("legal by its form");
        assert!(code == code.clone() && code.equivalent(&code));
        let _ = format!("{code} {code:?} {:?} {:?}", code.resolved(), code.compact());
        let mut encoder = Encoder::native();
        encoder.type_code(&code).expect("it can be written");
        assert_eq!(read(&encoder.contiguous()), Ok(code));
    }
}

#[test]
fn nesting_beyond_the_limit_is_refused() {
    let mut encoder = Encoder::native();
    fn nest(encoder: &mut Encoder<'_>, left: u32) -> Result<(), CdrError> {
        encoder.ulong(19);
        encoder.encapsulation(|inner| {
            match left {
                0 => inner.ulong(3),
                _ => nest(inner, left - 1)?,
            }
            inner.ulong(0);
            Ok(())
        })
    }
    nest(&mut encoder, 400).expect("it can be written");
    assert_eq!(read(&encoder.contiguous()), Err(CdrError::TooDeep));
}

#[test]
fn unions_need_a_discrete_discriminator_and_a_default_among_their_members() {
    let union = |discriminator: u32, default: i32| {
        complex(16, |encoder| {
            named(encoder);
            encoder.ulong(discriminator);
            encoder.long(default);
            encoder.ulong(0);
            Ok(())
        })
    };
    assert!(union(3, -1).is_ok());
    assert!(union(3, -2).is_ok(), "omniORB's sign for complete labels");
    assert!(matches!(union(3, 0), Err(CdrError::BadTypeCode(_))));
    assert!(matches!(union(7, -1), Err(CdrError::BadTypeCode(_))));
}

#[test]
fn bases_of_values_are_values_and_come_to_an_end() {
    let value = |base: &dyn Fn(&mut Encoder<'_>) -> Result<(), CdrError>| {
        complex(29, |encoder| {
            named(encoder);
            encoder.short(0);
            base(encoder)?;
            encoder.ulong(0);
            Ok(())
        })
    };
    let own = value(&|encoder| {
        encoder.ulong(0xffff_ffff);
        let back = i32::try_from(encoder.stream_position()).expect("short");
        encoder.long(-back);
        Ok(())
    });
    assert!(matches!(own, Err(CdrError::BadTypeCode(_))));
    assert!(matches!(
        value(&|encoder| encoder.type_code(&TypeCode::LONG)),
        Err(CdrError::BadTypeCode(_))
    ));
    assert!(matches!(
        value(&|encoder| encoder.type_code(&TypeCode::object())),
        Err(CdrError::BadTypeCode(_))
    ));
    assert!(value(&|encoder| encoder.type_code(&TypeCode::NULL)).is_ok());
}

#[test]
fn counts_beyond_the_data_are_refused() {
    for kind in [15u32, 17, 22] {
        let result = complex(kind, |encoder| {
            named(encoder);
            encoder.ulong(u32::MAX);
            Ok(())
        });
        assert_eq!(result, Err(CdrError::LengthBeyondEnd));
    }
}

#[test]
fn comparing_types_full_of_shared_parts_takes_no_time() {
    // Thirty levels whose two members are the same type: a billion parts if each were looked at.
    let mut encoder = Encoder::native();
    fn level(encoder: &mut Encoder<'_>, left: u32) -> Result<(), CdrError> {
        encoder.ulong(15);
        encoder.encapsulation(|inner| {
            inner.string("")?;
            inner.string("")?;
            inner.ulong(2);
            inner.string("a")?;
            inner.align(4);
            let place = inner.stream_position();
            match left {
                0 => inner.type_code(&TypeCode::object())?,
                _ => level(inner, left - 1)?,
            }
            inner.string("b")?;
            inner.ulong(0xffff_ffff);
            let distance = i32::try_from(inner.stream_position() - place).expect("short");
            inner.long(-distance);
            Ok(())
        })
    }
    level(&mut encoder, 30).expect("it can be written");
    let octets = encoder.contiguous();
    let (left, right) = (read(&octets).expect("legal"), read(&octets).expect("legal"));
    assert!(left == right && left.equivalent(&right) && left.compact().equivalent(&right));
    let mut encoder = Encoder::native();
    encoder.type_code(&left).expect("it can be written");
    assert_eq!(encoder.contiguous(), octets, "shared parts stay shared");
    let _ = format!("{left:?}");
}

proptest! {
    #[test]
    fn any_octets_are_read_or_refused(octets in proptest::collection::vec(prop_oneof![0u8..40, any::<u8>()], 0..200)) {
        let _ = read(&octets);
    }

    #[test]
    fn cut_and_damaged_types_are_read_or_refused(
        code in proptest::sample::select(all()),
        cut in any::<proptest::sample::Index>(),
        at in any::<proptest::sample::Index>(),
        to in prop_oneof![any::<u8>(), 0u8..37],
    ) {
        let mut encoder = Encoder::new(Endian::NATIVE, Version::V1_2, CodeSets::NATIVE);
        encoder.type_code(&code).expect("it can be written");
        let mut octets = encoder.contiguous().to_vec();
        let _ = read(&octets[..cut.index(octets.len())]);
        let at = at.index(octets.len());
        octets[at] = to;
        if let Ok(damaged) = read(&octets) {
            let _ = format!("{damaged:?} {}", damaged.equivalent(&code));
            let mut encoder = Encoder::native();
            encoder.type_code(&damaged).expect("what was read can be written");
            prop_assert_eq!(read(&encoder.contiguous()), Ok(damaged));
        }
    }
}

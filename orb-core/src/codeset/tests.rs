// SPDX-License-Identifier: MIT OR Apache-2.0

use super::registry::{ISO_646, ISO_8859_1, UCS_2, UTF_8, UTF_16};
use super::*;
use crate::cdr::{CdrError, Decoder, Encoder, Endian, Version};

const EBCDIC: u32 = 0x1002_0025;

fn server(narrow: (u32, &[u32]), wide: (u32, &[u32])) -> CodeSetInfo {
    let component = |(native, conversion): (u32, &[u32])| CodeSetComponent {
        native,
        conversion: conversion.into(),
    };
    CodeSetInfo {
        narrow: component(narrow),
        wide: component(wide),
    }
}

#[test]
fn two_of_us_agree_on_what_is_native() {
    assert_eq!(CodeSetInfo::ours().choose(), Ok(CodeSets::NATIVE));
}

#[test]
fn the_choice_follows_the_standard() {
    use CharSet::{Latin1, Utf8};
    use WideSet::{Ucs2, Undeclared, Utf16};
    // omniORB 4's: native ISO 8859-1, with UTF-8; native UTF-16.
    for (narrow, wide, chosen) in [
        ((ISO_8859_1, &[UTF_8][..]), (UTF_16, &[][..]), (Latin1, Utf16)),
        ((EBCDIC, &[ISO_8859_1, UTF_8]), (UCS_2, &[]), (Utf8, Ucs2)),
        ((EBCDIC, &[ISO_8859_1]), (EBCDIC, &[UCS_2]), (Latin1, Ucs2)),
        // Nothing in common: UTF-8 and UTF-16 are what all fall back to.
        ((ISO_646, &[]), (EBCDIC, &[]), (Utf8, Utf16)),
        ((UTF_8, &[]), (0, &[]), (Utf8, Undeclared)),
        ((UTF_8, &[]), (0, &[UTF_16]), (Utf8, Utf16)),
    ] {
        let chosen = CodeSets {
            narrow: chosen.0,
            wide: chosen.1,
        };
        assert_eq!(server(narrow, wide).choose(), Ok(chosen), "{narrow:x?} {wide:x?}");
    }
    assert_eq!(
        server((0, &[]), (UTF_16, &[])).choose(),
        Err(Incompatible { native: 0 })
    );
}

#[test]
fn a_component_has_two_native_sets_and_their_conversions() {
    #[rustfmt::skip]
    let expected = [
        5, 1, 0, 1,  0, 0, 0, 1,  0, 1, 0, 1,
        0, 1, 1, 9,  0, 0, 0, 1,  0, 1, 1, 0,
    ];
    let mut encoder = Encoder::new(Endian::Big, Version::V1_2, CodeSets::NATIVE);
    CodeSetInfo::ours().encode(&mut encoder);
    assert_eq!(encoder.contiguous(), expected[..]);
    let decode = |data: &[u8]| {
        CodeSetInfo::decode(&mut Decoder::new(
            data,
            Endian::Big,
            Version::V1_2,
            CodeSets::NATIVE,
        ))
    };
    assert_eq!(decode(&expected), Ok(CodeSetInfo::ours()));
    for length in 0..expected.len() {
        let error = decode(&expected[..length]).unwrap_err();
        assert!(
            matches!(error, CdrError::UnexpectedEnd | CdrError::LengthBeyondEnd),
            "{length} {error:?}"
        );
    }
}

#[test]
fn a_context_tells_the_choice() {
    let context = CodeSetContext::from(CodeSets::NATIVE);
    assert_eq!(context.encode(), [0, 0, 0, 0, 5, 1, 0, 1, 0, 1, 1, 9]);
    assert_eq!(CodeSetContext::decode(&context.encode()), Ok(context));
    let little = [1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0];
    let latin1 = CodeSetContext::decode(&little).unwrap();
    assert_eq!(latin1.sets(), Ok(CodeSets::UNNEGOTIATED));
    assert_eq!(
        CodeSetContext { narrow: 0, wide: 0 }.sets(),
        Ok(CodeSets::UNNEGOTIATED)
    );
    assert_eq!(
        CodeSetContext {
            narrow: EBCDIC,
            wide: 0
        }
        .sets(),
        Err(Incompatible { native: EBCDIC })
    );
    assert_eq!(
        CodeSetContext {
            narrow: UTF_8,
            wide: EBCDIC
        }
        .sets(),
        Err(Incompatible { native: EBCDIC })
    );
    assert_eq!(CodeSetContext::decode(&[2]), Err(CdrError::BadByteOrder(2)));
    assert_eq!(
        CodeSetContext::decode(&little[..11]),
        Err(CdrError::UnexpectedEnd)
    );
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Characters: narrow and wide, in each version and code set.

use super::*;
use crate::codeset::{CharSet, WideSet};

const LATIN1: CodeSets = CodeSets {
    narrow: CharSet::Latin1,
    wide: WideSet::Utf16,
};
const UCS_2: CodeSets = CodeSets {
    narrow: CharSet::Utf8,
    wide: WideSet::Ucs2,
};

fn encoded(
    endian: Endian,
    version: Version,
    codesets: CodeSets,
    write: impl FnOnce(&mut Encoder<'_>) -> Result<(), CdrError>,
) -> Result<Vec<u8>, CdrError> {
    let mut encoder = Encoder::new(endian, version, codesets);
    write(&mut encoder)?;
    Ok(encoder.contiguous().to_vec())
}

fn wide(endian: Endian, version: Version, text: &str) -> Vec<u8> {
    encoded(endian, version, CodeSets::NATIVE, |e| e.wstring(text)).unwrap()
}

fn unwide(data: &[u8], endian: Endian, version: Version) -> Result<String, CdrError> {
    Decoder::new(data, endian, version, CodeSets::NATIVE).wstring()
}

#[test]
fn a_string_is_its_length_with_nul_its_octets_and_the_nul() {
    check(&"hi".to_owned(), b"\0\0\0\x03hi\0", b"\x03\0\0\0hi\0");
    check(&String::new(), b"\0\0\0\x01\0", b"\x01\0\0\0\0");
    check(
        &"é€😀".to_owned(),
        "\0\0\0\x0aé€😀\0".as_bytes(),
        "\x0a\0\0\0é€😀\0".as_bytes(),
    );
}

#[test]
fn latin_1_has_one_octet_for_each_character() {
    let data = encoded(Endian::Big, Version::V1_2, LATIN1, |e| e.string("é!")).unwrap();
    assert_eq!(data, [0, 0, 0, 3, 0xe9, b'!', 0]);
    let mut decoder = Decoder::new(&data, Endian::Big, Version::V1_2, LATIN1);
    assert_eq!(decoder.string().unwrap(), "é!");
    for text in ["€", "a😀"] {
        let result = encoded(Endian::Big, Version::V1_2, LATIN1, |e| e.string(text));
        assert_eq!(result, Err(CdrError::BadCharacter));
    }
}

#[test]
fn a_char_must_be_one_octet_in_the_code_set() {
    let char_in = |codesets, c: char| encoded(Endian::Big, Version::V1_2, codesets, |e| e.char(c));
    assert_eq!(char_in(CodeSets::NATIVE, 'a'), Ok(vec![b'a']));
    assert_eq!(char_in(CodeSets::NATIVE, 'é'), Err(CdrError::BadCharacter));
    assert_eq!(char_in(LATIN1, 'é'), Ok(vec![0xe9]));
    assert_eq!(char_in(LATIN1, '€'), Err(CdrError::BadCharacter));
    assert_eq!(decoder(&[0xe9], Endian::Big).char(), Err(CdrError::BadCharacter));
    assert_eq!(
        Decoder::new(&[0xe9], Endian::Big, Version::V1_2, LATIN1).char(),
        Ok('é')
    );
    assert_eq!(decoder(&[0], Endian::Big).char(), Ok('\0'));
}

#[test]
fn wide_characters_of_giop_1_1_are_numbers_and_strings_have_a_terminator() {
    // §9.3.2.7: the length counts wide characters, the terminating null included.
    let big = [0, 0, 0, 3, 0, b'a', 0x20, 0xac, 0, 0];
    let little = [3, 0, 0, 0, b'a', 0, 0xac, 0x20, 0, 0];
    for (endian, expected) in [(Endian::Big, big), (Endian::Little, little)] {
        assert_eq!(wide(endian, Version::V1_1, "a€"), expected);
        assert_eq!(unwide(&expected, endian, Version::V1_1).unwrap(), "a€");
        let mut encoder = Encoder::new(endian, Version::V1_1, CodeSets::NATIVE);
        encoder.octet(1);
        encoder.wchar('€').unwrap();
        let expected = if endian == Endian::Big {
            [1, 0, 0x20, 0xac]
        } else {
            [1, 0, 0xac, 0x20]
        };
        assert_eq!(encoder.contiguous(), expected[..]);
        let mut decoder = Decoder::new(&expected, endian, Version::V1_1, CodeSets::NATIVE);
        assert_eq!((decoder.octet(), decoder.wchar()), (Ok(1), Ok('€')));
    }
}

#[test]
fn wide_characters_of_giop_1_2_are_counted_big_endian_octets() {
    // §9.3.2.7: the length counts octets, and there is no terminator; §9.3.1.6: big-endian without a
    // byte-order mark, whatever the order of the message.
    assert_eq!(
        wide(Endian::Big, Version::V1_2, "a€"),
        [0, 0, 0, 4, 0, b'a', 0x20, 0xac]
    );
    assert_eq!(
        wide(Endian::Little, Version::V1_2, "a€"),
        [4, 0, 0, 0, 0, b'a', 0x20, 0xac]
    );
    assert_eq!(wide(Endian::Big, Version::V1_2, ""), [0; 4]);
    for endian in [Endian::Big, Endian::Little] {
        let data = encoded(endian, Version::V1_2, CodeSets::NATIVE, |e| e.wchar('€')).unwrap();
        assert_eq!(data, [2, 0x20, 0xac]);
        assert_eq!(decoder(&data, endian).wchar(), Ok('€'));
    }
}

#[test]
fn a_byte_order_mark_decides_in_giop_1_2() {
    assert_eq!(
        unwide(&[0, 0, 0, 4, 0xfe, 0xff, 0, b'a'], Endian::Big, Version::V1_2).unwrap(),
        "a"
    );
    assert_eq!(
        unwide(&[0, 0, 0, 4, 0xff, 0xfe, b'a', 0], Endian::Big, Version::V1_2).unwrap(),
        "a"
    );
    assert_eq!(unwide(&[0, 0, 0, 0], Endian::Big, Version::V1_2).unwrap(), "");
    assert_eq!(
        decoder(&[4, 0xff, 0xfe, 0xac, 0x20], Endian::Big).wchar(),
        Ok('€')
    );
    assert_eq!(
        decoder(&[4, 0xfe, 0xff, 0x20, 0xac], Endian::Little).wchar(),
        Ok('€')
    );
}

#[test]
fn surrogate_pairs_travel_in_wide_strings_of_utf_16_only() {
    assert_eq!(
        wide(Endian::Big, Version::V1_2, "😀"),
        [0, 0, 0, 4, 0xd8, 0x3d, 0xde, 0x00]
    );
    assert_eq!(
        unwide(&[0, 0, 0, 4, 0xd8, 0x3d, 0xde, 0x00], Endian::Big, Version::V1_2).unwrap(),
        "😀"
    );
    let unpaired = unwide(&[0, 0, 0, 2, 0xd8, 0x3d], Endian::Big, Version::V1_2);
    assert_eq!(unpaired, Err(CdrError::BadCharacter));
    let result = encoded(Endian::Big, Version::V1_2, UCS_2, |e| e.wstring("😀"));
    assert_eq!(result, Err(CdrError::BadCharacter));
    assert_eq!(
        encoded(Endian::Big, Version::V1_2, CodeSets::NATIVE, |e| e.wchar('😀')),
        Err(CdrError::BadCharacter)
    );
}

#[test]
fn giop_1_0_and_undeclared_code_sets_have_no_wide_characters() {
    let undeclared = CodeSets::UNNEGOTIATED;
    for (version, codesets, error) in [
        (Version::V1_0, CodeSets::NATIVE, CdrError::WideInGiop10),
        (Version::V1_1, undeclared, CdrError::NoWideCodeSet),
        (Version::V1_2, undeclared, CdrError::NoWideCodeSet),
    ] {
        assert_eq!(
            encoded(Endian::Big, version, codesets, |e| e.wchar('a')),
            Err(error)
        );
        assert_eq!(
            encoded(Endian::Big, version, codesets, |e| e.wstring("a")),
            Err(error)
        );
        assert_eq!(
            Decoder::new(&[2, 0, b'a'], Endian::Big, version, codesets).wchar(),
            Err(error)
        );
        assert_eq!(
            Decoder::new(&[0; 8], Endian::Big, version, codesets).wstring(),
            Err(error)
        );
    }
}

#[test]
fn bounds_count_octets_of_strings_and_units_of_wide_strings() {
    let narrow = |text: &str, bound| {
        encoded(Endian::Big, Version::V1_2, CodeSets::NATIVE, |e| {
            e.string_bounded(text, bound)
        })
    };
    let data = narrow("é1", 3).unwrap();
    assert_eq!(narrow("é1", 2), Err(CdrError::BoundExceeded(2)));
    assert_eq!(decoder(&data, Endian::Big).string_bounded(3).unwrap(), "é1");
    assert_eq!(
        decoder(&data, Endian::Big).string_bounded(2),
        Err(CdrError::BoundExceeded(2))
    );
    assert_eq!(
        decoder(&data, Endian::Big).string_bounded(u32::MAX).unwrap(),
        "é1"
    );
    for version in [Version::V1_1, Version::V1_2] {
        let wide = |bound| {
            encoded(Endian::Big, version, CodeSets::NATIVE, |e| {
                e.wstring_bounded("a€", bound)
            })
        };
        let data = wide(2).unwrap();
        assert_eq!(wide(1), Err(CdrError::BoundExceeded(1)));
        let read = |bound| Decoder::new(&data, Endian::Big, version, CodeSets::NATIVE).wstring_bounded(bound);
        assert_eq!(read(2).unwrap(), "a€");
        assert_eq!(read(1), Err(CdrError::BoundExceeded(1)));
    }
}

#[test]
fn nothing_with_a_nul_is_sent_or_accepted() {
    for version in [Version::V1_1, Version::V1_2] {
        assert_eq!(
            encoded(Endian::Big, version, CodeSets::NATIVE, |e| e.string("a\0b")),
            Err(CdrError::EmbeddedNul)
        );
        assert_eq!(
            encoded(Endian::Big, version, LATIN1, |e| e.string("é\0")),
            Err(CdrError::EmbeddedNul)
        );
        assert_eq!(
            encoded(Endian::Big, version, CodeSets::NATIVE, |e| e.wstring("\0")),
            Err(CdrError::EmbeddedNul)
        );
    }
    assert_eq!(
        decoder(b"\0\0\0\x03a\0\0", Endian::Big).string(),
        Err(CdrError::EmbeddedNul)
    );
    assert_eq!(
        unwide(&[0, 0, 0, 2, 0, 0], Endian::Big, Version::V1_2),
        Err(CdrError::EmbeddedNul)
    );
    assert_eq!(
        unwide(&[0, 0, 0, 2, 0, 0, 0, 0], Endian::Big, Version::V1_1),
        Err(CdrError::EmbeddedNul)
    );
}

#[test]
fn malformed_strings_say_what_is_wrong() {
    let narrow = |data: &[u8]| decoder(data, Endian::Big).string();
    assert_eq!(narrow(&[0, 0, 0, 0]), Err(CdrError::ZeroLengthString));
    assert_eq!(narrow(b"\0\0\0\x02ab"), Err(CdrError::MissingNul));
    assert_eq!(narrow(b"\0\0\0\x02\xff\0"), Err(CdrError::BadCharacter));
    assert_eq!(narrow(b"\0\0\0\x03a\0"), Err(CdrError::LengthBeyondEnd));
    assert_eq!(narrow(b"\xff\xff\xff\xffa\0"), Err(CdrError::LengthBeyondEnd));
    assert_eq!(
        unwide(&[0, 0, 0, 0], Endian::Big, Version::V1_1),
        Err(CdrError::ZeroLengthString)
    );
    assert_eq!(
        unwide(&[0, 0, 0, 1, 0, b'a'], Endian::Big, Version::V1_1),
        Err(CdrError::MissingNul)
    );
    assert_eq!(
        unwide(&[0, 0, 0, 3, 0, b'a', 0], Endian::Big, Version::V1_2),
        Err(CdrError::BadCharacter)
    );
    for data in [&[0][..], &[1, 0], &[3, 0, 0, 0], &[4, 0, b'a', 0, b'b']] {
        assert_eq!(
            decoder(data, Endian::Big).wchar(),
            Err(CdrError::BadCharacter),
            "{data:?}"
        );
    }
}

#[test]
fn ascii_and_utf_8_are_read_where_they_lie() {
    let data = b"\0\0\0\x03hi\0";
    for codesets in [CodeSets::NATIVE, LATIN1] {
        let mut decoder = Decoder::new(data, Endian::Big, Version::V1_2, codesets);
        assert!(matches!(decoder.str_ref(), Ok(std::borrow::Cow::Borrowed("hi"))));
    }
}

#[test]
fn identifiers_do_not_depend_on_the_code_set() {
    let mut encoder = Encoder::new(Endian::Big, Version::V1_0, CodeSets::UNNEGOTIATED);
    encoder.identifier("IDL:é:1.0").unwrap();
    assert_eq!(encoder.identifier("a\0"), Err(CdrError::EmbeddedNul));
    let data = encoder.contiguous();
    assert_eq!(decoder(&data, Endian::Big).identifier().unwrap(), "IDL:é:1.0");
    assert_eq!(
        decoder(b"\0\0\0\x02\xe9\0", Endian::Big).identifier().unwrap(),
        "é"
    );
    assert_eq!(
        decoder(b"\0\0\0\x03\0a\0", Endian::Big).identifier(),
        Err(CdrError::EmbeddedNul)
    );
}

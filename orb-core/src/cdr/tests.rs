// SPDX-License-Identifier: MIT OR Apache-2.0
//! Octets written down from the standard, not from what the encoder makes.

mod hostile;
mod pieces;
mod round_trip;
mod streams;
mod structures;
mod text;

use super::*;
use crate::codeset::CodeSets;

pub(crate) fn encoder<'a>(endian: Endian) -> Encoder<'a> {
    Encoder::new(endian, Version::V1_2, CodeSets::NATIVE)
}

pub(crate) fn decoder(data: &[u8], endian: Endian) -> Decoder<'_> {
    Decoder::new(data, endian, Version::V1_2, CodeSets::NATIVE)
}

/// Checks that `value` is `big` and `little` on the wire, in both directions.
#[track_caller]
fn check<T: Marshal + Unmarshal + PartialEq + std::fmt::Debug>(value: &T, big: &[u8], little: &[u8]) {
    for (endian, expected) in [(Endian::Big, big), (Endian::Little, little)] {
        let mut encoder = encoder(endian);
        value.marshal(&mut encoder).unwrap();
        assert_eq!(encoder.contiguous(), expected, "{endian:?}");
        let mut decoder = decoder(expected, endian);
        assert_eq!(&T::unmarshal(&mut decoder).unwrap(), value, "{endian:?}");
        assert_eq!(decoder.remaining(), 0);
    }
}

#[test]
fn octets_and_booleans_are_one_octet_each() {
    check(&0xa5u8, &[0xa5], &[0xa5]);
    check(&-2i8, &[0xfe], &[0xfe]);
    check(&true, &[1], &[1]);
    check(&false, &[0], &[0]);
}

#[test]
fn integers_are_twos_complement_in_either_order() {
    check(&-2i16, &[0xff, 0xfe], &[0xfe, 0xff]);
    check(&0x1234u16, &[0x12, 0x34], &[0x34, 0x12]);
    check(&-3i32, &[0xff, 0xff, 0xff, 0xfd], &[0xfd, 0xff, 0xff, 0xff]);
    check(&0x0102_0304u32, &[1, 2, 3, 4], &[4, 3, 2, 1]);
    check(
        &0x0102_0304_0506_0708i64,
        &[1, 2, 3, 4, 5, 6, 7, 8],
        &[8, 7, 6, 5, 4, 3, 2, 1],
    );
    check(
        &(u64::MAX - 1),
        &[255, 255, 255, 255, 255, 255, 255, 254],
        &[254, 255, 255, 255, 255, 255, 255, 255],
    );
}

#[test]
fn floats_are_ieee_754() {
    // Figure 9.1: sign, exponent, fraction. -1.5 is 1 01111111 100…, in double 1 01111111111 1000….
    check(&-1.5f32, &[0xbf, 0xc0, 0, 0], &[0, 0, 0xc0, 0xbf]);
    check(
        &-1.5f64,
        &[0xbf, 0xf8, 0, 0, 0, 0, 0, 0],
        &[0, 0, 0, 0, 0, 0, 0xf8, 0xbf],
    );
}

#[test]
fn long_doubles_are_sixteen_octets_aligned_to_eight() {
    // 1.0: exponent 16383, no fraction.
    let one: u128 = 0x3fff << 112;
    for (endian, mut expected) in [(Endian::Big, vec![9]), (Endian::Little, vec![9])] {
        expected.resize(8, 0);
        let mut number = vec![0x3f, 0xff];
        number.resize(16, 0);
        if endian == Endian::Little {
            number.reverse();
        }
        expected.extend(number);
        let mut encoder = encoder(endian);
        encoder.octet(9);
        encoder.longdouble_bits(one);
        assert_eq!(encoder.contiguous(), expected);
        let mut decoder = decoder(&expected, endian);
        assert_eq!((decoder.octet(), decoder.longdouble_bits()), (Ok(9), Ok(one)));
    }
}

#[test]
fn each_primitive_is_aligned_to_its_size() {
    // Table 9.1. An octet before each, so that there is a gap to fill.
    let mut encoder = encoder(Endian::Big);
    encoder.octet(1);
    encoder.short(0x0203);
    encoder.octet(4);
    encoder.long(0x0506_0708);
    encoder.octet(9);
    encoder.longlong(0x0a0b_0c0d_0e0f_1011);
    encoder.octet(0x12);
    encoder.float(-1.5);
    encoder.octet(0x13);
    encoder.double(-1.5);
    #[rustfmt::skip]
    let expected = [
        1, 0, 2, 3,  4, 0, 0, 0,
        5, 6, 7, 8,  9, 0, 0, 0,
        10, 11, 12, 13, 14, 15, 16, 17,
        0x12, 0, 0, 0, 0xbf, 0xc0, 0, 0,
        0x13, 0, 0, 0, 0, 0, 0, 0,
        0xbf, 0xf8, 0, 0, 0, 0, 0, 0,
    ];
    assert_eq!(encoder.contiguous(), expected[..]);
    let mut decoder = decoder(&expected, Endian::Big);
    assert_eq!((decoder.octet(), decoder.short()), (Ok(1), Ok(0x0203)));
    assert_eq!((decoder.octet(), decoder.long()), (Ok(4), Ok(0x0506_0708)));
    assert_eq!(
        (decoder.octet(), decoder.longlong()),
        (Ok(9), Ok(0x0a0b_0c0d_0e0f_1011))
    );
    assert_eq!((decoder.octet(), decoder.float()), (Ok(0x12), Ok(-1.5)));
    assert_eq!((decoder.octet(), decoder.double()), (Ok(0x13), Ok(-1.5)));
}

#[test]
fn padding_is_zero_even_in_a_buffer_with_something_in_it() {
    let mut buffer = bytes::BytesMut::from(&[0xff; 64][..]);
    buffer.clear();
    let mut encoder = Encoder::with_buffer(buffer, Endian::Big, Version::V1_2, CodeSets::NATIVE);
    encoder.octet(1);
    encoder.double(0.0);
    assert_eq!(encoder.contiguous(), [&[1][..], &[0; 15]].concat());
}

#[test]
fn sequences_are_a_count_and_the_elements() {
    check(
        &vec![1u16, 2, 3],
        &[0, 0, 0, 3, 0, 1, 0, 2, 0, 3],
        &[3, 0, 0, 0, 1, 0, 2, 0, 3, 0],
    );
    check(
        &vec![1.0f64],
        &[0, 0, 0, 1, 0, 0, 0, 0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0],
        &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f],
    );
    check(&vec![true, false], &[0, 0, 0, 2, 1, 0], &[2, 0, 0, 0, 1, 0]);
    check(
        &bytes::Bytes::from_static(b"abc"),
        b"\0\0\0\x03abc",
        b"\x03\0\0\0abc",
    );
    check(
        &vec!["a".to_owned(), String::new()],
        &[0, 0, 0, 2, 0, 0, 0, 2, b'a', 0, 0, 0, 0, 0, 0, 1, 0],
        &[2, 0, 0, 0, 2, 0, 0, 0, b'a', 0, 0, 0, 1, 0, 0, 0, 0],
    );
}

#[test]
fn an_empty_sequence_has_no_padding_for_elements_that_do_not_come() {
    check(&Vec::<f64>::new(), &[0; 4], &[0; 4]);
    assert_eq!(
        decoder(&[0; 4], Endian::Big)
            .primitives_ref::<u64>()
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn arrays_are_their_elements() {
    check(&[1u16, 2], &[0, 1, 0, 2], &[1, 0, 2, 0]);
    check(
        &[[1u8, 2], [3, 4], [5, 6]],
        &[1, 2, 3, 4, 5, 6],
        &[1, 2, 3, 4, 5, 6],
    );
    check(&[[true], [false]], &[1, 0], &[1, 0]);
    check(&["x".to_owned()], &[0, 0, 0, 2, b'x', 0], &[2, 0, 0, 0, b'x', 0]);
    check(
        &Vec::from([[1u32], [2]]),
        &[0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2],
        &[2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0],
    );
}

#[test]
fn chars_and_boxes_are_as_their_values() {
    check(&'z', b"z", b"z");
    check(&Box::new(7u8), &[7], &[7]);
}

#[test]
fn an_encapsulation_has_a_byte_order_and_an_alignment_of_its_own() {
    // The count, the order, and a long that is aligned within: three octets of padding (§9.3.3).
    let big = [9, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 1, 2, 3, 4];
    let little = [9, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 4, 3, 2, 1];
    for (endian, expected) in [(Endian::Big, big), (Endian::Little, little)] {
        let mut encoder = encoder(endian);
        encoder.octet(9);
        encoder
            .encapsulation(|inner| {
                assert_eq!(inner.position(), 1);
                inner.long(0x0102_0304);
                Ok(())
            })
            .unwrap();
        assert_eq!(encoder.position(), 16);
        assert_eq!(encoder.contiguous(), expected[..]);
    }
    // What is inside may differ in order from what is outside.
    let mixed = [9, 0, 0, 0, 0, 0, 0, 8, 1, 0, 0, 0, 4, 3, 2, 1, 5, 0, 6, 7];
    let mut outer = decoder(&mixed, Endian::Big);
    outer.skip(1).unwrap();
    let mut inner = outer.encapsulation().unwrap();
    assert_eq!(
        (inner.endian(), inner.long(), inner.remaining()),
        (Endian::Little, Ok(0x0102_0304), 0)
    );
    assert_eq!((outer.octet(), outer.short()), (Ok(5), Ok(0x0607)));
}

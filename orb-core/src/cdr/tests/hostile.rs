// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data cut short, and lengths that lie: always an error, never a panic or an allocation to match.

use super::*;

type Read = fn(&mut Decoder<'_>) -> Result<(), CdrError>;

const READS: &[(&str, Read)] = &[
    ("octet", |d| d.octet().map(drop)),
    ("short", |d| d.short().map(drop)),
    ("long", |d| d.long().map(drop)),
    ("longlong", |d| d.longlong().map(drop)),
    ("double", |d| d.double().map(drop)),
    ("long double", |d| d.longdouble_bits().map(drop)),
    ("string", |d| d.string().map(drop)),
    ("wstring", |d| d.wstring().map(drop)),
    ("wchar", |d| d.wchar().map(drop)),
    ("octets", |d| d.octets().map(drop)),
    ("bytes", |d| d.bytes().map(drop)),
    ("doubles", |d| d.primitives::<f64>().map(drop)),
    ("borrowed doubles", |d| d.primitives_ref::<f64>().map(drop)),
    ("array", |d| d.primitive_array::<u64, 4>().map(drop)),
    ("array of strings", |d| <[String; 3]>::unmarshal(d).map(drop)),
    ("strings", |d| Vec::<String>::unmarshal(d).map(drop)),
    ("sequences", |d| Vec::<Vec<u8>>::unmarshal(d).map(drop)),
    ("encapsulation", |d| d.encapsulation()?.long().map(drop)),
];

#[test]
fn nothing_reads_past_the_end() {
    for (name, read) in READS {
        for length in 0..64 {
            for fill in [0, 1, 2, 0x7f, 0xff] {
                let data = vec![fill; length];
                for endian in [Endian::Big, Endian::Little] {
                    let mut decoder = decoder(&data, endian);
                    let result = read(&mut decoder);
                    assert!(decoder.position() <= length, "{name} {length} {fill} {result:?}");
                }
            }
        }
    }
}

/// A message with one of everything.
fn everything(e: &mut Encoder<'_>) -> Result<(), CdrError> {
    e.octet(1);
    e.double(2.0);
    e.string("three")?;
    e.wstring("vier")?;
    e.wchar('5')?;
    e.octets(b"six")?;
    e.primitives(&[7.0f64, 7.5])?;
    e.encapsulation(|e| e.string("eight"))
}

fn read_everything(d: &mut Decoder<'_>) -> Result<(), CdrError> {
    d.octet()?;
    d.double()?;
    d.string()?;
    d.wstring()?;
    d.wchar()?;
    d.octets()?;
    d.primitives::<f64>()?;
    d.encapsulation()?.string()?;
    Ok(())
}

#[test]
fn every_prefix_of_a_message_is_an_error_that_says_so() {
    for endian in [Endian::Big, Endian::Little] {
        let mut encoder = encoder(endian);
        everything(&mut encoder).unwrap();
        let data = encoder.contiguous();
        read_everything(&mut decoder(&data, endian)).unwrap();
        for length in 0..data.len() {
            let error = read_everything(&mut decoder(&data[..length], endian)).unwrap_err();
            let expected = matches!(error, CdrError::UnexpectedEnd | CdrError::LengthBeyondEnd);
            assert!(expected, "{length}: {error:?}");
        }
    }
}

#[test]
fn every_single_octet_changed_never_panics() {
    let mut encoder = encoder(Endian::Little);
    everything(&mut encoder).unwrap();
    let data = encoder.contiguous().to_vec();
    for index in 0..data.len() {
        for value in [0, 1, 0x7f, 0x80, 0xfe, 0xff] {
            let mut data = data.clone();
            data[index] = value;
            for endian in [Endian::Big, Endian::Little] {
                let _ = read_everything(&mut decoder(&data, endian));
            }
        }
    }
}

#[test]
fn a_count_beyond_the_data_is_found_before_anything_is_allocated() {
    let data = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];
    for endian in [Endian::Big, Endian::Little] {
        assert_eq!(
            decoder(&data, endian).primitives::<f64>(),
            Err(CdrError::LengthBeyondEnd)
        );
        assert_eq!(
            Vec::<String>::unmarshal(&mut decoder(&data, endian)),
            Err(CdrError::LengthBeyondEnd)
        );
        assert_eq!(decoder(&data, endian).octets(), Err(CdrError::LengthBeyondEnd));
        assert_eq!(decoder(&data, endian).string(), Err(CdrError::LengthBeyondEnd));
        assert_eq!(
            decoder(&data, endian).sequence_len(Some(5), 1),
            Err(CdrError::BoundExceeded(5))
        );
    }
    // Two doubles are announced, one and a half are there.
    let mut data = vec![2, 0, 0, 0];
    data.resize(8 + 12, 0);
    assert_eq!(
        decoder(&data, Endian::Little).primitives::<f64>(),
        Err(CdrError::UnexpectedEnd)
    );
}

#[test]
fn booleans_are_zero_or_one() {
    assert_eq!(decoder(&[2], Endian::Big).boolean(), Err(CdrError::BadBoolean(2)));
    assert_eq!(
        Vec::<bool>::unmarshal(&mut decoder(&[0, 0, 0, 1, 255], Endian::Big)),
        Err(CdrError::BadBoolean(255))
    );
}

#[test]
fn an_encapsulation_needs_a_byte_order() {
    assert_eq!(
        decoder(&[0, 0, 0, 0], Endian::Big).encapsulation().unwrap_err(),
        CdrError::UnexpectedEnd
    );
    assert_eq!(
        decoder(&[0, 0, 0, 1, 2], Endian::Big)
            .encapsulation()
            .unwrap_err(),
        CdrError::BadByteOrder(2)
    );
    assert_eq!(
        decoder(&[0, 0, 0, 2, 0], Endian::Big)
            .encapsulation()
            .unwrap_err(),
        CdrError::LengthBeyondEnd
    );
}

#[test]
fn nesting_has_a_limit() {
    let data = [0u8; 8];
    let mut decoder = decoder(&data, Endian::Big).with_depth_limit(2);
    let result = decoder.nested(|d| d.nested(|d| d.nested(|d| d.octet())));
    assert_eq!(result, Err(CdrError::TooDeep));
    assert_eq!(
        decoder.nested(|d| d.nested(|d| d.octet())),
        Ok(0),
        "what was entered was left"
    );
}

#[test]
fn an_array_stops_at_its_first_error() {
    let data = [1, 0, 7, 1, 1];
    let mut decoder = decoder(&data, Endian::Big);
    assert_eq!(<[bool; 5]>::unmarshal(&mut decoder), Err(CdrError::BadBoolean(7)));
    assert_eq!(decoder.remaining(), 2);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Structures as generated code writes them: member by member, each aligned on its own (§9.3.2).

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// `struct Sample { octet unit; long long t; double value; string label; sequence<short> raw; };`
#[derive(Clone, Debug, Default, PartialEq)]
struct Sample {
    unit: u8,
    t: i64,
    value: f64,
    label: String,
    raw: Vec<i16>,
}

impl Marshal for Sample {
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.octet(self.unit);
        encoder.longlong(self.t);
        encoder.double(self.value);
        encoder.string(&self.label)?;
        self.raw.marshal(encoder)
    }
}

impl Unmarshal for Sample {
    const MIN_SIZE: usize = 26;

    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        Ok(Self {
            unit: decoder.octet()?,
            t: decoder.longlong()?,
            value: decoder.double()?,
            label: decoder.string()?,
            raw: Vec::unmarshal(decoder)?,
        })
    }
}

/// A type that contains itself.
#[derive(Clone, Debug, PartialEq)]
struct List {
    value: u16,
    rest: Vec<List>,
}

impl Marshal for List {
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.ushort(self.value);
        self.rest.marshal(encoder)
    }
}

impl Unmarshal for List {
    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        Ok(Self {
            value: decoder.ushort()?,
            rest: Vec::unmarshal(decoder)?,
        })
    }
}

fn list(length: u16) -> List {
    let mut list = List {
        value: 0,
        rest: Vec::new(),
    };
    for value in 1..length {
        list = List {
            value,
            rest: vec![list],
        };
    }
    list
}

#[test]
fn members_are_aligned_one_by_one() {
    let sample = Sample {
        unit: 1,
        t: 2,
        value: -1.5,
        label: "ab".into(),
        raw: vec![3, -1],
    };
    #[rustfmt::skip]
    let big = [
        1, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 2,
        0xbf, 0xf8, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 3, b'a', b'b', 0, 0,
        0, 0, 0, 2, 0, 3, 0xff, 0xff,
    ];
    #[rustfmt::skip]
    let little = [
        1, 0, 0, 0, 0, 0, 0, 0,
        2, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0xf8, 0xbf,
        3, 0, 0, 0, b'a', b'b', 0, 0,
        2, 0, 0, 0, 3, 0, 0xff, 0xff,
    ];
    check(&sample, &big, &little);
}

#[test]
fn structures_have_no_alignment_of_their_own() {
    // The second begins where the first ends: at 21, an octet, and then its long long at 24.
    let short = Sample {
        label: String::new(),
        ..Sample::default()
    };
    let mut encoder = encoder(Endian::Big);
    let two = [short.clone(), short];
    two.marshal(&mut encoder).unwrap();
    let octets = encoder.contiguous();
    // 1 + 7 + 8 + 8 + 4 + 1 + 3 + 4 = 36, then 1 + 3 up to 40, 8 + 8 + 4 + 1 + 3 + 4.
    assert_eq!(octets.len(), 36 + 4 + 28);
    assert!(
        octets
            .iter()
            .enumerate()
            .all(|(at, &octet)| octet == u8::from(at == 27 || at == 59))
    );
}

#[test]
fn a_sequence_of_structures_is_checked_against_their_least_size() {
    // 26 octets each: three cannot be in 77, whatever alignment does.
    let mut octets = vec![0, 0, 0, 3];
    octets.resize(4 + 77, 0);
    assert_eq!(
        Vec::<Sample>::unmarshal(&mut decoder(&octets, Endian::Big)),
        Err(CdrError::LengthBeyondEnd)
    );
    octets.push(0);
    let read = Vec::<Sample>::unmarshal(&mut decoder(&octets, Endian::Big));
    assert_eq!(read, Err(CdrError::ZeroLengthString));
}

#[test]
fn recursion_ends_at_the_limit_of_nesting() {
    let sent = list(100);
    let mut encoder = encoder(Endian::Little);
    sent.marshal(&mut encoder).unwrap();
    let octets = encoder.contiguous();
    let read = |limit| List::unmarshal(&mut decoder(&octets, Endian::Little).with_depth_limit(limit));
    assert_eq!(read(DEPTH_LIMIT), Ok(sent));
    assert_eq!(read(98), Err(CdrError::TooDeep));
    // A peer may send far more levels than any stack has.
    let mut hostile = vec![0; 8 * 100_000];
    hostile.chunks_exact_mut(8).for_each(|level| level[4] = 1);
    assert_eq!(
        List::unmarshal(&mut decoder(&hostile, Endian::Little)),
        Err(CdrError::TooDeep)
    );
}

#[test]
fn memory_for_a_sequence_follows_its_data() {
    // A million of these fit the announced length, but 4 MB of zeros are not 72 MB of strings at once.
    let mut octets = vec![0, 0x0c, 0x35, 0];
    octets.resize(5 * 800_000 + 4, 0);
    assert_eq!(
        Vec::<String>::unmarshal(&mut decoder(&octets, Endian::Big)),
        Err(CdrError::ZeroLengthString)
    );
}

#[test]
fn strings_of_a_slice_and_of_str_are_the_same() {
    let mut one = encoder(Endian::Big);
    "text".marshal(&mut one).unwrap();
    let owned = "text".to_owned();
    let mut other = encoder(Endian::Big);
    owned.marshal(&mut other).unwrap();
    assert_eq!(one.contiguous(), other.contiguous());
    let strings = ["a".to_owned(), "b".to_owned()];
    let mut slices = encoder(Endian::Big);
    strings[..].marshal(&mut slices).unwrap();
    assert_eq!(slices.contiguous()[..4], [0, 0, 0, 2]);
}

fn sample() -> impl Strategy<Value = Sample> {
    (
        any::<u8>(),
        any::<i64>(),
        prop::num::f64::NORMAL,
        "[^\0]{0,40}",
        vec(any::<i16>(), 0..200),
    )
        .prop_map(|(unit, t, value, label, raw)| Sample {
            unit,
            t,
            value,
            label,
            raw,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn samples_survive(samples in vec(sample(), 0..20), before in 0usize..9, big in any::<bool>()) {
        let endian = if big { Endian::Big } else { Endian::Little };
        let mut encoder = encoder(endian);
        encoder.raw(&vec![7; before]);
        samples.marshal(&mut encoder).unwrap();
        let octets = encoder.contiguous();
        let mut decoder = decoder(&octets, endian);
        decoder.skip(before).unwrap();
        prop_assert_eq!(Vec::<Sample>::unmarshal(&mut decoder).unwrap(), samples);
        prop_assert_eq!(decoder.remaining(), 0);
    }

    #[test]
    fn the_start_of_a_stream_decides_its_alignment(samples in vec(sample(), 1..4), origin in 0usize..32) {
        // The same content at another origin: what a GIOP body after its header is.
        let mut whole = encoder(Endian::Little);
        whole.raw(&vec![0; origin]);
        samples.marshal(&mut whole).unwrap();
        let octets = whole.contiguous();
        let mut decoder = decoder(&octets[origin..], Endian::Little).with_origin(origin);
        prop_assert_eq!(Vec::<Sample>::unmarshal(&mut decoder).unwrap(), samples);
    }

    #[test]
    fn every_prefix_of_samples_is_an_error(sample in sample(), cut in any::<prop::sample::Index>()) {
        let mut encoder = encoder(Endian::Big);
        sample.marshal(&mut encoder).unwrap();
        let octets = encoder.contiguous();
        let read = Sample::unmarshal(&mut decoder(&octets[..cut.index(octets.len())], Endian::Big));
        prop_assert!(matches!(read, Err(CdrError::UnexpectedEnd | CdrError::LengthBeyondEnd)), "{:?}", read);
    }

    #[test]
    fn latin_1_text_survives_in_either_code_set(text in "[\u{1}-\u{ff}]{0,60}") {
        for narrow in [crate::codeset::CharSet::Utf8, crate::codeset::CharSet::Latin1] {
            let codesets = CodeSets { narrow, ..CodeSets::NATIVE };
            let mut encoder = Encoder::new(Endian::Big, Version::V1_2, codesets);
            encoder.string(&text).unwrap();
            let octets = encoder.contiguous();
            if narrow == crate::codeset::CharSet::Latin1 {
                prop_assert_eq!(octets.len(), 4 + text.chars().count() + 1);
            }
            let mut decoder = Decoder::new(&octets, Endian::Big, Version::V1_2, codesets);
            prop_assert_eq!(decoder.string().unwrap(), text.clone());
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Octets read as values of types that the octets choose; what was read is written and read again.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use orb_core::cdr::{CdrError, Decoder, Encoder, Endian, Marshal, Unmarshal, Version};
use orb_core::codeset::{CharSet, CodeSets, WideSet};

fuzz_target!(|data: &[u8]| {
    let Some((&[form, types, count], octets)) = data.split_first_chunk() else {
        return;
    };
    let Some((script, octets)) = octets.split_at_checked(usize::from(types)) else {
        return;
    };
    let endian = if form & 1 == 0 {
        Endian::Big
    } else {
        Endian::Little
    };
    let version = Version {
        major: 1,
        minor: form >> 1 & 3,
    };
    let codesets = CodeSets {
        narrow: if form & 8 == 0 {
            CharSet::Utf8
        } else {
            CharSet::Latin1
        },
        wide: [WideSet::Utf16, WideSet::Ucs2, WideSet::Undeclared][usize::from(form >> 4) % 3],
    };
    let octets = Bytes::copy_from_slice(octets);
    let mut decoder = Decoder::new(&octets, endian, version, codesets)
        .with_source(&octets)
        .with_depth_limit(8);
    if count & 1 == 1 {
        // As within a chunked value.
        let _ = decoder.begin_chunk(usize::from(count));
    }
    for kind in script {
        if read(*kind, &mut decoder).is_err() {
            break;
        }
    }
});

fn read(kind: u8, decoder: &mut Decoder<'_>) -> Result<(), CdrError> {
    match kind % 32 {
        0 => again::<bool>(decoder),
        1 => again::<u8>(decoder),
        2 => again::<i16>(decoder),
        3 => again::<u32>(decoder),
        4 => again::<i64>(decoder),
        5 => again::<char>(decoder),
        6 => again::<String>(decoder),
        7 => again::<Bytes>(decoder),
        8 => again::<Vec<u8>>(decoder),
        9 => again::<Vec<u16>>(decoder),
        10 => again::<Vec<i64>>(decoder),
        11 => again::<Vec<String>>(decoder),
        12 => again::<Vec<Vec<bool>>>(decoder),
        13 => again::<[[i32; 3]; 2]>(decoder),
        14 => again::<[String; 2]>(decoder),
        15 => again::<Vec<[char; 2]>>(decoder),
        16 => again::<Wide>(decoder),
        17 => again::<WideChar>(decoder),
        18 => again::<Tree>(decoder),
        19 => decoder.float().map(drop),
        20 => decoder.double().map(drop),
        21 => decoder.longdouble_bits().map(drop),
        22 => decoder.primitives_ref::<f64>().map(drop),
        23 => decoder.primitives::<f32>().map(drop),
        24 => decoder.string_bounded(5).map(drop),
        25 => decoder.wstring_bounded(5).map(drop),
        26 => decoder.identifier().map(drop),
        27 => decoder.align(8),
        28 => {
            let mut inner = decoder.encapsulation()?;
            let kinds = inner.octets()?;
            kinds
                .iter()
                .take(16)
                .try_for_each(|kind| read(kind % 28, &mut inner))
        }
        29 => {
            let target = usize::from(decoder.ushort()?);
            read(kind / 32, &mut decoder.revisit(target)?)
        }
        30 => {
            decoder.end_chunk();
            let size = decoder.ushort()?;
            decoder.begin_chunk(usize::from(size))
        }
        _ => orb_core::ior::Ior::unmarshal(decoder).map(drop),
    }
}

/// Reads a value, writes it in the same form, and reads that.
fn again<T: Marshal + Unmarshal + PartialEq + std::fmt::Debug>(
    decoder: &mut Decoder<'_>,
) -> Result<(), CdrError> {
    let value = T::unmarshal(decoder)?;
    let (endian, version, codesets) = (decoder.endian(), decoder.version(), decoder.codesets());
    let mut encoder = Encoder::new(endian, version, codesets).by_reference_from(16);
    value.marshal(&mut encoder).expect("what was read can be written");
    let octets = encoder.contiguous();
    let read = T::unmarshal(&mut Decoder::new(&octets, endian, version, codesets));
    assert_eq!(read.as_ref(), Ok(&value));
    Ok(())
}

#[derive(Debug, PartialEq)]
struct Wide(String);

impl Marshal for Wide {
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.wstring(&self.0)
    }
}

impl Unmarshal for Wide {
    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        let text = decoder.wstring()?;
        // What UCS-2 cannot carry is read all the same, but not written.
        if decoder.codesets().wide == WideSet::Ucs2 && text.chars().any(|c| c.len_utf16() > 1) {
            return Err(CdrError::BadCharacter);
        }
        Ok(Self(text))
    }
}

#[derive(Debug, PartialEq)]
struct WideChar(char);

impl Marshal for WideChar {
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.wchar(self.0)
    }
}

impl Unmarshal for WideChar {
    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        match decoder.wchar()? {
            character if character.len_utf16() > 1 => Err(CdrError::BadCharacter),
            character => Ok(Self(character)),
        }
    }
}

/// A recursive type.
#[derive(Debug, PartialEq)]
struct Tree {
    label: String,
    children: Vec<Tree>,
}

impl Marshal for Tree {
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.string(&self.label)?;
        self.children.marshal(encoder)
    }
}

impl Unmarshal for Tree {
    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        decoder.nested(|decoder| {
            Ok(Self {
                label: decoder.string()?,
                children: Vec::unmarshal(decoder)?,
            })
        })
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever is written is read again, in either order, version and code set, at any position.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug, PartialEq)]
enum Item {
    Boolean(bool),
    Octet(u8),
    Short(i16),
    Long(i32),
    LongLong(i64),
    Float(f32),
    Double(f64),
    LongDouble(u128),
    Char(char),
    WChar(char),
    String(String),
    WString(String),
    Octets(Bytes),
    Shorts(Vec<u16>),
    Doubles(Vec<f64>),
    Strings(Vec<String>),
    Array([u32; 5]),
    Encapsulation(Vec<Item>),
}

impl Marshal for Item {
    fn marshal<'a>(&'a self, e: &mut Encoder<'a>) -> Result<(), CdrError> {
        match self {
            Self::Boolean(value) => e.boolean(*value),
            Self::Octet(value) => e.octet(*value),
            Self::Short(value) => e.short(*value),
            Self::Long(value) => e.long(*value),
            Self::LongLong(value) => e.longlong(*value),
            Self::Float(value) => e.float(*value),
            Self::Double(value) => e.double(*value),
            Self::LongDouble(value) => e.longdouble_bits(*value),
            Self::Char(value) => e.char(*value)?,
            Self::WChar(value) => e.wchar(*value)?,
            Self::String(value) => e.string(value)?,
            Self::WString(value) => e.wstring(value)?,
            Self::Octets(value) => e.bytes_shared(value)?,
            Self::Shorts(value) => e.primitives(value)?,
            Self::Doubles(value) => value.marshal(e)?,
            Self::Strings(value) => value.marshal(e)?,
            Self::Array(value) => e.primitive_array(value),
            Self::Encapsulation(items) => {
                e.encapsulation(|e| items.iter().try_for_each(|item| item.marshal(e)))?;
            }
        }
        Ok(())
    }
}

impl Item {
    /// Reads an item of the same kind.
    fn like(&self, d: &mut Decoder<'_>) -> Result<Self, CdrError> {
        Ok(match self {
            Self::Boolean(_) => Self::Boolean(d.boolean()?),
            Self::Octet(_) => Self::Octet(d.octet()?),
            Self::Short(_) => Self::Short(d.short()?),
            Self::Long(_) => Self::Long(d.long()?),
            Self::LongLong(_) => Self::LongLong(d.longlong()?),
            Self::Float(_) => Self::Float(d.float()?),
            Self::Double(_) => Self::Double(d.double()?),
            Self::LongDouble(_) => Self::LongDouble(d.longdouble_bits()?),
            Self::Char(_) => Self::Char(d.char()?),
            Self::WChar(_) => Self::WChar(d.wchar()?),
            Self::String(_) => Self::String(d.string()?),
            Self::WString(_) => Self::WString(d.wstring()?),
            Self::Octets(_) => Self::Octets(d.bytes()?),
            Self::Shorts(_) => Self::Shorts(d.primitives()?),
            Self::Doubles(_) => Self::Doubles(d.primitives_ref()?.into_owned()),
            Self::Strings(_) => Self::Strings(Vec::unmarshal(d)?),
            Self::Array(_) => Self::Array(d.primitive_array()?),
            Self::Encapsulation(items) => {
                let mut inner = d.encapsulation()?;
                let read = items
                    .iter()
                    .map(|item| item.like(&mut inner))
                    .collect::<Result<_, _>>()?;
                assert_eq!(inner.remaining(), 0);
                Self::Encapsulation(read)
            }
        })
    }
}

fn item() -> impl Strategy<Value = Item> {
    let wide = any::<char>().prop_filter("within UCS-2", |c| c.len_utf16() == 1);
    let finite = prop::num::f64::NORMAL;
    let leaf = prop_oneof![
        any::<bool>().prop_map(Item::Boolean),
        any::<u8>().prop_map(Item::Octet),
        any::<i16>().prop_map(Item::Short),
        any::<i32>().prop_map(Item::Long),
        any::<i64>().prop_map(Item::LongLong),
        prop::num::f32::NORMAL.prop_map(Item::Float),
        finite.prop_map(Item::Double),
        any::<u128>().prop_map(Item::LongDouble),
        (0u8..0x80).prop_map(|octet| Item::Char(octet.into())),
        wide.prop_map(Item::WChar),
        "[^\0]{0,9}".prop_map(Item::String),
        "[\u{feff}\u{fffe}]?[^\0]{0,9}".prop_map(Item::WString),
        vec(any::<u8>(), 0..20).prop_map(|octets| Item::Octets(octets.into())),
        vec(any::<u16>(), 0..300).prop_map(Item::Shorts),
        vec(finite, 0..100).prop_map(Item::Doubles),
        vec("[^\0]{0,5}", 0..5).prop_map(Item::Strings),
        any::<[u32; 5]>().prop_map(Item::Array),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| vec(inner, 0..6).prop_map(Item::Encapsulation))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn items_survive(
        items in vec(item(), 0..12),
        big in any::<bool>(),
        minor in 1u8..=2,
        by_reference in 1usize..40,
    ) {
        let endian = if big { Endian::Big } else { Endian::Little };
        let version = Version { major: 1, minor };
        let mut encoder = Encoder::new(endian, version, CodeSets::NATIVE).by_reference_from(by_reference);
        items.marshal(&mut encoder).unwrap();
        let length = encoder.len();
        let data = encoder.contiguous();
        prop_assert_eq!(data.len(), length);
        let mut copying = Encoder::new(endian, version, CodeSets::NATIVE).by_reference_from(usize::MAX);
        items.marshal(&mut copying).unwrap();
        prop_assert_eq!(&copying.contiguous(), &data);
        let mut decoder = Decoder::new(&data, endian, version, CodeSets::NATIVE).with_source(&data);
        decoder.ulong().unwrap();
        for item in &items {
            prop_assert_eq!(&item.like(&mut decoder).unwrap(), item);
        }
        prop_assert_eq!(decoder.remaining(), 0);
    }

    #[test]
    fn no_octets_make_a_decoder_panic(data in vec(any::<u8>(), 0..200), items in vec(item(), 1..8), big in any::<bool>()) {
        let endian = if big { Endian::Big } else { Endian::Little };
        let mut decoder = decoder(&data, endian);
        for item in &items {
            // Encapsulations read to their end only by chance.
            if !matches!(item, Item::Encapsulation(_)) && item.like(&mut decoder).is_err() {
                break;
            }
        }
    }
}

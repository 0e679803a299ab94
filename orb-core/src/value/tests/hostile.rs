// SPDX-License-Identifier: MIT OR Apache-2.0
//! Octets that no honest peer sends.

use std::sync::Arc;

use proptest::prelude::*;

use super::{
    Octets, read,
    types::{Animal, Dog, Link, OldAnimal, Pair, dog, puppy},
    write,
};
use crate::{
    cdr::{CdrError, Decoder, Endian, Unmarshal, Version},
    codeset::CodeSets,
    value::Value,
};

const END: u32 = 0xffff_ffff;

fn refused<T: Unmarshal>(octets: &Octets) -> CdrError {
    match read::<T>(&octets.0) {
        Err(error) => error,
        Ok(_) => panic!("{:02x?} was read", octets.0),
    }
}

#[test]
fn a_tag_that_is_none_is_refused() {
    for tag in [1, 0x7fff_feff, 0x8000_0000, 0x7fff_ff04] {
        assert!(
            matches!(
                refused::<Option<Arc<Animal>>>(&Octets::default().long(tag)),
                CdrError::BadValue(_)
            ),
            "{tag:x}"
        );
    }
}

#[test]
fn indirections_lead_to_values_before_them() {
    for offset in [
        0u32,
        4,
        0u32.wrapping_sub(4),
        0u32.wrapping_sub(1000),
        0x8000_0000,
    ] {
        let octets = Octets::default().long(0xffff_ffff).long(offset);
        assert_eq!(
            refused::<Option<Arc<Animal>>>(&octets),
            CdrError::BadIndirection,
            "{offset:x}"
        );
        let octets = Octets::default().long(0x7fff_ff02).long(0xffff_ffff).long(offset);
        assert_eq!(
            refused::<Option<Arc<Animal>>>(&octets),
            CdrError::BadIndirection,
            "{offset:x}"
        );
    }
}

#[test]
fn an_end_tag_of_no_level_is_refused() {
    let state = || {
        Octets::default()
            .long(0x7fff_ff0a)
            .text("IDL:Animal:1.0")
            .long(8)
            .text("rex")
    };
    assert!(read::<Option<Arc<Animal>>>(&state().long(END).0).is_ok());
    for level in [-2i32, i32::MIN] {
        let octets = state().long(level.cast_unsigned());
        assert!(matches!(
            refused::<Option<Arc<Animal>>>(&octets),
            CdrError::BadValue(_)
        ));
    }
}

#[test]
fn a_state_that_ends_too_early_is_refused() {
    let octets = Octets::default()
        .long(0x7fff_ff0a)
        .text("IDL:Dog:1.0")
        .long(8)
        .text("rex")
        .long(END);
    refused::<Option<Arc<Dog>>>(&octets);
    // Its friend's end tag ends it too, though its spare is still to come.
    let octets = Octets::default()
        .long(0x7fff_ff0a)
        .text("IDL:Puppy:1.0")
        .long(12)
        .text("p")
        .long(3);
    let octets = octets
        .long(0x7fff_ff0a)
        .text("IDL:Animal:1.0")
        .long(8)
        .text("f")
        .long(END);
    refused::<Option<Arc<Dog>>>(&octets);
}

#[test]
fn a_value_within_a_chunk_or_without_chunks_between_them_is_refused() {
    let dog = || Octets::default().long(0x7fff_ff0a).text("IDL:Dog:1.0");
    let inside = dog()
        .long(100)
        .text("rex")
        .long(3)
        .long(0x7fff_ff0a)
        .text("IDL:Animal:1.0")
        .long(8)
        .text("f");
    refused::<Option<Arc<Dog>>>(&inside);
    let unchunked = dog()
        .long(12)
        .text("rex")
        .long(3)
        .long(0x7fff_ff02)
        .text("IDL:Animal:1.0")
        .text("f")
        .long(END);
    assert!(matches!(
        refused::<Option<Arc<Dog>>>(&unchunked),
        CdrError::BadValue(_)
    ));
}

#[test]
fn chunks_longer_than_the_data_are_refused() {
    let octets = Octets::default()
        .long(0x7fff_ff0a)
        .text("IDL:Animal:1.0")
        .long(0x7fff_feff)
        .text("rex");
    assert_eq!(refused::<Option<Arc<Animal>>>(&octets), CdrError::LengthBeyondEnd);
}

#[test]
fn a_value_to_be_truncated_must_be_chunked() {
    let octets = Octets::default()
        .long(0x7fff_ff06)
        .long(2)
        .text("IDL:New:1.0")
        .text("IDL:Animal:1.0")
        .text("rex");
    assert!(matches!(
        refused::<Option<Arc<Animal>>>(&octets),
        CdrError::BadValue(_)
    ));
}

#[test]
fn endless_lists_of_ids_are_refused() {
    let octets = Octets::default().long(0x7fff_ff06).long(0xffff_fffe);
    refused::<Option<Arc<Animal>>>(&octets);
    let mut octets = Octets::default().long(0x7fff_ff06).long(100);
    for _ in 0..100 {
        octets = octets.text("IDL:New:1.0");
    }
    refused::<Option<Arc<Animal>>>(&octets);
}

#[test]
fn values_nested_too_deeply_are_refused() {
    let mut octets = Octets::default();
    for id in 0..2000 {
        octets = octets.long(0x7fff_ff00).long(id);
    }
    assert_eq!(refused::<Option<Arc<Link>>>(&octets), CdrError::TooDeep);
    let mut octets = Octets::default()
        .long(0x7fff_ff0a)
        .text("IDL:Animal:1.0")
        .long(8)
        .text("rex");
    for _ in 0..100_000 {
        octets = octets.long(0x7fff_ff08);
    }
    refused::<Option<Arc<Animal>>>(&octets);
}

fn try_all(octets: &[u8]) {
    for endian in [Endian::Big, Endian::Little] {
        let decoder = || Decoder::new(octets, endian, Version::V1_2, CodeSets::NATIVE);
        let _ = Vec::<Option<Arc<Animal>>>::unmarshal(&mut decoder());
        let _ = Option::<Arc<Link>>::unmarshal(&mut decoder());
        let _ = Option::<Arc<Pair>>::unmarshal(&mut decoder());
        let _ = Option::<Arc<OldAnimal>>::unmarshal(&mut decoder());
        let _ = Option::<Arc<dyn Value>>::unmarshal(&mut decoder());
    }
}

proptest! {
    #[test]
    fn cut_and_damaged_values_are_read_or_refused(cut in 0usize..400, at in 0usize..400, to in any::<u8>()) {
        let friend = Some(Arc::new(Animal::from(puppy())));
        let pair = Pair { left: friend.clone(), right: friend, ..Pair::default() };
        let mut octets = write(&Some(Arc::new(pair))).to_vec();
        try_all(&octets[..cut.min(octets.len())]);
        if let Some(octet) = octets.get_mut(at) {
            *octet = to;
        }
        try_all(&octets);
    }

    #[test]
    fn longs_of_the_format_in_any_order_are_read_or_refused(longs in proptest::collection::vec(
        prop_oneof![
            Just(0u32), Just(0xffff_ffff), Just(0x7fff_ff00), Just(0x7fff_ff08), Just(0x7fff_ff0a), Just(0x7fff_ff0e),
            Just(0xffff_fffe), 0u32..32, 0xffff_ff00u32..0xffff_ffff,
        ],
        0..60,
    )) {
        let octets: Vec<u8> = longs.iter().flat_map(|long| long.to_be_bytes()).collect();
        try_all(&octets);
        let mut within = write(&Some(dog("rex", None))).to_vec();
        let at = within.len() - 4;
        within.splice(at..at, octets);
        try_all(&within);
    }
}

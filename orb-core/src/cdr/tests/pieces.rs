// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data in pieces reads as the same data in one, wherever it is cut.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A stream with a bit of everything, large sequences of octets among it.
fn stream(blob: &[u8], text: &str, numbers: &[u32]) -> Vec<u8> {
    let mut encoder = Encoder::native();
    encoder.octet(1);
    encoder.octets(blob).unwrap();
    encoder.string(text).unwrap();
    numbers.marshal(&mut encoder).unwrap();
    encoder.octets(blob).unwrap();
    encoder
        .encapsulation(|encoder| {
            encoder.ulonglong(7);
            encoder.octets(blob)
        })
        .unwrap();
    encoder.octets(blob).unwrap();
    encoder.double(0.5);
    encoder.contiguous().to_vec()
}

/// Reads that, and checks it.
fn read(decoder: &mut Decoder<'_>, blob: &[u8], text: &str, numbers: &[u32]) -> Result<(), CdrError> {
    let start = decoder.stream_position();
    assert_eq!(decoder.octet()?, 1);
    assert_eq!(decoder.bulk()?, blob);
    assert_eq!(decoder.since(start).len(), decoder.stream_position());
    assert_eq!(decoder.string()?, text);
    assert_eq!(Vec::<u32>::unmarshal(decoder)?, numbers);
    assert_eq!(decoder.bytes()?, blob);
    let mut inner = decoder.encapsulation()?;
    assert_eq!(inner.ulonglong()?, 7);
    assert_eq!(inner.bulk()?, blob);
    assert_eq!(decoder.octets()?, blob);
    assert_eq!(decoder.double()?, 0.5);
    assert_eq!((decoder.remaining(), decoder.whole_remaining()), (0, 0));
    Ok(())
}

proptest! {
    #[test]
    fn it_reads_the_same_wherever_it_is_cut(
        blob in vec(any::<u8>(), 0..100),
        text in "[a-z]{0,20}",
        numbers in vec(any::<u32>(), 0..9),
        cuts in vec((any::<prop::sample::Index>(), any::<bool>()), 0..8),
    ) {
        let whole = stream(&blob, &text, &numbers);
        let mut cuts: Vec<_> = cuts.iter().map(|(at, shared)| (at.index(whole.len()), *shared)).collect();
        cuts.sort_unstable();
        let first = cuts.first().map_or(whole.len(), |(at, _)| *at);
        let head = Bytes::copy_from_slice(&whole[..first]);
        let mut pieces = Pieces::default();
        let ends = cuts.iter().skip(1).map(|(at, _)| *at).chain([whole.len()]);
        for ((start, shared), end) in cuts.iter().zip(ends) {
            match shared {
                true => pieces.append_shared(Bytes::copy_from_slice(&whole[*start..end])),
                false => pieces.append(&whole[*start..end]),
            }
        }
        let mut decoder = Decoder::native(&head).with_pieces(&head, &pieces);
        prop_assert_eq!(decoder.remaining(), whole.len());
        read(&mut decoder, &blob, &text, &numbers).unwrap();
        // And cut off, it ends with an error.
        let short = Bytes::copy_from_slice(&head[..head.len().saturating_sub(1)]);
        let mut decoder = Decoder::native(&short).with_pieces(&short, &pieces);
        while decoder.remaining() > 0 {
            decoder.octet().unwrap();
        }
        prop_assert_eq!(decoder.octet(), Err(CdrError::UnexpectedEnd));
    }
}

#[test]
fn bulk_is_handed_on_where_it_lies_and_what_follows_is_read_on() {
    let blob = Bytes::from(vec![9; 1000]);
    let head = Bytes::from_static(&[1, 0, 0, 0, 0xe8, 3, 0, 0]);
    let mut pieces = Pieces::default();
    pieces.append_shared(blob.clone());
    pieces.append(&[0xe8, 3, 0, 0]);
    pieces.append_shared(blob.clone());
    pieces.append(&[5, 0]);
    pieces.append(&[0, 0, 6]);
    let mut decoder =
        Decoder::new(&head, Endian::Little, Version::V1_2, CodeSets::NATIVE).with_pieces(&head, &pieces);
    assert_eq!(decoder.octet(), Ok(1));
    assert_eq!(decoder.bulk().unwrap().as_ptr(), blob.as_ptr());
    assert_eq!(decoder.stream_position(), 1008);
    assert_eq!(decoder.bytes().unwrap().as_ptr(), blob.as_ptr());
    assert_eq!((decoder.ulong(), decoder.octet()), (Ok(5), Ok(6)));
    assert_eq!(decoder.octet(), Err(CdrError::UnexpectedEnd));
}

/// What a peer could change meanwhile is not looked at twice: what is read of it is a copy, and that is made once.
#[test]
fn what_is_interpreted_lies_where_nobody_can_change_it() {
    let mut octets = vec![8, 0, 0, 0];
    octets.extend(b"\x01\x00\x00\x00\x2a\x00\x00\x00");
    octets.extend([4, 0, 0, 0]);
    octets.extend(b"key\0");
    let shared = Bytes::from(octets);
    let range = shared.as_ptr_range();
    let mut pieces = Pieces::default();
    pieces.append_shared(shared.clone());
    let head = Bytes::new();
    let reader =
        || Decoder::new(&head, Endian::Little, Version::V1_2, CodeSets::NATIVE).with_pieces(&head, &pieces);
    let mut first = reader();
    assert_eq!(first.encapsulation().and_then(|mut inner| inner.ulong()), Ok(42));
    let name = first.octets().unwrap();
    assert!(!range.contains(&name.as_ptr()), "it was copied");
    let mut second = reader();
    second.skip(16).unwrap();
    assert_eq!(second.raw(4).unwrap().as_ptr(), name.as_ptr(), "once");
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Streams: parts kept by reference, marks, indirections, chunks and what hangs on a stream.

use bytes::{Bytes, BytesMut};

use super::*;

#[test]
fn large_pieces_are_kept_by_reference_and_small_ones_copied() {
    let large = vec![7u8; BY_REFERENCE];
    let shared = Bytes::from(vec![8u8; BY_REFERENCE]);
    let numbers = vec![9u64; BY_REFERENCE / 8];
    let mut encoder = Encoder::native();
    encoder.octets(&large).unwrap();
    encoder.octet(1);
    encoder.bytes_shared(&shared).unwrap();
    encoder.octet(2);
    encoder.primitives(&numbers).unwrap();
    encoder.octets(&large[1..]).unwrap();
    let parts: Vec<&[u8]> = encoder.parts().collect();
    assert!(std::ptr::eq(parts[1], large.as_slice()));
    assert!(std::ptr::eq(parts[3], shared.as_ref()));
    assert!(std::ptr::eq(parts[5].as_ptr(), numbers.as_ptr().cast()));
    assert_eq!(parts.len(), 7);
    let joined = parts.concat();
    assert_eq!(joined.len(), encoder.len());
    let mut copying = Encoder::native().by_reference_from(usize::MAX);
    copying.octets(&large).unwrap();
    copying.octet(1);
    copying.bytes_shared(&shared).unwrap();
    copying.octet(2);
    copying.primitives(&numbers).unwrap();
    copying.octets(&large[1..]).unwrap();
    assert!(copying.is_contiguous());
    assert_eq!(copying.contiguous(), joined);
    assert_eq!(encoder.contiguous(), joined);
}

#[test]
fn positions_count_what_is_kept_by_reference() {
    let large = vec![7u8; BY_REFERENCE + 3];
    let mut encoder = Encoder::native();
    encoder
        .encapsulation(|inner| {
            inner.octets(&large)?;
            inner.long(-1);
            Ok(())
        })
        .unwrap();
    encoder.double(1.0);
    let data = encoder.contiguous();
    let mut decoder = Decoder::native(&data);
    let mut inner = decoder.encapsulation().unwrap();
    assert_eq!(inner.octets().unwrap(), large);
    assert_eq!((inner.long(), inner.remaining()), (Ok(-1), 0));
    assert_eq!((decoder.double(), decoder.remaining()), (Ok(1.0), 0));
}

#[test]
fn a_buffer_is_appended_to_and_handed_back() {
    let mut buffer = BytesMut::with_capacity(256);
    buffer.extend_from_slice(b"abc");
    let start = buffer.as_ptr();
    let mut encoder = Encoder::with_buffer(buffer, Endian::Big, Version::V1_2, CodeSets::NATIVE);
    encoder.octet(1);
    encoder.long(2);
    assert_eq!(encoder.parts().collect::<Vec<_>>(), [&[1, 0, 0, 0, 0, 0, 0, 2]]);
    let buffer = encoder.into_buffer();
    assert_eq!(buffer, b"abc\x01\0\0\0\0\0\0\x02"[..]);
    let mut encoder = Encoder::with_buffer(buffer, Endian::Big, Version::V1_2, CodeSets::NATIVE);
    encoder.long(3);
    let buffer = encoder.reclaim();
    assert_eq!((buffer.len(), buffer.as_ptr()), (11, start));
}

#[test]
fn a_rewind_forgets_all_that_was_written_since() {
    let large = vec![7u8; BY_REFERENCE];
    let mut encoder = Encoder::native();
    encoder.octets(&large).unwrap();
    let mark = encoder.mark();
    encoder.octets_array(&large);
    encoder.long(5);
    encoder.rewind(mark);
    assert_eq!(
        (encoder.position(), encoder.len()),
        (mark.position(), BY_REFERENCE + 4)
    );
    encoder.octet(1);
    encoder.rewind(mark);
    assert_eq!(encoder.parts().map(<[u8]>::len).sum::<usize>(), BY_REFERENCE + 4);
}

#[test]
fn an_open_number_is_filled_in_later() {
    for endian in [Endian::Big, Endian::Little] {
        let mut encoder = encoder(endian);
        encoder.octet(1);
        let open = encoder.reserve_ulong();
        encoder.octet(2);
        encoder.patch_ulong(open, 0x0102_0304);
        let data = encoder.contiguous();
        let mut decoder = decoder(&data, endian);
        assert_eq!(
            (decoder.octet(), decoder.ulong(), decoder.octet()),
            (Ok(1), Ok(0x0102_0304), Ok(2))
        );
    }
}

#[test]
fn bytes_share_their_source() {
    let source = Bytes::from_static(b"\0\0\0\x02ab");
    let mut sharing = decoder(&source, Endian::Big).with_source(&source);
    let read = sharing.bytes().unwrap();
    assert!(std::ptr::eq(read.as_ref(), &source[4..]));
    let copied = decoder(&source, Endian::Big).bytes().unwrap();
    assert_eq!(copied, read);
    assert!(!std::ptr::eq(copied.as_ref(), read.as_ref()));
    let other = Bytes::from_static(b"elsewhere");
    assert_eq!(
        decoder(&source, Endian::Big).with_source(&other).bytes().unwrap(),
        read
    );
}

#[test]
fn primitives_are_borrowed_when_they_lie_right() {
    // A buffer of `u64` is aligned; sequences start at 4 within it, their doubles at 8.
    let mut words = vec![0u64; 4];
    let data: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
    data[4..8].copy_from_slice(&2u32.to_ne_bytes());
    data[8..16].copy_from_slice(&1.5f64.to_ne_bytes());
    let read = |skip: usize, origin: usize| {
        let mut decoder = Decoder::native(&data[skip..]).with_origin(origin);
        decoder.primitives_ref::<f64>().unwrap()
    };
    assert!(matches!(read(4, 4), std::borrow::Cow::Borrowed([1.5, 0.0])));
    // The same data where alignment in memory and in the stream disagree.
    let mut shifted = vec![0u8; 1];
    shifted.extend_from_slice(&data[4..24]);
    let at = shifted.as_ptr().align_offset(8);
    let odd = if at == 1 {
        &[&[0], &shifted[..]].concat()[2..]
    } else {
        &shifted[1..]
    };
    let read = Decoder::native(odd)
        .with_origin(4)
        .primitives_ref::<f64>()
        .unwrap()
        .into_owned();
    assert_eq!(read, [1.5, 0.0]);
    let swapped = words.iter().map(|word| word.swap_bytes()).collect::<Vec<_>>();
    let data: Vec<u8> = [
        &2u32.to_ne_bytes().map(u8::from)[..],
        bytemuck::cast_slice(&swapped[1..3]),
    ]
    .concat();
    let mut other = decoder(&data, Endian::NATIVE.opposite()).with_origin(4);
    assert_eq!(
        other.primitives_ref::<f64>(),
        Err(CdrError::LengthBeyondEnd),
        "the count is in the other order"
    );
}

#[test]
fn an_indirection_reads_again_what_was_read_before() {
    // A long at 4 of the outer stream, seen from within an encapsulation.
    let data = [9, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 5, 0, 1, 2, 3, 4];
    let mut outer = decoder(&data, Endian::Big);
    outer.skip(8).unwrap();
    let mut inner = outer.encapsulation().unwrap();
    assert_eq!(inner.stream_position(), 13);
    inner.octet().unwrap();
    let mut again = inner.revisit(4).unwrap();
    assert_eq!((again.ulong(), again.stream_position()), (Ok(7), 8));
    assert_eq!(inner.revisit(14).unwrap_err(), CdrError::BadIndirection);
    assert_eq!(inner.revisit(usize::MAX).unwrap_err(), CdrError::BadIndirection);
    let mut again = outer.with_depth_limit(1).revisit(0).unwrap();
    assert_eq!(again.octet(), Ok(9));
    assert_eq!(again.revisit(0).unwrap_err(), CdrError::TooDeep);
}

#[test]
fn chunks_are_read_as_one_stream() {
    // Two chunks, of 3 and 4 octets, then an end tag.
    #[rustfmt::skip]
    let data = [
        0, 0, 0, 3,  1, 0, 2, 0xee,
        0, 0, 0, 4,  0, 0, 0, 3,
        0xff, 0xff, 0xff, 0xff,
    ];
    let mut decoder = decoder(&data, Endian::Big);
    let size = decoder.ulong().unwrap();
    decoder.begin_chunk(usize::try_from(size).unwrap()).unwrap();
    assert!(decoder.in_chunk());
    assert_eq!(
        (decoder.octet(), decoder.octet(), decoder.octet()),
        (Ok(1), Ok(0), Ok(2))
    );
    assert_eq!(decoder.ulong(), Ok(3), "from the next chunk");
    assert_eq!(decoder.stream_position(), 16);
    assert_eq!(
        decoder.octet(),
        Err(CdrError::UnexpectedEnd),
        "an end tag is no chunk"
    );
    decoder.end_chunk();
    assert!(!decoder.in_chunk());
}

#[test]
fn the_end_of_a_chunk_skips_what_is_left_of_it() {
    let data = [1, 2, 3, 4, 5, 6, 7, 8];
    let mut decoder = decoder(&data, Endian::Big);
    decoder.begin_chunk(4).unwrap();
    assert_eq!(
        decoder.begin_chunk(1),
        Err(CdrError::BadValue("a chunk within a chunk"))
    );
    assert_eq!((decoder.octet(), decoder.remaining()), (Ok(1), 3));
    decoder.end_chunk();
    assert_eq!((decoder.octet(), decoder.position()), (Ok(5), 5));
    assert_eq!(decoder.begin_chunk(4), Err(CdrError::LengthBeyondEnd));
}

#[test]
fn a_table_lives_as_long_as_its_stream() {
    let mut encoder = Encoder::native();
    encoder.extension::<Vec<u8>>().push(1);
    let mut table = encoder.take_extension::<Vec<u8>>();
    table.push(2);
    encoder.restore_extension(table);
    assert_eq!(encoder.extension::<Vec<u8>>(), &[1, 2]);
    assert_eq!(
        encoder.extension::<String>(),
        "",
        "a table of another type is a new one"
    );
    let mut decoder = Decoder::native(&[0]);
    decoder.extension::<Vec<u8>>().push(3);
    assert_eq!(*decoder.take_extension::<Vec<u8>>(), [3]);
    assert_eq!(*decoder.take_extension::<Vec<u8>>(), []);
}

#[test]
fn errors_become_the_exceptions_of_the_standard() {
    use crate::exception::{SystemException, SystemExceptionKind as Kind};
    let kind = |error: CdrError| SystemException::from(error).kind();
    assert_eq!(kind(CdrError::UnexpectedEnd), Kind::Marshal);
    assert_eq!(kind(CdrError::EmbeddedNul), Kind::BadParam);
    assert_eq!(kind(CdrError::BoundExceeded(3)), Kind::BadParam);
    assert_eq!(kind(CdrError::BadCharacter), Kind::DataConversion);
    assert_eq!(SystemException::from(CdrError::WideInGiop10).minor() & 0xfff, 5);
    assert!(
        SystemException::from(CdrError::BadEnum {
            name: "Unit",
            value: 9
        })
        .to_string()
        .contains("Unit")
    );
    assert!(size_of::<CdrError>() <= 24);
}

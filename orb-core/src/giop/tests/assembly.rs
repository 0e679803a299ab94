// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finding messages in a stream, and joining fragments.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const SMALL: Limits = Limits {
    message: 1000,
    fragmented: 2,
};

/// Cuts a message and puts heads and contents together.
fn cut(message: &[u8], limit: usize) -> Vec<Vec<u8>> {
    fragments(message, limit)
        .map(|fragment| [fragment.head(), fragment.content()].concat())
        .collect()
}

fn ids(messages: &[Message]) -> Vec<Option<u32>> {
    messages.iter().map(Message::request_id).collect()
}

fn cancel(id: u32) -> Vec<u8> {
    message(
        Version::V1_2,
        Endian::Big,
        MessageType::CancelRequest,
        &[],
        |encoder| {
            CancelRequest { request_id: id }.encode(encoder);
            Ok(())
        },
    )
}

#[test]
fn a_request_arrives_octet_by_octet() {
    for version in VERSIONS {
        for endian in ENDIANS {
            let sent = request(version, endian, 7, &[1, 2, 3]);
            let mut assembler = Assembler::default();
            for (index, octet) in sent.iter().enumerate() {
                assert!(assembler.next_message().unwrap().is_none(), "at {index}");
                assert!((1..=sent.len() - index).contains(&assembler.wanted()));
                assembler.buffer(1).extend_from_slice(&[*octet]);
            }
            assert_eq!(assembler.wanted(), 0);
            assert!(!assembler.is_idle());
            let message = assembler.next_message().unwrap().unwrap();
            assert!(assembler.is_idle());
            let (header, mut body) = message.request(CodeSets::NATIVE, None).unwrap();
            assert_eq!((header.request_id, header.operation), (7, "read"));
            assert_eq!(header.target.object_key().unwrap(), b"key");
            assert_eq!(body.primitive_array::<i32, 3>().unwrap(), [1, 2, 3]);
            assert_eq!(body.remaining(), 0);
        }
    }
}

#[test]
fn several_messages_in_one_read_share_the_buffer() {
    let sent: Vec<u8> = (0..10)
        .flat_map(|id| request(Version::V1_2, Endian::Little, id, &[1]))
        .collect();
    let messages = assemble(&mut Assembler::default(), &sent).unwrap();
    assert_eq!(ids(&messages), (0..10).map(Some).collect::<Vec<_>>());
    let starts: Vec<_> = messages
        .iter()
        .map(|message| message.octets().as_ptr() as usize)
        .collect();
    let length = messages[0].octets().len();
    assert!(starts.windows(2).all(|pair| pair[1] - pair[0] == length));
}

#[test]
fn fragments_join_to_the_message_that_was_cut() {
    let body: Vec<i32> = (0..100).collect();
    for version in [Version::V1_1, Version::V1_2] {
        for endian in ENDIANS {
            let sent = request(version, endian, 7, &body);
            for limit in [0, 32, 39, 40, 100, 400, 10_000] {
                let pieces = cut(&sent, limit);
                assert_eq!(pieces.len() == 1, limit == 10_000);
                assert!(pieces.iter().all(|piece| piece.len() <= limit.max(32)));
                let messages = assemble(&mut Assembler::default(), &pieces.concat()).unwrap();
                assert_eq!(messages.len(), 1);
                assert_eq!(messages[0].octets(), &sent, "{version} {endian:?} {limit}");
            }
        }
    }
}

#[test]
fn fragments_of_giop_1_2_but_the_last_are_multiples_of_eight() {
    let pieces = cut(&request(Version::V1_2, Endian::Big, 7, &[0; 100]), 60);
    for piece in &pieces[..pieces.len() - 1] {
        assert_eq!(piece.len() % 8, 0);
        assert_eq!(piece[6] & 2, 2);
    }
    assert_eq!(pieces.last().unwrap()[6] & 2, 0);
    assert!(pieces[1..].iter().all(|piece| piece[12..16] == [0, 0, 0, 7]));
}

#[test]
fn what_cannot_be_fragmented_stays_whole() {
    let sent = request(Version::V1_0, Endian::Big, 7, &[0; 100]);
    assert_eq!(cut(&sent, 32), [sent]);
    assert_eq!(fragments(b"nonsense", 32).count(), 0);
}

#[test]
fn fragments_of_giop_1_2_may_be_interleaved() {
    let (a, b) = (
        request(Version::V1_2, Endian::Big, 1, &[1; 50]),
        request(Version::V1_2, Endian::Big, 2, &[2; 50]),
    );
    let whole = request(Version::V1_2, Endian::Big, 3, &[]);
    let (pieces_a, pieces_b) = (cut(&a, 100), cut(&b, 100));
    let mut sent = Vec::new();
    for (a, b) in pieces_a.iter().zip(&pieces_b) {
        sent.extend([a.as_slice(), b].concat());
        sent.extend(&whole);
    }
    let messages = assemble(
        &mut Assembler::new(Limits {
            fragmented: 2,
            ..Limits::default()
        }),
        &sent,
    )
    .unwrap();
    let whole_ones = messages
        .iter()
        .filter(|message| message.request_id() == Some(3))
        .count();
    assert_eq!(whole_ones, pieces_a.len());
    let found = |id| {
        messages
            .iter()
            .find(|message| message.request_id() == Some(id))
            .unwrap()
            .octets()
    };
    assert_eq!((found(1), found(2)), (&a.into(), &b.into()));
}

#[test]
fn fragments_of_giop_1_1_follow_each_other() {
    let sent = request(Version::V1_1, Endian::Big, 1, &[1; 50]);
    let pieces = cut(&sent, 100);
    // A control message between them does no harm, a request does.
    let control = [
        &pieces[0][..],
        &close_connection(Version::V1_1),
        &pieces[1..].concat(),
    ]
    .concat();
    let messages = assemble(&mut Assembler::default(), &control).unwrap();
    assert_eq!((messages.len(), messages[1].octets()), (2, &sent.into()));
    let other = request(Version::V1_1, Endian::Big, 2, &[]);
    let error = assemble(
        &mut Assembler::default(),
        &[pieces[0].as_slice(), &other].concat(),
    )
    .unwrap_err();
    assert_eq!(error, GiopError::NotFragmentable(MessageType::Request));
}

#[test]
fn fragments_that_continue_nothing_are_refused() {
    for version in [Version::V1_1, Version::V1_2] {
        let pieces = cut(&request(version, Endian::Big, 1, &[1; 50]), 100);
        let error = assemble(&mut Assembler::default(), &pieces[1]).unwrap_err();
        assert_eq!(error, GiopError::UnexpectedFragment);
        let mut assembler = Assembler::default();
        assemble(&mut assembler, &pieces.concat()).unwrap();
        assert_eq!(
            assemble(&mut assembler, pieces.last().unwrap()).unwrap_err(),
            GiopError::UnexpectedFragment
        );
    }
    // Too short for its id.
    let error = assemble(&mut Assembler::default(), b"GIOP\x01\x02\x02\0\0\0\0\x02\0\0").unwrap_err();
    assert_eq!(error, GiopError::UnexpectedFragment);
}

#[test]
fn fragments_in_another_form_than_their_message_are_refused() {
    let big = cut(&request(Version::V1_2, Endian::Big, 0x0101_0101, &[1; 50]), 100);
    let little = cut(
        &request(Version::V1_2, Endian::Little, 0x0101_0101, &[1; 50]),
        100,
    );
    let error = assemble(
        &mut Assembler::default(),
        &[big[0].as_slice(), &little[1]].concat(),
    )
    .unwrap_err();
    assert_eq!(error, GiopError::FragmentMismatch);
    let error = assemble(&mut Assembler::default(), &[big[0].as_slice(), &big[0]].concat()).unwrap_err();
    assert_eq!(error, GiopError::DuplicateFragment(0x0101_0101));
}

#[test]
fn messages_that_cannot_have_fragments_are_refused_with_them() {
    let error = assemble(&mut Assembler::default(), b"GIOP\x01\x02\x02\x05\0\0\0\0").unwrap_err();
    assert_eq!(error, GiopError::NotFragmentable(MessageType::CloseConnection));
    let error = assemble(&mut Assembler::default(), b"GIOP\x01\x01\x02\x03\0\0\0\0").unwrap_err();
    assert_eq!(error, GiopError::NotFragmentable(MessageType::LocateRequest));
}

#[test]
fn the_size_of_a_message_is_limited_before_it_is_received() {
    let mut assembler = Assembler::new(SMALL);
    let error = assemble(&mut assembler, b"GIOP\x01\x02\0\0\0\0\x03\xe9").unwrap_err();
    assert_eq!(
        error,
        GiopError::TooLarge {
            size: 1001,
            limit: 1000
        }
    );
    assert_eq!(assembler.wanted(), 0);
    let mut assembler = Assembler::new(SMALL);
    assert!(
        assemble(&mut assembler, b"GIOP\x01\x02\0\0\0\0\x03\xe8")
            .unwrap()
            .is_empty()
    );
    assert_eq!(assembler.wanted(), 1000);
    let error = assemble(&mut Assembler::default(), b"GIOP\x01\x02\0\0\xff\xff\xff\xff").unwrap_err();
    assert_eq!(
        error,
        GiopError::TooLarge {
            size: 0xffff_ffff,
            limit: DEFAULT_MESSAGE_LIMIT
        }
    );
}

#[test]
fn the_size_of_joined_fragments_is_limited() {
    let pieces = cut(&request(Version::V1_2, Endian::Big, 1, &[1; 300]), 500);
    let mut assembler = Assembler::new(SMALL);
    let error = assemble(&mut assembler, &pieces.concat()).unwrap_err();
    assert!(
        matches!(error, GiopError::TooLarge { limit: 1000, .. }),
        "{error}"
    );
    // And of all messages in progress together.
    let mut sent = cut(&request(Version::V1_2, Endian::Big, 1, &[1; 200]), 600).remove(0);
    sent.extend(cut(&request(Version::V1_2, Endian::Big, 2, &[1; 200]), 600).remove(0));
    let error = assemble(&mut Assembler::new(SMALL), &sent).unwrap_err();
    assert!(
        matches!(error, GiopError::TooLarge { limit: 1000, .. }),
        "{error}"
    );
}

#[test]
fn the_number_of_fragmented_messages_is_limited() {
    let first = |id| cut(&request(Version::V1_2, Endian::Big, id, &[1; 50]), 100).remove(0);
    let mut assembler = Assembler::new(SMALL);
    assert!(
        assemble(&mut assembler, &[first(1), first(2)].concat())
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        assemble(&mut assembler, &first(3)).unwrap_err(),
        GiopError::TooManyFragmented(2)
    );
}

#[test]
fn a_cancelled_request_is_forgotten_whether_the_rest_comes_or_not() {
    let sent = request(Version::V1_2, Endian::Big, 1, &[1; 50]);
    let pieces = cut(&sent, 100);
    let first = |id| cut(&request(Version::V1_2, Endian::Big, id, &[1; 50]), 100).remove(0);
    let mut assembler = Assembler::new(SMALL);
    let mut taken = assemble(&mut assembler, &[&pieces[0][..], &cancel(1)].concat()).unwrap();
    assert_eq!(taken.remove(0).message_type(), MessageType::CancelRequest);
    // The rest comes late, and is thrown away; then the id is free.
    assert!(
        assemble(&mut assembler, &pieces[1..].concat())
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        assemble(&mut assembler, &pieces.concat()).unwrap()[0].octets(),
        &sent
    );
    // The rest never comes, and the place is given to others.
    assemble(
        &mut assembler,
        &[&pieces[0][..], &cancel(1), &first(2), &cancel(2)].concat(),
    )
    .unwrap();
    assert!(
        assemble(&mut assembler, &[first(3), first(4)].concat())
            .unwrap()
            .is_empty()
    );
    // Nor does the same id, used again, find anything of the old one.
    let mut assembler = Assembler::new(SMALL);
    assemble(&mut assembler, &[&pieces[0][..], &cancel(1)].concat()).unwrap();
    assert_eq!(
        assemble(&mut assembler, &pieces.concat()).unwrap()[0].octets(),
        &sent
    );
    assert!(assembler.is_idle());
}

#[test]
fn memory_is_reserved_as_octets_come() {
    let mut assembler = Assembler::default();
    assert!(
        assemble(&mut assembler, b"GIOP\x01\x02\0\0\x03\xff\xff\xff")
            .unwrap()
            .is_empty()
    );
    let capacity = assembler.buffer(1).capacity();
    assert!((1 << 20..4 << 20).contains(&capacity), "{capacity}");
    let mut assembler = Assembler::default();
    assert!(
        assemble(&mut assembler, b"GIOP\x01\x02\0\0\0\0\x27\x10")
            .unwrap()
            .is_empty()
    );
    assert!(
        assembler.buffer(1).capacity() >= 12 + 10_000,
        "small ones at once"
    );
    let mut assembler = Assembler::default();
    assemble(&mut assembler, &request(Version::V1_2, Endian::Big, 1, &[])).unwrap();
    assembler.release();
    assert_eq!(assembler.buffer(0).capacity(), HEADER_SIZE, "what a header takes");
}

fn any_version() -> impl Strategy<Value = Version> {
    (1u8..=2).prop_map(|minor| Version { major: 1, minor })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn however_a_stream_is_cut_the_messages_are_the_same(
        bodies in vec((vec(any::<i32>(), 0..40), any_version(), any::<bool>(), 32usize..200), 1..6),
        reads in vec(1usize..100, 1..20),
    ) {
        let mut sent = Vec::new();
        let mut expected = Vec::new();
        for (id, (body, version, big, limit)) in (0u32..).zip(&bodies) {
            let endian = if *big { Endian::Big } else { Endian::Little };
            let message = request(*version, endian, id, body);
            sent.extend(cut(&message, *limit).concat());
            expected.push(message);
        }
        let mut assembler = Assembler::default();
        let mut received = Vec::new();
        let mut rest = sent.as_slice();
        for length in reads.iter().cycle() {
            let (read, later) = rest.split_at(rest.len().min(*length));
            received.extend(assemble(&mut assembler, read).unwrap().iter().map(|m| m.octets().to_vec()));
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(received, expected);
        prop_assert!(assembler.is_idle());
    }

    #[test]
    fn no_octets_make_the_assembler_panic_or_hoard(
        mut chunks in vec((vec(any::<u8>(), 0..64), 0u8..9, 0u8..4, 0u8..4), 0..10),
    ) {
        let mut assembler = Assembler::new(SMALL);
        for (content, message_type, minor, flags) in &mut chunks {
            let size = u32::try_from(content.len()).unwrap();
            let size = if *flags & 1 == 0 { size.to_be_bytes() } else { size.to_le_bytes() };
            let head = [b'G', b'I', b'O', b'P', 1, *minor, *flags, *message_type];
            let Ok(messages) = assemble(&mut assembler, &[&head[..], &size, content].concat()) else { break };
            for message in messages {
                let _ = message.request(CodeSets::NATIVE, None);
                let _ = message.reply(CodeSets::NATIVE, None);
                let _ = message.locate_request();
                let _ = message.locate_reply(CodeSets::NATIVE, None);
                let _ = message.request_id();
            }
        }
        prop_assert!(assembler.held <= 1012);
    }
}

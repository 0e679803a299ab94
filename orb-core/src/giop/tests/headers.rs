// SPDX-License-Identifier: MIT OR Apache-2.0
//! Headers, on octets written down from the standard.

use super::*;

const CONTEXT: ServiceContext<'static> = ServiceContext {
    id: 1,
    data: b"\0ctx",
};

/// Checks `value` against `expected`, message header left out, in both directions.
#[track_caller]
fn check_request(version: Version, header: &RequestHeader<'_>, expected: &[u8]) {
    let mut encoder = Encoder::new(Endian::Big, version, CodeSets::NATIVE);
    begin(&mut encoder, MessageType::Request);
    header.encode(&mut encoder).unwrap();
    finish(&mut encoder, None).unwrap();
    let octets = encoder.contiguous();
    assert_eq!(octets[HEADER_SIZE..], *expected);
    let message = one(&octets);
    let (read, body) = message.request(CodeSets::NATIVE, None).unwrap();
    assert_eq!(read, *header);
    assert_eq!(body.remaining(), 0);
    for length in HEADER_SIZE..octets.len() {
        let mut decoder = Decoder::new(
            &octets[HEADER_SIZE..length],
            Endian::Big,
            version,
            CodeSets::NATIVE,
        )
        .with_origin(HEADER_SIZE);
        let error = RequestHeader::decode(&mut decoder).unwrap_err();
        assert!(
            matches!(error, CdrError::UnexpectedEnd | CdrError::LengthBeyondEnd),
            "{length}: {error:?}"
        );
    }
}

fn header<'a>(contexts: &'a [ServiceContext<'a>]) -> RequestHeader<'a> {
    RequestHeader {
        request_id: 0x0102_0304,
        response: ResponseFlags::Target,
        target: TargetAddress::Key(b"ab"),
        operation: "op",
        service_contexts: contexts.into(),
    }
}

#[test]
fn the_message_header_is_twelve_octets() {
    let header = MessageHeader {
        version: Version::V1_2,
        endian: Endian::Big,
        more_fragments: true,
        message_type: MessageType::Reply,
        size: 0x0102_0304,
    };
    assert_eq!(header.encode(), *b"GIOP\x01\x02\x02\x01\x01\x02\x03\x04");
    assert_eq!(MessageHeader::decode(&header.encode()), Ok(header));
    let little = MessageHeader {
        endian: Endian::Little,
        more_fragments: false,
        ..header
    };
    assert_eq!(little.encode(), *b"GIOP\x01\x02\x01\x01\x04\x03\x02\x01");
    assert_eq!(MessageHeader::decode(&little.encode()), Ok(little));
}

#[test]
fn what_is_no_header_is_told_apart() {
    let decode = |octets: &[u8; 12]| MessageHeader::decode(octets).unwrap_err();
    assert_eq!(
        decode(b"GIOP\x01\x03\0\0\0\0\0\0"),
        GiopError::UnsupportedVersion(Version { major: 1, minor: 3 })
    );
    assert_eq!(
        decode(b"GIOP\x02\x00\0\0\0\0\0\0"),
        GiopError::UnsupportedVersion(Version { major: 2, minor: 0 })
    );
    assert_eq!(
        decode(b"GIOP\x00\x09\0\0\0\0\0\0"),
        GiopError::UnsupportedVersion(Version { major: 0, minor: 9 })
    );
    assert_eq!(decode(b"GI0P\x01\x02\0\0\0\0\0\0"), GiopError::BadMagic);
    assert_eq!(
        decode(b"GIOP\x01\x02\0\x08\0\0\0\0"),
        GiopError::UnknownMessageType(8)
    );
    assert_eq!(
        decode(b"GIOP\x01\x00\0\x07\0\0\0\0"),
        GiopError::UnknownMessageType(7)
    );
    assert_eq!(decode(b"GIOP\x01\x00\x02\0\0\0\0\0"), GiopError::BadFlags(2));
    assert!(
        MessageHeader::decode(b"GIOP\x01\x01\xfc\x07\0\0\0\0").is_ok(),
        "reserved flags are ignored"
    );
}

#[test]
fn all_message_types_have_their_numbers() {
    for (code, message_type) in [
        MessageType::Request,
        MessageType::Reply,
        MessageType::CancelRequest,
        MessageType::LocateRequest,
        MessageType::LocateReply,
        MessageType::CloseConnection,
        MessageType::MessageError,
        MessageType::Fragment,
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(usize::from(message_type.code()), code);
        let mut octets = *b"GIOP\x01\x02\0\0\0\0\0\0";
        octets[7] = message_type.code();
        assert_eq!(MessageHeader::decode(&octets).unwrap().message_type, message_type);
    }
}

#[test]
fn a_request_of_giop_1_0() {
    #[rustfmt::skip]
    check_request(Version::V1_0, &header(&[CONTEXT]), &[
        0, 0, 0, 1,  0, 0, 0, 1,  0, 0, 0, 4,  0, b'c', b't', b'x', // service contexts
        1, 2, 3, 4, // request id
        1, 0, 0, 0, // response expected
        0, 0, 0, 2, b'a', b'b', 0, 0, // object key
        0, 0, 0, 3, b'o', b'p', 0, 0, // operation
        0, 0, 0, 0, // principal
    ]);
}

#[test]
fn a_request_of_giop_1_1_has_reserved_octets() {
    // The same as in 1.0 here: what is reserved there is padding.
    let header = RequestHeader {
        response: ResponseFlags::None,
        target: TargetAddress::Key(b""),
        ..header(&[])
    };
    #[rustfmt::skip]
    check_request(Version::V1_1, &header, &[
        0, 0, 0, 0, // service contexts
        1, 2, 3, 4, // request id
        0, 0, 0, 0, // response expected, reserved
        0, 0, 0, 0, // object key
        0, 0, 0, 3, b'o', b'p', 0, 0, // operation
        0, 0, 0, 0, // principal
    ]);
}

#[test]
fn a_request_of_giop_1_2() {
    #[rustfmt::skip]
    check_request(Version::V1_2, &header(&[CONTEXT]), &[
        1, 2, 3, 4, // request id
        3, 0, 0, 0, // response flags, reserved
        0, 0, 0, 0, // by key
        0, 0, 0, 2, b'a', b'b', 0, 0, // object key
        0, 0, 0, 3, b'o', b'p', 0, 0, // operation
        0, 0, 0, 1,  0, 0, 0, 1,  0, 0, 0, 4,  0, b'c', b't', b'x', // service contexts
    ]);
}

#[test]
fn a_request_of_giop_1_2_by_profile_and_by_reference() {
    // An IIOP 1.0 profile, big-endian: version, host "h", port 1, key "ab".
    let profile = [0, 1, 0, 0, 0, 0, 0, 2, b'h', 0, 0, 1, 0, 0, 0, 2, b'a', b'b'];
    let by_profile = RequestHeader {
        target: TargetAddress::Profile {
            tag: 0,
            data: &profile,
        },
        ..header(&[])
    };
    #[rustfmt::skip]
    let expected = [
        &[1, 2, 3, 4,  3, 0, 0, 0,  0, 1, 0, 0,  0, 0, 0, 0,  0, 0, 0, 18][..],
        &profile, &[0, 0],
        &[0, 0, 0, 3, b'o', b'p', 0, 0,  0, 0, 0, 0],
    ];
    check_request(Version::V1_2, &by_profile, &expected.concat());
    assert_eq!(by_profile.target.object_key().unwrap(), b"ab");

    let target = TargetAddress::Reference {
        selected: 0,
        type_id: b"T",
        profile: (0, &profile),
    };
    let by_reference = RequestHeader {
        target,
        ..header(&[])
    };
    #[rustfmt::skip]
    let expected = [
        &[1, 2, 3, 4,  3, 0, 0, 0,  0, 2, 0, 0,  0, 0, 0, 0,  0, 0, 0, 2, b'T', 0, 0, 0][..],
        &[0, 0, 0, 1,  0, 0, 0, 0,  0, 0, 0, 18], &profile, &[0, 0],
        &[0, 0, 0, 3, b'o', b'p', 0, 0,  0, 0, 0, 0],
    ];
    check_request(Version::V1_2, &by_reference, &expected.concat());
    assert_eq!(by_reference.target.object_key().unwrap(), b"ab");
    let old = message(
        Version::V1_1,
        Endian::Big,
        MessageType::LocateRequest,
        &[],
        |encoder| {
            LocateRequest {
                request_id: 1,
                target,
            }
            .encode(encoder)
        },
    );
    assert_eq!(
        one(&old).locate_request().unwrap().target,
        TargetAddress::Key(b"ab")
    );
}

#[test]
fn targets_that_lead_to_no_key_are_refused() {
    let other = TargetAddress::Profile { tag: 9, data: b"" };
    assert!(matches!(other.object_key(), Err(CdrError::BadMessage(_))));
    let short = TargetAddress::Profile {
        tag: 0,
        data: &[0, 1, 0],
    };
    assert_eq!(short.object_key(), Err(CdrError::UnexpectedEnd));
    let mut decoder = Decoder::new(&[0, 3], Endian::Big, Version::V1_2, CodeSets::NATIVE);
    assert!(matches!(
        TargetAddress::decode(&mut decoder),
        Err(CdrError::BadDiscriminator(_))
    ));
    // The second of no profiles.
    let none = [0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut decoder = Decoder::new(&none, Endian::Big, Version::V1_2, CodeSets::NATIVE);
    assert!(matches!(
        TargetAddress::decode(&mut decoder),
        Err(CdrError::BadMessage(_))
    ));
}

#[test]
fn response_flags_say_what_the_client_waits_for() {
    let sent = |response, version| {
        let octets = message(version, Endian::Big, MessageType::Request, &[], |encoder| {
            RequestHeader {
                response,
                ..header(&[])
            }
            .encode(encoder)
        });
        one(&octets).request(CodeSets::NATIVE, None).unwrap().0.response
    };
    for response in [ResponseFlags::None, ResponseFlags::Server, ResponseFlags::Target] {
        assert_eq!(sent(response, Version::V1_2), response);
        assert_eq!(
            sent(response, Version::V1_0).response_expected(),
            response.response_expected()
        );
    }
}

#[test]
fn replies_in_each_version() {
    let reply = ReplyHeader {
        request_id: 5,
        status: ReplyStatus::UserException,
        service_contexts: (&[CONTEXT][..]).into(),
    };
    let contexts = [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 4, 0, b'c', b't', b'x'];
    let id_and_status = [0, 0, 0, 5, 0, 0, 0, 1];
    for version in VERSIONS {
        let octets = message(version, Endian::Big, MessageType::Reply, &[], |encoder| {
            reply.encode(encoder)
        });
        let expected = match version {
            Version::V1_2 => [&id_and_status[..], &contexts].concat(),
            _ => [&contexts[..], &id_and_status].concat(),
        };
        assert_eq!(octets[HEADER_SIZE..], expected);
        let message = one(&octets);
        assert_eq!(message.reply(CodeSets::NATIVE, None).unwrap().0, reply);
        assert_eq!(message.request_id(), Some(5));
    }
}

#[test]
fn statuses_of_giop_1_2_do_not_reach_older_versions() {
    let encode = |status, version| {
        let mut encoder = Encoder::new(Endian::Big, version, CodeSets::NATIVE);
        ReplyHeader {
            request_id: 1,
            status,
            service_contexts: ServiceContexts::default(),
        }
        .encode(&mut encoder)?;
        Ok(encoder.contiguous())
    };
    let forward = encode(ReplyStatus::LocationForwardPerm, Version::V1_1).unwrap();
    assert_eq!(
        forward,
        encode(ReplyStatus::LocationForward, Version::V1_1).unwrap()
    );
    assert!(matches!(
        encode(ReplyStatus::NeedsAddressingMode, Version::V1_0),
        Err(CdrError::BadMessage(_))
    ));
    let read = |code: u8, version| {
        let octets = match version {
            Version::V1_2 => [0, 0, 0, 1, 0, 0, 0, code, 0, 0, 0, 0],
            _ => [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, code],
        };
        ReplyHeader::decode(&mut Decoder::new(&octets, Endian::Big, version, CodeSets::NATIVE))
            .map(|h| h.status)
    };
    assert_eq!(read(5, Version::V1_2), Ok(ReplyStatus::NeedsAddressingMode));
    assert_eq!(read(4, Version::V1_2), Ok(ReplyStatus::LocationForwardPerm));
    assert!(matches!(
        read(4, Version::V1_1),
        Err(CdrError::BadEnum { value: 4, .. })
    ));
    assert!(matches!(
        read(6, Version::V1_2),
        Err(CdrError::BadEnum { value: 6, .. })
    ));
}

#[test]
fn locate_replies_are_followed_by_their_body_without_padding() {
    let mut encoder = Encoder::new(Endian::Big, Version::V1_2, CodeSets::NATIVE);
    begin(&mut encoder, MessageType::LocateReply);
    LocateReply {
        request_id: 3,
        status: LocateStatus::NeedsAddressingMode,
    }
    .encode(&mut encoder)
    .unwrap();
    AddressingDisposition::Reference.encode(&mut encoder);
    finish(&mut encoder, None).unwrap();
    let octets = encoder.contiguous();
    assert_eq!(
        octets,
        b"GIOP\x01\x02\0\x04\0\0\0\x0a\0\0\0\x03\0\0\0\x05\0\x02"[..]
    );
    let message = one(&octets);
    let (reply, mut body) = message.locate_reply(CodeSets::NATIVE, None).unwrap();
    assert_eq!(reply.status, LocateStatus::NeedsAddressingMode);
    assert_eq!(
        AddressingDisposition::decode(&mut body),
        Ok(AddressingDisposition::Reference)
    );
}

#[test]
fn locate_statuses_in_each_version() {
    use LocateStatus::{
        NeedsAddressingMode, ObjectForward, ObjectForwardPerm, ObjectHere, SystemException, UnknownObject,
    };
    for version in VERSIONS {
        for status in [
            UnknownObject,
            ObjectHere,
            ObjectForward,
            ObjectForwardPerm,
            SystemException,
            NeedsAddressingMode,
        ] {
            let mut encoder = Encoder::new(Endian::Big, version, CodeSets::NATIVE);
            let result = LocateReply {
                request_id: 1,
                status,
            }
            .encode(&mut encoder);
            let octets = encoder.contiguous();
            let read =
                LocateReply::decode(&mut Decoder::new(&octets, Endian::Big, version, CodeSets::NATIVE));
            match (version, status) {
                (Version::V1_2, _) | (_, UnknownObject | ObjectHere | ObjectForward) => {
                    assert_eq!(read.unwrap().status, status);
                }
                (_, ObjectForwardPerm) => assert_eq!(read.unwrap().status, ObjectForward),
                _ => assert!(result.is_err()),
            }
        }
    }
    let mut decoder = Decoder::new(
        &[0, 0, 0, 1, 0, 0, 0, 3],
        Endian::Big,
        Version::V1_1,
        CodeSets::NATIVE,
    );
    assert!(matches!(
        LocateReply::decode(&mut decoder),
        Err(CdrError::BadEnum { value: 3, .. })
    ));
}

#[test]
fn messages_without_content() {
    assert_eq!(close_connection(Version::V1_0)[..6], *b"GIOP\x01\0");
    assert_eq!(close_connection(Version::V1_0)[7..], [5, 0, 0, 0, 0]);
    assert_eq!(message_error(Version::V1_2)[7..], [6, 0, 0, 0, 0]);
    assert_eq!(one(&close_connection(Version::V1_1)).request_id(), None);
    let cancel = message(
        Version::V1_2,
        Endian::Big,
        MessageType::CancelRequest,
        &[],
        |encoder| {
            CancelRequest { request_id: 9 }.encode(encoder);
            Ok(())
        },
    );
    assert_eq!(cancel, b"GIOP\x01\x02\0\x02\0\0\0\x04\0\0\0\x09");
    assert_eq!(one(&cancel).cancel_request().unwrap().request_id, 9);
}

#[test]
fn bodies_of_giop_1_2_start_at_eight_and_empty_ones_add_nothing() {
    for version in VERSIONS {
        for operation in ["a", "ab", "abc", "abcd", "abcde", "abcdef", "abcdefg", "abcdefgh"] {
            let header = RequestHeader {
                operation,
                ..header(&[])
            };
            let make = |body: &[i32]| {
                message(version, Endian::Big, MessageType::Request, body, |encoder| {
                    header.encode(encoder)
                })
            };
            let (empty, full) = (make(&[]), make(&[0x0102_0304]));
            let message = one(&full);
            let (_, mut body) = message.request(CodeSets::NATIVE, None).unwrap();
            if version == Version::V1_2 {
                assert_eq!(body.position() % 8, 0);
                assert_eq!(full.len() % 8, 4);
            }
            assert_eq!((body.long(), body.remaining()), (Ok(0x0102_0304), 0));
            assert!(empty.len() + 4 <= full.len());
            assert_eq!(
                empty.len() % 4,
                0,
                "ends with the service contexts or the principal"
            );
            let message = one(&empty);
            assert_eq!(message.request(CodeSets::NATIVE, None).unwrap().1.remaining(), 0);
        }
    }
}

#[test]
fn padding_cut_short_is_an_error() {
    let mut octets = request(Version::V1_2, Endian::Big, 1, &[1]);
    let message = one(&octets);
    let body = message.request(CodeSets::NATIVE, None).unwrap().1.position();
    // One octet of padding where there should be four: operation "read" leaves 4 to the next 8.
    let header_end = body - 4;
    octets.truncate(header_end + 1);
    octets[11] = u8::try_from(octets.len() - HEADER_SIZE).unwrap();
    assert_eq!(
        one(&octets).request(CodeSets::NATIVE, None).unwrap_err(),
        CdrError::UnexpectedEnd
    );
}

#[test]
fn service_contexts_are_found_and_iterated_lazily() {
    let list = [
        ServiceContext { id: 7, data: b"" },
        ServiceContext {
            id: 1,
            data: b"abcde",
        },
        CONTEXT,
    ];
    for endian in ENDIANS {
        let mut encoder = Encoder::new(endian, Version::V1_2, CodeSets::NATIVE);
        ServiceContexts::from(&list[..]).encode(&mut encoder).unwrap();
        let octets = encoder.contiguous();
        let mut decoder = Decoder::new(&octets, endian, Version::V1_2, CodeSets::NATIVE);
        let read = ServiceContexts::decode(&mut decoder).unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), list);
        assert_eq!((read.len(), read.is_empty()), (3, false));
        assert_eq!(read.find(1), Some(&b"abcde"[..]));
        assert_eq!(read.find(2), None);
        assert_eq!(read, ServiceContexts::from(&list[..]));
    }
}

#[test]
fn the_request_id_is_known_even_where_the_rest_is_malformed() {
    for version in VERSIONS {
        let mut octets = request(version, Endian::Little, 77, &[]);
        assert_eq!(one(&octets).request_id(), Some(77));
        // The operation loses its terminator.
        let at = octets.windows(5).position(|window| window == b"read\0").unwrap();
        octets[at + 4] = b'!';
        let message = one(&octets);
        assert_eq!(
            message.request(CodeSets::NATIVE, None).unwrap_err(),
            CdrError::MissingNul
        );
        assert_eq!(message.request_id(), Some(77));
    }
}

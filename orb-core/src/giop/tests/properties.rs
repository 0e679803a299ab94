// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever header is written is read again, and no damage to a message does harm.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::exception::SystemException;
use crate::ior::{IiopProfile, TAG_INTERNET_IOP};

type Contexts = Vec<(u32, Vec<u8>)>;

fn version() -> impl Strategy<Value = Version> {
    (0u8..=2).prop_map(|minor| Version { major: 1, minor })
}

fn endian() -> impl Strategy<Value = Endian> {
    any::<bool>().prop_map(|big| if big { Endian::Big } else { Endian::Little })
}

fn contexts() -> impl Strategy<Value = Contexts> {
    vec((any::<u32>(), vec(any::<u8>(), 0..20)), 0..4)
}

fn borrowed(contexts: &Contexts) -> Vec<ServiceContext<'_>> {
    contexts
        .iter()
        .map(|(id, data)| ServiceContext { id: *id, data })
        .collect()
}

/// Reads a message in every way there is.
fn look_into(octets: &[u8]) {
    let Ok(messages) = assemble(&mut Assembler::default(), octets) else {
        return;
    };
    for message in messages {
        let _ = message.request_id();
        if let Ok((header, mut body)) = message.request(CodeSets::NATIVE, None) {
            let _ = (header.target.object_key(), body.string());
        }
        if let Ok((_, mut body)) = message.reply(CodeSets::NATIVE, None) {
            let _ = <SystemException as crate::cdr::Unmarshal>::unmarshal(&mut body);
        }
        let _ = message
            .locate_request()
            .map(|locate| locate.target.object_key().is_ok());
        let _ = message.locate_reply(CodeSets::NATIVE, None);
        let _ = message.cancel_request();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn requests_survive(
        (version, endian, request_id) in (version(), endian(), any::<u32>()),
        expected in any::<bool>(),
        key in vec(any::<u8>(), 0..30),
        way in 0..3,
        operation in "[a-zA-Z_][a-zA-Z0-9_]{0,20}",
        contexts in contexts(),
        body in vec(any::<i32>(), 0..10),
    ) {
        let contexts = borrowed(&contexts);
        let profile = IiopProfile::new("host", 1, key.clone()).to_tagged();
        let target = match way {
            0 => TargetAddress::Key(&key),
            1 => TargetAddress::Profile { tag: TAG_INTERNET_IOP, data: &profile.data },
            _ => TargetAddress::Reference { selected: 0, type_id: b"IDL:T:1.0", profile: (0, &profile.data) },
        };
        let response = if expected { ResponseFlags::Target } else { ResponseFlags::None };
        let header =
            RequestHeader { request_id, response, target, operation: &operation, service_contexts: contexts[..].into() };
        let octets = message(version, endian, MessageType::Request, &body, |encoder| header.encode(encoder));
        let message = one(&octets);
        prop_assert_eq!(message.request_id(), Some(request_id));
        let (read, mut rest) = message.request(CodeSets::NATIVE, None).unwrap();
        prop_assert_eq!(read.target.object_key().unwrap(), &key[..]);
        let header = if version < Version::V1_2 {
            RequestHeader { target: TargetAddress::Key(&key), ..header }
        } else {
            header
        };
        prop_assert_eq!(read, header);
        prop_assert_eq!(rest.primitive_vec::<i32>(body.len()).unwrap(), body);
        prop_assert_eq!(rest.remaining(), 0);
    }

    #[test]
    fn replies_survive(
        (version, endian, request_id) in (version(), endian(), any::<u32>()),
        status in 0usize..6,
        contexts in contexts(),
        body in vec(any::<i32>(), 0..10),
    ) {
        let status = [
            ReplyStatus::NoException,
            ReplyStatus::UserException,
            ReplyStatus::SystemException,
            ReplyStatus::LocationForward,
            ReplyStatus::LocationForwardPerm,
            ReplyStatus::NeedsAddressingMode,
        ][if version < Version::V1_2 { status.min(3) } else { status }];
        let contexts = borrowed(&contexts);
        let header = ReplyHeader { request_id, status, service_contexts: contexts[..].into() };
        let octets = message(version, endian, MessageType::Reply, &body, |encoder| header.encode(encoder));
        let message = one(&octets);
        let (read, mut rest) = message.reply(CodeSets::NATIVE, None).unwrap();
        prop_assert_eq!(read, header);
        prop_assert_eq!(rest.primitive_vec::<i32>(body.len()).unwrap(), body);
    }

    #[test]
    fn locate_requests_survive(
        (version, endian, request_id) in (version(), endian(), any::<u32>()),
        key in vec(any::<u8>(), 0..30),
    ) {
        let locate = LocateRequest { request_id, target: TargetAddress::Key(&key) };
        let mut encoder = Encoder::new(endian, version, CodeSets::NATIVE);
        begin(&mut encoder, MessageType::LocateRequest);
        locate.encode(&mut encoder).unwrap();
        finish(&mut encoder, None).unwrap();
        let octets = encoder.contiguous();
        let message = one(&octets);
        prop_assert_eq!(message.locate_request().unwrap(), locate);
        for length in HEADER_SIZE..octets.len() {
            let mut cut = octets[..length].to_vec();
            let header = MessageHeader::decode(octets[..HEADER_SIZE].try_into().unwrap()).unwrap();
            let size = u32::try_from(length - HEADER_SIZE).unwrap();
            cut[..HEADER_SIZE].copy_from_slice(&MessageHeader { size, ..header }.encode());
            prop_assert!(one(&cut).locate_request().is_err(), "{}", length);
        }
    }

    #[test]
    fn headers_survive(
        (version, endian, size) in (version(), endian(), any::<u32>()),
        more in any::<bool>(),
        code in 0u8..8,
    ) {
        let mut octets = *b"GIOP\x01\x00\0\0\0\0\0\0";
        octets[5] = version.minor;
        octets[7] = code;
        if let Ok(header) = MessageHeader::decode(&octets) {
            let more_fragments = more && version > Version::V1_0;
            let header = MessageHeader { endian, size, more_fragments, ..header };
            prop_assert_eq!(MessageHeader::decode(&header.encode()), Ok(header));
        } else {
            prop_assert_eq!((code, version), (7, Version::V1_0));
        }
    }

    #[test]
    fn damage_does_no_harm(
        (version, endian) in (version(), endian()),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut octets = request(version, endian, 1, &[1, 2]);
        let length = octets.len();
        octets[at.index(length)] = to;
        look_into(&octets);
        look_into(&octets[..cut.index(length)]);
        // As every type of message, with a size that is right.
        for code in 0..8 {
            let mut other = octets.clone();
            other[7] = code;
            look_into(&other);
        }
    }
}

#[test]
fn messages_that_are_kept_do_not_change_while_others_come() {
    let mut assembler = Assembler::default();
    let mut kept = Vec::new();
    for id in 0..50 {
        let sent = request(Version::V1_2, Endian::Little, id, &[7; 20]);
        kept.extend(assemble(&mut assembler, &sent).unwrap());
        if id % 7 == 0 {
            kept.remove(0);
        }
    }
    for message in kept {
        let id = message.request_id().unwrap();
        assert_eq!(
            message.octets(),
            &request(Version::V1_2, Endian::Little, id, &[7; 20])
        );
    }
}

#[test]
fn the_buffer_is_used_again_once_its_messages_are_gone() {
    let sent = request(Version::V1_2, Endian::Little, 1, &[7; 20]);
    let mut assembler = Assembler::default();
    let mut places = std::collections::HashSet::new();
    for _ in 0..100 {
        let message = assemble(&mut assembler, &sent).unwrap().remove(0);
        places.insert(message.octets().as_ptr());
    }
    assert!(places.len() < 4, "{} places", places.len());
}

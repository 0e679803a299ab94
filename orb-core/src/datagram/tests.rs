// SPDX-License-Identifier: MIT OR Apache-2.0

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use super::*;
use crate::{
    cdr::{Encoder, Endian, Version},
    giop::{self, ServiceContext, ServiceContexts, TargetAddress},
};

const STAMP: Stamp = Stamp {
    sender: 0x0102_0304_0506_0708,
    number: 3,
};

fn request(endian: Endian, version: Version, response: ResponseFlags) -> Vec<u8> {
    let data = STAMP.encode();
    let contexts = [
        ServiceContext {
            id: 1,
            data: &[0; 12],
        },
        ServiceContext { id: ID, data: &data },
    ];
    let mut encoder = Encoder::new(endian, version, CodeSets::UNNEGOTIATED);
    giop::begin(&mut encoder, MessageType::Request);
    let header = RequestHeader {
        request_id: 5,
        response,
        target: TargetAddress::Key(b"key"),
        operation: "note",
        service_contexts: ServiceContexts::from(&contexts[..]),
    };
    header.encode(&mut encoder).unwrap();
    giop::finish(&mut encoder, None).unwrap();
    encoder.contiguous().to_vec()
}

fn whole() -> Vec<u8> {
    request(Endian::NATIVE, Version::V1_2, ResponseFlags::None)
}

#[test]
fn a_whole_request_that_nobody_waits_for_is_taken_in_all_versions_and_byte_orders() {
    for version in [Version::V1_0, Version::V1_1, Version::V1_2] {
        for endian in [Endian::Big, Endian::Little] {
            let datagram = request(endian, version, ResponseFlags::None);
            assert_eq!(read(&datagram, 1000), Ok(Some(STAMP)), "{version} {endian:?}");
        }
    }
}

#[test]
fn what_is_less_or_more_than_one_message_is_malformed() {
    let datagram = whole();
    for length in 0..datagram.len() {
        let cut = datagram.get(..length).unwrap();
        assert_eq!(read(cut, 1000), Err(Discarded::Malformed), "{length} octets");
    }
    let twice = [&datagram[..], &datagram].concat();
    assert_eq!(read(&twice, 1000), Err(Discarded::Malformed));
    assert_eq!(read(&[0xa5; 400], 1000), Err(Discarded::Malformed));
    let mut fragment = datagram;
    fragment[6] |= 2;
    assert_eq!(read(&fragment, 1000), Err(Discarded::Malformed));
}

#[test]
fn a_header_that_makes_no_sense_is_malformed() {
    let datagram = whole();
    // The length of the object key.
    let mut long = datagram.clone();
    long[24..28].fill(0xff);
    assert_eq!(read(&long, 1000), Err(Discarded::Malformed));
    for at in 0..datagram.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut garbled = datagram.clone();
            garbled[at] = value;
            // It is taken or not; it must not panic.
            let _ = read(&garbled, 1000);
        }
    }
}

#[test]
fn what_is_to_be_answered_is_not_taken() {
    for response in [ResponseFlags::Server, ResponseFlags::Target] {
        let datagram = request(Endian::NATIVE, Version::V1_2, response);
        assert_eq!(read(&datagram, 1000), Err(Discarded::Unanswerable));
    }
    let goodbye = giop::close_connection(Version::V1_2);
    assert_eq!(read(&goodbye, 1000), Err(Discarded::Unanswerable));
}

#[test]
fn what_is_longer_than_messages_may_be_is_told_from_what_is_none() {
    let datagram = whole();
    let content = datagram.len() - HEADER_SIZE;
    assert_eq!(read(&datagram, content - 1), Err(Discarded::TooLong));
    assert!(read(&datagram, content).is_ok());
}

#[test]
fn a_stamp_in_another_form_is_left_alone() {
    let data = STAMP.encode();
    assert_eq!(Stamp::decode(&data), Some(STAMP));
    assert_eq!(Stamp::decode(&data[..23]), None);
    assert_eq!(Stamp::decode(&[&data[..], &[0]].concat()), None);
    let mut other = data;
    other[1] = 2;
    assert_eq!(Stamp::decode(&other), None);
}

#[test]
fn what_was_not_sent_gives_its_number_back() {
    let stamps = Stamps::new();
    let (first, second) = (stamps.next(), stamps.next());
    assert_eq!((first.number, second.number), (1, 2));
    stamps.take_back(first);
    assert_eq!(stamps.next().number, 3, "others came behind it");
    let fourth = stamps.next();
    stamps.take_back(fourth);
    assert_eq!(stamps.next(), fourth);
    assert_ne!(Stamps::new().next().sender, fourth.sender);
}

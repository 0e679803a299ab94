// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever comes in a datagram, the next one is served.

use std::net::UdpSocket;

use orb_core::{
    cdr::{Encoder, Endian, Version},
    codeset::{CodeSetContext, CodeSets},
    giop::{
        self, MessageType, RequestHeader, ResponseFlags, ServiceContext, ServiceContexts, TargetAddress,
        context_id,
    },
};
use upcall::Bytes;
use upcall_tests::serving::until;

use super::{Client, Server, loss::address};

/// A request for the server's object, octet by octet.
fn request(
    server: &Server,
    version: Version,
    endian: Endian,
    (operation, response): (&str, ResponseFlags),
    contexts: &[ServiceContext<'_>],
    body: impl FnOnce(&mut Encoder<'_>),
) -> Vec<u8> {
    let profile = server.log.as_ref().ior().iiop_profiles().next().unwrap();
    let mut encoder = Encoder::new(endian, version, CodeSets::NATIVE);
    giop::begin(&mut encoder, MessageType::Request);
    let header = RequestHeader {
        request_id: 1,
        response,
        target: TargetAddress::Key(&profile.object_key),
        operation,
        service_contexts: ServiceContexts::from(contexts),
    };
    header.encode(&mut encoder).unwrap();
    let padding = giop::begin_body(&mut encoder);
    body(&mut encoder);
    giop::finish(&mut encoder, Some(padding)).unwrap();
    encoder.contiguous().to_vec()
}

fn note(server: &Server, version: Version, endian: Endian, number: u32) -> Vec<u8> {
    request(
        server,
        version,
        endian,
        ("note", ResponseFlags::None),
        &[],
        |body| {
            body.ulong(number);
            body.octets(b"by hand").unwrap();
        },
    )
}

#[test]
fn datagrams_that_are_no_oneway_are_dropped_and_counted_by_their_cause() {
    let server = Server::start();
    let client = Client::of(&server);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(address(server.log.as_ref())).unwrap();
    let good = note(&server, Version::V1_2, Endian::NATIVE, 7);
    let mut fragment = good.clone();
    fragment[6] |= 2;
    let mut version = good.clone();
    version[5] = 9;
    let mut key = good.clone();
    // The length of the object key.
    key[24..28].fill(0xff);
    let twice = [&good[..], &good].concat();
    let malformed: [&[u8]; 9] = [
        b"",
        b"GIOP",
        &[0xa5; 1000],
        &good[..good.len() - 1],
        &good[..20],
        &twice,
        &fragment,
        &version,
        &key,
    ];
    let count = |response| {
        let operation = ("count", response);
        request(&server, Version::V1_2, Endian::NATIVE, operation, &[], |_| {})
    };
    let unanswerable: [&[u8]; 4] = [
        &count(ResponseFlags::Target),
        &count(ResponseFlags::Server),
        &giop::close_connection(Version::V1_2),
        &giop::message_error(Version::V1_2),
    ];
    for (number, datagram) in (0..).zip(malformed.iter().chain(&unanswerable)) {
        socket.send(datagram).unwrap();
        client.log.note(number, &Bytes::new()).send().unwrap();
        until("the next one is served", || {
            server.notes.numbers().len() > number as usize
        });
    }
    server.expect("malformed", malformed.len() as u64);
    server.expect("unanswerable", unanswerable.len() as u64);
    server.expect("missing", 0);
    // Nobody was answered.
    socket.set_nonblocking(true).unwrap();
    assert!(socket.recv(&mut [0; 100]).is_err());
    assert_eq!(client.calls.count().wait().unwrap(), 13);
}

#[test]
fn a_flood_of_garbage_does_not_keep_others_out() {
    let server = Server::start();
    let client = Client::of(&server);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(address(server.log.as_ref())).unwrap();
    for number in 0..20 {
        for _ in 0..200 {
            socket.send(&[0xff; 64]).unwrap();
        }
        // It may have been lost in the flood.
        until("one gets through", || {
            client.log.note(number, &Bytes::new()).send().unwrap();
            server.notes.numbers().contains(&number)
        });
    }
    assert!(server.counted("malformed") > 64);
    assert!(client.calls.count().wait().unwrap() >= 20);
}

#[test]
fn every_version_and_byte_order_is_served_whoever_sends_it() {
    let server = Server::start();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(address(server.log.as_ref())).unwrap();
    let mut number = 0;
    for version in [Version::V1_0, Version::V1_1, Version::V1_2] {
        for endian in [Endian::Big, Endian::Little] {
            socket.send(&note(&server, version, endian, number)).unwrap();
            number += 1;
            until("it is served", || server.notes.numbers().len() == number as usize);
        }
    }
    assert_eq!(server.notes.numbers(), [0, 1, 2, 3, 4, 5]);
    server.expect("missing", 0);
}

#[test]
fn each_datagram_speaks_for_itself() {
    let server = Server::start();
    let client = Client::of(&server);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(address(server.log.as_ref())).unwrap();
    let said = |count| server.notes.said.lock().unwrap().len() == count;
    client.log.say("größer → ∞").send().unwrap();
    until("the code sets came along", || said(1));
    // Another client has chosen something else, and says so.
    let other = CodeSets {
        narrow: orb_core::codeset::CharSet::Latin1,
        wide: orb_core::codeset::WideSet::Utf16,
    };
    let data = CodeSetContext::from(other).encode();
    let contexts = [ServiceContext {
        id: context_id::CODE_SETS,
        data: &data,
    }];
    let operation = ("say", ResponseFlags::None);
    let message = request(
        &server,
        Version::V1_2,
        Endian::NATIVE,
        operation,
        &contexts,
        |body| {
            body.wstring("≠").unwrap();
        },
    );
    socket.send(&message).unwrap();
    until("it is served", || said(2));
    client.log.say("größer → ∞").send().unwrap();
    until("and no other message was touched", || said(3));
    let said = server.notes.said.lock().unwrap();
    assert_eq!(*said, ["größer → ∞", "≠", "größer → ∞"]);
}

#[test]
fn what_is_longer_than_messages_may_be_is_dropped_and_others_are_not() {
    let server = Server::at("127.0.0.1", |builder| builder.max_message_size(2000));
    let client = Client::of(&server);
    client.log.note(1, &Bytes::from(vec![1; 3000])).send().unwrap();
    client.log.note(2, &Bytes::from(vec![1; 1000])).send().unwrap();
    server.expect("taken", 1);
    server.expect("too_long", 1);
    assert_eq!(server.notes.numbers(), [2]);
}

#[test]
fn the_server_ends_at_once_while_datagrams_come() {
    let server = Server::start();
    let client = Client::of(&server);
    for number in 0..100 {
        client.log.note(number, &Bytes::new()).send().unwrap();
    }
    until("some have come", || !server.notes.numbers().is_empty());
    server.orb.shutdown();
    // Nobody is there, and nobody is told: that is what datagrams are.
    for number in 0..10 {
        client.log.note(number, &Bytes::new()).send().unwrap();
    }
}

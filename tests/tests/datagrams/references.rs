// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who says that oneways go by datagrams, and what the references of others say of it.

use orb_core::{invoke::SyncScope, ior::TAG_DIOP, transport::Endpoint};
use upcall::{Bytes, Orb, SystemExceptionKind};
use upcall_tests::{interop::omniorb, peers, serving::until, skip};

use super::{Client, LogRef, Server};

#[test]
fn references_name_the_endpoint_in_a_profile_of_its_own_behind_that_of_iiop() {
    let server = Server::start();
    let ior = server.log.as_ref().ior();
    let tags: Vec<_> = ior.profiles.iter().map(|profile| profile.tag).collect();
    assert_eq!(tags, [0, TAG_DIOP]);
    let iiop = ior.iiop_profiles().next().unwrap();
    let diop = ior.profiles[1].as_diop().unwrap().unwrap();
    assert_eq!(
        (iiop.object_key, iiop.version),
        (diop.object_key.clone(), diop.version)
    );
    let at = Endpoint::diop(diop.host, diop.port);
    assert!(server.orb.endpoints().contains(&at));
}

#[test]
fn nothing_goes_by_datagrams_that_was_not_asked_to() {
    let server = Server::start();
    let client = Client::of(&server);
    for _ in 0..5 {
        client.calls.note(1, &Bytes::new()).send().unwrap();
    }
    // Oneways that are answered are not lost.
    for scope in [SyncScope::WithServer, SyncScope::WithTarget] {
        client
            .log
            .note(2, &Bytes::new())
            .sync_scope(scope)
            .send()
            .unwrap();
    }
    until("all are there", || server.notes.numbers().len() == 7);
    server.expect("taken", 0);
    let patient = client.log.as_ref().with_timeout(upcall_tests::PATIENCE);
    let impatient = LogRef::from(patient)
        .note(3, &Bytes::new())
        .sync_scope(SyncScope::None)
        .send();
    impatient.unwrap();
    server.expect("taken", 1);
}

#[test]
fn a_reference_without_the_endpoint_cannot_be_asked_to() {
    let builder = Orb::builder().environment(false).fabric(None).statistics(None);
    let orb = builder.build().unwrap();
    let object = orb.string_to_object("corbaloc::127.0.0.1:1/object").unwrap();
    let refused = object.with_datagrams().unwrap_err();
    assert_eq!(refused.kind(), SystemExceptionKind::InvPolicy);
    assert!(
        refused.to_string().contains("no endpoint for datagrams"),
        "{refused}"
    );
}

#[test]
fn what_no_datagram_has_room_for_is_refused_before_it_is_sent() {
    let server = Server::start();
    let client = Client::of(&server);
    let large = Bytes::from(vec![1; 65_500]);
    for scope in [SyncScope::WithTransport, SyncScope::None] {
        let refused = client.log.note(1, &large).sync_scope(scope).send().unwrap_err();
        assert_eq!(refused.kind(), SystemExceptionKind::ImpLimit);
        assert!(refused.to_string().contains("65507"), "{refused}");
    }
    // Most of what is as large as can be is the octets.
    let largest = Bytes::from(vec![2; 65_300]);
    client.log.note(2, &largest).send().unwrap();
    until("it has come", || server.notes.numbers() == [2]);
    assert_eq!(server.notes.noted.lock().unwrap()[0].1, largest);
    // What was not sent is not missing.
    client.log.note(3, &Bytes::new()).send().unwrap();
    server.expect("taken", 2);
    server.expect("missing", 0);
    // By other ways it goes.
    client.calls.note(4, &large).send().unwrap();
    until("it has come", || server.notes.numbers() == [2, 3, 4]);
}

#[test]
fn an_object_of_the_same_orb_is_called_directly() {
    let server = Server::start();
    let log = LogRef::from(server.log.as_ref().with_datagrams().unwrap());
    log.note(1, &Bytes::new()).send().unwrap();
    assert_eq!(server.notes.numbers(), [1]);
    server.expect("taken", 0);
}

#[test]
fn omniorb_calls_an_object_whose_reference_names_datagrams() {
    let name = "omniorb_calls_an_object_whose_reference_names_datagrams";
    let omniorb = match peers::omniorb() {
        Ok(omniorb) => omniorb,
        Err(reason) => return skip(name, &reason),
    };
    let builder = Orb::builder().environment(false).fabric(None).statistics(None);
    let orb = builder
        .listen("iiop://127.0.0.1:0")
        .listen("diop://127.0.0.1:0")
        .build()
        .unwrap();
    omniorb::checks_us(&omniorb, &orb, &["--theirs", "utf8"], 230);
}

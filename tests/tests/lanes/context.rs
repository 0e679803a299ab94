// SPDX-License-Identifier: MIT OR Apache-2.0
//! The service context in which a client asks for its own flow, as anybody may send it.

use std::net::{Ipv4Addr, SocketAddr};

use orb_core::{
    cdr::Version,
    codeset::CodeSets,
    giop::{Message, ReplyStatus, ResponseFlags, ServiceContext},
    qos::context,
};
use upcall_tests::serving::Peer;

use super::*;

/// A connection to the lane of an object, and the object's key.
fn connect(sensor: &SensorRef) -> (Peer, Vec<u8>) {
    let object: &upcall::ObjectRef = sensor.as_ref();
    let key = object.ior().iiop_profiles().next().expect("a profile").object_key;
    let lane = SocketAddr::from((Ipv4Addr::LOCALHOST, port(sensor)));
    (Peer::new(lane), key.to_vec())
}

fn ask(peer: &mut Peer, key: &[u8], operation: &str, data: &[u8]) -> Message {
    let contexts = [ServiceContext {
        id: context::ID,
        data,
    }];
    let request = peer.request_with(key, operation, ResponseFlags::Target, &contexts, &[]);
    peer.send(&request);
    peer.receive().expect("an answer")
}

fn grant(reply: &Message) -> Option<upcall::qos::Granted> {
    let (header, _) = reply.reply(CodeSets::UNNEGOTIATED, None).unwrap();
    assert_eq!(header.status, ReplyStatus::NoException);
    context::decode_grant(header.service_contexts.find(context::ID)?)
}

#[test]
fn any_request_may_ask_at_any_time_and_is_served_once() {
    let server = server();
    let thermometer = Thermometer::default();
    let exported = export(&server, "t", &thermometer, soon()).unwrap();
    let (mut peer, key) = connect(&exported);
    for (calls, weight) in (1..).zip([3, 4, 3]) {
        let qos = Qos::best_effort(weight);
        let reply = ask(&mut peer, &key, "_get_name", &context::encode_request(&qos));
        assert_eq!(grant(&reply).expect("a grant").qos, qos);
        let (_, mut body) = reply.reply(CodeSets::UNNEGOTIATED, None).unwrap();
        assert_eq!(body.string().unwrap(), "t0");
        assert_eq!(thermometer.calls(), calls);
    }
    server.shutdown();
}

#[test]
fn grants_travel_in_every_version_of_giop_and_with_replies_that_have_no_results() {
    let server = server();
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let (mut peer, key) = connect(&exported);
    let data = context::encode_request(&Qos::best_effort(3));
    let contexts = [ServiceContext {
        id: context::ID,
        data: &data,
    }];
    for version in [Version::V1_0, Version::V1_1, Version::V1_2] {
        peer.version = version;
        for (operation, argument) in [("_get_gain", false), ("_set_gain", true)] {
            let target = ResponseFlags::Target;
            let request = peer.request_of(&key, operation, target, &contexts, |encoder| {
                if argument {
                    let _ = orb_core::giop::begin_body(encoder);
                    encoder.double(2.5);
                }
                Ok(())
            });
            peer.send(&request);
            let reply = peer.receive().expect("an answer");
            assert_eq!(grant(&reply).expect("a grant").qos, Qos::best_effort(3));
            let (_, mut body) = reply.reply(CodeSets::UNNEGOTIATED, None).unwrap();
            assert_eq!(body.double().is_ok(), !argument);
            assert_eq!(body.remaining(), 0);
        }
    }
    server.shutdown();
}

#[test]
fn what_follows_a_request_that_asks_waits_and_keeps_its_order() {
    let server = server();
    let thermometer = Thermometer::default();
    let exported = export(&server, "t", &thermometer, soon()).unwrap();
    let (mut peer, key) = connect(&exported);
    let mut burst = Vec::new();
    for weight in 1..=5 {
        let data = context::encode_request(&Qos::best_effort(weight));
        let contexts = [ServiceContext {
            id: context::ID,
            data: &data,
        }];
        burst.extend(peer.request_with(&key, "_get_name", ResponseFlags::Target, &contexts, &[]));
        burst.extend(peer.request_to(&key, "_get_name", ResponseFlags::Target, &[]));
    }
    peer.send(&burst);
    for id in 1..=10 {
        let reply = peer.receive().expect("an answer");
        let (header, _) = reply.reply(CodeSets::UNNEGOTIATED, None).unwrap();
        assert_eq!(header.request_id, id);
        assert_eq!(grant(&reply).is_some(), id % 2 == 1);
    }
    server.shutdown();
}

#[test]
fn contexts_that_make_no_sense_here_are_left_unread() {
    let server = server();
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let (mut peer, key) = connect(&exported);
    let good = context::encode_request(&Qos::best_effort(1));
    let mut later = good.clone();
    later[0] = 2;
    let long = [&good[..], &[0; 5000]].concat();
    let variants = [
        &later[..],
        &[],
        &[1],
        &[1, 9],
        &[1, 0, 255],
        &good[..1],
        &long[..200],
    ];
    for data in variants {
        let reply = ask(&mut peer, &key, "_non_existent", data);
        assert_eq!(grant(&reply), None, "{data:?}");
    }
    assert_eq!(lane(&server, "t").clients[0].qos, soon());
    assert!(grant(&ask(&mut peer, &key, "_non_existent", &good)).is_some());
    server.shutdown();
}

#[test]
fn whoever_asks_and_leaves_at_once_leaves_nothing_behind() {
    let server = server();
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let data = context::encode_request(&Qos::isochronous(Duration::from_millis(5), 2));
    let contexts = [ServiceContext {
        id: context::ID,
        data: &data,
    }];
    for _ in 0..50 {
        let (mut peer, key) = connect(&exported);
        let request = peer.request_with(&key, "_get_name", ResponseFlags::Target, &contexts, &[]);
        peer.send(&request);
    }
    upcall_tests::serving::until("all have gone", || lane(&server, "t").clients.is_empty());
    server.root_poa().deactivate("t").unwrap();
    export(&server, "u", &Thermometer::default(), most()).unwrap();
    server.shutdown();
}

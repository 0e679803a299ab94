// SPDX-License-Identifier: MIT OR Apache-2.0
//! Clients that misbehave get the standard's answer, and the others do not notice.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::{io::Write, net::Shutdown, sync::atomic::Ordering, time::Duration};

use orb_core::{
    cdr::{Endian, Version},
    codeset::CodeSets,
    exception::{SystemException, SystemExceptionKind},
    giop::{LocateStatus, Message, MessageType, ReplyStatus, ResponseFlags},
    server::ServerConfig,
};
use upcall_tests::serving::{KEY, Peer, Serving, until};

fn serving() -> Serving {
    Serving::start(ServerConfig::default())
}

fn with(change: impl FnOnce(&mut ServerConfig)) -> Serving {
    let mut config = ServerConfig::default();
    change(&mut config);
    Serving::start(config)
}

fn status(message: &Message) -> ReplyStatus {
    let (header, _) = message.reply(CodeSets::UNNEGOTIATED, None).expect("a reply");
    header.status
}

fn exception(message: &Message) -> SystemException {
    use orb_core::cdr::Unmarshal;
    let (header, mut body) = message.reply(CodeSets::UNNEGOTIATED, None).expect("a reply");
    assert_eq!(header.status, ReplyStatus::SystemException);
    SystemException::unmarshal(&mut body).expect("a system exception")
}

fn reply_id(message: &Message) -> u32 {
    message
        .reply(CodeSets::UNNEGOTIATED, None)
        .expect("a reply")
        .0
        .request_id
}

#[test]
fn every_version_and_byte_order_is_answered() {
    let serving = serving();
    let mut peer = serving.connect();
    for version in [Version::V1_0, Version::V1_1, Version::V1_2] {
        for endian in [Endian::Big, Endian::Little] {
            (peer.version, peer.endian) = (version, endian);
            let reply = peer.call("echo", b"octets");
            assert_eq!(reply.header().version, version);
            let (header, mut body) = reply.reply(CodeSets::UNNEGOTIATED, None).expect("a reply");
            assert_eq!(header.status, ReplyStatus::NoException);
            assert_eq!(body.octets(), Ok(&b"octets"[..]));
        }
    }
}

#[test]
fn a_panic_is_an_exception_and_the_connection_survives() {
    let serving = serving();
    let mut peer = serving.connect();
    let reply = peer.call("panic", &[]);
    assert_eq!(exception(&reply).kind(), SystemExceptionKind::Unknown);
    peer.expect_service();
}

#[test]
fn unknown_objects_and_operations_are_exceptions() {
    let serving = serving();
    let mut peer = serving.connect();
    let reply = peer.call("nonsense", &[]);
    assert_eq!(exception(&reply).kind(), SystemExceptionKind::BadOperation);
    let request = peer.request_to(b"nobody", "null", ResponseFlags::Target, &[]);
    peer.send(&request);
    let reply = peer.receive().expect("an answer");
    assert_eq!(exception(&reply).kind(), SystemExceptionKind::ObjectNotExist);
    peer.expect_service();
}

#[test]
fn arguments_that_are_missing_are_a_marshal_exception() {
    let serving = serving();
    let mut peer = serving.connect();
    let reply = peer.call("echo", &[]);
    assert_eq!(exception(&reply).kind(), SystemExceptionKind::Marshal);
    peer.expect_service();
}

#[test]
fn objects_are_located() {
    let serving = serving();
    let mut peer = serving.connect();
    for version in [Version::V1_0, Version::V1_1, Version::V1_2] {
        peer.version = version;
        let mut ask = |id, key: &[u8]| {
            let request = peer.locate(id, key);
            peer.send(&request);
            let reply = peer.receive().expect("an answer");
            reply
                .locate_reply(CodeSets::UNNEGOTIATED, None)
                .expect("a locate reply")
                .0
        };
        let here = ask(5, KEY);
        assert_eq!((here.request_id, here.status), (5, LocateStatus::ObjectHere));
        assert_eq!(ask(6, b"nobody").status, LocateStatus::UnknownObject);
    }
}

#[test]
fn oneways_are_served_in_order_without_a_reply() {
    let serving = serving();
    let mut peer = serving.connect();
    for _ in 0..100 {
        let request = peer.request_to(KEY, "count", ResponseFlags::None, &[]);
        peer.send(&request);
    }
    peer.expect_service();
    assert_eq!(serving.gate.counted.load(Ordering::SeqCst), 100);
}

#[test]
fn a_oneway_that_asks_for_the_server_is_answered_before_the_servant() {
    let serving = serving();
    let mut peer = serving.connect();
    let request = peer.request_to(KEY, "wait", ResponseFlags::Server, &[]);
    peer.send(&request);
    assert_eq!(
        status(&peer.receive().expect("an answer")),
        ReplyStatus::NoException
    );
    serving.gate.expect_waiting(1);
}

#[test]
fn a_pipelined_burst_is_answered_completely() {
    let serving = serving();
    let mut peer = serving.connect();
    let mut burst = Vec::new();
    for _ in 0..500 {
        burst.extend(peer.request("echo", b"twenty octets of load"));
    }
    peer.send(&burst);
    for id in 1..=500 {
        assert_eq!(reply_id(&peer.receive().expect("an answer")), id);
    }
}

#[test]
fn a_slow_request_does_not_hold_up_those_behind_it() {
    let serving = serving();
    let mut peer = serving.connect();
    let mut burst = peer.request("null", &[]);
    burst.extend(peer.request("wait", &[]));
    burst.extend(peer.request("null", &[]));
    peer.send(&burst);
    assert_eq!(reply_id(&peer.receive().expect("an answer")), 1);
    assert_eq!(reply_id(&peer.receive().expect("an answer")), 3);
    peer.expect_service();
    serving.gate.open();
    assert_eq!(reply_id(&peer.receive().expect("an answer")), 2);
}

#[test]
fn a_cancelled_request_is_not_answered() {
    let serving = serving();
    let mut peer = serving.connect();
    let request = peer.request("wait", &[]);
    peer.send(&request);
    serving.gate.expect_waiting(1);
    let cancel = peer.cancel(peer.last_id());
    peer.send(&cancel);
    peer.expect_service();
    serving.gate.open();
    until("the servant sees it", || {
        serving.gate.cancelled.load(Ordering::SeqCst) == 1
    });
    peer.expect_service();
}

#[test]
fn garbage_is_answered_with_message_error_and_the_end() {
    let serving = serving();
    let mut peer = serving.connect();
    peer.send(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n");
    assert_eq!(peer.expect_end(), [MessageType::MessageError]);
    serving.connect().expect_service();
}

#[test]
fn a_version_above_ours_is_answered_with_our_own() {
    let serving = serving();
    let mut peer = serving.connect();
    let mut request = peer.request("null", &[]);
    request[5] = 9;
    peer.send(&request);
    let answer = peer.receive().expect("an answer");
    assert_eq!(answer.message_type(), MessageType::MessageError);
    assert_eq!(answer.header().version, Version::V1_2);
    assert!(peer.expect_end().is_empty());
}

#[test]
fn messages_that_clients_do_not_send_are_errors() {
    for (message_type, expected) in [
        (MessageType::Reply, vec![MessageType::MessageError]),
        (MessageType::LocateReply, vec![MessageType::MessageError]),
        (MessageType::Fragment, vec![MessageType::MessageError]),
        (MessageType::MessageError, vec![]),
        (MessageType::CloseConnection, vec![]),
    ] {
        let serving = serving();
        let mut peer = serving.connect();
        let message = peer.message(message_type, |encoder| {
            if expected.is_empty() {
                return Ok(());
            }
            encoder.ulong(77);
            encoder.ulong(0);
            Ok(())
        });
        peer.send(&message);
        assert_eq!(peer.expect_end(), expected, "{message_type:?}");
    }
}

#[test]
fn an_announced_size_above_the_limit_is_refused_at_once() {
    let serving = with(|config| config.max_message_size = 1 << 20);
    let mut peer = serving.connect();
    let mut request = peer.request("null", &[]);
    request[8..12].copy_from_slice(&u32::MAX.to_ne_bytes());
    peer.send(&request);
    assert_eq!(peer.expect_end(), [MessageType::MessageError]);
}

#[test]
fn large_messages_pass_in_both_directions() {
    let serving = serving();
    let mut peer = serving.connect();
    let load: Vec<u8> = (0..5_000_000_u32).map(|i| i.to_ne_bytes()[0]).collect();
    let mut sender = peer.stream.try_clone().expect("a second handle");
    let request = peer.request("echo", &load);
    let sending = std::thread::spawn(move || sender.write_all(&request));
    let reply = peer.receive().expect("an answer");
    sending.join().expect("no panic").expect("it was taken");
    let (_, mut body) = reply.reply(CodeSets::UNNEGOTIATED, None).expect("a reply");
    assert!(body.octets() == Ok(&load));
    peer.expect_service();
}

#[test]
fn a_client_that_takes_no_replies_holds_up_nobody() {
    let serving = with(|config| config.max_requests = 4);
    let mut greedy: Vec<Peer> = (0..8).map(|_| serving.connect()).collect();
    for peer in &mut greedy {
        let size = 16_000_000_u32.to_ne_bytes();
        let mut request = peer.request("large", b"0123");
        let at = request.len() - 8;
        request[at..at + 4].copy_from_slice(&size);
        for _ in 0..4 {
            peer.send(&request);
        }
    }
    for _ in 0..20 {
        serving.connect().expect_service();
    }
    // And it gets them all, once it takes them.
    let mut patient = greedy.swap_remove(0);
    for _ in 0..4 {
        let reply = patient.receive().expect("an answer");
        assert!(reply.octets().len() > 16_000_000);
    }
    patient.expect_service();
}

#[test]
fn a_thousand_connections_that_stall_hold_up_nobody() {
    let serving = serving();
    let mut stalled: Vec<_> = (0..1000).map(|_| serving.socket()).collect();
    let mut peer = serving.connect();
    let request = peer.request("echo", &[1; 100]);
    for (index, socket) in stalled.iter_mut().enumerate() {
        let part = index % request.len();
        socket.write_all(&request[..part]).expect("the server takes it");
    }
    for _ in 0..100 {
        peer.expect_service();
    }
    assert_eq!(serving.server.connection_count(), 1001);
}

#[test]
fn a_half_sent_message_has_a_deadline_and_so_has_an_idle_connection() {
    let serving = with(|config| {
        config.stall_timeout = Duration::from_millis(600);
        config.idle_timeout = Some(Duration::from_millis(600));
    });
    let mut half = serving.connect();
    let request = half.request("null", &[]);
    half.send(&request[..20]);
    let mut idle = serving.connect();
    idle.expect_service();
    assert!(half.expect_end().is_empty());
    assert_eq!(idle.expect_end(), [MessageType::CloseConnection]);
    until("both are forgotten", || serving.server.connection_count() == 0);
}

#[test]
fn a_client_that_closes_its_sending_side_still_gets_its_replies() {
    let serving = serving();
    let mut peer = serving.connect();
    let mut burst = peer.request("null", &[]);
    burst.extend(peer.request("null", &[]));
    peer.send(&burst);
    peer.stream.shutdown(Shutdown::Write).expect("an open socket");
    assert_eq!(peer.expect_end(), [MessageType::Reply, MessageType::Reply]);
    until("it is forgotten", || serving.server.connection_count() == 0);
}

#[test]
fn clients_killed_in_the_middle_of_a_message_hold_up_nobody() {
    let serving = serving();
    let mut steady = serving.connect();
    for round in 0..200 {
        let mut peer = serving.connect();
        let request = peer.request("echo", &[9; 200]);
        peer.send(&request[..round % request.len()]);
        drop(peer);
        steady.expect_service();
    }
    until("they are forgotten", || serving.server.connection_count() == 1);
}

#[test]
fn clients_killed_while_their_request_is_in_progress_hold_up_nobody() {
    let serving = serving();
    for _ in 0..10 {
        let mut peer = serving.connect();
        let request = peer.request("wait", &[]);
        peer.send(&request);
    }
    serving.gate.expect_waiting(10);
    serving.connect().expect_service();
    serving.gate.open();
    until("they are forgotten", || serving.server.connection_count() == 0);
}

#[test]
fn connections_beyond_the_limit_are_closed_in_good_order() {
    let serving = with(|config| config.max_connections = 3);
    let mut within: Vec<Peer> = (0..3).map(|_| serving.connect()).collect();
    for peer in &mut within {
        peer.expect_service();
    }
    assert_eq!(serving.connect().expect_end(), [MessageType::CloseConnection]);
    for peer in &mut within {
        peer.expect_service();
    }
}

#[test]
fn requests_beyond_the_limit_are_refused_after_a_while_and_never_hang() {
    let serving = with(|config| {
        config.max_requests = 3;
        config.queue_time = Duration::from_millis(100);
    });
    let mut busy: Vec<Peer> = (0..3).map(|_| serving.connect()).collect();
    for peer in &mut busy {
        let request = peer.request("wait", &[]);
        peer.send(&request);
    }
    serving.gate.expect_waiting(3);
    let mut peer = serving.connect();
    let refusal = exception(&peer.call("null", &[]));
    assert_eq!(refusal.kind(), SystemExceptionKind::Transient);
    serving.gate.open();
    for peer in &mut busy {
        assert_eq!(
            status(&peer.receive().expect("an answer")),
            ReplyStatus::NoException
        );
    }
    until("there is room again", || {
        let mut peer = serving.connect();
        status(&peer.call("null", &[])) == ReplyStatus::NoException
    });
}

#[test]
fn shutdown_finishes_requests_and_says_goodbye() {
    let serving = serving();
    let mut idle = serving.connect();
    idle.expect_service();
    let mut busy = serving.connect();
    let request = busy.request("wait", &[]);
    busy.send(&request);
    serving.gate.expect_waiting(1);
    std::thread::scope(|scope| {
        scope.spawn(|| serving.server.shutdown());
        until("shutdown has begun", || serving.server.is_stopped());
        serving.gate.open();
        assert_eq!(
            busy.expect_end(),
            [MessageType::Reply, MessageType::CloseConnection]
        );
        assert_eq!(idle.expect_end(), [MessageType::CloseConnection]);
    });
    assert_eq!(serving.server.connection_count(), 0);
    assert_eq!(serving.server.worker_count(), 0);
}

#[test]
fn shutdown_does_not_say_that_a_request_it_gave_up_was_never_begun() {
    let serving = with(|config| config.grace = Duration::from_millis(20));
    let mut idle = serving.connect();
    idle.expect_service();
    let mut busy = serving.connect();
    let request = busy.request("wait", &[]);
    busy.send(&request);
    serving.gate.expect_waiting(1);
    serving.server.shutdown();
    // CloseConnection would allow the client to send the request again (CORBA 3.3 Part 2 §9.5.2): served twice.
    assert_eq!(busy.expect_end(), []);
    assert_eq!(idle.expect_end(), [MessageType::CloseConnection]);
}

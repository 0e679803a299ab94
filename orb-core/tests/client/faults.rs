// SPDX-License-Identifier: MIT OR Apache-2.0
//! Peers that go, break the rules, or say that we do.

use std::{thread, time::Duration};

use bytes::Bytes;
use orb_core::{
    cdr::Version,
    exception::{Completed, SystemExceptionKind as Kind},
    giop::{self, ReplyStatus},
    orb::OrbConfig,
};

use crate::{
    next,
    script::{Wire, close, number, object, orb, reply, successor},
};

#[test]
fn a_request_met_by_close_connection_is_sent_again_on_a_new_connection() {
    let (core, network) = orb(OrbConfig::default());
    let mut requests = 0;
    network.at(1, move |message, wire| {
        requests += 1;
        if requests == 2 {
            wire.send(close());
            wire.end();
        } else {
            successor(message, wire);
        }
    });
    let object = object(&core, 1, "k");
    assert_eq!(next(&object, 1).wait(), Ok(2));
    assert_eq!(next(&object, 2).wait(), Ok(3));
    assert_eq!(network.links().len(), 2);
}

#[test]
fn a_deferred_request_met_by_close_connection_is_sent_again_too() {
    let (core, network) = orb(OrbConfig::default());
    let mut requests = 0;
    network.at(1, move |message, wire| {
        requests += 1;
        if requests <= 2 {
            wire.send(close())
        } else {
            successor(message, wire)
        }
    });
    let object = object(&core, 1, "k");
    assert_eq!(next(&object, 2).start().expect("started").wait(), Ok(3));
}

#[test]
fn a_server_that_only_ever_closes_is_given_up() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, |_, wire| wire.send(close()));
    let error = next(&object(&core, 1, "k"), 1).wait().expect_err("closed");
    assert_eq!(
        (error.kind(), error.completed()),
        (Kind::Transient, Completed::No)
    );
    assert!(network.links().len() <= 5);
}

#[test]
fn a_request_whose_fate_is_unknown_is_not_sent_again() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, |_, wire| wire.end());
    let object = object(&core, 1, "k");
    let error = next(&object, 1).wait().expect_err("gone");
    assert_eq!(
        (error.kind(), error.completed()),
        (Kind::CommFailure, Completed::Maybe)
    );
    assert!(
        error
            .to_string()
            .contains("next: connection to iiop://scripted:1: the peer ended"),
        "{error}"
    );
    let error = next(&object, 1)
        .start()
        .expect("started")
        .wait()
        .expect_err("gone");
    assert_eq!(
        (error.kind(), error.completed()),
        (Kind::CommFailure, Completed::Maybe)
    );
    assert_eq!(
        network
            .links()
            .iter()
            .map(|link| link.seen().len())
            .sum::<usize>(),
        2
    );
}

#[test]
fn a_peer_that_dies_in_mid_reply_is_said_to() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, |message, wire| {
        wire.send(number(message, 1).slice(..20));
        wire.end();
    });
    let error = next(&object(&core, 1, "k"), 1).wait().expect_err("dead");
    assert_eq!(error.kind(), Kind::CommFailure);
    assert!(
        error.to_string().contains("in the middle of a message"),
        "{error}"
    );
}

#[test]
fn what_is_no_giop_ends_the_connection_and_not_the_object() {
    for garbage in [
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "GIOP\u{1}\u{2}\u{0}\u{9}\u{0}\u{0}\u{0}\u{0}",
    ] {
        let (core, network) = orb(OrbConfig::default());
        network.at(1, move |_, wire| wire.send(garbage.as_bytes().to_vec()));
        let object = object(&core, 1, "k");
        let error = next(&object, 1).wait().expect_err("garbage");
        assert_eq!(
            (error.kind(), error.completed()),
            (Kind::CommFailure, Completed::Maybe)
        );
        assert!(error.to_string().contains("malformed"), "{error}");
        network.at(1, successor);
        assert_eq!(next(&object, 1).wait(), Ok(2));
    }
}

#[test]
fn message_error_and_messages_of_clients_end_the_connection() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, |_, wire| {
        wire.send(Bytes::copy_from_slice(&giop::message_error(Version::V1_0)))
    });
    let error = next(&object(&core, 1, "k"), 1).wait().expect_err("refused");
    assert!(error.to_string().contains("MessageError"), "{error}");
    network.at(2, |message, wire| wire.send(message.octets().clone()));
    let error = next(&object(&core, 2, "k"), 1)
        .wait()
        .expect_err("our own request");
    assert!(error.to_string().contains("unexpected Request"), "{error}");
}

#[test]
fn a_reply_above_the_limit_is_refused_before_it_is_received() {
    let mut config = OrbConfig::default();
    config.max_message_size = 1000;
    let (core, network) = orb(config);
    network.at(1, |message, wire| {
        wire.send(reply(message, ReplyStatus::NoException, |encoder| {
            encoder.raw(&[0; 2000]);
            Ok(())
        }));
    });
    let error = next(&object(&core, 1, "k"), 1).wait().expect_err("too large");
    assert!(error.to_string().contains("limit of 1000"), "{error}");
}

#[test]
fn a_connection_that_was_closed_while_idle_is_noticed_before_it_is_used() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, successor);
    let object = object(&core, 1, "k");
    assert_eq!(next(&object, 1).wait(), Ok(2));
    // Without CloseConnection, so that the request must not be sent twice.
    network.links()[0].act(Wire::end);
    thread::sleep(Duration::from_millis(15));
    assert_eq!(next(&object, 2).wait(), Ok(3));
    assert_eq!(network.links()[0].seen().len(), 1);
}

#[test]
fn too_many_requests_in_flight_are_turned_away() {
    let mut config = OrbConfig::default();
    config.max_outstanding = 2;
    let (core, network) = orb(config);
    network.at(1, |_, _: &mut Wire| {});
    let object = object(&core, 1, "k");
    let _calls: Vec<_> = (0..2).map(|n| next(&object, n).start().expect("room")).collect();
    let error = next(&object, 1).wait().expect_err("no room");
    assert_eq!(
        (error.kind(), error.completed()),
        (Kind::Transient, Completed::No)
    );
}

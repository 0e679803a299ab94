// SPDX-License-Identifier: MIT OR Apache-2.0
//! Servers that send their callers elsewhere.

use orb_core::{
    exception::{Completed, SystemException, SystemExceptionKind as Kind},
    giop::{AddressingDisposition, Message, ReplyStatus},
    orb::OrbConfig,
};

use crate::{
    next,
    script::{Wire, header, ior, object, orb, reply, reply_with, successor},
};

fn forward_to(port: u16, status: ReplyStatus) -> impl FnMut(&Message, &mut Wire) + Send {
    move |message, wire| {
        let target = ior(port, "there");
        wire.send(reply_with(message, status, &target));
    }
}

#[test]
fn a_forward_is_followed_and_remembered() {
    for status in [ReplyStatus::LocationForward, ReplyStatus::LocationForwardPerm] {
        let (core, network) = orb(OrbConfig::default());
        network.at(1, forward_to(2, status));
        network.at(2, successor);
        let object = object(&core, 1, "here");
        for n in 0..3 {
            assert_eq!(next(&object, n).wait(), Ok(n + 1));
        }
        let links = network.links();
        assert_eq!((links[0].seen().len(), links[1].seen().len()), (1, 3));
        assert_eq!(header(&links[1].seen()[0]).target.object_key(), Ok(&b"there"[..]));
    }
}

#[test]
fn a_deferred_call_follows_a_forward() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, forward_to(2, ReplyStatus::LocationForward));
    network.at(2, successor);
    assert_eq!(
        next(&object(&core, 1, "here"), 1)
            .start()
            .expect("started")
            .wait(),
        Ok(2)
    );
}

#[test]
fn a_place_that_cannot_be_reached_leads_back_to_the_first() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, forward_to(2, ReplyStatus::LocationForward));
    network.at(2, successor);
    let object = object(&core, 1, "here");
    assert_eq!(next(&object, 1).wait(), Ok(2));
    network.nobody_at(2);
    network.links()[1].act(Wire::end);
    std::thread::sleep(std::time::Duration::from_millis(15));
    network.at(1, forward_to(3, ReplyStatus::LocationForward));
    network.at(3, successor);
    // The connection to the first place is still there, with the peer it was made with.
    network.links()[0].act(Wire::end);
    assert_eq!(next(&object, 5).wait(), Ok(6));
}

#[test]
fn an_object_that_is_no_longer_where_a_forward_led_is_looked_for_at_the_first_place() {
    let (core, network) = orb(OrbConfig::default());
    let mut forwards = 0;
    network.at(1, move |message, wire| {
        forwards += 1;
        forward_to(1 + forwards, ReplyStatus::LocationForward)(message, wire);
    });
    network.at(2, |message, wire| {
        let gone = SystemException::new(Kind::ObjectNotExist, 0, Completed::No);
        wire.send(reply_with(message, ReplyStatus::SystemException, &gone));
    });
    network.at(3, successor);
    assert_eq!(next(&object(&core, 1, "here"), 1).wait(), Ok(2));
}

#[test]
fn object_not_exist_from_the_first_place_is_the_answer() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, |message, wire| {
        let gone = SystemException::new(Kind::ObjectNotExist, 0, Completed::No);
        wire.send(reply_with(message, ReplyStatus::SystemException, &gone));
    });
    let object = object(&core, 1, "k");
    assert_eq!(
        next(&object, 1).wait().expect_err("gone").kind(),
        Kind::ObjectNotExist
    );
    assert_eq!(object.non_existent(), Ok(true));
}

#[test]
fn a_circle_of_forwards_ends() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, forward_to(2, ReplyStatus::LocationForward));
    network.at(2, forward_to(1, ReplyStatus::LocationForward));
    let error = next(&object(&core, 1, "k"), 1).wait().expect_err("a circle");
    assert_eq!(
        (error.kind(), error.completed()),
        (Kind::Transient, Completed::No)
    );
}

#[test]
fn the_target_is_named_as_the_server_wants_it() {
    for wanted in [AddressingDisposition::Profile, AddressingDisposition::Reference] {
        let (core, network) = orb(OrbConfig::default());
        network.at(1, move |message, wire| {
            if header(message).target.disposition() == wanted {
                return successor(message, wire);
            }
            wire.send(reply(message, ReplyStatus::NeedsAddressingMode, |encoder| {
                wanted.encode(encoder);
                Ok(())
            }));
        });
        let object = object(&core, 1, "the key");
        assert_eq!(next(&object, 1).wait(), Ok(2));
        assert_eq!(next(&object, 2).wait(), Ok(3));
        let seen = network.links()[0].seen();
        assert_eq!(seen.len(), 3);
        assert!(
            seen.iter()
                .all(|message| header(message).target.object_key() == Ok(&b"the key"[..]))
        );
    }
}

#[test]
fn a_server_that_is_never_content_with_the_addressing_is_given_up() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, |message, wire| {
        wire.send(reply(message, ReplyStatus::NeedsAddressingMode, |encoder| {
            AddressingDisposition::Profile.encode(encoder);
            Ok(())
        }));
    });
    assert_eq!(
        next(&object(&core, 1, "k"), 1).wait().expect_err("never").kind(),
        Kind::Internal
    );
}

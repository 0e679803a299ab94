// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a client does when its peer answers in every way the protocol knows, and in some it does not.

mod faults;
mod places;
mod script;
mod sharing;

use std::time::Duration;

use orb_core::{
    cdr::{CdrError, Decoder, Encoder, Endian},
    exception::{Completed, SystemException, SystemExceptionKind as Kind, minor},
    giop::{MessageType, ReplyStatus, ResponseFlags, context_id, fragments},
    invoke::{Call, OnewayCall, Operation, SyncScope},
    object::ObjectRef,
    orb::OrbConfig,
};
use script::{Wire, header, number, object, orb, reply, reply_in, reply_with, successor};

/// `long next(in long n)`.
pub(crate) struct Next;

impl Operation for Next {
    const NAME: &'static str = "next";
    type Args<'a> = i32;
    type Output = i32;
    type Error = SystemException;

    fn marshal<'e, 'a: 'e>(args: &'e i32, encoder: &mut Encoder<'e>) -> Result<(), CdrError> {
        if *args < 0 {
            return Err(CdrError::TooLong);
        }
        encoder.long(*args);
        Ok(())
    }

    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<i32, CdrError> {
        decoder.long()
    }
}

pub(crate) fn next(object: &ObjectRef, n: i32) -> Call<'_, Next> {
    Call::new(object, n)
}

#[test]
fn a_reply_may_come_in_single_octets() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, |message, wire| wire.trickle(&number(message, 5)));
    assert_eq!(next(&object(&core, 1, "k"), 4).wait(), Ok(5));
}

#[test]
fn a_reply_may_come_in_either_byte_order() {
    for endian in [Endian::Big, Endian::Little] {
        let (core, network) = orb(OrbConfig::default());
        network.at(1, move |message, wire| {
            wire.send(reply_in(endian, message, ReplyStatus::NoException, |encoder| {
                encoder.long(0x0102_0304);
                Ok(())
            }));
        });
        assert_eq!(next(&object(&core, 1, "k"), 4).wait(), Ok(0x0102_0304));
    }
}

#[test]
fn a_reply_may_come_in_fragments() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, |message, wire| {
        for piece in fragments(&number(message, 8), 32) {
            wire.send(piece.head().to_vec());
            wire.send(piece.content().to_vec());
        }
    });
    assert_eq!(next(&object(&core, 1, "k"), 4).wait(), Ok(8));
}

#[test]
fn a_reply_to_nobody_is_passed_over() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, |message, wire| {
        let mut stray = number(message, 1).to_vec();
        stray[12] ^= 0x40;
        wire.send(stray);
        wire.send(number(message, 2));
    });
    assert_eq!(next(&object(&core, 1, "k"), 4).wait(), Ok(2));
}

#[test]
fn exceptions_of_the_server_come_as_they_were_raised() {
    let (core, network) = orb(OrbConfig::default());
    let raised = SystemException::new(Kind::NoPermission, 7, Completed::Yes);
    let sent = raised.clone();
    network.at(1, move |message, wire| {
        wire.send(reply_with(message, ReplyStatus::SystemException, &sent));
    });
    assert_eq!(next(&object(&core, 1, "k"), 4).wait(), Err(raised));
}

#[test]
fn an_undeclared_user_exception_is_unknown_and_named() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, |message, wire| {
        wire.send(reply(message, ReplyStatus::UserException, |encoder| {
            encoder.string("IDL:Odd:1.0")
        }));
    });
    let error = next(&object(&core, 1, "k"), 4).wait().expect_err("undeclared");
    assert_eq!(
        (error.kind(), error.minor()),
        (Kind::Unknown, minor::UNLISTED_USER_EXCEPTION)
    );
    assert!(error.to_string().contains("IDL:Odd:1.0"), "{error}");
}

#[test]
fn a_result_that_cannot_be_read_is_marshal_completed() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, |message, wire| {
        wire.send(reply(message, ReplyStatus::NoException, |_| Ok(())))
    });
    let object = object(&core, 1, "k");
    let error = next(&object, 4).wait().expect_err("empty");
    assert_eq!((error.kind(), error.completed()), (Kind::Marshal, Completed::Yes));
    // Nothing is wrong with the connection.
    assert!(next(&object, 4).wait().is_err());
    assert_eq!(network.links().len(), 1);
}

#[test]
fn arguments_that_have_no_form_send_nothing() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, successor);
    let object = object(&core, 1, "k");
    let error = next(&object, -1).wait().expect_err("no form");
    assert_eq!(error.completed(), Completed::No);
    assert!(next(&object, -1).start().is_err());
    assert!(network.links().iter().all(|link| link.seen().is_empty()));
    assert_eq!(next(&object, 1).wait(), Ok(2));
}

#[test]
fn requests_carry_what_was_called_and_the_code_sets_until_there_is_an_answer() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, successor);
    let object = object(&core, 1, "the key");
    for n in 0..3 {
        assert_eq!(next(&object, n).wait(), Ok(n + 1));
    }
    let link = network.links().remove(0);
    let seen = link.seen();
    let headers: Vec<_> = seen.iter().map(header).collect();
    assert_eq!(headers.len(), 3);
    for (n, header) in headers.iter().enumerate() {
        assert_eq!(
            (header.operation, header.response),
            ("next", ResponseFlags::Target)
        );
        assert_eq!(header.target.object_key(), Ok(&b"the key"[..]));
        assert_eq!(
            header.service_contexts.find(context_id::CODE_SETS).is_some(),
            n == 0
        );
    }
    assert_ne!(headers[1].request_id, headers[2].request_id);
}

#[test]
fn one_threads_calls_of_several_objects_and_operations_do_not_mix() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, |message, wire| {
        let header = header(message);
        let answer = match (header.target.object_key().expect("a key"), header.operation) {
            (b"a", "next") => 1,
            (b"b", "next") => 2,
            (b"a", "_non_existent") => 0,
            other => panic!("{other:?}"),
        };
        wire.send(number(message, answer));
    });
    let (a, b) = (object(&core, 1, "a"), object(&core, 1, "b"));
    for _ in 0..3 {
        assert_eq!(next(&a, 0).wait(), Ok(1));
        assert_eq!(next(&b, 0).wait(), Ok(2));
        assert_eq!(a.non_existent(), Ok(false));
        assert_eq!(next(&a, 0).wait(), Ok(1));
    }
}

#[test]
fn oneways_ask_for_the_answer_their_scope_needs() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, |message, wire| {
        if header(message).response.response_expected() {
            wire.send(reply(message, ReplyStatus::NoException, |_| Ok(())));
        }
    });
    let object = object(&core, 1, "k");
    let scopes = [
        SyncScope::None,
        SyncScope::WithTransport,
        SyncScope::WithServer,
        SyncScope::WithTarget,
    ];
    for scope in scopes {
        OnewayCall::<Next>::new(&object, 1)
            .sync_scope(scope)
            .send()
            .expect("sent");
    }
    let link = network.links().remove(0);
    let asked: Vec<_> = link
        .seen()
        .iter()
        .map(|message| header(message).response)
        .collect();
    let expected = [
        ResponseFlags::None,
        ResponseFlags::None,
        ResponseFlags::Server,
        ResponseFlags::Target,
    ];
    assert_eq!(asked, expected);
}

#[test]
fn a_call_that_is_given_up_is_cancelled_at_the_server() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, |_, _: &mut Wire| {});
    let object = object(&core, 1, "k");
    let error = next(&object, 1)
        .timeout(Duration::from_millis(1))
        .wait()
        .expect_err("no answer");
    assert_eq!(error.kind(), Kind::Timeout);
    drop(next(&object, 1).start().expect("started"));
    let link = network.links().remove(0);
    let seen = link.seen();
    let types: Vec<_> = seen.iter().map(|message| message.message_type()).collect();
    let (request, cancel) = (MessageType::Request, MessageType::CancelRequest);
    assert_eq!(types, [request, cancel, request, cancel]);
    for pair in seen.chunks(2) {
        assert_eq!(pair[0].request_id(), pair[1].request_id());
    }
}

#[test]
fn a_late_reply_to_a_call_that_was_given_up_goes_to_nobody() {
    let (core, network) = orb(OrbConfig::default());
    let mut late = Vec::new();
    network.at(1, move |message, wire| match message.message_type() {
        MessageType::Request if script::argument(message) == 0 => late.push(number(message, 100)),
        MessageType::Request => {
            late.drain(..).for_each(|reply| wire.send(reply));
            wire.send(number(message, 1));
        }
        _ => {}
    });
    let object = object(&core, 1, "k");
    assert!(next(&object, 0).timeout(Duration::from_millis(1)).wait().is_err());
    assert_eq!(next(&object, 1).wait(), Ok(1));
}

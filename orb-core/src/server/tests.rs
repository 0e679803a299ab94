// SPDX-License-Identifier: MIT OR Apache-2.0
//! The protocol over a link made of memory: octets in, octets out.

pub(super) mod script;

use script::{Script, answers};

use crate::{
    cdr::{Encoder, Endian, Unmarshal, Version},
    codeset::{CodeSetContext, CodeSets},
    exception::{SystemException, SystemExceptionKind},
    giop::{
        self, CancelRequest, Message, MessageType, ReplyStatus, RequestHeader, ResponseFlags, ServiceContext,
        ServiceContexts, TargetAddress, context_id,
    },
};

/// A request of `operation` with a string as its argument.
pub(super) fn request(id: u32, version: Version, operation: &str, text: &str) -> Vec<u8> {
    request_with(id, version, operation, text, &[], TargetAddress::Key(b"key"))
}

pub(super) fn request_with(
    id: u32,
    version: Version,
    operation: &str,
    text: &str,
    contexts: &[ServiceContext<'_>],
    target: TargetAddress<'_>,
) -> Vec<u8> {
    let mut encoder = Encoder::new(Endian::Big, version, CodeSets::NATIVE);
    giop::begin(&mut encoder, MessageType::Request);
    RequestHeader {
        request_id: id,
        response: ResponseFlags::Target,
        target,
        operation,
        service_contexts: ServiceContexts::from(contexts),
    }
    .encode(&mut encoder)
    .expect("a header");
    let padding = giop::begin_body(&mut encoder);
    encoder.string(text).expect("a text");
    giop::finish(&mut encoder, Some(padding)).expect("a message");
    encoder.contiguous().to_vec()
}

fn control(message_type: MessageType, write: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    let mut encoder = Encoder::new(Endian::Big, Version::V1_2, CodeSets::NATIVE);
    giop::begin(&mut encoder, message_type);
    write(&mut encoder);
    giop::finish(&mut encoder, None).expect("a message");
    encoder.contiguous().to_vec()
}

fn pieces(message: &[u8], limit: usize) -> Vec<Vec<u8>> {
    giop::fragments(message, limit)
        .map(|piece| [piece.head(), piece.content()].concat())
        .collect()
}

/// The request id and the text of a reply to `echo`.
pub(super) fn echoed(message: &Message) -> (u32, String) {
    let (header, mut body) = message.reply(CodeSets::NATIVE, None).expect("a reply");
    assert_eq!(header.status, ReplyStatus::NoException);
    (header.request_id, body.string().expect("a text"))
}

pub(super) fn raised(message: &Message) -> SystemExceptionKind {
    let (header, mut body) = message.reply(CodeSets::NATIVE, None).expect("a reply");
    assert_eq!(header.status, ReplyStatus::SystemException);
    SystemException::unmarshal(&mut body)
        .expect("an exception")
        .kind()
}

fn types(messages: &[Message]) -> Vec<MessageType> {
    messages.iter().map(Message::message_type).collect()
}

#[test]
fn a_request_may_come_octet_by_octet() {
    for version in [Version::V1_0, Version::V1_1, Version::V1_2] {
        let octets = request(3, version, "echo", "slowly");
        let answers = answers(octets.chunks(1).map(<[u8]>::to_vec));
        assert_eq!(
            answers.iter().map(echoed).collect::<Vec<_>>(),
            [(3, "slowly".into())]
        );
        assert_eq!(answers[0].header().version, version);
    }
}

#[test]
fn a_request_cut_off_anywhere_is_not_answered() {
    let octets = request(3, Version::V1_2, "echo", "cut");
    for end in 0..octets.len() {
        assert!(answers([octets[..end].to_vec()]).is_empty(), "cut at {end}");
    }
}

#[test]
fn interleaved_fragments_become_their_requests() {
    let texts = ["a".repeat(300), "b".repeat(300)];
    let first = pieces(&request(1, Version::V1_2, "echo", &texts[0]), 64);
    let second = pieces(&request(2, Version::V1_2, "echo", &texts[1]), 80);
    let mut octets = Vec::new();
    for index in 0..first.len().max(second.len()) {
        octets.extend(first.get(index).into_iter().flatten());
        octets.extend(second.get(index).into_iter().flatten());
    }
    let mut replies: Vec<_> = answers([octets]).iter().map(echoed).collect();
    replies.sort();
    let [a, b] = texts;
    assert_eq!(replies, [(1, a), (2, b)]);
}

#[test]
fn a_request_that_is_cancelled_between_its_fragments_is_forgotten() {
    let mut all = pieces(&request(1, Version::V1_2, "echo", &"a".repeat(300)), 64);
    all.truncate(3);
    all.push(control(MessageType::CancelRequest, |e| {
        CancelRequest { request_id: 1 }.encode(e);
    }));
    all.push(request(2, Version::V1_2, "echo", "next"));
    let replies: Vec<_> = answers(all).iter().map(echoed).collect();
    assert_eq!(replies, [(2, "next".into())]);
}

#[test]
fn a_fragment_of_nothing_is_an_error_and_what_follows_is_not_served() {
    let mut all = pieces(&request(1, Version::V1_2, "echo", &"a".repeat(300)), 64);
    all.remove(0);
    all.push(request(2, Version::V1_2, "echo", "next"));
    assert_eq!(types(&answers(all)), [MessageType::MessageError]);
}

#[test]
fn fragments_beyond_the_limit_are_an_error() {
    let all = pieces(&request(1, Version::V1_2, "echo", &"a".repeat(100_000)), 1000);
    let answers = Script::new(all).with_limit(50_000).answers();
    assert_eq!(types(&answers), [MessageType::MessageError]);
}

#[test]
fn the_code_sets_that_a_client_chooses_hold_from_then_on() {
    let chosen = CodeSetContext {
        narrow: 0x0501_0001,
        wide: 0x0001_0109,
    }
    .encode();
    let contexts = [ServiceContext {
        id: context_id::CODE_SETS,
        data: &chosen,
    }];
    let key = TargetAddress::Key(b"key");
    let all = [
        request_with(1, Version::V1_2, "echo", "grün", &contexts, key),
        request(2, Version::V1_2, "echo", "größer"),
    ];
    let replies: Vec<_> = answers(all).iter().map(echoed).collect();
    assert_eq!(replies, [(1, "grün".into()), (2, "größer".into())]);
}

#[test]
fn code_sets_that_we_do_not_have_are_an_exception() {
    let chosen = CodeSetContext { narrow: 77, wide: 78 }.encode();
    let contexts = [ServiceContext {
        id: context_id::CODE_SETS,
        data: &chosen,
    }];
    let key = TargetAddress::Key(b"key");
    let answers = answers([request_with(1, Version::V1_2, "echo", "x", &contexts, key)]);
    assert_eq!(raised(&answers[0]), SystemExceptionKind::CodesetIncompatible);
}

#[test]
fn a_target_that_is_addressed_by_a_foreign_profile_is_asked_for_by_key() {
    let target = TargetAddress::Profile {
        tag: 0x4f4d_0001,
        data: &[0; 8],
    };
    let answers = answers([request_with(1, Version::V1_2, "echo", "x", &[], target)]);
    let (header, mut body) = answers[0].reply(CodeSets::NATIVE, None).expect("a reply");
    assert_eq!(header.status, ReplyStatus::NeedsAddressingMode);
    assert_eq!(body.short(), Ok(0));
}

#[test]
fn a_servant_that_answers_nothing_or_what_cannot_be_encoded_is_an_exception() {
    let answers = answers([
        request(1, Version::V1_2, "silent", ""),
        request(2, Version::V1_2, "nul", ""),
        request(3, Version::V1_2, "twice", ""),
        request(4, Version::V1_2, "echo", "still here"),
    ]);
    assert_eq!(raised(&answers[0]), SystemExceptionKind::NoResponse);
    assert_eq!(raised(&answers[1]), SystemExceptionKind::BadParam);
    assert_eq!(echoed(&answers[2]), (3, "first".into()));
    assert_eq!(echoed(&answers[3]), (4, "still here".into()));
    assert_eq!(answers.len(), 4);
}

#[test]
fn replies_of_a_burst_go_out_together() {
    let burst: Vec<u8> = (0..20)
        .flat_map(|id| request(id, Version::V1_2, "echo", "small"))
        .collect();
    let script = Script::new([burst]);
    assert_eq!(script.answers().len(), 20);
    assert_eq!(script.sends(), 1);
}

#[test]
fn garbage_of_any_kind_is_an_error_and_the_end() {
    for garbage in [
        &b"GIOQ\x01\x02\x01\x00\x00\x00\x00\x00"[..],
        &[0xff; 64],
        &[0; 12],
    ] {
        assert_eq!(types(&answers([garbage.to_vec()])), [MessageType::MessageError]);
    }
    // A header that promises more than the message has.
    let mut torn = request(1, Version::V1_2, "echo", "x");
    torn[24..28].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(types(&answers([torn])), [MessageType::MessageError]);
}

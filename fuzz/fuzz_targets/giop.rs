// SPDX-License-Identifier: MIT OR Apache-2.0
//! A connection's octets, cut into reads, through the assembler and every header.
#![no_main]

use libfuzzer_sys::fuzz_target;
use orb_core::cdr::{Encoder, Unmarshal};
use orb_core::codeset::{CodeSetContext, CodeSets};
use orb_core::exception::SystemException;
use orb_core::giop::{
    Assembler, HEADER_SIZE, Limits, LocateStatus, Message, MessageType, ReplyStatus, begin, context_id,
    finish, fragments,
};
use orb_core::ior::Ior;

const LIMITS: Limits = Limits {
    message: 4096,
    fragmented: 4,
};

fuzz_target!(|data: &[u8]| {
    let Some((&step, octets)) = data.split_first() else {
        return;
    };
    let step = usize::from(step).max(1);
    let mut whole = Assembler::new(LIMITS);
    let mut cut = Assembler::new(LIMITS);
    let (messages, failed) = take(&mut whole, octets);
    let mut same = Vec::new();
    for read in octets.chunks(step) {
        let (some, stop) = take(&mut cut, read);
        same.extend(some);
        if stop {
            break;
        }
    }
    // However the stream is cut, the messages are the same.
    assert_eq!(messages.len(), same.len(), "failed: {failed}");
    for (message, same) in messages.iter().zip(&same) {
        assert_eq!(message.octets(), same.octets());
        assert!(message.octets().len() <= LIMITS.message + HEADER_SIZE);
        look_into(message);
    }
});

fn take(assembler: &mut Assembler, octets: &[u8]) -> (Vec<Message>, bool) {
    assembler.buffer(octets.len()).extend_from_slice(octets);
    let mut messages = Vec::new();
    loop {
        match assembler.next_message() {
            Ok(Some(message)) => messages.push(message),
            Ok(None) => return (messages, false),
            Err(_) => return (messages, true),
        }
    }
}

fn look_into(message: &Message) {
    let _ = message.request_id();
    match message.message_type() {
        MessageType::Request => request(message),
        MessageType::Reply => reply(message),
        MessageType::LocateRequest => {
            if let Ok(locate) = message.locate_request() {
                let _ = locate.target.object_key();
            }
        }
        MessageType::LocateReply => {
            if let Ok((header, mut body)) = message.locate_reply(CodeSets::NATIVE, None) {
                match header.status {
                    LocateStatus::ObjectForward | LocateStatus::ObjectForwardPerm => {
                        drop(Ior::unmarshal(&mut body));
                    }
                    LocateStatus::SystemException => drop(SystemException::unmarshal(&mut body)),
                    _ => {}
                }
            }
        }
        MessageType::CancelRequest => drop(message.cancel_request()),
        _ => {}
    }
}

fn request(message: &Message) {
    let Ok((header, body)) = message.request(CodeSets::NATIVE, None) else {
        return;
    };
    if let Some(context) = header.service_contexts.find(context_id::CODE_SETS) {
        let _ = CodeSetContext::decode(context).map(CodeSetContext::sets);
    }
    // What was read can be written, and is read the same again.
    let wire = message.header();
    let mut encoder = Encoder::new(wire.endian, wire.version, CodeSets::NATIVE);
    begin(&mut encoder, MessageType::Request);
    header.encode(&mut encoder).expect("it was read, so it fits");
    let padding = orb_core::giop::begin_body(&mut encoder);
    encoder.raw(body.rest());
    finish(&mut encoder, Some(padding)).expect("it is small");
    let octets = encoder.contiguous();
    let pieces: Vec<u8> = fragments(&octets, 64)
        .flat_map(|piece| [piece.head(), piece.content()].concat())
        .collect();
    let mut assembler = Assembler::default();
    let (again, failed) = take(&mut assembler, &pieces);
    assert!(!failed && again.len() == 1 && assembler.is_idle());
    let (read, mut rest) = again[0].request(CodeSets::NATIVE, None).expect("we wrote it");
    assert_eq!(
        (read.request_id, read.response, read.operation),
        (header.request_id, header.response, header.operation)
    );
    assert_eq!(read.service_contexts, header.service_contexts);
    assert_eq!(read.target.object_key().ok(), header.target.object_key().ok());
    assert_eq!(rest.rest(), body.rest());
}

fn reply(message: &Message) {
    let Ok((header, mut body)) = message.reply(CodeSets::NATIVE, None) else {
        return;
    };
    match header.status {
        ReplyStatus::SystemException => drop(SystemException::unmarshal(&mut body)),
        ReplyStatus::LocationForward | ReplyStatus::LocationForwardPerm => drop(Ior::unmarshal(&mut body)),
        _ => {}
    }
}

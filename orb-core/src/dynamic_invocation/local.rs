// SPDX-License-Identifier: MIT OR Apache-2.0
//! Dynamic calls of objects of the same ORB: through their adapter as a message, but over no connection.

use std::io::IoSlice;

use bytes::{Bytes, BytesMut};

use super::{DynamicError, DynamicReply, ReplyReader, Shape};
use crate::{
    cdr::{CdrError, Decoder, Encoder, Unmarshal, Version},
    client::{Answer, Arguments},
    codeset::CodeSets,
    context::Origin,
    exception::{Completed, SystemException, SystemExceptionKind as Kind},
    giop::{Assembler, ReplyStatus},
    ior::Ior,
    object::ObjectRef,
    servant::{Delivery, Reply, ReplyTo, Request},
};

/// Keeps the reply.
struct Kept(Vec<u8>);

impl Delivery for Kept {
    fn deliver(&mut self, message: &[IoSlice<'_>]) {
        message.iter().for_each(|part| self.0.extend_from_slice(part));
    }
}

/// Calls the object if it is one of this ORB; `None` if it is not, or has moved.
pub(super) fn call(
    target: &ObjectRef,
    shape: &Shape,
    expected: bool,
) -> Option<Result<DynamicReply, DynamicError>> {
    let object_key = target.local_key()?;
    let adapter = target.orb().adapter()?;
    let arguments = match encode(target, shape) {
        Ok(arguments) => arguments,
        Err(error) => return Some(Err(error.into())),
    };
    let mut decoder = Decoder::native(&arguments)
        .with_source(&arguments)
        .with_orb(Some(target.handle()));
    let to = ReplyTo {
        request_id: 0,
        version: Version::V1_2,
        codesets: CodeSets::NATIVE,
        expected,
    };
    let (mut buffer, mut kept) = (BytesMut::new(), Kept(Vec::new()));
    let mut reply = Reply::new(to, &mut buffer, &mut kept, Some(target.handle()));
    let request = Request {
        object_key,
        operation: &shape.operation,
        origin: Origin::Collocated,
    };
    adapter.dispatch(&request, &mut decoder, &mut reply);
    if !expected {
        return Some(Err(unanswered().into()));
    }
    read(target, shape, &kept.0).transpose()
}

fn encode(target: &ObjectRef, shape: &Shape) -> Result<Bytes, CdrError> {
    let mut encoder = Encoder::native().with_orb(Some(target.handle()));
    shape.marshal(&mut encoder)?;
    Ok(encoder.contiguous())
}

/// Reads the message that the adapter would have sent.
fn read(target: &ObjectRef, shape: &Shape, octets: &[u8]) -> Result<Option<DynamicReply>, DynamicError> {
    let mut assembler = Assembler::default();
    assembler.buffer(octets.len()).extend_from_slice(octets);
    let message = assembler.next_message().ok().flatten().ok_or_else(unanswered)?;
    let (header, mut body) = message.reply(CodeSets::NATIVE, Some(target.handle()))?;
    let mut answer = ReplyReader { shape, reply: None };
    match header.status {
        ReplyStatus::NoException => answer.results(&mut body)?,
        ReplyStatus::UserException => answer.user_exception(&mut body)?,
        ReplyStatus::SystemException => return Err(SystemException::unmarshal(&mut body)?.into()),
        ReplyStatus::LocationForward | ReplyStatus::LocationForwardPerm => {
            target.forward(
                Ior::unmarshal(&mut body)?,
                header.status == ReplyStatus::LocationForwardPerm,
            );
            return Ok(None);
        }
        ReplyStatus::NeedsAddressingMode => return Err(unanswered().into()),
    }
    answer.take().map(Some)
}

fn unanswered() -> SystemException {
    SystemException::new(Kind::NoResponse, 0, Completed::Maybe).with_message("the adapter gave no answer")
}

// SPDX-License-Identifier: MIT OR Apache-2.0

mod assembly;
mod headers;
mod properties;

use super::*;
use crate::cdr::{CdrError, Decoder, Encoder, Endian, Version};
use crate::codeset::CodeSets;

pub(crate) const VERSIONS: [Version; 3] = [Version::V1_0, Version::V1_1, Version::V1_2];
pub(crate) const ENDIANS: [Endian; 2] = [Endian::Big, Endian::Little];

/// Makes a request to `key` with a body of numbers.
pub(crate) fn request(version: Version, endian: Endian, id: u32, body: &[i32]) -> Vec<u8> {
    message(version, endian, MessageType::Request, body, |encoder| {
        let header = RequestHeader {
            request_id: id,
            response: ResponseFlags::Target,
            target: TargetAddress::Key(b"key"),
            operation: "read",
            service_contexts: ServiceContexts::default(),
        };
        header.encode(encoder)
    })
}

pub(crate) fn message<'a>(
    version: Version,
    endian: Endian,
    message_type: MessageType,
    body: &'a [i32],
    header: impl FnOnce(&mut Encoder<'a>) -> Result<(), CdrError>,
) -> Vec<u8> {
    let mut encoder = Encoder::new(endian, version, CodeSets::NATIVE);
    begin(&mut encoder, message_type);
    header(&mut encoder).unwrap();
    let padding = begin_body(&mut encoder);
    encoder.primitive_array(body);
    finish(&mut encoder, Some(padding)).unwrap();
    encoder.contiguous().to_vec()
}

/// Feeds octets in one piece and takes all messages.
pub(crate) fn assemble(assembler: &mut Assembler, octets: &[u8]) -> Result<Vec<Message>, GiopError> {
    assembler.buffer(octets.len()).extend_from_slice(octets);
    let mut messages = Vec::new();
    while let Some(message) = assembler.next_message()? {
        messages.push(message);
    }
    Ok(messages)
}

pub(crate) fn one(octets: &[u8]) -> Message {
    let mut messages = assemble(&mut Assembler::default(), octets).unwrap();
    assert_eq!(messages.len(), 1);
    messages.remove(0)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The header of a request (CORBA 3.3 Part 2 §9.4.2.1).

use super::{ServiceContexts, TargetAddress};
use crate::cdr::{CdrError, Decoder, Encoder, Version};

/// What answer a client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResponseFlags {
    /// None: a oneway with `SYNC_NONE` or `SYNC_WITH_TRANSPORT`.
    None,
    /// That the server has the request: `SYNC_WITH_SERVER`.
    Server,
    /// The result: a twoway, or a oneway with `SYNC_WITH_TARGET`.
    Target,
}

impl ResponseFlags {
    /// Tells whether a reply is to be sent.
    #[must_use]
    pub fn response_expected(self) -> bool {
        self != Self::None
    }
}

/// The header of a request. It borrows from the message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RequestHeader<'a> {
    /// The id that the reply will carry.
    pub request_id: u32,
    /// What answer the client waits for; before GIOP 1.2 `Server` is sent as `Target`.
    pub response: ResponseFlags,
    /// The object.
    pub target: TargetAddress<'a>,
    /// The operation, as it is called on the wire.
    pub operation: &'a str,
    /// What services sent along.
    pub service_contexts: ServiceContexts<'a>,
}

impl<'a> RequestHeader<'a> {
    /// Writes the header in the encoder's version.
    ///
    /// # Errors
    /// [`CdrError`] if a part is too long, or the target has no object key where one is needed.
    pub fn encode(&self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        let v1_2 = encoder.version() >= Version::V1_2;
        if !v1_2 {
            self.service_contexts.encode(encoder)?;
        }
        encoder.ulong(self.request_id);
        encoder.octet(match self.response {
            ResponseFlags::None => 0,
            ResponseFlags::Server => 1,
            ResponseFlags::Target if v1_2 => 3,
            ResponseFlags::Target => 1,
        });
        if encoder.version() > Version::V1_0 {
            encoder.raw(&[0; 3]);
        }
        self.target.encode(encoder)?;
        operation(self.operation, encoder)?;
        if v1_2 {
            self.service_contexts.encode(encoder)
        } else {
            // No principal: the field is unused since CORBA 2.2.
            encoder.sequence_len(0, None)
        }
    }

    /// Reads the form that most requests have, in one go: GIOP 1.2 in native byte order, with an object key and no
    /// service contexts. Returns the header's size too; `None` for other forms, which [`Self::decode`] reads.
    pub(super) fn decode_common(content: &'a [u8]) -> Option<(Self, usize)> {
        let (fixed, rest) = content.split_first_chunk()?;
        let [i0, i1, i2, i3, flags, _, _, _, 0, 0, _, _, k0, k1, k2, k3] = *fixed else {
            return None;
        };
        let (key, rest) = padded(rest, [k0, k1, k2, k3])?;
        let (length, rest) = rest.split_first_chunk()?;
        let (operation, rest) = padded(rest, *length)?;
        let ([0, 0, 0, 0], rest) = rest.split_first_chunk()? else {
            return None;
        };
        let [operation @ .., 0] = operation else {
            return None;
        };
        let header = Self {
            request_id: u32::from_ne_bytes([i0, i1, i2, i3]),
            response: match flags & 3 {
                3 => ResponseFlags::Target,
                1 => ResponseFlags::Server,
                _ => ResponseFlags::None,
            },
            target: TargetAddress::Key(key),
            operation: std::str::from_utf8(operation).ok()?,
            service_contexts: ServiceContexts::default(),
        };
        Some((header, content.len() - rest.len()))
    }

    /// Reads a header in the decoder's version.
    ///
    /// # Errors
    /// [`CdrError`] if it is malformed.
    pub fn decode(decoder: &mut Decoder<'a>) -> Result<Self, CdrError> {
        let v1_2 = decoder.version() >= Version::V1_2;
        let mut service_contexts = ServiceContexts::default();
        if !v1_2 {
            service_contexts = ServiceContexts::decode(decoder)?;
        }
        let request_id = decoder.ulong()?;
        let flags = decoder.octet()?;
        let response = match flags {
            _ if flags & 1 == 0 => ResponseFlags::None,
            _ if v1_2 && flags & 2 == 0 => ResponseFlags::Server,
            _ => ResponseFlags::Target,
        };
        if decoder.version() > Version::V1_0 {
            decoder.skip(3)?;
        }
        let target = TargetAddress::decode(decoder)?;
        let operation = std::str::from_utf8(decoder.string_octets(None)?)
            .map_err(|_| CdrError::BadMessage("the operation is no text"))?;
        if v1_2 {
            service_contexts = ServiceContexts::decode(decoder)?;
        } else {
            decoder.octets()?;
        }
        Ok(Self {
            request_id,
            response,
            target,
            operation,
            service_contexts,
        })
    }
}

/// Operations are identifiers, the same in every code set.
fn operation(name: &str, encoder: &mut Encoder<'_>) -> Result<(), CdrError> {
    encoder.sequence_len(name.len() + 1, None)?;
    encoder.raw(name.as_bytes());
    encoder.octet(0);
    Ok(())
}

/// Takes as many octets as the native number says, and the padding to a multiple of four after them.
#[inline]
fn padded(octets: &[u8], length: [u8; 4]) -> Option<(&[u8], &[u8])> {
    let length = usize::try_from(u32::from_ne_bytes(length)).ok()?;
    let (taken, rest) = octets.split_at_checked(length)?;
    Some((taken, rest.get(length.wrapping_neg() & 3..)?))
}

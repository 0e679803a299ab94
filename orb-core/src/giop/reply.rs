// SPDX-License-Identifier: MIT OR Apache-2.0
//! The header of a reply (CORBA 3.3 Part 2 §9.4.3.1).

use super::{MessageHeader, MessageType, ServiceContexts};
use crate::cdr::{CdrError, Decoder, Encoder, Endian, Version};

/// What a reply's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplyStatus {
    /// The results.
    NoException,
    /// A user exception.
    UserException,
    /// A system exception.
    SystemException,
    /// A reference to call instead, this time.
    LocationForward,
    /// A reference to call instead, from now on; from GIOP 1.2 on.
    LocationForwardPerm,
    /// The addressing disposition to try again with; from GIOP 1.2 on.
    NeedsAddressingMode,
}

impl ReplyStatus {
    const fn code(self) -> u32 {
        match self {
            Self::NoException => 0,
            Self::UserException => 1,
            Self::SystemException => 2,
            Self::LocationForward => 3,
            Self::LocationForwardPerm => 4,
            Self::NeedsAddressingMode => 5,
        }
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        let value = decoder.ulong()?;
        Ok(match value {
            0 => Self::NoException,
            1 => Self::UserException,
            2 => Self::SystemException,
            3 => Self::LocationForward,
            4 if decoder.version() >= Version::V1_2 => Self::LocationForwardPerm,
            5 if decoder.version() >= Version::V1_2 => Self::NeedsAddressingMode,
            value => {
                return Err(CdrError::BadEnum {
                    name: "GIOP::ReplyStatusType",
                    value,
                });
            }
        })
    }
}

/// The header of a reply. It borrows from the message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReplyHeader<'a> {
    /// The id of the request.
    pub request_id: u32,
    /// What the body is.
    pub status: ReplyStatus,
    /// What services sent along.
    pub service_contexts: ServiceContexts<'a>,
}

impl<'a> ReplyHeader<'a> {
    /// Writes the header in the encoder's version, in which a `LocationForwardPerm` is a
    /// `LocationForward` before GIOP 1.2.
    ///
    /// # Errors
    /// [`CdrError::TooLong`]; [`CdrError::BadMessage`] for `NeedsAddressingMode` before GIOP 1.2.
    pub fn encode(&self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        if encoder.version() >= Version::V1_2 {
            encoder.ulong(self.request_id);
            encoder.ulong(self.status.code());
            return self.service_contexts.encode(encoder);
        }
        let status = match self.status {
            ReplyStatus::LocationForwardPerm => ReplyStatus::LocationForward,
            ReplyStatus::NeedsAddressingMode => {
                return Err(CdrError::BadMessage("addressing modes need GIOP 1.2"));
            }
            status => status,
        };
        self.service_contexts.encode(encoder)?;
        encoder.ulong(self.request_id);
        encoder.ulong(status.code());
        Ok(())
    }

    /// Returns the octets of a message header of unknown size and of a reply header without service contexts, in
    /// native byte order: what nearly every reply begins with.
    #[inline]
    pub(crate) fn octets(version: Version, request_id: u32, status: ReplyStatus) -> [u8; 24] {
        let message = MessageHeader {
            version,
            endian: Endian::NATIVE,
            more_fragments: false,
            message_type: MessageType::Reply,
            size: 0,
        }
        .encode();
        let (id, status) = (request_id.to_ne_bytes(), status.code().to_ne_bytes());
        let contexts = [0; 4];
        let fields = if version >= Version::V1_2 {
            [id, status, contexts]
        } else {
            [contexts, id, status]
        };
        let mut octets = [0; 24];
        let all = message.iter().chain(fields.as_flattened());
        for (to, from) in octets.iter_mut().zip(all) {
            *to = *from;
        }
        octets
    }

    /// Reads a header in the decoder's version.
    ///
    /// # Errors
    /// [`CdrError`] if it is malformed.
    pub fn decode(decoder: &mut Decoder<'a>) -> Result<Self, CdrError> {
        if decoder.version() >= Version::V1_2 {
            let (request_id, status) = (decoder.ulong()?, ReplyStatus::decode(decoder)?);
            return Ok(Self {
                request_id,
                status,
                service_contexts: ServiceContexts::decode(decoder)?,
            });
        }
        let service_contexts = ServiceContexts::decode(decoder)?;
        Ok(Self {
            request_id: decoder.ulong()?,
            status: ReplyStatus::decode(decoder)?,
            service_contexts,
        })
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asking where an object is, and taking a request back (CORBA 3.3 Part 2 §9.4.4 to §9.4.6).

use super::TargetAddress;
use crate::cdr::{CdrError, Decoder, Encoder, Version};

/// The header of a locate request, which has no body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocateRequest<'a> {
    /// The id that the answer will carry.
    pub request_id: u32,
    /// The object.
    pub target: TargetAddress<'a>,
}

impl<'a> LocateRequest<'a> {
    /// Writes the header in the encoder's version.
    ///
    /// # Errors
    /// [`CdrError`] if the target has no object key where one is needed.
    pub fn encode(&self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.ulong(self.request_id);
        self.target.encode(encoder)
    }

    /// Reads a header in the decoder's version.
    ///
    /// # Errors
    /// [`CdrError`] if it is malformed.
    pub fn decode(decoder: &mut Decoder<'a>) -> Result<Self, CdrError> {
        Ok(Self {
            request_id: decoder.ulong()?,
            target: TargetAddress::decode(decoder)?,
        })
    }
}

/// What a server knows about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LocateStatus {
    /// There is no such object.
    UnknownObject,
    /// It is here.
    ObjectHere,
    /// It is where the reference in the body says, this time.
    ObjectForward,
    /// It is where the reference in the body says, from now on; from GIOP 1.2 on.
    ObjectForwardPerm,
    /// Asking failed with the system exception in the body; from GIOP 1.2 on.
    SystemException,
    /// Ask again with the addressing disposition in the body; from GIOP 1.2 on.
    NeedsAddressingMode,
}

impl LocateStatus {
    const fn code(self) -> u32 {
        match self {
            Self::UnknownObject => 0,
            Self::ObjectHere => 1,
            Self::ObjectForward => 2,
            Self::ObjectForwardPerm => 3,
            Self::SystemException => 4,
            Self::NeedsAddressingMode => 5,
        }
    }
}

/// The header of the answer to a locate request. Its body follows directly: unlike those of requests
/// and replies it is not aligned to eight in GIOP 1.2 (§9.4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocateReply {
    /// The id of the locate request.
    pub request_id: u32,
    /// What the server knows.
    pub status: LocateStatus,
}

impl LocateReply {
    /// Writes the header in the encoder's version, in which an `ObjectForwardPerm` is an
    /// `ObjectForward` before GIOP 1.2.
    ///
    /// # Errors
    /// [`CdrError::BadMessage`] for a status that needs GIOP 1.2.
    pub fn encode(&self, encoder: &mut Encoder<'_>) -> Result<(), CdrError> {
        let status = match self.status {
            status if encoder.version() >= Version::V1_2 => status,
            LocateStatus::ObjectForwardPerm => LocateStatus::ObjectForward,
            LocateStatus::SystemException | LocateStatus::NeedsAddressingMode => {
                return Err(CdrError::BadMessage("this locate status needs GIOP 1.2"));
            }
            status => status,
        };
        encoder.ulong(self.request_id);
        encoder.ulong(status.code());
        Ok(())
    }

    /// Reads a header in the decoder's version.
    ///
    /// # Errors
    /// [`CdrError`] if it is malformed.
    pub fn decode(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        let request_id = decoder.ulong()?;
        let v1_2 = decoder.version() >= Version::V1_2;
        let status = match decoder.ulong()? {
            0 => LocateStatus::UnknownObject,
            1 => LocateStatus::ObjectHere,
            2 => LocateStatus::ObjectForward,
            3 if v1_2 => LocateStatus::ObjectForwardPerm,
            4 if v1_2 => LocateStatus::SystemException,
            5 if v1_2 => LocateStatus::NeedsAddressingMode,
            value => {
                return Err(CdrError::BadEnum {
                    name: "GIOP::LocateStatusType",
                    value,
                });
            }
        };
        Ok(Self { request_id, status })
    }
}

/// The header of a message that takes a request or locate request back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelRequest {
    /// The id of the request.
    pub request_id: u32,
}

impl CancelRequest {
    /// Writes the header.
    pub fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.ulong(self.request_id);
    }

    /// Reads a header.
    ///
    /// # Errors
    /// [`CdrError::UnexpectedEnd`].
    pub fn decode(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        Ok(Self {
            request_id: decoder.ulong()?,
        })
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The twelve octets before every message.

use super::GiopError;
use crate::cdr::{Endian, Version};

/// The size of a message header in octets.
pub const HEADER_SIZE: usize = 12;

const MAGIC: [u8; 4] = *b"GIOP";
const LITTLE: u8 = 1;
const MORE_FRAGMENTS: u8 = 2;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// Asks for an operation.
    Request,
    /// Answers a request.
    Reply,
    /// Takes a request or locate request back.
    CancelRequest,
    /// Asks where an object is.
    LocateRequest,
    /// Answers a locate request.
    LocateReply,
    /// Announces that the connection is closed in good order.
    CloseConnection,
    /// Says that the last message made no sense.
    MessageError,
    /// Continues a message; from GIOP 1.1 on.
    Fragment,
}

impl MessageType {
    /// Returns the type's number on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Request => 0,
            Self::Reply => 1,
            Self::CancelRequest => 2,
            Self::LocateRequest => 3,
            Self::LocateReply => 4,
            Self::CloseConnection => 5,
            Self::MessageError => 6,
            Self::Fragment => 7,
        }
    }

    const fn from_code(code: u8, version: Version) -> Option<Self> {
        Some(match code {
            0 => Self::Request,
            1 => Self::Reply,
            2 => Self::CancelRequest,
            3 => Self::LocateRequest,
            4 => Self::LocateReply,
            5 => Self::CloseConnection,
            6 => Self::MessageError,
            7 if version.minor > 0 => Self::Fragment,
            _ => return None,
        })
    }
}

/// A message header (CORBA 3.3 Part 2 §9.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageHeader {
    /// The version of GIOP in which the message is written.
    pub version: Version,
    /// The byte order of the message, this header's size included.
    pub endian: Endian,
    /// Whether fragments follow.
    pub more_fragments: bool,
    /// What the message is.
    pub message_type: MessageType,
    /// How many octets follow the header.
    pub size: u32,
}

impl MessageHeader {
    /// Reads a header.
    ///
    /// # Errors
    /// [`GiopError`] for what is no header of GIOP 1.0 to 1.2.
    pub fn decode(octets: &[u8; HEADER_SIZE]) -> Result<Self, GiopError> {
        let [m0, m1, m2, m3, major, minor, flags, code, size @ ..] = *octets;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(GiopError::BadMagic);
        }
        let version = Version { major, minor };
        if !(Version::V1_0..=Version::V1_2).contains(&version) {
            return Err(GiopError::UnsupportedVersion(version));
        }
        // In GIOP 1.0 the octet is a boolean; later only the two least significant bits are in use,
        // and the others are reserved for us to ignore.
        if version == Version::V1_0 && flags > 1 {
            return Err(GiopError::BadFlags(flags));
        }
        let endian = if flags & LITTLE == 0 {
            Endian::Big
        } else {
            Endian::Little
        };
        Ok(Self {
            version,
            endian,
            more_fragments: flags & MORE_FRAGMENTS != 0,
            message_type: MessageType::from_code(code, version).ok_or(GiopError::UnknownMessageType(code))?,
            size: match endian {
                Endian::Big => u32::from_be_bytes(size),
                Endian::Little => u32::from_le_bytes(size),
            },
        })
    }

    /// Returns the header's octets.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_SIZE] {
        let [m0, m1, m2, m3] = MAGIC;
        let more = if self.more_fragments { MORE_FRAGMENTS } else { 0 };
        let [s0, s1, s2, s3] = match self.endian {
            Endian::Big => self.size.to_be_bytes(),
            Endian::Little => self.size.to_le_bytes(),
        };
        let Version { major, minor } = self.version;
        let flags = self.endian.flag() | more;
        [
            m0,
            m1,
            m2,
            m3,
            major,
            minor,
            flags,
            self.message_type.code(),
            s0,
            s1,
            s2,
            s3,
        ]
    }
}

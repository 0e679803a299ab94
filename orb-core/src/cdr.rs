// SPDX-License-Identifier: MIT OR Apache-2.0
//! CDR, the Common Data Representation of CORBA 3.3 Part 2 §9.3: values to octets and back.
//!
//! [`Encoder`] and [`Decoder`] have one method per IDL type; [`Marshal`] and [`Unmarshal`] are what
//! Rust types with a CDR form implement. Nothing here reads a clock, a file or a socket, trusts a
//! length that came from outside, or allocates for the message itself once its buffer has grown.

mod decoder;
mod encoder;
mod error;
mod hooks;
mod marshal;
mod output;
mod pieces;
mod primitive;
mod text;

pub use decoder::{DEPTH_LIMIT, Decoder};
pub use encoder::{BY_REFERENCE, Encoder, Mark, Part};
pub use error::CdrError;
pub use hooks::OrbHandle;
pub use marshal::{Marshal, Unmarshal};
pub use pieces::Pieces;
pub use primitive::Primitive;

/// The order of the octets of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endian {
    /// Most significant octet first.
    Big,
    /// Least significant octet first.
    Little,
}

impl Endian {
    /// The byte order of this machine.
    pub const NATIVE: Self = if cfg!(target_endian = "big") {
        Self::Big
    } else {
        Self::Little
    };

    /// Reads the flag of message headers and encapsulations: 0 is big, 1 is little (§9.4.1, §9.3.3).
    ///
    /// # Errors
    /// [`CdrError::BadByteOrder`] for anything else.
    #[inline]
    pub const fn from_flag(flag: u8) -> Result<Self, CdrError> {
        match flag {
            0 => Ok(Self::Big),
            1 => Ok(Self::Little),
            other => Err(CdrError::BadByteOrder(other)),
        }
    }

    /// Returns the flag that announces this order.
    #[inline]
    #[must_use]
    pub const fn flag(self) -> u8 {
        match self {
            Self::Big => 0,
            Self::Little => 1,
        }
    }

    /// Returns the other order.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Big => Self::Little,
            Self::Little => Self::Big,
        }
    }
}

/// A version of GIOP or IIOP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The major version, 1.
    pub major: u8,
    /// The minor version, 0 to 2.
    pub minor: u8,
}

impl Version {
    /// Version 1.0.
    pub const V1_0: Self = Self { major: 1, minor: 0 };
    /// Version 1.1.
    pub const V1_1: Self = Self { major: 1, minor: 1 };
    /// Version 1.2.
    pub const V1_2: Self = Self { major: 1, minor: 2 };
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests;

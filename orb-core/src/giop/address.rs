// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a request names its target (CORBA 3.3 Part 2 §9.4.2.1).

use crate::cdr::{CdrError, Decoder, Encoder, Version};
use crate::codeset::CodeSets;
use crate::ior::TAG_INTERNET_IOP;

/// A way of naming the target, as a server asks for it with `NEEDS_ADDRESSING_MODE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressingDisposition {
    /// By object key.
    Key,
    /// By the profile that the client uses.
    Profile,
    /// By the whole reference.
    Reference,
}

impl AddressingDisposition {
    /// Writes the disposition as the body of a reply.
    pub fn encode(self, encoder: &mut Encoder<'_>) {
        encoder.short(match self {
            Self::Key => 0,
            Self::Profile => 1,
            Self::Reference => 2,
        });
    }

    /// Reads a disposition.
    ///
    /// # Errors
    /// [`CdrError::BadDiscriminator`] if there is no such disposition.
    pub fn decode(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        match decoder.short()? {
            0 => Ok(Self::Key),
            1 => Ok(Self::Profile),
            2 => Ok(Self::Reference),
            _ => Err(CdrError::BadDiscriminator("GIOP::TargetAddress")),
        }
    }
}

/// The target of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetAddress<'a> {
    /// The object key, as every version of GIOP has it.
    Key(&'a [u8]),
    /// A tagged profile; from GIOP 1.2 on.
    Profile {
        /// The profile's tag.
        tag: u32,
        /// The profile's body.
        data: &'a [u8],
    },
    /// A whole reference; from GIOP 1.2 on.
    Reference {
        /// Which of the reference's profiles the client uses.
        selected: u32,
        /// The reference's type id.
        type_id: &'a [u8],
        /// That profile, tag and body.
        profile: (u32, &'a [u8]),
    },
}

impl<'a> TargetAddress<'a> {
    /// Returns the object key that the address leads to.
    ///
    /// # Errors
    /// [`CdrError`] if the profile is not an IIOP profile or is malformed.
    pub fn object_key(&self) -> Result<&'a [u8], CdrError> {
        match *self {
            Self::Key(key) => Ok(key),
            Self::Profile { tag, data }
            | Self::Reference {
                profile: (tag, data), ..
            } => key_of(tag, data),
        }
    }

    /// Returns which kind of address this is.
    #[must_use]
    pub fn disposition(&self) -> AddressingDisposition {
        match self {
            Self::Key(_) => AddressingDisposition::Key,
            Self::Profile { .. } => AddressingDisposition::Profile,
            Self::Reference { .. } => AddressingDisposition::Reference,
        }
    }

    /// Writes the address in the form of the encoder's version: before GIOP 1.2 that is the key.
    ///
    /// # Errors
    /// [`CdrError`] if there is no key where one is needed. A `Reference` is written with its one
    /// profile, selected.
    pub fn encode(&self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        if encoder.version() < Version::V1_2 {
            return encoder.octets(self.object_key()?);
        }
        self.disposition().encode(encoder);
        match *self {
            Self::Key(key) => encoder.octets(key),
            Self::Profile { tag, data } => {
                encoder.ulong(tag);
                encoder.octets(data)
            }
            Self::Reference {
                type_id,
                profile: (tag, data),
                ..
            } => {
                encoder.ulong(0);
                encoder.sequence_len(type_id.len() + 1, None)?;
                encoder.raw(type_id);
                encoder.octet(0);
                encoder.ulong(1);
                encoder.ulong(tag);
                encoder.octets(data)
            }
        }
    }

    /// Reads an address in the form of the decoder's version.
    ///
    /// # Errors
    /// [`CdrError`] if it is malformed, or selects a profile that is not there.
    pub fn decode(decoder: &mut Decoder<'a>) -> Result<Self, CdrError> {
        if decoder.version() < Version::V1_2 {
            return Ok(Self::Key(decoder.octets()?));
        }
        match AddressingDisposition::decode(decoder)? {
            AddressingDisposition::Key => Ok(Self::Key(decoder.octets()?)),
            AddressingDisposition::Profile => Ok(Self::Profile {
                tag: decoder.ulong()?,
                data: decoder.octets()?,
            }),
            AddressingDisposition::Reference => Self::decode_reference(decoder),
        }
    }

    fn decode_reference(decoder: &mut Decoder<'a>) -> Result<Self, CdrError> {
        let selected = decoder.ulong()?;
        let type_id = decoder.string_octets(None)?;
        let count = decoder.sequence_len(None, 8)?;
        let mut profile = None;
        for index in 0..count {
            let candidate = (decoder.ulong()?, decoder.octets()?);
            if u32::try_from(index) == Ok(selected) {
                profile = Some(candidate);
            }
        }
        let profile = profile.ok_or(CdrError::BadMessage("the selected profile does not exist"))?;
        Ok(Self::Reference {
            selected,
            type_id,
            profile,
        })
    }
}

/// Finds the object key in an IIOP profile (§9.7.2) without decoding the rest.
fn key_of(tag: u32, data: &[u8]) -> Result<&[u8], CdrError> {
    if tag != TAG_INTERNET_IOP {
        return Err(CdrError::BadMessage(
            "the target is not addressed by an IIOP profile",
        ));
    }
    let mut decoder = Decoder::of_encapsulation(data, Version::V1_2, CodeSets::UNNEGOTIATED)?;
    decoder.skip(2)?;
    decoder.string_octets(None)?;
    decoder.ushort()?;
    decoder.octets()
}

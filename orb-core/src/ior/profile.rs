// SPDX-License-Identifier: MIT OR Apache-2.0
//! Profiles: one way to reach an object each.

use bytes::Bytes;

use super::{TAG_DIOP, TAG_INTERNET_IOP, TAG_MULTIPLE_COMPONENTS, TaggedComponent, component};
use crate::cdr::{CdrError, Decoder, Encoder, Endian, Version};
use crate::codeset::CodeSets;

/// A profile whose tag says how to read its body. Those that are not understood are kept as they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaggedProfile {
    /// What kind of profile it is.
    pub tag: u32,
    /// The body, most often an encapsulation.
    pub data: Bytes,
}

impl TaggedProfile {
    /// Reads an IIOP profile; `None` if this is another kind.
    #[must_use]
    pub fn as_iiop(&self) -> Option<Result<IiopProfile, CdrError>> {
        (self.tag == TAG_INTERNET_IOP).then(|| IiopProfile::decode(&self.data))
    }

    /// Reads a profile for oneways in datagrams, which says of a UDP port what one of IIOP says of a TCP port; `None` if this is
    /// another kind.
    #[must_use]
    pub fn as_diop(&self) -> Option<Result<IiopProfile, CdrError>> {
        (self.tag == TAG_DIOP).then(|| IiopProfile::decode(&self.data))
    }

    /// Reads a list of components; `None` if this is another kind.
    #[must_use]
    pub fn as_components(&self) -> Option<Result<Vec<TaggedComponent>, CdrError>> {
        (self.tag == TAG_MULTIPLE_COMPONENTS).then(|| {
            let mut decoder = encapsulation(&self.data)?;
            component::decode_list(&mut decoder)
        })
    }

    /// Makes a profile that is a list of components (§7.6.4.1).
    #[must_use]
    pub fn components(components: &[TaggedComponent]) -> Self {
        let mut encoder = encapsulation_encoder();
        component::encode_list(components, &mut encoder);
        Self {
            tag: TAG_MULTIPLE_COMPONENTS,
            data: encoder.contiguous(),
        }
    }
}

/// An IIOP profile: where to connect, and which object to ask for there (§9.7.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IiopProfile {
    /// The highest version of IIOP that the server speaks.
    pub version: Version,
    /// The server's name or address.
    pub host: String,
    /// The server's TCP port.
    pub port: u16,
    /// What the server knows the object by.
    pub object_key: Bytes,
    /// What else the server says of itself; IIOP 1.0 has none.
    pub components: Vec<TaggedComponent>,
}

impl IiopProfile {
    /// Makes a profile of IIOP 1.2 without components.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16, object_key: impl Into<Bytes>) -> Self {
        Self {
            version: Version::V1_2,
            host: host.into(),
            port,
            object_key: object_key.into(),
            components: Vec::new(),
        }
    }

    /// Reads a profile body. The object key and the components share `data`.
    ///
    /// # Errors
    /// [`CdrError`] if it is malformed or of another major version.
    pub fn decode(data: &Bytes) -> Result<Self, CdrError> {
        let mut decoder = encapsulation(data)?;
        let version = Version {
            major: decoder.octet()?,
            minor: decoder.octet()?,
        };
        if version.major != 1 {
            return Err(CdrError::BadReference(
                "an IIOP profile of an unknown major version",
            ));
        }
        let host = decoder.identifier()?.into_owned();
        let port = decoder.ushort()?;
        let object_key = decoder.bytes()?;
        let components = match version {
            Version::V1_0 => Vec::new(),
            _ => component::decode_list(&mut decoder)?,
        };
        Ok(Self {
            version,
            host,
            port,
            object_key,
            components,
        })
    }

    /// Returns the profile in its tagged form.
    #[must_use]
    pub fn to_tagged(&self) -> TaggedProfile {
        let mut encoder = encapsulation_encoder();
        encoder.octet(self.version.major);
        encoder.octet(self.version.minor);
        address(&self.host, self.port, &mut encoder);
        // No object key reaches 4 GiB.
        encoder.octets(&self.object_key).unwrap_or_default();
        if self.version > Version::V1_0 {
            component::encode_list(&self.components, &mut encoder);
        }
        TaggedProfile {
            tag: TAG_INTERNET_IOP,
            data: encoder.contiguous(),
        }
    }

    /// Returns a profile that says the same of a UDP port, for oneways in datagrams.
    #[must_use]
    pub fn to_diop(&self) -> TaggedProfile {
        TaggedProfile {
            tag: TAG_DIOP,
            ..self.to_tagged()
        }
    }

    /// Returns the first component with this tag.
    #[must_use]
    pub fn component(&self, tag: u32) -> Option<&TaggedComponent> {
        self.components.iter().find(|component| component.tag == tag)
    }

    /// Returns all the endpoints: the profile's own, then the alternate ones (§9.7.3, §13.6.6.6).
    #[must_use]
    pub fn endpoints(&self) -> Vec<(String, u16)> {
        let alternates = self
            .components
            .iter()
            .filter_map(|component| component.as_alternate_address()?.ok());
        std::iter::once((self.host.clone(), self.port))
            .chain(alternates)
            .collect()
    }
}

pub(super) fn encapsulation(data: &Bytes) -> Result<Decoder<'_>, CdrError> {
    let decoder = Decoder::of_encapsulation(data, Version::V1_2, CodeSets::UNNEGOTIATED)?;
    Ok(decoder.with_source(data))
}

/// An encoder of an encapsulation's content: it has written the byte order.
pub(super) fn encapsulation_encoder<'a>() -> Encoder<'a> {
    let mut encoder = Encoder::new(Endian::NATIVE, Version::V1_2, CodeSets::NATIVE);
    encoder.octet(Endian::NATIVE.flag());
    encoder
}

/// Writes an address; a host with a NUL in it, which no name or address has, becomes none at all.
pub(super) fn address(host: &str, port: u16, encoder: &mut Encoder<'_>) {
    if encoder.identifier(host).is_err() {
        encoder.identifier("").unwrap_or_default();
    }
    encoder.ushort(port);
}

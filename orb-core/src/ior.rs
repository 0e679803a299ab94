// SPDX-License-Identifier: MIT OR Apache-2.0
//! Object references as they travel: IORs, their profiles and components (CORBA 3.3 Part 2 §7.6, §9.7).

mod component;
mod local_endpoint;
mod profile;
mod stringified;

use bytes::Bytes;

pub use component::{TaggedComponent, component_tag};
pub use local_endpoint::LocalEndpoint;
pub use profile::{IiopProfile, TaggedProfile};
pub use stringified::IorParseError;

use crate::cdr::{CdrError, Decoder, Encoder, Marshal, Unmarshal};

/// The tag of IIOP profiles.
pub const TAG_INTERNET_IOP: u32 = 0;
/// The tag of profiles that are a list of components.
pub const TAG_MULTIPLE_COMPONENTS: u32 = 1;

/// The tag of profiles that name an endpoint for oneways in datagrams: TAO's `TAO_TAG_DIOP_PROFILE`, which JacORB has taken over.
/// Their body is that of an IIOP profile.
pub const TAG_DIOP: u32 = 0x5441_4f04;

/// An interoperable object reference: a type and the ways to reach the object (§7.6.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ior {
    /// The repository id of the object's most derived interface; may be empty when it is not known.
    pub type_id: String,
    /// The ways to reach the object; a reference without any is nil.
    pub profiles: Vec<TaggedProfile>,
}

impl Ior {
    /// Returns the nil reference (§7.6.2): no type id and no profiles.
    #[must_use]
    pub const fn nil() -> Self {
        Self {
            type_id: String::new(),
            profiles: Vec::new(),
        }
    }

    /// Makes a reference with one IIOP profile.
    #[must_use]
    pub fn iiop(type_id: impl Into<String>, profile: &IiopProfile) -> Self {
        Self {
            type_id: type_id.into(),
            profiles: vec![profile.to_tagged()],
        }
    }

    /// Tells whether this is the nil reference.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        self.profiles.is_empty()
    }

    /// Returns the IIOP profiles that can be read, in order.
    pub fn iiop_profiles(&self) -> impl Iterator<Item = IiopProfile> {
        self.profiles.iter().filter_map(|profile| profile.as_iiop()?.ok())
    }

    /// Returns the components of all profiles of tag [`TAG_MULTIPLE_COMPONENTS`].
    pub fn multiple_components(&self) -> impl Iterator<Item = TaggedComponent> {
        self.profiles
            .iter()
            .filter_map(|profile| profile.as_components()?.ok())
            .flatten()
    }
}

/// As an object reference: a type id and tagged profiles (§9.3.6).
impl Marshal for Ior {
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.identifier(&self.type_id)?;
        encoder.sequence_len(self.profiles.len(), None)?;
        for profile in &self.profiles {
            encoder.ulong(profile.tag);
            encoder.octets(&profile.data)?;
        }
        Ok(())
    }
}

impl Unmarshal for Ior {
    const MIN_SIZE: usize = 12;

    /// Reads a reference. Its data is copied: a reference lives long, and must not keep a whole
    /// received message from being freed.
    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        let type_id = decoder.identifier()?.into_owned();
        let count = decoder.sequence_len(None, 8)?;
        let mut profiles = Vec::with_capacity(count.min(16));
        for _ in 0..count {
            let tag = decoder.ulong()?;
            profiles.push(TaggedProfile {
                tag,
                data: Bytes::copy_from_slice(decoder.octets()?),
            });
        }
        Ok(Self { type_id, profiles })
    }
}

#[cfg(test)]
mod tests;

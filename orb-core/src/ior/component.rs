// SPDX-License-Identifier: MIT OR Apache-2.0
//! Components: what a profile says of the server beside its address (CORBA 3.3 Part 2 §7.6.6).

use bytes::Bytes;

use super::profile::{address, encapsulation, encapsulation_encoder};
use crate::cdr::{CdrError, Decoder, Encoder};
use crate::codeset::CodeSetInfo;

/// Tags of components: those that the standard defines (§7.6.6), and ours.
pub mod component_tag {
    /// Which ORB made the reference.
    pub const ORB_TYPE: u32 = 0;
    /// The code sets of the server.
    pub const CODE_SETS: u32 = 1;
    /// Policies of the object (§22.3.1).
    pub const POLICIES: u32 = 2;
    /// Another address of the server.
    pub const ALTERNATE_IIOP_ADDRESS: u32 = 3;
    /// The SSL endpoint of the server.
    pub const SSL_SEC_TRANS: u32 = 20;
    /// The security mechanisms of the server.
    pub const CSI_SEC_MECH_LIST: u32 = 33;
    /// The TLS endpoint of a security mechanism.
    pub const TLS_SEC_TRANS: u32 = 36;
    /// Where the server is reached by those at the same place: see [`LocalEndpoint`](crate::ior::LocalEndpoint).
    pub const LOCAL_ENDPOINT: u32 = 0x5550_0001;
}

/// A component whose tag says how to read it. Those that are not understood are kept as they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaggedComponent {
    /// What the component is: see [`component_tag`].
    pub tag: u32,
    /// Its content, most often an encapsulation.
    pub data: Bytes,
}

impl TaggedComponent {
    /// Says which ORB made the reference (§7.6.6.1).
    #[must_use]
    pub fn orb_type(orb_type: u32) -> Self {
        let mut encoder = encapsulation_encoder();
        encoder.ulong(orb_type);
        Self {
            tag: component_tag::ORB_TYPE,
            data: encoder.contiguous(),
        }
    }

    /// Names another address of the server (§7.6.6.2).
    #[must_use]
    pub fn alternate_address(host: &str, port: u16) -> Self {
        let mut encoder = encapsulation_encoder();
        address(host, port, &mut encoder);
        Self {
            tag: component_tag::ALTERNATE_IIOP_ADDRESS,
            data: encoder.contiguous(),
        }
    }

    /// Lists the code sets of the server (§7.10.2.4).
    #[must_use]
    pub fn code_sets(info: &CodeSetInfo) -> Self {
        let mut encoder = encapsulation_encoder();
        info.encode(&mut encoder);
        Self {
            tag: component_tag::CODE_SETS,
            data: encoder.contiguous(),
        }
    }

    /// Reads which ORB made the reference; `None` if this is another component.
    #[must_use]
    pub fn as_orb_type(&self) -> Option<Result<u32, CdrError>> {
        (self.tag == component_tag::ORB_TYPE).then(|| encapsulation(&self.data)?.ulong())
    }

    /// Reads another address of the server; `None` if this is another component.
    #[must_use]
    pub fn as_alternate_address(&self) -> Option<Result<(String, u16), CdrError>> {
        (self.tag == component_tag::ALTERNATE_IIOP_ADDRESS).then(|| {
            let mut decoder = encapsulation(&self.data)?;
            Ok((decoder.identifier()?.into_owned(), decoder.ushort()?))
        })
    }

    /// Reads the code sets of the server; `None` if this is another component.
    #[must_use]
    pub fn as_code_sets(&self) -> Option<Result<CodeSetInfo, CdrError>> {
        (self.tag == component_tag::CODE_SETS).then(|| CodeSetInfo::decode(&mut encapsulation(&self.data)?))
    }
}

pub(super) fn decode_list(decoder: &mut Decoder<'_>) -> Result<Vec<TaggedComponent>, CdrError> {
    let count = decoder.sequence_len(None, 8)?;
    let mut components = Vec::with_capacity(count.min(16));
    for _ in 0..count {
        components.push(TaggedComponent {
            tag: decoder.ulong()?,
            data: decoder.bytes()?,
        });
    }
    Ok(components)
}

pub(super) fn encode_list<'a>(components: &'a [TaggedComponent], encoder: &mut Encoder<'a>) {
    // No list of components reaches 2^32.
    encoder.sequence_len(components.len(), None).unwrap_or_default();
    for component in components {
        encoder.ulong(component.tag);
        encoder.octets(&component.data).unwrap_or_default();
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A component of ours: where a server is reached by a transport whose endpoints mean something in one place only.

use bytes::Bytes;

use super::{
    component::{TaggedComponent, component_tag},
    profile::{encapsulation, encapsulation_encoder},
};
use crate::{
    cdr::{CdrError, Decoder},
    transport::Endpoint,
};

/// The only form there is until now.
const FORM: u8 = 1;

/// An endpoint that only clients at the same place can use, such as shared memory of one machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LocalEndpoint {
    /// The identity of the place, as [`Transport::locality`](crate::transport::Transport::locality) says it.
    pub locality: String,
    /// The endpoint there.
    pub endpoint: Endpoint,
    /// What the server knows the object by; empty in an IIOP profile, whose key counts then.
    pub object_key: Bytes,
}

impl LocalEndpoint {
    /// Returns the component that says this.
    #[must_use]
    pub fn to_component(&self) -> TaggedComponent {
        let mut encoder = encapsulation_encoder();
        encoder.octet(FORM);
        // Neither a name nor a key reaches 4 GiB, and names hold no NUL.
        encoder.identifier(&self.locality).unwrap_or_default();
        encoder.identifier(&self.endpoint.to_string()).unwrap_or_default();
        encoder.octets(&self.object_key).unwrap_or_default();
        TaggedComponent {
            tag: component_tag::LOCAL_ENDPOINT,
            data: encoder.contiguous(),
        }
    }

    /// Reads `component`; `None` if it is another, or in a form that is not known here.
    #[must_use]
    pub fn of(component: &TaggedComponent) -> Option<Result<Self, CdrError>> {
        if component.tag != component_tag::LOCAL_ENDPOINT {
            return None;
        }
        let read = |mut decoder: Decoder<'_>| {
            if decoder.octet()? != FORM {
                return Ok(None);
            }
            let locality = decoder.identifier()?.into_owned();
            let endpoint = decoder.identifier()?.parse();
            Ok(Some(Self {
                locality,
                endpoint: endpoint.map_err(|_| CdrError::BadReference("a local endpoint that is none"))?,
                object_key: decoder.bytes()?,
            }))
        };
        encapsulation(&component.data).and_then(read).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> LocalEndpoint {
        LocalEndpoint {
            locality: "a machine".into(),
            endpoint: Endpoint::new("apic", "telemetry", 0),
            object_key: Bytes::from_static(b"key"),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let endpoint = endpoint();
        assert_eq!(
            LocalEndpoint::of(&endpoint.to_component()),
            Some(Ok(endpoint.clone()))
        );
        let other = TaggedComponent::orb_type(7);
        assert_eq!(LocalEndpoint::of(&other), None);
    }

    #[test]
    fn a_form_to_come_is_left_alone_and_a_broken_one_refused() {
        let component = endpoint().to_component();
        let changed = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut data = component.data.to_vec();
            change(&mut data);
            LocalEndpoint::of(&TaggedComponent {
                data: data.into(),
                ..component.clone()
            })
        };
        assert_eq!(changed(&|data| data[1] = 2), None);
        for length in 0..component.data.len() {
            assert!(
                matches!(changed(&|data| data.truncate(length)), Some(Err(_))),
                "{length} octets"
            );
        }
        let no_endpoint = LocalEndpoint {
            endpoint: Endpoint::new("", "telemetry", 0),
            ..endpoint()
        };
        assert!(matches!(
            LocalEndpoint::of(&no_endpoint.to_component()),
            Some(Err(_))
        ));
    }
}

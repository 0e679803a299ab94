// SPDX-License-Identifier: MIT OR Apache-2.0
//! References to this ORB's objects: the endpoints it is reached at, around a key.

use std::{fmt, sync::Weak};

use bytes::Bytes;
use object_adapter::ReferenceFactory;
use orb_core::{
    codeset::CodeSetInfo,
    exception::{Completed, SystemException, SystemExceptionKind, minor},
    ior::{IiopProfile, Ior, TaggedComponent},
    object::ObjectRef,
    transport::Endpoint,
};

use super::Inner;

/// What our references say their ORB is: "UP" and a version, in OMG's registry of ORB types by nobody else's.
const ORB_TYPE: u32 = 0x5550_0001;

/// Makes references for the adapter.
pub(super) struct References(pub(super) Weak<Inner>);

impl ReferenceFactory for References {
    fn reference(&self, type_id: &str, object_key: Bytes) -> Result<ObjectRef, SystemException> {
        let orb = self.0.upgrade().ok_or_else(|| refused("the ORB is gone"))?;
        let mut endpoints = orb.core.local_endpoints();
        if endpoints.is_empty() {
            endpoints = orb.listen_anywhere()?;
        }
        let (first, others) = endpoints
            .split_first()
            .ok_or_else(|| refused("the ORB listens nowhere"))?;
        let profile = IiopProfile {
            version: orb.core.config().max_version,
            components: components(others),
            ..IiopProfile::new(first.host(), first.port(), object_key)
        };
        Ok(orb.core.object(Ior::iiop(type_id, &profile)))
    }

    fn local_key(&self, reference: &ObjectRef) -> Option<Bytes> {
        let orb = self.0.upgrade()?;
        reference
            .ior()
            .iiop_profiles()
            .find(|profile| {
                orb.core
                    .is_local_endpoint(&Endpoint::iiop(profile.host.as_str(), profile.port))
            })
            .map(|profile| profile.object_key)
    }
}

fn components(others: &[Endpoint]) -> Vec<TaggedComponent> {
    let alternates = others
        .iter()
        .map(|other| TaggedComponent::alternate_address(other.host(), other.port()));
    [
        TaggedComponent::orb_type(ORB_TYPE),
        TaggedComponent::code_sets(&CodeSetInfo::ours()),
    ]
    .into_iter()
    .chain(alternates)
    .collect()
}

fn refused(why: &'static str) -> SystemException {
    SystemException::new(
        SystemExceptionKind::BadInvOrder,
        minor::ORB_HAS_SHUT_DOWN,
        Completed::No,
    )
    .with_message(why)
}

impl fmt::Debug for References {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("References")
    }
}

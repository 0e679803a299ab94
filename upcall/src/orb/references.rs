// SPDX-License-Identifier: MIT OR Apache-2.0
//! References to this ORB's objects: the endpoints it is reached at, around a key.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use bytes::Bytes;
use object_adapter::{LaneSite, ReferenceFactory};
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
    fn reference(
        &self,
        type_id: &str,
        object_key: Bytes,
        lane: Option<&Endpoint>,
        policies: Option<TaggedComponent>,
    ) -> Result<ObjectRef, SystemException> {
        let orb = self.orb()?;
        let endpoints = match lane {
            // Elsewhere its guarantee would not hold.
            Some(lane) => vec![lane.clone()],
            None => orb.endpoints()?,
        };
        let (first, others) = endpoints
            .split_first()
            .ok_or_else(|| refused("the ORB listens nowhere"))?;
        let profile = IiopProfile {
            version: orb.core.config().max_version,
            components: components(others, policies),
            ..IiopProfile::new(first.host(), first.port(), object_key)
        };
        Ok(orb.core.object(Ior::iiop(type_id, &profile)))
    }

    fn open_lane(&self) -> Result<LaneSite, SystemException> {
        let orb = self.orb()?;
        orb.endpoints()?;
        let server = orb.server.lock().clone();
        let server = server.ok_or_else(|| refused("the ORB does not serve"))?;
        let beside = server.endpoints();
        let beside = beside.first().ok_or_else(|| refused("the ORB listens nowhere"))?;
        let (listener, endpoint) = orb.serving.bind_beside(&orb.core, beside)?;
        orb.core.add_lane(endpoint.clone());
        Ok(LaneSite {
            server,
            listener,
            endpoint,
        })
    }

    fn close_lane(&self, endpoint: &Endpoint) {
        if let Some(orb) = self.0.upgrade() {
            orb.core.remove_lane(endpoint);
        }
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

impl References {
    fn orb(&self) -> Result<Arc<Inner>, SystemException> {
        self.0.upgrade().ok_or_else(|| refused("the ORB is gone"))
    }
}

fn components(others: &[Endpoint], policies: Option<TaggedComponent>) -> Vec<TaggedComponent> {
    let alternates = others
        .iter()
        .map(|other| TaggedComponent::alternate_address(other.host(), other.port()));
    [
        TaggedComponent::orb_type(ORB_TYPE),
        TaggedComponent::code_sets(&CodeSetInfo::ours()),
    ]
    .into_iter()
    .chain(policies)
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

// SPDX-License-Identifier: MIT OR Apache-2.0
//! References to this ORB's objects: the endpoints it is reached at, around a key.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Weak},
};

use bytes::Bytes;
use object_adapter::{LaneSite, ReferenceFactory};
use orb_core::{
    codeset::CodeSetInfo,
    exception::{Completed, SystemException, SystemExceptionKind, minor},
    ior::{IiopProfile, Ior, LocalEndpoint, TaggedComponent, TaggedProfile},
    object::ObjectRef,
    rtcorba::{ProtocolList, ProtocolType},
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
        lane: &[Endpoint],
        protocols: &ProtocolList,
        policies: Option<TaggedComponent>,
    ) -> Result<ObjectRef, SystemException> {
        let orb = self.orb()?;
        let endpoints = match lane {
            [] => orb.endpoints_by(protocols)?,
            // Elsewhere its guarantee would not hold.
            lane => lane.to_vec(),
        };
        let of = |scheme| move |endpoint: &Endpoint| endpoint.scheme() == scheme;
        let (iiop, others): (Vec<_>, Vec<_>) = endpoints.into_iter().partition(of(Endpoint::IIOP));
        let (diop, local): (Vec<_>, Vec<_>) = others.into_iter().partition(of(Endpoint::DIOP));
        let about: Vec<_> = about_the_orb().chain(policies).collect();
        // Without IIOP only who is at the same place can use it.
        let main = match orb.profile(&iiop, &object_key, &about) {
            Some(mut profile) => {
                profile
                    .components
                    .extend(orb.local_endpoints(local, Bytes::new()));
                profile.to_tagged()
            }
            None => {
                let local = orb.local_endpoints(local, object_key.clone());
                let components: Vec<_> = about.iter().cloned().chain(local).collect();
                TaggedProfile::components(&components)
            }
        };
        let datagrams = orb.profile(&diop, &object_key, &about);
        let ior = Ior {
            type_id: type_id.into(),
            profiles: [main]
                .into_iter()
                .chain(datagrams.map(|profile| profile.to_diop()))
                .collect(),
        };
        Ok(orb.core.object(ior))
    }

    fn open_lane(&self, protocols: &ProtocolList) -> Result<LaneSite, SystemException> {
        let orb = self.orb()?;
        orb.endpoints_by(protocols)?;
        let server = orb.server.lock().clone();
        let server = server.ok_or_else(|| refused("the ORB does not serve"))?;
        let mut beside = one_of_each(server.endpoints());
        beside.retain(|endpoint| protocols.allows(ProtocolType::of(endpoint)));
        let tcp = protocols.tcp();
        let (mut listeners, mut endpoints) = (Vec::new(), Vec::new());
        for endpoint in &beside {
            match orb.serving.bind_beside(&orb.core, endpoint, tcp.as_ref()) {
                Ok((listener, endpoint)) => {
                    listeners.push(listener);
                    endpoints.push(endpoint);
                }
                Err(error) if endpoints.is_empty() => return Err(error),
                // There is another way.
                Err(error) => tracing::warn!(beside = %endpoint, %error, "a lane has an endpoint less"),
            }
        }
        for endpoint in &endpoints {
            orb.core.add_lane(endpoint.clone());
        }
        Ok(LaneSite {
            server,
            listeners,
            endpoints,
        })
    }

    fn close_lane(&self, endpoints: &[Endpoint]) {
        if let Some(orb) = self.0.upgrade() {
            for endpoint in endpoints {
                orb.core.remove_lane(endpoint);
            }
        }
    }

    fn local_key(&self, reference: &ObjectRef) -> Option<Bytes> {
        let orb = self.0.upgrade()?;
        reference.key_at(|endpoint| orb.core.is_local_endpoint(endpoint))
    }
}

impl References {
    fn orb(&self) -> Result<Arc<Inner>, SystemException> {
        self.0.upgrade().ok_or_else(|| refused("the ORB is gone"))
    }
}

impl Inner {
    /// Returns where objects are reached that are served by these protocols: somewhere.
    fn endpoints_by(&self, protocols: &ProtocolList) -> Result<Vec<Endpoint>, SystemException> {
        let mut endpoints = self.endpoints()?;
        endpoints.retain(|endpoint| protocols.allows(ProtocolType::of(endpoint)));
        if endpoints.is_empty() {
            return Err(refused(
                "the ORB listens by none of the protocols that are wanted",
            ));
        }
        Ok(endpoints)
    }

    /// Says what there is `about` an object and the ORB, and that it is reached at the first of these endpoints, or else at the
    /// others; none without any.
    fn profile(
        &self,
        endpoints: &[Endpoint],
        object_key: &Bytes,
        about: &[TaggedComponent],
    ) -> Option<IiopProfile> {
        let (first, others) = endpoints.split_first()?;
        let alternates = others
            .iter()
            .map(|other| TaggedComponent::alternate_address(other.host(), other.port()));
        Some(IiopProfile {
            version: self.core.config().max_version,
            components: about.iter().cloned().chain(alternates).collect(),
            ..IiopProfile::new(first.host(), first.port(), object_key.clone())
        })
    }

    /// Says where the ORB is reached by those at the same place, under `object_key` unless the profile has one.
    fn local_endpoints(
        &self,
        endpoints: Vec<Endpoint>,
        object_key: Bytes,
    ) -> impl Iterator<Item = TaggedComponent> {
        endpoints.into_iter().filter_map(move |endpoint| {
            let locality = self.core.transport(endpoint.scheme())?.locality()?.to_owned();
            let local = LocalEndpoint {
                locality,
                endpoint,
                object_key: object_key.clone(),
            };
            Some(local.to_component())
        })
    }
}

/// Returns an endpoint of each scheme, that of IIOP first.
fn one_of_each(mut endpoints: Vec<Endpoint>) -> Vec<Endpoint> {
    // Who sends datagrams is no client that could have a guarantee: there are no connections.
    endpoints.retain(|endpoint| endpoint.scheme() != Endpoint::DIOP);
    endpoints.sort_by_key(|endpoint| endpoint.scheme() != Endpoint::IIOP);
    let mut schemes = HashSet::new();
    endpoints.retain(|endpoint| schemes.insert(endpoint.scheme().to_owned()));
    endpoints
}

fn about_the_orb() -> impl Iterator<Item = TaggedComponent> {
    [
        TaggedComponent::orb_type(ORB_TYPE),
        TaggedComponent::code_sets(&CodeSetInfo::ours()),
    ]
    .into_iter()
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

// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a reference to a connection: which profile, which endpoint, which version, which code sets.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;

use super::{
    cache::{ConnectionCache, Share},
    connection::Connection,
    failure::{Cause, Failure},
};
use crate::{
    cdr::Version,
    codeset::CodeSets,
    exception::{Completed, SystemException, SystemExceptionKind as Kind, minor},
    giop::{AddressingDisposition, TargetAddress},
    ior::{Ior, LocalEndpoint, TaggedComponent, TaggedProfile, component_tag},
    rtcorba::{ExposedPolicies, ProtocolList},
    transport::Endpoint,
};

/// A reference, read once: where its object may be found.
#[derive(Debug)]
pub(crate) struct Target {
    ior: Ior,
    profiles: Vec<Profile>,
}

/// One way to reach the object.
#[derive(Debug)]
pub(crate) struct Profile {
    /// Where the server listens: first what only those can use who are at the same place, and are.
    endpoints: Vec<Endpoint>,
    /// Which of them stands for the server in comparisons of references.
    principal: usize,
    /// What the server knows the object by.
    pub(crate) key: Bytes,
    /// The highest version both sides speak.
    pub(crate) version: Version,
    /// What strings travel in.
    pub(crate) codesets: CodeSets,
    /// Whether the server says what code sets it has, so that it is told the choice.
    pub(crate) negotiates: bool,
    /// The RT-CORBA policies of the object.
    pub(crate) real_time: ExposedPolicies,
    /// Which of the reference's profiles this is.
    index: usize,
    /// How the server wants to be told the target, once it said so.
    disposition: AtomicU8,
}

impl Target {
    /// Reads a reference; profiles that cannot be read or used are left out.
    pub(crate) fn new(ior: Ior, reach: &Reach<'_>) -> Self {
        let indexed = ior.profiles.iter().enumerate();
        let profiles = indexed
            .filter_map(|(index, tagged)| {
                Profile::new(tagged, index, reach).or_else(|| Profile::local(tagged, index, reach))
            })
            .collect();
        Self { ior, profiles }
    }

    /// Reads where oneways go in datagrams; none where the reference names no such place, or the ORB has no transport for it.
    pub(crate) fn of_datagrams(ior: &Ior, reach: &Reach<'_>) -> Option<Self> {
        reach.connections.transport(Endpoint::DIOP)?;
        let indexed = ior.profiles.iter().enumerate();
        let profiles: Vec<_> = indexed
            .filter_map(|(index, tagged)| Profile::datagrams(tagged, index, reach))
            .collect();
        let ior = ior.clone();
        (!profiles.is_empty()).then_some(Self { ior, profiles })
    }

    /// Returns the reference.
    pub(crate) fn ior(&self) -> &Ior {
        &self.ior
    }

    /// Returns the ways to reach the object.
    pub(crate) fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    fn tagged(&self, profile: &Profile) -> Option<&TaggedProfile> {
        self.ior.profiles.get(profile.index)
    }
}

/// What an ORB can make use of in a reference.
pub(crate) struct Reach<'a> {
    /// The highest version of GIOP that it speaks.
    pub(crate) max_version: Version,
    /// Its connections, which know its transports.
    pub(crate) connections: &'a ConnectionCache,
}

impl Reach<'_> {
    /// Reads the endpoints that only some can use, and leaves out those that are not for us.
    fn local_endpoints(&self, components: &[TaggedComponent]) -> Vec<LocalEndpoint> {
        let endpoints = components.iter().filter_map(|component| {
            LocalEndpoint::of(component)?
                .inspect_err(|error| tracing::warn!(%error, "a local endpoint cannot be read"))
                .ok()
        });
        endpoints
            .filter(|local| {
                let transport = self.connections.transport(local.endpoint.scheme());
                transport.and_then(|transport| transport.locality()) == Some(&local.locality)
            })
            .collect()
    }
}

impl Profile {
    /// Reads an IIOP profile.
    fn new(tagged: &TaggedProfile, index: usize, reach: &Reach<'_>) -> Option<Self> {
        let profile = match tagged.as_iiop()? {
            Ok(profile) => profile,
            Err(error) => {
                tracing::warn!(%error, "an IIOP profile cannot be read");
                return None;
            }
        };
        let version = profile.version.min(reach.max_version);
        let local = reach.local_endpoints(&profile.components).into_iter();
        let mut endpoints: Vec<_> = local.map(|local| local.endpoint).collect();
        let principal = endpoints.len();
        endpoints.extend(
            profile
                .endpoints()
                .into_iter()
                .map(|(host, port)| Endpoint::iiop(host, port)),
        );
        let place = (endpoints, principal, index);
        Some(Self::of(place, profile.object_key, version, &profile.components))
    }

    /// Reads a profile for oneways in datagrams.
    fn datagrams(tagged: &TaggedProfile, index: usize, reach: &Reach<'_>) -> Option<Self> {
        let read = tagged.as_diop()?;
        let profile = read
            .inspect_err(|error| tracing::warn!(%error, "a DIOP profile cannot be read"))
            .ok()?;
        let endpoints = profile.endpoints().into_iter();
        let endpoints = endpoints.map(|(host, port)| Endpoint::diop(host, port)).collect();
        let version = profile.version.min(reach.max_version);
        let place = (endpoints, 0, index);
        Some(Self::of(place, profile.object_key, version, &profile.components))
    }

    /// Reads a profile of components that say where the server is reached by those at the same place.
    fn local(tagged: &TaggedProfile, index: usize, reach: &Reach<'_>) -> Option<Self> {
        let components = tagged.as_components()?.ok()?;
        let mut local = reach.local_endpoints(&components);
        let key = local.first()?.object_key.clone();
        local.retain(|other| other.object_key == key);
        let endpoints = local.into_iter().map(|local| local.endpoint).collect();
        Some(Self::of(
            (endpoints, 0, index),
            key,
            reach.max_version,
            &components,
        ))
    }

    fn of(
        (endpoints, principal, index): (Vec<Endpoint>, usize, usize),
        key: Bytes,
        version: Version,
        components: &[TaggedComponent],
    ) -> Self {
        let listed = component(components, component_tag::CODE_SETS).and_then(TaggedComponent::as_code_sets);
        // Code sets are not negotiated before GIOP 1.1 (CORBA 3.3 Part 2 §7.10.2.6).
        let listed = listed.filter(|_| version > Version::V1_0);
        let chosen = listed.and_then(|listed| listed.ok()?.choose().ok());
        Self {
            endpoints,
            principal,
            key,
            version,
            codesets: chosen.unwrap_or(CodeSets::UNNEGOTIATED),
            negotiates: chosen.is_some(),
            real_time: real_time(components),
            index,
            disposition: AtomicU8::new(0),
        }
    }

    /// Returns the endpoint by which the server is told from others.
    pub(crate) fn principal(&self) -> Option<&Endpoint> {
        self.endpoints.get(self.principal)
    }

    /// Returns where the object's server listens.
    pub(crate) fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// Notes how the server wants the target to be named; `false` if that is what was done already.
    pub(crate) fn set_disposition(&self, wanted: AddressingDisposition) -> bool {
        let code = match wanted {
            AddressingDisposition::Key => 0,
            AddressingDisposition::Profile => 1,
            AddressingDisposition::Reference => 2,
        };
        self.disposition.swap(code, Ordering::Relaxed) != code
    }
}

/// Reads the policies that a reference shows; those that make no sense count as none, since the object can be called.
fn real_time(components: &[TaggedComponent]) -> ExposedPolicies {
    match component(components, component_tag::POLICIES).and_then(ExposedPolicies::of) {
        Some(Ok(policies)) => policies,
        Some(Err(error)) => {
            tracing::warn!(%error, "the policies in a reference cannot be read");
            ExposedPolicies::default()
        }
        None => ExposedPolicies::default(),
    }
}

fn component(components: &[TaggedComponent], tag: u32) -> Option<&TaggedComponent> {
    components.iter().find(|component| component.tag == tag)
}

/// A target with a connection to it.
#[derive(Debug)]
pub(crate) struct Binding {
    /// Told from all other bindings of the process by this; never 0.
    pub(crate) number: u64,
    pub(crate) target: Arc<Target>,
    profile: usize,
    connection: Arc<Connection>,
}

impl Binding {
    /// Connects to the first endpoint of the target that answers, by one of the protocols.
    pub(crate) fn new(
        cache: &ConnectionCache,
        target: Arc<Target>,
        (share, protocols): (Share, &ProtocolList),
        deadline: Instant,
    ) -> Result<Self, SystemException> {
        let tcp = protocols.tcp().unwrap_or_default();
        Self::connect(target, protocols, |endpoint| {
            cache.connection(endpoint, (share, tcp), deadline)
        })
    }

    /// Connects likewise, by a connection that nobody else gets, and that is kept until [`Binding::release`].
    pub(crate) fn exclusive(
        cache: &ConnectionCache,
        target: Arc<Target>,
        protocols: &ProtocolList,
        deadline: Instant,
    ) -> Result<Self, SystemException> {
        let tcp = protocols.tcp().unwrap_or_default();
        Self::connect(target, protocols, |endpoint| {
            cache.exclusive(endpoint, &tcp, deadline)
        })
    }

    fn connect(
        target: Arc<Target>,
        protocols: &ProtocolList,
        mut connect: impl FnMut(&Endpoint) -> Result<Arc<Connection>, Failure>,
    ) -> Result<Self, SystemException> {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let mut last = None;
        for (index, profile) in target.profiles.iter().enumerate() {
            for endpoint in protocols.choose(&profile.endpoints) {
                match connect(endpoint) {
                    Ok(connection) => {
                        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
                        return Ok(Self {
                            number,
                            target,
                            profile: index,
                            connection,
                        });
                    }
                    Err(failure) => last = Some(failure),
                }
            }
        }
        Err(unreachable(&target, last))
    }

    /// Returns the connection if it can be used.
    #[inline]
    pub(crate) fn connection(&self) -> Option<&Arc<Connection>> {
        Some(&self.connection).filter(|connection| connection.is_open())
    }

    /// Returns the connection, even if it has ended.
    #[inline]
    pub(crate) fn carrier(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Lets go of an exclusive connection: it is closed once what was to be sent on it is sent.
    pub(crate) fn release(&self) {
        self.connection.release();
    }

    /// Returns the profile in use.
    #[inline]
    pub(crate) fn profile(&self) -> Option<&Profile> {
        self.target.profiles.get(self.profile)
    }

    /// Returns the target as the server wants it named.
    pub(crate) fn address<'a>(&'a self, profile: &'a Profile) -> TargetAddress<'a> {
        let disposition = profile.disposition.load(Ordering::Relaxed);
        match self.target.tagged(profile) {
            Some(tagged) if disposition == 1 => TargetAddress::Profile {
                tag: tagged.tag,
                data: &tagged.data,
            },
            Some(tagged) if disposition == 2 => TargetAddress::Reference {
                selected: 0,
                type_id: self.target.ior.type_id.as_bytes(),
                profile: (tagged.tag, &tagged.data),
            },
            _ => TargetAddress::Key(&profile.key),
        }
    }
}

/// Says why no endpoint of a reference could be reached.
fn unreachable(target: &Target, last: Option<Failure>) -> SystemException {
    let ior = &target.ior;
    match last {
        Some(failure) => failure.exception(Completed::No),
        None if ior.is_nil() => {
            SystemException::new(Kind::InvObjref, 0, Completed::No).with_message("a nil reference")
        }
        // RT-CORBA, Protocol Configuration.
        None if target
            .profiles
            .iter()
            .any(|profile| !profile.endpoints.is_empty()) =>
        {
            SystemException::new(Kind::InvPolicy, minor::POLICIES_NOT_RECONCILED, Completed::No)
                .with_message("its object is not reached by any of the protocols that may be used")
        }
        None => SystemException::new(Kind::Transient, minor::NO_USABLE_PROFILE, Completed::No).with_message(
            format!(
                "the reference to a {} has no profile that can be used",
                ior.type_id
            ),
        ),
    }
}

/// Tells whether a failure says something about the place and not about the call.
pub(crate) fn is_about_the_place(failure: &Failure) -> bool {
    matches!(failure.cause, Cause::Closed | Cause::Lost | Cause::Unreachable)
}

#[cfg(test)]
mod tests;

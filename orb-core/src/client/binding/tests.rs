// SPDX-License-Identifier: MIT OR Apache-2.0
use std::io;

use super::*;
use crate::{
    ior::IiopProfile,
    orb::OrbConfig,
    transport::{Link, Listener, Poller, Transport, TransportError},
};

/// A transport that reaches nobody, and whose endpoints mean something on one machine only.
#[derive(Debug)]
struct Nearby;

impl Transport for Nearby {
    fn scheme(&self) -> &str {
        "apic"
    }

    fn locality(&self) -> Option<&str> {
        Some("this machine")
    }

    fn connect(&self, endpoint: &Endpoint, _: Instant) -> Result<Arc<dyn Link>, TransportError> {
        let refused = io::ErrorKind::ConnectionRefused.into();
        Err(TransportError::new("connect to", endpoint, refused))
    }

    fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, TransportError> {
        let unsupported = io::ErrorKind::Unsupported.into();
        Err(TransportError::new("listen at", endpoint, unsupported))
    }

    fn poller(&self) -> io::Result<Arc<dyn Poller>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn local(locality: &str, key: &'static [u8]) -> TaggedComponent {
    let local = LocalEndpoint {
        locality: locality.into(),
        endpoint: Endpoint::new("apic", "telemetry", 0),
        object_key: Bytes::from_static(key),
    };
    local.to_component()
}

fn iiop(components: Vec<TaggedComponent>) -> TaggedProfile {
    let profile = IiopProfile {
        components,
        ..IiopProfile::new("host", 1, "key")
    };
    profile.to_tagged()
}

/// The endpoints of what can be used of `profile`, and the key there.
fn usable(profile: TaggedProfile, transports: Vec<Arc<dyn Transport>>) -> Option<(Vec<String>, Bytes)> {
    let connections = ConnectionCache::new(&OrbConfig::default(), transports);
    let reach = Reach {
        max_version: Version::V1_2,
        connections: &connections,
    };
    let ior = Ior {
        type_id: String::new(),
        profiles: vec![profile],
    };
    let target = Target::new(ior, &reach);
    let profile = target.profiles().first()?;
    let endpoints = profile.endpoints().iter().map(Endpoint::to_string);
    Some((endpoints.collect(), profile.key.clone()))
}

#[test]
fn who_is_at_the_same_place_goes_there_before_anywhere_else() {
    let profile = || iiop(vec![local("this machine", b"")]);
    let (endpoints, key) = usable(profile(), vec![Arc::new(Nearby)]).expect("a profile");
    assert_eq!(endpoints, ["apic://telemetry", "iiop://host:1"]);
    assert_eq!(key, "key");
    let (endpoints, _) = usable(profile(), Vec::new()).expect("a profile");
    assert_eq!(endpoints, ["iiop://host:1"], "told not to");
    let (endpoints, _) =
        usable(iiop(vec![local("another machine", b"")]), vec![Arc::new(Nearby)]).expect("a profile");
    assert_eq!(endpoints, ["iiop://host:1"], "elsewhere");
}

#[test]
fn a_reference_without_iiop_is_of_use_at_its_place_only() {
    let profile = || TaggedProfile::components(&[local("this machine", b"a"), local("this machine", b"b")]);
    let (endpoints, key) = usable(profile(), vec![Arc::new(Nearby)]).expect("a profile");
    assert_eq!(
        (endpoints.len(), &key[..]),
        (1, &b"a"[..]),
        "another key is another object"
    );
    assert_eq!(usable(profile(), Vec::new()), None);
}

#[test]
fn a_local_endpoint_that_makes_no_sense_harms_nothing() {
    let mut broken = local("this machine", b"");
    broken.data = broken.data.slice(..5);
    let (endpoints, _) = usable(iiop(vec![broken]), vec![Arc::new(Nearby)]).expect("a profile");
    assert_eq!(endpoints, ["iiop://host:1"]);
}

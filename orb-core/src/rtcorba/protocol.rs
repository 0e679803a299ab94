// SPDX-License-Identifier: MIT OR Apache-2.0
//! Protocols: which ones are used, in which order, and what their connections are like (RT-CORBA, Protocol Configuration).

use std::slice;

use super::InvalidProtocols;
use crate::{
    ior::{TAG_DIOP, TAG_INTERNET_IOP, component_tag},
    transport::Endpoint,
};

/// Which protocol, by the tag of its profiles (`IOP::ProfileId`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolType(pub u32);

impl ProtocolType {
    /// GIOP over TCP: IIOP (`TAG_INTERNET_IOP`).
    pub const IIOP: Self = Self(TAG_INTERNET_IOP);

    /// GIOP over a transport whose endpoints mean something in one place only, such as the shared memory of one machine,
    /// `apic://`. Ours, with the tag of the component that names such endpoints.
    pub const LOCAL: Self = Self(component_tag::LOCAL_ENDPOINT);

    /// Oneways in datagrams of UDP, `diop://`: TAO's, and JacORB's.
    pub const DIOP: Self = Self(TAG_DIOP);

    /// Returns the protocol that is spoken at an endpoint.
    #[must_use]
    pub fn of(endpoint: &Endpoint) -> Self {
        match endpoint.scheme() {
            Endpoint::IIOP => Self::IIOP,
            Endpoint::DIOP => Self::DIOP,
            _ => Self::LOCAL,
        }
    }
}

/// What TCP connections are like (`TCPProtocolProperties`). The default is what connections are like anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TcpProtocolProperties {
    /// Room for so many bytes on their way out (`SO_SNDBUF`); 0 leaves that to the system, which adapts it. Defaults to 0.
    pub send_buffer_size: u32,
    /// Room for so many bytes that came in (`SO_RCVBUF`); 0 leaves that to the system. Defaults to 0.
    pub recv_buffer_size: u32,
    /// Whether a connection on which nothing happens is probed now and then (`SO_KEEPALIVE`). Defaults to yes.
    pub keep_alive: bool,
    /// Whether only machines on the same network are reached (`SO_DONTROUTE`). Defaults to no.
    pub dont_route: bool,
    /// Whether messages go out at once, and do not wait to be sent together (`TCP_NODELAY`). Defaults to yes.
    pub no_delay: bool,
}

impl Default for TcpProtocolProperties {
    fn default() -> Self {
        Self {
            send_buffer_size: 0,
            recv_buffer_size: 0,
            keep_alive: true,
            dont_route: false,
            no_delay: true,
        }
    }
}

/// A protocol that may be used (`RTCORBA::Protocol`). GIOP itself has no properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Protocol {
    /// Which one.
    pub protocol_type: ProtocolType,
    /// What its connections are like; `None` for the defaults, and for protocols without TCP.
    pub tcp: Option<TcpProtocolProperties>,
}

impl Protocol {
    /// Returns IIOP with connections of the default kind.
    #[must_use]
    pub const fn iiop() -> Self {
        Self {
            protocol_type: ProtocolType::IIOP,
            tcp: None,
        }
    }

    /// Returns IIOP with connections of this kind.
    #[must_use]
    pub const fn iiop_with(tcp: TcpProtocolProperties) -> Self {
        Self {
            protocol_type: ProtocolType::IIOP,
            tcp: Some(tcp),
        }
    }

    /// Returns the protocol for clients in the same place, such as the fabric of one machine.
    #[must_use]
    pub const fn local() -> Self {
        Self {
            protocol_type: ProtocolType::LOCAL,
            tcp: None,
        }
    }

    /// Returns that for oneways in datagrams, which only references take that are
    /// [asked to](crate::object::ObjectRef::with_datagrams).
    #[must_use]
    pub const fn diop() -> Self {
        Self {
            protocol_type: ProtocolType::DIOP,
            tcp: None,
        }
    }
}

/// Protocols in order of preference (`RTCORBA::ProtocolList`). An empty one says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProtocolList(Vec<Protocol>);

impl ProtocolList {
    /// The list that says nothing.
    pub const ANY: Self = Self(Vec::new());

    /// Tells whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the protocols, the preferred one first.
    pub fn iter(&self) -> slice::Iter<'_, Protocol> {
        self.0.iter()
    }

    /// Returns a protocol that the list names.
    #[must_use]
    pub fn find(&self, protocol_type: ProtocolType) -> Option<&Protocol> {
        self.0.iter().find(|it| it.protocol_type == protocol_type)
    }

    /// Tells whether a protocol may be used; all may if the list says nothing.
    #[must_use]
    pub fn allows(&self, protocol_type: ProtocolType) -> bool {
        self.is_empty() || self.find(protocol_type).is_some()
    }

    /// Returns what TCP connections are to be like, if the list says so.
    #[must_use]
    pub fn tcp(&self) -> Option<TcpProtocolProperties> {
        self.find(ProtocolType::IIOP)?.tcp
    }

    /// Returns those of `endpoints` whose protocols may be used, the preferred protocol first.
    pub fn choose<'e>(&self, endpoints: &'e [Endpoint]) -> Vec<&'e Endpoint> {
        if self.is_empty() {
            return endpoints.iter().collect();
        }
        let by = |protocol: &Protocol| {
            let protocol_type = protocol.protocol_type;
            endpoints
                .iter()
                .filter(move |endpoint| ProtocolType::of(endpoint) == protocol_type)
        };
        self.iter().flat_map(by).collect()
    }

    /// Checks that the list has a protocol that is spoken here, and none twice.
    ///
    /// # Errors
    ///
    /// [`InvalidProtocols`].
    pub fn check(&self) -> Result<(), InvalidProtocols> {
        for (index, protocol) in self.0.iter().enumerate() {
            let earlier = self.0.iter().take(index);
            if earlier
                .into_iter()
                .any(|it| it.protocol_type == protocol.protocol_type)
            {
                return Err(InvalidProtocols::Twice { index });
            }
        }
        let spoken = [ProtocolType::IIOP, ProtocolType::LOCAL];
        match spoken.iter().any(|&spoken| self.allows(spoken)) {
            true => Ok(()),
            false => Err(InvalidProtocols::NoneUsable),
        }
    }
}

impl FromIterator<Protocol> for ProtocolList {
    fn from_iter<I: IntoIterator<Item = Protocol>>(protocols: I) -> Self {
        Self(protocols.into_iter().collect())
    }
}

impl<'l> IntoIterator for &'l ProtocolList {
    type Item = &'l Protocol;
    type IntoIter = slice::Iter<'l, Protocol>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: Protocol = Protocol {
        protocol_type: ProtocolType(0x5441_4f00),
        tcp: None,
    };

    fn list(protocols: &[Protocol]) -> ProtocolList {
        protocols.iter().copied().collect()
    }

    #[test]
    fn a_list_says_which_protocols_may_be_used_and_an_empty_one_nothing() {
        assert_eq!(ProtocolList::default().check(), Ok(()));
        assert_eq!(list(&[OTHER, Protocol::iiop()]).check(), Ok(()));
        assert_eq!(list(&[OTHER]).check(), Err(InvalidProtocols::NoneUsable));
        let slow = Protocol::iiop_with(TcpProtocolProperties {
            no_delay: false,
            ..TcpProtocolProperties::default()
        });
        assert_eq!(
            list(&[OTHER, slow, Protocol::iiop()]).check(),
            Err(InvalidProtocols::Twice { index: 2 })
        );
        assert_eq!(list(&[OTHER, slow]).tcp(), slow.tcp);
        assert_eq!(ProtocolList::default().tcp(), None);
        assert!(ProtocolList::ANY.allows(ProtocolType::LOCAL));
        assert!(!list(&[slow]).allows(ProtocolType::LOCAL));
        assert_eq!(list(&[Protocol::local()]).check(), Ok(()));
    }

    #[test]
    fn endpoints_are_chosen_by_protocol_the_preferred_one_first() {
        let urls = ["apic://near", "iiop://a:1", "iiop://b:2"];
        let endpoints = urls.map(|url| url.parse::<Endpoint>().expect("an endpoint"));
        let chosen = |protocols: &[Protocol]| {
            let list = list(protocols);
            let chosen = list.choose(&endpoints);
            chosen.into_iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let (iiop, local) = (Protocol::iiop(), Protocol::local());
        assert_eq!(chosen(&[]), urls);
        assert_eq!(chosen(&[iiop]), [urls[1], urls[2]]);
        assert_eq!(chosen(&[iiop, OTHER, local]), [urls[1], urls[2], urls[0]]);
        assert_eq!(chosen(&[local]), [urls[0]]);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Protocols: which ones are used, in which order, and what their connections are like (RT-CORBA, Protocol Configuration).

use std::slice;

use super::InvalidProtocols;
use crate::ior::TAG_INTERNET_IOP;

/// Which protocol, by the tag of its profiles (`IOP::ProfileId`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolType(pub u32);

impl ProtocolType {
    /// GIOP over TCP: IIOP (`TAG_INTERNET_IOP`).
    pub const IIOP: Self = Self(TAG_INTERNET_IOP);
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
}

/// Protocols in order of preference (`RTCORBA::ProtocolList`). An empty one says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProtocolList(Vec<Protocol>);

impl ProtocolList {
    /// Tells whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the protocols, the preferred one first.
    pub fn iter(&self) -> slice::Iter<'_, Protocol> {
        self.0.iter()
    }

    /// Returns a protocol if it may be used; all may that are not excluded by a list.
    ///
    /// # Errors
    ///
    /// [`InvalidProtocols::NoneUsable`] if the list has others only.
    pub fn find(&self, protocol_type: ProtocolType) -> Result<Option<&Protocol>, InvalidProtocols> {
        let found = self.0.iter().find(|it| it.protocol_type == protocol_type);
        match found {
            None if !self.0.is_empty() => Err(InvalidProtocols::NoneUsable),
            found => Ok(found),
        }
    }

    /// Checks that an ORB which speaks IIOP can do what the list says.
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
        self.find(ProtocolType::IIOP).map(drop)
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
        assert_eq!(list(&[OTHER, slow]).find(ProtocolType::IIOP), Ok(Some(&slow)));
        assert_eq!(ProtocolList::default().find(ProtocolType::IIOP), Ok(None));
    }
}

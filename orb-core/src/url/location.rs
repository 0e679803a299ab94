// SPDX-License-Identifier: MIT OR Apache-2.0
//! What follows `corbaloc:`: addresses and a key.

use std::fmt;
use std::net::Ipv6Addr;

use bytes::Bytes;

use super::{UrlError, escape};
use crate::cdr::Version;
use crate::ior::{IiopProfile, Ior};

/// The port of an address that names none (§7.6.10.3.3).
pub const DEFAULT_PORT: u16 = 2809;

const NAME_SERVICE: &str = "NameService";

/// One address of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// `iiop:1.2@host:port`, or `:` for `iiop:`.
    Iiop {
        /// The version of IIOP to speak: 1.0 where none is written (§7.6.10.3.3).
        version: Version,
        /// A name or an address; IPv6 without its brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// `rir:`, this ORB's initial references.
    Rir,
}

/// Addresses and a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corbaloc {
    /// Where the object may be reached: `rir:` alone, or any number of others.
    pub addresses: Vec<Address>,
    /// The object key, its escapes resolved, or the name of the initial reference. `None` where the
    /// URL has no `/`.
    pub key: Option<Bytes>,
}

impl Corbaloc {
    /// Returns the name of the initial reference that is meant, if this is `rir:`; by default that is
    /// the naming service (§7.6.10.3.4).
    #[must_use]
    pub fn initial_reference(&self) -> Option<&str> {
        match (self.addresses.as_slice(), &self.key) {
            ([Address::Rir], None) => Some(NAME_SERVICE),
            ([Address::Rir], Some(key)) if key.is_empty() => Some(NAME_SERVICE),
            ([Address::Rir], Some(key)) => std::str::from_utf8(key).ok(),
            _ => None,
        }
    }

    /// Returns a reference with a profile for each address; `None` if this is `rir:`.
    #[must_use]
    pub fn reference(&self) -> Option<Ior> {
        let mut profiles = Vec::with_capacity(self.addresses.len());
        for address in &self.addresses {
            let Address::Iiop { version, host, port } = address else {
                return None;
            };
            let key = self.key.clone().unwrap_or_default();
            let profile = IiopProfile {
                version: *version,
                ..IiopProfile::new(host.as_str(), *port, key)
            };
            profiles.push(profile.to_tagged());
        }
        Some(Ior {
            type_id: String::new(),
            profiles,
        })
    }

    pub(super) fn parse(part: &str) -> Result<Self, UrlError> {
        let (addresses, key) = match part.split_once('/') {
            Some((addresses, key)) => (addresses, Some(Bytes::from(escape::octets(key)?))),
            None => (part, None),
        };
        let addresses = addresses.split(',').map(address).collect::<Result<Vec<_>, _>>()?;
        if addresses.len() > 1 && addresses.contains(&Address::Rir) {
            return Err(UrlError::BadPart("rir: stands beside another address"));
        }
        let location = Self { addresses, key };
        if location.addresses == [Address::Rir] && location.initial_reference().is_none() {
            return Err(UrlError::BadPart("the name of an initial reference is not UTF-8"));
        }
        Ok(location)
    }

    /// The naming context of a `corbaname:` without a key is `NameService` (§7.6.10.4).
    pub(super) fn or_name_service(mut self) -> Self {
        self.key
            .get_or_insert(Bytes::from_static(NAME_SERVICE.as_bytes()));
        self
    }
}

fn address(text: &str) -> Result<Address, UrlError> {
    let bad = |reason| UrlError::BadAddress {
        address: text.to_owned(),
        reason,
    };
    let (protocol, rest) = text.split_once(':').ok_or_else(|| bad("it has no protocol"))?;
    if protocol.eq_ignore_ascii_case("rir") {
        return if rest.is_empty() {
            Ok(Address::Rir)
        } else {
            Err(bad("rir: takes no address"))
        };
    }
    if !protocol.is_empty() && !protocol.eq_ignore_ascii_case("iiop") {
        return Err(bad("only iiop and rir are supported"));
    }
    let (version, place) = match rest.split_once('@') {
        Some((version, place)) => (
            self::version(version).ok_or_else(|| bad("no version is 1.n"))?,
            place,
        ),
        None => (Version::V1_0, rest),
    };
    let (host, port) = self::place(place).map_err(bad)?;
    Ok(Address::Iiop {
        version,
        host: host.to_owned(),
        port,
    })
}

fn version(text: &str) -> Option<Version> {
    let (major, minor) = text.split_once('.')?;
    let number = |digits: &str| {
        digits
            .bytes()
            .all(|digit| digit.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    (number(major)? == 1).then_some(Version {
        major: 1,
        minor: number(minor)?,
    })
}

fn place(text: &str) -> Result<(&str, u16), &'static str> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or("a bracket is missing")?;
        host.parse::<Ipv6Addr>()
            .map_err(|_| "what is in brackets is no IPv6 address")?;
        (
            host,
            after.strip_prefix(':').map_or(
                if after.is_empty() {
                    Ok(None)
                } else {
                    Err("text after a bracket")
                },
                |port| Ok(Some(port)),
            )?,
        )
    } else {
        let (host, port) = text
            .split_once(':')
            .map_or((text, None), |(host, port)| (host, Some(port)));
        if host.is_empty() {
            return Err("it has no host");
        }
        if !host
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || b".-_".contains(&octet))
        {
            return Err("a host has letters, digits, dots and hyphens");
        }
        (host, port)
    };
    match port {
        None | Some("") => Ok((host, DEFAULT_PORT)),
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => digits
            .parse()
            .map(|port| (host, port))
            .map_err(|_| "the port is above 65535"),
        Some(_) => Err("the port is no number"),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rir => f.write_str("rir:"),
            Self::Iiop { version, host, port } if host.contains(':') => {
                write!(f, "iiop:{version}@[{host}]:{port}")
            }
            Self::Iiop { version, host, port } => write!(f, "iiop:{version}@{host}:{port}"),
        }
    }
}

impl fmt::Display for Corbaloc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.addresses.iter().enumerate() {
            write!(f, "{}{address}", if index == 0 { "" } else { "," })?;
        }
        match &self.key {
            Some(key) => write!(f, "/{}", escape::Escaped(key)),
            None => Ok(()),
        }
    }
}

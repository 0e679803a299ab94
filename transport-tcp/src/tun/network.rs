// SPDX-License-Identifier: MIT OR Apache-2.0
//! An address of ours and the network that it is in.

use std::{fmt, net::IpAddr, str::FromStr};

/// An address and the length of its network's prefix, written `10.77.0.2/24` or `fd77::2/64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    own: IpAddr,
    prefix: u8,
}

/// Why a text is no address with its network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadNetwork {
    /// It does not look like one.
    #[error("`{0}` is not of the form 10.77.0.2/24 or fd77::2/64")]
    Form(String),
    /// It has room for nobody but us, or for nobody at all.
    #[error("`{0}` has no room for the machine beside this address")]
    Lonely(String),
    /// It is the network itself, everybody in it, or nobody's.
    #[error("`{0}` is no address that a host can have")]
    NoHost(String),
}

impl Network {
    /// Returns our own address.
    pub fn own(&self) -> IpAddr {
        self.own
    }

    /// Returns the length of the prefix, in bits.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Returns whether `address` is in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.own.is_ipv4() == address.is_ipv4() && self.within(address) == self.within(self.own)
    }

    /// Returns the first address of the network that is not ours.
    pub fn first_other(&self) -> IpAddr {
        let base = bits(self.own) & !self.host_mask();
        let first = self.address(base + 1);
        if first == self.own {
            self.address(base + 2)
        } else {
            first
        }
    }

    fn within(&self, address: IpAddr) -> u128 {
        bits(address) & !self.host_mask()
    }

    fn address(&self, bits: u128) -> IpAddr {
        match self.own {
            IpAddr::V4(_) => IpAddr::V4(u32::try_from(bits).unwrap_or(u32::MAX).into()),
            IpAddr::V6(_) => IpAddr::V6(bits.into()),
        }
    }

    /// The bits of an address that tell hosts apart.
    fn host_mask(&self) -> u128 {
        let width = if self.own.is_ipv4() { 32 } else { 128 };
        let hosts = width - u32::from(self.prefix);
        1_u128.checked_shl(hosts).map_or(u128::MAX, |bit| bit - 1)
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let form = || BadNetwork::Form(text.to_owned());
        let (own, prefix) = text.split_once('/').ok_or_else(form)?;
        let own: IpAddr = own.parse().map_err(|_| form())?;
        let prefix: u8 = prefix.parse().map_err(|_| form())?;
        let longest = if own.is_ipv4() { 30 } else { 126 };
        if prefix > longest {
            return Err(BadNetwork::Lonely(text.to_owned()));
        }
        let network = Self { own, prefix };
        let host = bits(own) & network.host_mask();
        let is_everybody = own.is_ipv4() && host == network.host_mask();
        if host == 0 || is_everybody || own.is_multicast() || own.is_loopback() {
            return Err(BadNetwork::NoHost(text.to_owned()));
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.own, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_is_all_addresses_with_its_prefix() {
        for (text, inside, outside) in [
            ("10.77.0.2/24", "10.77.0.255", "10.77.1.0"),
            ("10.77.0.2/30", "10.77.0.1", "10.77.0.4"),
            ("10.77.0.2/8", "10.0.0.1", "11.77.0.2"),
            ("1.2.3.4/0", "255.1.1.1", "::1"),
            ("fd77::2/64", "fd77::ffff:0:0:1", "fd77:0:0:1::2"),
            ("fd77::2/0", "::1", "10.77.0.2"),
        ] {
            let network = network(text);
            assert!(network.contains(network.own()), "{text}");
            assert!(network.contains(address(inside)), "{text}");
            assert!(!network.contains(address(outside)), "{text}");
            assert_eq!(network.to_string(), text);
        }
    }

    #[test]
    fn the_machine_has_the_first_address_that_is_free() {
        for (own, machine) in [
            ("10.77.0.2/24", "10.77.0.1"),
            ("10.77.0.1/24", "10.77.0.2"),
            ("10.77.0.200/26", "10.77.0.193"),
            ("fd77::2/64", "fd77::1"),
            ("fd77::1/126", "fd77::2"),
        ] {
            assert_eq!(network(own).first_other(), address(machine), "{own}");
        }
    }

    #[test]
    fn what_is_no_address_of_a_host_is_refused() {
        let refused = |text: &str| text.parse::<Network>().unwrap_err();
        for text in [
            "",
            "10.77.0.2",
            "10.77.0.2/x",
            "host/24",
            "10.77.0.2/-1",
            "10.77.0.2/256",
        ] {
            assert_eq!(refused(text), BadNetwork::Form(text.into()));
        }
        for text in ["10.77.0.2/31", "10.77.0.2/33", "fd77::2/127", "fd77::2/129"] {
            assert_eq!(refused(text), BadNetwork::Lonely(text.into()));
        }
        for text in [
            "10.77.0.0/24",
            "10.77.0.255/24",
            "224.0.0.5/24",
            "127.0.0.2/8",
            "fd77::/64",
            "0.0.0.0/0",
        ] {
            assert_eq!(refused(text), BadNetwork::NoHost(text.into()));
        }
    }
}

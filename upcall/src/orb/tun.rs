// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where an ORB's own TCP carries IIOP.

use std::{net::IpAddr, str::FromStr, sync::Arc};

use orb_core::transport::Transport;
use transport_tcp::{
    TunTcp,
    tun::{BadNetwork, Config, StartError},
};

/// An address of the ORB's own behind a TUN device, at which its own TCP carries IIOP instead of the kernel's.
///
/// References are plain IIOP, and any ORB on the machine, or beyond it where the machine forwards packets, can use them:
///
/// ```no_run
/// use upcall::{Orb, Tun};
///
/// let orb = Orb::builder()
///     .tun(Tun::device("upcall0").address("10.77.0.2/24"))
///     .listen("iiop://10.77.0.2:2809")
///     .build()?;
/// # Ok::<(), upcall::BuildError>(())
/// ```
///
/// The ORB makes the device, which needs `CAP_NET_ADMIN`; or an administrator does, once and for a user:
///
/// ```text
/// ip tuntap add dev upcall0 mode tun user $USER
/// ip address add 10.77.0.1/24 dev upcall0
/// ip link set upcall0 up
/// ```
///
/// Written as a text, for `UPCALL_TUN`, it is `DEVICE=ADDRESS/PREFIX`, and further addresses, `machine=ADDRESS` and
/// `mtu=BYTES` after commas: `upcall0=10.77.0.2/24,fd77::2/64,mtu=9000`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it is given to `OrbBuilder::tun`"]
pub struct Tun {
    device: String,
    addresses: Vec<String>,
    machines: Vec<IpAddr>,
    mtu: u16,
}

/// Why there is no such address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TunError {
    /// A text is none of a [`Tun`].
    #[error("`{0}` is not of the form DEVICE=ADDRESS/PREFIX[,ADDRESS/PREFIX][,machine=ADDRESS][,mtu=BYTES]")]
    Form(String),
    /// An address is none.
    #[error(transparent)]
    Address(#[from] BadNetwork),
    /// The device, or what it needs, is not to be had.
    #[error(transparent)]
    Start(#[from] StartError),
}

impl Tun {
    /// Names the device, such as `upcall0`; the kernel finds a name if this one is empty.
    pub fn device(name: impl Into<String>) -> Self {
        Self {
            device: name.into(),
            addresses: Vec::new(),
            machines: Vec::new(),
            mtu: 1500,
        }
    }

    /// Gives the ORB an address there, with the length of its network's prefix: `10.77.0.2/24` or `fd77::2/64`. There may be
    /// several. Nobody else may have it; the rest of the network is reached through the device.
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.addresses.push(address.into());
        self
    }

    /// Gives the machine this address in the network that it belongs to. Defaults to the first one that is free, `10.77.0.1` for
    /// example.
    pub fn machine(mut self, address: IpAddr) -> Self {
        self.machines.push(address);
        self
    }

    /// Lets packets be so long, in bytes: 576 (1280 with IPv6) to 65,535. Defaults to 1500, as an Ethernet's; on one machine long
    /// ones cost less.
    pub fn mtu(mut self, bytes: u16) -> Self {
        self.mtu = bytes;
        self
    }

    /// Returns the transports of IIOP and of datagrams there.
    pub(super) fn transports(&self) -> Result<[Arc<dyn Transport>; 2], TunError> {
        let networks = self.addresses.iter().map(|address| address.parse());
        let config = Config {
            device: self.device.clone(),
            networks: networks.collect::<Result<_, _>>()?,
            machines: self.machines.clone(),
            mtu: self.mtu,
        };
        let tcp = TunTcp::start(&config)?;
        let udp = tcp.datagrams();
        Ok([Arc::new(tcp), Arc::new(udp)])
    }
}

impl FromStr for Tun {
    type Err = TunError;

    fn from_str(text: &str) -> Result<Self, TunError> {
        let form = || TunError::Form(text.to_owned());
        let (device, settings) = text.split_once('=').ok_or_else(form)?;
        let mut tun = Self::device(device);
        for setting in settings.split(',') {
            tun = match setting.split_once('=') {
                None => tun.address(setting),
                Some(("machine", address)) => tun.machine(address.parse().map_err(|_| form())?),
                Some(("mtu", bytes)) => tun.mtu(bytes.parse().map_err(|_| form())?),
                Some(_) => return Err(form()),
            };
        }
        Ok(tun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_says_what_the_builder_does() {
        let tun: Tun = "upcall0=10.77.0.2/24,fd77::2/64,machine=10.77.0.254,mtu=9000"
            .parse()
            .unwrap();
        let built = Tun::device("upcall0")
            .address("10.77.0.2/24")
            .address("fd77::2/64")
            .machine([10, 77, 0, 254].into())
            .mtu(9000);
        assert_eq!(tun, built);
    }

    #[test]
    fn other_texts_are_refused_with_the_reason() {
        for text in [
            "",
            "upcall0",
            "upcall0=mtu=x",
            "upcall0=mtu=65536",
            "upcall0=machine=here",
            "a=b=c",
        ] {
            let error = text.parse::<Tun>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
        for address in ["10.77.0.2", "10.77.0.0/24", "here/24", ""] {
            let error = Tun::device("upcall0").address(address).transports().unwrap_err();
            assert!(matches!(error, TunError::Address(_)), "{error}");
        }
        let error = Tun::device("upcall0").transports().unwrap_err();
        assert!(matches!(error, TunError::Start(StartError::NoAddress)), "{error}");
    }
}

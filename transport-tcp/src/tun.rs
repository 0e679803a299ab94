// SPDX-License-Identifier: MIT OR Apache-2.0
//! IIOP over our own TCP: the engine on an address of its own, behind a TUN device, for any peer that the machine can reach.
//!
//! [`TunTcp`] is the transport. [`Driver`] is what it stands on, for programs that use the engine without an ORB.

mod datagrams;
mod driver;
mod flow;
mod host;
mod link;
mod listener;
mod network;
mod settings;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use orb_core::{
    rtcorba::TcpProtocolProperties,
    transport::{Endpoint, Link, Listener, Poller, Transport, TransportError},
};
use transport_apic::tun;

pub use self::{
    datagrams::TunUdp,
    driver::{Driver, wait},
    network::{BadNetwork, Network},
};
use self::{host::Running, link::TunLink, listener::TunListener};
use crate::KernelTcp;

/// A TUN device, and who is where behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The name of the interface, up to 15 bytes; made if there is none. Empty for one that the kernel names.
    pub device: String,
    /// Our own addresses, with their networks.
    pub networks: Vec<Network>,
    /// The machine's addresses in these networks. Where none is given, it has the first that is free.
    pub machines: Vec<IpAddr>,
    /// The longest packet, in bytes: 576 (1280 with IPv6) to 65,535.
    pub mtu: u16,
}

impl Config {
    /// The machine's addresses, one for each network, with the lengths of their prefixes.
    fn machines(&self) -> Vec<(IpAddr, u8)> {
        let of = |network: &Network| {
            let mut given = self.machines.iter().copied();
            let machine = given.find(|machine| network.contains(*machine));
            (machine.unwrap_or_else(|| network.first_other()), network.prefix())
        };
        self.networks.iter().map(of).collect()
    }

    fn check(&self) -> Result<(), StartError> {
        if self.networks.is_empty() {
            return Err(StartError::NoAddress);
        }
        let is_within = |machine: IpAddr| {
            let mut networks = self.networks.iter();
            networks.any(|network| network.contains(machine) && network.own() != machine)
        };
        if let Some(machine) = self.machines.iter().find(|machine| !is_within(**machine)) {
            return Err(StartError::Machine(*machine));
        }
        let least = if self.networks.iter().all(|network| network.own().is_ipv4()) {
            576
        } else {
            1280
        };
        if self.mtu < least {
            return Err(StartError::Mtu { mtu: self.mtu, least });
        }
        Ok(())
    }
}

/// Why there is no host of ours behind a device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No address was given.
    #[error("a TUN device needs an address of ours, such as 10.77.0.2/24")]
    NoAddress,
    /// The machine cannot have that address.
    #[error("{0} is not in a network of ours, or is our own address")]
    Machine(IpAddr),
    /// Packets would be too short for IP.
    #[error("an MTU of {mtu} is below {least}, which IP needs")]
    Mtu {
        /// What was asked for.
        mtu: u16,
        /// What is needed.
        least: u16,
    },
    /// There is no device.
    #[error(transparent)]
    Device(#[from] tun::OpenError),
    /// The operating system gives no threads or descriptors.
    #[error("starting what looks after a TUN device: {0}")]
    System(#[from] io::Error),
}

/// The transport of IIOP where our own TCP carries it: at our addresses behind a TUN device, and to their networks. All other
/// IIOP is the kernel's.
///
/// Hosts count by number: a name is the kernel's business. One host of ours, with one lock, carries all connections; it ends
/// when the transport is stopped or dropped, and with it all links.
#[derive(Debug)]
pub struct TunTcp {
    site: Arc<Site>,
    kernel: KernelTcp,
}

/// A running host, and the networks that it is in.
#[derive(Debug)]
struct Site {
    running: Running,
    networks: Vec<Network>,
}

impl TunTcp {
    /// Opens the device, and puts a host of ours behind it.
    ///
    /// # Errors
    ///
    /// [`StartError`], with what is missing and the command that brings it.
    pub fn start(config: &Config) -> Result<Self, StartError> {
        config.check()?;
        let site = Site {
            running: Running::start(config)?,
            networks: config.networks.clone(),
        };
        Ok(Self {
            site: Arc::new(site),
            kernel: KernelTcp::new(),
        })
    }

    /// Returns the transport of oneways in datagrams at the same addresses.
    #[must_use]
    pub fn datagrams(&self) -> TunUdp {
        TunUdp::of(Arc::clone(&self.site))
    }
}

impl Site {
    /// The address that `endpoint` names, if it is in one of our networks; and whether it is our own.
    fn find(&self, endpoint: &Endpoint) -> Option<(SocketAddr, bool)> {
        let ip: IpAddr = endpoint.host().parse().ok()?;
        let mut networks = self.networks.iter();
        let network = networks.find(|network| network.contains(ip))?;
        Some((SocketAddr::new(ip, endpoint.port()), network.own() == ip))
    }

    /// The address of somebody else that `endpoint` names, if it is in one of our networks.
    fn peer(&self, endpoint: &Endpoint) -> Option<Result<SocketAddr, TransportError>> {
        let (to, is_own) = self.find(endpoint)?;
        if is_own {
            let why = "that is this process's own address, which only others can connect to";
            let error = io::Error::new(io::ErrorKind::AddrNotAvailable, why);
            return Some(Err(TransportError::new("connect to", endpoint, error)));
        }
        Some(Ok(to))
    }
}

impl Transport for TunTcp {
    fn scheme(&self) -> &str {
        Endpoint::IIOP
    }

    fn connect(&self, endpoint: &Endpoint, deadline: Instant) -> Result<Arc<dyn Link>, TransportError> {
        self.connect_with(endpoint, deadline, &TcpProtocolProperties::default())
    }

    /// All properties hold for our own TCP too: sizes of buffers are budgets, between 4 KiB and 1 GiB, and fix the window; and
    /// machines that are not on a network of ours are none that we connect to.
    fn connect_with(
        &self,
        endpoint: &Endpoint,
        deadline: Instant,
        properties: &TcpProtocolProperties,
    ) -> Result<Arc<dyn Link>, TransportError> {
        let to = match self.site.peer(endpoint) {
            Some(peer) => peer?,
            None => return self.kernel.connect_with(endpoint, deadline, properties),
        };
        let failed = |error| TransportError::new("connect to", endpoint, error);
        let host = &self.site.running.host;
        let (id, flow, local) = host.connect(to, deadline, properties).map_err(failed)?;
        let link = TunLink::new(Arc::clone(host), (id, flow), iiop(local), endpoint.clone());
        Ok(Arc::new(link))
    }

    fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, TransportError> {
        match self.site.find(endpoint) {
            Some((_, true)) => {
                let listener = TunListener::bind(Arc::clone(&self.site.running.host), endpoint)
                    .map_err(|error| TransportError::new("listen at", endpoint, error))?;
                Ok(Box::new(listener))
            }
            _ => self.kernel.listen(endpoint),
        }
    }

    fn poller(&self) -> io::Result<Arc<dyn Poller>> {
        self.kernel.poller()
    }

    fn stop(&self) {
        self.site.running.stop();
    }
}

fn iiop(address: SocketAddr) -> Endpoint {
    Endpoint::iiop(address.ip().to_string(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config {
            device: "upcall0".into(),
            networks: vec!["10.77.0.2/24".parse().unwrap(), "fd77::1/64".parse().unwrap()],
            machines: Vec::new(),
            mtu: 1500,
        }
    }

    fn addresses(texts: &[(&str, u8)]) -> Vec<(IpAddr, u8)> {
        let address = |(text, prefix): &(&str, u8)| (text.parse().unwrap(), *prefix);
        texts.iter().map(address).collect()
    }

    #[test]
    fn the_machine_has_an_address_in_each_network() {
        let mut config = config();
        assert_eq!(
            config.machines(),
            addresses(&[("10.77.0.1", 24), ("fd77::2", 64)])
        );
        config.machines = vec!["10.77.0.254".parse().unwrap()];
        assert_eq!(
            config.machines(),
            addresses(&[("10.77.0.254", 24), ("fd77::2", 64)])
        );
    }

    #[test]
    fn what_cannot_work_is_refused_before_there_is_a_device() {
        let why = |change: fn(&mut Config)| {
            let mut config = config();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        assert!(config().check().is_ok());
        assert!(why(|config| config.networks.clear()).contains("needs an address"));
        assert!(why(|config| config.mtu = 1279).contains("below 1280"));
        assert!(why(|config| config.machines = vec![[10, 77, 0, 2].into()]).contains("10.77.0.2"));
        assert!(why(|config| config.machines = vec![[10, 78, 0, 1].into()]).contains("10.78.0.1"));
        let mut small = config();
        small.networks.pop();
        small.mtu = 576;
        assert!(small.check().is_ok());
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! TCP and UDP for the ORB: a protocol engine without I/O, and the transport over kernel sockets.
//!
//! [`KernelTcp`] implements [`orb_core::transport::Transport`] for `iiop://host:port` over IPv4 and IPv6. It knows
//! bytes and addresses, not messages: GIOP is the ORB's business. [`KernelUdp`] carries oneways to `diop://host:port`.
//! [`engine::Stack`] is TCP itself, for links that carry packets; [`TunTcp`] has it carry IIOP.

mod apic;
mod connect;
pub mod engine;
mod link;
mod listener;
mod options;
mod pacing;
mod poller;
mod stream;
mod tapping;
pub mod tun;
mod udp;

#[cfg(test)]
mod tests;

pub use self::{
    apic::{Apic, NoFabric},
    link::TcpLink,
    listener::TcpListener,
    poller::EpollPoller,
    tun::TunTcp,
    udp::KernelUdp,
};

use std::{io, sync::Arc, time::Instant};

use orb_core::{
    rtcorba::TcpProtocolProperties,
    transport::{Endpoint, Link, Listener, Poller, Transport, TransportError},
};

/// The transport of IIOP: TCP connections of the operating system.
#[derive(Debug, Default, Clone, Copy)]
pub struct KernelTcp;

impl KernelTcp {
    /// Makes the transport.
    pub fn new() -> Self {
        Self
    }
}

impl Transport for KernelTcp {
    fn scheme(&self) -> &str {
        Endpoint::IIOP
    }

    fn connect(&self, endpoint: &Endpoint, deadline: Instant) -> Result<Arc<dyn Link>, TransportError> {
        self.connect_with(endpoint, deadline, &TcpProtocolProperties::default())
    }

    fn connect_with(
        &self,
        endpoint: &Endpoint,
        deadline: Instant,
        properties: &TcpProtocolProperties,
    ) -> Result<Arc<dyn Link>, TransportError> {
        let stream = connect::connect(endpoint, deadline, properties)?;
        let link = TcpLink::of(stream, endpoint.clone())
            .map_err(|error| TransportError::new("connect to", endpoint, error))?;
        Ok(Arc::new(link))
    }

    fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, TransportError> {
        let listener = TcpListener::bind(endpoint)?;
        Ok(Box::new(listener))
    }

    fn poller(&self) -> io::Result<Arc<dyn Poller>> {
        Ok(Arc::new(EpollPoller::new()?))
    }
}

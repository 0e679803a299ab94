// SPDX-License-Identifier: MIT OR Apache-2.0
//! Oneways in datagrams of UDP, one message in each, over sockets of the operating system.

mod listener;
mod receiver;
mod sender;

use std::{io, sync::Arc, time::Instant};

use orb_core::transport::{Endpoint, Link, Listener, Poller, Transport, TransportError};

pub(crate) use self::listener::Single;
use self::{receiver::Receiver, sender::Sender};
use crate::EpollPoller;

/// The transport of oneways in datagrams, `diop://host:port`, over IPv4 and IPv6.
///
/// A listener has one link, to which datagrams come from anybody, and which sends nothing. What connects is a socket that sends,
/// and takes nothing; nobody is asked whether somebody listens.
#[derive(Debug, Default, Clone, Copy)]
pub struct KernelUdp;

impl KernelUdp {
    /// Makes the transport.
    pub fn new() -> Self {
        Self
    }
}

impl Transport for KernelUdp {
    fn scheme(&self) -> &str {
        Endpoint::DIOP
    }

    fn connect(&self, endpoint: &Endpoint, deadline: Instant) -> Result<Arc<dyn Link>, TransportError> {
        Ok(Arc::new(Sender::to(endpoint, deadline)?))
    }

    fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, TransportError> {
        let failed = |error| TransportError::new("listen at", endpoint, error);
        let link = Receiver::bind(endpoint).map_err(failed)?;
        tracing::debug!(local = %link.local(), "taking datagrams");
        Ok(Box::new(Single::of(Arc::new(link)).map_err(failed)?))
    }

    fn poller(&self) -> io::Result<Arc<dyn Poller>> {
        Ok(Arc::new(EpollPoller::new()?))
    }
}

/// Stands for the other side where that is anybody.
pub(crate) fn anybody() -> Endpoint {
    Endpoint::diop("*", 0)
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where TCP connections arrive.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
};

use orb_core::{
    rtcorba::TcpProtocolProperties,
    transport::{Endpoint, Link, Listener, TransportError},
};

use crate::{TcpLink, link, options};

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// A listening socket.
#[derive(Debug)]
pub struct TcpListener {
    socket: std::net::TcpListener,
    local: Endpoint,
}

impl TcpListener {
    /// Listens at `endpoint`. An empty host is every IPv6 and IPv4 address of this machine; port 0 is any free port.
    ///
    /// # Errors
    ///
    /// A [`TransportError`] with what the operating system said.
    pub fn bind(endpoint: &Endpoint) -> Result<Self, TransportError> {
        let failed = |error| TransportError::new("listen at", endpoint, error);
        let socket = bind_any(endpoint).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        // The standard library's backlog is 128, too short for a burst of a thousand; Linux lets it be changed.
        rustix::net::listen(&socket, BACKLOG).map_err(|error| failed(error.into()))?;
        options::set(socket.as_fd(), &TcpProtocolProperties::default()).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let local = if endpoint.host().is_empty() {
            endpoint
                .with_host(address.ip().to_string())
                .with_port(address.port())
        } else {
            endpoint.with_port(address.port())
        };
        tracing::debug!(%local, "listening");
        Ok(Self { socket, local })
    }
}

fn bind_any(endpoint: &Endpoint) -> io::Result<std::net::TcpListener> {
    let port = endpoint.port();
    if endpoint.host().is_empty() {
        let any6 = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
        let any4 = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        // A machine without IPv6 has only the second.
        return std::net::TcpListener::bind([any6, any4].as_slice());
    }
    let addresses: Vec<_> = (endpoint.host(), port).to_socket_addrs()?.collect();
    std::net::TcpListener::bind(addresses.as_slice())
}

impl Listener for TcpListener {
    fn accept(&self) -> io::Result<Arc<dyn Link>> {
        let (stream, address) = self.socket.accept()?;
        stream.set_nonblocking(false)?;
        let peer = Endpoint::iiop(address.ip().to_canonical().to_string(), address.port());
        // It has inherited its options.
        Ok(Arc::new(TcpLink::of(stream, peer)?))
    }

    /// Connections inherit what their listener has.
    fn set_buffers(&self, receive: usize, send: usize) -> io::Result<()> {
        link::set_buffers(self.socket.as_fd(), receive, send)
    }

    /// Connections inherit these, too.
    fn set_properties(&self, properties: &TcpProtocolProperties) -> io::Result<()> {
        options::set(self.socket.as_fd(), properties)
    }

    fn local(&self) -> &Endpoint {
        &self.local
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }
}

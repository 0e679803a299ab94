// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a host and a port to a connected socket, within a deadline.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs},
    os::fd::AsFd,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use orb_core::{
    rtcorba::TcpProtocolProperties,
    transport::{Endpoint, TransportError},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with, sockopt},
};

use crate::options;

/// Connects to the first address of `endpoint` that answers.
pub(crate) fn connect(
    endpoint: &Endpoint,
    deadline: Instant,
    properties: &TcpProtocolProperties,
) -> Result<TcpStream, TransportError> {
    let addresses = resolve(endpoint, deadline)?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        // What is left is shared among the addresses, so that one that swallows packets does not use it all.
        let share = remaining(deadline).map_err(|error| failed(endpoint, error))? / left.max(1);
        left = left.saturating_sub(1);
        match open(
            &address,
            Instant::now() + share.max(Duration::from_millis(1)),
            properties,
        ) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(failed(endpoint, last))
}

/// Connects to one address. The options come first: the window is announced, and the route chosen, with the first packet.
fn open(
    address: &SocketAddr,
    deadline: Instant,
    properties: &TcpProtocolProperties,
) -> io::Result<TcpStream> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
    options::set(socket.as_fd(), properties)?;
    match rustix::net::connect(&socket, address) {
        Err(Errno::INPROGRESS | Errno::INTR) => loop {
            let left = Timespec::try_from(remaining(deadline)?).map_err(|_| io::ErrorKind::InvalidInput)?;
            match poll(&mut [PollFd::new(&socket, PollFlags::OUT)], Some(&left)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => break sockopt::socket_error(&socket)??,
                Err(error) => return Err(error.into()),
            }
        },
        connected => connected?,
    }
    let stream = TcpStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// Finds the addresses of the endpoint's host.
pub(crate) fn resolve(endpoint: &Endpoint, deadline: Instant) -> Result<Vec<SocketAddr>, TransportError> {
    if let Ok(address) = endpoint.host().parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, endpoint.port())]);
    }
    // The system's resolver has no deadline of its own and cannot be interrupted: it gets a thread that may outlive
    // the wait.
    let (sender, receiver) = mpsc::sync_channel(1);
    let name = (endpoint.host().to_owned(), endpoint.port());
    thread::Builder::new()
        .name("upcall-resolve".into())
        .spawn(move || {
            let found = name.to_socket_addrs().map(Iterator::collect::<Vec<_>>);
            // The caller may have given up.
            drop(sender.send(found));
        })
        .map_err(|error| TransportError::new("resolve", endpoint, error))?;
    let left = remaining(deadline).map_err(|error| TransportError::new("resolve", endpoint, error))?;
    receiver
        .recv_timeout(left)
        .unwrap_or_else(|_| Err(timed_out()))
        .map_err(|error| TransportError::new("resolve", endpoint, error))
}

fn remaining(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        Err(timed_out())
    } else {
        Ok(left)
    }
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no answer within the time given")
}

fn failed(endpoint: &Endpoint, error: io::Error) -> TransportError {
    TransportError::new("connect to", endpoint, error)
}

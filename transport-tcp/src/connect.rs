// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a host and a port to a connected socket, within a deadline.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use orb_core::transport::{Endpoint, TransportError};

/// Connects to the first address of `endpoint` that answers.
pub(crate) fn connect(endpoint: &Endpoint, deadline: Instant) -> Result<TcpStream, TransportError> {
    let addresses = resolve(endpoint, deadline)?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        // What is left is shared among the addresses, so that one that swallows packets does not use it all.
        let share = remaining(deadline).map_err(|error| failed(endpoint, error))? / left.max(1);
        left = left.saturating_sub(1);
        match TcpStream::connect_timeout(&address, share.max(Duration::from_millis(1))) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(failed(endpoint, last))
}

/// Finds the addresses of the endpoint's host.
fn resolve(endpoint: &Endpoint, deadline: Instant) -> Result<Vec<SocketAddr>, TransportError> {
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

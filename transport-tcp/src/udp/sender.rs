// SPDX-License-Identifier: MIT OR Apache-2.0
//! A socket that sends datagrams to one place.

use std::{
    io::{self, IoSlice},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::fd::{AsFd, BorrowedFd},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use orb_core::{
    datagram,
    transport::{Datagrams, Endpoint, Link, TransportError},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{SendAncillaryBuffer, SendFlags, send, sendmsg},
};

use crate::connect::resolve;

/// How many parts are sent as they lie; of more one is made first.
const MOST_PARTS: usize = 64;

/// A socket whose peer is known.
#[derive(Debug)]
pub(super) struct Sender {
    socket: UdpSocket,
    peer: Endpoint,
    local: Endpoint,
    ended: AtomicBool,
}

impl Sender {
    /// Makes one that sends to the first address of `endpoint` to which there is a way.
    pub(super) fn to(endpoint: &Endpoint, deadline: Instant) -> Result<Self, TransportError> {
        let failed = |error| TransportError::new("send to", endpoint, error);
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in resolve(endpoint, deadline)? {
            match open(address) {
                Ok(socket) => return Self::of(socket, endpoint).map_err(failed),
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }

    fn of(socket: UdpSocket, peer: &Endpoint) -> io::Result<Self> {
        let address = socket.local_addr()?;
        Ok(Self {
            socket,
            peer: peer.clone(),
            local: Endpoint::diop(address.ip().to_string(), address.port()),
            ended: AtomicBool::new(false),
        })
    }

    fn transmit(&self, parts: &[IoSlice<'_>]) -> Result<usize, Errno> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        match parts {
            [only] => send(&self.socket, only, flags),
            _ if parts.len() <= MOST_PARTS => {
                sendmsg(&self.socket, parts, &mut SendAncillaryBuffer::default(), flags)
            }
            _ => {
                let mut whole = Vec::new();
                parts.iter().for_each(|part| whole.extend_from_slice(part));
                send(&self.socket, &whole, flags)
            }
        }
    }
}

/// Connects a socket: nothing is sent, but the route is chosen, and what others send to it is dropped.
fn open(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)),
    }?;
    socket.connect(address)?;
    Ok(socket)
}

impl Link for Sender {
    fn send(&self, parts: &[IoSlice<'_>], timeout: Option<Duration>) -> io::Result<usize> {
        match self.try_send(parts) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return result,
        }
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match poll(&mut [PollFd::new(&self.socket, PollFlags::OUT)], timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => self.try_send(parts),
            Err(error) => Err(error.into()),
        }
    }

    fn try_send(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let size = parts.iter().map(|part| part.len()).sum();
        for _ in 0..2 {
            match self.transmit(parts) {
                Ok(_) => return Ok(size),
                // An earlier one did not come there, or found nobody: that is no reason not to send this one.
                Err(
                    Errno::CONNREFUSED
                    | Errno::HOSTUNREACH
                    | Errno::NETUNREACH
                    | Errno::HOSTDOWN
                    | Errno::NOPROTOOPT
                    | Errno::NOBUFS,
                ) => {}
                Err(Errno::INTR) => return Err(io::ErrorKind::WouldBlock.into()),
                Err(error) => return Err(error.into()),
            }
        }
        // As good as lost.
        Ok(size)
    }

    fn recv(&self, buffer: &mut BytesMut, timeout: Option<Duration>) -> io::Result<usize> {
        let result = self.try_recv(buffer);
        if result.is_err() {
            let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
            // Whatever it says, the caller looks at the clock.
            let _ = poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], timeout.as_ref());
        }
        result
    }

    /// Drops what has come: nothing is to.
    fn try_recv(&self, _: &mut BytesMut) -> io::Result<usize> {
        if self.ended.load(Ordering::Acquire) {
            return Ok(0);
        }
        let _ = rustix::net::recv(&self.socket, &mut [0; 1], rustix::net::RecvFlags::DONTWAIT);
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn datagrams(&self) -> Option<Datagrams> {
        Some(Datagrams {
            longest: datagram::LONGEST,
            ..Datagrams::default()
        })
    }

    fn shutdown(&self) {
        self.ended.store(true, Ordering::Release);
        // It wakes who waits.
        let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both);
    }

    fn peer(&self) -> &Endpoint {
        &self.peer
    }

    fn local(&self) -> &Endpoint {
        &self.local
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }
}

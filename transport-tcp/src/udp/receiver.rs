// SPDX-License-Identifier: MIT OR Apache-2.0
//! A socket to which datagrams come, from anybody.

use std::{
    io::{self, IoSlice},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket},
    os::fd::{AsFd, BorrowedFd},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use bytes::{BufMut, BytesMut};
use orb_core::{
    datagram,
    transport::{Datagrams, Endpoint, Interest, Link},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{RecvFlags, Shutdown, recv, sockopt},
};

use super::anybody;
use crate::options;

/// What is asked for, for datagrams that come while their server is busy; the kernel gives what its settings allow
/// (`net.core.rmem_max`).
const ROOM: usize = 4 << 20;

/// How many datagrams without octets are passed over at a time.
const BURST: usize = 64;

/// A bound socket.
#[derive(Debug)]
pub(super) struct Receiver {
    socket: UdpSocket,
    local: Endpoint,
    peer: Endpoint,
    ended: AtomicBool,
    empty: AtomicU64,
}

impl Receiver {
    /// Takes what comes to `endpoint`. An empty host is every IPv6 and IPv4 address of this machine; port 0 is any free port.
    pub(super) fn bind(endpoint: &Endpoint) -> io::Result<Self> {
        let socket = bind(endpoint)?;
        sockopt::set_socket_recv_buffer_size(&socket, ROOM)?;
        let address = socket.local_addr()?;
        let local = match endpoint.host() {
            "" => endpoint.with_host(address.ip().to_string()),
            _ => endpoint.clone(),
        };
        Ok(Self {
            socket,
            local: local.with_port(address.port()),
            peer: anybody(),
            ended: AtomicBool::new(false),
            empty: AtomicU64::new(0),
        })
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Waits until something is there, or `timeout` is over (none: for ever).
    fn wait(&self, timeout: Option<Duration>) -> io::Result<bool> {
        let timeout = timeout.map(Timespec::try_from).transpose();
        let timeout = timeout.map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut ready = [PollFd::new(&self.socket, PollFlags::IN)];
        match poll(&mut ready, timeout.as_ref()) {
            Ok(count) => Ok(count > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn bind(endpoint: &Endpoint) -> io::Result<UdpSocket> {
    let port = endpoint.port();
    if endpoint.host().is_empty() {
        let any6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        let any4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        // A machine without IPv6 has only the second.
        return UdpSocket::bind([any6, any4].as_slice());
    }
    let addresses: Vec<_> = (endpoint.host(), port).to_socket_addrs()?.collect();
    UdpSocket::bind(addresses.as_slice())
}

impl Link for Receiver {
    /// There is nobody to send anything to: it is as good as lost.
    fn send(&self, parts: &[IoSlice<'_>], _: Option<Duration>) -> io::Result<usize> {
        self.try_send(parts)
    }

    fn try_send(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(parts.iter().map(|part| part.len()).sum())
    }

    fn recv(&self, buffer: &mut BytesMut, timeout: Option<Duration>) -> io::Result<usize> {
        let until = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            match self.try_recv(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) || !self.wait(left)? {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
    }

    fn try_recv(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        for _ in 0..BURST {
            if self.has_ended() {
                return Ok(0);
            }
            let ((received, _), _) =
                match recv(&self.socket, buffer.spare_capacity_mut(), RecvFlags::DONTWAIT) {
                    Err(rustix::io::Errno::INTR) => return Err(io::ErrorKind::WouldBlock.into()),
                    received => received?,
                };
            let count = received.len();
            if count == 0 {
                self.empty.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            #[allow(
                unsafe_code,
                reason = "BytesMut has no safe way to take over bytes that the kernel wrote"
            )]
            // SAFETY: the kernel initialised the first `count` bytes of the spare capacity, which is what rustix says by handing
            // them back as `&mut [u8]`; so `count` is within the capacity, and those bytes are initialised.
            unsafe {
                buffer.advance_mut(count);
            }
            return Ok(count);
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn datagrams(&self) -> Option<Datagrams> {
        Some(Datagrams {
            longest: datagram::LONGEST,
            overruns: options::drops(self.socket.as_fd()).into(),
            empty: self.empty.load(Ordering::Relaxed),
        })
    }

    fn shutdown(&self) {
        self.ended.store(true, Ordering::Release);
        // It says that there is no connection, and wakes who waits nevertheless.
        let _ = rustix::net::shutdown(&self.socket, Shutdown::Both);
    }

    fn set_buffers(&self, receive: usize, _: usize) -> io::Result<()> {
        sockopt::set_socket_recv_buffer_size(&self.socket, receive.max(ROOM))?;
        Ok(())
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

    /// What is there and was not looked at is no news to a poller.
    fn watch(&self, interest: Interest) -> Option<Interest> {
        let there =
            interest.readable && (self.has_ended() || self.wait(Some(Duration::ZERO)).unwrap_or(true));
        (!there).then_some(interest)
    }
}

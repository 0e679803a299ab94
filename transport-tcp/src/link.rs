// SPDX-License-Identifier: MIT OR Apache-2.0
//! One TCP connection.

use std::{
    io::{self, IoSlice},
    net::{Shutdown, TcpStream},
    os::fd::{AsFd, BorrowedFd},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use bytes::{BufMut, BytesMut};
use orb_core::transport::{Endpoint, Link, Windows};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg, sockopt},
};

use crate::options;

/// The most parts one `sendmsg` takes (Linux's `UIO_MAXIOV`).
const MAX_PARTS: usize = 1024;

/// Socket timeouts tick in jiffies, so shorter waits use `poll`, which is exact.
const SHORTEST_SOCKET_TIMEOUT: Duration = Duration::from_millis(32);

/// From this size on, a message's head goes out on its own.
const LARGE: usize = 64 * 1024;

/// The head of a large message, in octets.
const HEAD: usize = 4 * 1024;

/// With less than that a sender stalls: TCP announces no window below half of what it has or a segment, and segments of the
/// loopback have 64 KiB.
pub(crate) const LEAST_BUFFER: usize = 128 * 1024;

/// More than that cannot be asked for; the kernel gives much less to anybody.
const MOST_BUFFER: usize = i32::MAX as usize;

/// A blocking socket.
///
/// Waiting with a timeout costs no extra system call: the socket's own timeout is set once to a round value below
/// what is asked for and changed only when a wait needs another.
#[derive(Debug)]
pub struct TcpLink {
    stream: TcpStream,
    peer: Endpoint,
    local: Endpoint,
    /// The socket's `SO_RCVTIMEO` in milliseconds; 0 is none.
    receive_timeout: AtomicU64,
    /// The socket's `SO_SNDTIMEO` in milliseconds; 0 is none.
    send_timeout: AtomicU64,
}

impl TcpLink {
    /// Takes over a connected, blocking socket whose other side is `peer`, and leaves its options as they are.
    pub(crate) fn of(stream: TcpStream, peer: Endpoint) -> io::Result<Self> {
        let address = stream.local_addr()?;
        let local = Endpoint::iiop(address.ip().to_string(), address.port());
        Ok(Self {
            stream,
            peer,
            local,
            receive_timeout: AtomicU64::new(0),
            send_timeout: AtomicU64::new(0),
        })
    }

    #[inline]
    fn receive(&self, buffer: &mut BytesMut, flags: RecvFlags) -> io::Result<usize> {
        let ((received, _), _) = recv(&self.stream, buffer.spare_capacity_mut(), flags)?;
        let count = received.len();
        #[allow(
            unsafe_code,
            reason = "BytesMut has no safe way to take over bytes that the kernel wrote"
        )]
        // SAFETY: the kernel initialised the first `count` bytes of the spare capacity, which is what rustix says
        // by handing them back as `&mut [u8]`; so `count` is within the capacity, and those bytes are initialised.
        unsafe {
            buffer.advance_mut(count);
        }
        Ok(count)
    }

    #[inline]
    fn transmit(&self, parts: &[IoSlice<'_>], flags: SendFlags) -> io::Result<usize> {
        let flags = flags | SendFlags::NOSIGNAL;
        let sent = match parts {
            [only] => send(&self.stream, only, flags)?,
            _ => {
                let parts = parts.get(..MAX_PARTS).unwrap_or(parts);
                sendmsg(&self.stream, parts, &mut SendAncillaryBuffer::default(), flags)?
            }
        };
        Ok(sent)
    }

    /// Sends a large message's head, then as much of the rest as the socket takes.
    ///
    /// The peer wakes up while the bulk is still being copied, and a congestion control that models the path (BBR) gets
    /// a sample at the start of each message: 1 MiB over the loopback takes half the time, and always the same.
    #[inline(never)]
    fn transmit_large(&self, parts: &[IoSlice<'_>], flags: SendFlags) -> io::Result<usize> {
        let mut rest = parts.to_vec();
        let head = self.transmit_head(&rest, flags)?;
        let mut rest = rest.as_mut_slice();
        IoSlice::advance_slices(&mut rest, head);
        match self.transmit(rest, flags) {
            Ok(sent) => Ok(head + sent),
            // What is wrong shows again when the rest is sent.
            Err(_) => Ok(head),
        }
    }

    fn transmit_head(&self, parts: &[IoSlice<'_>], flags: SendFlags) -> io::Result<usize> {
        let mut room = HEAD;
        let mut head = Vec::with_capacity(parts.len().min(MAX_PARTS));
        for part in parts.iter().take(MAX_PARTS) {
            let (taken, _) = part.split_at(part.len().min(room));
            head.push(IoSlice::new(taken));
            room -= taken.len();
            if room == 0 {
                break;
            }
        }
        self.transmit(&head, flags)
    }

    /// Sets the socket's timeout for `which` if the one in force does not suit a wait of `timeout`.
    fn suit_timeout(
        &self,
        which: sockopt::Timeout,
        cache: &AtomicU64,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        // Relaxed: one thread at a time waits in each direction, and the owner's lock orders them.
        let current = cache.load(Ordering::Relaxed);
        let Some(wanted) = timeout else {
            if current != 0 {
                sockopt::set_socket_timeout(&self.stream, which, None)?;
                cache.store(0, Ordering::Relaxed);
            }
            return Ok(());
        };
        // Eight milliseconds are left for the rounding up to jiffies.
        let wanted = u64::try_from(wanted.as_millis())
            .unwrap_or(u64::MAX)
            .saturating_sub(8)
            .max(1);
        if current != 0 && current <= wanted && wanted / 4 <= current {
            return Ok(());
        }
        let rounded = 1_u64 << wanted.ilog2().min(30);
        sockopt::set_socket_timeout(&self.stream, which, Some(Duration::from_millis(rounded)))?;
        cache.store(rounded, Ordering::Relaxed);
        Ok(())
    }

    /// Waits exactly until the socket is ready or `timeout` is over.
    fn wait_for(&self, events: PollFlags, timeout: Duration) -> io::Result<()> {
        let timeout = Timespec::try_from(timeout).map_err(|_| io::ErrorKind::InvalidInput)?;
        poll(&mut [PollFd::new(&self.stream, events)], Some(&timeout))?;
        Ok(())
    }
}

/// Fixes the room that a socket has; the kernel takes twice as much, for what it needs itself, and adapts nothing any more. The
/// window of a connection that is there does not grow beyond what it began with, which is its listener's room. What is not sent
/// yet has the room that was asked for and no more, however much TCP needs beside it.
pub(crate) fn set_buffers(socket: BorrowedFd<'_>, receive: usize, send: usize) -> io::Result<()> {
    sockopt::set_socket_recv_buffer_size(socket, receive.clamp(LEAST_BUFFER, MOST_BUFFER))?;
    sockopt::set_socket_send_buffer_size(socket, send.clamp(LEAST_BUFFER, MOST_BUFFER))?;
    options::set_unsent(socket, send)
}

/// An interrupted wait is reported as "would block": the caller looks at the clock and goes on.
fn interrupted_is_early(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::Interrupted {
        io::ErrorKind::WouldBlock.into()
    } else {
        error
    }
}

impl Link for TcpLink {
    fn send(&self, parts: &[IoSlice<'_>], timeout: Option<Duration>) -> io::Result<usize> {
        match timeout {
            Some(short) if short < SHORTEST_SOCKET_TIMEOUT => {
                self.wait_for(PollFlags::OUT, short)
                    .map_err(interrupted_is_early)?;
                self.try_send(parts)
            }
            _ => {
                self.suit_timeout(sockopt::Timeout::Send, &self.send_timeout, timeout)?;
                self.transmit(parts, SendFlags::empty())
                    .map_err(interrupted_is_early)
            }
        }
    }

    #[inline]
    fn try_send(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let size: usize = parts.iter().map(|part| part.len()).sum();
        let sent = if size < LARGE {
            self.transmit(parts, SendFlags::DONTWAIT)
        } else {
            self.transmit_large(parts, SendFlags::DONTWAIT)
        };
        sent.map_err(interrupted_is_early)
    }

    #[inline]
    fn recv(&self, buffer: &mut BytesMut, timeout: Option<Duration>) -> io::Result<usize> {
        match timeout {
            Some(short) if short < SHORTEST_SOCKET_TIMEOUT => {
                self.wait_for(PollFlags::IN, short)
                    .map_err(interrupted_is_early)?;
                self.try_recv(buffer)
            }
            _ => {
                self.suit_timeout(sockopt::Timeout::Recv, &self.receive_timeout, timeout)?;
                self.receive(buffer, RecvFlags::empty())
                    .map_err(interrupted_is_early)
            }
        }
    }

    #[inline]
    fn try_recv(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        self.receive(buffer, RecvFlags::DONTWAIT)
            .map_err(interrupted_is_early)
    }

    fn shutdown(&self) {
        // It may be shut down already, by us or by the peer.
        drop(self.stream.shutdown(Shutdown::Both));
    }

    fn shutdown_send(&self) {
        drop(self.stream.shutdown(Shutdown::Write));
    }

    fn set_buffers(&self, receive: usize, send: usize) -> io::Result<()> {
        set_buffers(self.stream.as_fd(), receive, send)
    }

    /// The kernel does not say what the peer's window is; its own room, of which it gives no more than it may, bounds both. It has
    /// twice as much, for what it needs itself.
    fn windows(&self) -> Option<Windows> {
        Some(Windows {
            receive: sockopt::socket_recv_buffer_size(&self.stream).ok()? / 2,
            send: sockopt::socket_send_buffer_size(&self.stream).ok()? / 2,
        })
    }

    fn peer(&self) -> &Endpoint {
        &self.peer
    }

    fn local(&self) -> &Endpoint {
        &self.local
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.stream.as_fd())
    }
}

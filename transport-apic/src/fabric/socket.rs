// SPDX-License-Identifier: MIT OR Apache-2.0
//! The socket beside a channel: messages of fixed size with a descriptor or without, the doorbell, and the peer's end.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::cmsg_space;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, SocketAddrUnix, SocketFlags, SocketType, connect, recv,
    recvmsg, send, sendmsg, shutdown, socket_with, sockopt,
};

/// A connected socket that keeps the bounds of messages.
#[derive(Debug)]
pub(super) struct Socket {
    fd: Arc<OwnedFd>,
}

/// What the socket says of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// It is there, and rang so often since the last look.
    Alive {
        rings: u64,
    },
    Gone,
}

impl Socket {
    pub(super) fn new(fd: OwnedFd) -> Self {
        Self { fd: Arc::new(fd) }
    }

    pub(super) fn descriptor(&self) -> &Arc<OwnedFd> {
        &self.fd
    }

    /// Connects to a listener, whose backlog may be full for a while.
    pub(super) fn connect(path: &Path, until: Instant) -> io::Result<Self> {
        let fd = open()?;
        let address = SocketAddrUnix::new(path)?;
        // A socket that has no time left would wait forever.
        let left = left(until).max(Duration::from_millis(1));
        sockopt::set_socket_timeout(&fd, sockopt::Timeout::Send, Some(left))?;
        connect(&fd, &address).map_err(|error| match error {
            Errno::AGAIN => io::ErrorKind::TimedOut.into(),
            other => io::Error::from(other),
        })?;
        Ok(Self::new(fd))
    }

    /// Sends a message, with a descriptor; never blocks.
    pub(super) fn send(&self, bytes: &[u8], passed: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = passed.map(|passed| [passed]);
        if let Some(descriptors) = &descriptors {
            control.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        sendmsg(&self.fd, &[IoSlice::new(bytes)], &mut control, flags)?;
        Ok(())
    }

    /// Takes a message and the descriptor that came with it, if one has come; never blocks. The length is that of the
    /// message, even if there was not room for all of it. `None` while there is nothing.
    pub(super) fn receive(&self, bytes: &mut [u8]) -> io::Result<Option<(usize, Option<OwnedFd>)>> {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC | RecvFlags::TRUNC;
        let mut receive = || recvmsg(&self.fd, &mut [IoSliceMut::new(bytes)], &mut control, flags);
        // Once, before its last words, if it did not read ours.
        let result = match receive() {
            Err(Errno::CONNRESET) => receive(),
            other => other,
        };
        let message = match result {
            Err(Errno::AGAIN | Errno::INTR) => return Ok(None),
            other => other?,
        };
        // What does not fit the kernel closes; what came is closed when dropped.
        let passed = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        if message.flags.contains(ReturnFlags::CTRUNC) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(Some((message.bytes, passed)))
    }

    /// Waits until something has come, or the peer is gone; false at the deadline.
    pub(super) fn wait(&self, until: Instant) -> io::Result<bool> {
        loop {
            let left = left(until);
            let timeout = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
            match poll(&mut [PollFd::new(&self.fd, PollFlags::IN)], Some(&timeout)) {
                Ok(0) if left.is_zero() => return Ok(false),
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Rings. A socket whose peer does not read is full of rings already.
    pub(super) fn ring(&self) {
        let _ = send(&self.fd, &[1], SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
    }

    /// Tells the peer that nothing more comes.
    pub(super) fn hang_up(&self) {
        // It may be gone.
        let _ = shutdown(&self.fd, Shutdown::Both);
    }

    /// Takes up to `most` rings, and looks whether the peer is there.
    pub(super) fn look(&self, most: u64) -> Peer {
        let mut rings = 0;
        while rings < most {
            let mut byte = [0; 1];
            match recv(&self.fd, &mut byte, RecvFlags::DONTWAIT) {
                Ok((0, _)) => return Peer::Gone,
                Ok(_) => rings += 1,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(_) => return Peer::Gone,
            }
        }
        Peer::Alive { rings }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

pub(super) fn open() -> io::Result<OwnedFd> {
    Ok(socket_with(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

pub(super) fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

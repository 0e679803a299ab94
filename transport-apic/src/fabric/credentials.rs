// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whose process is at the other end of a Unix socket.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Returns the effective user of the process that connected a Unix socket, or that listened, at that time, as its number is
/// here: 65534 if it has none in this namespace of users. The process may be in another namespace of processes.
///
/// # Errors
///
/// What the operating system says: the socket may be of another kind, or not connected.
pub fn peer_user(socket: impl AsFd) -> io::Result<u32> {
    Ok(peer(socket)?.user)
}

/// Whose the other end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Credentials {
    /// Its effective user: 65534 if it has none in this namespace of users.
    pub(super) user: u32,
    /// Its process; none if that is outside of this namespace of processes.
    pub(super) process: Option<u32>,
}

#[allow(
    unsafe_code,
    reason = "getsockopt(2) has no safe form for a process that is not seen here"
)]
pub(super) fn peer(socket: impl AsFd) -> io::Result<Credentials> {
    // A process outside of our namespace of processes has number 0, which rustix's form has no room for.
    let mut peer = libc::ucred {
        pid: 0,
        uid: u32::MAX,
        gid: u32::MAX,
    };
    let mut length = libc::socklen_t::try_from(size_of_val(&peer)).map_err(io::Error::other)?;
    // SAFETY: the kernel writes at most `length` bytes there, all of which may have any value.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &raw mut length,
        )
    };
    match result {
        0 => Ok(Credentials {
            user: peer.uid,
            process: u32::try_from(peer.pid).ok().filter(|process| *process != 0),
        }),
        _ => Err(io::Error::last_os_error()),
    }
}

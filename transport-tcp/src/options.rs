// SPDX-License-Identifier: MIT OR Apache-2.0
//! What TCP connections are like, told to the kernel. Connections inherit it from the socket they arrive at.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

use orb_core::rtcorba::TcpProtocolProperties;
use rustix::net::sockopt;

/// More than that cannot be asked for; the kernel gives much less to anybody.
const MOST_BUFFER: usize = i32::MAX as usize;

/// Sets the options of a socket. Room that is left to the system stays as it is.
pub(crate) fn set(socket: BorrowedFd<'_>, properties: &TcpProtocolProperties) -> io::Result<()> {
    sockopt::set_tcp_nodelay(socket, properties.no_delay)?;
    sockopt::set_socket_keepalive(socket, properties.keep_alive)?;
    if properties.dont_route {
        set_dont_route(socket)?;
    }
    let room =
        |bytes: u32| (bytes > 0).then(|| usize::try_from(bytes).unwrap_or(MOST_BUFFER).min(MOST_BUFFER));
    if let Some(bytes) = room(properties.recv_buffer_size) {
        sockopt::set_socket_recv_buffer_size(socket, bytes)?;
    }
    if let Some(bytes) = room(properties.send_buffer_size) {
        sockopt::set_socket_send_buffer_size(socket, bytes)?;
    }
    Ok(())
}

/// Bounds what the socket takes and has not sent yet: it is writable below that. What waits longer waits where there is a plan
/// for it, and does not grow old in the kernel.
pub(crate) fn set_unsent(socket: BorrowedFd<'_>, bytes: usize) -> io::Result<()> {
    let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    set_integer(socket, libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, bytes.max(1))
}

/// Returns how many datagrams a socket has dropped, for want of room most likely.
pub(crate) fn drops(socket: BorrowedFd<'_>) -> u32 {
    // Of the numbers that there are, `SK_MEMINFO_DROPS` is the ninth and last.
    let mut numbers = [0_u32; 9];
    #[expect(clippy::cast_possible_truncation, reason = "they are 36 octets")]
    let mut size = size_of_val(&numbers) as libc::socklen_t;
    let to = numbers.as_mut_ptr().cast();
    #[allow(unsafe_code, reason = "rustix has no such option")]
    // SAFETY: the descriptor is open while it is borrowed, and the kernel writes at most `size` octets to `numbers`, which has
    // as many, and how many it wrote to `size`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            to,
            &raw mut size,
        )
    };
    let [.., drops] = numbers;
    if result == 0 { drops } else { 0 }
}

fn set_dont_route(socket: BorrowedFd<'_>) -> io::Result<()> {
    set_integer(socket, libc::SOL_SOCKET, libc::SO_DONTROUTE, 1)
}

/// Sets an option that rustix does not have.
fn set_integer(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    #[expect(clippy::cast_possible_truncation, reason = "it is four octets")]
    const SIZE: libc::socklen_t = size_of::<libc::c_int>() as libc::socklen_t;
    #[allow(unsafe_code, reason = "rustix has no such option")]
    // SAFETY: the descriptor is open while it is borrowed, and the kernel reads `SIZE` octets of `value`, which has as many.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), SIZE) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

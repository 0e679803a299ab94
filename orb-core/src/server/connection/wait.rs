// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a worker waits for what comes.

use std::{
    io,
    time::{Duration, Instant},
};

use bytes::BytesMut;

use crate::transport::Link;

/// How to wait for octets.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) enum Wait {
    /// Not at all.
    No,
    /// Polling first, then blocking, so long each; `None` blocks until something comes.
    For(Duration, Option<Duration>),
}

impl Wait {
    /// Copies what comes into `buffer`.
    pub(super) fn recv(self, link: &dyn Link, buffer: &mut BytesMut) -> io::Result<usize> {
        self.receive(|timeout| match timeout {
            Some(Duration::ZERO) => link.try_recv(buffer),
            timeout => link.recv(buffer, timeout),
        })
    }

    /// Receives, given how long that may take: zero is not at all.
    pub(super) fn receive(
        self,
        mut receive: impl FnMut(Option<Duration>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let Self::For(polling, blocking) = self else {
            return receive(Some(Duration::ZERO));
        };
        if !polling.is_zero() {
            let until = Instant::now() + polling;
            loop {
                match receive(Some(Duration::ZERO)) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    result => return result,
                }
                if Instant::now() >= until {
                    break;
                }
                std::hint::spin_loop();
            }
        }
        receive(blocking)
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A listener where there are no connections: all that comes, comes by one link, which is there from the beginning.

use std::{
    fmt, io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use orb_core::transport::{Endpoint, Link, Listener};
use parking_lot::Mutex;
use rustix::event::{EventfdFlags, eventfd};

/// Gives its link to whoever accepts first.
pub(crate) struct Single {
    link: Mutex<Option<Arc<dyn Link>>>,
    local: Endpoint,
    /// Readable from the beginning.
    bell: OwnedFd,
}

impl Single {
    pub(crate) fn of(link: Arc<dyn Link>) -> io::Result<Self> {
        Ok(Self {
            local: link.local().clone(),
            link: Mutex::new(Some(link)),
            bell: eventfd(1, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }
}

impl Listener for Single {
    fn accept(&self) -> io::Result<Arc<dyn Link>> {
        self.link
            .lock()
            .take()
            .ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn local(&self) -> &Endpoint {
        &self.local
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.bell.as_fd())
    }
}

impl fmt::Debug for Single {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Single")
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where connections over the fabric arrive.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use orb_core::transport::{Endpoint, Link, Listener};
use parking_lot::Mutex;
use transport_apic::fabric::{self, Config, Directory, ListenError};

use super::{ApicLink, CALLED, CALLER, now, random, unnamed};
use crate::{engine::Endpoints, stream::Stream};

/// A name in the fabric.
#[derive(Debug)]
pub(crate) struct ApicListener {
    listener: Mutex<fabric::Listener>,
    /// The listener's descriptor, to be lent without its lock.
    descriptor: OwnedFd,
    spin: Duration,
    local: Endpoint,
}

impl ApicListener {
    pub(super) fn bind(directory: &Directory, endpoint: &Endpoint, config: &Config) -> io::Result<Self> {
        let listener =
            fabric::Listener::bind(directory, endpoint.host(), config.clone()).map_err(why_not_bound)?;
        tracing::debug!(local = %endpoint, "listening");
        Ok(Self {
            descriptor: listener.as_fd().try_clone_to_owned()?,
            listener: Mutex::new(listener),
            spin: config.spin,
            local: endpoint.clone(),
        })
    }
}

fn why_not_bound(error: ListenError) -> io::Error {
    let kind = match &error {
        ListenError::Name(_) | ListenError::Geometry(_) => io::ErrorKind::InvalidInput,
        ListenError::InUse(_) => io::ErrorKind::AddrInUse,
        ListenError::System { source, .. } => source.kind(),
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

impl Listener for ApicListener {
    fn accept(&self) -> io::Result<Arc<dyn Link>> {
        let channel = self.listener.lock().try_accept()?;
        let channel = channel.ok_or(io::ErrorKind::WouldBlock)?;
        let endpoints = Endpoints {
            local: CALLED,
            remote: CALLER,
        };
        let stream = Stream::listen(channel, endpoints, random(), now());
        let link = ApicLink::new(stream, self.spin, self.local.clone(), unnamed())?;
        Ok(Arc::new(link))
    }

    fn local(&self) -> &Endpoint {
        &self.local
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.descriptor.as_fd())
    }
}

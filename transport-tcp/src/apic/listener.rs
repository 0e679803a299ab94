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

use super::{ApicLink, CALLED, CALLER, caller, now, random};
use crate::{engine::Endpoints, stream::Stream};

/// A name in the fabric.
#[derive(Debug)]
pub(crate) struct ApicListener {
    listener: Mutex<fabric::Listener>,
    /// The listener's descriptor, to be lent without its lock.
    descriptor: Arc<OwnedFd>,
    spin: Duration,
    local: Endpoint,
    /// Octets on their way in and out that connections have room for, if it was said.
    room: Mutex<Option<(usize, usize)>>,
}

impl ApicListener {
    pub(super) fn bind(directory: &Directory, endpoint: &Endpoint, config: &Config) -> io::Result<Self> {
        let listener =
            fabric::Listener::bind(directory, endpoint.host(), config.clone()).map_err(why_not_bound)?;
        tracing::debug!(local = %endpoint, "listening");
        Ok(Self {
            descriptor: listener.descriptor(),
            listener: Mutex::new(listener),
            spin: config.spin,
            local: endpoint.clone(),
            room: Mutex::default(),
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
        let peer = caller(&channel);
        let mut stream = Stream::listen(channel, endpoints, random(), now());
        if let Some((receive, send)) = *self.room.lock() {
            stream.set_budgets(receive, send);
        }
        let local = self.local.clone();
        Ok(Arc::new(ApicLink::new(stream, self.spin, local, peer)))
    }

    fn set_buffers(&self, receive: usize, send: usize) -> io::Result<()> {
        let bytes = |room| u64::try_from(room).unwrap_or(u64::MAX);
        self.listener.lock().set_room(bytes(receive), bytes(send));
        *self.room.lock() = Some((receive, send));
        Ok(())
    }

    fn local(&self) -> &Endpoint {
        &self.local
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.descriptor.as_fd())
    }
}

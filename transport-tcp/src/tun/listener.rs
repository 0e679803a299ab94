// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where connections of our own TCP arrive.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
};

use orb_core::{
    rtcorba::TcpProtocolProperties,
    transport::{Endpoint, Link, Listener},
};

use super::{TunLink, flow::Bell, host::Host, iiop, settings};
use crate::engine::ListenerId;

/// A port of the host's.
#[derive(Debug)]
pub(super) struct TunListener {
    host: Arc<Host>,
    id: ListenerId,
    bell: Arc<Bell>,
    local: Endpoint,
}

impl TunListener {
    pub(super) fn bind(host: Arc<Host>, endpoint: &Endpoint) -> io::Result<Self> {
        let (id, port, bell) = host.listen(endpoint.port())?;
        let local = endpoint.with_port(port);
        tracing::debug!(%local, "listening");
        Ok(Self {
            host,
            id,
            bell,
            local,
        })
    }
}

impl Listener for TunListener {
    fn accept(&self) -> io::Result<Arc<dyn Link>> {
        let accepted = self.host.accept(self.id)?;
        let (id, flow, endpoints) = accepted.ok_or(io::ErrorKind::WouldBlock)?;
        Ok(Arc::new(TunLink::new(
            Arc::clone(&self.host),
            (id, flow),
            iiop(endpoints.local),
            iiop(endpoints.remote),
        )))
    }

    fn set_buffers(&self, receive: usize, send: usize) -> io::Result<()> {
        self.host.change(self.id, |it| {
            it.receive_budget = settings::budget(receive);
            it.send_budget = settings::budget(send);
        });
        Ok(())
    }

    fn set_properties(&self, properties: &TcpProtocolProperties) -> io::Result<()> {
        self.host.change(self.id, |it| *it = settings::of(properties));
        Ok(())
    }

    fn local(&self) -> &Endpoint {
        &self.local
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.bell.as_fd())
    }
}

impl Drop for TunListener {
    fn drop(&mut self) {
        self.host.unlisten(self.id);
    }
}

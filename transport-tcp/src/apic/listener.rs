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
use transport_apic::{
    FrameClass, Geometry,
    fabric::{self, Config, Directory, ListenError},
};

use super::{ApicLink, CALLED, CALLER, now, random, unnamed};
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

/// What an end transmits from, so that so many octets of messages can be on their way: never less than by default, since
/// memory is taken only when it is used. For bulk there is as much as the other end maps anyway.
fn geometry(send: usize) -> Geometry {
    /// A message has this much at least, with its share of headers; so many fit into that room.
    const MESSAGE: usize = 256;
    const MOST_SMALL: u32 = 2048;
    let least = Geometry::default();
    let for_each = |size: usize, least: u32, most: u32| {
        let count = u32::try_from(send.div_ceil(size)).unwrap_or(most);
        count.clamp(least, most)
    };
    Geometry {
        slots: for_each(MESSAGE, least.slots, Geometry::MOST_SLOTS).next_power_of_two(),
        small: FrameClass {
            count: for_each(least.small.size as usize, least.small.count, MOST_SMALL),
            ..least.small
        },
        ..least
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
        let mut stream = Stream::listen(channel, endpoints, random(), now());
        if let Some((receive, send)) = *self.room.lock() {
            stream.set_budgets(receive, send);
        }
        Ok(Arc::new(ApicLink::new(
            stream,
            self.spin,
            self.local.clone(),
            unnamed(),
        )))
    }

    fn set_buffers(&self, receive: usize, send: usize) -> io::Result<()> {
        let wrong = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        self.listener.lock().set_geometry(geometry(send)).map_err(wrong)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_has_room_for_what_is_sent_and_the_other_end_maps_it() {
        assert_eq!(geometry(0), Geometry::default());
        assert_eq!(geometry(64 * 256), Geometry::default());
        let deep = geometry(600 * 256);
        assert_eq!(deep.slots, 1024, "one for each message");
        let wide = geometry(8 << 20);
        assert_eq!((wide.slots, wide.small.count), (Geometry::MOST_SLOTS, 2048));
        let most = geometry(usize::MAX);
        assert_eq!(most.check(Config::default().most_peer_bytes), Ok(()));
        assert_eq!(most.slots, Geometry::MOST_SLOTS);
    }
}

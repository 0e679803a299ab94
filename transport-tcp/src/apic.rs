// SPDX-License-Identifier: MIT OR Apache-2.0
//! The transport over the fabric: connections of the engine in shared memory, between processes of one machine.

mod link;
mod listener;

#[cfg(test)]
mod tests;

use std::{
    collections::hash_map::RandomState,
    fs,
    hash::BuildHasher,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Once},
    time::Instant,
};

use orb_core::transport::{Endpoint, Link, Listener, Poller, Transport, TransportError};
use rtu::Time;
use transport_apic::fabric::{self, Config, ConnectError, Directory, DirectoryError};

use crate::{EpollPoller, engine::Endpoints, pacing, stream::Stream};

use self::{link::ApicLink, listener::ApicListener};

/// The kernel's name for the time since it started: the same in all processes and containers of one machine.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The transport of `apic://name`: TCP in shared memory, without the kernel on the path.
///
/// An endpoint is the name of a socket in the directory of the user ([`Directory::of_user`]), and means something on one
/// machine only.
#[derive(Debug)]
pub struct Apic {
    directory: Directory,
    config: Config,
    locality: String,
    /// Its directory was cleared of what dead processes left.
    cleared: Once,
    /// Somebody was told why calls do not go over it.
    told: Once,
}

/// Why there is no fabric here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoFabric {
    /// There is no place for its sockets.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The machine does not say which it is.
    #[error("{BOOT_ID} cannot be read: {0}")]
    Machine(#[source] io::Error),
}

impl Apic {
    /// The scheme of the fabric.
    pub const SCHEME: &str = "apic";

    /// Makes the transport, with the directory of the user.
    ///
    /// # Errors
    ///
    /// [`NoFabric`] where there is none.
    pub fn new() -> Result<Self, NoFabric> {
        Self::with(Directory::of_user()?, Config::default())
    }

    /// Makes the transport with a directory and what its channels are like.
    ///
    /// # Errors
    ///
    /// [`NoFabric`] where there is none.
    pub fn with(directory: Directory, config: Config) -> Result<Self, NoFabric> {
        let machine = fs::read_to_string(BOOT_ID).map_err(NoFabric::Machine)?;
        Ok(Self {
            directory,
            config,
            locality: machine.trim().to_owned(),
            cleared: Once::new(),
            told: Once::new(),
        })
    }
}

impl Apic {
    fn why_not_connected(&self, error: ConnectError) -> io::Error {
        let kind = match &error {
            ConnectError::Name(_) | ConnectError::Geometry(_) => io::ErrorKind::InvalidInput,
            // Whoever is not on this fabric, or has no time, goes another way: that is nothing to tell anybody.
            ConnectError::Nobody(_) => io::ErrorKind::ConnectionRefused,
            ConnectError::TimedOut(_) => io::ErrorKind::TimedOut,
            _ => {
                self.told.call_once(
                    || tracing::warn!(%error, "calls go by IIOP, where a reference names that beside the fabric"),
                );
                match &error {
                    ConnectError::System { source, .. } => source.kind(),
                    _ => io::ErrorKind::ConnectionAborted,
                }
            }
        };
        io::Error::new(kind, error)
    }
}

impl Transport for Apic {
    fn scheme(&self) -> &str {
        Self::SCHEME
    }

    fn locality(&self) -> Option<&str> {
        Some(&self.locality)
    }

    fn connect(&self, endpoint: &Endpoint, deadline: Instant) -> Result<Arc<dyn Link>, TransportError> {
        let failed = |error| TransportError::new("connect to", endpoint, error);
        let channel = fabric::connect(&self.directory, endpoint.host(), self.config.clone(), deadline)
            .map_err(|error| failed(self.why_not_connected(error)))?;
        let local = unnamed();
        let endpoints = Endpoints {
            local: CALLER,
            remote: CALLED,
        };
        let stream = Stream::connect(channel, endpoints, random(), now());
        let link = ApicLink::new(stream, self.config.spin, local, endpoint.clone());
        link.open(deadline).map_err(failed)?;
        Ok(Arc::new(link))
    }

    fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, TransportError> {
        let endpoint = match endpoint.host() {
            "" => endpoint.with_host(unguessable()),
            _ => endpoint.clone(),
        };
        self.cleared.call_once(|| {
            if let Err(error) = self.directory.clear() {
                tracing::warn!(directory = %self.directory.path().display(), %error, "cannot be cleared of dead names");
            }
        });
        // Whoever came would be refused.
        let no_memory = |error: io::Error| {
            let why = format!("memory to be shared between processes is refused: {error}");
            TransportError::new("listen at", &endpoint, io::Error::new(error.kind(), why))
        };
        fabric::probe(&self.config).map_err(no_memory)?;
        let listener = ApicListener::bind(&self.directory, &endpoint, &self.config)
            .map_err(|error| TransportError::new("listen at", &endpoint, error))?;
        Ok(Box::new(listener))
    }

    /// The name begins as the other one's does, so that whoever looks into the directory sees whose it is.
    fn listen_beside(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, TransportError> {
        let server: String = endpoint.host().chars().take(LONGEST_OF_SERVER).collect();
        self.listen(&endpoint.with_host(format!("{server}-{}", unguessable())))
    }

    fn poller(&self) -> io::Result<Arc<dyn Poller>> {
        Ok(Arc::new(EpollPoller::new()?))
    }
}

/// What the two ends of each connection are called in the headers: nothing else travels on its channel.
const CALLER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1)), 49152);
const CALLED: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), 2809);

/// The end of a connection that nobody can connect to.
fn unnamed() -> Endpoint {
    Endpoint::new(Apic::SCHEME, "", 0)
}

/// The same, of a process that is seen from here.
fn caller(channel: &fabric::Circuit) -> Endpoint {
    match channel.peer_process() {
        Some(process) => unnamed().with_host(format!("process-{process}")),
        None => unnamed(),
    }
}

/// The engine's time: nanoseconds since it was first asked for, and never zero.
fn now() -> Time {
    Time(u64::try_from(pacing::now().as_nanos()).unwrap_or(u64::MAX).max(1))
}

/// How much of a server's name is in those of its lanes: names have 64 characters at most.
const LONGEST_OF_SERVER: usize = 40;

/// A name, or the end of one, that nobody else has chosen.
fn unguessable() -> String {
    format!("{:016x}", RandomState::new().hash_one(0_u8))
}

/// The one source of randomness in the standard library.
fn random() -> u32 {
    let number = RandomState::new().hash_one(0_u8);
    u32::try_from(number & u64::from(u32::MAX)).unwrap_or_default()
}

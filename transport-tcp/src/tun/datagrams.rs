// SPDX-License-Identifier: MIT OR Apache-2.0
//! Oneways in datagrams of our own UDP: what is longer than the device's packets goes and comes in fragments of the engine's.

use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    os::fd::{AsFd, BorrowedFd},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arrayvec::ArrayVec;
use bytes::{Bytes, BytesMut};
use orb_core::{
    datagram,
    transport::{Datagrams, Endpoint, Interest, Link, Listener, Poller, Transport, TransportError},
};

use super::{
    Network, Site,
    flow::{Entry, Flow, Wanted},
    host::{Host, Shared, at_port},
};
use crate::{
    KernelUdp,
    engine::{DatagramError, DatagramId},
    udp::{Single, anybody},
};

/// Octets of datagrams that wait to be taken, while their server is busy.
const BUDGET: usize = 4 << 20;

/// How long a sender waits before it looks again for room in the device.
const PAUSE: Duration = Duration::from_millis(1);

/// The transport of oneways in datagrams where our own UDP carries them, as [`TunTcp`](super::TunTcp) is that of IIOP: at our
/// addresses behind a TUN device, and to their networks. All others are the kernel's.
#[derive(Debug)]
pub struct TunUdp {
    site: Arc<Site>,
    kernel: KernelUdp,
}

impl TunUdp {
    pub(super) fn of(site: Arc<Site>) -> Self {
        Self {
            site,
            kernel: KernelUdp::new(),
        }
    }

    fn bind(&self, local: &Endpoint, to: Option<SocketAddr>, peer: Endpoint) -> io::Result<Port> {
        Port::bind(Arc::clone(&self.site.running.host), local, to, peer)
    }
}

impl Transport for TunUdp {
    fn scheme(&self) -> &str {
        Endpoint::DIOP
    }

    fn connect(&self, endpoint: &Endpoint, deadline: Instant) -> Result<Arc<dyn Link>, TransportError> {
        let to = match self.site.peer(endpoint) {
            Some(peer) => peer?,
            None => return self.kernel.connect(endpoint, deadline),
        };
        let mut own = self.site.networks.iter().map(Network::own);
        let own = own.find(|own| own.is_ipv4() == to.is_ipv4());
        let local = Endpoint::diop(own.map(|own| own.to_string()).unwrap_or_default(), 0);
        let port = self.bind(&local, Some(to), endpoint.clone());
        let port = port.map_err(|error| TransportError::new("send to", endpoint, error))?;
        Ok(Arc::new(port))
    }

    fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, TransportError> {
        let Some((_, true)) = self.site.find(endpoint) else {
            return self.kernel.listen(endpoint);
        };
        let failed = |error| TransportError::new("listen at", endpoint, error);
        let port = self.bind(endpoint, None, anybody()).map_err(failed)?;
        tracing::debug!(local = %port.local(), "taking datagrams");
        Ok(Box::new(Single::of(Arc::new(port)).map_err(failed)?))
    }

    fn poller(&self) -> io::Result<Arc<dyn Poller>> {
        self.kernel.poller()
    }

    fn stop(&self) {
        self.site.running.stop();
    }
}

/// A port of the host's: one that takes datagrams from anybody, or one that sends them to one place.
#[derive(Debug)]
struct Port {
    host: Arc<Host>,
    id: DatagramId,
    flow: Arc<Flow>,
    to: Option<SocketAddr>,
    local: Endpoint,
    peer: Endpoint,
    /// Datagrams without octets that were passed over.
    empty: AtomicU64,
}

impl Port {
    fn bind(host: Arc<Host>, local: &Endpoint, to: Option<SocketAddr>, peer: Endpoint) -> io::Result<Self> {
        let flow = Flow::new()?;
        let mut shared = host.lock();
        shared.is_there()?;
        // Nobody has anything to say to one who only sends.
        let budget = if to.is_some() { 0 } else { BUDGET };
        let (id, port) = at_port(local.port(), |port| shared.driver.stack().bind(port, budget))?;
        shared.ports.insert(id, Entry::new(Arc::clone(&flow)));
        drop(shared);
        Ok(Self {
            host,
            id,
            flow,
            to,
            local: local.with_port(port),
            peer,
            empty: AtomicU64::new(0),
        })
    }

    /// Takes what is there, or what waits at the device.
    fn receive(&self, shared: &mut Shared, buffer: &mut BytesMut) -> io::Result<usize> {
        let entry = shared
            .ports
            .get_mut(&self.id)
            .ok_or(io::ErrorKind::NotConnected)?;
        if entry.ended {
            return Ok(0);
        }
        entry.attend();
        let before = buffer.len();
        self.take(shared, buffer);
        if buffer.len() == before {
            self.host.look(shared);
            self.take(shared, buffer);
        }
        match buffer.len() - before {
            0 => Err(shared
                .is_there()
                .err()
                .unwrap_or(io::ErrorKind::WouldBlock.into())),
            count => Ok(count),
        }
    }

    /// Takes the next datagram that has octets; as many wait as there is room for.
    fn take(&self, shared: &mut Shared, buffer: &mut BytesMut) {
        let before = buffer.len();
        while let Some(datagram) = shared.driver.stack().recv_from(self.id) {
            datagram
                .payload
                .iter()
                .for_each(|piece| buffer.extend_from_slice(piece));
            if buffer.len() > before {
                return;
            }
            self.empty.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends one datagram; where there is nobody to send it to, it is as good as lost.
    fn transmit(&self, shared: &mut Shared, whole: Bytes) -> io::Result<usize> {
        let size = whole.len();
        let Some(to) = self.to else { return Ok(size) };
        shared.is_there()?;
        let mut payload = ArrayVec::new();
        payload.push(whole);
        let sent = shared.driver.stack().send_to(self.id, to, payload);
        self.host.settle(shared);
        match sent {
            Ok(()) => Ok(size),
            Err(DatagramError::Full) => Err(io::ErrorKind::WouldBlock.into()),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidInput, error)),
        }
    }
}

/// Makes one piece of all parts.
fn gather(parts: &[IoSlice<'_>]) -> Bytes {
    let mut whole = BytesMut::with_capacity(parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| whole.extend_from_slice(part));
    whole.freeze()
}

fn would_block(result: &io::Result<usize>) -> bool {
    matches!(result, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

impl Link for Port {
    fn send(&self, parts: &[IoSlice<'_>], timeout: Option<Duration>) -> io::Result<usize> {
        let until = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            let sent = self.try_send(parts);
            if !would_block(&sent) || until.is_some_and(|until| Instant::now() >= until) {
                return sent;
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn try_send(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let whole = gather(parts);
        self.transmit(&mut self.host.lock(), whole)
    }

    fn recv(&self, buffer: &mut BytesMut, timeout: Option<Duration>) -> io::Result<usize> {
        let until = timeout.map(|timeout| Instant::now() + timeout);
        let mut shared = self.host.lock();
        loop {
            let received = self.receive(&mut shared, buffer);
            if !would_block(&received) || until.is_some_and(|until| Instant::now() >= until) {
                return received;
            }
            match until {
                Some(until) => drop(self.flow.changed.wait_until(&mut shared, until)),
                None => self.flow.changed.wait(&mut shared),
            }
        }
    }

    fn try_recv(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        self.receive(&mut self.host.lock(), buffer)
    }

    fn datagrams(&self) -> Option<Datagrams> {
        let mut shared = self.host.lock();
        let counters = shared.driver.stack().datagram_counters(self.id);
        Some(Datagrams {
            longest: datagram::LONGEST,
            overruns: counters.unwrap_or_default().dropped,
            empty: self.empty.load(Ordering::Relaxed),
        })
    }

    fn shutdown(&self) {
        if let Some(entry) = self.host.lock().ports.get_mut(&self.id) {
            entry.ended = true;
            entry.tell(Wanted {
                readable: true,
                writable: true,
            });
        }
    }

    fn peer(&self) -> &Endpoint {
        &self.peer
    }

    fn local(&self) -> &Endpoint {
        &self.local
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.flow.bell.as_fd())
    }

    fn watch(&self, interest: Interest) -> Option<Interest> {
        let mut shared = self.host.lock();
        let readable = shared.gone.is_some() || shared.driver.stack().has_datagram(self.id);
        let entry = shared.ports.get_mut(&self.id)?;
        let now = Wanted {
            readable: readable || entry.ended,
            // There is most of the time, and nobody tells when.
            writable: true,
        };
        entry.arm(interest.into(), now).then_some(Interest {
            readable: interest.readable || interest.writable,
            writable: false,
            ..interest
        })
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        let mut shared = self.host.lock();
        shared.ports.remove(&self.id);
        shared.driver.stack().unbind(self.id);
    }
}

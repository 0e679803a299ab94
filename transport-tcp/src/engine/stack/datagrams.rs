// SPDX-License-Identifier: MIT OR Apache-2.0
//! UDP (RFC 768): datagrams by port, as they come and as they fit.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, SocketAddr},
};

use arrayvec::ArrayVec;
use transport_apic::{Packet, Payload};

use super::{DatagramId, Stack};
use crate::engine::{
    Endpoints, Malformed, OpenError,
    wire::{Checksums, IP_V4_HEADER, IP_V6_HEADER, Ip, Path, UDP, UDP_HEADER, ports},
};

/// A datagram that has come, where it landed.
#[derive(Clone, Debug)]
pub struct Datagram<P> {
    /// Who sent it.
    pub from: SocketAddr,
    /// To which of the host's addresses.
    pub to: IpAddr,
    /// What it says, in pieces that follow each other.
    pub payload: ArrayVec<P, { Packet::PIECES }>,
}

/// Why a datagram was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DatagramError {
    /// The link does not take it, and it is not cut into fragments.
    #[error("{octets} octets are more than the {most} that the link takes")]
    TooLong {
        /// The datagram's.
        octets: usize,
        /// As many as there may be.
        most: usize,
    },
    /// As many as may be wait to be sent.
    #[error("too many datagrams wait to be sent")]
    Full,
    /// The host has no address of the peer's kind.
    #[error("{0} cannot be reached from an address of this host")]
    Address(IpAddr),
    /// The port is not bound.
    #[error("the port is not bound")]
    Unbound,
}

/// How often something happened at a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatagramCounters {
    /// Datagrams that came and were kept.
    pub received: u64,
    /// Datagrams that came and were dropped, for want of room.
    pub dropped: u64,
    /// Datagrams that were queued to be sent.
    pub sent: u64,
}

/// The ports of a host.
#[derive(Debug)]
pub(super) struct Ports<P> {
    bound: BTreeMap<u16, Port<P>>,
    /// Ports to which something came since they were asked for last.
    news: VecDeque<u16>,
    /// What waits to be sent.
    outgoing: VecDeque<Packet<P>>,
}

#[derive(Debug)]
struct Port<P> {
    received: VecDeque<Datagram<P>>,
    octets: usize,
    budget: usize,
    told: bool,
    /// The way to whom a datagram went last: datagrams go in runs.
    path: Option<Path>,
    counters: DatagramCounters,
}

/// What a datagram costs beside its octets: many empty ones must not be free.
const OVERHEAD: usize = 128;

impl<P: Payload> Ports<P> {
    pub(super) fn new() -> Self {
        Self {
            bound: BTreeMap::new(),
            news: VecDeque::new(),
            outgoing: VecDeque::new(),
        }
    }

    pub(super) fn next(&mut self) -> Option<Packet<P>> {
        self.outgoing.pop_front()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.outgoing.is_empty()
    }

    pub(super) fn poll_event(&mut self) -> Option<DatagramId> {
        while let Some(port) = self.news.pop_front() {
            if let Some(bound) = self.bound.get_mut(&port) {
                bound.told = false;
                if !bound.received.is_empty() {
                    return Some(DatagramId { port });
                }
            }
        }
        None
    }

    fn receive(&mut self, port: u16, datagram: Datagram<P>) -> Result<(), Malformed> {
        let bound = self.bound.get_mut(&port).ok_or(Malformed::Address)?;
        let cost = OVERHEAD + datagram.payload.iter().map(Payload::len).sum::<usize>();
        if bound.octets + cost > bound.budget {
            bound.counters.dropped += 1;
            return Ok(());
        }
        bound.octets += cost;
        bound.counters.received += 1;
        bound.received.push_back(datagram);
        if !bound.told {
            bound.told = true;
            self.news.push_back(port);
        }
        Ok(())
    }
}

impl<P: Payload> Stack<P> {
    /// Takes the datagrams for `port` at any of the host's addresses. Up to `budget` octets wait to be taken, and each
    /// datagram counts 128 more than it has; beyond that, new ones are dropped and counted.
    ///
    /// # Errors
    ///
    /// [`OpenError::InUse`] if it is bound.
    pub fn bind(&mut self, port: u16, budget: usize) -> Result<DatagramId, OpenError> {
        if self.ports.bound.contains_key(&port) {
            return Err(OpenError::InUse);
        }
        let bound = Port {
            received: VecDeque::new(),
            octets: 0,
            budget,
            told: false,
            path: None,
            counters: DatagramCounters::default(),
        };
        self.ports.bound.insert(port, bound);
        Ok(DatagramId { port })
    }

    /// Lets a port go, with all that waits there.
    pub fn unbind(&mut self, id: DatagramId) {
        self.ports.bound.remove(&id.port);
    }

    /// Queues one datagram to `remote`, from the first address of the same kind. It is not copied, and not cut.
    ///
    /// # Errors
    ///
    /// [`DatagramError`]; nothing is queued then.
    pub fn send_to(
        &mut self,
        id: DatagramId,
        remote: SocketAddr,
        payload: ArrayVec<P, { Packet::PIECES }>,
    ) -> Result<(), DatagramError> {
        let octets = payload.iter().map(Payload::len).sum();
        let most = self.longest_datagram(remote.is_ipv6());
        let bound = self.ports.bound.get_mut(&id.port).ok_or(DatagramError::Unbound)?;
        if octets > most {
            return Err(DatagramError::TooLong { octets, most });
        }
        if self.ports.outgoing.len() >= self.config.limits.datagrams {
            return Err(DatagramError::Full);
        }
        let known = bound.path.take();
        let path = match known.filter(|path| path.endpoints.remote == remote) {
            Some(path) => path,
            None => {
                let mut addresses = self.config.addresses.iter();
                let local = addresses.find(|own| own.is_ipv4() == remote.is_ipv4());
                let local = *local.ok_or(DatagramError::Address(remote.ip()))?;
                let endpoints = Endpoints {
                    local: (local, id.port).into(),
                    remote,
                };
                Path::new(endpoints, UDP, self.config.settings.checksums)
            }
        };
        self.ports.outgoing.push_back(path.datagram(payload));
        bound.counters.sent += 1;
        bound.path = Some(path);
        Ok(())
    }

    /// Returns how many octets one datagram may have, over IPv6 if `v6`.
    pub fn longest_datagram(&self, v6: bool) -> usize {
        let ip = if v6 { IP_V6_HEADER } else { IP_V4_HEADER };
        self.config.mtu.saturating_sub(ip + UDP_HEADER)
    }

    /// Takes the next datagram that has come.
    pub fn recv_from(&mut self, id: DatagramId) -> Option<Datagram<P>> {
        let bound = self.ports.bound.get_mut(&id.port)?;
        let datagram = bound.received.pop_front()?;
        let cost = OVERHEAD + datagram.payload.iter().map(Payload::len).sum::<usize>();
        bound.octets = bound.octets.saturating_sub(cost);
        Some(datagram)
    }

    /// Returns how often something happened at a port.
    pub fn datagram_counters(&self, id: DatagramId) -> Option<DatagramCounters> {
        self.ports.bound.get(&id.port).map(|bound| bound.counters)
    }

    pub(super) fn receive_udp(&mut self, ip: &Ip, packet: Packet<P>) -> Result<(), Malformed> {
        let headers = packet.headers.as_ref();
        let transport = headers.get(ip.header..).ok_or(Malformed::Length)?;
        let told = match transport {
            [_, _, _, _, high, low, _, _] => usize::from(u16::from_be_bytes([*high, *low])),
            _ => return Err(Malformed::Udp),
        };
        if packet.len() != ip.total || told != ip.total - ip.header {
            return Err(Malformed::Length);
        }
        let (source, destination) = ports(transport).ok_or(Malformed::Udp)?;
        if self.config.settings.checksums == Checksums::Verify {
            ip.check(&packet)?;
        }
        let datagram = Datagram {
            from: (ip.source, source).into(),
            to: ip.destination,
            payload: packet.payload,
        };
        self.ports.receive(destination, datagram)
    }
}

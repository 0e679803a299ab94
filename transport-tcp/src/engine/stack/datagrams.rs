// SPDX-License-Identifier: MIT OR Apache-2.0
//! UDP (RFC 768): datagrams by port; longer ones than the link takes go and come in fragments of IP.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, SocketAddr},
};

use arrayvec::ArrayVec;
use rtu::Time;
use smallvec::SmallVec;
use transport_apic::{Packet, Payload};

use super::{DatagramId, Stack};
use crate::engine::{
    Endpoints, Malformed, OpenError,
    fragment::{self, Fragment},
    wire::{Checksums, IP_V4_HEADER, Ip, Path, UDP, UDP_HEADER, ports},
};

/// A datagram that has come, where it landed.
#[derive(Clone, Debug)]
pub struct Datagram<P> {
    /// Who sent it.
    pub from: SocketAddr,
    /// To which of the host's addresses.
    pub to: IpAddr,
    /// What it says, in pieces that follow each other; more than a packet has if it came in fragments.
    pub payload: SmallVec<[P; Packet::PIECES]>,
}

/// Why a datagram was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DatagramError {
    /// No datagram is so long.
    #[error("{octets} octets are more than the {most} that a datagram may have")]
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
    /// Datagrams that were cut into fragments.
    cut: u32,
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
            cut: 0,
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

    /// Queues one datagram to `remote`, from the first address of the same kind. It is not copied. One that is longer than the
    /// link takes is cut into fragments of IP, of which each one that is lost costs all, and which some networks do not let
    /// through (RFC 8900).
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
        let most = Self::longest_datagram(remote.is_ipv6());
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
        let packet = path.datagram(payload);
        bound.path = Some(path);
        if packet.len() > self.config.mtu {
            self.queue_fragments(&packet, remote.ip())?;
        } else {
            self.ports.outgoing.push_back(packet);
        }
        if let Some(bound) = self.ports.bound.get_mut(&id.port) {
            bound.counters.sent += 1;
        }
        Ok(())
    }

    fn queue_fragments(&mut self, packet: &Packet<P>, remote: IpAddr) -> Result<(), DatagramError> {
        // Not to be guessed by others (RFC 7739 §5.3), and not the same again for as long as can be.
        let hash = self.numbers.hash_of(&remote);
        let identification = self.ports.cut.wrapping_add((hash >> 32) as u32);
        let (mtu, checksums) = (self.config.mtu, self.config.settings.checksums);
        let outgoing = &mut self.ports.outgoing;
        let before = outgoing.len();
        outgoing.extend(fragment::cut(packet, identification, mtu, checksums));
        if before > 0 && outgoing.len() > self.config.limits.datagrams {
            outgoing.truncate(before);
            return Err(DatagramError::Full);
        }
        self.counters.fragments.sent += (outgoing.len() - before) as u64;
        self.ports.cut = self.ports.cut.wrapping_add(1);
        Ok(())
    }

    /// Returns how many octets one datagram may have, over IPv6 if `v6`. What is no longer than the link's MTU without 28
    /// octets, or 48 over IPv6, goes in one packet.
    #[must_use]
    pub const fn longest_datagram(v6: bool) -> usize {
        // The lengths of both headers have 16 bits, and IPv4's counts itself.
        let ip = if v6 { 0 } else { IP_V4_HEADER };
        65_535 - ip - UDP_HEADER
    }

    /// Takes the next datagram that has come.
    pub fn recv_from(&mut self, id: DatagramId) -> Option<Datagram<P>> {
        let bound = self.ports.bound.get_mut(&id.port)?;
        let datagram = bound.received.pop_front()?;
        let cost = OVERHEAD + datagram.payload.iter().map(Payload::len).sum::<usize>();
        bound.octets = bound.octets.saturating_sub(cost);
        Some(datagram)
    }

    /// Returns whether a datagram waits to be taken.
    pub fn has_datagram(&self, id: DatagramId) -> bool {
        let bound = self.ports.bound.get(&id.port);
        bound.is_some_and(|bound| !bound.received.is_empty())
    }

    /// Returns how often something happened at a port.
    pub fn datagram_counters(&self, id: DatagramId) -> Option<DatagramCounters> {
        self.ports.bound.get(&id.port).map(|bound| bound.counters)
    }

    pub(super) fn receive_udp(&mut self, ip: &Ip, packet: Packet<P>) -> Result<(), Malformed> {
        let headers = packet.headers.as_ref();
        let transport = headers.get(ip.header..).ok_or(Malformed::Length)?;
        if packet.len() != ip.total || told(transport)? != ip.total - ip.header {
            return Err(Malformed::Length);
        }
        let (source, destination) = ports(transport).ok_or(Malformed::Udp)?;
        if self.config.settings.checksums == Checksums::Verify {
            ip.check(&packet)?;
        }
        let datagram = Datagram {
            from: (ip.source, source).into(),
            to: ip.destination,
            payload: packet.payload.into_iter().collect(),
        };
        self.ports.receive(destination, datagram)
    }

    /// Takes a part of a datagram. Segments of TCP are never cut, and messages of ICMP are short.
    pub(super) fn receive_fragment(&mut self, now: Time, packet: Packet<P>) -> Result<(), Malformed> {
        let fragment = Fragment::read(packet.headers.as_ref())?;
        if !self.config.addresses.contains(&fragment.of.destination) {
            return Err(Malformed::Address);
        }
        if fragment.of.protocol != UDP {
            return Err(Malformed::Fragment);
        }
        if packet.len() != fragment.header + fragment.length {
            return Err(Malformed::Length);
        }
        let verify = self.config.settings.checksums == Checksums::Verify;
        if verify {
            fragment.check(packet.headers.as_ref())?;
        }
        let counters = &mut self.counters.fragments;
        self.reassembly.expire(now, counters);
        let Some(whole) = self.reassembly.receive(now, &fragment, packet, counters)? else {
            return Ok(());
        };
        let octets = UDP_HEADER + whole.payload.iter().map(Payload::len).sum::<usize>();
        let ip = Ip {
            source: whole.of.source,
            destination: whole.of.destination,
            protocol: UDP,
            header: 0,
            total: octets,
        };
        if told(&whole.udp)? != octets {
            return Err(Malformed::Length);
        }
        if verify {
            ip.check_transport(&whole.udp, &whole.payload)?;
        }
        let (source, destination) = ports(&whole.udp).ok_or(Malformed::Udp)?;
        let datagram = Datagram {
            from: (ip.source, source).into(),
            to: ip.destination,
            payload: whole.payload,
        };
        self.ports.receive(destination, datagram)
    }
}

/// The length that a header of UDP tells.
fn told(header: &[u8]) -> Result<usize, Malformed> {
    match header {
        [_, _, _, _, high, low, _, _] => Ok(usize::from(u16::from_be_bytes([*high, *low]))),
        _ => Err(Malformed::Udp),
    }
}

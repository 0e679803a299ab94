// SPDX-License-Identifier: MIT OR Apache-2.0
//! A TUN device as a channel.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use bytes::Bytes;

use super::Tun;
use crate::{Carries, Channel, Closed, Counters, Integrity, Interest, Packet, Properties, Refusal};

/// Packets that wait to be published, or for room in the device.
const SLOTS: usize = 64;

/// Packets that make no sense, and are dropped, before somebody else has a turn.
const NONSENSE: usize = 64;

/// A [`Tun`] as a [`Channel`]: a circuit to the machine, which takes packets further by its own routes.
///
/// All flows of a host are on it, since nobody but the host itself can tell them apart. It carries IP packets and nothing else,
/// as its [`Properties`] say, and as any network it may lose them; whoever is on the other side does not learn when it is
/// closed. Who sleeps waits for its descriptor to be readable, and writable too while it [is backed up](Self::is_backed_up).
#[derive(Debug)]
pub struct Circuit {
    /// Or why there is none any more.
    tun: Result<Tun, Closed>,
    mtu: usize,
    /// In order; those that were published come first.
    outbound: VecDeque<Packet<Bytes>>,
    published: usize,
    /// What was there when somebody asked to be told of it.
    inbound: Option<Bytes>,
    counters: Counters,
}

impl Circuit {
    /// Makes a channel of a device.
    #[must_use]
    pub fn new(tun: Tun) -> Self {
        Self {
            mtu: tun.mtu().into(),
            tun: Ok(tun),
            outbound: VecDeque::with_capacity(SLOTS),
            published: 0,
            inbound: None,
            counters: Counters::default(),
        }
    }

    /// Returns the device's descriptor, which is readable when a packet waits; none once the channel was closed.
    pub fn device(&self) -> Option<BorrowedFd<'_>> {
        self.tun.as_ref().ok().map(AsFd::as_fd)
    }

    /// Returns whether something that was published waits for room in the device: once its descriptor is writable,
    /// [`publish`](Channel::publish) goes on.
    pub fn is_backed_up(&self) -> bool {
        self.published > 0
    }

    /// Hands what is published to the device, as far as it has room.
    fn flush(&mut self) {
        while self.published > 0 {
            let (Ok(tun), Some(packet)) = (&self.tun, self.outbound.front()) else {
                return;
            };
            match tun.transmit(packet) {
                Ok(false) => return,
                Ok(true) => {}
                Err(error) => self.lose(&error),
            }
            self.published -= 1;
            self.outbound.pop_front();
        }
    }

    /// The interface is down, or a rule of the machine's forbids the packet: as good as lost on the way.
    fn lose(&mut self, error: &io::Error) {
        tracing::debug!(%error, "a packet is lost");
        self.counters.lost += 1;
    }

    /// Takes the next packet in one piece.
    fn next(&mut self) -> Result<Option<Bytes>, Closed> {
        if let Some(next) = self.inbound.take() {
            return Ok(Some(next));
        }
        let tun = self.tun.as_mut().map_err(|closed| *closed)?;
        let next = tun.receive();
        next.map_err(|error| {
            tracing::debug!(%error, "the device is gone");
            self.end(Closed::DeviceGone)
        })
    }

    fn end(&mut self, why: Closed) -> Closed {
        self.outbound.clear();
        self.published = 0;
        self.inbound = None;
        self.tun = Err(why);
        why
    }

    fn check(&self, packet: &Packet<Bytes>) -> Result<(), Refusal> {
        if packet.len() > self.mtu {
            return Err(Refusal::TooLong);
        }
        let pieces = packet.payload.iter().map(AsRef::as_ref);
        let mut octets = [packet.headers.as_ref()].into_iter().chain(pieces).flatten();
        match octets.next().map(|first| first >> 4) {
            Some(4 | 6) => Ok(()),
            _ => Err(Refusal::NotIp),
        }
    }
}

impl Channel for Circuit {
    type Payload = Bytes;

    fn properties(&self) -> Properties {
        Properties {
            mtu: self.mtu,
            reliable: false,
            carries: Carries::Ip,
            tells_end: false,
            integrity: Integrity::Copied,
            holds: usize::MAX,
        }
    }

    fn place(&mut self, bytes: &[u8]) -> Option<Bytes> {
        (bytes.len() <= self.mtu).then(|| Bytes::copy_from_slice(bytes))
    }

    fn has_slot(&mut self) -> bool {
        if self.outbound.len() >= SLOTS {
            self.flush();
        }
        self.outbound.len() < SLOTS
    }

    fn transmit(&mut self, packet: &Packet<Bytes>, _now: Duration) -> Result<(), Refusal> {
        if let Err(closed) = &self.tun {
            return Err((*closed).into());
        }
        self.check(packet).inspect_err(|refusal| match refusal {
            Refusal::TooLong => self.counters.refused_too_long += 1,
            _ => self.counters.refused_not_ip += 1,
        })?;
        if !self.has_slot() {
            self.counters.refused_full += 1;
            return Err(Refusal::Full);
        }
        self.counters.transmitted += 1;
        self.counters.transmitted_bytes += packet.len() as u64;
        self.counters.copied_bytes += packet.payload_len() as u64;
        self.outbound.push_back(packet.clone());
        Ok(())
    }

    fn publish(&mut self) {
        self.published = self.outbound.len();
        self.flush();
    }

    fn receive_into(&mut self, packet: &mut Packet<Bytes>, _now: Duration) -> Result<bool, Closed> {
        packet.clear();
        for _ in 0..NONSENSE {
            let Some(whole) = self.next()? else {
                return Ok(false);
            };
            if let Some(split) = Packet::split(&whole) {
                *packet = split;
                self.counters.received += 1;
                self.counters.received_bytes += packet.len() as u64;
                self.counters.copied_bytes += packet.payload_len() as u64;
                return Ok(true);
            }
            self.counters.discarded_malformed += 1;
        }
        Ok(false)
    }

    fn arm(&mut self, interest: Interest) -> bool {
        if interest == Interest::PacketsAndRoom && self.has_slot() {
            return false;
        }
        match self.next() {
            Ok(next) => {
                self.inbound = next;
                self.inbound.is_none()
            }
            Err(_) => false,
        }
    }

    fn disarm(&mut self) {}

    fn counters(&self) -> Counters {
        self.counters
    }

    fn close(&mut self) {
        if self.tun.is_ok() {
            self.end(Closed::Here);
        }
    }
}

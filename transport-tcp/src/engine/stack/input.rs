// SPDX-License-Identifier: MIT OR Apache-2.0
//! What comes from the link, and whom it is for.

use rtu::Time;
use transport_apic::{Packet, Payload};

use super::{Stack, cookies, icmp, listener::Admission};
use crate::engine::{
    Checksums, Connection, Endpoints, Malformed, State,
    connection::input,
    segment::{Flags, Segment},
    wire::{ICMP, ICMPV6, Ip, Path, TCP, UDP},
};

impl<P: Payload> Stack<P> {
    /// Takes one IP packet; one in one piece is to be [split](Packet::split) before.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if it is dropped for what it is; it is counted as well.
    pub fn receive(&mut self, now: Time, packet: Packet<P>) -> Result<(), Malformed> {
        self.counters.received += 1;
        let result = self.receive_ip(now, packet);
        match result {
            Ok(()) => {}
            Err(Malformed::Address) => self.counters.elsewhere += 1,
            Err(_) => self.counters.malformed += 1,
        }
        result
    }

    fn receive_ip(&mut self, now: Time, packet: Packet<P>) -> Result<(), Malformed> {
        let ip = match Ip::read(packet.headers.as_ref()) {
            Err(Malformed::Fragment) => return self.receive_fragment(now, packet),
            ip => ip?,
        };
        if !self.config.addresses.contains(&ip.destination) {
            return Err(Malformed::Address);
        }
        match ip.protocol {
            TCP => self.receive_tcp(now, &ip, packet),
            UDP => self.receive_udp(&ip, packet),
            ICMP | ICMPV6 => self.receive_icmp(&ip, &packet),
            _ => Err(Malformed::Protocol),
        }
    }

    fn receive_tcp(&mut self, now: Time, ip: &Ip, mut packet: Packet<P>) -> Result<(), Malformed> {
        let segment = input::read(&packet, ip, self.config.settings.checksums)?;
        let transport = packet.headers.as_ref().get(ip.header..);
        let endpoints = transport
            .and_then(|transport| ip.endpoints(transport))
            .ok_or(Malformed::Tcp)?;
        if let Some(slot) = self.table.find(&endpoints) {
            if !self.is_reuse(slot, &segment) {
                if let Some(connection) = self.table.at_mut(slot) {
                    connection.on_segment(now, &segment, packet.payload.drain(..));
                }
                self.table.touch(slot);
                return Ok(());
            }
            self.table.remove(slot);
        }
        if !is_peer(&endpoints) {
            // Nobody is there, or too many are: RFC 9293 §3.9.2.3.
            return Err(Malformed::Address);
        }
        self.receive_first(now, endpoints, &segment, packet.payload);
        Ok(())
    }

    /// Whether a SYN may take the place of a connection in TIME-WAIT: RFC 6191 §2, RFC 9293 §3.6.1.
    fn is_reuse(&mut self, slot: u32, segment: &Segment) -> bool {
        let listens = self.table.at_mut(slot).is_some_and(|connection| {
            connection.state() == State::TimeWait && connection.is_succeeded_by(segment)
        });
        listens && segment.flags.has(Flags::SYN) && !segment.flags.has(Flags::ACK | Flags::RST)
    }

    /// Takes what is said about a segment of ours, if it is about one that is on its way (RFC 5927 §4.1).
    fn receive_icmp(&mut self, ip: &Ip, packet: &Packet<P>) -> Result<(), Malformed> {
        if self.config.settings.checksums == Checksums::Verify {
            ip.check(packet)?;
        }
        if let Some((endpoints, seq, trouble)) = icmp::read(ip, packet)
            && let Some(slot) = self.table.find(&endpoints)
        {
            if let Some(connection) = self.table.at_mut(slot) {
                connection.on_trouble(seq, trouble);
            }
            self.table.touch(slot);
        }
        Ok(())
    }

    /// Takes a segment of no connection.
    fn receive_first(
        &mut self,
        now: Time,
        endpoints: Endpoints,
        segment: &Segment,
        pieces: impl IntoIterator<Item = P>,
    ) {
        let port = endpoints.local.port();
        if !segment.flags.has(Flags::SYN) || segment.flags.has(Flags::ACK | Flags::RST) {
            if !self.take_cookie(now, endpoints, segment, pieces) {
                self.refuse(endpoints, segment);
            }
            return;
        }
        match self.listeners.admit(port) {
            Admission::Welcome => {
                let isn = self.numbers.isn(now, &endpoints);
                let mut connection = self.passive(now, endpoints, isn);
                connection.on_segment(now, segment, None);
                self.admit(connection, port);
            }
            Admission::Crowded => self.give_cookie(now, endpoints, segment),
            Admission::Full => self.counters.refused += 1,
            Admission::None => self.refuse(endpoints, segment),
        }
    }

    fn passive(&self, now: Time, endpoints: Endpoints, isn: u32) -> Connection<P> {
        let settings = self.listeners.settings(endpoints.local.port());
        let settings = settings.unwrap_or(self.config.settings);
        Connection::listen(now, endpoints, isn, self.config.mtu, settings)
    }

    fn admit(&mut self, connection: Connection<P>, port: u16) {
        match self.table.insert_opening(connection, port) {
            Some(id) => {
                self.listeners.began(port);
                self.table.touch(id.slot);
            }
            None => self.counters.refused += 1,
        }
    }

    /// Answers a SYN, and forgets it.
    fn give_cookie(&mut self, now: Time, endpoints: Endpoints, segment: &Segment) {
        if self.replies.len() >= self.config.limits.replies {
            return;
        }
        let mss = segment.mss.unwrap_or(0);
        let isn = cookies::make(&self.numbers, now, &endpoints, segment.seq, mss);
        let mut connection = self.passive(now, endpoints, isn);
        connection.on_segment(now, segment, None);
        connection.tell_options(now);
        self.replies.extend(connection.transmit(now));
        self.listeners.gave_cookie(now, endpoints.local.port());
        self.counters.cookies += 1;
    }

    /// Opens the connection that a cookie tells of. False if there is none.
    fn take_cookie(
        &mut self,
        now: Time,
        endpoints: Endpoints,
        segment: &Segment,
        pieces: impl IntoIterator<Item = P>,
    ) -> bool {
        let port = endpoints.local.port();
        if segment.flags.has(Flags::RST | Flags::SYN) || !segment.flags.has(Flags::ACK) {
            return false;
        }
        if !self.listeners.gave_cookies(now, port) {
            return false;
        }
        let (isn, irs) = (segment.ack - 1, segment.seq - 1);
        let Some(mss) = cookies::check(&self.numbers, now, &endpoints, irs, isn.0) else {
            return false;
        };
        if self.listeners.admit(port) == Admission::Full {
            // The peer sends again what it has to say, and may find room then.
            self.counters.refused += 1;
            return true;
        }
        let mut connection = self.passive(now, endpoints, isn.0);
        connection.resume(now, mss, segment, pieces);
        self.admit(connection, port);
        true
    }

    /// Answers a segment of no connection with a reset.
    fn refuse(&mut self, endpoints: Endpoints, segment: &Segment) {
        if let Some(reset) = input::reset(segment)
            && self.replies.len() < self.config.limits.replies
        {
            self.counters.resets += 1;
            let path = Path::new(endpoints, TCP, self.config.settings.checksums);
            let mut packet = Packet::default();
            path.write(&reset, &mut packet);
            self.replies.push_back(packet);
        }
    }
}

/// Whether one can talk to the remote endpoint at all.
fn is_peer(endpoints: &Endpoints) -> bool {
    let ip = endpoints.remote.ip();
    let broadcast = matches!(ip, std::net::IpAddr::V4(ip) if ip.is_broadcast());
    !ip.is_multicast() && !ip.is_unspecified() && !broadcast && endpoints.remote.port() != 0
}

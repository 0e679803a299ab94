// SPDX-License-Identifier: MIT OR Apache-2.0
//! What comes from the link, and whom it is for.

use arrayvec::ArrayVec;
use rtu::Time;
use transport_apic::{Packet, Payload};

use super::{Stack, listener::Admission};
use crate::engine::{
    Connection, Endpoints, Malformed, State,
    connection::input,
    segment::{Flags, Segment},
    wire::{Ip, Path, TCP},
};

impl<P: Payload> Stack<P> {
    /// Takes one IP packet; a whole one is cut by [`split`](crate::engine::split).
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
        let ip = Ip::read(packet.headers.as_ref())?;
        if !self.config.addresses.contains(&ip.destination) {
            return Err(Malformed::Address);
        }
        match ip.protocol {
            TCP => self.receive_tcp(now, &ip, packet),
            _ => Err(Malformed::Protocol),
        }
    }

    fn receive_tcp(&mut self, now: Time, ip: &Ip, packet: Packet<P>) -> Result<(), Malformed> {
        let (endpoints, segment) = input::read(&packet, ip, self.config.settings.checksums)?;
        if let Some(slot) = self.table.find(&endpoints) {
            if !self.is_reuse(slot, &segment) {
                if let Some(connection) = self.table.at_mut(slot) {
                    connection.on_segment(now, &segment, packet.payload);
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
        self.receive_first(now, endpoints, &segment);
        Ok(())
    }

    /// Whether a SYN may take the place of a connection in TIME-WAIT: RFC 6191 §2, RFC 9293 §3.6.1.
    fn is_reuse(&mut self, slot: u32, segment: &Segment) -> bool {
        let listens = self.table.at_mut(slot).is_some_and(|connection| {
            connection.state() == State::TimeWait && connection.is_succeeded_by(segment)
        });
        listens && segment.flags.has(Flags::SYN) && !segment.flags.has(Flags::ACK | Flags::RST)
    }

    /// Takes a segment of no connection.
    fn receive_first(&mut self, now: Time, endpoints: Endpoints, segment: &Segment) {
        let port = endpoints.local.port();
        let begins = segment.flags.has(Flags::SYN) && !segment.flags.has(Flags::ACK | Flags::RST);
        let admission = self.listeners.admit(port);
        match admission {
            Admission::Welcome if begins => {
                let isn = self.numbers.isn(now, &endpoints);
                let mut connection =
                    Connection::listen(now, endpoints, isn, self.config.mtu, self.config.settings);
                connection.on_segment(now, segment, None);
                match self.table.insert_opening(connection, port) {
                    Some(id) => {
                        self.listeners.began(port);
                        self.table.touch(id.slot);
                    }
                    None => self.counters.refused += 1,
                }
            }
            Admission::Crowded | Admission::Full if begins => self.counters.refused += 1,
            _ => self.refuse(endpoints, segment),
        }
    }

    /// Answers a segment of no connection with a reset.
    fn refuse(&mut self, endpoints: Endpoints, segment: &Segment) {
        if let Some(reset) = input::reset(segment)
            && self.replies.len() < self.config.limits.replies
        {
            self.counters.resets += 1;
            let path = Path::new(endpoints, TCP, self.config.settings.checksums);
            self.replies.push_back(path.packet(&reset, ArrayVec::new()));
        }
    }
}

/// Whether one can talk to the remote endpoint at all.
fn is_peer(endpoints: &Endpoints) -> bool {
    let ip = endpoints.remote.ip();
    let broadcast = matches!(ip, std::net::IpAddr::V4(ip) if ip.is_broadcast());
    !ip.is_multicast() && !ip.is_unspecified() && !broadcast && endpoints.remote.port() != 0
}

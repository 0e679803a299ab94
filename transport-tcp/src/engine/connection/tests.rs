// SPDX-License-Identifier: MIT OR Apache-2.0
//! A connection against a peer that is played segment by segment, in virtual time.

mod reliable;
mod rules;
mod states;
mod timing;

use bytes::Bytes;
use rtu::{Nanos, Time};

use super::*;
use crate::engine::segment::Timestamps;

pub(super) const MS: fn(u64) -> Nanos = Nanos::from_millis;

/// Our initial sequence number, and the peer's: both near the wrap.
pub(super) const ISS: u32 = u32::MAX - 10;
pub(super) const IRS: u32 = u32::MAX - 20;

pub(super) const FIN: Flags = Flags::FIN;
pub(super) const SYN: Flags = Flags::SYN;
pub(super) const RST: Flags = Flags::RST;
pub(super) const ACK: Flags = Flags::ACK;

/// A connection, and what is needed to play its peer.
pub(super) struct Play {
    pub(super) now: Time,
    pub(super) tcp: Connection<Bytes>,
    /// The peer's window, and the timestamp that it sends.
    pub(super) window: u16,
    pub(super) timestamps: Option<Timestamps>,
    pub(super) sack: bool,
    pub(super) mss: Option<u16>,
}

/// What the connection sent: numbers count from the SYN of each side, so the first octet is 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) flags: Flags,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) octets: usize,
}

pub(super) fn seen(flags: Flags, seq: u32, ack: u32, octets: usize) -> Seen {
    Seen {
        flags,
        seq,
        ack,
        octets,
    }
}

pub(super) fn quiet() -> Settings {
    Settings {
        timestamps: false,
        window_scaling: false,
        delayed_ack: Nanos::ZERO,
        congestion: crate::engine::CongestionControl::NewReno,
        ..Settings::default()
    }
}

impl Play {
    fn endpoints() -> Endpoints {
        Endpoints {
            local: ([192, 0, 2, 1], 1000).into(),
            remote: ([192, 0, 2, 2], 2000).into(),
        }
    }

    fn of(tcp: Connection<Bytes>) -> Self {
        Self {
            now: Time(1_000_000_000),
            tcp,
            window: 60_000,
            timestamps: None,
            sack: true,
            mss: Some(1460),
        }
    }

    pub(super) fn listening(settings: Settings) -> Self {
        let start = Time(1_000_000_000);
        Self::of(Connection::listen(start, Self::endpoints(), ISS, 1500, settings))
    }

    pub(super) fn connecting(settings: Settings) -> Self {
        let start = Time(1_000_000_000);
        Self::of(Connection::connect(start, Self::endpoints(), ISS, 1500, settings))
    }

    /// An open connection, which the peer opened.
    pub(super) fn open(settings: Settings) -> Self {
        Self::opened(Self::listening(settings))
    }

    pub(super) fn opened(mut self) -> Self {
        self.arrives(SYN, 0, 0, b"");
        self.sent();
        self.arrives(ACK, 1, 1, b"");
        self.sent();
        assert_eq!(self.tcp.state(), State::Established);
        self.tcp.take_events();
        self
    }

    pub(super) fn segment(&self, flags: Flags, seq: u32, ack: u32, data: &'static [u8]) -> Segment {
        let syn = flags.has(SYN);
        Segment {
            seq: Seq(IRS) + seq,
            ack: if flags.has(ACK) { Seq(ISS) + ack } else { Seq(0) },
            flags,
            window: self.window,
            timestamps: self.timestamps,
            mss: self.mss.filter(|_| syn),
            sack_permitted: syn && self.sack,
            payload: u32::try_from(data.len()).expect("short"),
            ..Segment::default()
        }
    }

    /// A segment comes from the peer; numbers count from the SYN of each side.
    pub(super) fn arrives(&mut self, flags: Flags, seq: u32, ack: u32, data: &'static [u8]) {
        let segment = self.segment(flags, seq, ack, data);
        let piece = Some(Bytes::from_static(data)).filter(|data| !data.is_empty());
        self.tcp.on_segment(self.now, &segment, piece);
    }

    /// The peer has everything up to `ack`, and says that it has `blocks` as well.
    pub(super) fn sacks(&mut self, ack: u32, blocks: &[(u32, u32)]) {
        let mut segment = self.segment(ACK, 1, ack, b"");
        segment.sack = blocks
            .iter()
            .map(|(start, end)| crate::engine::segment::Block {
                start: Seq(ISS) + *start,
                end: Seq(ISS) + *end,
            })
            .collect();
        self.tcp.on_segment(self.now, &segment, None);
    }

    /// What the connection sends now, with all that the header says.
    pub(super) fn segments(&mut self) -> Vec<Segment> {
        let now = self.now;
        std::iter::from_fn(|| self.tcp.transmit(now))
            .map(|packet| {
                let ip = crate::engine::wire::Ip::read(packet.headers.as_ref()).expect("an IP header");
                ip.check(&packet).expect("the sums are right");
                let segment = input::read(&packet, &ip, crate::engine::Checksums::Verify);
                let endpoints = ip
                    .endpoints(&packet.headers.as_ref()[ip.header..])
                    .expect("ports");
                assert_eq!(endpoints.local, Self::endpoints().remote);
                segment.expect("a segment")
            })
            .collect()
    }

    /// The same, without what most tests do not look at.
    pub(super) fn sent(&mut self) -> Vec<Seen> {
        let segments = self.segments();
        let seen = segments.iter().map(|segment| Seen {
            flags: segment.flags,
            seq: segment.seq - Seq(ISS),
            ack: if segment.flags.has(ACK) {
                segment.ack - Seq(IRS)
            } else {
                0
            },
            octets: segment.payload as usize,
        });
        seen.collect()
    }

    pub(super) fn send(&mut self, length: usize) {
        let piece = Bytes::from(vec![7; length]);
        self.tcp.send(piece).expect("there is room");
    }

    /// Lets time pass, until the connection sends something, and returns that and how long it took.
    pub(super) fn until_sent(&mut self) -> (Nanos, Vec<Seen>) {
        let start = self.now;
        for _ in 0..100 {
            let sent = self.sent();
            if !sent.is_empty() {
                return (self.now - start, sent);
            }
            match self.tcp.deadline() {
                Some(at) => self.now = self.now.max(at),
                None => break,
            }
        }
        (self.now - start, Vec::new())
    }

    pub(super) fn received(&mut self) -> Vec<u8> {
        std::iter::from_fn(|| self.tcp.recv()).flatten().collect()
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What routers and peers say about packets of ours (RFC 792, 4443, 1191, 8201), and how far it is believed (RFC 5927).

use arrayvec::ArrayVec;
use etherparse::{
    Icmpv4Slice, Icmpv4Type, Icmpv6Slice, Icmpv6Type, icmpv4::DestUnreachableHeader as V4,
    icmpv6::DestUnreachableCode as V6,
};
use transport_apic::{Packet, Payload};

use crate::engine::{
    Endpoints,
    sequence::Seq,
    wire::{self, ICMP, ICMPV6, Ip, TCP},
};

/// What is wrong with the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Packets may have so many octets at most.
    TooBig(usize),
    /// Nobody is there, and will not be.
    Hard,
    /// There is no way now.
    Soft,
}

/// The octets of a message that matter: its header, and of the packet that it is about the IP header and ports.
const LONGEST: usize = 128;

/// Reads a message about a TCP segment of ours: who talked to whom, with which sequence number, and what is wrong.
pub(super) fn read<P: Payload>(ip: &Ip, packet: &Packet<P>) -> Option<(Endpoints, Seq, Trouble)> {
    let mut bytes: ArrayVec<u8, LONGEST> = ArrayVec::new();
    let header = packet.headers.as_ref().get(ip.header..)?;
    let pieces = packet.payload.iter().map(AsRef::as_ref);
    for piece in [header].into_iter().chain(pieces) {
        bytes.extend(piece.iter().copied().take(bytes.remaining_capacity()));
    }
    let (trouble, quoted) = match ip.protocol {
        ICMP => {
            let message = Icmpv4Slice::from_slice(&bytes).ok()?;
            let Icmpv4Type::DestinationUnreachable(code) = message.icmp_type() else {
                return None;
            };
            (unreachable_v4(&code), message.payload())
        }
        ICMPV6 => {
            let message = Icmpv6Slice::from_slice(&bytes).ok()?;
            (trouble_v6(&message.icmp_type())?, message.payload())
        }
        _ => return None,
    };
    let (endpoints, seq) = segment(quoted)?;
    Some((endpoints, seq, trouble))
}

fn unreachable_v4(code: &V4) -> Trouble {
    match code {
        V4::FragmentationNeeded { next_hop_mtu } => Trouble::TooBig(usize::from(*next_hop_mtu)),
        V4::Protocol | V4::Port => Trouble::Hard,
        _ => Trouble::Soft,
    }
}

fn trouble_v6(message: &Icmpv6Type) -> Option<Trouble> {
    match message {
        Icmpv6Type::PacketTooBig { mtu } => Some(Trouble::TooBig(usize::try_from(*mtu).ok()?)),
        Icmpv6Type::DestinationUnreachable(V6::Port) => Some(Trouble::Hard),
        Icmpv6Type::DestinationUnreachable(_) => Some(Trouble::Soft),
        _ => None,
    }
}

/// Reads the beginning of a segment that we sent.
fn segment(quoted: &[u8]) -> Option<(Endpoints, Seq)> {
    let ip = Ip::read(quoted).ok().filter(|ip| ip.protocol == TCP)?;
    let transport = quoted.get(ip.header..)?;
    let (source, destination) = wire::ports(transport)?;
    let seq = transport.get(4..8)?.try_into().ok()?;
    let endpoints = Endpoints {
        local: (ip.source, source).into(),
        remote: (ip.destination, destination).into(),
    };
    Some((endpoints, Seq(u32::from_be_bytes(seq))))
}

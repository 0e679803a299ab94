// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fragments of IP as they travel: RFC 791 §3.2, RFC 8200 §4.5.

use std::net::IpAddr;

use etherparse::{IpNumber, Ipv4HeaderSlice, Ipv6HeaderSlice};
use transport_apic::{Headers, Packet, Payload};

use super::{
    Malformed,
    checksum::Checksum,
    wire::{Checksums, IP_V4_HEADER, IP_V6_HEADER},
};

/// The octets of IPv6's header of a fragment.
const FRAGMENT_HEADER: usize = 8;
/// Offsets count these.
const UNIT: usize = 8;
/// Longer than any packet put together.
const LONGEST: usize = 65_535;

/// What the headers of a fragment say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment {
    /// Whose packet it is a part of.
    pub(crate) of: Whole,
    /// Octets of IP's headers, that of the fragment included.
    pub(crate) header: usize,
    /// Where its data begin in those of the packet, in octets.
    pub(crate) offset: usize,
    /// Octets of data.
    pub(crate) length: usize,
    /// Whether there are data behind it.
    pub(crate) more: bool,
}

/// What the fragments of one packet have in common (RFC 791 §3.2, RFC 8200 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: u8,
    pub(crate) identification: u32,
}

impl Fragment {
    /// Reads the headers that `bytes` begin with.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if they are not those of a fragment that can be a part of a packet.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let fragment = match bytes.first().map(|first| first >> 4) {
            Some(4) => Self::read_v4(bytes)?,
            Some(6) => Self::read_v6(bytes)?,
            _ => return Err(Malformed::Ip),
        };
        let aligned = !fragment.more || fragment.length.is_multiple_of(UNIT);
        let fits = fragment.offset + fragment.length <= LONGEST;
        (fragment.length > 0 && aligned && fits)
            .then_some(fragment)
            .ok_or(Malformed::Fragment)
    }

    fn read_v4(bytes: &[u8]) -> Result<Self, Malformed> {
        let ip = Ipv4HeaderSlice::from_slice(bytes).map_err(|_| Malformed::Ip)?;
        let header = ip.slice().len();
        Ok(Self {
            of: Whole {
                source: ip.source_addr().into(),
                destination: ip.destination_addr().into(),
                protocol: ip.protocol().0,
                identification: ip.identification().into(),
            },
            header,
            offset: usize::from(ip.fragments_offset().value()) * UNIT,
            length: usize::from(ip.total_len())
                .checked_sub(header)
                .ok_or(Malformed::Length)?,
            more: ip.more_fragments(),
        })
    }

    fn read_v6(bytes: &[u8]) -> Result<Self, Malformed> {
        let ip = Ipv6HeaderSlice::from_slice(bytes).map_err(|_| Malformed::Ip)?;
        let extension = bytes.get(IP_V6_HEADER..).and_then(<[u8]>::first_chunk);
        let Some([protocol, _, o0, o1, i0, i1, i2, i3]) =
            extension.filter(|_| ip.next_header() == IpNumber::IPV6_FRAGMENTATION_HEADER)
        else {
            return Err(Malformed::Fragment);
        };
        let place = u16::from_be_bytes([*o0, *o1]);
        Ok(Self {
            of: Whole {
                source: ip.source_addr().into(),
                destination: ip.destination_addr().into(),
                protocol: *protocol,
                identification: u32::from_be_bytes([*i0, *i1, *i2, *i3]),
            },
            header: IP_V6_HEADER + FRAGMENT_HEADER,
            offset: usize::from(place & !7),
            length: usize::from(ip.payload_length())
                .checked_sub(FRAGMENT_HEADER)
                .ok_or(Malformed::Length)?,
            more: place & 1 != 0,
        })
    }

    /// Checks what IPv4's header sums up; `bytes` begin with it.
    pub(crate) fn check(&self, bytes: &[u8]) -> Result<(), Malformed> {
        let mut sum = Checksum::default();
        sum.add(bytes.get(..self.header).ok_or(Malformed::Length)?);
        let whole = self.of.source.is_ipv6() || sum.is_whole();
        whole.then_some(()).ok_or(Malformed::Checksum)
    }
}

/// Cuts a datagram, whole but longer than `mtu`, into fragments of at most so many octets. Routers may cut those over IPv4
/// again.
pub(crate) fn cut<P: Payload>(
    whole: &Packet<P>,
    identification: u32,
    mtu: usize,
    checksums: Checksums,
) -> impl Iterator<Item = Packet<P>> {
    let v4 = whole
        .headers
        .as_ref()
        .first()
        .is_some_and(|first| first >> 4 == 4);
    let ip = if v4 { IP_V4_HEADER } else { IP_V6_HEADER };
    let header = if v4 { ip } else { ip + FRAGMENT_HEADER };
    let most = mtu.saturating_sub(header).max(UNIT) / UNIT * UNIT;
    let (ip, udp) = whole.headers.as_ref().split_at(ip);
    let length = udp.len() + whole.payload_len();
    let mut rest = Rest {
        pieces: &whole.payload,
        at: 0,
    };
    (0..length.div_ceil(most)).map(move |number| {
        let offset = number * most;
        let count = most.min(length - offset);
        let more = offset + count < length;
        let mut packet = Packet::default();
        let field = place(offset, more);
        let written = if v4 {
            packet
                .headers
                .append(&head_v4(ip, identification, field, count, checksums))
        } else {
            head_v6(&mut packet.headers, ip, identification, field, count)
        };
        debug_assert!(written.is_ok(), "IP and UDP are short");
        let mut count = count;
        if offset == 0 {
            let written = packet.headers.append(udp);
            debug_assert!(written.is_ok(), "IP and UDP are short");
            count -= udp.len();
        }
        rest.take(count, &mut packet);
        packet
    })
}

/// The field that says where a fragment belongs, as IPv6 has it: the offset in its upper 13 bits.
fn place(offset: usize, more: bool) -> u16 {
    u16::try_from(offset).unwrap_or(u16::MAX) & !7 | u16::from(more)
}

fn head_v4(
    ip: &[u8],
    identification: u32,
    place: u16,
    count: usize,
    checksums: Checksums,
) -> [u8; IP_V4_HEADER] {
    let mut head = [0; IP_V4_HEADER];
    head.iter_mut().zip(ip).for_each(|(to, from)| *to = *from);
    let total = u16::try_from(IP_V4_HEADER + count).unwrap_or(u16::MAX);
    // The field has as many bits as the packets of one sender and protocol may need (RFC 6864 §4.2).
    let identification = (identification & 0xffff) as u16;
    // May be cut, and "more" stands in front of the offset.
    let place = place >> 3 | (place & 1) << 13;
    let fields = [total, identification, place].map(u16::to_be_bytes);
    head.iter_mut()
        .skip(2)
        .zip(fields.as_flattened())
        .for_each(|(to, from)| *to = *from);
    if let Some(field) = head.get_mut(10..12) {
        field.fill(0);
    }
    if checksums == Checksums::Verify {
        let mut sum = Checksum::default();
        sum.add(&head);
        if let Some(field) = head.get_mut(10..12) {
            field.copy_from_slice(&sum.finish());
        }
    }
    head
}

fn head_v6(
    headers: &mut Headers,
    ip: &[u8],
    identification: u32,
    place: u16,
    count: usize,
) -> Result<(), transport_apic::TooLong> {
    let next = ip.get(6).copied().unwrap_or_default();
    headers.append(ip)?;
    let length = u16::try_from(FRAGMENT_HEADER + count).unwrap_or(u16::MAX);
    if let Some([l0, l1, protocol]) = headers
        .as_mut()
        .get_mut(4..7)
        .and_then(|field| <&mut [u8; 3]>::try_from(field).ok())
    {
        [*l0, *l1] = length.to_be_bytes();
        *protocol = IpNumber::IPV6_FRAGMENTATION_HEADER.0;
    }
    let [p0, p1] = place.to_be_bytes();
    let [i0, i1, i2, i3] = identification.to_be_bytes();
    headers.append(&[next, 0, p0, p1, i0, i1, i2, i3])
}

/// What of a payload is not in a fragment yet.
struct Rest<'a, P> {
    pieces: &'a [P],
    /// How much of the first piece is.
    at: usize,
}

impl<P: Payload> Rest<'_, P> {
    fn take(&mut self, mut count: usize, packet: &mut Packet<P>) {
        while let Some((piece, later)) = self.pieces.split_first().filter(|_| count > 0) {
            let end = piece.len().min(self.at + count);
            if end > self.at {
                packet.payload.push(piece.slice(self.at..end));
            }
            count -= end - self.at;
            if end == piece.len() {
                (self.pieces, self.at) = (later, 0);
            } else {
                self.at = end;
            }
        }
    }
}

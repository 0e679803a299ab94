// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the headers of an IP packet end, and its payload begins.

use arrayvec::ArrayVec;

use super::{Headers, Packet, Payload};

const TCP: u8 = 6;
const UDP: u8 = 17;
/// The extension header of IPv6 that makes a packet a fragment.
const FRAGMENT: u8 = 44;

const IP_V4_HEADER: usize = 20;
const IP_V6_HEADER: usize = 40;
const FRAGMENT_HEADER: usize = 8;
const UDP_HEADER: usize = 8;

impl<P: Payload> Packet<P> {
    /// Splits `whole`, an IP packet in one piece, into headers and payload. Headers are those of IP and of TCP or UDP; of other
    /// protocols, and of a fragment that is not the first one of a datagram, they are those of IP alone. What follows the
    /// packet's own length is left out. `None` if it is no IP packet, or not all of one.
    ///
    /// Nothing else is looked at: whether the headers are right is for those to say who read them.
    pub fn split(whole: &P) -> Option<Self> {
        let bytes = whole.as_ref();
        let ip = Ip::read(bytes)?;
        let transport = bytes.get(ip.header..ip.total)?;
        let more = match ip.transport {
            Some(TCP) => usize::from(transport.get(12).copied().unwrap_or_default() >> 4) * 4,
            Some(UDP) => UDP_HEADER,
            _ => 0,
        };
        let cut = ip.header + more.min(transport.len());
        let mut headers = Headers::new();
        headers.append(bytes.get(..cut)?).ok()?;
        let mut payload = ArrayVec::new();
        if cut < ip.total {
            payload.push(whole.slice(cut..ip.total));
        }
        Some(Self { headers, payload })
    }
}

/// What an IP header says of lengths.
struct Ip {
    /// Octets of this header.
    header: usize,
    /// Octets of the whole packet.
    total: usize,
    /// The protocol whose header follows, if one does.
    transport: Option<u8>,
}

impl Ip {
    fn read(bytes: &[u8]) -> Option<Self> {
        match bytes.first()? >> 4 {
            4 => Self::read_v4(bytes.first_chunk()?),
            6 => Self::read_v6(bytes),
            _ => None,
        }
    }

    /// RFC 791 §3.1.
    fn read_v4(header: &[u8; IP_V4_HEADER]) -> Option<Self> {
        let [first, _, l0, l1, _, _, f0, f1, _, protocol, ..] = *header;
        let header = usize::from(first & 0x0f) * 4;
        let place = u16::from_be_bytes([f0, f1]);
        let (more, offset) = (place & 0x2000 != 0, place & 0x1fff);
        (header >= IP_V4_HEADER).then_some(Self {
            header,
            total: u16::from_be_bytes([l0, l1]).into(),
            transport: transport(protocol, more || offset > 0, offset.into()),
        })
    }

    /// RFC 8200 §3, §4.5.
    fn read_v6(bytes: &[u8]) -> Option<Self> {
        let (header, rest) = bytes.split_first_chunk::<IP_V6_HEADER>()?;
        let [_, _, _, _, l0, l1, next, ..] = *header;
        let total = IP_V6_HEADER + usize::from(u16::from_be_bytes([l0, l1]));
        if next != FRAGMENT {
            let transport = Some(next);
            return Some(Self {
                header: IP_V6_HEADER,
                total,
                transport,
            });
        }
        let [protocol, _, o0, o1, ..] = *rest.first_chunk::<FRAGMENT_HEADER>()?;
        let offset = u16::from_be_bytes([o0, o1]) & !7;
        Some(Self {
            header: IP_V6_HEADER + FRAGMENT_HEADER,
            total,
            transport: transport(protocol, true, offset.into()),
        })
    }
}

/// Segments of TCP that are fragments are left as they are; of datagrams the first one has the header.
fn transport(protocol: u8, fragment: bool, offset: usize) -> Option<u8> {
    (!fragment || (protocol == UDP && offset == 0)).then_some(protocol)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn v4(protocol: u8, place: u16, options: usize, rest: &[u8]) -> Vec<u8> {
        let header = IP_V4_HEADER + options;
        let total = u16::try_from(header + rest.len()).unwrap();
        let mut packet = vec![1; header];
        packet[0] = 0x40 | u8::try_from(header / 4).unwrap();
        packet[2..4].copy_from_slice(&total.to_be_bytes());
        packet[6..8].copy_from_slice(&place.to_be_bytes());
        packet[9] = protocol;
        packet.extend(rest);
        packet
    }

    fn v6(next: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; IP_V6_HEADER];
        packet[0] = 0x60;
        packet[4..6].copy_from_slice(&u16::try_from(rest.len()).unwrap().to_be_bytes());
        packet[6] = next;
        packet.extend(rest);
        packet
    }

    /// How long headers and payload are.
    fn lengths(packet: &[u8]) -> Option<(usize, usize)> {
        let packet = Packet::split(&Bytes::copy_from_slice(packet))?;
        Some((packet.headers.as_ref().len(), packet.payload_len()))
    }

    /// A header of TCP, of so many words, and payload.
    fn segment(words: u8, payload: usize) -> Vec<u8> {
        let mut segment = vec![0; usize::from(words) * 4 + payload];
        segment[12] = words << 4;
        segment
    }

    #[test]
    fn headers_end_where_they_say() {
        for (packet, expected) in [
            (v4(TCP, 0x4000, 0, &segment(5, 9)), (40, 9)),
            (v4(TCP, 0, 40, &segment(15, 9)), (120, 9)),
            (v4(UDP, 0, 4, &[0; 9]), (32, 1)),
            (v4(1, 0, 0, &[0; 9]), (20, 9)),
            (v6(TCP, &segment(8, 1000)), (72, 1000)),
            (v6(UDP, &[0; 8]), (48, 0)),
            (v6(58, &[0; 8]), (40, 8)),
        ] {
            assert_eq!(lengths(&packet), Some(expected));
            assert_eq!(
                lengths(&[&packet[..], &[7; 5]].concat()),
                Some(expected),
                "a frame's padding"
            );
            assert_eq!(lengths(&packet[..packet.len() - 1]), None);
        }
    }

    #[test]
    fn only_the_first_fragment_of_a_datagram_has_its_header() {
        assert_eq!(lengths(&v4(UDP, 0x2000, 0, &[0; 16])), Some((28, 8)));
        assert_eq!(lengths(&v4(UDP, 0x2001, 0, &[0; 16])), Some((20, 16)));
        assert_eq!(lengths(&v4(UDP, 2, 0, &[0; 16])), Some((20, 16)));
        assert_eq!(lengths(&v4(TCP, 0x2000, 0, &segment(5, 9))), Some((20, 29)));
        let fragment = |offset| [&[UDP, 0, 0, offset, 0, 0, 0, 1][..], &[0; 16]].concat();
        assert_eq!(lengths(&v6(FRAGMENT, &fragment(1))), Some((56, 8)));
        assert_eq!(lengths(&v6(FRAGMENT, &fragment(8))), Some((48, 16)));
    }

    #[test]
    fn what_is_no_ip_packet_is_none() {
        assert_eq!(lengths(&[]), None);
        assert_eq!(lengths(&[0; 40]), None);
        assert_eq!(lengths(&v6(FRAGMENT, &[UDP, 0, 0, 1])), None);
        let mut short = v4(UDP, 0, 0, &[0; 8]);
        short[0] = 0x44;
        assert_eq!(lengths(&short), None, "a header of 16 octets");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_added(first in 0x40_u8..0x70, rest in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut whole = [&[first][..], &rest].concat();
            if let Some(length) = whole.get_mut(2..4) {
                length.copy_from_slice(&180_u16.to_be_bytes());
            }
            if let Some(packet) = Packet::split(&Bytes::copy_from_slice(&whole)) {
                let again = [packet.headers.as_ref(), &packet.payload.concat()].concat();
                prop_assert!(whole.starts_with(&again));
            }
        }
    }
}

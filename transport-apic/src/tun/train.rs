// SPDX-License-Identifier: MIT OR Apache-2.0
//! Segments that follow each other, as one packet that the kernel cuts again: what VIRTIO 1.2 §5.1.6.2 calls segmentation offload.

use bytes::Bytes;

use crate::{Headers, Packet};

/// The octets of `struct virtio_net_hdr`, which each packet has before it: of zeros if there is nothing to do.
pub(super) const VNET_HEADER: usize = 10;

/// Longer than any packet of IP.
const LONGEST: usize = 65_535;

const TCP: u8 = 6;
const TCP_HEADER: usize = 20;
const TCP_CHECKSUM: usize = 16;
const ACK: u8 = 0x10;
const PUSH: u8 = 0x08;

/// Segments of one connection, each where the one before ends, as one.
#[derive(Debug)]
pub(super) struct Train {
    /// What the kernel is to do with them.
    pub(super) vnet: [u8; VNET_HEADER],
    pub(super) headers: Headers,
    /// How many there are: two at least.
    pub(super) packets: usize,
}

impl Train {
    /// Couples as many of `packets` as go together, from the first on. `None` if that is not even two.
    pub(super) fn couple<'p>(packets: impl IntoIterator<Item = &'p Packet<Bytes>>) -> Option<Self> {
        let mut packets = packets.into_iter();
        let first = Segment::read(packets.next()?)?;
        let (mut last, mut octets, mut count) = (first, first.payload, 1);
        for packet in packets {
            let next = Segment::read(packet).filter(|next| {
                last.payload == first.payload
                    && last.flags & PUSH == 0
                    && next.payload <= first.payload
                    && first.headers.len() + octets + next.payload <= LONGEST
                    && next.sequence
                        == first
                            .sequence
                            .wrapping_add(u32::try_from(octets).unwrap_or(u32::MAX))
                    && next.common() == first.common()
            });
            let Some(next) = next else { break };
            (last, octets, count) = (next, octets + next.payload, count + 1);
        }
        if count < 2 {
            return None;
        }
        Some(Self {
            vnet: first.vnet()?,
            headers: first.of_all(octets, last.flags)?,
            packets: count,
        })
    }
}

/// A segment with payload, and nothing special about it.
#[derive(Clone, Copy)]
struct Segment<'p> {
    headers: &'p [u8],
    /// Octets of IP's header: without options, so it tells the version.
    ip: usize,
    sequence: u32,
    flags: u8,
    payload: usize,
}

impl<'p> Segment<'p> {
    fn read(packet: &'p Packet<Bytes>) -> Option<Self> {
        let headers = packet.headers.as_ref();
        let ip = match headers {
            [0x45, _, _, _, _, _, 0 | 0x40, 0, _, TCP, ..] => 20,
            [first, _, _, _, _, _, TCP, ..] if first >> 4 == 6 => 40,
            _ => return None,
        };
        let transport = headers.get(ip..)?;
        let [_, _, _, _, s0, s1, s2, s3, _, _, _, _, offset, flags, ..] =
            *transport.first_chunk::<TCP_HEADER>()?;
        let whole = usize::from(offset >> 4) * 4 == transport.len();
        let plain = flags & !PUSH == ACK;
        let payload = packet.payload_len();
        (whole && plain && payload > 0).then_some(Self {
            headers,
            ip,
            sequence: u32::from_be_bytes([s0, s1, s2, s3]),
            flags,
            payload,
        })
    }

    /// The headers without what differs between segments of a train: lengths, sequence number, PSH and checksums.
    fn common(&self) -> Option<Headers> {
        self.with([0; 2], [0; 2], [0; 4], 0, [0; 2])
    }

    /// What the kernel is to do: fill in the checksum, and cut.
    fn vnet(&self) -> Option<[u8; VNET_HEADER]> {
        const NEEDS_CHECKSUM: u8 = 1;
        const TCP_V4: u8 = 1;
        const TCP_V6: u8 = 4;
        let kind = if self.ip == 20 { TCP_V4 } else { TCP_V6 };
        let numbers = [self.headers.len(), self.payload, self.ip, TCP_CHECKSUM];
        let mut vnet = [NEEDS_CHECKSUM, kind, 0, 0, 0, 0, 0, 0, 0, 0];
        let (_, fields) = vnet.split_at_mut(2);
        for (field, number) in fields.chunks_exact_mut(2).zip(numbers) {
            field.copy_from_slice(&u16::try_from(number).ok()?.to_ne_bytes());
        }
        Some(vnet)
    }

    /// The headers of a train with so many octets, whose last segment has those flags. TCP's checksum is the sum over the
    /// pseudo-header, from which the kernel goes on.
    fn of_all(&self, octets: usize, flags: u8) -> Option<Headers> {
        let v4 = self.ip == 20;
        let transport = self.headers.len() - self.ip + octets;
        let counted = if v4 { self.ip + transport } else { transport };
        let length = u16::try_from(counted).ok()?.to_be_bytes();
        let addresses = self.headers.get(if v4 { 12..20 } else { 8..40 })?;
        let transport = u16::try_from(transport).ok()?.to_be_bytes();
        let sum = sum([addresses, &[0, TCP], &transport]).to_be_bytes();
        let sequence = self.sequence.to_be_bytes();
        let blank = self.with(length, [0; 2], sequence, flags, sum)?;
        let ip_sum = !self::sum([blank.as_ref().get(..self.ip)?]);
        self.with(length, ip_sum.to_be_bytes(), sequence, flags, sum)
    }

    fn with(
        &self,
        length: [u8; 2],
        ip_sum: [u8; 2],
        sequence: [u8; 4],
        flags: u8,
        sum: [u8; 2],
    ) -> Option<Headers> {
        let mut headers = Headers::new();
        headers.append(self.headers).ok()?;
        let (ip, tcp) = headers.as_mut().split_at_mut_checked(self.ip)?;
        if self.ip == 20 {
            ip.get_mut(2..4)?.copy_from_slice(&length);
            ip.get_mut(10..12)?.copy_from_slice(&ip_sum);
        } else {
            ip.get_mut(4..6)?.copy_from_slice(&length);
        }
        tcp.get_mut(4..8)?.copy_from_slice(&sequence);
        *tcp.get_mut(13)? = flags;
        tcp.get_mut(TCP_CHECKSUM..TCP_CHECKSUM + 2)?.copy_from_slice(&sum);
        Some(headers)
    }
}

/// The sum of RFC 1071 over parts of even length, not complemented.
fn sum<const N: usize>(parts: [&[u8]; N]) -> u16 {
    let words = parts.iter().flat_map(|part| part.as_chunks::<2>().0);
    let sum: u32 = words.map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A segment over IPv4.
    fn segment(sequence: u32, length: usize, flags: u8, port: u8) -> Packet<Bytes> {
        let mut headers = [0; 40];
        headers[0] = 0x45;
        headers[2..4].copy_from_slice(&u16::try_from(40 + length).unwrap().to_be_bytes());
        headers[9] = TCP;
        headers[12..20].copy_from_slice(&[10, 77, 0, 2, 10, 77, 0, 1]);
        headers[21] = port;
        headers[24..28].copy_from_slice(&sequence.to_be_bytes());
        headers[32..34].copy_from_slice(&[0x50, flags]);
        let mut packet = Packet::default();
        packet.headers.append(&headers).unwrap();
        packet
            .payload
            .extend((length > 0).then(|| Bytes::from(vec![7; length])));
        packet
    }

    fn coupled(packets: &[Packet<Bytes>]) -> usize {
        Train::couple(packets).map_or(1, |train| train.packets)
    }

    #[test]
    fn segments_that_follow_each_other_go_together() {
        let near_the_end = u32::MAX - 150;
        let packets = [
            segment(near_the_end, 100, ACK, 1),
            segment(near_the_end + 100, 100, ACK, 1),
            segment(49, 30, ACK | PUSH, 1),
        ];
        let train = Train::couple(&packets).unwrap();
        assert_eq!(train.packets, 3);
        let headers = train.headers.as_ref();
        assert_eq!((headers[2..4].to_vec(), headers[33]), (vec![1, 14], ACK | PUSH));
        assert_eq!(sum([&headers[..20]]), 0xffff);
        let number = |at: usize| u16::from_ne_bytes([train.vnet[at], train.vnet[at + 1]]);
        assert_eq!([number(2), number(4), number(6), number(8)], [40, 100, 20, 16]);
    }

    #[test]
    fn what_does_not_go_together_stays_apart() {
        let first = segment(0, 100, ACK, 1);
        for next in [
            segment(101, 100, ACK, 1),
            segment(100, 101, ACK, 1),
            segment(100, 100, ACK, 2),
            segment(100, 0, ACK, 1),
            segment(100, 100, ACK | 1, 1),
        ] {
            assert_eq!(coupled(&[first.clone(), next]), 1);
        }
        let pushed = segment(0, 100, ACK | PUSH, 1);
        assert_eq!(
            coupled(&[pushed, segment(100, 100, ACK, 1)]),
            1,
            "PSH is of the last"
        );
        let short = segment(100, 50, ACK, 1);
        let behind = segment(150, 50, ACK, 1);
        assert_eq!(
            coupled(&[first, short, behind]),
            2,
            "only the last may be shorter"
        );
        assert_eq!(coupled(&[]), 1);
    }

    #[test]
    fn a_train_is_no_longer_than_ip_allows() {
        let packets: Vec<_> = (0..64)
            .map(|number| segment(number * 1400, 1400, ACK, 1))
            .collect();
        assert_eq!(coupled(&packets), (LONGEST - 40) / 1400);
    }
}

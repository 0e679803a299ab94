// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets as they travel: where headers end, whom they are for, and whether they are whole.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use arrayvec::ArrayVec;
use etherparse::{IpNumber, Ipv4Header, Ipv4HeaderSlice, Ipv6Header, Ipv6HeaderSlice};
use transport_apic::{Headers, Packet, Payload};

use super::{Malformed, checksum::Checksum, segment::Segment};

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const ICMP: u8 = 1;
pub(crate) const ICMPV6: u8 = 58;

/// The octets of a header of TCP without options, and of UDP.
pub(crate) const TCP_HEADER: usize = 20;
pub(crate) const UDP_HEADER: usize = 8;

/// The octets of a header of IP without options or extensions.
pub(crate) const IP_V4_HEADER: usize = Ipv4Header::MIN_LEN;
pub(crate) const IP_V6_HEADER: usize = Ipv6Header::LEN;

/// Where the checksum stands in a header of TCP.
const TCP_CHECKSUM: usize = 16;

const HOPS: u8 = 64;

/// Who talks to whom: what tells one connection from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoints {
    /// Our own address and port.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
}

impl Endpoints {
    fn ports(&self) -> [u8; 4] {
        let [s0, s1] = self.local.port().to_be_bytes();
        let [d0, d1] = self.remote.port().to_be_bytes();
        [s0, s1, d0, d1]
    }
}

/// Who makes checksums and checks them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checksums {
    /// The engine makes and checks them all: each octet of payload is read once.
    #[default]
    Verify,
    /// The link does, or its memory needs none: the fields are zero and not looked at.
    Offloaded,
}

/// What an IP header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ip {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: u8,
    /// Octets of this header.
    pub(crate) header: usize,
    /// Octets of the whole packet; 0 for a jumbogram, whose length its header has no room for.
    pub(crate) total: usize,
}

/// What the length in a header of IP can say.
const LONGEST: usize = 65_535;
pub(crate) const LONGEST_V6: usize = IP_V6_HEADER + LONGEST;

impl Ip {
    /// Reads the header that `bytes` begin with. Other extension headers of IPv6 than a fragment's are not for us.
    ///
    /// # Errors
    ///
    /// [`Malformed::Fragment`] for that of a fragment, which [`Fragment::read`] reads.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        match bytes.first().map(|first| first >> 4) {
            Some(4) => {
                let ip = Ipv4HeaderSlice::from_slice(bytes).map_err(|_| Malformed::Ip)?;
                if ip.is_fragmenting_payload() {
                    return Err(Malformed::Fragment);
                }
                let (header, total) = (ip.slice().len(), usize::from(ip.total_len()));
                if total < header {
                    return Err(Malformed::Length);
                }
                Ok(Self {
                    source: ip.source_addr().into(),
                    destination: ip.destination_addr().into(),
                    protocol: ip.protocol().0,
                    header,
                    total,
                })
            }
            Some(6) => {
                let ip = Ipv6HeaderSlice::from_slice(bytes).map_err(|_| Malformed::Ip)?;
                if ip.next_header() == IpNumber::IPV6_FRAGMENTATION_HEADER {
                    return Err(Malformed::Fragment);
                }
                Ok(Self {
                    source: ip.source_addr().into(),
                    destination: ip.destination_addr().into(),
                    protocol: ip.next_header().0,
                    header: Ipv6Header::LEN,
                    total: Ipv6Header::LEN + usize::from(ip.payload_length()),
                })
            }
            _ => Err(Malformed::Ip),
        }
    }

    /// Whether this is the header of a packet of so many octets.
    pub(crate) fn is_of(&self, octets: usize) -> bool {
        self.total == octets || (self.total == 0 && octets > LONGEST)
    }

    /// Who talks to whom, by the `transport`'s header.
    pub(crate) fn endpoints(&self, transport: &[u8]) -> Option<Endpoints> {
        let (source, destination) = ports(transport)?;
        Some(Endpoints {
            local: (self.destination, destination).into(),
            remote: (self.source, source).into(),
        })
    }

    /// Begins a checksum with the pseudo-header (RFC 9293 §3.1, RFC 8200 §8.1).
    fn pseudo_header(&self) -> Checksum {
        let mut checksum = pseudo_header(self.source, self.destination, self.protocol);
        add_length(&mut checksum, self.total - self.header);
        checksum
    }

    /// Checks what the header sums up, and what the transport does, of a packet whose lengths agree.
    pub(crate) fn check<P: Payload>(&self, packet: &Packet<P>) -> Result<(), Malformed> {
        let (ip, transport) = packet
            .headers
            .as_ref()
            .split_at_checked(self.header)
            .ok_or(Malformed::Length)?;
        let mut own = Checksum::default();
        own.add(ip);
        if self.source.is_ipv4() && !own.is_whole() {
            return Err(Malformed::Checksum);
        }
        self.check_transport(transport, &packet.payload)
    }

    /// Checks what the transport sums up: its header, and what follows.
    pub(crate) fn check_transport<P: Payload>(
        &self,
        transport: &[u8],
        payload: &[P],
    ) -> Result<(), Malformed> {
        let mut checksum = match self.protocol {
            ICMP => Checksum::default(),
            // A sender over IPv4 need not sum up a datagram (RFC 768).
            UDP if self.source.is_ipv4() && transport.get(6..8) == Some(&[0, 0]) => return Ok(()),
            _ => self.pseudo_header(),
        };
        checksum.add(transport);
        payload.iter().for_each(|piece| checksum.add(piece.as_ref()));
        checksum.is_whole().then_some(()).ok_or(Malformed::Checksum)
    }
}

fn pseudo_header(source: IpAddr, destination: IpAddr, protocol: u8) -> Checksum {
    let mut checksum = Checksum::default();
    for address in [source, destination] {
        match address {
            IpAddr::V4(address) => checksum.add(&address.octets()),
            IpAddr::V6(address) => checksum.add(&address.octets()),
        }
    }
    checksum.add(&[0, protocol]);
    checksum
}

fn add_length(checksum: &mut Checksum, length: usize) {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    checksum.add(&length.to_be_bytes());
}

/// The ports that a transport's header begins with: source and destination.
pub(crate) fn ports(transport: &[u8]) -> Option<(u16, u16)> {
    let [s0, s1, d0, d1] = *transport.first_chunk()?;
    Some((u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1])))
}

/// The way to a peer: headers are made once, and only what changes is filled in for each packet.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub(crate) endpoints: Endpoints,
    /// The IP header, without the packet's length.
    ip: ArrayVec<u8, { Ipv6Header::LEN }>,
    ports: [u8; 4],
    /// The addresses and ports of what comes from there.
    back: Back,
    /// The sums of the IP header and of the pseudo-header, both without the length.
    ip_sum: Checksum,
    pseudo: Checksum,
    checksums: Checksums,
    /// Whether jumbograms come this way.
    jumbograms: bool,
}

/// The addresses of both and their ports, as they stand in the headers of what comes.
#[derive(Clone, Copy, Debug)]
enum Back {
    V4([u8; 12]),
    V6([u8; 36]),
}

impl Back {
    fn new(source: IpAddr, destination: IpAddr, ports: [u8; 4]) -> Self {
        let [s0, s1, d0, d1] = ports;
        let ports = [d0, d1, s0, s1];
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                Self::V4(joined(&[&destination.octets(), &source.octets(), &ports]))
            }
            (source, destination) => {
                Self::V6(joined(&[&v6(destination).octets(), &v6(source).octets(), &ports]))
            }
        }
    }
}

fn joined<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut all = [0; N];
    let octets = parts.iter().flat_map(|part| part.iter());
    all.iter_mut().zip(octets).for_each(|(to, from)| *to = *from);
    all
}

impl Path {
    pub(crate) fn new(endpoints: Endpoints, protocol: u8, checksums: Checksums) -> Self {
        let (source, destination) = (endpoints.local.ip(), endpoints.remote.ip());
        let ip = ip_header(source, destination, protocol);
        let mut ip_sum = Checksum::default();
        ip_sum.add(&ip);
        Self {
            ip,
            ip_sum,
            ports: endpoints.ports(),
            back: Back::new(source, destination, endpoints.ports()),
            pseudo: pseudo_header(source, destination, protocol),
            endpoints,
            checksums,
            jumbograms: false,
        }
    }

    /// The same on a link that takes packets of so many octets. IPv4 has no jumbograms; on a link of their own hosts have them
    /// all the same, with a length of zero, as in IPv6 (RFC 2675 §3) and in Linux ("BIG TCP").
    pub(crate) fn over(mut self, mtu: usize) -> Self {
        self.jumbograms = mtu > LONGEST && self.endpoints.remote.is_ipv4();
        self
    }

    /// Reads IP's header of a TCP segment that comes back from where this path leads to.
    #[inline]
    pub(crate) fn read_back(&self, headers: &[u8]) -> Result<Ip, Malformed> {
        match self.predict_back(headers) {
            Some(ip) => Ok(ip),
            None => self.read_any_back(headers),
        }
    }

    /// What [`read_any_back`](Self::read_any_back) says of a header that has nothing special about it: as good as all.
    #[inline]
    pub(crate) fn predict_back(&self, headers: &[u8]) -> Option<Ip> {
        let (header, total) = match &self.back {
            Back::V4(back) => match headers.first_chunk::<24>() {
                // No options, not a fragment.
                Some([0x45, _, l0, l1, _, _, 0 | 0x40, 0, _, TCP, _, _, found @ ..]) if found == back => {
                    (IP_V4_HEADER, usize::from(u16::from_be_bytes([*l0, *l1])))
                }
                _ => return None,
            },
            Back::V6(back) => match headers.first_chunk::<44>() {
                Some([0x60, _, _, _, l0, l1, TCP, _, found @ ..]) if found == back => {
                    let payload = usize::from(u16::from_be_bytes([*l0, *l1]));
                    (IP_V6_HEADER, IP_V6_HEADER + payload)
                }
                _ => return None,
            },
        };
        (total >= header || (total == 0 && self.jumbograms)).then(|| Ip {
            source: self.endpoints.remote.ip(),
            destination: self.endpoints.local.ip(),
            protocol: TCP,
            header,
            total,
        })
    }

    fn read_any_back(&self, headers: &[u8]) -> Result<Ip, Malformed> {
        let ip = Ip::read(headers)?;
        if ip.protocol != TCP {
            return Err(Malformed::Protocol);
        }
        let found = headers
            .get(ip.header..)
            .and_then(|transport| ip.endpoints(transport));
        if found != Some(self.endpoints) {
            return Err(Malformed::Address);
        }
        Ok(ip)
    }

    /// The octets of the IP header.
    pub(crate) fn ip_header(&self) -> usize {
        self.ip.len()
    }

    /// Makes the packet of `segment`, whose payload is in it, unless the caller carries it.
    pub(crate) fn write<P: Payload>(&self, segment: &Segment, packet: &mut Packet<P>) {
        self.begin(packet);
        segment.write(self.ports, &mut packet.headers);
        self.finish(packet, segment.payload as usize, TCP_CHECKSUM);
    }

    /// Makes the packet of a datagram.
    pub(crate) fn datagram<P: Payload>(&self, payload: ArrayVec<P, { Packet::PIECES }>) -> Packet<P> {
        const CHECKSUM: usize = 6;
        let mut packet = Packet {
            headers: Headers::new(),
            payload,
        };
        self.begin(&mut packet);
        let data = packet.payload_len();
        let octets = UDP_HEADER + data;
        let [l0, l1] = u16::try_from(octets).unwrap_or(u16::MAX).to_be_bytes();
        let [p0, p1, p2, p3] = self.ports;
        let written = packet.headers.append(&[p0, p1, p2, p3, l0, l1, 0, 0]);
        debug_assert!(written.is_ok(), "IP and UDP are short");
        self.finish(&mut packet, data, CHECKSUM);
        packet
    }

    fn begin<P: Payload>(&self, packet: &mut Packet<P>) {
        packet.headers.clear();
        let written = packet.headers.append(&self.ip);
        debug_assert!(written.is_ok(), "nothing was there before");
    }

    /// Fills in lengths, with `data` octets of payload, and checksums; that of the transport stands `at` in its header.
    fn finish<P: Payload>(&self, packet: &mut Packet<P>, data: usize, at: usize) {
        let total = packet.headers.as_ref().len() + data;
        let (ip, transport) = packet.headers.as_mut().split_at_mut(self.ip.len());
        self.finish_ip(ip, total);
        if self.checksums == Checksums::Offloaded {
            return;
        }
        let mut checksum = self.pseudo;
        add_length(&mut checksum, transport.len() + data);
        checksum.add(transport);
        packet
            .payload
            .iter()
            .for_each(|piece| checksum.add(piece.as_ref()));
        if let Some(field) = transport.get_mut(at..at + 2) {
            let sum = match checksum.finish() {
                // Zero says that there is none (RFC 768); in TCP it is a sum as any other.
                [0, 0] if at != TCP_CHECKSUM => [0xff, 0xff],
                sum => sum,
            };
            field.copy_from_slice(&sum);
        }
    }

    fn finish_ip(&self, ip: &mut [u8], total: usize) {
        let v4 = self.ip.len() == Ipv4Header::MIN_LEN;
        let counted = if v4 { total } else { total - self.ip.len() };
        // Zero for a jumbogram.
        let length = u16::try_from(counted).unwrap_or_default().to_be_bytes();
        let at = if v4 { 2..4 } else { 4..6 };
        if let Some(field) = ip.get_mut(at) {
            field.copy_from_slice(&length);
        }
        if v4
            && self.checksums == Checksums::Verify
            && let Some(field) = ip.get_mut(10..12)
        {
            let mut checksum = self.ip_sum;
            checksum.add(&length);
            field.copy_from_slice(&checksum.finish());
        }
    }
}

/// The header of a packet that is not fragmented on its way, and so needs no identification (RFC 6864 §4.1).
fn ip_header(source: IpAddr, destination: IpAddr, protocol: u8) -> ArrayVec<u8, { Ipv6Header::LEN }> {
    let mut bytes = ArrayVec::new();
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let header = Ipv4Header {
                total_len: 0,
                dont_fragment: true,
                time_to_live: HOPS,
                protocol: IpNumber(protocol),
                source: source.octets(),
                destination: destination.octets(),
                ..Ipv4Header::default()
            };
            bytes.extend(header.to_bytes());
        }
        (source, destination) => {
            let header = Ipv6Header {
                payload_length: 0,
                next_header: IpNumber(protocol),
                hop_limit: HOPS,
                source: v6(source).octets(),
                destination: v6(destination).octets(),
                ..Ipv6Header::default()
            };
            bytes.extend(header.to_bytes());
        }
    }
    bytes
}

fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::to_ipv6_mapped(&address),
        IpAddr::V6(address) => address,
    }
}

#[cfg(test)]
mod tests;

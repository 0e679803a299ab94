// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the mapper has to know of a machine.

use rtu::Nanos;

/// The machine that plans are made for.
///
/// The default is a small machine that nothing was measured of: CPU 0, long delays, a slow link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// What it is called; shown only.
    pub name: Option<String>,
    /// The CPUs that executives run on, in the order in which they are filled.
    pub cpus: Vec<u32>,
    /// S: the longest switch from one RTU to another.
    pub switch: Nanos,
    /// J: how late an RTU may be released.
    pub jitter: Nanos,
    /// How much of a CPU guarantees may take, in percent; real-time throttling leaves 95 by default.
    pub usable: u8,
    /// The link that flows leave and arrive on.
    pub link: Link,
    /// Memory for the rings of all flows, in bytes.
    pub ring_memory: u64,
    /// The largest ring of one flow and direction, in bytes.
    pub largest_ring: u64,
}

/// A network link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Bytes per second on the wire, in each direction.
    pub rate: u64,
    /// The largest packet, in bytes with its IP header.
    pub mtu: u32,
    /// The longest round trip to a peer.
    pub round_trip: Nanos,
}

/// Headers of IP and TCP with timestamps, within the largest packet.
const PACKET_HEADERS: u64 = 52;
/// What Ethernet adds to a packet: preamble, header, checksum and gap.
const FRAMING: u64 = 38;
/// The header of a GIOP message with its request or reply header, generously.
pub(crate) const MESSAGE_HEADER: u64 = 256;

impl Default for Machine {
    fn default() -> Self {
        Self {
            name: None,
            cpus: vec![0],
            switch: Nanos::from_micros(5),
            jitter: Nanos::from_micros(50),
            usable: 95,
            link: Link::default(),
            ring_memory: 256 << 20,
            largest_ring: 4 << 20,
        }
    }
}

impl Default for Link {
    fn default() -> Self {
        Self {
            rate: 125_000_000,
            mtu: 1_500,
            round_trip: Nanos::from_millis(1),
        }
    }
}

impl Link {
    /// Returns what a message of so many bytes takes on the wire, with all headers, in bytes.
    pub fn wire_size(&self, message: u64) -> u64 {
        let bytes = message.saturating_add(MESSAGE_HEADER);
        let payload = u64::from(self.mtu).saturating_sub(PACKET_HEADERS).max(1);
        let packets = bytes.div_ceil(payload);
        bytes.saturating_add(packets.saturating_mul(PACKET_HEADERS + FRAMING))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packet_has_its_headers_on_the_wire() {
        let link = Link::default();
        assert_eq!(link.wire_size(0), 256 + 90);
        assert_eq!(link.wire_size(1448 - 256), 1448 + 90);
        assert_eq!(link.wire_size(1448 - 255), 1449 + 180);
        assert_eq!(link.wire_size(u64::MAX), u64::MAX);
    }
}

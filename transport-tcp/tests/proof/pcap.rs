// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets in the form that tshark and others read.

use rtu::Time;

/// A capture of IP packets, in the classic format of libpcap.
#[derive(Clone, Debug)]
pub(crate) struct Pcap(Vec<u8>);

impl Pcap {
    pub(crate) fn new() -> Self {
        let mut bytes = Vec::new();
        // Nanoseconds in this machine's byte order, version 2.4, no zone, packets of up to 64 KiB, raw IP.
        for word in [0xa1b2_3c4d_u32, 2 | 4 << 16, 0, 0, 0x1_0000, 101] {
            bytes.extend(word.to_ne_bytes());
        }
        Self(bytes)
    }

    pub(crate) fn write(&mut self, now: Time, packet: &[u8]) {
        let length = u32::try_from(packet.len()).expect("a packet is short");
        let seconds = u32::try_from(now.0 / 1_000_000_000).expect("a run is short");
        let nanos = u32::try_from(now.0 % 1_000_000_000).expect("less than a second");
        for word in [seconds, nanos, length, length] {
            self.0.extend(word.to_ne_bytes());
        }
        self.0.extend(packet);
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

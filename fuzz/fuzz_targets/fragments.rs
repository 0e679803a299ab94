// SPDX-License-Identifier: MIT OR Apache-2.0
//! A host to which fragments come as the octets say: of several sources and datagrams, over IPv4 and IPv6, anywhere, of any
//! length, and late. Nothing panics, what arrives was sent so, nothing is kept for longer than its time, and each fragment that
//! is kept has its octets at one place only.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use rtu::{Nanos, Time};
use transport_apic::Packet;
use transport_tcp::engine::{Checksums, Config, Stack};

const PORT: u16 = 6;
const V4: [u8; 4] = [10, 0, 0, 1];
const V6: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

fuzz_target!(|data: &[u8]| {
    let mut config = Config::new(IpAddr::V4(Ipv4Addr::from(V4)), 1500, [7; 16]);
    config.addresses.push(IpAddr::V6(Ipv6Addr::from(V6)));
    config.settings.checksums = Checksums::Offloaded;
    config.limits.reassembly = 50_000;
    let mut host = Stack::<Bytes>::new(config);
    let id = host.bind(PORT, 1 << 20).expect("free");
    let mut now = Time(1);
    for step in data.chunks_exact(6) {
        let &[what, source, number, offset, units, told] = step else {
            continue;
        };
        if what & 4 != 0 {
            now = now + Nanos::from_secs(u64::from(offset));
        }
        let packet = fragment(what, source & 7, number & 7, offset.into(), units, told.into());
        if let Some(packet) = Packet::split(&Bytes::from(packet)) {
            let _ = host.receive(now, packet);
        }
        while let Some(datagram) = host.recv_from(id) {
            let number = datagram.from.port();
            let octets = datagram.payload.iter().flatten().copied();
            for (at, octet) in (8_u64..).zip(octets) {
                assert_eq!(octet, octet_at(number, at), "at {at} of {number}");
            }
        }
        assert!(host.transmit(now).is_none(), "there is nothing to say");
        assert!(
            host.deadline().is_none_or(|at| at > now),
            "an alarm that has passed"
        );
    }
    now = now + Nanos::from_secs(31);
    assert!(host.transmit(now).is_none());
    assert!(host.deadline().is_none(), "something is kept for ever");
});

/// What stands at a place of a datagram.
fn octet_at(number: u16, at: u64) -> u8 {
    (u64::from(number) * 31 + at / 8 + 1).to_le_bytes()[0]
}

fn fragment(what: u8, source: u8, number: u8, offset: u16, units: u8, told: u16) -> Vec<u8> {
    let (more, v6, crooked) = (what & 1 != 0, what & 2 != 0, what & 8 != 0);
    // Some are far behind.
    let offset = if what & 16 != 0 { offset * 32 } else { offset };
    let number = u16::from(source) << 8 | u16::from(number);
    let begin = u64::from(offset) * 8;
    let length = u64::from(units) * 8 + u64::from(crooked);
    let mut data: Vec<u8> = (begin..begin + length).map(|at| octet_at(number, at)).collect();
    if offset == 0 {
        let length = if what & 32 != 0 {
            told
        } else {
            u16::from(units) * 8
        };
        let header = [number, PORT, length, 0].map(u16::to_be_bytes);
        let header = header.as_flattened();
        data.splice(..header.len().min(data.len()), header.iter().copied());
    }
    let [i0, i1] = number.to_be_bytes();
    let mut packet = if v6 {
        let [l0, l1] = u16::try_from(data.len() + 8).unwrap_or(u16::MAX).to_be_bytes();
        let [o0, o1] = (offset << 3 | u16::from(more)).to_be_bytes();
        let mut packet = vec![0x60, 0, 0, 0, l0, l1, 44, 64];
        packet.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, source]);
        packet.extend(V6);
        packet.extend([17, 0, o0, o1, 0, 0, i0, i1]);
        packet
    } else {
        let [l0, l1] = u16::try_from(data.len() + 20).unwrap_or(u16::MAX).to_be_bytes();
        let [o0, o1] = (offset & 0x1fff | u16::from(more) << 13).to_be_bytes();
        let mut packet = vec![0x45, 0, l0, l1, i0, i1, o0, o1, 64, 17, 0, 0, 10, 0, 1, source];
        packet.extend(V4);
        packet
    };
    packet.extend(data);
    packet
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network namespaces that a program stands between.

use std::net::IpAddr;

use bytes::Bytes;
use rustix::thread::UnshareFlags;
use transport_apic::tun::{Config, Tun};
use transport_apic::{Headers, Packet};

/// Takes this thread to a network namespace of its own, where the machine has `address`, and gives the device that leads out
/// of it.
#[allow(unsafe_code, reason = "what a thread shares can be changed under its feet")]
pub(crate) fn apart(address: IpAddr, mtu: u16) -> Tun {
    // SAFETY: only this thread's view of the network changes, and it ends with the measurement.
    let apart = unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) };
    apart.expect("a network namespace needs root");
    let config = Config {
        addresses: vec![(address, 24)],
        mtu,
        ..Config::default()
    };
    Tun::open(&config).unwrap_or_else(|error| panic!("{error}"))
}

/// What one device gave, for another one to take.
pub(crate) fn in_one_piece(whole: Bytes) -> Packet<Bytes> {
    Packet {
        headers: Headers::new(),
        payload: [whole].into_iter().collect(),
    }
}

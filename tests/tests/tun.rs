// SPDX-License-Identifier: MIT OR Apache-2.0
//! ORBs whose TCP is ours, over a TUN device, with omniORB and ours on the kernel's TCP for peers. Needs root.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::net::IpAddr;

use upcall::{Orb, Tun};
use upcall_tests::interop::omniorb::{self, AS_IT_IS};
use upcall_tests::peers::{self, Omniorb};
use upcall_tests::{apart, skip};

const DEVICE: &str = "upcall0";
const OURS: &str = "iiop://10.77.0.2:0";
const MACHINE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 77, 0, 1));

fn tun() -> Tun {
    Tun::device(DEVICE).address("10.77.0.2/24")
}

/// An ORB whose TCP is ours.
fn orb() -> Orb {
    let builder = Orb::builder().environment(false).fabric(None);
    builder.tun(tun()).listen(OURS).build().unwrap()
}

fn omniorb(name: &str) -> Option<Omniorb> {
    let built = peers::omniorb().map_err(|reason| skip(name, &reason)).ok()?;
    Some(built.at(MACHINE))
}

#[test]
fn omniorb_calls_a_server_whose_tcp_is_ours() {
    let name = "omniorb_calls_a_server_whose_tcp_is_ours";
    let Some(omniorb) = omniorb(name) else { return };
    apart(name, || {
        omniorb::checks_us(&omniorb, &orb(), &["--theirs", "utf8"], 230);
    });
}

#[test]
fn a_client_whose_tcp_is_ours_calls_omniorbs_server() {
    let name = "a_client_whose_tcp_is_ours_calls_omniorbs_server";
    let Some(omniorb) = omniorb(name) else { return };
    apart(name, || {
        omniorb::is_checked(&omniorb, &orb(), &[], AS_IT_IS, 230);
    });
}

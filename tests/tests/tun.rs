// SPDX-License-Identifier: MIT OR Apache-2.0
//! ORBs whose TCP is ours, over a TUN device, with omniORB and ours on the kernel's TCP for peers. Needs root.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use orb_core::codeset::CodeSets;
use orb_core::giop::{ReplyStatus, ResponseFlags};
use tempfile::TempDir;
use upcall::{Orb, SystemExceptionKind, Tun};
use upcall_tests::interop::client::{self, Peculiarities};
use upcall_tests::interop::idl::interop::PeerRef;
use upcall_tests::interop::omniorb::{self, AS_IT_IS};
use upcall_tests::interop::server;
use upcall_tests::peers::{self, Omniorb};
use upcall_tests::serving::{Peer, until};
use upcall_tests::{Capture, apart, skip};

const DEVICE: &str = "upcall0";
const OURS: &str = "iiop://10.77.0.2:0";
const MACHINE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 77, 0, 1));

fn tun() -> Tun {
    Tun::device(DEVICE).address("10.77.0.2/24")
}

/// An ORB whose TCP is ours.
fn orb() -> Orb {
    orb_on(tun())
}

fn orb_on(tun: Tun) -> Orb {
    let builder = Orb::builder().environment(false).fabric(None);
    builder.tun(tun).listen(OURS).build().unwrap()
}

/// An ORB on the kernel's TCP.
fn kernels() -> Orb {
    let builder = Orb::builder().environment(false).fabric(None);
    builder.listen(format!("iiop://{MACHINE}:0")).build().unwrap()
}

fn serve(orb: &Orb) -> (PeerRef, String) {
    let peer = server::serve(orb).unwrap();
    let reference = orb.object_to_string(&peer);
    (peer, reference)
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

#[test]
fn references_name_iiop_at_our_own_address_alone() {
    apart("references_name_iiop_at_our_own_address_alone", || {
        let orb = orb();
        let (peer, _) = serve(&orb);
        let profiles: Vec<_> = peer.ior().iiop_profiles().collect();
        assert_eq!(profiles.len(), 1);
        assert_eq!(profiles.first().unwrap().host, "10.77.0.2");
    });
}

#[test]
fn packets_of_any_length_carry_calls_of_any_size() {
    apart("packets_of_any_length_carry_calls_of_any_size", || {
        for mtu in [576, 1280, 9000, 65_535] {
            let (ours, theirs) = (orb_on(tun().mtu(mtu)), kernels());
            for (serving, calling) in [(&ours, &theirs), (&theirs, &ours)] {
                let (_, reference) = serve(serving);
                let peer: PeerRef = calling.resolve(&reference).unwrap();
                for size in [1_u32, 500, 1400, 70_000, 3_000_001] {
                    let made = peer.make(size).wait().unwrap();
                    assert_eq!(made.len(), usize::try_from(size).unwrap(), "MTU {mtu}");
                    let sum = made.iter().fold(0_u64, |sum, octet| sum + u64::from(*octet));
                    assert_eq!(u64::from(peer.sum(&made).wait().unwrap()), sum, "MTU {mtu}");
                }
            }
            ours.shutdown();
            theirs.shutdown();
        }
    });
}

#[test]
fn many_connections_at_once_are_served() {
    apart("many_connections_at_once_are_served", || {
        let orb = orb();
        let (peer, _) = serve(&orb);
        let profile = peer.ior().iiop_profiles().next().unwrap();
        let address = SocketAddr::new(profile.host.parse().unwrap(), profile.port);
        let mut peers: Vec<Peer> = (0..300).map(|_| Peer::new(address)).collect();
        for _ in 0..5 {
            for peer in &mut peers {
                let key = &profile.object_key;
                let request = peer.request_to(key, "_non_existent", ResponseFlags::Target, &[]);
                peer.send(&request);
            }
            for peer in &mut peers {
                let reply = peer.receive().expect("an answer");
                let (header, _) = reply.reply(CodeSets::UNNEGOTIATED, None).unwrap();
                assert_eq!(
                    (header.request_id, header.status),
                    (peer.last_id(), ReplyStatus::NoException)
                );
            }
        }
        orb.shutdown();
        for peer in &mut peers {
            peer.expect_end();
        }
    });
}

#[test]
fn many_callers_share_a_connection() {
    apart("many_callers_share_a_connection", || {
        let (ours, theirs) = (orb(), kernels());
        for (serving, calling) in [(&ours, &theirs), (&theirs, &ours)] {
            let (_, reference) = serve(serving);
            let peer: PeerRef = calling.resolve(&reference).unwrap();
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        for number in 0..300 {
                            assert_eq!(peer.wait_for(number % 2).wait().unwrap(), number % 2);
                        }
                    });
                }
            });
            let pending: Vec<_> = (0..50).map(|_| peer.wait_for(1).start().unwrap()).collect();
            for pending in pending {
                assert_eq!(pending.wait().unwrap(), 1);
            }
        }
    });
}

#[test]
fn a_server_that_is_killed_in_mid_call_is_a_communication_failure() {
    let name = "a_server_that_is_killed_in_mid_call_is_a_communication_failure";
    let Some(omniorb) = omniorb(name) else { return };
    apart(name, || {
        let orb = orb();
        let (process, reference) = omniorb.serve(&[]);
        let peer: PeerRef = orb.resolve(&reference).unwrap();
        peer.wait_for(0).wait().unwrap();
        let (tell, told) = channel();
        thread::scope(|scope| {
            scope.spawn(|| tell.send(peer.wait_for(20_000).wait()).unwrap());
            thread::sleep(Duration::from_millis(100));
            drop(process);
            let error = told.recv_timeout(Duration::from_secs(15)).unwrap().unwrap_err();
            assert_eq!(error.kind(), SystemExceptionKind::CommFailure, "{error}");
        });
    });
}

#[test]
fn a_call_is_given_up_in_time_and_the_connection_survives() {
    apart("a_call_is_given_up_in_time_and_the_connection_survives", || {
        let (ours, theirs) = (orb(), kernels());
        for (serving, calling) in [(&ours, &theirs), (&theirs, &ours)] {
            let (_, reference) = serve(serving);
            let peer: PeerRef = calling.resolve(&reference).unwrap();
            let late = peer.wait_for(200).timeout(Duration::from_millis(20)).wait();
            assert_eq!(late.unwrap_err().kind(), SystemExceptionKind::Timeout);
            assert_eq!(peer.wait_for(1).wait().unwrap(), 1);
        }
    });
}

#[test]
fn who_shuts_down_says_so_and_frees_the_device() {
    apart("who_shuts_down_says_so_and_frees_the_device", || {
        let client = {
            let first = orb();
            kernels_calling(&first)
        };
        let (calling, peer) = client;
        let error = peer
            .wait_for(0)
            .timeout(Duration::from_millis(300))
            .wait()
            .unwrap_err();
        assert_ne!(
            error.kind(),
            SystemExceptionKind::CommFailure,
            "it was told in good order: {error}"
        );
        let again = orb();
        let (_, reference) = serve(&again);
        let peer: PeerRef = calling.resolve(&reference).unwrap();
        assert_eq!(peer.wait_for(1).wait().unwrap(), 1);
        until("one device is enough", || {
            Orb::builder().environment(false).tun(tun()).build().is_err()
        });
    });
}

/// A caller on the kernel's TCP that has called an object of `orb`, which it shuts down then.
fn kernels_calling(orb: &Orb) -> (Orb, PeerRef) {
    let (_, reference) = serve(orb);
    let calling = kernels();
    let peer: PeerRef = calling.resolve(&reference).unwrap();
    assert_eq!(peer.wait_for(1).wait().unwrap(), 1);
    orb.shutdown();
    (calling, peer)
}

#[test]
fn tshark_reads_what_we_send_without_a_complaint() {
    let name = "tshark_reads_what_we_send_without_a_complaint";
    apart(name, || {
        let ours = orb();
        let (peer, reference) = serve(&ours);
        let port = peer.ior().iiop_profiles().next().unwrap().port;
        let folder = TempDir::new().unwrap();
        let capture = match Capture::on(DEVICE, folder.path(), port) {
            Ok(capture) => capture,
            Err(reason) => return skip(name, &reason),
        };
        let calling = kernels();
        let peer: PeerRef = calling.resolve(&reference).unwrap();
        let of = Peculiarities {
            except: &[&["large_", "blob_1000001"]],
            ..Peculiarities::default()
        };
        let verdict = client::check(&calling, &peer, of);
        assert!(verdict.failed.is_empty(), "{:#?}", verdict.failed);
        let recording = capture.stop_at(400);
        assert!(recording.complaints().is_empty(), "{:#?}", recording.complaints());
        // What the machine sends has no checksum yet.
        let ill = "ip.src == 10.77.0.2 && (ip.checksum.status == 0 || tcp.checksum.status == 0)";
        let checked = ["ip.check_checksum:TRUE", "tcp.check_checksum:TRUE"];
        let found = recording.lines_with(&checked, ill, &["frame.number"]);
        assert!(found.is_empty(), "{found:#?}");
        let good = recording.lines_with(
            &checked,
            "ip.src == 10.77.0.2 && tcp.checksum.status == 1",
            &["frame.number"],
        );
        assert!(!good.is_empty(), "checksums are looked at");
    });
}

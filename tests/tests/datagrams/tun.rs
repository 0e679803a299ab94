// SPDX-License-Identifier: MIT OR Apache-2.0
//! Datagrams by our own UDP over a TUN device, to and from the kernel's: each side cuts what the other puts together. Needs
//! root.

use upcall::{Bytes, Tun};
use upcall_tests::{apart, serving::until};

use super::{Client, Server};

const MACHINE: &str = "10.77.0.1";
const OURS: &str = "10.77.0.2";

fn tun(mtu: u16) -> Tun {
    Tun::device("upcall0").address(format!("{OURS}/24")).mtu(mtu)
}

/// Notes of many lengths arrive as they were sent, one at a time.
fn all_arrive(server: &Server, client: &Client) {
    let sizes = [0, 1, 400, 1400, 1472, 3000, 20_000, 65_300];
    for (number, size) in (0..).zip(sizes) {
        let octets: Vec<u8> = (0..size).map(|place| (place % 251) as u8).collect();
        client
            .log
            .note(number, &Bytes::from(octets.clone()))
            .send()
            .unwrap();
        until("it has come", || server.notes.numbers().len() > number as usize);
        let noted = server.notes.noted.lock().unwrap();
        assert_eq!(noted.last().unwrap().1, octets, "{size} octets");
    }
    server.expect("taken", sizes.len() as u64);
    server.expect("missing", 0);
    server.expect("malformed", 0);
    assert_eq!(client.log.count().wait().unwrap(), sizes.len() as u32);
}

#[test]
fn fragments_of_the_kernels_are_put_together() {
    apart("fragments_of_the_kernels_are_put_together", || {
        for mtu in [576, 1500, 65_535] {
            let server = Server::at(OURS, |builder| builder.tun(tun(mtu)));
            all_arrive(&server, &Client::of(&server));
            server.orb.shutdown();
        }
    });
}

#[test]
fn the_kernel_puts_our_fragments_together() {
    apart("the_kernel_puts_our_fragments_together", || {
        for mtu in [576, 1500, 65_535] {
            // The device first, and with it the machine's address.
            let ours = upcall::Orb::builder()
                .environment(false)
                .fabric(None)
                .statistics(None)
                .tun(tun(mtu))
                .build()
                .unwrap();
            let server = Server::at(MACHINE, |builder| builder);
            let calls: super::LogRef = ours.resolve(&server.url()).unwrap();
            let log = super::LogRef::from(calls.as_ref().with_datagrams().unwrap());
            let client = Client {
                _orb: ours.clone(),
                calls,
                log,
            };
            all_arrive(&server, &client);
            server.orb.shutdown();
            ours.shutdown();
        }
    });
}

#[test]
fn garbage_by_our_own_udp_is_dropped_and_counted() {
    apart("garbage_by_our_own_udp_is_dropped_and_counted", || {
        let server = Server::at(OURS, |builder| builder.tun(tun(1500)));
        let client = Client::of(&server);
        let socket = std::net::UdpSocket::bind((MACHINE, 0)).unwrap();
        let to = super::loss::address(server.log.as_ref());
        for (number, garbage) in (0..).zip([&b""[..], b"GIOP", &[0xff; 5000]]) {
            socket.send_to(garbage, &to).unwrap();
            client.log.note(number, &Bytes::new()).send().unwrap();
            until("the next one is served", || {
                server.notes.numbers().len() > number as usize
            });
        }
        server.expect("malformed", 3);
    });
}

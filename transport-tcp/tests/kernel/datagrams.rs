// SPDX-License-Identifier: MIT OR Apache-2.0
//! Datagrams to and from the kernel's UDP, longer than a packet.

use std::net::UdpSocket;
use std::time::Duration;

use arrayvec::ArrayVec;
use bytes::Bytes;
use rtu::Time;
use transport_tcp::engine::{DatagramId, Settings, Stack};

use crate::apart::apart;
use crate::host::{Application, Host};
use crate::machine::noise;
use crate::tshark::skip;
use crate::{HERE, PORT};

/// No test waits longer for the kernel.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends each datagram back to where it came from.
#[derive(Default)]
struct Mirror {
    bound: Option<DatagramId>,
}

impl Application for Mirror {
    fn step(&mut self, stack: &mut Stack<Bytes>, _: Time) -> bool {
        let id = *self
            .bound
            .get_or_insert_with(|| stack.bind(PORT, 1 << 20).unwrap());
        let Some(datagram) = stack.recv_from(id) else {
            return false;
        };
        let octets = Bytes::from(datagram.payload.concat());
        let pieces: ArrayVec<_, 8> = [octets].into_iter().collect();
        stack.send_to(id, datagram.from, pieces).unwrap();
        true
    }
}

#[test]
fn long_datagrams_go_both_ways() {
    apart("long_datagrams_go_both_ways", || {
        let host = Host::start(HERE, Settings::default(), Mirror::default());
        let socket = UdpSocket::bind((HERE.machine(), 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.connect(HERE.host(PORT)).unwrap();
        let mut buffer = vec![0; 1 << 16];
        let lengths = [0, 1, 1472, 1473, 2952, 9000, 60_000, 65_507];
        for length in lengths.into_iter().cycle().take(80) {
            let sent = noise(length);
            socket.send(&sent).unwrap();
            let count = socket.recv(&mut buffer).unwrap();
            assert!(buffer[..count] == sent, "{length} octets came back as {count}");
        }
        let trace = host.stop();
        let Some(whole) = trace.select("udp && ip.src == 10.77.0.2") else {
            return skip("what tshark says", "tshark is not installed");
        };
        assert_eq!(whole.lines().count(), 80, "tshark puts them together too");
        let wrong =
            "udp.checksum.status == 0 || ip.checksum.status == 0 || ip.fragment.error || ip.fragment.overlap";
        let found = trace
            .select(&format!("ip.src == 10.77.0.2 && ({wrong})"))
            .unwrap();
        assert!(found.is_empty(), "{found}");
        let cut = trace.select("ip.src == 10.77.0.2 && ip.flags.mf == 1").unwrap();
        assert!(cut.lines().count() > 80);
    });
}

// SPDX-License-Identifier: MIT OR Apache-2.0

use std::net::{Ipv4Addr, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, thread};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::{CapabilitySet, UnshareFlags};

use super::*;
use crate::conformance::{ADDRESSES, Cable, Side, conforms};
use crate::{Channel, Closed, Headers, Interest, Refusal};

/// Runs `test` on a thread in a network namespace of its own, which ends with it; says why not where that is not allowed.
#[allow(unsafe_code, reason = "what a thread shares can be changed under its feet")]
fn apart(name: &str, test: impl FnOnce() + Send) {
    let run = || {
        // SAFETY: only this thread's view of the network changes, and it ends with the test.
        let apart = unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) };
        if let Err(error) = apart {
            let reason = format!("a network namespace needs CAP_SYS_ADMIN ({error}): run it as root");
            println!("SKIPPED: {name}: {reason}");
            assert!(
                std::env::var_os("CI").is_none_or(|ci| ci != "true"),
                "not to be skipped"
            );
            return;
        }
        test();
    };
    let outcome = thread::scope(|scope| scope.spawn(run).join());
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

fn config() -> Config {
    Config {
        name: "upcall0".into(),
        addresses: vec![
            ("10.77.0.1".parse().unwrap(), 24),
            ("fd77::1".parse().unwrap(), 64),
        ],
        mtu: 1400,
    }
}

/// The next packet, within a second.
fn next(tun: &mut Tun, wanted: impl Fn(&[u8]) -> bool) -> Bytes {
    for _ in 0..100 {
        let mut ready = [PollFd::new(tun, PollFlags::IN)];
        let longest = Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        };
        poll(&mut ready, Some(&longest)).unwrap();
        while let Some(packet) = tun.receive().unwrap() {
            if wanted(&packet) {
                return packet;
            }
        }
    }
    panic!("no such packet comes");
}

/// Swaps the ends of a UDP packet over IP, so that it goes back with a payload in two pieces.
fn answer(request: &Bytes, ip: usize, addresses: [usize; 2], length: usize) -> Packet<Bytes> {
    let mut bytes = request.to_vec();
    let [source, destination] = addresses;
    for at in 0..length {
        bytes.swap(source + at, destination + at);
    }
    bytes.swap(ip, ip + 2);
    bytes.swap(ip + 1, ip + 3);
    let mut headers = Headers::new();
    headers.append(&bytes[..ip + 8]).unwrap();
    let payload = Bytes::from(bytes.split_off(ip + 8));
    let half = payload.len() / 2;
    let pieces = [payload.slice(..half), payload.slice(half..)];
    Packet {
        headers,
        payload: pieces.into_iter().collect(),
    }
}

#[test]
fn a_program_of_the_machine_talks_to_this_process() {
    apart("a_program_of_the_machine_talks_to_this_process", || {
        let mut tun = Tun::open(&config()).unwrap();
        assert_eq!((tun.name(), tun.mtu()), ("upcall0", 1400));
        for (own, peer, ip, addresses, length) in [
            ("10.77.0.1:0", "10.77.0.9:4711", 20, [12, 16], 4),
            ("[fd77::1]:0", "[fd77::9]:4711", 40, [8, 24], 16),
        ] {
            let socket = UdpSocket::bind(own).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            socket.send_to(b"is anybody there?", peer).unwrap();
            let request = next(&mut tun, |packet| packet.ends_with(b"is anybody there?"));
            let packet = answer(&request, ip, addresses, length);
            let mut buffer = [0; 100];
            // The kernel drops what comes to an IPv6 address before its route is there, some time after the address.
            let (count, from) = (0..100)
                .find_map(|_| {
                    assert!(tun.transmit(&packet).unwrap());
                    socket.recv_from(&mut buffer).ok()
                })
                .expect("the answer comes");
            assert_eq!(&buffer[..count], b"is anybody there?");
            assert_eq!(from.to_string(), peer);
        }
        assert!(tun.receive().is_ok(), "an empty device does not block");
    });
}

#[test]
fn packets_stay_what_they_were_when_more_come() {
    apart("packets_stay_what_they_were_when_more_come", || {
        let mut tun = Tun::open(&config()).unwrap();
        let socket = UdpSocket::bind("10.77.0.1:0").unwrap();
        let mut kept = Vec::new();
        for number in 0..200_u8 {
            socket.send_to(&[number; 1000], "10.77.0.9:1").unwrap();
            kept.push(next(&mut tun, |packet| packet.len() == 1028));
        }
        for (number, packet) in (0..).zip(&kept) {
            assert_eq!(packet[28..], [number; 1000]);
        }
    });
}

#[test]
fn what_is_no_ip_packet_is_refused() {
    apart("what_is_no_ip_packet_is_refused", || {
        let tun = Tun::open(&config()).unwrap();
        let mut headers = Headers::new();
        headers.append(&[0; 40]).unwrap();
        let nonsense: Packet<Bytes> = Packet {
            headers,
            payload: ArrayVec::new(),
        };
        let refused = tun.transmit(&nonsense).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::EINVAL));
    });
}

#[test]
fn a_device_has_one_user_at_a_time() {
    apart("a_device_has_one_user_at_a_time", || {
        let tun = Tun::open(&config()).unwrap();
        assert!(matches!(Tun::open(&config()), Err(OpenError::Busy { .. })));
        drop(tun);
        Tun::open(&config()).unwrap();
    });
}

#[test]
fn the_kernel_names_what_has_no_name() {
    apart("the_kernel_names_what_has_no_name", || {
        let tun = Tun::open(&Config::default()).unwrap();
        assert!(tun.name().starts_with("tun"), "{}", tun.name());
    });
}

#[test]
fn names_that_no_interface_has_are_refused() {
    for name in ["sixteen-letters-", "a b", "a/b", "a\0b", "a%d"] {
        let config = Config {
            name: name.into(),
            ..Config::default()
        };
        assert!(
            matches!(Tun::open(&config), Err(OpenError::BadName { .. })),
            "{name}"
        );
    }
}

#[test]
fn who_lacks_the_privilege_learns_what_grants_it() {
    let name = "who_lacks_the_privilege_learns_what_grants_it";
    apart(name, || {
        let mut sets = rustix::thread::capabilities(None).unwrap();
        sets.effective.remove(CapabilitySet::NET_ADMIN);
        rustix::thread::set_capabilities(None, sets).unwrap();
        let refused = Tun::open(&config()).unwrap_err().to_string();
        for part in [
            "CAP_NET_ADMIN",
            "setcap cap_net_admin+ep",
            "ip tuntap add dev upcall0 mode tun",
        ] {
            assert!(refused.contains(part), "{refused}");
        }
    });
}

/// Two devices, and the machine between them, which routes.
struct Routed {
    ends: [Circuit; 2],
    begin: Instant,
}

impl Routed {
    fn new(mtu: u16) -> Self {
        let ends = ADDRESSES.map(|[a, b, c, _]| {
            let config = Config {
                addresses: vec![(Ipv4Addr::new(a, b, c, 1).into(), 24)],
                mtu,
                ..Config::default()
            };
            Circuit::new(Tun::open(&config).unwrap())
        });
        Self {
            ends,
            begin: Instant::now(),
        }
    }
}

impl Cable for Routed {
    type End = Circuit;

    fn end(&mut self, which: Side) -> &mut Circuit {
        let [left, right] = &mut self.ends;
        match which {
            Side::Left => left,
            Side::Right => right,
        }
    }

    fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    fn pass(&mut self) {
        thread::yield_now();
    }
}

#[test]
fn a_tun_device_is_a_backend_as_any() {
    apart("a_tun_device_is_a_backend_as_any", || {
        fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
        // The kernel would say on its own that there are routers.
        fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap();
        for mtu in [1500, 9000, 65_535] {
            conforms(|| Routed::new(mtu));
        }
    });
}

#[test]
fn who_waits_for_a_device_is_told_by_its_descriptor() {
    apart("who_waits_for_a_device_is_told_by_its_descriptor", || {
        fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap();
        let config = Config {
            addresses: vec![("10.77.0.1".parse().unwrap(), 24)],
            ..config()
        };
        let mut circuit = Circuit::new(Tun::open(&config).unwrap());
        let is_told = |circuit: &Circuit, longest| {
            let longest = Timespec {
                tv_sec: longest,
                tv_nsec: 0,
            };
            let device = circuit.device().unwrap();
            poll(&mut [PollFd::new(&device, PollFlags::IN)], Some(&longest)).unwrap() > 0
        };
        assert!(circuit.arm(Interest::Packets));
        assert!(!is_told(&circuit, 0));
        let socket = UdpSocket::bind("10.77.0.1:0").unwrap();
        socket.send_to(b"is anybody there?", "10.77.0.9:4711").unwrap();
        assert!(is_told(&circuit, 1));
        assert!(!circuit.arm(Interest::Packets), "it is there");
        let packet = circuit.receive(Duration::ZERO).unwrap().expect("it is there");
        assert_eq!(packet.payload.concat(), b"is anybody there?");
        assert!(circuit.receive(Duration::ZERO).unwrap().is_none());
    });
}

#[test]
fn a_device_that_is_deleted_ends_its_channel() {
    apart("a_device_that_is_deleted_ends_its_channel", || {
        let mut circuit = Circuit::new(Tun::open(&config()).unwrap());
        let deleted = Command::new("ip").args(["link", "delete", "upcall0"]).status();
        assert!(deleted.unwrap().success());
        let ended = (0..1000).find_map(|_| circuit.receive(Duration::ZERO).err());
        assert_eq!(ended, Some(Closed::DeviceGone));
        assert!(circuit.device().is_none());
        let refused = circuit.transmit(&Packet::default(), Duration::ZERO);
        assert_eq!(refused, Err(Refusal::Closed(Closed::DeviceGone)));
    });
}

#[test]
fn what_a_device_does_not_take_is_lost_and_counted() {
    apart("what_a_device_does_not_take_is_lost_and_counted", || {
        let mut circuit = Circuit::new(Tun::open(&config()).unwrap());
        let down = Command::new("ip")
            .args(["link", "set", "upcall0", "down"])
            .status();
        assert!(down.unwrap().success());
        let mut packet = Packet::default();
        packet.headers.append(&[0x45; 20]).unwrap();
        circuit.transmit(&packet, Duration::ZERO).unwrap();
        circuit.publish();
        assert_eq!(circuit.counters().lost, 1);
        assert!(!circuit.is_backed_up());
    });
}

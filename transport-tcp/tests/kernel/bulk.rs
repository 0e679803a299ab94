// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bulk over a TUN device, between our TCP and the kernel's, and between two kernels':
//! `cargo run --release -p upcall-transport-tcp --example bulk -- --seconds 3 --rounds 3`. Needs root.
//!
//! Ours is one thread behind a device, with the kernel's socket in the device's network namespace. The kernels are in two
//! namespaces, whose devices are joined by a thread that hands packets on. Rounds alternate; each line is the median of a kind,
//! and how much of that thread's time went into itself and into the system. `--plain` prints `kind mtu bytes_per_second`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program for developers: what it is for is what it prints"
)]

mod joined;

use std::env;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use transport_apic::tun::Tun;
use transport_tcp::engine::{self, Stack};
use transport_tcp::tun::Driver;

use joined::{apart, in_one_piece};

const MACHINE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 79, 0, 1));
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 79, 0, 2));
const PORT: u16 = 4711;
const MTUS: [u16; 3] = [1500, 9000, 65_535];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    OursToKernel,
    KernelToOurs,
    KernelToKernel,
}

impl Kind {
    const ALL: [Self; 3] = [Self::OursToKernel, Self::KernelToOurs, Self::KernelToKernel];

    fn name(self) -> &'static str {
        match self {
            Self::OursToKernel => "ours-to-kernel",
            Self::KernelToOurs => "kernel-to-ours",
            Self::KernelToKernel => "kernel-to-kernel",
        }
    }
}

/// What one round has shown.
#[derive(Clone, Copy, Debug)]
struct Shown {
    bytes_per_second: f64,
    /// Of the time of the thread behind the device, or between the devices.
    user: f64,
    system: f64,
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let number = |name: &str, default: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        at.map_or(default, |at| arguments[at + 1].parse().unwrap())
    };
    let (rounds, lasts) = (number("--rounds", 3), Duration::from_secs(number("--seconds", 3)));
    let plain = arguments.iter().any(|argument| argument == "--plain");
    for mtu in MTUS {
        let mut shown = [const { Vec::new() }; 3];
        for _ in 0..rounds {
            for (kind, shown) in Kind::ALL.into_iter().zip(&mut shown) {
                // Each in a namespace of its own, which ends with its thread.
                shown.push(thread::spawn(move || measure(kind, mtu, lasts)).join().unwrap());
            }
        }
        for (kind, shown) in Kind::ALL.into_iter().zip(&mut shown) {
            shown.sort_by(|one, other| one.bytes_per_second.total_cmp(&other.bytes_per_second));
            let median = shown[shown.len() / 2];
            if plain {
                println!("{} {mtu} {:.0}", kind.name(), median.bytes_per_second);
            } else {
                println!(
                    "MTU {mtu:5}  {:16}  {:7.1} MB/s  (its thread: {:2.0} % itself, {:2.0} % system)",
                    kind.name(),
                    median.bytes_per_second / 1e6,
                    median.user * 100.0,
                    median.system * 100.0
                );
            }
        }
    }
}

fn measure(kind: Kind, mtu: u16, lasts: Duration) -> Shown {
    let tun = apart(MACHINE, mtu);
    let times = Times::now();
    let began = Instant::now();
    let bytes = match kind {
        Kind::OursToKernel | Kind::KernelToOurs => with_ours(kind, tun, mtu, lasts),
        Kind::KernelToKernel => with_another(tun, mtu, lasts),
    };
    let (elapsed, spent) = (began.elapsed().as_secs_f64(), Times::now());
    Shown {
        bytes_per_second: bytes as f64 / lasts.as_secs_f64(),
        user: (spent.user - times.user) / elapsed,
        system: (spent.system - times.system) / elapsed,
    }
}

/// CPU time of the calling thread, in seconds.
struct Times {
    user: f64,
    system: f64,
}

impl Times {
    fn now() -> Self {
        // proc_pid_stat(5): behind the name, which is in parentheses, utime and stime are fields 14 and 15, in 1/100 s.
        let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let seconds = |at: usize| fields[at].parse::<f64>().unwrap() / 100.0;
        Self {
            user: seconds(11),
            system: seconds(12),
        }
    }
}

/// Drives our end on this thread, with the kernel's on another.
fn with_ours(kind: Kind, tun: Tun, mtu: u16, lasts: Duration) -> u64 {
    let mut config = engine::Config::new(OTHER, mtu.into(), *b"sixteen letters.");
    config.settings.send_budget = 4 << 20;
    config.settings.receive_budget = 4 << 20;
    let mut driver = Driver::new(tun, Stack::new(config));
    let listener = TcpListener::bind((MACHINE, PORT)).unwrap();
    let (tell, heard) = channel();
    let until = Instant::now() + lasts;
    thread::scope(|scope| {
        scope.spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            match kind {
                Kind::OursToKernel => receive(stream, until, &tell),
                _ => send(stream, until),
            }
        });
        let now = driver.now();
        let id = driver.stack().connect(now, None, (MACHINE, PORT).into()).unwrap();
        let data = Bytes::from(vec![7; 256 * 1024]);
        let mut received = 0;
        while Instant::now() < until {
            let stack = driver.stack();
            if kind == Kind::OursToKernel {
                while stack.room(id) >= data.len() && stack.send(id, data.clone()).is_ok() {}
            }
            while let Some(piece) = stack.recv(id) {
                received += piece.len() as u64;
            }
            if !driver.turn().unwrap() {
                rest(&driver);
            }
        }
        driver.stack().abort(id);
        driver.flush();
        match kind {
            Kind::OursToKernel => heard.recv_timeout(Duration::from_secs(5)).unwrap(),
            _ => received,
        }
    })
}

/// Hands packets on between two kernels, on this thread.
fn with_another(mut near: Tun, mtu: u16, lasts: Duration) -> u64 {
    let listener = TcpListener::bind((MACHINE, PORT)).unwrap();
    let (tell, heard) = channel();
    let (devices, device) = channel();
    let until = Instant::now() + lasts;
    // Who sends ends a little later, and is heard until then.
    let linger = until + Duration::from_secs(1);
    thread::scope(|scope| {
        scope.spawn(move || receive(listener.accept().unwrap().0, until, &tell));
        scope.spawn(move || {
            devices.send(apart(OTHER, mtu)).unwrap();
            send(TcpStream::connect((MACHINE, PORT)).unwrap(), until);
        });
        let mut far: Tun = device.recv().unwrap();
        let mut bytes = None;
        while Instant::now() < linger && bytes.is_none() {
            let there = hand_on(&mut far, &near);
            let back = hand_on(&mut near, &far);
            if !there && !back {
                let mut ready = [
                    PollFd::new(&near, PollFlags::IN),
                    PollFd::new(&far, PollFlags::IN),
                ];
                let _ = poll(&mut ready, Some(&LOOK));
            }
            bytes = heard.try_recv().ok();
        }
        bytes.unwrap_or_default()
    })
}

/// Hands on what one device has; says whether that was anything.
fn hand_on(from: &mut Tun, to: &Tun) -> bool {
    for taken in 0..64 {
        let Some(packet) = from.receive().unwrap() else {
            return taken > 0;
        };
        let _ = to.transmit(&in_one_piece(packet));
    }
    true
}

/// Nobody sleeps longer.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 10_000_000,
};

fn rest(driver: &Driver) {
    let mut interest = PollFlags::IN;
    interest.set(PollFlags::OUT, driver.is_stuck());
    let device = driver.device().unwrap();
    let _ = poll(&mut [PollFd::from_borrowed_fd(device, interest)], Some(&LOOK));
}

/// Counts what comes until then, and tells how much that was.
fn receive(mut stream: TcpStream, until: Instant, tell: &Sender<u64>) {
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let (mut buffer, mut bytes) = (vec![0; 1 << 20], 0);
    while Instant::now() < until {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => bytes += count as u64,
            Err(error) => assert!(is_late(&error), "{error}"),
        }
    }
    tell.send(bytes).unwrap();
}

fn send(mut stream: TcpStream, until: Instant) {
    rustix::net::sockopt::set_tcp_congestion(&stream, "cubic").unwrap();
    stream
        .set_write_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let data = vec![7; 256 * 1024];
    while Instant::now() < until {
        match stream.write(&data) {
            Ok(_) => {}
            Err(error) if is_late(&error) => {}
            // The other side ends first.
            Err(_) => return,
        }
    }
}

fn is_late(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

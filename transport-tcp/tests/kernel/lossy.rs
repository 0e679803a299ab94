// SPDX-License-Identifier: MIT OR Apache-2.0
//! Throughput of our sender and of the kernel's CUBIC over the same lossy links, to a receiver of the kernel's:
//! `cargo run --release -p upcall-transport-tcp --example lossy -- --rounds 3 --seconds 10`. Needs root.
//!
//! Two network namespaces, a TUN device in each, and between the devices the links of `transport_apic::sim` in real time. For
//! ours the sender's namespace is left out: its engine stands at the end of the link itself. Both run at the same time, each
//! over links of its own, so that what else the machine does hits both.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program for developers: what it is for is what it prints"
)]

mod joined;

use std::env;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroU64;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtu::{Nanos, Time};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use transport_apic::Packet;
use transport_apic::sim::{Conditions, Link};
use transport_apic::tun::Tun;
use transport_tcp::engine::{self, ConnectionId, Stack};

use joined::{apart, in_one_piece};

const SENDER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 79, 0, 2));
const RECEIVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 79, 0, 1));
const PORT: u16 = 4711;
const MTU: u16 = 1500;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let number = |name: &str, default: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        at.map_or(default, |at| arguments[at + 1].parse().unwrap())
    };
    let (rounds, seconds) = (number("--rounds", 3), number("--seconds", 10));
    let lasts = Duration::from_secs(seconds);
    println!(
        "20 ms there and back, 100 Mb/s, queue of 256 KiB, loss both ways; {rounds} rounds of {seconds} s"
    );
    for loss in [0.0, 0.01, 0.05] {
        let (mut kernel, mut ours) = (Vec::new(), Vec::new());
        for seed in 0..rounds {
            thread::scope(|scope| {
                let one = scope.spawn(move || measure(false, loss, seed, lasts));
                let other = scope.spawn(move || measure(true, loss, seed, lasts));
                kernel.push(one.join().unwrap());
                ours.push(other.join().unwrap());
            });
        }
        let mean = |rates: &[f64]| rates.iter().sum::<f64>() / rates.len() as f64 / 1e6;
        let (kernel, ours) = (mean(&kernel), mean(&ours));
        println!(
            "loss {:3.0} %: kernel {kernel:6.2} MB/s, ours {ours:6.2} MB/s, ours ÷ kernel {:.2}",
            loss * 100.0,
            ours / kernel
        );
    }
}

/// Bytes per second that arrive.
fn measure(is_ours: bool, loss: f64, seed: u64, lasts: Duration) -> f64 {
    let conditions = Conditions {
        delay: Duration::from_millis(10),
        rate: NonZeroU64::new(12_500_000),
        queue: 256 * 1024,
        loss,
        ..Conditions::default()
    };
    let link = |seed| Link::new(conditions, seed).unwrap();
    let (devices, device) = channel();
    thread::scope(|scope| {
        let there = devices.clone();
        let receiver = scope.spawn(move || {
            there.send(apart(RECEIVER, MTU)).unwrap();
            receive(lasts)
        });
        let receivers = device.recv().unwrap();
        let sender = if is_ours {
            Sender::Ours(Box::new(Ours::new()))
        } else {
            scope.spawn(move || {
                devices.send(apart(SENDER, MTU)).unwrap();
                send(lasts);
            });
            Sender::Kernel(device.recv().unwrap())
        };
        let shim = Shim {
            sender,
            receiver: receivers,
            there: link(2 * seed),
            back: link(2 * seed + 1),
            began: Instant::now(),
        };
        shim.run(lasts + Duration::from_secs(2));
        receiver.join().unwrap()
    })
}

fn receive(lasts: Duration) -> f64 {
    let listener = TcpListener::bind((RECEIVER, PORT)).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let began = Instant::now();
    let (mut buffer, mut bytes) = (vec![0; 1 << 20], 0);
    while began.elapsed() < lasts {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => bytes += count,
            Err(_) => {}
        }
    }
    bytes as f64 / began.elapsed().as_secs_f64()
}

fn send(lasts: Duration) {
    let mut stream = TcpStream::connect(SocketAddr::from((RECEIVER, PORT))).unwrap();
    rustix::net::sockopt::set_tcp_congestion(&stream, "cubic").unwrap();
    stream
        .set_write_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let began = Instant::now();
    while began.elapsed() < lasts {
        let _ = stream.write(&[0; 64 * 1024]);
    }
}

/// Our engine, and a connection of it that always has something to send.
struct Ours {
    stack: Stack<Bytes>,
    connection: Option<ConnectionId>,
    data: Bytes,
}

impl Ours {
    fn new() -> Self {
        let mut config = engine::Config::new(SENDER, MTU.into(), *b"sixteen letters.");
        config.settings.send_budget = 4 << 20;
        Self {
            stack: Stack::new(config),
            connection: None,
            data: Bytes::from(vec![0; 64 * 1024]),
        }
    }

    fn transmit(&mut self, now: Time) -> Option<Packet<Bytes>> {
        let stack = &mut self.stack;
        let id = *self
            .connection
            .get_or_insert_with(|| stack.connect(now, None, (RECEIVER, PORT).into()).unwrap());
        while stack.room(id) >= self.data.len() && stack.send(id, self.data.clone()).is_ok() {}
        stack.transmit(now)
    }
}

enum Sender {
    Kernel(Tun),
    Ours(Box<Ours>),
}

/// What stands between sender and receiver.
struct Shim {
    sender: Sender,
    receiver: Tun,
    there: Link<Bytes>,
    back: Link<Bytes>,
    began: Instant,
}

impl Shim {
    fn run(mut self, lasts: Duration) {
        while self.began.elapsed() < lasts {
            let now = self.began.elapsed();
            while let Some(packet) = self.next_of_sender(now) {
                self.there.send(now, packet);
            }
            while let Some(packet) = self.receiver.receive().unwrap() {
                self.back.send(now, packet);
            }
            while let Some(packet) = self.there.receive(now) {
                let _ = self.receiver.transmit(&in_one_piece(packet));
            }
            while let Some(packet) = self.back.receive(now) {
                self.hand_back(now, packet);
            }
            self.wait();
        }
    }

    fn next_of_sender(&mut self, now: Duration) -> Option<Bytes> {
        match &mut self.sender {
            Sender::Kernel(tun) => tun.receive().unwrap(),
            Sender::Ours(ours) => ours.transmit(time(now)).map(|packet| {
                let pieces = packet.payload.iter().map(AsRef::as_ref);
                let pieces: Vec<&[u8]> = [packet.headers.as_ref()].into_iter().chain(pieces).collect();
                pieces.concat().into()
            }),
        }
    }

    fn hand_back(&mut self, now: Duration, packet: Bytes) {
        match &mut self.sender {
            Sender::Kernel(tun) => {
                let _ = tun.transmit(&in_one_piece(packet));
            }
            Sender::Ours(ours) => {
                if let Some(packet) = Packet::split(&packet) {
                    let _ = ours.stack.receive(time(now), packet);
                }
            }
        }
    }

    fn wait(&self) {
        let arrivals = [self.there.next_arrival(), self.back.next_arrival()];
        let (ours, tun) = match &self.sender {
            Sender::Kernel(tun) => (None, Some(tun)),
            Sender::Ours(ours) => (ours.stack.deadline().map(|at| (at - Time::ZERO).into()), None),
        };
        let next = arrivals.into_iter().chain([ours]).flatten().min();
        let wait = next.map_or(Duration::from_millis(100), |next| {
            next.saturating_sub(self.began.elapsed())
        });
        let wait = Timespec {
            tv_sec: 0,
            tv_nsec: wait.as_nanos().min(100_000_000).try_into().unwrap(),
        };
        let devices = [Some(&self.receiver), tun].into_iter().flatten();
        let mut ready: Vec<_> = devices.map(|tun| PollFd::new(tun, PollFlags::IN)).collect();
        let _ = poll(&mut ready, Some(&wait));
    }
}

fn time(now: Duration) -> Time {
    Time::ZERO + Nanos::from(now)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! One stream of octets over a TUN device: between the kernel's TCP and our engine, and as the control between two of the
//! kernel's in network namespaces of their own, each with such a device, and a program that hands on what comes out of
//! either. Needs root.
#![allow(clippy::print_stderr, reason = "a program says what went wrong")]

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use probe::{Report, Usage};
use rtu::{Nanos, Time};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::UnshareFlags;
use transport_apic::Packet;
use transport_apic::tun::{Config, Tun};
use transport_tcp::engine::{self, ConnectionId, Stack};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const NEAR: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 80, 0, 1));
const FAR: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 80, 0, 2));
const PORT: u16 = 4711;
const MTU: u16 = 1500;
const PIECE: usize = 1 << 16;
/// Packets that are taken from a device before those that go there.
const BURST: usize = 64;
/// How long octets are counted, and how long the stream settles before.
const COUNTED: Duration = Duration::from_millis(1000);
const SETTLING: Duration = Duration::from_millis(300);
/// When everybody has ended.
const END: Duration = Duration::from_millis(1500);

fn main() -> ExitCode {
    let measured = match std::env::args().nth(1).as_deref() {
        Some("send") => ours(Way::Out),
        Some("receive") => ours(Way::In),
        Some("kernel") => kernel(),
        _ => Err("send, receive or kernel?".into()),
    };
    match measured {
        Ok(rate) => {
            let (mut report, used) = (Report::default(), Usage::now());
            report.set("bytes_per_s", rate);
            report.set("user_share", used.user.as_secs_f64() / END.as_secs_f64());
            report.set("system_share", used.system.as_secs_f64() / END.as_secs_f64());
            report.print("RESULT");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("bench-tun: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Where the octets go, as our engine sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Out,
    In,
}

/// The kernel's TCP in a namespace, and our engine at the other end of its device.
fn ours(way: Way) -> Outcome<f64> {
    let (devices, device) = channel();
    let kernel = thread::spawn(move || {
        apart(NEAR, &devices)?;
        let listener = TcpListener::bind((NEAR, PORT))?;
        let (stream, _) = accept(&listener)?;
        match way {
            Way::Out => receive(stream),
            Way::In => send(stream).map(|()| 0.0),
        }
    });
    let rate = Host::new(device.recv()?, way).run()?;
    let received = kernel.join().map_err(|_| "the kernel's thread panicked")??;
    Ok(if way == Way::Out { received } else { rate })
}

/// The control.
fn kernel() -> Outcome<f64> {
    let (devices, device) = channel();
    let sender = devices.clone();
    let receiving = thread::spawn(move || {
        apart(NEAR, &devices)?;
        let listener = TcpListener::bind((NEAR, PORT))?;
        receive(accept(&listener)?.0)
    });
    let mut near = device.recv()?;
    let sending = thread::spawn(move || {
        apart(FAR, &sender)?;
        send(TcpStream::connect(SocketAddr::from((NEAR, PORT)))?)
    });
    let mut far = device.recv()?;
    let began = Instant::now();
    while began.elapsed() < END {
        if !hand_on(&mut far, &near)? & !hand_on(&mut near, &far)? {
            rest(&[&near, &far], None);
        }
    }
    sending.join().map_err(|_| "the sender's thread panicked")??;
    receiving.join().map_err(|_| "the receiver's thread panicked")?
}

/// Hands on what comes out of a device; whether anything did.
fn hand_on(from: &mut Tun, to: &Tun) -> Outcome<bool> {
    for count in 0..BURST {
        let Some(packet) = from.receive()? else {
            return Ok(count > 0);
        };
        let mut whole = Packet::default();
        whole.payload.push(packet);
        // What the kernel has no room for is lost, as on any link.
        to.transmit(&whole)?;
    }
    Ok(true)
}

/// Takes this thread to a network namespace of its own, and passes on the device that leads out of it.
#[allow(unsafe_code, reason = "what a thread shares can be changed under its feet")]
fn apart(address: IpAddr, devices: &Sender<Tun>) -> Outcome<()> {
    // SAFETY: only this thread's view of the network changes, and it ends with the measurement.
    let apart = unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) };
    apart.map_err(|error| format!("a network namespace: {error}"))?;
    let config = Config {
        addresses: vec![(address, 24)],
        mtu: MTU,
        ..Config::default()
    };
    Ok(devices.send(Tun::open(&config)?)?)
}

/// Takes the one connection that comes, unless none does.
fn accept(listener: &TcpListener) -> Outcome<(TcpStream, SocketAddr)> {
    let timeout = Timespec::try_from(END)?;
    match poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&timeout))? {
        0 => Err("nobody connects".into()),
        _ => Ok(listener.accept()?),
    }
}

fn receive(mut stream: TcpStream) -> Outcome<f64> {
    stream.set_read_timeout(Some(END))?;
    let (mut meter, mut buffer) = (Meter::new(), vec![0; 1 << 18]);
    while !meter.is_over() {
        match stream.read(&mut buffer)? {
            0 => return Err("the stream ended".into()),
            count => meter.count(count),
        }
    }
    Ok(meter.rate())
}

/// Sends until the time is over, or the receiver has seen enough.
fn send(mut stream: TcpStream) -> Outcome<()> {
    stream.set_write_timeout(Some(Duration::from_millis(100)))?;
    let (began, piece) = (Instant::now(), vec![7; PIECE]);
    while began.elapsed() < END {
        match stream.write(&piece) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    Ok(())
}

/// Octets per second, once they flow.
struct Meter {
    began: Instant,
    octets: usize,
    counted: Duration,
}

impl Meter {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            octets: 0,
            counted: Duration::ZERO,
        }
    }

    fn count(&mut self, octets: usize) {
        let elapsed = self.began.elapsed();
        if elapsed >= SETTLING && !self.is_over() {
            self.octets += octets;
            self.counted = elapsed - SETTLING;
        }
    }

    fn is_over(&self) -> bool {
        self.counted >= COUNTED
    }

    fn rate(&self) -> f64 {
        self.octets as f64 / self.counted.as_secs_f64().max(f64::EPSILON)
    }
}

/// Our engine at the end of a device.
struct Host {
    tun: Tun,
    stack: Stack<Bytes>,
    connection: Option<ConnectionId>,
    way: Way,
    piece: Bytes,
    meter: Meter,
    /// What the kernel had no room for.
    refused: Option<Packet<Bytes>>,
    began: Instant,
}

impl Host {
    fn new(tun: Tun, way: Way) -> Self {
        let mut config = engine::Config::new(FAR, MTU.into(), *b"sixteen letters.");
        config.settings.send_budget = 4 << 20;
        config.settings.receive_budget = 4 << 20;
        Self {
            tun,
            stack: Stack::new(config),
            connection: None,
            way,
            piece: Bytes::from(vec![7; PIECE]),
            meter: Meter::new(),
            refused: None,
            began: Instant::now(),
        }
    }

    /// Runs until the time is over; returns octets per second that came.
    fn run(mut self) -> Outcome<f64> {
        // The listener is there within that.
        thread::sleep(Duration::from_millis(50));
        let id = self.stack.connect(self.now(), None, (NEAR, PORT).into())?;
        self.connection = Some(id);
        while self.began.elapsed() < END {
            let came = self.take_in(id)?;
            let went = self.put_out(id)?;
            if !came && !went {
                let deadline = self.stack.deadline().map(|at| Duration::from(at - Time::ZERO));
                let left = deadline.map(|at| at.saturating_sub(self.began.elapsed()));
                rest(&[&self.tun], left);
            }
        }
        Ok(self.meter.rate())
    }

    fn take_in(&mut self, id: ConnectionId) -> Outcome<bool> {
        let mut came = false;
        for _ in 0..BURST {
            let Some(packet) = self.tun.receive()? else {
                break;
            };
            came = true;
            if let Some(packet) = Packet::split(&packet) {
                let now = self.now();
                // What is malformed is dropped.
                let _ = self.stack.receive(now, packet);
            }
        }
        while let Some(piece) = self.stack.recv(id) {
            self.meter.count(piece.len());
        }
        Ok(came)
    }

    fn put_out(&mut self, id: ConnectionId) -> Outcome<bool> {
        while self.way == Way::Out && self.stack.room(id) >= self.piece.len() {
            if self.stack.send(id, self.piece.clone()).is_err() {
                break;
            }
        }
        for count in 0..BURST {
            let next = self.refused.take().or_else(|| self.stack.transmit(self.now()));
            let Some(packet) = next else {
                return Ok(count > 0);
            };
            if !self.tun.transmit(&packet)? {
                self.refused = Some(packet);
                return Ok(count > 0);
            }
        }
        Ok(true)
    }

    fn now(&self) -> Time {
        Time::ZERO + Nanos::from(self.began.elapsed())
    }
}

/// Sleeps until something comes, or it is time.
fn rest(devices: &[&Tun], left: Option<Duration>) {
    let left = left.unwrap_or(END).min(Duration::from_millis(20));
    let mut ready: Vec<PollFd<'_>> = devices
        .iter()
        .map(|tun| PollFd::new(*tun, PollFlags::IN))
        .collect();
    if let Ok(timeout) = Timespec::try_from(left) {
        // Whatever it ends for, all is looked at.
        let _ = poll(&mut ready, Some(&timeout));
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A host of ours behind a TUN device: a thread that runs a [`Stack`] with poll(2) and the stack's own deadline.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use bytes::Bytes;
use rtu::{Nanos, Time};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use transport_apic::Packet;
use transport_apic::tun::{Config, Tun};
use transport_tcp::engine::{self, Settings, Stack};

use crate::pcap::Pcap;

/// What an application does with the stack of its host, step by step, on the host's thread.
pub(crate) trait Application: Send + 'static {
    /// Does what can be done now; returns whether anything was.
    fn step(&mut self, stack: &mut Stack<Bytes>, now: Time) -> bool;
}

/// Where machine and host are: one network, with the machine at `.1` and the host at `.2`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) device: &'static str,
    pub(crate) network: u8,
    /// What the host believes.
    pub(crate) mtu: u16,
    /// What the device takes.
    pub(crate) device_mtu: u16,
}

impl Place {
    pub(crate) const HERE: Self = Self {
        device: "upcall0",
        network: 77,
        mtu: 1500,
        device_mtu: 1500,
    };

    pub(crate) fn machine(self) -> IpAddr {
        [10, self.network, 0, 1].into()
    }

    pub(crate) fn host(self, port: u16) -> SocketAddr {
        ([10, self.network, 0, 2], port).into()
    }
}

/// A running host; it ends with this.
pub(crate) struct Host {
    stop: OwnedFd,
    thread: Option<JoinHandle<io::Result<Pcap>>>,
}

impl Host {
    /// Starts a host at `place` with its application.
    pub(crate) fn start(place: Place, settings: Settings, application: impl Application) -> Self {
        let tun = Tun::open(&Config {
            name: place.device.into(),
            addresses: vec![(place.machine(), 24)],
            mtu: place.device_mtu,
        });
        let mut config = engine::Config::new(place.host(0).ip(), place.mtu.into(), *b"sixteen letters.");
        config.settings = settings;
        let stop = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
        let stopped = stop.try_clone().unwrap();
        let mut runner = Runner {
            tun: tun.unwrap_or_else(|error| panic!("{error}")),
            stack: Stack::new(config),
            application,
            unsent: None,
            trace: Pcap::new(),
            traced: 0,
            began: Instant::now(),
        };
        let thread = thread::spawn(move || runner.run(&stopped).map(|()| runner.trace));
        Self {
            stop,
            thread: Some(thread),
        }
    }

    /// Ends the host, and gives what passed its device.
    pub(crate) fn stop(mut self) -> Pcap {
        self.end().expect("it was not stopped before")
    }

    fn end(&mut self) -> Option<Pcap> {
        rustix::io::write(&self.stop, &1_u64.to_ne_bytes()).unwrap();
        let ended = self.thread.take()?.join();
        let outcome = ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Some(outcome.expect("the device works"))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.end();
        }
    }
}

struct Runner<A> {
    tun: Tun,
    stack: Stack<Bytes>,
    application: A,
    /// What the kernel had no room for.
    unsent: Option<Packet<Bytes>>,
    trace: Pcap,
    traced: usize,
    began: Instant,
}

/// Packets taken from the device before something else is done, and packets that are kept for tshark.
const BURST: usize = 64;
const TRACED: usize = 20_000;

impl<A: Application> Runner<A> {
    fn run(&mut self, stop: &OwnedFd) -> io::Result<()> {
        loop {
            let now = self.now();
            let worked = self.application.step(&mut self.stack, now);
            let came = self.receive()?;
            self.transmit()?;
            if (came || worked) && self.unsent.is_none() {
                continue;
            }
            if self.wait(stop)? {
                return Ok(());
            }
        }
    }

    fn now(&self) -> Time {
        Time::ZERO + Nanos::from(self.began.elapsed())
    }

    fn receive(&mut self) -> io::Result<bool> {
        let now = self.now();
        for taken in 0..BURST {
            let Some(whole) = self.tun.receive()? else {
                return Ok(taken > 0);
            };
            self.note(now, &[&whole]);
            if let Ok(packet) = engine::split(&whole) {
                let _ = self.stack.receive(now, packet);
            }
        }
        Ok(true)
    }

    fn transmit(&mut self) -> io::Result<()> {
        let now = self.now();
        while let Some(packet) = self.unsent.take().or_else(|| self.stack.transmit(now)) {
            if !self.tun.transmit(&packet)? {
                self.unsent = Some(packet);
                return Ok(());
            }
            let pieces = packet.payload.iter().map(AsRef::as_ref);
            let pieces: Vec<&[u8]> = [packet.headers.as_ref()].into_iter().chain(pieces).collect();
            self.note(now, &pieces);
        }
        Ok(())
    }

    fn note(&mut self, now: Time, pieces: &[&[u8]]) {
        if self.traced < TRACED {
            self.traced += 1;
            self.trace.write(now, &pieces.concat());
        }
    }

    /// Waits for packets, room or the next deadline; true if it is over.
    fn wait(&self, stop: &OwnedFd) -> io::Result<bool> {
        let mut interest = PollFlags::IN;
        interest.set(PollFlags::OUT, self.unsent.is_some());
        let mut ready = [PollFd::new(&self.tun, interest), PollFd::new(stop, PollFlags::IN)];
        let longest = self.stack.deadline().map(|at| {
            let span = at - self.now();
            Timespec {
                tv_sec: i64::try_from(span.0 / 1_000_000_000).unwrap_or(i64::MAX),
                tv_nsec: i64::try_from(span.0 % 1_000_000_000).unwrap_or(0),
            }
        });
        // Applications that rest look again now and then.
        let look = Timespec {
            tv_sec: 0,
            tv_nsec: 10_000_000,
        };
        let wait = longest.map_or(look, |longest| longest.min(look));
        match poll(&mut ready, Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [_, stop] = ready;
        Ok(stop.revents().contains(PollFlags::IN))
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A host of ours behind a TUN device: a thread that gives a [`Driver`] its turns.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use rtu::Time;
use rustix::event::{EventfdFlags, eventfd};
use transport_apic::tun::{Config, Tun};
use transport_tcp::engine::{self, Settings, Stack};
use transport_tcp::tun::{Driver, wait};

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
}

impl Place {
    pub(crate) const HERE: Self = Self {
        device: "upcall0",
        network: 77,
        mtu: 1500,
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
    thread: Option<JoinHandle<io::Result<()>>>,
    trace: Arc<Mutex<Pcap>>,
}

impl Host {
    /// Starts a host at `place` with its application.
    pub(crate) fn start(place: Place, settings: Settings, mut application: impl Application) -> Self {
        let tun = Tun::open(&Config {
            name: place.device.into(),
            addresses: vec![(place.machine(), 24)],
            mtu: place.mtu,
        });
        let mut config = engine::Config::new(place.host(0).ip(), place.mtu.into(), *b"sixteen letters.");
        config.settings = settings;
        let tun = tun.unwrap_or_else(|error| panic!("{error}"));
        let mut driver = Driver::new(tun, Stack::new(config));
        let trace = Arc::new(Mutex::new(Pcap::new()));
        let (tapped, mut traced) = (Arc::clone(&trace), 0);
        driver.tap(move |now, pieces| {
            if traced < TRACED {
                traced += 1;
                tapped.lock().unwrap().write(now, &pieces.concat());
            }
        });
        let stop = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
        let stopped = stop.try_clone().unwrap();
        let thread = thread::spawn(move || run(&mut driver, &mut application, &stopped));
        Self {
            stop,
            thread: Some(thread),
            trace,
        }
    }

    /// Ends the host, and gives what passed its device.
    pub(crate) fn stop(mut self) -> Pcap {
        self.end();
        self.trace.lock().unwrap().clone()
    }

    fn end(&mut self) {
        rustix::io::write(&self.stop, &1_u64.to_ne_bytes()).unwrap();
        if let Some(thread) = self.thread.take() {
            let outcome = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            outcome.expect("the device works");
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.end();
        }
    }
}

/// Packets that are kept for tshark.
const TRACED: usize = 20_000;

/// Applications that rest look again now and then.
const LOOK: Duration = Duration::from_millis(10);

fn run(driver: &mut Driver, application: &mut impl Application, stop: &OwnedFd) -> io::Result<()> {
    loop {
        let now = driver.now();
        let worked = application.step(driver.stack(), now);
        let more = driver.turn()?;
        if (more || worked) && !driver.is_stuck() {
            continue;
        }
        let left = driver.deadline().map(|at| Duration::from(at - driver.now()));
        let longest = left.map_or(LOOK, |left| left.min(LOOK));
        let device = driver.device().ok_or(io::ErrorKind::NotConnected)?;
        if wait(device, driver.is_stuck(), stop.as_fd(), Some(longest))? {
            return Ok(());
        }
    }
}

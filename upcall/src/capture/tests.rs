// SPDX-License-Identifier: MIT OR Apache-2.0
use std::{io::IoSlice, os::fd::BorrowedFd, path::PathBuf, sync::Arc, thread};

use orb_core::transport::{Endpoint, Link, Tap};
use parking_lot::Mutex;

use super::*;

const SOON: Duration = Duration::from_secs(10);

/// A link that carries nothing, and has packets all the same.
#[derive(Debug)]
struct Tapped {
    tap: Mutex<Option<Box<dyn Tap>>>,
    kernel: bool,
    end: Endpoint,
}

impl Tapped {
    fn new(kernel: bool) -> Arc<Self> {
        Arc::new(Self {
            tap: Mutex::default(),
            kernel,
            end: Endpoint::new("apic", "end", 0),
        })
    }

    fn packet(&self, direction: Direction, packet: &[u8]) {
        if let Some(tap) = &mut *self.tap.lock() {
            tap.packet(direction, &[packet]);
        }
    }

    fn is_tapped(&self) -> bool {
        self.tap.lock().is_some()
    }
}

impl Link for Tapped {
    fn send(&self, _: &[IoSlice<'_>], _: Option<Duration>) -> io::Result<usize> {
        Err(io::ErrorKind::NotConnected.into())
    }
    fn try_send(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::NotConnected.into())
    }
    fn recv(&self, _: &mut BytesMut, _: Option<Duration>) -> io::Result<usize> {
        Ok(0)
    }
    fn try_recv(&self, _: &mut BytesMut) -> io::Result<usize> {
        Ok(0)
    }
    fn shutdown(&self) {}
    fn peer(&self) -> &Endpoint {
        &self.end
    }
    fn local(&self) -> &Endpoint {
        &self.end
    }
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
    fn tap(&self, tap: Box<dyn Tap>) -> io::Result<()> {
        if self.kernel {
            return Err(io::ErrorKind::Unsupported.into());
        }
        *self.tap.lock() = Some(tap);
        Ok(())
    }
    fn untap(&self) {
        self.tap.lock().take();
    }
}

/// An ORB with one flow, number 7.
struct Orb {
    folder: Folder,
    path: PathBuf,
    station: Arc<Mutex<Option<Station>>>,
    serving: Option<thread::JoinHandle<()>>,
    _scratch: tempfile::TempDir,
}

impl Orb {
    fn new(link: &Arc<Tapped>) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let folder = Folder::at(scratch.path());
        let path = folder.station(std::process::id(), 0);
        let station = Arc::new(Mutex::new(Some(Station::open(&path).unwrap())));
        let link = Arc::downgrade(link);
        let find: Find = Arc::new(move |number| {
            let link = (number == 7).then(|| link.upgrade())??;
            Some(link as Arc<dyn Link>)
        });
        let its = Arc::clone(&station);
        let serving = thread::spawn(move || {
            while let Some(station) = &*its.lock() {
                station.let_in(&find);
                thread::sleep(Duration::from_millis(1));
            }
        });
        Self {
            folder,
            path,
            station,
            serving: Some(serving),
            _scratch: scratch,
        }
    }

    fn capture(&self, number: u64) -> Result<Capture, CaptureError> {
        let orb = Snapshot {
            process: std::process::id(),
            ..Snapshot::default()
        };
        let flow = Flow {
            number,
            ..Flow::default()
        };
        Capture::start(&self.folder, &orb, &flow, 100_000)
    }

    fn close(&mut self) {
        self.station.lock().take();
        if let Some(serving) = self.serving.take() {
            serving.join().unwrap();
        }
    }
}

impl Drop for Orb {
    fn drop(&mut self) {
        self.close();
    }
}

fn until(holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < SOON);
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn packets_come_in_order_until_nobody_wants_them() {
    let link = Tapped::new(false);
    let orb = Orb::new(&link);
    let mut capture = orb.capture(7).unwrap();
    assert_eq!((capture.local(), capture.peer()), ("apic://end", "apic://end"));
    assert_eq!(capture.next(Duration::ZERO).unwrap(), None);
    let before = SystemTime::now();
    for round in 0..100 {
        let (packet, direction) = match round % 2 {
            0 => (vec![round; 2000], Direction::Sent),
            _ => (vec![round; 20], Direction::Received),
        };
        link.packet(direction, &packet);
        let Some(Event::Packet(found)) = capture.next(SOON).unwrap() else {
            panic!("no packet")
        };
        assert!(found.time >= before && found.time <= SystemTime::now());
        assert_eq!(found.direction, direction);
        assert!(found.bytes == packet && found.length as usize == packet.len());
    }
    drop(capture);
    until(|| !link.is_tapped());
    drop(orb.capture(7).unwrap());
}

#[test]
fn what_nobody_takes_in_time_is_dropped_and_counted() {
    let link = Tapped::new(false);
    let orb = Orb::new(&link);
    let mut capture = orb.capture(7).unwrap();
    let packet = vec![1; 60_000];
    let all = 1000;
    for _ in 0..all {
        link.packet(Direction::Sent, &packet);
    }
    let (mut taken, mut dropped) = (0, 0);
    while taken + dropped < all {
        match capture.next(SOON).unwrap() {
            Some(Event::Packet(_)) => taken += 1,
            Some(Event::Dropped(count)) => dropped = count,
            other => panic!("{other:?} after {taken} and {dropped}"),
        }
    }
    assert!(dropped > 0 && taken > 50);
    link.packet(Direction::Sent, &packet);
    assert!(matches!(capture.next(SOON).unwrap(), Some(Event::Packet(_))));
}

#[test]
fn a_flow_that_ends_and_an_orb_that_ends_end_it() {
    let link = Tapped::new(false);
    let mut orb = Orb::new(&link);
    let mut capture = orb.capture(7).unwrap();
    link.packet(Direction::Sent, b"last");
    drop(link);
    assert!(matches!(capture.next(SOON).unwrap(), Some(Event::Packet(_))));
    assert_eq!(capture.next(SOON).unwrap(), Some(Event::Ended));
    assert_eq!(capture.next(SOON).unwrap(), Some(Event::Ended));
    let link = Tapped::new(false);
    let mut other = Orb::new(&link);
    let mut capture = other.capture(7).unwrap();
    other.close();
    assert_eq!(capture.next(SOON).unwrap(), Some(Event::Ended));
    until(|| !link.is_tapped());
    assert!(!other.path.exists());
    orb.close();
}

#[test]
fn what_is_not_captured_is_refused_with_the_reason() {
    let link = Tapped::new(true);
    let mut orb = Orb::new(&link);
    let kernel = orb.capture(7).unwrap_err();
    assert!(matches!(kernel, CaptureError::Kernel { .. }), "{kernel}");
    let gone = orb.capture(8).unwrap_err();
    assert!(
        matches!(&gone, CaptureError::Refused(why) if why.contains("has ended")),
        "{gone}"
    );
    orb.close();
    let unreachable = orb.capture(7).unwrap_err();
    assert!(
        matches!(unreachable, CaptureError::Unreachable { .. }),
        "{unreachable}"
    );
}

#[test]
fn who_says_nothing_or_nonsense_takes_nothing_from_others() {
    let link = Tapped::new(false);
    let orb = Orb::new(&link);
    let _silent = UnixStream::connect(&orb.path).unwrap();
    let mut wrong = UnixStream::connect(&orb.path).unwrap();
    wrong.write_all(&[7; Request::SIZE]).unwrap();
    let mut answer = Vec::new();
    wrong.read_to_end(&mut answer).unwrap();
    assert!(String::from_utf8_lossy(&answer).contains("another version"));
    let many: Vec<_> = (0..8).map(|_| UnixStream::connect(&orb.path).unwrap()).collect();
    until(|| orb.capture(7).is_ok_and(|_| true));
    drop(many);
}

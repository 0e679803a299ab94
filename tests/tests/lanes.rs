// SPDX-License-Identifier: MIT OR Apache-2.0
//! Objects with a guarantee are reached by a lane of their own, and served by real-time upcalls there.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where something is not as expected, and says so"
)]

upcall::include_idl!("telemetry");

/// Makes two tests of each function.
macro_rules! by_both_ways {
    ($($test:ident),+ $(,)?) => {
        mod by_sockets {
            $(#[test]
            fn $test() {
                super::$test(&super::Way::Sockets);
            })+
        }
        mod by_the_fabric {
            $(#[test]
            fn $test() {
                super::$test(&super::Way::Fabric(tempfile::tempdir().unwrap()));
            })+
        }
    };
}

#[path = "lanes/admission.rs"]
mod admission;
#[path = "lanes/both.rs"]
mod both;
#[path = "lanes/clients.rs"]
mod clients;
#[path = "lanes/context.rs"]
mod context;
#[path = "lanes/foreign.rs"]
mod foreign;
#[path = "lanes/groups.rs"]
mod groups;
#[path = "lanes/guests.rs"]
mod guests;
#[path = "lanes/own_flow.rs"]
mod own_flow;
#[path = "lanes/policing.rs"]
mod policing;
#[path = "lanes/sending.rs"]
mod sending;
#[path = "lanes/sources.rs"]
mod sources;
#[path = "lanes/windows.rs"]
mod windows;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use telemetry::{Sample, Sensor, SensorReadError, SensorRef, SensorSkeleton};
use tempfile::TempDir;
use upcall::{
    Bytes, Calibration, Context, Fabric, Orb,
    poa::{LaneStatus, Page},
    qos::Qos,
};

/// Counts its calls, and on which threads they came.
#[derive(Clone, Default)]
struct Thermometer {
    calls: Arc<AtomicU64>,
    threads: Arc<Mutex<BTreeSet<String>>>,
    /// By what readers came.
    ways: Arc<Mutex<Vec<String>>>,
    log: Arc<Mutex<Vec<(&'static str, Instant)>>>,
}

impl Thermometer {
    fn called(&self, what: &'static str) {
        self.log.lock().push((what, Instant::now()));
        self.calls.fetch_add(1, Ordering::SeqCst);
        let name = thread::current().name().unwrap_or_default().to_owned();
        self.threads.lock().insert(name);
    }

    fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Returns what was called, in that order.
    fn order(&self) -> Vec<&'static str> {
        self.log.lock().iter().map(|(what, _)| *what).collect()
    }

    /// The names of the threads that called it.
    fn threads(&self) -> Vec<String> {
        self.threads.lock().iter().cloned().collect()
    }
}

impl Sensor for Thermometer {
    fn name(&self, _: &Context<'_>) -> upcall::Result<String> {
        self.called("name");
        Ok("t0".into())
    }
    fn gain(&self, _: &Context<'_>) -> upcall::Result<f64> {
        self.called("gain");
        Ok(1.0)
    }
    fn set_gain(&self, _: &Context<'_>, _: f64) -> upcall::Result<()> {
        self.called("set_gain");
        Ok(())
    }
    fn read(&self, cx: &Context<'_>, channel: i32) -> Result<f64, SensorReadError> {
        self.called("read");
        let way = cx.peer().map_or("none", |peer| peer.scheme());
        self.ways.lock().push(way.to_owned());
        Ok(f64::from(channel))
    }
    fn stats(&self, _: &Context<'_>, _: i32, count: i32) -> upcall::Result<(bool, f64, i32)> {
        self.called("stats");
        Ok((true, 21.5, count + 1))
    }
    fn snapshot(&self, _: &Context<'_>, mask: &[u8]) -> upcall::Result<Bytes> {
        self.called("snapshot");
        Ok(Bytes::copy_from_slice(mask))
    }
    fn push(&self, _: &Context<'_>, _: Vec<Sample>) {
        self.called("push");
    }
    fn peer(&self, _: &Context<'_>) -> upcall::Result<Option<SensorRef>> {
        self.called("peer");
        Ok(None)
    }
}

/// The way by which clients come: there is no other one.
enum Way {
    Sockets,
    /// In this directory, so that names are free.
    Fabric(TempDir),
}

impl Way {
    fn server(&self) -> Orb {
        let builder = self.described(MACHINE);
        let builder = match self {
            Self::Sockets => builder.listen("iiop://127.0.0.1:0"),
            Self::Fabric(_) => builder.listen("apic://sensors"),
        };
        builder.build().unwrap()
    }

    fn client(&self) -> Orb {
        self.described(MACHINE).build().unwrap()
    }

    fn described(&self, machine: &str) -> upcall::OrbBuilder {
        match self {
            Self::Sockets => described(machine),
            Self::Fabric(folder) => described(machine).fabric(Fabric::at(folder.path())),
        }
    }
}

/// A server whose machine is described, so that no file of the machine that tests it counts; by sockets only.
fn server() -> Orb {
    builder().build().unwrap()
}

fn builder() -> upcall::OrbBuilder {
    builder_at("iiop://127.0.0.1:0")
}

fn builder_at(url: &str) -> upcall::OrbBuilder {
    described(MACHINE).listen(url)
}

fn described(machine: &str) -> upcall::OrbBuilder {
    let described = Calibration::parse(machine).unwrap();
    let builder = Orb::builder().environment(false).fabric(None);
    builder.real_time(|machine| {
        machine.calibration = Some(described);
        // Tests beside this one are no other processes.
        machine.page = Page::None;
    })
}

/// A server with this QoS file.
fn with_file(text: &str) -> Orb {
    configured(builder(), text)
}

fn configured(builder: upcall::OrbBuilder, text: &str) -> Orb {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("upcall.toml");
    std::fs::write(&path, text).unwrap();
    builder.config(&path).build().unwrap()
}

/// Every object has a guarantee.
const EVERYTHING: &str = r#"
[[object]]
class = "isochronous"
period = "4ms"
messages = 8
message_size = "16KiB"
worst_case = "20us"
"#;

fn client() -> Orb {
    described(MACHINE).build().unwrap()
}

/// Costs that leave room for a few objects.
const MACHINE: &str = r#"
version = 1
[machine]
cpus = [0]
switch = "1us"
jitter = "10us"
[costs]
upcall = "10us"
message = "10us"
byte = "1ns"
servant = "10us"
"#;

/// A message every 2 ms takes a few percent of that machine.
fn soon() -> Qos {
    Qos::low_delay(Duration::from_millis(2)).worst_case(Duration::from_micros(20))
}

/// Takes more than half of it.
fn most() -> Qos {
    Qos::low_delay(Duration::from_millis(2)).worst_case(Duration::from_micros(1200))
}

/// Activates an object by this id.
fn export(
    orb: &Orb,
    id: &str,
    sensor: &Thermometer,
    qos: Qos,
) -> Result<SensorRef, upcall::poa::ActivateError> {
    let skeleton = SensorSkeleton::new(sensor.clone());
    orb.root_poa().activate(skeleton).id(id).qos(qos).export()
}

/// The same object as `client` knows it.
fn from(client: &Orb, server: &Orb, sensor: &SensorRef) -> SensorRef {
    client.resolve(&server.object_to_string(sensor)).unwrap()
}

fn lane(orb: &Orb, id: &str) -> LaneStatus {
    orb.root_poa().lane(id).unwrap().expect("a lane")
}

/// The port that references to an object lead to.
fn port(sensor: &SensorRef) -> u16 {
    let object: &upcall::ObjectRef = sensor.as_ref();
    let profile = object.ior().iiop_profiles().next().expect("a profile");
    profile.port
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! RT-CORBA priorities, from the client's thread to the servant's and on.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test stops where something is not as expected, and says so"
)]

upcall::include_idl!("telemetry");

#[path = "rtcorba/connections.rs"]
mod connections;
#[path = "rtcorba/contexts.rs"]
mod contexts;
#[path = "rtcorba/models.rs"]
mod models;
#[path = "rtcorba/native.rs"]
mod native;
#[path = "rtcorba/policies.rs"]
mod policies;
#[path = "rtcorba/pools.rs"]
mod pools;
#[path = "rtcorba/protocols.rs"]
mod protocols;
#[path = "rtcorba/transforms.rs"]
mod transforms;

use std::{sync::Arc, thread};

use orb_core::servant::Reply;
use parking_lot::Mutex;
use telemetry::{Sample, Sensor, SensorReadError, SensorRef, SensorSkeleton};
use upcall::{
    Bytes, Calibration, Context, Orb, Poa,
    poa::Activation,
    qos::Qos,
    rtcorba::{NativePriority, Priority, PriorityBand, PriorityMapping, PriorityModel, RtCurrent},
};

/// What a servant saw of a request: the priority of the request, that of its thread, and the name of the thread.
type Seen = (Option<i16>, Option<i16>, String);

/// Notes at which priority it is called.
#[derive(Clone)]
struct Thermometer {
    current: RtCurrent,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Whom it asks in its turn.
    peer: Arc<Mutex<Option<SensorRef>>>,
}

impl Thermometer {
    fn new(orb: &Orb) -> Self {
        Self {
            current: orb.rt_current(),
            seen: Arc::default(),
            peer: Arc::default(),
        }
    }

    fn called(&self, cx: &Context<'_>) {
        let priority = cx.priority().map(Priority::get);
        let thread_priority = self.current.priority().ok().map(Priority::get);
        let name = thread::current().name().unwrap_or_default().to_owned();
        self.seen.lock().push((priority, thread_priority, name));
    }

    /// The priorities of the last request: its own and that of its thread.
    fn last(&self) -> (Option<i16>, Option<i16>) {
        let seen = self.seen.lock();
        let (priority, thread_priority, _) = seen.last().expect("a call");
        (*priority, *thread_priority)
    }

    /// The name of the thread that served last.
    fn last_thread(&self) -> String {
        self.seen.lock().last().expect("a call").2.clone()
    }
}

impl Sensor for Thermometer {
    fn name(&self, cx: &Context<'_>) -> upcall::Result<String> {
        self.called(cx);
        Ok("t0".into())
    }
    fn gain(&self, cx: &Context<'_>) -> upcall::Result<f64> {
        self.called(cx);
        Ok(1.0)
    }
    fn set_gain(&self, cx: &Context<'_>, _: f64) -> upcall::Result<()> {
        self.called(cx);
        // Lasts until it returns.
        self.current.set_priority(priority(1))
    }
    fn read(&self, cx: &Context<'_>, channel: i32) -> Result<f64, SensorReadError> {
        self.called(cx);
        if let Some(peer) = &*self.peer.lock() {
            return peer.read(channel).wait();
        }
        Ok(f64::from(channel))
    }
    fn stats(&self, cx: &Context<'_>, _: i32, count: i32) -> upcall::Result<(bool, f64, i32)> {
        self.called(cx);
        Ok((true, 21.5, count + 1))
    }
    fn snapshot(&self, cx: &Context<'_>, mask: &[u8]) -> upcall::Result<Bytes> {
        self.called(cx);
        Ok(Bytes::copy_from_slice(mask))
    }
    fn push(&self, cx: &Context<'_>, _: Vec<Sample>) {
        self.called(cx);
    }
    fn peer(&self, cx: &Context<'_>) -> upcall::Result<Option<SensorRef>> {
        self.called(cx);
        Ok(None)
    }
}

/// Notes something of each request, and answers it as if it were for the attribute `name`.
#[derive(Clone)]
struct Noting<T> {
    noted: Arc<Mutex<Vec<T>>>,
    what: fn(&Context<'_>) -> T,
}

impl<T> Noting<T> {
    fn new(what: fn(&Context<'_>) -> T) -> Self {
        Self {
            noted: Arc::default(),
            what,
        }
    }
}

impl<T: Send + 'static> upcall::Servant for Noting<T> {
    fn repository_id(&self) -> &str {
        "IDL:Telemetry/Sensor:1.0"
    }
    fn is_a(&self, id: &str) -> bool {
        id == self.repository_id()
    }
    fn dispatch(
        &self,
        cx: &Context<'_>,
        _: &mut upcall::Decoder<'_>,
        reply: &mut Reply<'_>,
    ) -> upcall::Result<()> {
        self.noted.lock().push((self.what)(cx));
        reply.ok(|encoder| encoder.string("t0"))
    }
}

/// Leaves all threads their ordinary scheduling, so that tests do not depend on rights; knows no priority above 30000.
#[derive(Debug)]
struct Ordinary;

impl PriorityMapping for Ordinary {
    fn to_native(&self, priority: Priority) -> Option<NativePriority> {
        (priority.get() <= 30_000).then_some(0)
    }

    fn to_corba(&self, native: NativePriority) -> Option<Priority> {
        (native == 0).then_some(Priority::MIN)
    }
}

/// An ORB without the fabric: what a connection is like, and which one it is, is a matter of TCP.
fn by_sockets() -> upcall::OrbBuilder {
    Orb::builder().environment(false).fabric(None)
}

fn server() -> Orb {
    let builder = by_sockets().listen("iiop://127.0.0.1:0");
    let builder = builder.real_time(|settings| {
        settings.priority_mapping = Some(Arc::new(Ordinary));
        settings.calibration = Some(Calibration::default());
        // Tests beside this one are no other processes.
        settings.page = upcall::poa::Page::None;
    });
    builder.build().unwrap()
}

fn client() -> Orb {
    let builder = by_sockets();
    let builder = builder.real_time(|settings| settings.priority_mapping = Some(Arc::new(Ordinary)));
    builder.build().unwrap()
}

fn priority(value: i16) -> Priority {
    Priority::new(value).unwrap()
}

fn poa(orb: &Orb, model: PriorityModel, server_priority: i16) -> Poa {
    let poa = orb.root_poa().create("rt");
    poa.priority_model(model, priority(server_priority))
        .build()
        .unwrap()
}

fn export(poa: &Poa, servant: &Thermometer) -> SensorRef {
    activate(poa, servant).export().unwrap()
}

/// Without the guarantee that the interface asks for.
fn activate<'p>(poa: &'p Poa, servant: &Thermometer) -> Activation<'p> {
    let skeleton = SensorSkeleton::new(servant.clone());
    poa.activate(skeleton).qos(Qos::best_effort(1))
}

/// The same object as `client` knows it.
fn from(client: &Orb, server: &Orb, sensor: &SensorRef) -> SensorRef {
    client.resolve(&server.object_to_string(sensor)).unwrap()
}

/// Calls on a thread of its own, which has this priority if any.
fn at<T: Send>(orb: &Orb, value: Option<i16>, call: impl FnOnce() -> T + Send) -> T {
    let current = orb.rt_current();
    thread::scope(|scope| {
        let caller = scope.spawn(move || {
            if let Some(value) = value {
                current.set_priority(priority(value)).unwrap();
            }
            call()
        });
        caller.join().unwrap()
    })
}

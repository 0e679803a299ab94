// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ORB: where a program starts and ends.

mod builder;
mod fabric;
mod planner;
mod references;
mod stop;
mod tun;

use std::{
    fmt,
    sync::{Arc, Weak},
    thread,
};

use object_adapter::{
    ObjectAdapter, Poa,
    rtcorba::{RtCurrent, Threadpool, ThreadpoolConfig, ThreadpoolError},
};
use orb_core::{
    exception::{Completed, Result, SystemException, SystemExceptionKind, minor},
    ior::Ior,
    object::{Interface, ObjectRef},
    orb::OrbCore,
    rtcorba::ProtocolType,
    servant::Adapter,
    server::Server,
    transport::{Endpoint, Listener},
};
use parking_lot::Mutex;

use self::{builder::Serving, stop::Stop};
pub use self::{
    builder::{BuildError, OrbBuilder},
    fabric::Fabric,
    tun::{Tun, TunError},
};
use crate::statistics::Publisher;

/// An ORB. Cheap to clone; the last clone that goes stops serving, while references stay good.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let orb = upcall::Orb::builder().args(std::env::args()).build()?;
/// let object: upcall::ObjectRef = orb.resolve("corbaname::localhost#sensors/t0")?;
/// println!("{}", object.is_a("IDL:Telemetry/Sensor:1.0").wait()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Orb(Arc<Inner>);

struct Inner {
    core: Arc<OrbCore>,
    objects: Arc<ObjectAdapter>,
    serving: Serving,
    /// Held while an ORB that only called begins to listen.
    listening: Mutex<()>,
    server: Mutex<Option<Arc<Server>>>,
    publisher: Mutex<Option<Publisher>>,
    arguments: Vec<String>,
    trace_level: Option<u32>,
    stop: Stop,
}

impl Orb {
    /// Begins to configure an ORB.
    pub fn builder() -> OrbBuilder {
        OrbBuilder::new()
    }

    /// Returns the reference that a URL names, as one of `T`: `IOR:`, `corbaloc:`, `corbaname:` or `file:`. The object
    /// is asked whether it is a `T` if the reference does not say so.
    ///
    /// # Errors
    ///
    /// `BAD_PARAM` for a text that is no such URL or an object of another type, `INV_OBJREF` for nil, and what the
    /// calls raise that are needed to find the object.
    pub fn resolve<T: Interface>(&self, url: &str) -> Result<T> {
        self.0.core.resolve(url)
    }

    /// Returns the reference that a URL names, without asking the object anything.
    ///
    /// # Errors
    ///
    /// As [`Orb::resolve`].
    pub fn string_to_object(&self, url: &str) -> Result<ObjectRef> {
        self.0.core.string_to_object(url)
    }

    /// Returns a reference as `IOR:` and hexadecimal digits.
    pub fn object_to_string(&self, object: &impl AsRef<ObjectRef>) -> String {
        self.0.core.object_to_string(object)
    }

    /// Makes a reference of an IOR.
    pub fn object(&self, ior: Ior) -> ObjectRef {
        self.0.core.object(ior)
    }

    /// Returns an initial reference, such as `NameService`: one that was registered, then one that `-ORBInitRef`
    /// gave, then one below `-ORBDefaultInitRef`.
    ///
    /// # Errors
    ///
    /// `BAD_PARAM` if there is none of that name, and what resolving its URL raises.
    pub fn resolve_initial(&self, name: &str) -> Result<ObjectRef> {
        self.0.core.resolve_initial(name)
    }

    /// Makes a reference known as an initial reference of this ORB.
    pub fn register_initial(&self, name: &str, object: &impl AsRef<ObjectRef>) {
        self.0.core.register_initial(name, object.as_ref());
    }

    /// Returns where this ORB's objects can be reached, as its references say.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        self.0.core.local_endpoints()
    }

    /// Returns the command line that was given to [`OrbBuilder::args`] without the ORB's own arguments.
    pub fn arguments(&self) -> &[String] {
        &self.0.arguments
    }

    /// Returns the level that `-ORBtraceLevel` or `UPCALL_TRACE_LEVEL` gave. Events go to `tracing`; what becomes of
    /// them is the program's choice, and this is a hint for it.
    pub fn trace_level(&self) -> Option<u32> {
        self.0.trace_level
    }

    /// Serves until [`Orb::shutdown`] is called or the process is asked to end (`SIGINT`, which is Ctrl-C, or
    /// `SIGTERM`); then shuts down. Asked a second time, the process ends at once, without waiting for requests in
    /// progress.
    ///
    /// Meanwhile the calling thread is the main thread, which serves the POAs with
    /// [`MAIN_THREAD_MODEL`](object_adapter::Threads::Main). Of several threads in `run` one is.
    ///
    /// # Errors
    ///
    /// What the operating system says when signals cannot be caught.
    pub fn run(&self) -> std::io::Result<()> {
        self.0.stop.wait()?;
        self.shutdown();
        Ok(())
    }

    /// Tells whether requests wait for the main thread (CORBA 3.3 Part 1 §8.2.3).
    ///
    /// # Errors
    ///
    /// `BAD_INV_ORDER` (minor 4) after [`Orb::shutdown`].
    pub fn work_pending(&self) -> Result<bool> {
        self.check_running()?;
        Ok(self.0.objects.main_thread().work_pending())
    }

    /// Serves one request that waits for the main thread, if there is one, and returns; for programs whose main thread
    /// has a loop of its own. The calling thread becomes the main thread, and stays it until another one calls this or
    /// [`Orb::run`]; does nothing while another one is in either.
    ///
    /// # Errors
    ///
    /// As [`Orb::work_pending`].
    pub fn perform_work(&self) -> Result<()> {
        self.check_running()?;
        self.0.objects.main_thread().perform_work();
        Ok(())
    }

    fn check_running(&self) -> Result<()> {
        if !self.is_shut_down() {
            return Ok(());
        }
        let kind = SystemExceptionKind::BadInvOrder;
        Err(
            SystemException::new(kind, minor::ORB_HAS_SHUT_DOWN, Completed::No)
                .with_message("the ORB was shut down"),
        )
    }

    /// Ends the ORB: requests in progress finish within [`grace`](orb_core::server::ServerConfig::grace) (5 s), clients
    /// get CloseConnection, calls in flight raise `BAD_INV_ORDER`, and [`Orb::run`] returns. Requests that wait for the
    /// main thread are served if there is one, and refused otherwise.
    ///
    /// Called from a servant, it returns at once and a thread does the rest.
    pub fn shutdown(&self) {
        if self.0.objects.main_thread().is_serving_here() {
            // The request that asks for it is one of those that finish first.
            let orb = self.clone();
            drop(
                thread::Builder::new()
                    .name("upcall-shutdown".into())
                    .spawn(move || orb.finish()),
            );
        } else {
            self.finish();
        }
    }

    fn finish(&self) {
        self.0.stop_serving();
        self.0.core.shutdown();
        self.0.stop.set();
    }

    /// Tells whether [`Orb::shutdown`] was called.
    pub fn is_shut_down(&self) -> bool {
        self.0.core.is_shut_down()
    }

    /// Returns the RT-CORBA priority of the calling thread (`RTCurrent`).
    pub fn rt_current(&self) -> RtCurrent {
        self.0.objects.rt_current()
    }

    /// Makes a thread pool for POAs (`RTORB::create_threadpool`, `create_threadpool_with_lanes`).
    ///
    /// # Errors
    ///
    /// [`ThreadpoolError`] for one that could not serve, or that the system gives no threads for.
    pub fn create_threadpool(
        &self,
        config: ThreadpoolConfig,
    ) -> std::result::Result<Threadpool, ThreadpoolError> {
        self.0.objects.create_threadpool(config)
    }

    /// Returns what this ORB's objects with a guarantee did so far, all their clients together, in the text format of
    /// Prometheus (version 0.0.4): messages, deadlines missed, overruns, CPU time, and histograms of response times and
    /// release jitter, whose sums are right to within a sixteenth; and what became of datagrams, where it takes any. A program's HTTP server answers scrapes with it, as
    /// `text/plain; version=0.0.4`.
    ///
    /// Needs the feature `metrics`.
    #[cfg(feature = "metrics")]
    pub fn metrics(&self) -> String {
        let server = self.0.server.lock().clone();
        let others = server.map(|server| server.connections()).unwrap_or_default();
        crate::metrics::render(&self.0.objects.flows().objects(), &others)
    }

    /// Returns the core that all parts of this ORB share.
    pub fn core(&self) -> &Arc<OrbCore> {
        &self.0.core
    }

    /// Returns the root POA, in which objects are activated and other POAs are made.
    pub fn root_poa(&self) -> &Poa {
        self.0.objects.root()
    }
}

impl Inner {
    /// Begins to serve at `listeners`.
    fn serve(&self, listeners: Vec<Box<dyn Listener>>) -> std::io::Result<()> {
        if listeners.is_empty() {
            return Ok(());
        }
        let adapter = Arc::clone(&self.objects) as Arc<dyn Adapter>;
        let server = Arc::new(self.serving.start(&self.core, adapter, listeners)?);
        let seen = Arc::downgrade(&server);
        *self.publisher.lock() = self.serving.publish_statistics(&self.objects, seen);
        *self.server.lock() = Some(server);
        Ok(())
    }

    /// Begins to show what flows do, if that is not done already.
    fn publish(&self) {
        let mut publisher = self.publisher.lock();
        if publisher.is_none() && !self.core.is_shut_down() {
            *publisher = self.serving.publish_statistics(&self.objects, Weak::new());
        }
    }

    /// Returns where this ORB is reached; begins to listen if it did not.
    fn endpoints(&self) -> Result<Vec<Endpoint>> {
        let endpoints = self.core.local_endpoints();
        if endpoints.is_empty() {
            return self.listen_anywhere();
        }
        Ok(endpoints)
    }

    /// Listens at any port: an ORB that only calls has made a reference to an object of its own, for a callback.
    fn listen_anywhere(&self) -> Result<Vec<Endpoint>> {
        let _one_at_a_time = self.listening.lock();
        let endpoints = self.core.local_endpoints();
        if !endpoints.is_empty() {
            return Ok(endpoints);
        }
        if self.core.is_shut_down() {
            return Err(cannot_listen("it was shut down"));
        }
        let mut anywhere = vec![Endpoint::iiop("0.0.0.0", 0)];
        anywhere.retain(|endpoint| self.serving.protocols.allows(ProtocolType::of(endpoint)));
        let mut listeners =
            builder::bind(&self.core, &anywhere, None, &self.serving.tcp()).map_err(cannot_listen)?;
        if self.serving.protocols.allows(ProtocolType::LOCAL) {
            listeners.extend(builder::bind_on_fabric(&self.core));
        }
        if listeners.is_empty() {
            return Err(cannot_listen(
                "there is no fabric, and it is to serve by nothing else",
            ));
        }
        self.serve(listeners).map_err(cannot_listen)?;
        let endpoints = self.core.local_endpoints();
        tracing::debug!(?endpoints, "the ORB listens, for an object that was activated");
        Ok(endpoints)
    }

    fn stop_serving(&self) {
        self.objects.main_thread().close();
        drop(self.publisher.lock().take());
        // Not under the lock: requests that are in progress may ask for it.
        let server = self.server.lock().take();
        if let Some(server) = server {
            server.shutdown();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop_serving();
    }
}

fn cannot_listen(why: impl fmt::Display) -> SystemException {
    SystemException::new(SystemExceptionKind::Initialize, 0, Completed::No).with_message(format!(
        "the ORB does not listen, so its objects have no references: {why}"
    ))
}

impl fmt::Debug for Orb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Orb")
            .field("core", &self.0.core)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

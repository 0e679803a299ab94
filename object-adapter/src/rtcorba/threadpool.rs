// SPDX-License-Identifier: MIT OR Apache-2.0
//! Threads that are kept for requests, and run at their priorities.

mod lanes;

use std::{cell::Cell, fmt, io, sync::Arc, thread, time::Instant};

use orb_core::{
    exception::SystemException,
    nested,
    rtcorba::{InvalidThreadpool, Priority, ThreadpoolConfig},
    server,
};
use parking_lot::{Condvar, Mutex, MutexGuard};

use self::lanes::{Decision, Job, Lanes};
use super::{PriorityMapping, at_priority::Served};
use crate::handoff::{self, Work, late, refused};

/// How long a dynamic thread waits for something to do before it ends.
const IDLE: std::time::Duration = std::time::Duration::from_secs(10);

/// Threads that serve the requests of POAs (`RTCORBA::Threadpool`). Cheap to clone; the threads end when the last clone and
/// the last POA that has it are gone.
///
/// The thread that received a request hands it over, and waits; so a pool costs a request two switches between threads,
/// and keeps the promise that lanes make of it: requests of one priority do not use up the threads of another.
#[derive(Clone)]
pub struct Threadpool(Arc<Handle>);

/// Ends the threads when it is dropped; they themselves only keep the pool.
struct Handle(Arc<Pool>);

struct Pool {
    config: ThreadpoolConfig,
    mapping: Arc<dyn PriorityMapping>,
    lanes: Mutex<Lanes>,
    /// One for each lane: there is a job for one of its threads, or the pool ends.
    called: Vec<Condvar>,
}

/// Why a thread pool could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ThreadpoolError {
    /// Nobody could have it like that.
    #[error(transparent)]
    Invalid(#[from] InvalidThreadpool),
    /// A lane's priority is mapped to none of the system's.
    #[error("{0}")]
    Priority(SystemException),
    /// The system gives no threads.
    #[error("starting the threads of a pool: {0}")]
    System(#[from] io::Error),
}

/// What a thread pool does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThreadpoolStatus {
    /// The threads of each lane.
    pub threads: Vec<u32>,
    /// Those that wait for a request.
    pub idle: Vec<u32>,
    /// How many requests wait for a thread.
    pub buffered: usize,
}

thread_local! {
    /// The pool and lane whose thread this is.
    static OWN: Cell<Option<(*const Pool, usize)>> = const { Cell::new(None) };
}

impl Threadpool {
    /// Makes a pool, and starts its static threads.
    pub(crate) fn new(
        config: ThreadpoolConfig,
        mapping: Arc<dyn PriorityMapping>,
    ) -> Result<Self, ThreadpoolError> {
        config.check()?;
        for lane in config.lanes() {
            super::at_priority::to_native(lane.priority, &*mapping).map_err(ThreadpoolError::Priority)?;
        }
        let pool = Arc::new(Pool {
            lanes: Mutex::new(Lanes::new(&config)),
            called: config.lanes().iter().map(|_| Condvar::new()).collect(),
            config,
            mapping,
        });
        // From here on the threads that were started end with it if another one is not.
        let made = Self(Arc::new(Handle(Arc::clone(&pool))));
        for (index, lane) in pool.config.lanes().iter().enumerate() {
            for _ in 0..lane.static_threads {
                pool.hire(index, None).map_err(|(error, _)| error)?;
            }
        }
        Ok(made)
    }

    /// Returns how it was made.
    #[must_use]
    pub fn config(&self) -> &ThreadpoolConfig {
        &self.0.0.config
    }

    /// Returns what it does at the moment.
    #[must_use]
    pub fn status(&self) -> ThreadpoolStatus {
        self.0.0.lanes.lock().status()
    }

    /// Tells whether the calling thread belongs to this lane of the pool.
    pub(crate) fn is_own_thread(&self, lane: usize) -> bool {
        OWN.get() == Some((Arc::as_ptr(&self.0.0), lane))
    }

    /// Has a thread of a lane do `work`, which holds so many bytes, and waits for what comes of it: see
    /// [`handoff::Pending::wait`]. A `patient` caller, of a oneway, keeps what this thread holds, so that the next one
    /// waits its turn.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        lane: usize,
        bytes: usize,
        patient: bool,
        deadline: Option<Instant>,
        given_up: impl Fn() -> bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, SystemException> {
        let pool = &self.0.0;
        let its = Arc::clone(pool);
        let (work, pending) = handoff::job(move || {
            let _done = Done(its);
            work()
        });
        let number = pool.take_in(lane, bytes, work)?;
        let _blocking = (!patient).then(nested::about_to_block);
        pending.wait(deadline, given_up, || pool.withdraw(number))
    }
}

impl Pool {
    /// Finds a thread for a job, or a place to wait.
    fn take_in(self: &Arc<Self>, lane: usize, bytes: usize, work: Work) -> Result<u64, SystemException> {
        let mut lanes = self.lanes.lock();
        let job = lanes.job(lane, bytes, work)?;
        let number = job.number;
        match lanes.place(job) {
            Decision::Handed(to) => {
                if let Some(called) = self.called.get(to) {
                    called.notify_one();
                }
            }
            Decision::Buffered => {}
            Decision::Hire(job) => {
                drop(lanes);
                if let Err((error, job)) = self.hire(lane, Some(job)) {
                    tracing::warn!(%error, "a thread pool gets no further thread");
                    let mut lanes = self.lanes.lock();
                    lanes.gone(lane);
                    if let Some(job) = job {
                        lanes.buffer(job)?;
                    }
                }
            }
            Decision::Refused(why) => return Err(refused(why)),
        }
        Ok(number)
    }

    /// Starts a thread of a lane, which [`Lanes`] has counted if it begins with a job.
    fn hire(self: &Arc<Self>, lane: usize, first: Option<Job>) -> Result<(), (io::Error, Option<Job>)> {
        let priority = self
            .config
            .lanes()
            .get(lane)
            .map(|lane| lane.priority)
            .unwrap_or_default();
        let mut builder = thread::Builder::new().name(format!("upcall-pool-{priority}"));
        if self.config.stack() > 0 {
            builder = builder.stack_size(self.config.stack());
        }
        if first.is_none() {
            self.lanes.lock().hired(lane);
        }
        let pool = Arc::clone(self);
        // Where it can be taken back from if there is no thread.
        let place = Arc::new(Mutex::new(first));
        let begins = Arc::clone(&place);
        let started = builder.spawn(move || {
            let first = begins.lock().take();
            pool.serve(lane, priority, first);
        });
        match started {
            Ok(_) => Ok(()),
            Err(error) => Err((error, place.lock().take())),
        }
    }

    /// The life of a thread.
    fn serve(self: &Arc<Self>, lane: usize, priority: Priority, first: Option<Job>) {
        server::serves_here();
        OWN.set(Some((Arc::as_ptr(self), lane)));
        // Whether it was mapped was found out when the pool was made; a mapping that forgets leaves it as it is.
        let _at = Served::at(priority, &*self.mapping);
        if let Some(job) = first {
            self.perform(job);
        }
        let mut lanes = self.lanes.lock();
        while let Some(job) = self.next(&mut lanes, lane) {
            MutexGuard::unlocked(&mut lanes, || self.perform(job));
        }
        lanes.gone(lane);
    }

    /// Does a job at its lane's priority, which is a more urgent one's if the thread is borrowed.
    fn perform(&self, job: Job) {
        let priority = self.config.lanes().get(job.lane).map(|lane| lane.priority);
        let _at = priority.map(|priority| Served::at(priority, &*self.mapping));
        (job.work)();
    }

    /// Waits for the next job; `None` if the thread is to end.
    fn next(&self, lanes: &mut MutexGuard<'_, Lanes>, lane: usize) -> Option<Job> {
        let called = self.called.get(lane)?;
        lanes.returned(lane);
        loop {
            if let Some(job) = lanes.next(lane) {
                return Some(job);
            }
            if lanes.is_closed() {
                return None;
            }
            lanes.rest(lane);
            let timed_out = called.wait_for(lanes, IDLE).timed_out();
            if let Some(job) = lanes.handed(lane) {
                return Some(job);
            }
            // Nobody has called it, or what it was called for was taken back.
            lanes.rise(lane);
            if timed_out && lanes.is_surplus(lane) {
                return None;
            }
        }
    }

    /// Takes a job back that nobody has begun.
    fn withdraw(&self, number: u64) -> Result<(), SystemException> {
        let job = self.lanes.lock().withdraw(number);
        match job {
            None => Ok(()),
            Some(job) => {
                drop(job);
                Err(late(
                    "all threads of the pool were busy until the request's time was over",
                ))
            }
        }
    }
}

/// Says, when it is dropped, that the thread is done with its job.
struct Done(Arc<Pool>);

impl Drop for Done {
    fn drop(&mut self) {
        if let Some((_, lane)) = OWN.get() {
            self.0.lanes.lock().done(lane);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let waiting = self.0.lanes.lock().close();
        for called in &self.0.called {
            called.notify_all();
        }
        // Those who wait for these learn it by that.
        drop(waiting);
    }
}

impl fmt::Debug for Threadpool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threadpool")
            .field("config", self.config())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

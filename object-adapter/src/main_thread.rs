// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one thread that serves all POAs with the main-thread model (CORBA 3.3 Part 1 §15.3.8.1).
//!
//! Requests for them are received and let through as others are; calling the servant is then a job for the main thread,
//! and the thread that received the request waits until it is done. A job that was begun is waited for to its end, so
//! what the waiting thread holds (the object's place in the map) lasts as long as the call.

mod errand;

use std::{
    collections::VecDeque,
    fmt, mem,
    sync::Arc,
    thread::{self, Thread},
    time::Instant,
};

use orb_core::{
    exception::SystemException,
    nested::{self, Duty},
};
use parking_lot::{Condvar, Mutex, MutexGuard};

pub(crate) use self::errand::{Errand, Found};
use crate::handoff::{self, CLOSED, Work, late, refused};

/// How many requests wait for the main thread; further ones are refused with `TRANSIENT`. Half of the requests that a
/// server has in progress at once unless told otherwise, so that these alone do not keep others out.
const MOST_WAITING: usize = 64;
/// How many jobs the main thread is in the midst of at once, each during a call that the one before waits for. So many
/// fit on any stack.
const DEEPEST: u32 = 64;

/// The main thread of an ORB, and what waits for it.
///
/// It is the thread that is in [`MainThread::serve_until`], or the last one that was in [`MainThread::perform_work`];
/// while one is in either, others do not become it.
#[derive(Default)]
pub struct MainThread {
    state: Mutex<State>,
    /// There is a job, the main thread has left, or [`MainThread::wake`] was called.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    thread: Option<Thread>,
    /// How many times over it is in what makes it the main thread, or in a servant.
    inside: u32,
    /// How many jobs it is in the midst of.
    running: u32,
    waiting: VecDeque<Job>,
    next_number: u64,
    closed: bool,
}

struct Job {
    number: u64,
    work: Work,
}

impl MainThread {
    /// Makes the calling thread the main thread and serves requests until `over`, which is asked again at each
    /// [`MainThread::wake`], under a lock. Waits while another thread is the main thread.
    pub fn serve_until(self: &Arc<Self>, over: impl Fn() -> bool) {
        let Some(inside) = self.become_main_thread(&over) else {
            return;
        };
        loop {
            let mut state = self.state.lock();
            while !over() && state.waiting.is_empty() {
                self.changed.wait(&mut state);
            }
            if over() {
                break;
            }
            self.perform(state);
        }
        nested::lay_down(&self.as_duty());
        drop(inside);
    }

    /// Makes the calling thread the main thread, unless another one is it and busy, and serves one request if one waits;
    /// tells whether it did.
    pub fn perform_work(self: &Arc<Self>) -> bool {
        let inside = {
            let mut state = self.state.lock();
            self.claim(&mut state)
        };
        inside.is_some() && self.perform(self.state.lock())
    }

    /// Tells whether requests wait for the main thread.
    #[must_use]
    pub fn work_pending(&self) -> bool {
        !self.state.lock().waiting.is_empty()
    }

    /// Has [`MainThread::serve_until`] look whether it is over.
    pub fn wake(&self) {
        let _state = self.state.lock();
        self.changed.notify_all();
    }

    /// Refuses further requests. Those that wait are served: here if this is the main thread, by the main thread if it
    /// is at work. Otherwise they are refused too.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        if !state.is_current() {
            return self.abandon(state);
        }
        drop(state);
        // Not left between one and the next.
        let _inside = self.enter();
        while self.perform(self.state.lock()) {}
    }

    /// Tells whether the calling thread is the main thread and serves a request that was received.
    #[must_use]
    pub fn is_serving_here(&self) -> bool {
        let state = self.state.lock();
        state.running > 0 && state.is_current()
    }

    fn become_main_thread(self: &Arc<Self>, over: impl Fn() -> bool) -> Option<Inside<'_>> {
        let mut state = self.state.lock();
        while !over() {
            if let Some(inside) = self.claim(&mut state) {
                return Some(inside);
            }
            self.changed.wait(&mut state);
        }
        None
    }

    fn claim(self: &Arc<Self>, state: &mut State) -> Option<Inside<'_>> {
        if !state.is_current() {
            if state.inside > 0 {
                return None;
            }
            state.thread = Some(thread::current());
        }
        state.inside += 1;
        nested::take_on(&self.as_duty());
        Some(Inside(self))
    }

    fn as_duty(self: &Arc<Self>) -> Arc<dyn Duty> {
        Arc::clone(self) as _
    }

    /// Does the job that has waited longest, if this is the main thread.
    fn perform(&self, mut state: MutexGuard<'_, State>) -> bool {
        if !state.is_current() {
            return false;
        }
        let Some(job) = state.waiting.pop_front() else {
            return false;
        };
        state.inside += 1;
        state.running += 1;
        drop(state);
        let inside = Inside(self);
        (job.work)();
        self.state.lock().running -= 1;
        drop(inside);
        true
    }

    /// Lets go of what waits for a main thread that will not come.
    fn abandon(&self, mut state: MutexGuard<'_, State>) {
        if state.closed && state.inside == 0 {
            let waiting = mem::take(&mut state.waiting);
            drop(state);
            // Those who wait for these learn it by that.
            drop(waiting);
        }
    }

    /// Enters a servant on the calling thread, if it is the main thread.
    pub(crate) fn enter(&self) -> Option<Inside<'_>> {
        let mut state = self.state.lock();
        state.is_current().then(|| {
            state.inside += 1;
            Inside(self)
        })
    }

    /// Has the main thread do `work`, and waits for what comes of it: until `deadline` or until it is `given_up` if it
    /// was not begun by then. A `patient` caller, of a oneway, keeps what this thread holds: the connection, on which the
    /// next oneway then waits its turn. Otherwise a burst of them would be more than may wait.
    ///
    /// # Panics
    ///
    /// If the work does.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        patient: bool,
        deadline: Option<Instant>,
        given_up: impl Fn() -> bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, SystemException> {
        let (work, pending) = handoff::job(work);
        let number = self.queue(work)?;
        // Only now, so that what comes next on the same connection waits behind this.
        let _blocking = (!patient).then(nested::about_to_block);
        pending.wait(deadline, given_up, || self.withdraw(number))
    }

    fn queue(&self, work: Work) -> Result<u64, SystemException> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(refused(CLOSED));
        }
        if state.waiting.len() >= MOST_WAITING {
            return Err(refused(
                "as many requests as may wait for the main thread do already",
            ));
        }
        let number = state.next_number;
        state.next_number += 1;
        state.waiting.push_back(Job { number, work });
        self.changed.notify_all();
        // It may be waiting for a reply.
        if let Some(thread) = &state.thread {
            thread.unpark();
        }
        Ok(number)
    }

    /// Takes a job back that nobody has begun.
    fn withdraw(&self, number: u64) -> Result<(), SystemException> {
        let mut state = self.state.lock();
        let Some(place) = state.waiting.iter().position(|job| job.number == number) else {
            return Ok(());
        };
        let job = state.waiting.remove(place);
        let unattended = state.inside == 0;
        drop(state);
        drop(job);
        Err(late(if unattended {
            "the request was for the main thread, and no thread is in Orb::run or Orb::perform_work"
        } else {
            "the main thread was busy until the request's time was over"
        }))
    }
}

impl Duty for MainThread {
    fn attend(&self) -> bool {
        let state = self.state.lock();
        state.running < DEEPEST && self.perform(state)
    }
}

impl State {
    fn is_current(&self) -> bool {
        self.thread
            .as_ref()
            .is_some_and(|main| main.id() == thread::current().id())
    }
}

/// Keeps the calling thread the main thread.
pub(crate) struct Inside<'m>(&'m MainThread);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.inside -= 1;
        if state.inside == 0 {
            self.0.changed.notify_all();
            self.0.abandon(state);
        }
    }
}

impl fmt::Debug for MainThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        f.debug_struct("MainThread")
            .field("thread", &state.thread)
            .field("inside", &state.inside)
            .field("waiting", &state.waiting.len())
            .field("closed", &state.closed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

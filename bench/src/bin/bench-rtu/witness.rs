// SPDX-License-Identifier: MIT OR Apache-2.0
//! When a CPU was nobody's: a thread above all others there sleeps shortly again and again. Where it comes late, the
//! machine was away, or the kernel was; whoever else was to run then could not.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rtu::executive::Executive;
use rtu::{Nanos, ThreadPriority, Time};
use rustix::thread::{ClockId, CpuSet, clock_nanosleep_absolute, sched_setaffinity};
use rustix::time::Timespec;

/// How long it sleeps at a time: an absence is known to within that.
const NAP: Nanos = Nanos::from_micros(100);
/// What a wake-up takes anyway.
const WAKING: Nanos = Nanos::from_micros(50);
const SECOND: u64 = 1_000_000_000;

/// Watches a CPU until it is asked.
pub(crate) struct Witness {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<(Time, Time)>>,
}

/// When the CPU was nobody's.
#[derive(Debug, Default)]
pub(crate) struct Absences(Vec<(Time, Time)>);

impl Witness {
    /// Begins to watch a CPU, at a `SCHED_FIFO` priority above that of all others there.
    pub(crate) fn start(cpu: usize, priority: u8) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (told, (ready, began)) = (Arc::clone(&stop), std::sync::mpsc::channel());
        let thread = thread::spawn(move || {
            let set_up = take_place(cpu, priority);
            let is_there = set_up.is_ok();
            // Whoever started it waits for this.
            let _ = ready.send(set_up.as_ref().map(drop).map_err(io::Error::kind));
            if is_there { watch(&told) } else { Vec::new() }
        });
        began.recv().map_err(io::Error::other)??;
        Ok(Self { stop, thread })
    }

    /// Ends it, and hears what it saw.
    pub(crate) fn hear(self) -> Absences {
        self.stop.store(true, Ordering::Relaxed);
        Absences(self.thread.join().unwrap_or_default())
    }
}

fn take_place(cpu: usize, priority: u8) -> io::Result<ThreadPriority> {
    let mut cpus = CpuSet::new();
    cpus.set(cpu);
    sched_setaffinity(None, &cpus)?;
    ThreadPriority::new(priority)
}

fn watch(stop: &AtomicBool) -> Vec<(Time, Time)> {
    let mut absences = Vec::with_capacity(10_000);
    while !stop.load(Ordering::Relaxed) {
        let due = Executive::now() + NAP;
        // Early or late, the clock says so.
        let _ = clock_nanosleep_absolute(ClockId::Monotonic, &timespec(due));
        let woke = Executive::now();
        if woke - due > WAKING {
            absences.push((due, woke));
        }
    }
    absences
}

fn timespec(time: Time) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.0 / SECOND).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(time.0 % SECOND).unwrap_or(0),
    }
}

impl Absences {
    /// How much of a stretch of time the CPU was nobody's.
    pub(crate) fn within(&self, from: Time, to: Time) -> Nanos {
        let parts = self.0.iter();
        parts
            .map(|(left, came)| (*came).min(to) - (*left).max(from))
            .sum()
    }

    /// All of them together.
    pub(crate) fn total(&self) -> Nanos {
        self.within(Time::ZERO, Time::MAX)
    }
}

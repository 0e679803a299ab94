// SPDX-License-Identifier: MIT OR Apache-2.0
//! An ordinary thread that does for the others what they have no time for: gives handlers back, frees them, and reports.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use parking_lot::Mutex;

use crate::{Nanos, Time};

use super::clock;
use super::record::{Cpu, Departed, Record};

/// How often it looks whether everybody is well.
const ROUND: Duration = Duration::from_secs(1);
/// For how many of its periods a handler may be in an upcall, and for how long at least, before it counts as stuck.
const PERIODS: u64 = 10;
const AT_LEAST: Nanos = Nanos::from_secs(1);

/// What the others see of the steward.
#[derive(Default)]
pub(super) struct Steward {
    departed: Mutex<Vec<Departed>>,
    thread: OnceLock<Thread>,
    /// Threads of the executive that have not left.
    workers: AtomicUsize,
}

impl Steward {
    /// Starts the steward of these CPUs' threads. It ends when all of them have left.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    pub(super) fn start(cpus: Vec<Arc<Cpu>>) -> std::io::Result<(Arc<Self>, JoinHandle<()>)> {
        let capacity = cpus.iter().map(|cpu| cpu.capacity()).sum();
        let steward = Arc::new(Self {
            departed: Mutex::new(Vec::with_capacity(capacity)),
            workers: AtomicUsize::new(cpus.iter().map(|cpu| cpu.sides.len()).sum()),
            ..Self::default()
        });
        let its = Arc::clone(&steward);
        let handle = thread::Builder::new()
            .name("rtu-steward".to_owned())
            .spawn(move || its.run(&cpus))?;
        // Only the thread itself would know it earlier; until then it looks by itself once per round.
        let _ = steward.thread.set(handle.thread().clone());
        Ok((steward, handle))
    }

    /// Takes an RTU over, unless somebody holds the lock just now: then it comes back.
    pub(super) fn try_receive(&self, departed: Departed) -> Option<Departed> {
        let Some(mut all) = self.departed.try_lock() else {
            return Some(departed);
        };
        all.push(departed);
        drop(all);
        self.wake();
        None
    }

    /// One of the threads is gone, or was never started.
    pub(super) fn worker_left(&self) {
        self.workers.fetch_sub(1, Ordering::Release);
        self.wake();
    }

    fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    fn run(&self, cpus: &[Arc<Cpu>]) {
        let mut reported = Vec::new();
        // The two change places, so that no other thread ever has to make room.
        let mut departed = Vec::with_capacity(self.departed.lock().capacity());
        loop {
            let last = self.workers.load(Ordering::Acquire) == 0;
            std::mem::swap(&mut departed, &mut *self.departed.lock());
            departed.drain(..).for_each(see_off);
            if last {
                return;
            }
            report(cpus, &mut reported);
            thread::park_timeout(ROUND);
        }
    }
}

/// The RTUs that are in an upcall for longer than they should, and for how long.
pub(super) fn stuck(cpus: &[Arc<Cpu>], now: Time) -> impl Iterator<Item = (Arc<Record>, Nanos)> {
    let running = cpus.iter().flat_map(move |cpu| cpu.running(now));
    running.filter(|(record, span)| {
        let period = Nanos(record.period.load(Ordering::Relaxed));
        *span > AT_LEAST.max(period * PERIODS)
    })
}

/// Reports who is stuck, each stay in an upcall once.
fn report(cpus: &[Arc<Cpu>], reported: &mut Vec<u32>) {
    let found: Vec<_> = stuck(cpus, clock::now()).collect();
    for (record, span) in &found {
        if !reported.contains(&record.index) {
            let (rtu, cpu) = (&record.name, record.cpu.number);
            tracing::error!(%rtu, cpu, "the handler has not returned for {span}: nothing else of its thread runs");
        }
    }
    *reported = found.iter().map(|(record, _)| record.index).collect();
}

/// Gives a handler back to whoever waits for it, or frees it.
fn see_off(departed: Departed) {
    let Departed {
        record,
        handler,
        panic,
    } = departed;
    let failure = panic.map(|panic| text_of(panic.as_ref()));
    if let Some(failure) = &failure {
        tracing::error!(rtu = %record.name, "the handler panicked and was removed: {failure}");
    }
    let mut exit = record.exit.lock();
    exit.gone = true;
    let keep = failure.is_none() && !exit.abandoned;
    exit.failure = failure;
    let unwanted = if keep {
        exit.handler = Some(handler);
        None
    } else {
        Some(handler)
    };
    drop(exit);
    record.left.notify_all();
    // A handler that panics while it is freed has nobody left to tell.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(unwanted)));
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}

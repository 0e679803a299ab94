// SPDX-License-Identifier: MIT OR Apache-2.0
//! Times calls.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Role, Usage, heap};

/// Named numbers, printed on one line.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Report(Vec<(String, f64)>);

impl Report {
    /// Adds a number.
    pub fn set(&mut self, name: &str, value: f64) {
        self.0.push((name.to_owned(), value));
    }

    /// Returns the number of that name.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| *value)
    }

    /// Prints the numbers after `kind`, for the driver to read.
    pub fn print(&self, kind: &str) {
        let words: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        println!("{kind} {}", words.join(" "));
    }

    /// Reads back what [`Report::print`] printed, without the kind.
    pub fn parse(text: &str) -> Self {
        let words = text
            .split_ascii_whitespace()
            .filter_map(|word| word.split_once('='));
        Self(
            words
                .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
                .collect(),
        )
    }
}

/// Calls one after the other and times each.
///
/// # Errors
///
/// The first error of a call.
pub fn latency<E: Display>(role: &Role, mut call: impl FnMut() -> Result<(), E>) -> Result<Report, String> {
    let mut nanoseconds: Vec<u64> = Vec::with_capacity(role.calls);
    for _ in 0..role.warmup {
        call().map_err(|error| error.to_string())?;
    }
    let (usage, (allocations, _)) = (Usage::now(), heap());
    let started = Instant::now();
    let mut last = started;
    for _ in 0..role.calls {
        call().map_err(|error| error.to_string())?;
        let now = Instant::now();
        nanoseconds.push(u64::try_from((now - last).as_nanos()).unwrap_or(u64::MAX));
        last = if role.pause.is_zero() {
            now
        } else {
            std::thread::sleep(role.pause);
            Instant::now()
        };
    }
    let (elapsed, used) = (last - started, Usage::now() - usage);
    let calls = role.calls.max(1) as f64;
    let mut report = Report::default();
    report.set("allocations", (heap().0 - allocations) as f64 / calls);
    report.set("user_ns", used.user.as_nanos() as f64 / calls);
    report.set("system_ns", used.system.as_nanos() as f64 / calls);
    report.set("mean_ns", elapsed.as_nanos() as f64 / calls);
    nanoseconds.sort_unstable();
    quantiles(&mut report, &nanoseconds);
    Ok(report)
}

fn quantiles(report: &mut Report, sorted: &[u64]) {
    let last = sorted.len().saturating_sub(1);
    for per_mille in [0, 10, 50, 100, 250, 500, 750, 900, 950, 990, 999, 1000] {
        let value = sorted.get((last * per_mille + 500) / 1000).copied().unwrap_or(0);
        report.set(&format!("p{}_ns", per_mille as f64 / 10.0), value as f64);
    }
}

/// Calls one batch after the other for `role.duration`; `batch` says how many calls were answered.
///
/// # Errors
///
/// The first error of a batch.
pub fn throughput<E: Display>(
    role: &Role,
    mut batch: impl FnMut() -> Result<usize, E>,
) -> Result<Report, String> {
    let mut run = |duration: Duration| {
        let (started, mut calls) = (Instant::now(), 0);
        loop {
            calls += batch().map_err(|error| error.to_string())?;
            let elapsed = started.elapsed();
            if elapsed >= duration {
                return Ok::<f64, String>(calls as f64 / elapsed.as_secs_f64());
            }
        }
    };
    run(role.duration / 10)?;
    let mut report = Report::default();
    report.set("calls_per_s", run(role.duration)?);
    Ok(report)
}

/// Calls from `role.threads` threads for `role.duration`; `connect` makes each thread's call.
///
/// # Errors
///
/// The first error of a connection or call.
pub fn rate<C, E: Display>(
    role: &Role,
    connect: impl Fn(usize) -> Result<C, E> + Sync,
) -> Result<Report, String>
where
    C: FnMut() -> Result<(), E>,
{
    let threads = role.threads.max(1);
    let (barrier, stop) = (Arc::new(Barrier::new(threads + 1)), AtomicBool::new(false));
    let (calls, elapsed) = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|index| {
                let (connect, barrier, stop) = (&connect, Arc::clone(&barrier), &stop);
                scope.spawn(move || worker(connect(index), role.warmup / threads, &barrier, stop))
            })
            .collect();
        barrier.wait();
        let started = Instant::now();
        thread::sleep(role.duration);
        stop.store(true, Ordering::Relaxed);
        let elapsed = started.elapsed();
        let counts: Result<Vec<u64>, String> = workers
            .into_iter()
            .map(|worker| worker.join().map_err(|_| "a client thread panicked")?)
            .collect();
        (counts.map(|counts| counts.iter().sum::<u64>()), elapsed)
    });
    let mut report = Report::default();
    report.set("calls_per_s", calls? as f64 / elapsed.as_secs_f64());
    Ok(report)
}

fn worker<E: Display>(
    call: Result<impl FnMut() -> Result<(), E>, E>,
    warmup: usize,
    barrier: &Barrier,
    stop: &AtomicBool,
) -> Result<u64, String> {
    let ready = call.map_err(|error| error.to_string()).and_then(|mut call| {
        (0..warmup)
            .try_for_each(|_| call())
            .map_err(|error| error.to_string())?;
        Ok(call)
    });
    // Even a thread that can't call keeps the others from waiting for it.
    barrier.wait();
    let mut call = ready?;
    let mut calls = 0;
    while !stop.load(Ordering::Relaxed) {
        call().map_err(|error| error.to_string())?;
        calls += 1;
    }
    Ok(calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role() -> Role {
        Role::parse(["client", "--calls", "50", "--warmup", "4", "--threads", "2"].map(str::to_owned))
            .expect("valid")
    }

    #[test]
    fn a_report_is_read_back_as_printed() {
        let mut report = Report::default();
        report.set("p50_ns", 12.5);
        report.set("calls", 3.0);
        assert_eq!(Report::parse("p50_ns=12.5 calls=3"), report);
        assert_eq!(report.value("p50_ns"), Some(12.5));
    }

    #[test]
    fn every_call_is_timed_after_the_warm_up() {
        let mut calls = 0;
        let report = latency(&role(), || {
            calls += 1;
            Ok::<_, String>(())
        })
        .expect("calls succeed");
        assert_eq!(calls, 54);
        assert!(report.value("p0_ns") <= report.value("p50_ns"));
        assert!(report.value("p50_ns") <= report.value("p100_ns"));
    }

    #[test]
    fn a_failing_call_ends_the_measurement() {
        assert_eq!(latency(&role(), || Err("no server")), Err("no server".to_owned()));
        let mut role = role();
        role.duration = Duration::from_millis(1);
        assert_eq!(rate(&role, |_| Ok(|| Err("gone"))), Err("gone".to_owned()));
        assert_eq!(
            rate(&role, |_| Err::<fn() -> Result<(), &'static str>, _>("refused")),
            Err("refused".to_owned())
        );
    }

    #[test]
    fn batches_are_made_until_the_time_is_over() {
        let mut role = role();
        role.duration = Duration::from_millis(5);
        let report = throughput(&role, || Ok::<_, String>(8)).expect("batches succeed");
        assert!(report.value("calls_per_s").is_some_and(|rate| rate > 8.0));
        assert_eq!(throughput(&role, || Err("gone")), Err("gone".to_owned()));
    }

    #[test]
    fn threads_call_until_the_time_is_over() {
        let mut role = role();
        role.duration = Duration::from_millis(5);
        let report = rate(&role, |_| Ok::<_, String>(|| Ok(()))).expect("calls succeed");
        assert!(report.value("calls_per_s").is_some_and(|rate| rate > 0.0));
    }
}

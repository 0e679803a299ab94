// SPDX-License-Identifier: MIT OR Apache-2.0
//! What upcalls cost by themselves: empty ones, released together by a timer, on an executive for each CPU.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rtu::executive::{Executive, Granted, Spec};
use rtu::histogram::Histogram;
use rtu::scheduler::Parameters;
use rtu::{Activation, Nanos, Outcome, Time};

use super::progress::Progress;
use crate::failure::Failure;

/// Upcalls that are released together on each CPU.
const TOGETHER: usize = 8;
/// How often they are.
const PERIOD: Nanos = Nanos::from_millis(1);
/// Releases before those that count: they warm up what is cold.
const WARM_UP: u32 = 50;
/// How often somebody looks whether the time is over.
const LOOK: Duration = Duration::from_millis(20);
/// How much longer to wait for CPUs on which nothing was seen yet.
const PATIENCE: Duration = Duration::from_secs(60);
/// What was measured of upcalls, on all CPUs together.
#[derive(Debug, Default)]
pub(super) struct Upcalls {
    /// From the moment a timer is due to the first upcall it releases.
    pub(super) jitter: Histogram,
    /// From one empty upcall to the next.
    pub(super) switch: Histogram,
    /// What the system refused, and the commands that grant it.
    pub(super) missing: Option<String>,
}

impl Upcalls {
    /// J: how late an RTU may be released, but for those that `percent` leaves out.
    pub(super) fn release_jitter(&self, percent: f64) -> Nanos {
        self.jitter.percentile(percent).unwrap_or_default()
    }

    /// S: the longest switch from one RTU to another, likewise. An empty upcall costs no more.
    pub(super) fn longest_switch(&self, percent: f64) -> Nanos {
        self.switch.percentile(percent).unwrap_or_default()
    }
}

/// Measures for so long, on all CPUs at once.
///
/// # Errors
/// If there can be no executive, or it is to end.
pub(super) fn measure(cpus: &[u32], span: Duration, progress: &mut Progress<'_>) -> Result<Upcalls, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(format!("cannot run upcalls: {error}"));
    let places = || cpus.iter().filter_map(|cpu| usize::try_from(*cpu).ok());
    let executive = Executive::builder().cpus(places()).capacity(TOGETHER).build();
    let executive = executive.map_err(|error| failed(&error))?;
    let start = Executive::now() + PERIOD * 10;
    let (mut watches, mut upcalls) = (Vec::new(), Vec::new());
    for cpu in places() {
        let watch = Arc::new(Mutex::new(Watch::default()));
        for number in 0..TOGETHER {
            let spec = Spec::new(format!("calibrate-{number}"), Parameters::periodic(PERIOD)).start(start);
            let seen = Arc::clone(&watch);
            let handler = move |cx: &mut Activation<'_>| {
                // Nobody else looks at it while upcalls of this CPU run, so nobody waits here.
                let mut watch = seen.lock().unwrap_or_else(PoisonError::into_inner);
                watch.entered(cx.released(), Executive::now());
                Outcome::Done
            };
            upcalls.push(
                executive
                    .add(spec, cpu, Box::new(handler))
                    .map_err(|error| failed(&error))?,
            );
        }
        watches.push(watch);
    }
    let end = Instant::now() + span;
    while Instant::now() < end || (Instant::now() < end + PATIENCE && !all_seen(&watches)) {
        progress.go_on("how late and how quick upcalls are")?;
        thread::sleep(LOOK);
    }
    if !all_seen(&watches) {
        let what = "an upcall that is due each millisecond did not run for seconds";
        return Err(Failure::new(what).hint("the CPUs are taken: try others with --cpus"));
    }
    drop(upcalls);
    let missing = executive.granted().iter().find_map(Granted::advice);
    // Once it is gone, nothing runs any more.
    drop(executive);
    Ok(Upcalls {
        missing,
        ..together(&watches)
    })
}

fn all_seen(watches: &[Arc<Mutex<Watch>>]) -> bool {
    let seen = |watch: &Arc<Mutex<Watch>>| {
        let watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
        watch.jitter.count() > 0 && watch.switch.count() > 0
    };
    watches.iter().all(seen)
}

fn together(watches: &[Arc<Mutex<Watch>>]) -> Upcalls {
    let mut all = Upcalls::default();
    for watch in watches {
        let watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
        all.jitter.merge(&watch.jitter);
        all.switch.merge(&watch.switch);
    }
    all
}

/// What the upcalls of one CPU see.
#[derive(Debug, Default)]
struct Watch {
    /// When the last one was released, and when it was entered.
    last: Option<(Time, Time)>,
    releases: u32,
    jitter: Histogram,
    switch: Histogram,
}

impl Watch {
    /// Counts an entry: of the first that a release brought, or of one that follows another.
    ///
    /// Whoever is later than a period finds himself released again; he is late since the release that he missed.
    fn entered(&mut self, released: Time, now: Time) {
        let last = self.last.replace((released, now));
        let Some((before, entered)) = last else { return };
        let follows = before == released;
        if !follows {
            self.releases = self.releases.saturating_add(1);
        }
        if self.releases < WARM_UP {
            return;
        }
        if follows {
            self.switch.record(now - entered);
        } else {
            self.jitter.record(now - (before + PERIOD));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_release_shows_the_jitter_and_the_others_the_switch() {
        let mut watch = Watch::default();
        for release in 0..=u64::from(WARM_UP) + 1 {
            let released = Time(release * 1_000_000);
            for entry in 0..3 {
                watch.entered(released, released + Nanos(40 + entry * 5));
            }
        }
        assert_eq!((watch.jitter.count(), watch.switch.count()), (2, 4));
        assert_eq!(
            (watch.jitter.max(), watch.switch.max()),
            (Some(Nanos(40)), Some(Nanos(5)))
        );
        let both = together(&[Arc::new(Mutex::new(watch)), Arc::default()]);
        assert_eq!(
            (both.release_jitter(99.0), both.longest_switch(99.0)),
            (Nanos(40), Nanos(5))
        );
    }

    #[test]
    fn nothing_measured_is_nothing() {
        let none = Upcalls::default();
        assert_eq!(
            (none.release_jitter(99.0), none.longest_switch(99.0)),
            (Nanos::ZERO, Nanos::ZERO)
        );
    }
}

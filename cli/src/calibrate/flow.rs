// SPDX-License-Identifier: MIT OR Apache-2.0
//! What messages cost a server: calls over loopback TCP to an ORB in this process, whose servant looks at its thread's CPU
//! time.
//!
//! From one call to the next the thread has sent a reply, waited, received, decoded and dispatched, so the difference is
//! what a message costs, with its share of the system's work and without the client's. Time waited for, or taken by others,
//! does not count.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use rtu::Nanos;
use rtu::histogram::Histogram;
use rustix::time::{ClockId, clock_gettime};
use upcall::{Any, Bytes, Context, Orb};

use super::caller::{CallError, Caller};
use super::costs::Measured;
use super::line::percentile;
use super::platform::pin;
use super::points::{Kind, Point, points};
use super::probe::{Probe, ProbeRef, ProbeSkeleton, Reading};
use super::progress::Progress;
use crate::failure::Failure;

/// Batches of a point before the next point has its turn, so that a disturbance meets all of them.
const TURN: usize = 32;
/// Samples of a point that are enough.
const ENOUGH: usize = 20_000;
/// What is taken of each point's samples: one in a hundred may cost more.
pub(super) const PERCENT: f64 = 99.0;

/// What was measured of messages.
#[derive(Debug)]
pub(super) struct Flows {
    /// Each point, with its median and its 99th percentile.
    pub(super) points: Vec<Measured>,
    /// Null calls as the client saw them.
    pub(super) round_trip: Histogram,
}

impl Flows {
    /// Returns how many times its median a null call costs at its high percentile; 0 if none was measured.
    pub(super) fn disturbance(&self) -> f64 {
        let null = |point: &&Measured| point.kind == Kind::Calls && point.batch == 1;
        let null = self.points.iter().find(null);
        null.map_or(0.0, |point| point.high as f64 / point.median.max(1) as f64)
    }
}

/// Measures for so long, with a server on that CPU.
///
/// # Errors
/// If the server cannot be started or does not answer, or it is to end.
pub(super) fn measure(cpu: u32, span: Duration, progress: &mut Progress<'_>) -> Result<Flows, Failure> {
    let bench = Bench::start(cpu)?;
    let result = bench.measure(span, progress);
    bench.orb.shutdown();
    result
}

struct Bench {
    orb: Orb,
    marks: Arc<Marks>,
    address: SocketAddr,
    key: Bytes,
}

impl Bench {
    /// Starts a server whose threads stay on a CPU.
    fn start(cpu: u32) -> Result<Self, Failure> {
        let started = thread::scope(|scope| scope.spawn(|| Self::start_here(cpu)).join());
        started.unwrap_or_else(|_| Err(Failure::new("the server to measure has panicked")))
    }

    /// Threads inherit what their parent is bound to, so the caller has to be one that may be bound.
    fn start_here(cpu: u32) -> Result<Self, Failure> {
        pin(cpu).map_err(|error| Failure::new(format!("cannot run on CPU {cpu}: {error}")))?;
        let failed = |error: String| {
            Failure::new(format!("cannot start a server to measure: {error}"))
                .hint("calibration calls a server of its own on 127.0.0.1")
        };
        let orb = Orb::builder().fabric(None).listen("iiop://127.0.0.1:0").build();
        let orb = orb.map_err(|error| failed(error.to_string()))?;
        let marks = Arc::new(Marks::default());
        let servant = Echo(Arc::clone(&marks));
        let probe: ProbeRef = orb
            .root_poa()
            .activate(ProbeSkeleton::new(servant))
            .export()
            .map_err(|error| failed(error.to_string()))?;
        let profile = probe.as_ref().ior().iiop_profiles().next();
        let profile = profile.ok_or_else(|| failed("its reference has no address".to_owned()))?;
        Ok(Self {
            orb,
            marks,
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), profile.port),
            key: profile.object_key,
        })
    }

    fn measure(&self, span: Duration, progress: &mut Progress<'_>) -> Result<Flows, Failure> {
        let failed = |error: CallError| {
            Failure::new(format!("calls on 127.0.0.1 failed: {error}")).hint(
                "nothing may stand between a process and itself: is there a firewall on the loopback device?",
            )
        };
        let mut points = points(&self.key).map_err(|error| failed(error.into()))?;
        let mut caller = Caller::connect(self.address).map_err(|error| failed(error.into()))?;
        let mut round_trip = Histogram::new();
        // The first round warms everything up.
        self.round(&mut caller, &mut points, &mut Histogram::new(), progress, failed)?;
        points.iter_mut().for_each(|point| point.samples.clear());
        let end = Instant::now() + span;
        loop {
            self.round(&mut caller, &mut points, &mut round_trip, progress, failed)?;
            let enough = points.iter().all(|point| point.samples.len() >= ENOUGH);
            let none_empty = points.iter().all(|point| !point.samples.is_empty());
            if enough || (none_empty && Instant::now() >= end) {
                break;
            }
        }
        let points = points.iter().filter_map(Measured::of).collect();
        Ok(Flows { points, round_trip })
    }

    /// One turn of each point.
    fn round(
        &self,
        caller: &mut Caller,
        points: &mut [Point],
        round_trip: &mut Histogram,
        progress: &mut Progress<'_>,
        failed: impl Fn(CallError) -> Failure,
    ) -> Result<(), Failure> {
        for point in points {
            progress.go_on("what messages cost")?;
            self.marks.clear();
            for _ in 0..TURN {
                let sent = Instant::now();
                caller.call(&point.octets, point.batch).map_err(&failed)?;
                if point.is_null_call() {
                    round_trip.record(Nanos::from(sent.elapsed()));
                }
            }
            point.samples.extend(self.marks.differences(point.batch));
        }
        Ok(())
    }
}

impl Measured {
    fn of(point: &Point) -> Option<Self> {
        Some(Self {
            kind: point.kind,
            batch: point.batch,
            payload: point.payload,
            median: percentile(&point.samples, 50.0)?,
            high: percentile(&point.samples, PERCENT)?,
        })
    }
}

/// A servant's looks at its thread's clock.
#[derive(Debug, Default)]
struct Marks(Mutex<Vec<(ThreadId, Nanos)>>);

impl Marks {
    fn mark(&self) {
        // What the look itself costs is counted with the message; it takes the place of a servant that does something.
        let used = clock_gettime(ClockId::ThreadCPUTime);
        let used = Duration::try_from(used).unwrap_or_default().into();
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        marks.push((thread::current().id(), used));
    }

    fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What each batch cost, from its first message to that of the next. Where the connection has moved to another thread
    /// meanwhile, that is not known.
    fn differences(&self, batch: usize) -> Vec<u64> {
        let marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let spans = marks.windows(batch + 1).step_by(batch);
        let same_thread = spans.filter(|span| {
            span.windows(2)
                .all(|two| matches!(two, [(a, _), (b, _)] if a == b))
        });
        let differences = same_thread.filter_map(|span| {
            let ((_, first), (_, next)) = span.first().zip(span.last())?;
            Some((*next - *first).0)
        });
        differences.collect()
    }
}

/// Gives everything back as it came.
struct Echo(Arc<Marks>);

impl Probe for Echo {
    fn nothing(&self, _cx: &Context<'_>) -> upcall::Result<()> {
        self.0.mark();
        Ok(())
    }

    fn octets(&self, _cx: &Context<'_>, value: &[u8]) -> upcall::Result<Bytes> {
        self.0.mark();
        Ok(Bytes::copy_from_slice(value))
    }

    fn doubles(&self, _cx: &Context<'_>, value: &[f64]) -> upcall::Result<Vec<f64>> {
        self.0.mark();
        Ok(value.to_vec())
    }

    fn text(&self, _cx: &Context<'_>, value: &str) -> upcall::Result<String> {
        self.0.mark();
        Ok(value.to_owned())
    }

    fn structure(&self, _cx: &Context<'_>, value: Reading) -> upcall::Result<Reading> {
        self.0.mark();
        Ok(value)
    }

    fn structures(&self, _cx: &Context<'_>, value: Vec<Reading>) -> upcall::Result<Vec<Reading>> {
        self.0.mark();
        Ok(value)
    }

    /// Whoever gets an `any` looks into it.
    fn anything(&self, _cx: &Context<'_>, value: Any) -> upcall::Result<Any> {
        self.0.mark();
        Ok(Any::from(value.get::<Vec<Reading>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disturbance_is_seen_in_single_null_calls() {
        let point = |batch, median, high| Measured {
            kind: Kind::Calls,
            batch,
            payload: 0,
            median,
            high,
        };
        let mut flows = Flows {
            points: vec![point(2, 5, 500), point(1, 6, 9)],
            round_trip: Histogram::new(),
        };
        assert_eq!(flows.disturbance(), 1.5);
        flows.points.clear();
        assert_eq!(flows.disturbance(), 0.0);
    }

    #[test]
    fn a_batch_counts_from_its_first_message_to_the_next_ones() {
        let here = thread::current().id();
        let elsewhere = thread::spawn(|| {}).thread().id();
        let marks = |looks: &[(ThreadId, u64)]| {
            let looks = looks.iter().map(|(thread, at)| (*thread, Nanos(*at)));
            Marks(Mutex::new(looks.collect()))
        };
        let steady = marks(&[
            (here, 10),
            (here, 11),
            (here, 30),
            (here, 31),
            (here, 60),
            (here, 61),
        ]);
        assert_eq!(steady.differences(1), [1, 19, 1, 29, 1]);
        assert_eq!(steady.differences(2), [20, 30]);
        assert_eq!(steady.differences(6), Vec::<u64>::new());
        let moved = marks(&[
            (here, 10),
            (here, 11),
            (elsewhere, 3),
            (elsewhere, 4),
            (elsewhere, 9),
        ]);
        assert_eq!(moved.differences(2), [6]);
        assert_eq!(moved.differences(1), [1, 1, 5]);
    }
}

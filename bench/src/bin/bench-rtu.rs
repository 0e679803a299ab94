// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures the executive and the analysis of real-time upcalls, and the control that periodic release is compared with.
#![allow(clippy::print_stderr, reason = "a program says what went wrong")]

use std::error::Error;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use probe::Report;
use qos_mapper::{Admission, CostModel, Machine, Request};
use rtu::analysis::Overheads;
use rtu::executive::{Executive, Notifier, Rtu, Spec};
use rtu::scheduler::{Overrun, Parameters};
use rtu::simulation::{campaign, mean_breakdown};
use rtu::{Activation, Class, Nanos, Outcome, Time};
use upcall::qos::Qos;

use witness::{Absences, Witness};

#[path = "bench-rtu/witness.rs"]
mod witness;

type Findings = Result<Report, Box<dyn Error>>;

/// Notifications that are timed at once.
const HOPS: usize = 200_000;
/// The period whose releases are looked at.
const PERIOD: Duration = Duration::from_millis(1);
/// Releases that are looked at: ten of them make the last tenth of a percent.
const RELEASES: u64 = 10_000;
/// The period, and deadline, of the one that an overrunning handler stands beside.
const KEPT_PERIOD: Duration = Duration::from_millis(5);
/// How often that one is released.
const KEPT_RELEASES: u32 = 1000;
/// The `SCHED_FIFO` priority of the executive, and of its control.
const PRIORITY: u8 = 50;
/// How long the executive stays awake with nothing to do.
const SPIN: Duration = Duration::from_micros(100);
/// Programs that want all they can have of the CPUs.
const HOGS: usize = 8;
/// However it ends, a hog does not outlive the measurement for long.
const HOG_LIFE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let found = match words.as_slice() {
        ["dispatch", count] => count.parse().map_err(Into::into).and_then(dispatch),
        ["jitter"] => jitter(),
        ["cyclictest"] => cyclictest(RELEASES),
        ["cyclictest", loops] => loops.parse().map_err(Into::into).and_then(cyclictest),
        ["admission"] => admission(),
        ["breakdown"] => Ok(breakdown()),
        ["promises", sets] => sets.parse().map_err(Into::into).map(promises),
        ["overrun"] => overrun(true),
        ["alone"] => overrun(false),
        ["hog"] => return hog(),
        other => Err(format!("nothing is measured by {other:?}").into()),
    };
    match found {
        Ok(report) => {
            report.print("RESULT");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("bench-rtu: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// The CPU that is measured: the last one.
fn cpu() -> usize {
    available_parallelism().map_or(0, |count| count.get() - 1)
}

fn executive(capacity: usize) -> Result<Executive, Box<dyn Error>> {
    let builder = Executive::builder().cpus([cpu()]).priority(PRIORITY);
    Ok(builder.spin(SPIN).capacity(capacity).build()?)
}

/// What the handlers of [`dispatch`] pass on. They have no state of their own, since that would be theirs to fetch.
struct Chain {
    /// Whom each hop notifies, in the order in which they come.
    order: Vec<Notifier>,
    hops: AtomicUsize,
    done: mpsc::SyncSender<Instant>,
}

static CHAIN: OnceLock<Chain> = OnceLock::new();

/// From one notification to the next, when each handler notifies another one of `count`: enqueued, chosen, entered.
fn dispatch(count: usize) -> Findings {
    let executive = executive(count + 1)?;
    let rtus: Result<Vec<Rtu>, _> = (0..count)
        .map(|index| {
            let class = Class::LowDelay { priority: 1 };
            let parameters = Parameters::new(class, Nanos::ZERO).with_deadline(Nanos::from_secs(1));
            executive.add(
                Spec::new(format!("hop-{index}"), parameters),
                cpu(),
                Box::new(hop),
            )
        })
        .collect();
    let rtus = rtus?;
    // Each is far in memory from the one before.
    let far = (0..count).filter_map(|at| rtus.get(at * 7919 % count));
    let (done, finished) = mpsc::sync_channel(1);
    let chain = CHAIN.get_or_init(|| Chain {
        order: far.map(Rtu::notifier).collect(),
        hops: AtomicUsize::new(0),
        done,
    });
    let mut times = Vec::new();
    for _ in 0..10 {
        chain.hops.store(0, Ordering::Relaxed);
        let began = Instant::now();
        chain.order.first().ok_or("no RTU")?.notify();
        let ended: Instant = finished.recv_timeout(Duration::from_secs(20))?;
        times.push((ended - began).as_nanos() as f64 / HOPS as f64);
    }
    times.sort_by(f64::total_cmp);
    let mut report = Report::default();
    report.set(
        "dispatch_ns",
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN),
    );
    Ok(report)
}

/// Goes on to another RTU.
fn hop(_: &mut Activation<'_>) -> Outcome {
    let Some(chain) = CHAIN.get() else {
        return Outcome::Done;
    };
    let count = chain.hops.load(Ordering::Relaxed) + 1;
    chain.hops.store(count, Ordering::Relaxed);
    if count >= HOPS {
        let _ = chain.done.try_send(Instant::now());
    } else if let Some(next) = chain.order.get(count % chain.order.len()) {
        next.notify();
    }
    Outcome::Done
}

/// Hogs for as long as it lives.
struct Hogs(Vec<Child>);

impl Hogs {
    fn start(count: usize) -> Result<Self, Box<dyn Error>> {
        let program = std::env::current_exe()?;
        let hogs: Result<Vec<Child>, _> = (0..count)
            .map(|_| Command::new(&program).arg("hog").stdout(Stdio::null()).spawn())
            .collect();
        Ok(Self(hogs?))
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        for hog in &mut self.0 {
            // It may have ended by itself.
            let _ = hog.kill();
            let _ = hog.wait();
        }
    }
}

fn hog() -> ExitCode {
    let until = Instant::now() + HOG_LIFE;
    let mut number = 1_u64;
    while Instant::now() < until {
        for _ in 0..1_000_000 {
            number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
    }
    ExitCode::SUCCESS
}

/// How late a periodic RTU is released beside the hogs.
fn jitter() -> Findings {
    let executive = executive(8)?;
    let (done, finished) = mpsc::sync_channel(1);
    let _hogs = Hogs::start(HOGS)?;
    let mut left = RELEASES;
    let handler = move |_: &mut Activation<'_>| {
        left = left.saturating_sub(1);
        if left == 0 {
            let _ = done.try_send(());
        }
        Outcome::Done
    };
    let spec = Spec::new("periodic", Parameters::periodic(PERIOD.into()));
    let periodic = executive.add(spec, cpu(), Box::new(handler))?;
    finished.recv_timeout(HOG_LIFE)?;
    let account = periodic.account();
    let mut report = Report::default();
    for (name, percent) in [("p50_ns", 50.0), ("p99_ns", 99.0), ("p999_ns", 99.9)] {
        let late = account.release_jitter.percentile(percent).unwrap_or_default();
        report.set(name, late.0 as f64);
    }
    report.set("misses", account.misses as f64);
    let stolen = executive
        .usage(cpu())
        .map_or(Nanos::ZERO, |[guaranteed, _]| guaranteed.stolen);
    report.set("stolen_ns", stolen.0 as f64);
    Ok(report)
}

/// The same with the control: how late a thread wakes that does nothing but sleep.
fn cyclictest(loops: u64) -> Findings {
    let _hogs = Hogs::start(HOGS)?;
    let mut command = Command::new("cyclictest");
    command.args(["--mlockall", "--quiet", "--threads=1", "--histofall=20000"]);
    command
        .arg(format!("--priority={PRIORITY}"))
        .arg(format!("--affinity={}", cpu()));
    command
        .arg(format!("--interval={}", PERIOD.as_micros()))
        .arg(format!("--loops={loops}"));
    let output = command
        .output()
        .map_err(|error| format!("cyclictest: {error}; `apt-get install rt-tests` brings it"))?;
    if !output.status.success() {
        return Err(format!("cyclictest: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let buckets: Vec<(u64, u64)> = text.lines().filter_map(bucket).collect();
    let mut report = Report::default();
    for (name, share) in [("p50_ns", 0.5), ("p99_ns", 0.99), ("p999_ns", 0.999)] {
        let late = percentile(&buckets, share).ok_or("cyclictest printed no histogram")?;
        report.set(name, late as f64 * 1e3);
    }
    Ok(report)
}

/// Microseconds, and how many wake-ups were so late: `000012 000345`, with another column for all threads together.
fn bucket(line: &str) -> Option<(u64, u64)> {
    let mut words = line.split_ascii_whitespace().map(str::parse::<u64>);
    Some((words.next()?.ok()?, words.next()?.ok()?))
}

fn percentile(buckets: &[(u64, u64)], share: f64) -> Option<u64> {
    let all: u64 = buckets.iter().map(|(_, count)| count).sum();
    let mut seen = 0;
    buckets
        .iter()
        .find(|(_, count)| {
            seen += count;
            all > 0 && seen as f64 >= all as f64 * share
        })
        .map(|(late, _)| *late)
}

/// How long it takes to admit one more object beside 1,000, and to let it go.
fn admission() -> Findings {
    let machine = Machine {
        jitter: Nanos::from_micros(20),
        switch: Nanos::from_micros(1),
        ..Machine::default()
    };
    let mut admission = Admission::new(machine, CostModel::default());
    let request = |index: u64| {
        let period = Duration::from_millis(200 + index * 7 % 800);
        Request::new(Qos::isochronous(period, 1).worst_case(Duration::from_micros(50)))
    };
    for index in 0..1000 {
        admission
            .admit(&format!("object-{index}"), &request(index))
            .map_err(|refusal| format!("object {index} of 1,000: {refusal}"))?;
    }
    let mut times = Vec::with_capacity(1000);
    for index in 0..1000 {
        let request = request(index * 13);
        let began = Instant::now();
        let grant = std::hint::black_box(admission.admit("one-more", &request))?;
        times.push(began.elapsed().as_nanos() as f64);
        admission.release(grant.id);
    }
    times.sort_by(f64::total_cmp);
    let mut report = Report::default();
    for (name, at) in [("p50_ns", 500), ("p99_ns", 990)] {
        report.set(name, times.get(at).copied().unwrap_or(f64::NAN));
    }
    Ok(report)
}

/// To what use of the CPU random sets of ten can grow before the response-time test refuses one of them.
fn breakdown() -> Report {
    let overheads = Overheads {
        switch: Nanos::from_micros(1),
        jitter: Nanos::from_micros(20),
    };
    let mut report = Report::default();
    report.set(
        "utilisation",
        mean_breakdown(1, 2000, &overheads, Nanos::from_micros(20)),
    );
    report
}

/// What random sets in virtual time say of the analysis: promises that were broken, and sets refused for nothing.
fn promises(sets: u64) -> Report {
    let campaign = campaign(0, sets);
    let refused = campaign.sets - campaign.admitted;
    let mut report = Report::default();
    report.set("broken", (campaign.broken_promises + campaign.too_long) as f64);
    report.set("admitted", campaign.admitted as f64 / campaign.sets.max(1) as f64);
    report.set(
        "for_nothing",
        campaign.refused_for_nothing as f64 / refused.max(1) as f64,
    );
    report
}

/// A handler whose deadlines count, and beside it perhaps one that takes twice its budget.
fn overrun(beside: bool) -> Findings {
    let executive = executive(8)?;
    let witness = Witness::start(cpu(), PRIORITY + 1)
        .inspect_err(|error| eprintln!("bench-rtu: all misses count as ours: {error}"))
        .ok();
    let (done, finished) = mpsc::sync_channel(1);
    let misses: Arc<Mutex<Vec<Miss>>> = Arc::default();
    let kept = executive.add(
        Spec::new("kept", Parameters::periodic(KEPT_PERIOD.into())),
        cpu(),
        Box::new(kept(Arc::clone(&misses), done)),
    )?;
    let wild = beside.then(|| wild(&executive)).transpose()?;
    finished.recv_timeout(HOG_LIFE)?;
    let (missed, overruns) = (
        kept.account().misses,
        wild.map_or(0, |wild| wild.account().overruns),
    );
    drop(kept.remove());
    let absences = witness.map(Witness::hear).unwrap_or_default();
    let misses = misses.lock().map_err(|_| "a handler panicked")?;
    let away = misses
        .iter()
        .filter(|miss| miss.is_explained_by(&absences))
        .count() as u64;
    let mut report = Report::default();
    report.set("missed", missed.saturating_sub(away) as f64);
    report.set("missed_away", away.min(missed) as f64);
    report.set("away_ns", absences.total().0 as f64);
    report.set("overruns", overruns as f64);
    Ok(report)
}

/// An activation that was not done in time.
struct Miss {
    released: Time,
    /// When it was done; of one that came to nothing, when that was seen.
    done: Time,
}

impl Miss {
    /// Whether it would have been in time, had the CPU been there.
    fn is_explained_by(&self, absences: &Absences) -> bool {
        let away = absences.within(self.released, self.done);
        self.done - self.released <= Nanos::from(KEPT_PERIOD) + away
    }
}

/// The handler whose deadlines count: takes note of each that it missed.
fn kept(
    misses: Arc<Mutex<Vec<Miss>>>,
    done: mpsc::SyncSender<()>,
) -> impl FnMut(&mut Activation<'_>) -> Outcome {
    let period = Nanos::from(KEPT_PERIOD);
    let (mut left, mut expected) = (KEPT_RELEASES, None);
    move |cx| {
        busy(KEPT_PERIOD / 10);
        let (released, now) = (cx.released(), cx.now());
        let mut nominal = expected.unwrap_or(released);
        while nominal <= released {
            if nominal < released || now - released > period {
                let miss = Miss {
                    released: nominal,
                    done: now,
                };
                if let Ok(mut misses) = misses.lock() {
                    misses.push(miss);
                }
            }
            nominal = nominal + period;
        }
        expected = Some(nominal);
        left = left.saturating_sub(1);
        if left == 0 {
            let _ = done.try_send(());
        }
        Outcome::Done
    }
}

/// Adds one that takes twice its budget, in short iterations.
fn wild(executive: &Executive) -> Result<Rtu, Box<dyn Error>> {
    let (period, budget) = (KEPT_PERIOD * 4, KEPT_PERIOD);
    let parameters = Parameters::periodic(period.into()).with_budget(budget.into(), Overrun::Defer);
    let step = Duration::from_micros(50);
    let mut worked = Duration::ZERO;
    let handler = move |cx: &mut Activation<'_>| {
        while worked < budget * 2 {
            busy(step);
            worked += step;
            if cx.should_yield() {
                return Outcome::NotDone;
            }
        }
        worked = Duration::ZERO;
        Outcome::Done
    };
    Ok(executive.add(Spec::new("wild", parameters), cpu(), Box::new(handler))?)
}

fn busy(time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures the executive: `cargo run --release -p upcall-rtu --example jitter -- [CPU] [PRIORITY] [SECONDS] [SPIN_US]`.
//!
//! Release jitter of a periodic RTU of 1 ms, what it takes from a notification to the handler (from another handler on the
//! same thread, for 1 and more RTUs, and from another thread while the executive is awake and asleep), and what the
//! executive did with its time.

#![allow(clippy::print_stdout, reason = "what a program is for is what it prints")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rtu::executive::{Executive, Notifier, Rtu, Spec};
use rtu::histogram::Histogram;
use rtu::scheduler::Parameters;
use rtu::simulation::Random;
use rtu::{Activation, Class, Nanos, Outcome, Time};

const ROUNDS: u64 = 200_000;
/// Room comes back a moment after a removal, so there is some for two rounds.
const CAPACITY: usize = 20_010;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let mut argument = |default| arguments.next().unwrap_or(Ok(default));
    let cpu = usize::try_from(argument(0)?)?;
    let priority = u8::try_from(argument(80)?)?;
    let seconds = argument(5)?;
    let spin = Duration::from_micros(argument(50)?);
    println!("CPU {cpu}, priority {priority}, all in µs");
    for spin in [Duration::ZERO, spin] {
        let executive = Executive::builder()
            .cpus([cpu])
            .priority(priority)
            .spin(spin)
            .capacity(CAPACITY)
            .build()?;
        for advice in executive.granted().iter().filter_map(|granted| granted.advice()) {
            println!("{advice}");
        }
        println!("spinning for {spin:?}");
        jitter(&executive, cpu, seconds)?;
        for count in [1, 10, 100, 1_000, 10_000] {
            let all = dispatch(&executive, cpu, count, count)?;
            show(&format!("dispatch, any of {count}"), &all);
            let same = dispatch(&executive, cpu, count, 1)?;
            show(&format!("dispatch, the same of {count}"), &same);
        }
        show("dispatch, from another thread", &across(&executive, cpu)?);
        if let Some([guaranteed, _]) = executive.usage(cpu) {
            println!("{guaranteed:?}");
        }
    }
    Ok(())
}

fn show(what: &str, histogram: &Histogram) {
    print!("{what:<32}");
    for percent in [50.0, 99.0, 99.9] {
        let micros = histogram.percentile(percent).unwrap_or_default().0 as f64 / 1e3;
        print!(" p{percent} {micros:>8.3}");
    }
    let most = histogram.max().unwrap_or_default().0 as f64 / 1e3;
    println!(" max {most:>8.3}  of {}", histogram.count());
}

/// From the nominal release to the handler.
fn jitter(executive: &Executive, cpu: usize, seconds: u64) -> Result<(), Box<dyn Error>> {
    let spec = Spec::new("jitter", Parameters::periodic(Nanos::from_millis(1)));
    let mut late = Recorder::new();
    let results = late.results();
    let rtu = executive.add(
        spec,
        cpu,
        Box::new(move |cx: &mut Activation<'_>| {
            let span = cx.now() - cx.released();
            late.record(span);
            Outcome::Done
        }),
    )?;
    std::thread::sleep(Duration::from_secs(seconds));
    drop(rtu.remove());
    show("release jitter, 1 ms", &results.recv()?);
    Ok(())
}

/// A histogram that is sent when its handler is freed, so that nothing is shared meanwhile.
struct Recorder {
    histogram: Histogram,
    sender: Option<std::sync::mpsc::Sender<Histogram>>,
}

impl Recorder {
    fn new() -> Self {
        Self {
            histogram: Histogram::new(),
            sender: None,
        }
    }

    fn results(&mut self) -> std::sync::mpsc::Receiver<Histogram> {
        let (sender, receiver) = std::sync::mpsc::channel();
        self.sender = Some(sender);
        receiver
    }

    fn record(&mut self, span: Nanos) {
        self.histogram.record(span);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if let Some(sender) = &self.sender {
            // Who measured may have given up.
            let _ = sender.send(self.histogram.clone());
        }
    }
}

/// From a notification in a handler, which then returns, to the handler of another RTU: of `count` one of `used`, at random.
/// Where only one is used, its state is in the caches; where all are, that is measured as well.
fn dispatch(
    executive: &Executive,
    cpu: usize,
    count: usize,
    used: usize,
) -> Result<Histogram, Box<dyn Error>> {
    let sent = Arc::new(AtomicU64::new(0));
    let done = Arc::new(AtomicU64::new(0));
    let spans = Arc::new(AtomicU64::new(0));
    let mut random = Random::new(1);
    let receivers = (0..count).map(|_| {
        let (sent, done, spans) = (Arc::clone(&sent), Arc::clone(&done), Arc::clone(&spans));
        // All are more urgent than the sender.
        let priority = random.bits().to_le_bytes()[0].max(1);
        let parameters = Parameters::new(Class::LowDelay { priority }, Nanos::ZERO);
        let handler = Box::new(move |cx: &mut Activation<'_>| {
            let span = cx.now() - Time(sent.load(Ordering::Relaxed));
            spans.store(span.0, Ordering::Relaxed);
            done.store(done.load(Ordering::Relaxed) + 1, Ordering::Release);
            Outcome::Done
        });
        executive.add(Spec::new("receiver", parameters), cpu, handler)
    });
    let receivers: Vec<Rtu> = receivers.collect::<Result<_, _>>()?;
    let notifiers: Vec<Notifier> = receivers.iter().map(Rtu::notifier).collect();
    let mut recorder = Recorder::new();
    let results = recorder.results();
    let mut rounds = 0;
    let last_span = Arc::clone(&spans);
    let parameters = Parameters::new(Class::LowDelay { priority: 0 }, Nanos::ZERO);
    let sender = Box::new(move |cx: &mut Activation<'_>| {
        if rounds > 0 {
            recorder.record(Nanos(last_span.load(Ordering::Relaxed)));
        }
        rounds += 1;
        if rounds > ROUNDS {
            return Outcome::Done;
        }
        let target = usize::try_from(random.within(0, used as u64 - 1)).unwrap_or(0);
        if let Some(notifier) = notifiers.get(target) {
            cx.again();
            sent.store(cx.now().0, Ordering::Relaxed);
            notifier.notify();
        }
        Outcome::Done
    });
    let sender = executive.add(Spec::new("sender", parameters), cpu, sender)?;
    sender.notify();
    while done.load(Ordering::Acquire) < ROUNDS {
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(sender.remove());
    Ok(results.recv()?)
}

/// From a notification by an ordinary thread to the handler.
fn across(executive: &Executive, cpu: usize) -> Result<Histogram, Box<dyn Error>> {
    let sent = Arc::new(AtomicU64::new(0));
    let done = Arc::new(AtomicU64::new(0));
    let mut recorder = Recorder::new();
    let results = recorder.results();
    let (seen, count) = (Arc::clone(&sent), Arc::clone(&done));
    let parameters = Parameters::new(Class::LowDelay { priority: 9 }, Nanos::ZERO);
    let handler = Box::new(move |cx: &mut Activation<'_>| {
        recorder.record(cx.now() - Time(seen.load(Ordering::Relaxed)));
        count.fetch_add(1, Ordering::Release);
        Outcome::Done
    });
    let rtu = executive.add(Spec::new("remote", parameters), cpu, handler)?;
    for round in 1..=ROUNDS / 10 {
        let pause = Executive::now() + Nanos::from_micros(5);
        while Executive::now() < pause {
            std::hint::spin_loop();
        }
        sent.store(Executive::now().0, Ordering::Relaxed);
        rtu.notify();
        while done.load(Ordering::Acquire) < round {
            std::hint::spin_loop();
        }
    }
    drop(rtu.remove());
    Ok(results.recv()?)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures what the scheduler and the analysis themselves cost: `cargo run --release -p upcall-rtu --example figures`.

#![allow(clippy::print_stdout, reason = "what a program is for is what it prints")]

use std::hint::black_box;
use std::time::Instant;

use rtu::analysis::{AdmittedSet, Overheads, Refusal, Task};
use rtu::scheduler::{Parameters, RtuId, Scheduler};
use rtu::simulation::{Iterations, Random, Sets};
use rtu::{Class, Nanos, Outcome, Time};

/// Other programs disturb a round; the quickest of many is what the code takes.
const ROUNDS: u32 = 10;
const EVENTS: u64 = 100_000;

fn main() {
    println!("one event of the scheduler, ns");
    println!(
        "{:>8} {:>28} {:>28}",
        "RTUs", "notify, next, finish", "release, next, finish"
    );
    for count in [1, 10, 100, 1_000, 10_000] {
        println!("{count:>8} {:>28.1} {:>28.1}", reactive(count), periodic(count));
    }
    println!("one more among 1,000, µs");
    println!(
        "{:>32} {:>10} {:>6} {:>10} {:>10}",
        "beside", "answer", "times", "median", "99 %"
    );
    for (what, utilisation, spread) in [
        ("60 %, periods over 3 decades", 0.6, 1_000),
        ("90 %, periods over 3 decades", 0.9, 1_000),
        ("97 %, periods over 3 decades", 0.97, 1_000),
        ("60 %, periods within an octave", 0.6, 2),
        ("90 %, periods within an octave", 0.9, 2),
        ("97 %, periods within 2 %", 0.97, 1),
    ] {
        admission(what, utilisation, spread);
    }
}

/// Nanoseconds for a notification of a random RTU and its activation.
fn reactive(count: u64) -> f64 {
    let mut scheduler = Scheduler::with_capacity(10_000);
    let mut random = Random::new(1);
    let ids: Vec<RtuId> = (0..count)
        .map(|_| {
            let priority = random.bits().to_le_bytes()[0];
            scheduler.add(
                Parameters::new(Class::LowDelay { priority }, Nanos::ZERO),
                Time::ZERO,
            )
        })
        .collect();
    let order: Vec<RtuId> = (0..4096)
        .filter_map(|_| {
            ids.get(usize::try_from(random.within(0, count - 1)).ok()?)
                .copied()
        })
        .collect();
    let mut now = 0;
    quickest(|| {
        for (id, _) in order.iter().cycle().zip(0..EVENTS) {
            now += 1;
            scheduler.notify(*id, Time(now));
            if let Some(running) = black_box(scheduler.next()) {
                scheduler.finish(running.id, Outcome::Done, Nanos(1), Time(now));
            }
        }
    })
}

/// Nanoseconds for a release from the wheel and its activation.
fn periodic(count: u64) -> f64 {
    let mut scheduler = Scheduler::with_capacity(10_000);
    let mut random = Random::new(1);
    for _ in 0..count {
        let period = random.within(1_000_000, 50_000_000);
        scheduler.add(
            Parameters::periodic(Nanos(period)),
            Time(random.within(0, period)),
        );
    }
    quickest(|| {
        let mut done = 0;
        while done < EVENTS {
            let now = scheduler.next_event().unwrap_or_default();
            scheduler.advance(now);
            while let Some(running) = black_box(scheduler.next()) {
                scheduler.finish(running.id, Outcome::Done, Nanos(1), now);
                done += 1;
            }
        }
    })
}

/// Nanoseconds per event in the quickest of the rounds.
fn quickest(mut round: impl FnMut()) -> f64 {
    let mut time = || {
        let start = Instant::now();
        round();
        start.elapsed().as_secs_f64() * 1e9 / EVENTS as f64
    };
    (0..ROUNDS).map(|_| time()).fold(f64::INFINITY, f64::min)
}

fn admission(what: &str, utilisation: f64, spread: u64) {
    let overheads = Overheads {
        switch: Nanos(50),
        jitter: Nanos::from_micros(20),
    };
    let shortest = Nanos::from_millis(2);
    let sets = Sets {
        tasks: 1_000,
        utilisation,
        shortest,
        longest: (shortest * spread).max(shortest + shortest / 50),
        iterations: Iterations::Fixed(Nanos::from_micros(5)),
        low_delay: 0.1,
        early_deadlines: 0.0,
    };
    let mut random = Random::new(1);
    let mut set = AdmittedSet::new(overheads);
    for task in sets.sample(&mut random) {
        let _: Result<_, Refusal> = set.admit(&task);
    }
    let candidates: Vec<Task> = (0..10)
        .flat_map(|_| sets.sample(&mut random))
        .step_by(20)
        .collect();
    let mut times = [Vec::new(), Vec::new()];
    for task in &candidates {
        let start = Instant::now();
        let admission = black_box(set.admit(task));
        let time = start.elapsed().as_secs_f64() * 1e6;
        let [admitted, refused] = &mut times;
        match admission {
            Ok(admission) => {
                admitted.push(time);
                set.remove(admission.id);
            }
            Err(_) => refused.push(time),
        }
    }
    for (answer, mut times) in ["admitted", "refused"].into_iter().zip(times) {
        times.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            let index = times.len().saturating_sub(1) * percent / 100;
            times.get(index).copied().unwrap_or(f64::NAN)
        };
        let (median, most) = (at(50), at(99));
        println!(
            "{what:>32} {answer:>10} {:>6} {median:>10.1} {most:>10.1}",
            times.len()
        );
    }
}

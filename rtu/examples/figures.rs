// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures what the scheduler and the analysis themselves cost: `cargo run --release -p upcall-rtu --example figures`.

#![allow(clippy::print_stdout, reason = "what a program is for is what it prints")]

use std::hint::black_box;
use std::time::Instant;

use rtu::analysis::{AdmittedSet, Overheads, Refusal, Task};
use rtu::scheduler::{Parameters, RtuId, Scheduler};
use rtu::simulation::{Iterations, Random, Sets};
use rtu::{Class, Nanos, Outcome, Time};

const EVENTS: u64 = 1_000_000;

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
        "{:>32} {:>10} {:>10} {:>10} {:>10}",
        "", "median", "99 %", "longest", "admitted"
    );
    for (what, utilisation, spread) in [
        ("60 %, periods over 3 decades", 0.6, 1_000),
        ("90 %, periods over 3 decades", 0.9, 1_000),
        ("97 %, periods over 3 decades", 0.97, 1_000),
        ("80 %, periods within an octave", 0.8, 2),
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
    let start = Instant::now();
    for (now, id) in (0..EVENTS).zip(order.iter().cycle()) {
        scheduler.notify(*id, Time(now));
        if let Some(running) = black_box(scheduler.next()) {
            scheduler.finish(running.id, Outcome::Done, Nanos(1), Time(now));
        }
    }
    start.elapsed().as_secs_f64() * 1e9 / EVENTS as f64
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
    let mut done = 0;
    let start = Instant::now();
    while done < EVENTS {
        let now = scheduler.next_event().unwrap_or_default();
        scheduler.advance(now);
        while let Some(running) = black_box(scheduler.next()) {
            scheduler.finish(running.id, Outcome::Done, Nanos(1), now);
            done += 1;
        }
    }
    start.elapsed().as_secs_f64() * 1e9 / done as f64
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
    let mut admitted = 0;
    let mut times: Vec<f64> = candidates
        .iter()
        .map(|task| {
            let start = Instant::now();
            let admission = black_box(set.admit(task));
            let time = start.elapsed().as_secs_f64() * 1e6;
            if let Ok(admission) = admission {
                admitted += 1;
                set.remove(admission.id);
            }
            time
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let index = (times.len() - 1) as f64 * share;
        times
            .iter()
            .rev()
            .nth(times.len() - 1 - index.floor() as usize)
            .copied()
            .unwrap_or(f64::NAN)
    };
    println!(
        "{what:>32} {:>10.1} {:>10.1} {:>10.1} {:>9}/{}",
        at(0.5),
        at(0.99),
        at(1.0),
        admitted,
        times.len()
    );
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The response times against every way in which small sets can begin, on a CPU of its own that knows nothing of the
//! scheduler: time goes tick by tick, and the rules are those of the formula's proof.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as expected"
)]

use proptest::prelude::*;
use rtu::analysis::{Overheads, Task, response_times};
use rtu::{Class, Nanos};

/// A task in ticks; the first is the most urgent.
#[derive(Clone, Copy, Debug)]
struct Small {
    period: u64,
    cost: u64,
    iteration: u64,
}

/// What is left of an activation, and since when it is released.
#[derive(Clone, Copy)]
struct Job {
    task: usize,
    released: u64,
    left: u64,
}

/// The longest response time of each task when they first come at these times, over a while.
fn longest(tasks: &[Small], starts: &[u64], end: u64) -> Vec<u64> {
    let mut longest = vec![0; tasks.len()];
    let mut jobs: Vec<Job> = Vec::new();
    // The job that runs, and until when nobody can take the CPU from it.
    let mut running: Option<(usize, u64)> = None;
    for now in 0..end {
        if let Some((index, _)) = running.filter(|(_, until)| *until == now) {
            running = None;
            if jobs[index].left == 0 {
                let job = jobs.remove(index);
                longest[job.task] = longest[job.task].max(now - job.released);
            }
        }
        for (task, start) in starts.iter().enumerate() {
            if now >= *start && (now - start) % tasks[task].period == 0 {
                let left = tasks[task].cost;
                jobs.push(Job {
                    task,
                    released: now,
                    left,
                });
            }
        }
        if running.is_none() {
            let order = |index: &usize| (jobs[*index].task, jobs[*index].released);
            if let Some(index) = (0..jobs.len()).min_by_key(order) {
                let iteration = tasks[jobs[index].task].iteration.min(jobs[index].left);
                jobs[index].left -= iteration;
                running = Some((index, now + iteration));
            }
        }
    }
    longest
}

fn task(small: &Small, priority: usize) -> Task {
    let priority = 255 - u8::try_from(priority).unwrap();
    Task {
        class: Class::LowDelay { priority },
        period: Nanos(small.period),
        cost: Nanos(small.cost),
        longest_iteration: Nanos(small.iteration),
        deadline: Nanos(small.period),
        jitter: Nanos::ZERO,
    }
}

/// The longest response times over all phases of all tasks.
fn worst(tasks: &[Small]) -> Vec<u64> {
    let mut worst = vec![0; tasks.len()];
    let phases: Vec<u64> = tasks.iter().map(|task| task.period).collect();
    let count: u64 = phases.iter().product();
    let span: u64 = phases.iter().product::<u64>().min(120) * 2;
    for number in 0..count {
        let mut rest = number;
        let starts: Vec<u64> = phases
            .iter()
            .map(|phase| {
                let start = rest % phase;
                rest /= phase;
                start
            })
            .collect();
        let seen = longest(tasks, &starts, span);
        worst = worst
            .iter()
            .zip(seen)
            .map(|(one, other)| (*one).max(other))
            .collect();
    }
    worst
}

prop_compose! {
    fn small()(period in 4..11_u64, cost in 1..5_u64, iteration in 1..4_u64) -> Small {
        let cost = cost.min(period);
        Small { period, cost, iteration: iteration.min(cost) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    /// The order of urgency is any, not that of the periods alone: low-delay RTUs have that freedom.
    #[test]
    fn nobody_takes_longer_than_said(tasks in prop::collection::vec(small(), 2..4)) {
        let set: Vec<Task> = tasks.iter().enumerate().map(|(index, small)| task(small, index)).collect();
        let said = response_times(&set, &Overheads::default());
        // What is said of one that is in time holds whatever becomes of the less urgent ones.
        let in_time = said.iter().zip(&tasks).take_while(|(said, small)| said.is_some_and(|said| said.0 <= small.period));
        let worst = worst(&tasks);
        for (index, (said, _)) in in_time.enumerate() {
            let said = said.unwrap().0;
            prop_assert!(worst[index] <= said, "{}: {:?} {:?}", index, worst, set);
        }
    }
}

#[test]
fn the_least_urgent_takes_exactly_as_long_as_said_if_it_can_be_interrupted_anywhere() {
    let mut exact = 0;
    let mut all = 0;
    for period in 5..10 {
        for cost in 1..4 {
            let tasks = [
                Small {
                    period: 5,
                    cost: 2,
                    iteration: 1,
                },
                Small {
                    period,
                    cost,
                    iteration: 1,
                },
            ];
            let set = [task(&tasks[0], 0), task(&tasks[1], 1)];
            let said = response_times(&set, &Overheads::default())[1].unwrap().0;
            if said <= period {
                all += 1;
                exact += u32::from(worst(&tasks)[1] == said);
            }
        }
    }
    // It is more than real only where the last iteration ends just as the next release comes.
    assert!(exact * 10 >= all * 9 && all >= 10, "{exact} of {all}");
}

#[test]
fn the_second_activation_of_the_messages_of_davis_and_others_is_in_time() {
    // Davis, Burns, Bril and Lukkien (2007), in half milliseconds: three messages of 1 ms with periods of 2.5, 3.5 and 3.5 ms.
    // The analysis that they refuted says 3 ms of the last; its second activation takes 3.5 ms.
    let tasks = [
        Small {
            period: 5,
            cost: 2,
            iteration: 2,
        },
        Small {
            period: 7,
            cost: 2,
            iteration: 2,
        },
        Small {
            period: 7,
            cost: 2,
            iteration: 2,
        },
    ];
    let set: Vec<Task> = tasks
        .iter()
        .enumerate()
        .map(|(index, small)| task(small, index))
        .collect();
    let said = response_times(&set, &Overheads::default());
    let worst = worst(&tasks);
    assert_eq!(worst[2], 7, "what the refutation found is found here");
    assert!(
        said[2].is_none_or(|said| said.0 >= worst[2]),
        "{said:?} {worst:?}"
    );
}

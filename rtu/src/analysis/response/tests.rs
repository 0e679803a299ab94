// SPDX-License-Identifier: MIT OR Apache-2.0
//! Response times against figures worked out by hand.

use crate::Class;

use super::*;

fn periodic(period: u64, cost: u64, longest_iteration: u64) -> Task {
    Task {
        class: Class::Periodic,
        period: Nanos(period),
        cost: Nanos(cost),
        longest_iteration: Nanos(longest_iteration),
        deadline: Nanos(period),
        jitter: Nanos::ZERO,
    }
}

fn responses(tasks: &[Task], switch: u64, jitter: u64) -> Vec<Option<u64>> {
    let overheads = Overheads {
        switch: Nanos(switch),
        jitter: Nanos(jitter),
    };
    let found = response_times(tasks, &overheads);
    found.into_iter().map(|time| time.map(|time| time.0)).collect()
}

#[test]
fn a_task_alone_takes_its_cost_and_two_switches() {
    assert_eq!(responses(&[periodic(1000, 100, 100)], 7, 0), [Some(114)]);
}

#[test]
fn the_text_book_set_has_its_text_book_response_times() {
    // Burns and Wellings, Real-Time Systems and Programming Languages: periods 80, 40, 20, costs 40, 10, 5.
    // Iterations of nearly nothing stand for full preemption.
    let set = [
        periodic(80_000, 40_000, 1),
        periodic(40_000, 10_000, 1),
        periodic(20_000, 5_000, 1),
    ];
    assert_eq!(responses(&set, 0, 0), [Some(80_000), Some(15_001), Some(5_001)]);
}

#[test]
fn the_less_urgent_block_by_their_longest_iteration() {
    let set = [
        periodic(1000, 100, 100),
        periodic(2000, 100, 30),
        periodic(3000, 100, 60),
    ];
    assert_eq!(responses(&set, 0, 0), [Some(160), Some(260), Some(300)]);
}

#[test]
fn jitter_brings_a_further_activation_into_the_window() {
    let mut set = [periodic(1000, 400, 1), periodic(4000, 500, 1)];
    assert_eq!(responses(&set, 0, 0), [Some(401), Some(900)]);
    set[0].jitter = Nanos(200);
    assert_eq!(responses(&set, 0, 0), [Some(401), Some(1300)]);
    assert_eq!(responses(&set, 0, 300), [Some(401), Some(1300)]);
}

#[test]
fn switches_are_charged_with_each_activation() {
    let set = [periodic(1000, 400, 1), periodic(4000, 600, 1)];
    // 600 + 20 + 2 · (400 + 20).
    assert_eq!(responses(&set, 10, 0)[1], Some(1460));
}

#[test]
fn those_as_urgent_as_each_other_interfere_both_ways() {
    let set = [periodic(1000, 300, 50), periodic(1000, 200, 50)];
    assert_eq!(responses(&set, 0, 0), [Some(500), Some(500)]);
}

#[test]
fn low_delay_comes_before_any_period_and_best_effort_only_blocks() {
    let low_delay = |priority| Task {
        class: Class::LowDelay { priority },
        ..periodic(1_000_000, 100, 100)
    };
    let best_effort = Task {
        class: Class::BestEffort { priority: 9 },
        ..periodic(0, 5000, 70)
    };
    let set = [periodic(500, 50, 50), low_delay(1), low_delay(2), best_effort];
    assert_eq!(
        responses(&set, 0, 0),
        [Some(320), Some(270), Some(300 - 100), None]
    );
}

#[test]
fn a_full_cpu_still_has_an_answer_and_an_overfull_one_has_none() {
    let full = [periodic(1000, 500, 1), periodic(2000, 1000, 1)];
    assert_eq!(responses(&full, 0, 0)[1], Some(2000));
    let overfull = [periodic(1000, 1000, 1), periodic(2000, 1, 1)];
    assert_eq!(responses(&overfull, 0, 0)[1], None);
    assert_eq!(
        responses(&[periodic(10, 9, 9), periodic(10, 9, 9)], 0, 0),
        [Some(90), Some(90)]
    );
}

#[test]
fn absurd_figures_saturate() {
    let absurd = [periodic(u64::MAX, u64::MAX, u64::MAX), periodic(1, u64::MAX, 1)];
    assert_eq!(responses(&absurd, u64::MAX, u64::MAX), [None, None]);
    assert_eq!(responses(&[periodic(0, 0, 0)], 0, 0), [Some(0)]);
}

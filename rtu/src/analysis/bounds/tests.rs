// SPDX-License-Identifier: MIT OR Apache-2.0
//! The quick tests at their edges.

use crate::{Class, Nanos};

use super::*;

fn periodic(period: u64, cost: u64) -> Task {
    Task {
        class: Class::Periodic,
        period: Nanos(period),
        cost: Nanos(cost),
        longest_iteration: Nanos(1),
        deadline: Nanos(period),
        jitter: Nanos::ZERO,
    }
}

fn verdicts(tasks: &[Task], overheads: &Overheads) -> (bool, bool) {
    (liu_layland(tasks, overheads), hyperbolic(tasks, overheads))
}

const FREE: Overheads = Overheads {
    switch: Nanos::ZERO,
    jitter: Nanos::ZERO,
};

#[test]
fn two_tasks_may_use_82_percent() {
    // 2 (√2 - 1) = 0.8284; both bounds meet where the utilisations are equal.
    let set = |cost| [periodic(1_000_000, cost), periodic(1_500_000, cost * 3 / 2)];
    assert_eq!(verdicts(&set(414_000), &FREE), (true, true));
    assert_eq!(verdicts(&set(414_400), &FREE), (false, false));
}

#[test]
fn the_hyperbolic_bound_admits_more_where_shares_differ() {
    // 1.7 · 1.17 = 1.989, while 0.87 is above 0.828.
    let set = [periodic(1_000_000, 700_000), periodic(2_000_000, 340_000)];
    assert_eq!(verdicts(&set, &FREE), (false, true));
}

#[test]
fn blocking_jitter_switches_and_deadlines_count_against_the_set() {
    let set = [periodic(1_000_000, 400_000), periodic(2_000_000, 800_000)];
    assert_eq!(verdicts(&set, &FREE), (true, true));
    let mut blocked = set;
    blocked[1].longest_iteration = Nanos(700_000);
    assert_eq!(verdicts(&blocked, &FREE), (false, false));
    let late = Overheads {
        jitter: Nanos(100_000),
        ..FREE
    };
    assert_eq!(verdicts(&set, &late), (false, false));
    let slow = Overheads {
        switch: Nanos(20_000),
        ..FREE
    };
    assert_eq!(verdicts(&set, &slow), (false, false));
    let mut early = set;
    early[0].deadline = Nanos(900_000);
    assert_eq!(verdicts(&early, &FREE), (false, false));
}

#[test]
fn best_effort_only_blocks() {
    let mut set = vec![periodic(1_000_000, 600_000)];
    set.push(Task {
        class: Class::BestEffort { priority: 0 },
        longest_iteration: Nanos(300_000),
        ..periodic(10, 10)
    });
    assert_eq!(verdicts(&set, &FREE), (true, true));
    set[1].longest_iteration = Nanos(500_000);
    assert_eq!(verdicts(&set, &FREE), (false, false));
}

#[test]
fn they_say_nothing_of_an_order_that_is_not_rate_monotonic() {
    let rare = Task {
        class: Class::LowDelay { priority: 1 },
        ..periodic(1_000_000, 1)
    };
    assert_eq!(verdicts(&[rare, periodic(1_000, 1)], &FREE), (false, false));
    assert_eq!(verdicts(&[rare, periodic(2_000_000, 1)], &FREE), (true, true));
}

#[test]
fn a_deadline_within_the_jitter_is_never_met() {
    let late = Overheads {
        jitter: Nanos(1000),
        ..FREE
    };
    assert_eq!(verdicts(&[periodic(1000, 1)], &late), (false, false));
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! That the simulation is able to see a miss, and sees none where there is none.

use crate::Class;
use crate::analysis::response_times;

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

fn worst_for(victim: usize, length: u64) -> Course {
    Course {
        victim: Some(victim),
        length: Nanos(length),
        worst_case: true,
    }
}

#[test]
fn a_set_that_just_fits_is_in_time_and_one_nanosecond_more_is_seen() {
    let free = Overheads::default();
    let mut set = [periodic(1_000, 500, 50), periodic(4_000, 2_000, 1)];
    let seen = run(&set, &free, &worst_for(1, 100_000), &mut Random::new(1));
    assert_eq!((seen.misses, seen.completions > 120), (0, true), "{seen:?}");
    assert_eq!(seen.longest[1], Nanos(4_000));
    set[1].cost = Nanos(2_001);
    let seen = run(&set, &free, &worst_for(1, 100_000), &mut Random::new(1));
    assert!(seen.misses > 0);
}

#[test]
fn the_worst_beginning_meets_the_response_time() {
    let overheads = Overheads {
        switch: Nanos(10),
        jitter: Nanos::ZERO,
    };
    let set = [
        periodic(10_000, 1_000, 1_000),
        periodic(30_000, 6_000, 200),
        periodic(70_000, 20_000, 4_000),
    ];
    let responses = response_times(&set, &overheads);
    for victim in 0..2 {
        let seen = run(&set, &overheads, &worst_for(victim, 60_000), &mut Random::new(1));
        let response = responses[victim].expect("bounded");
        // The blocker began two nanoseconds before, and not every switch that is charged is made.
        assert!(seen.longest[victim] <= response, "{seen:?} {responses:?}");
        assert!(
            seen.longest[victim] + Nanos(100) >= response,
            "{seen:?} {responses:?}"
        );
    }
}

#[test]
fn sporadic_tasks_that_come_too_early_harm_nobody() {
    let low_delay = Task {
        class: Class::LowDelay { priority: 1 },
        ..periodic(1_000, 300, 100)
    };
    let set = [low_delay, periodic(2_000, 800, 100)];
    let course = Course {
        victim: None,
        length: Nanos(10_000_000),
        worst_case: true,
    };
    let seen = run(&set, &Overheads::default(), &course, &mut Random::new(7));
    assert_eq!(seen.misses, 0);
    assert!(seen.completions > 12_000, "{seen:?}");
}

#[test]
fn an_overrun_cpu_is_seen_for_sporadic_ones_as_well() {
    let low_delay = |priority| Task {
        class: Class::LowDelay { priority },
        ..periodic(1_000, 700, 100)
    };
    let seen = run(
        &[low_delay(2), low_delay(1)],
        &Overheads::default(),
        &worst_for(1, 100_000),
        &mut Random::new(7),
    );
    assert!(seen.misses > 10, "{seen:?}");
}

#[test]
fn the_same_seed_is_the_same_run() {
    let sets = Sets {
        tasks: 5,
        utilisation: 0.8,
        shortest: Nanos::from_micros(100),
        longest: Nanos::from_millis(10),
        iterations: Iterations::UpTo(0.2),
        low_delay: 0.3,
        early_deadlines: 0.3,
    };
    let course = Course {
        victim: None,
        length: Nanos::from_millis(50),
        worst_case: false,
    };
    let overheads = Overheads {
        switch: Nanos(500),
        jitter: Nanos(900),
    };
    let twice = [3, 3].map(|seed| {
        let mut random = Random::new(seed);
        let set = sets.sample(&mut random);
        let share: f64 = set.iter().map(Task::utilisation).sum();
        assert!((share - 0.8).abs() < 0.01, "{share}");
        run(&set, &overheads, &course, &mut random)
    });
    assert_eq!(twice[0], twice[1]);
}

#[test]
fn a_set_of_nothing_ends() {
    assert_eq!(
        run(
            &[],
            &Overheads::default(),
            &worst_for(0, 1000),
            &mut Random::new(1)
        ),
        Seen::default()
    );
}

#[test]
fn random_numbers_keep_their_ranges() {
    let mut random = Random::new(5);
    let mut ends = [0, 0];
    for _ in 0..1000 {
        let number = random.within(3, 5);
        assert!((3..=5).contains(&number));
        ends[0] += u32::from(number == 3);
        ends[1] += u32::from(number == 5);
        let spread = random.log_uniform(10.0, 1000.0);
        assert!((10.0..=1000.0).contains(&spread));
        assert!((0.0..1.0).contains(&random.unit()));
    }
    assert!(ends.iter().all(|count| (250..420).contains(count)), "{ends:?}");
    assert_eq!(random.within(9, 2), 9);
    assert!(random.within(0, u64::MAX) != random.within(0, u64::MAX));
}

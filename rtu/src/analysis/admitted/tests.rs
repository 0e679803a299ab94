// SPDX-License-Identifier: MIT OR Apache-2.0
//! Admission by and by says what the whole set says at once.

use proptest::prelude::*;

use crate::Class;
use crate::analysis::{hyperbolic, liu_layland, response_times};

use super::*;

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![
        6 => Just(Class::Periodic),
        2 => (0..4_u8).prop_map(|priority| Class::LowDelay { priority }),
        1 => (0..4_u8).prop_map(|priority| Class::BestEffort { priority }),
    ]
}

prop_compose! {
    fn any_task()(
        class in class(),
        period in 20..2000_u64,
        cost_percent in 1..30_u64,
        iteration_percent in 1..=100_u64,
        deadline_percent in 30..120_u64,
        jitter in 0..10_u64,
    ) -> Task {
        let cost = (period * cost_percent / 100).max(1);
        Task {
            class,
            period: Nanos(period),
            cost: Nanos(cost),
            longest_iteration: Nanos((cost * iteration_percent / 100).clamp(1, 40)),
            deadline: Nanos(period * deadline_percent / 100),
            jitter: Nanos(jitter),
        }
    }
}

fn overheads() -> impl Strategy<Value = Overheads> {
    (0..3_u64, 0..3_u64).prop_map(|(switch, jitter)| Overheads {
        switch: Nanos(switch),
        jitter: Nanos(jitter),
    })
}

/// What the formula says of a whole set.
fn all_in_time(tasks: &[Task], overheads: &Overheads) -> bool {
    let responses = response_times(tasks, overheads);
    tasks.iter().zip(responses).all(|(task, response)| {
        !task.urgency().is_guaranteed() || response.is_some_and(|response| response <= task.limit(overheads))
    })
}

/// Each member has a witness that is what it says.
fn check(set: &AdmittedSet) {
    assert_eq!(set.members.len(), set.witnesses.len());
    assert!(set.members.is_sorted_by_key(|member| member.urgency));
    let blocking = set.blocking();
    for (index, (member, witness)) in set.members.iter().zip(&set.witnesses).enumerate() {
        if member.urgency.is_guaranteed() {
            assert_eq!(witness.blocking, set.blocking_of(member.urgency));
            assert_eq!(witness.blocking, blocking[index]);
            let (base, others) = set.formula(index, member, witness.blocking).expect("a member");
            assert_eq!(witness.demand, demand_within(base, others, witness.window));
            assert!(witness.demand <= witness.window && witness.window <= member.limit);
        }
    }
}

proptest! {
    #[test]
    fn one_by_one_is_as_all_at_once(
        tasks in prop::collection::vec(any_task(), 1..24),
        leaves in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        overheads in overheads(),
    ) {
        let mut set = AdmittedSet::new(overheads);
        let mut within: Vec<(TaskId, Task)> = Vec::new();
        for (step, task) in tasks.iter().enumerate() {
            let all: Vec<Task> = within.iter().map(|(_, task)| *task).chain([*task]).collect();
            let expected = task.validate(&overheads).is_ok() && all_in_time(&all, &overheads);
            prop_assert_eq!(set.fits(task), expected);
            match set.admit(task) {
                Ok(admission) => {
                    prop_assert!(expected);
                    within.push((admission.id, *task));
                    let response = response_times(&all, &overheads);
                    prop_assert_eq!(Some(admission.response), response.last().copied());
                }
                Err(refusal) => {
                    prop_assert!(!expected, "{}", refusal);
                    check_refusal(&mut set, task, &refusal);
                }
            }
            check(&set);
            if let Some(leaver) = leaves.get(step).filter(|_| step % 3 == 2 && !within.is_empty()) {
                let (id, task) = within.remove(leaver.index(within.len()));
                prop_assert_eq!(set.remove(id), Some(task));
                check(&set);
            }
        }
    }

    #[test]
    fn the_quick_tests_admit_nothing_that_the_response_times_refuse(
        tasks in prop::collection::vec(any_task(), 1..6),
        overheads in overheads(),
    ) {
        let quick = (liu_layland(&tasks, &overheads), hyperbolic(&tasks, &overheads));
        prop_assert!(!quick.0 || quick.1, "the hyperbolic bound admits all that the other does");
        prop_assert!(!quick.1 || all_in_time(&tasks, &overheads));
    }

    #[test]
    fn a_change_is_all_or_nothing(
        tasks in prop::collection::vec(any_task(), 1..12),
        other in any_task(),
        which in any::<prop::sample::Index>(),
    ) {
        let mut set = AdmittedSet::new(Overheads::default());
        let ids: Vec<TaskId> = tasks.iter().filter_map(|task| Some(set.admit(task).ok()?.id)).collect();
        prop_assume!(!ids.is_empty());
        let id = ids[which.index(ids.len())];
        let before: Vec<(TaskId, Task)> = set.tasks().map(|(id, task)| (id, *task)).collect();
        match set.change(id, &other).expect("it is in the set") {
            Ok(admission) => {
                prop_assert_eq!(admission.id, id);
                prop_assert_eq!(set.task(id), Some(&other));
            }
            Err(_) => {
                let after: Vec<(TaskId, Task)> = set.tasks().map(|(id, task)| (id, *task)).collect();
                prop_assert_eq!(before, after);
            }
        }
        check(&set);
    }
}

/// What a refusal proposes is admitted.
fn check_refusal(set: &mut AdmittedSet, task: &Task, refusal: &Refusal) {
    let Refusal::Miss(miss) = refusal else {
        return;
    };
    assert!(miss.response.is_none_or(|response| response > miss.limit));
    let nearest = miss.nearest;
    let with_period = |period| Task {
        period,
        deadline: if task.deadline < task.period {
            task.deadline
        } else {
            period
        },
        ..*task
    };
    let proposals = [
        nearest
            .cost
            .map(|cost| crate::analysis::refusal::with_cost(task, cost)),
        nearest.period.map(with_period),
        nearest.longest_iteration.map(|longest_iteration| Task {
            longest_iteration,
            ..*task
        }),
        nearest.deadline.map(|deadline| Task { deadline, ..*task }),
    ];
    for proposal in proposals.into_iter().flatten() {
        assert!(set.fits(&proposal), "{proposal:?} of {task:?}");
    }
}

#[test]
fn a_refusal_says_who_by_how_much_and_what_would_fit() {
    let task = |period, cost, longest_iteration| Task {
        class: Class::Periodic,
        period: Nanos::from_micros(period),
        cost: Nanos::from_micros(cost),
        longest_iteration: Nanos::from_micros(longest_iteration),
        deadline: Nanos::from_micros(period),
        jitter: Nanos::ZERO,
    };
    let mut set = AdmittedSet::new(Overheads::default());
    let first = set.admit(&task(1000, 600, 50)).expect("it is alone").id;
    let refusal = set
        .admit(&task(10_000, 2000, 500))
        .expect_err("it blocks for too long");
    let Refusal::Miss(miss) = refusal else {
        panic!("{refusal}");
    };
    assert_eq!(miss.who, Whom::Admitted(first));
    assert_eq!(miss.excess(), Some(Nanos::from_micros(100)));
    let iteration = miss.nearest.longest_iteration.expect("shorter iterations fit");
    assert!(iteration <= Nanos::from_micros(400) && iteration >= Nanos::from_micros(395));
    assert!(refusal.to_string().starts_with(
        "one that is already admitted would miss its deadline: a response time of 1.1ms against 1ms, 100µs too long; it \
         would fit with a cost of 39"
    ), "{refusal}");
    let refusal = set.admit(&task(2000, 900, 10)).expect_err("it asks for too much");
    assert!(
        refusal
            .to_string()
            .starts_with("it would miss its deadline: a response time of 2.7ms"),
        "{refusal}"
    );
    assert_eq!(set.len(), 1);
}

#[test]
fn what_is_not_there_is_neither_changed_nor_removed() {
    let mut set = AdmittedSet::new(Overheads::default());
    assert_eq!(set.remove(TaskId(7)), None);
    let task = Task {
        class: Class::Periodic,
        period: Nanos(10),
        cost: Nanos(1),
        longest_iteration: Nanos(1),
        deadline: Nanos(10),
        jitter: Nanos::ZERO,
    };
    assert_eq!(set.change(TaskId(7), &task), None);
    assert!(set.is_empty());
    let invalid = Task {
        cost: Nanos::ZERO,
        ..task
    };
    assert_eq!(
        set.admit(&invalid),
        Err(Refusal::Invalid(crate::analysis::InvalidTask::NoCost))
    );
}

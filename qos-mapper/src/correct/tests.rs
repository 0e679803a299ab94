// SPDX-License-Identifier: MIT OR Apache-2.0

use proptest::prelude::*;

use super::*;

const RULES: Correction = Correction {
    window: 4,
    margin: 20,
    decay: 2,
    probation: 8,
};

/// A model in which only the bytes of a message and the upcall cost anything.
fn model() -> CostModel {
    CostModel {
        upcall: Nanos(100),
        message: Nanos::ZERO,
        other_types: crate::TypeCost::default(),
        ..CostModel::default()
    }
}

fn flow(declared: Option<u64>) -> Corrector {
    Corrector::new(&model(), &[], declared.map(Nanos), RULES)
}

/// An activation with one message without bytes, whose servant took so long.
fn took(servant: u64) -> Sample {
    Sample {
        messages: 1,
        bytes: 0,
        used: Nanos(100 + servant),
        longest_iteration: Nanos::ZERO,
    }
}

fn message_cost(flow: &Corrector) -> Option<u64> {
    flow.cost().map(|cost| cost.message.0)
}

#[test]
fn a_probation_ends_after_enough_messages() {
    let mut flow = flow(None);
    for _ in 0..7 {
        flow.observe(&took(1_000));
        assert_eq!(flow.cost(), None);
    }
    flow.observe(&took(1_000));
    assert!(flow.is_through());
    assert_eq!(message_cost(&flow), Some(1_200));
}

#[test]
fn activations_without_messages_say_nothing() {
    let mut flow = flow(None);
    for _ in 0..100 {
        flow.observe(&Sample {
            messages: 0,
            ..took(9)
        });
    }
    assert!(!flow.is_through());
}

#[test]
fn the_worst_rises_at_once_and_falls_slowly() {
    let mut flow = flow(None);
    (0..8).for_each(|_| flow.observe(&took(1_000)));
    flow.observe(&took(3_000));
    assert_eq!(message_cost(&flow), Some(3_600));
    (0..3).for_each(|_| flow.observe(&took(1_000)));
    assert_eq!(message_cost(&flow), Some(3_600), "its own window keeps it");
    (0..4).for_each(|_| flow.observe(&took(1_000)));
    assert_eq!(message_cost(&flow), Some(2_400), "half of the way down");
    (0..400).for_each(|_| flow.observe(&took(1_000)));
    assert!(message_cost(&flow).is_some_and(|cost| (1_200..1_210).contains(&cost)));
}

#[test]
fn what_is_declared_counts_until_it_is_seen_exceeded() {
    let mut flow = flow(Some(1_000));
    assert_eq!(message_cost(&flow), Some(1_000), "there is no probation");
    (0..50).for_each(|_| flow.observe(&took(10)));
    assert_eq!(message_cost(&flow), Some(1_000), "a promise is kept room for");
    assert!(!flow.exceeds_declared());
    flow.observe(&took(1_500));
    assert!(flow.exceeds_declared());
    assert_eq!(message_cost(&flow), Some(1_800));
}

#[test]
fn bytes_are_paid_by_the_model_and_the_rest_by_the_message() {
    let mut flow = flow(Some(0));
    // 2 ns for a byte: 4,000 bytes take 8,000 ns of the 9,100, and the upcall 100.
    flow.observe(&Sample {
        messages: 2,
        bytes: 4_000,
        used: Nanos(9_100),
        longest_iteration: Nanos::ZERO,
    });
    let cost = flow.cost().unwrap();
    assert_eq!(cost.message, Nanos(600));
    assert_eq!(cost.of_message(2_000), Nanos(4_600));
}

#[test]
fn one_long_iteration_among_many_counts() {
    let mut flow = flow(Some(0));
    flow.observe(&Sample {
        messages: 100,
        bytes: 0,
        used: Nanos(100 + 1_000),
        longest_iteration: Nanos(600),
    });
    assert_eq!(
        message_cost(&flow),
        Some(600),
        "500 beyond the upcall, and the margin"
    );
}

#[test]
fn a_plan_is_changed_when_its_margin_is_used_up_or_it_holds_too_much() {
    let mut flow = flow(None);
    (0..8).for_each(|_| flow.observe(&took(1_000)));
    let planned = flow.cost().unwrap();
    assert!(!flow.calls_for_change(&planned));
    flow.observe(&took(1_150));
    assert!(!flow.calls_for_change(&planned), "the margin is for that");
    flow.observe(&took(1_300));
    assert!(flow.calls_for_change(&planned));
    let generous = FlowCost {
        message: Nanos(10_000),
        ..planned
    };
    assert!(flow.calls_for_change(&generous));
}

proptest! {
    #[test]
    fn the_latest_window_is_always_covered(servants in proptest::collection::vec(0_u64..1_000_000, 8..80)) {
        let mut flow = flow(None);
        for (index, servant) in servants.iter().enumerate() {
            flow.observe(&took(*servant));
            let recent = servants[index.saturating_sub(3)..=index].iter().max().copied().unwrap_or(0);
            if let Some(cost) = message_cost(&flow) {
                prop_assert!(cost >= *servant, "{} after {}", cost, servant);
                // Within a window nothing is forgotten.
                if (index + 1) % 4 == 0 {
                    prop_assert!(cost >= recent / 2);
                }
            }
        }
    }

    #[test]
    fn no_sample_makes_it_panic(
        messages in any::<u32>(),
        bytes in any::<u64>(),
        used in any::<u64>(),
        longest in any::<u64>(),
    ) {
        let mut flow = flow(Some(1));
        for _ in 0..8 {
            flow.observe(&Sample { messages, bytes, used: Nanos(used), longest_iteration: Nanos(longest) });
        }
        let _ = flow.cost().map(|cost| flow.calls_for_change(&cost));
    }
}

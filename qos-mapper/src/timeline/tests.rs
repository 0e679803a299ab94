// SPDX-License-Identifier: MIT OR Apache-2.0

use std::time::Duration;

use orb_core::qos::Qos;
use proptest::prelude::*;

use super::*;
use crate::map::tests::any_qos;
use crate::{Admission, CostModel, Machine, Picos, Request, TypeCost};

/// Plans of requests on a machine on which only servants cost anything.
fn plans(set: &[Qos]) -> Vec<Plan> {
    let machine = Machine {
        switch: Nanos::ZERO,
        jitter: Nanos::ZERO,
        ..Machine::default()
    };
    let costs = CostModel {
        upcall: Nanos::ZERO,
        message: Nanos::ZERO,
        byte: Picos(0),
        other_types: TypeCost::default(),
        ..CostModel::default()
    };
    let mut book = Admission::new(machine, costs);
    let admit = |qos: &Qos| book.admit("any", &Request::new(qos.clone())).unwrap().plan;
    set.iter().map(admit).collect()
}

fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

fn drawn(set: &[Qos]) -> Timeline {
    let plans = plans(set);
    timeline(&plans.iter().collect::<Vec<_>>(), Nanos::ZERO)
}

#[test]
fn the_more_urgent_goes_first_and_preempts_after_an_iteration() {
    let set = [
        Qos::isochronous(micros(4_000), 2).worst_case(micros(600)),
        Qos::isochronous(micros(1_000), 1).worst_case(micros(200)),
    ];
    let timeline = drawn(&set);
    assert_eq!(
        (timeline.window, timeline.hyperperiod),
        (Nanos(4_000_000), Some(Nanos(4_000_000)))
    );
    let shown: Vec<_> = timeline
        .segments
        .iter()
        .map(|it| (it.flow, it.start.0 / 1_000, it.end.0 / 1_000, it.done))
        .collect();
    let expected = [
        (1, 0, 200, true),
        (0, 200, 1_400, true),
        (1, 1_400, 1_600, true),
        (1, 2_000, 2_200, true),
        (1, 3_000, 3_200, true),
    ];
    assert_eq!(shown, expected);
    assert_eq!(timeline.misses, 0);
}

#[test]
fn low_delay_comes_as_often_as_it_may() {
    let set = [Qos::low_delay(micros(300))
        .minimum_interval(micros(1_000))
        .worst_case(micros(100))];
    let other = Qos::isochronous(micros(5_000), 1).worst_case(micros(10));
    let timeline = drawn(&[set[0].clone(), other]);
    let starts: Vec<_> = timeline
        .segments
        .iter()
        .filter(|it| it.flow == 0)
        .map(|it| it.start.0)
        .collect();
    assert_eq!(starts, [0, 1_000_000, 2_000_000, 3_000_000, 4_000_000]);
}

#[test]
fn a_hyperperiod_that_is_too_long_is_cut() {
    let timeline = drawn(&[
        Qos::isochronous(Duration::from_nanos(10_000_019), 1).worst_case(micros(10)),
        Qos::isochronous(Duration::from_nanos(999_983), 1).worst_case(micros(10)),
    ]);
    assert!(timeline.hyperperiod > Some(timeline.window));
    assert!(
        (1_000..=2_002).contains(&timeline.segments.len()),
        "{}",
        timeline.segments.len()
    );
}

#[test]
fn nothing_guaranteed_is_nothing_to_draw() {
    let timeline = timeline(&[], Nanos::ZERO);
    assert_eq!((timeline.segments.len(), timeline.window), (0, Nanos::ZERO));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_is_admitted_never_misses(set in proptest::collection::vec((any_qos(), 1_u64..200), 1..10)) {
        let machine = Machine::default();
        let mut book = Admission::new(machine.clone(), CostModel::default());
        for (qos, cost) in set {
            let _ = book.admit("any", &Request::new(qos.worst_case(micros(cost))));
        }
        let plans: Vec<&Plan> = book.grants().map(|(_, _, plan)| plan).collect();
        let timeline = timeline(&plans, machine.switch);
        prop_assert_eq!(timeline.misses, 0);
        let ordered = timeline.segments.windows(2).all(|pair| pair[0].end <= pair[1].start);
        prop_assert!(ordered, "one at a time");
    }
}

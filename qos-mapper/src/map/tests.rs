// SPDX-License-Identifier: MIT OR Apache-2.0

use proptest::prelude::*;

use super::*;

/// A machine and costs of round figures: an upcall 1 µs, a message 1 µs and its servant 8 µs, a byte 1 ns.
fn setting() -> (CostModel, Machine) {
    let costs = CostModel {
        upcall: Nanos(1_000),
        message: Nanos(1_000),
        byte: crate::Picos(1_000),
        servant: Nanos(8_000),
        other_types: crate::TypeCost::default(),
        ..CostModel::default()
    };
    let machine = Machine {
        switch: Nanos(500),
        jitter: Nanos(4_000),
        ..Machine::default()
    };
    (costs, machine)
}

fn mapped(qos: Qos) -> Result<Plan, Refusal> {
    let (costs, machine) = setting();
    let request = Request {
        assume_servant: true,
        ..Request::new(qos)
    };
    map(&request, &costs, &machine)
}

fn bottleneck(qos: Qos) -> Bottleneck {
    mapped(qos).unwrap_err().bottleneck
}

const MILLI: Duration = Duration::from_millis(1);
const MICRO: Duration = Duration::from_micros(1);

#[test]
fn isochronous_becomes_a_periodic_rtu() {
    let plan = mapped(Qos::isochronous(MILLI, 4).message_size(1_000).deadline(MILLI / 2)).unwrap();
    assert_eq!(
        plan.rtu,
        RtuPlan {
            class: Class::Periodic,
            period: Nanos(1_000_000),
            batch: 4,
            budget: Nanos(1_000 + 4 * 10_000),
            longest_iteration: Nanos(11_000),
            deadline: Nanos(500_000),
            on_overrun: rtu::scheduler::Overrun::Defer,
        }
    );
    // 4 messages of 1,256 bytes with headers, twice, in whole pages.
    assert_eq!(
        plan.rings,
        Some(Rings {
            receive: 12_288,
            send: 12_288
        })
    );
    assert_eq!(
        plan.pacing,
        Some(Pacing {
            rate: 5_024_000,
            burst: 5_024
        })
    );
    assert_eq!(plan.window, Some(5_024), "bandwidth × a round trip of 1 ms");
    assert_eq!(plan.link_rate, 4_000 * (1_256 + 90));
    assert!(plan.coalesce && !plan.probation);
}

#[test]
fn a_deadline_beyond_the_period_counts_as_the_period() {
    let plan = mapped(Qos::isochronous(MILLI, 1).deadline(MILLI * 5)).unwrap();
    assert_eq!(plan.rtu.deadline, Nanos(1_000_000));
}

#[test]
fn burst_takes_its_period_from_the_burst() {
    let plan = mapped(Qos::burst(8_000_000, 80_000).message_size(10_000)).unwrap();
    assert_eq!((plan.rtu.batch, plan.rtu.period), (8, Nanos(10_000_000)));
    assert_eq!(plan.rtu.deadline, plan.rtu.period);
    assert_eq!(plan.pacing.map(|it| it.rate), Some(8_204_800));
}

#[test]
fn a_burst_larger_than_the_ring_takes_several_periods() {
    let plan = mapped(Qos::burst(8_000_000, 16_000_000).message_size(10_000)).unwrap();
    let batch = u64::from(plan.rtu.batch);
    assert_eq!(batch, (2 << 20) / 10_256);
    assert_eq!(plan.rtu.period, Nanos(batch * 10_000 * 1_000 / 8));
}

#[test]
fn a_burst_is_through_by_its_deadline_even_if_it_comes_after_a_release() {
    let qos = Qos::burst(8_000_000, 80_000)
        .message_size(10_000)
        .deadline(MILLI * 6);
    let plan = mapped(qos).unwrap();
    assert_eq!(plan.rtu.period, Nanos(3_000_000));
}

#[test]
fn low_delay_becomes_a_sporadic_rtu() {
    let plan = mapped(Qos::low_delay(MILLI).priority(-3)).unwrap();
    assert_eq!(plan.rtu.class, Class::LowDelay { priority: 125 });
    assert_eq!(
        (plan.rtu.period, plan.rtu.deadline),
        (Nanos(1_000_000), Nanos(1_000_000))
    );
    assert!(!plan.coalesce);
    assert_eq!(plan.pacing, None);
    let plan = mapped(Qos::low_delay(MILLI).minimum_interval(MILLI * 7)).unwrap();
    assert_eq!(
        (plan.rtu.period, plan.rtu.deadline),
        (Nanos(7_000_000), Nanos(1_000_000))
    );
}

#[test]
fn priorities_keep_their_order() {
    assert_eq!(priority(0), 128);
    assert!((i16::MIN..i16::MAX).all(|it| priority(it) <= priority(it + 1)));
    assert_eq!((priority(i16::MIN), priority(i16::MAX)), (0, 255));
}

#[test]
fn best_effort_has_turns_by_weight_and_nothing_of_its_own() {
    let plan = mapped(Qos::best_effort(3)).unwrap();
    assert_eq!((plan.rtu.batch, plan.rings, plan.task()), (12, None, None));
    assert_eq!(mapped(Qos::best_effort(1)).unwrap().rtu.batch, 4);
}

#[test]
fn without_a_worst_case_there_is_a_probation() {
    let (costs, machine) = setting();
    let mut request = Request::new(Qos::isochronous(MILLI, 4));
    let plan = map(&request, &costs, &machine).unwrap();
    assert!(plan.probation && plan.rings.is_some());
    assert!(matches!(plan.rtu.class, Class::BestEffort { .. }));
    assert_eq!(plan.task(), None);
    request.measured = Some(costs.of_flow(&[], Nanos(30_000)));
    let plan = map(&request, &costs, &machine).unwrap();
    assert!(!plan.probation);
    assert_eq!(plan.rtu.budget, Nanos(1_000 + 4 * (31_000 + 1_024)));
}

#[test]
fn what_cannot_fit_with_any_servant_is_refused_before_the_probation() {
    let (costs, machine) = setting();
    let request = Request::new(Qos::low_delay(MICRO));
    let refusal = map(&request, &costs, &machine).unwrap_err();
    assert!(
        matches!(refusal.bottleneck, Bottleneck::Deadline { messages: 1, .. }),
        "{refusal}"
    );
}

#[test]
fn contradictions_are_refused_with_the_reason() {
    let wrong = [
        (Qos::isochronous(Duration::ZERO, 1), "a period of zero"),
        (
            Qos::isochronous(MILLI, 1).deadline(Duration::ZERO),
            "a deadline of zero",
        ),
        (Qos::isochronous(MILLI, 0), "no message in a period"),
        (Qos::isochronous(Duration::MAX, 1), "beyond 584 years"),
        (Qos::burst(0, 1), "no bytes"),
        (Qos::burst(1, 0), "no bytes"),
        (Qos::burst(1_000, 10).message_size(11), "larger than its burst"),
        (Qos::burst(u64::MAX, 1), "less than a nanosecond"),
        (Qos::low_delay(Duration::ZERO), "a delay of zero"),
        (
            Qos::low_delay(MILLI).minimum_interval(Duration::ZERO),
            "a minimum interval of zero",
        ),
        (Qos::best_effort(0), "a weight of zero"),
    ];
    for (qos, reason) in wrong {
        let refusal = mapped(qos.clone()).unwrap_err();
        assert!(
            matches!(refusal.bottleneck, Bottleneck::Contradiction { .. }),
            "{qos:?}"
        );
        assert!(refusal.to_string().contains(reason), "{qos:?}: {refusal}");
        assert!(refusal.alternatives.is_empty());
    }
}

#[test]
fn each_bottleneck_is_named_with_its_figures() {
    // One message: 1 + 9 + 1.024 for the message, 1 for two switches, 4 of jitter.
    assert_eq!(
        bottleneck(Qos::low_delay(MICRO * 16)),
        Bottleneck::Deadline {
            deadline: Nanos(16_000),
            needed: Nanos(16_024),
            messages: 1
        }
    );
    assert!(mapped(Qos::low_delay(MICRO * 17)).is_ok());
    assert!(matches!(
        bottleneck(Qos::isochronous(MILLI, 1_000)),
        Bottleneck::Deadline { messages: 1_000, .. }
    ));
    assert!(matches!(
        bottleneck(Qos::burst(124_000_000, 100_000)),
        Bottleneck::Link {
            left: 125_000_000,
            ..
        }
    ));
    assert!(matches!(
        bottleneck(Qos::isochronous(MILLI * 1_000, 1).message_size(3 << 20)),
        Bottleneck::RingMemory {
            of: RingBound::OneRing,
            ..
        }
    ));
    // 981 µs of 1,000: the deadline holds, but too little would be left.
    let crowded = Qos::isochronous(MILLI, 98).message_size(1_000);
    assert!(matches!(
        bottleneck(crowded),
        Bottleneck::Cpu(CpuShortage { missed: None, .. })
    ));
}

#[test]
fn the_nearest_deadline_is_offered_in_the_applications_words() {
    let refusal = mapped(Qos::low_delay(MICRO * 5)).unwrap_err();
    let words: Vec<_> = refusal.alternatives.iter().map(|it| it.words.as_str()).collect();
    assert_eq!(words, ["delay ≥ 16.1 µs"]);
}

pub(crate) fn any_qos() -> impl Strategy<Value = Qos> {
    let time =
        || prop_oneof![1_000_u64..1_000_000, 1_000_000_u64..1_000_000_000].prop_map(Duration::from_nanos);
    let size = || prop_oneof![0_usize..2_000, 0_usize..4_000_000];
    let isochronous =
        (time(), 1_u32..200, size(), proptest::option::of(time())).prop_map(|(t, n, size, d)| {
            let qos = Qos::isochronous(t, n).message_size(size);
            d.map_or(qos.clone(), |d| qos.deadline(d))
        });
    let burst = (
        1_u64..200_000_000,
        size(),
        proptest::option::of(1_usize..5_000),
        proptest::option::of(time()),
    )
        .prop_map(|(bandwidth, burst, message, d)| {
            let mut qos = Qos::burst(bandwidth, burst + 1);
            if let Some(message) = message {
                qos = qos.message_size(message.min(burst + 1));
            }
            d.map_or(qos.clone(), |d| qos.deadline(d))
        });
    let low_delay =
        (time(), proptest::option::of(time()), size(), any::<i16>()).prop_map(|(d, t, size, p)| {
            let qos = Qos::low_delay(d).message_size(size).priority(p);
            t.map_or(qos.clone(), |t| qos.minimum_interval(t))
        });
    prop_oneof![isochronous, burst, low_delay]
}

/// The inequalities that a request makes of its plan.
pub(crate) fn check_plan(plan: &Plan, machine: &Machine) {
    let rtu = &plan.rtu;
    let (rings, window) = (plan.rings.unwrap(), u128::from(plan.window.unwrap()));
    let message = plan.largest_message.unwrap();
    let with_header = u128::from(message + MESSAGE_HEADER);
    let batch = u128::from(rtu.batch);
    assert!(
        rtu.budget >= plan.cost.of_message(message) * u64::from(rtu.batch),
        "C covers the batch"
    );
    assert!(rtu.longest_iteration <= rtu.budget && rtu.deadline <= rtu.period);
    assert!(rtu.budget + machine.switch * 2 + machine.jitter <= rtu.deadline);
    for ring in [rings.receive, rings.send] {
        assert!(
            u128::from(ring) >= 2 * batch * with_header,
            "a ring holds two periods"
        );
        assert!(ring <= machine.largest_ring);
    }
    let per_second = |messages: u128| messages * 1_000_000_000 / u128::from(rtu.period.0);
    let payload_rate = match &plan.qos {
        Qos::Isochronous(it) => {
            assert_eq!((rtu.period, rtu.batch), (Nanos::from(it.period), it.messages));
            assert!(Duration::from(rtu.deadline) <= it.deadline.unwrap_or(it.period));
            per_second(batch) * u128::from(message)
        }
        Qos::Burst(it) => {
            let granted = batch * u128::from(message) * 1_000_000_000;
            assert!(
                granted >= u128::from(it.bandwidth) * u128::from(rtu.period.0),
                "the bandwidth"
            );
            let periods = u64::try_from(it.burst_size.div_ceil(usize::try_from(message).unwrap()))
                .unwrap()
                .div_ceil(rtu.batch.into());
            let through = rtu.period * periods + rtu.deadline;
            assert!(
                it.deadline
                    .is_none_or(|deadline| Duration::from(through) <= deadline),
                "the deadline"
            );
            u128::from(it.bandwidth)
        }
        Qos::LowDelay(it) => {
            assert!(Duration::from(rtu.deadline) <= it.delay);
            assert_eq!(rtu.period, Nanos::from(it.minimum_interval.unwrap_or(it.delay)));
            per_second(1) * u128::from(message)
        }
        _ => 0,
    };
    let in_flight = payload_rate * u128::from(machine.link.round_trip.0) / 1_000_000_000;
    assert!(
        window >= in_flight && window >= with_header,
        "the window covers bandwidth × round trip"
    );
    assert!(
        u128::from(rings.receive) >= window,
        "the ring keeps the window's promise"
    );
    assert!(plan.pacing.is_none_or(|it| u128::from(it.rate) >= payload_rate));
    assert!(u128::from(plan.link_rate) >= payload_rate && plan.link_rate <= machine.link.rate);
}

/// A request that asks for less in one respect.
pub(crate) fn less(qos: &Qos, respect: u8, part: u32) -> Qos {
    let part = part.clamp(1, 100);
    let shorter = |n: usize| n - n * part as usize / 101;
    let mut less = qos.clone();
    match &mut less {
        Qos::Isochronous(it) => match respect % 4 {
            0 if it.deadline.is_none() => it.period = it.period * (100 + part) / 100,
            0 | 1 => it.messages = (it.messages * 100 / (100 + part)).max(1),
            2 => it.message_size = shorter(it.message_size),
            _ => it.deadline = it.deadline.map(|it| it * (100 + part) / 100),
        },
        Qos::Burst(it) => match respect % 2 {
            0 => it.bandwidth = (it.bandwidth * 100 / (100 + u64::from(part))).max(1),
            _ => it.deadline = it.deadline.map(|it| it * (100 + part) / 100),
        },
        Qos::LowDelay(it) => match respect % 3 {
            0 => it.delay = it.delay * (100 + part) / 100,
            1 => it.message_size = shorter(it.message_size),
            _ => it.minimum_interval = it.minimum_interval.map(|it| it * (100 + part) / 100),
        },
        _ => {}
    }
    less
}

#[test]
fn a_small_window_is_supplied_more_often_with_less_at_the_same_rate() {
    let (costs, machine) = setting();
    let with = |qos: &Qos, window| {
        let request = Request {
            assume_servant: true,
            window,
            ..Request::new(qos.clone())
        };
        map(&request, &costs, &machine)
    };
    let steady = Qos::isochronous(MILLI * 8, 8).message_size(744);
    let (whole, half) = (with(&steady, None).unwrap(), with(&steady, Some(8_000)).unwrap());
    assert_eq!((whole.rtu.period, whole.rtu.batch), (Nanos(8_000_000), 8));
    assert_eq!((half.rtu.period, half.rtu.batch), (Nanos(4_000_000), 4));
    assert_eq!(half.rtu.deadline, half.rtu.period);
    assert!(half.rtu.budget < whole.rtu.budget);
    let same = |plan: &Plan| (plan.rings, plan.window, plan.pacing, plan.link_rate);
    assert_eq!(
        same(&whole),
        same(&half),
        "a window that grows again finds its room"
    );
    assert_eq!(
        with(&steady, Some(1 << 30)).unwrap(),
        whole,
        "two periods are enough"
    );
    let least = with(&steady, Some(0)).unwrap();
    assert_eq!((least.rtu.period, least.rtu.batch), (Nanos(1_000_000), 1));
    let burst = Qos::burst(8_000_000, 80_000)
        .message_size(10_000)
        .deadline(MILLI * 6);
    let plan = with(&burst, Some(50_000)).unwrap();
    // Four activations, and the one that was just missed.
    assert_eq!((plan.rtu.batch, plan.rtu.period), (2, Nanos(1_200_000)));
    let rare = Qos::low_delay(MILLI);
    assert_eq!(with(&rare, Some(1)), with(&rare, None));
    let busy = Qos::isochronous(MILLI / 8, 8)
        .message_size(744)
        .worst_case(MICRO * 10);
    assert!(with(&busy, None).is_ok());
    assert!(
        with(&busy, Some(1)).is_err(),
        "it is as hard to supply as a short period is"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_plan_keeps_its_requests_inequalities(qos in any_qos()) {
        if let Ok(plan) = mapped(qos) {
            check_plan(&plan, &setting().1);
        }
    }

    #[test]
    fn what_is_offered_is_granted(qos in any_qos()) {
        if let Err(refusal) = mapped(qos) {
            for offered in refusal.alternatives {
                prop_assert!(mapped(offered.qos.clone()).is_ok(), "{:?}", offered);
            }
        }
    }

    #[test]
    fn asking_for_less_is_never_refused_where_more_was_granted(qos in any_qos(), respect: u8, part in 1_u32..100) {
        if mapped(qos.clone()).is_ok() {
            let less = less(&qos, respect, part);
            let granted = mapped(less.clone());
            prop_assert!(granted.is_ok(), "{:?} but not {:?}: {:?}", qos, less, granted);
        }
    }
}

#[test]
fn the_clients_end_costs_what_sending_does_and_needs_no_probation() {
    let (costs, machine) = setting();
    let costs = CostModel {
        sending: FlowCost {
            upcall: Nanos(2_000),
            message: Nanos(3_000),
            byte: crate::Picos(500),
        },
        ..costs
    };
    let qos = Qos::isochronous(MILLI, 4).message_size(1_000);
    let plan = map(&Request::at_client(qos.clone()), &costs, &machine).unwrap();
    assert!(!plan.probation);
    assert_eq!(
        (plan.rtu.class, plan.rtu.period, plan.rtu.batch, plan.rtu.budget),
        (Class::Periodic, Nanos(1_000_000), 4, Nanos(2_000 + 4 * 3_500))
    );
    // Both ends have the rings of the same messages.
    let server = map(&Request::new(qos.clone()), &costs, &machine).unwrap();
    assert!(server.probation);
    assert_eq!(plan.rings, server.rings);
    // The servant is the server's.
    let slow = Request::at_client(qos.worst_case(MILLI * 10));
    assert_eq!(map(&slow, &costs, &machine).unwrap().rtu, plan.rtu);
}

#[test]
fn what_cannot_be_sent_in_time_is_refused_at_the_client() {
    let (costs, machine) = setting();
    let hasty = Request::at_client(Qos::low_delay(MICRO));
    let refusal = map(&hasty, &costs, &machine).unwrap_err();
    assert!(
        refusal.to_string().contains("below what one message needs"),
        "{refusal}"
    );
}

// SPDX-License-Identifier: MIT OR Apache-2.0

use std::time::Duration;

use orb_core::qos::Qos;
use proptest::prelude::*;
use rtu::Class;
use rtu::analysis::Fit;

use super::*;
use crate::map::tests::{any_qos, check_plan, less};
use crate::{Link, Picos, TypeCost};

fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// A machine on which scheduling and messages are free, so that what servants declare is all that counts.
fn book(cpus: &[u32]) -> Admission {
    let machine = Machine {
        cpus: cpus.to_vec(),
        switch: Nanos::ZERO,
        jitter: Nanos::ZERO,
        usable: 100,
        ..Machine::default()
    };
    let costs = CostModel {
        upcall: Nanos::ZERO,
        message: Nanos::ZERO,
        byte: Picos(0),
        other_types: TypeCost::default(),
        ..CostModel::default()
    };
    Admission::new(machine, costs)
}

/// One message of so long in every period of so long, in microseconds.
fn periodic(period: u64, cost: u64) -> Request {
    Request::new(Qos::isochronous(micros(period), 1).worst_case(micros(cost)))
}

fn cpu_of(admission: &Admission, id: GrantId) -> Option<u32> {
    admission.plan(id).and_then(|plan| plan.cpu)
}

#[test]
fn what_is_released_can_be_granted_again() {
    let mut book = book(&[0]);
    let first = book.admit("first", &periodic(1_000, 600)).unwrap();
    assert!(book.admit("second", &periodic(1_000, 600)).is_err());
    assert!(book.release(first.id).is_some());
    assert!(book.release(first.id).is_none());
    book.admit("second", &periodic(1_000, 600)).unwrap();
}

#[test]
fn a_refusal_names_who_would_miss_and_what_would_fit() {
    let mut book = book(&[7]);
    book.admit("slow", &periodic(10_000, 5_000)).unwrap();
    let refusal = book.admit("fast", &periodic(1_000, 600)).unwrap_err();
    let said = refusal.to_string();
    assert!(
        said.starts_with("CPU 7 has no room: this asks for 60.0 % beside 50.0 % admitted"),
        "{said}"
    );
    assert!(said.contains("what would fit: period ≥ "), "{said}");
    // Short iterations, so that only the sum is too much for the slow one.
    book.release(GrantId(0));
    let batch = |period, messages| Qos::isochronous(micros(period), messages).worst_case(micros(100));
    book.admit("slow", &Request::new(batch(10_000, 50))).unwrap();
    book.admit("fast", &periodic(1_000, 300)).unwrap();
    let refusal = book.admit("other", &Request::new(batch(7_000, 13))).unwrap_err();
    let said = refusal.to_string();
    assert!(
        said.contains("`slow` would miss its deadline of 10 ms by 900 µs"),
        "{said}"
    );
    assert!(said.contains("messages ≤ "), "{said}");
}

#[test]
fn first_fit_goes_back_to_earlier_cpus_and_next_fit_does_not() {
    let placed = |fit| {
        let mut book = book(&[2, 3, 5]).choosing(fit);
        let mut place = |cost| book.admit("any", &periodic(1_000, cost)).unwrap().plan.cpu;
        [600, 700, 100, 250, 250].map(&mut place).map(Option::unwrap)
    };
    assert_eq!(placed(Fit::First), [2, 3, 2, 2, 3]);
    assert_eq!(placed(Fit::Next), [2, 3, 3, 5, 5]);
}

#[test]
fn a_flow_may_ask_for_its_cpu() {
    let mut book = book(&[2, 3]);
    let pinned = |cpu| Request {
        cpu: Some(cpu),
        ..periodic(1_000, 600)
    };
    assert_eq!(book.admit("a", &pinned(3)).unwrap().plan.cpu, Some(3));
    let refusal = book.admit("b", &pinned(3)).unwrap_err();
    assert!(refusal.to_string().starts_with("CPU 3 has no room"), "{refusal}");
    let refusal = book.admit("c", &pinned(9)).unwrap_err();
    assert!(
        refusal.to_string().starts_with("no executive runs on the CPU"),
        "{refusal}"
    );
    assert_eq!(
        refusal.alternatives.first().map(|it| it.words.as_str()),
        Some("class = best_effort")
    );
}

#[test]
fn a_refused_renegotiation_leaves_everything_as_it_was() {
    let mut book = book(&[0]);
    let first = book.admit("first", &periodic(1_000, 400)).unwrap();
    book.admit("second", &periodic(1_000, 400)).unwrap();
    let (load, response) = (book.load(0), book.response(first.id));
    let refused = book.renegotiate(first.id, &periodic(1_000, 700));
    assert!(matches!(refused, Err(RenegotiationError::Refused(_))));
    assert_eq!(book.plan(first.id), Some(&first.plan));
    assert_eq!((book.load(0), book.response(first.id)), (load, response));
    let changed = book.renegotiate(first.id, &periodic(1_000, 600)).unwrap();
    assert_eq!(book.plan(first.id), Some(&changed));
    assert!(book.release(first.id).is_some());
    assert_eq!(
        book.renegotiate(first.id, &periodic(9, 1)),
        Err(RenegotiationError::Unknown)
    );
}

#[test]
fn a_renegotiated_flow_stays_on_its_cpu_if_it_can() {
    let mut book = book(&[0, 1]);
    book.admit("a", &periodic(1_000, 700)).unwrap();
    let b = book.admit("b", &periodic(1_000, 700)).unwrap();
    assert_eq!(b.plan.cpu, Some(1));
    assert_eq!(
        book.renegotiate(b.id, &periodic(1_000, 200)).unwrap().cpu,
        Some(1)
    );
}

#[test]
fn the_link_and_the_memory_are_shared_by_all() {
    let mut book = book(&[0]);
    book.machine.link.rate = 3_000_000;
    let megabyte = Request::new(Qos::burst(1_000_000, 10_000).worst_case(micros(10)));
    let first = book.admit("a", &megabyte).unwrap();
    book.admit("b", &megabyte).unwrap();
    let refusal = book.admit("c", &megabyte).unwrap_err();
    let Bottleneck::Link { asked, left, rate } = refusal.bottleneck else {
        panic!("{refusal}");
    };
    assert_eq!(
        (asked, left, rate),
        (first.plan.link_rate, 3_000_000 - 2 * asked, 3_000_000)
    );
    assert!(
        refusal.alternatives[0].words.starts_with("bandwidth ≤ "),
        "{:?}",
        refusal.alternatives
    );
    book.machine.link = Link::default();
    book.machine.ring_memory = 2 * first.plan.ring_memory();
    let refusal = book.admit("c", &megabyte).unwrap_err();
    assert!(matches!(
        refusal.bottleneck,
        Bottleneck::RingMemory {
            of: RingBound::AllRings,
            left: 0,
            ..
        }
    ));
    book.release(first.id);
    book.admit("c", &megabyte).unwrap();
}

#[test]
fn a_probation_takes_memory_and_link_but_no_cpu() {
    let mut book = book(&[0]);
    book.admit("full", &periodic(1_000, 1_000)).unwrap();
    let unknown = book
        .admit("new", &Request::new(Qos::isochronous(micros(1_000), 1)))
        .unwrap();
    assert!(unknown.plan.probation);
    assert_eq!(unknown.plan.cpu, None);
    let measured = book.costs().of_flow(&[], Nanos(10_000));
    let through = Request {
        measured: Some(measured),
        ..Request::new(Qos::isochronous(micros(1_000), 1))
    };
    assert!(book.renegotiate(unknown.id, &through).is_err());
    assert!(
        book.plan(unknown.id).is_some_and(|plan| plan.probation),
        "it goes on as it was"
    );
}

fn external(period: u64, cost: u64) -> Task {
    Task {
        class: Class::Periodic,
        period: Nanos::from_micros(period),
        cost: Nanos::from_micros(cost),
        longest_iteration: Nanos::from_micros(cost),
        deadline: Nanos::from_micros(period),
        jitter: Nanos::ZERO,
    }
}

#[test]
fn other_processes_count() {
    let mut book = book(&[0]);
    assert!(book.set_external(0, &[external(1_000, 600)]));
    let refusal = book.admit("ours", &periodic(1_000, 600)).unwrap_err();
    assert!(
        refusal.to_string().contains("beside 60.0 % admitted"),
        "{refusal}"
    );
    assert!(book.set_external(0, &[]));
    book.admit("ours", &periodic(1_000, 600)).unwrap();
    assert!(book.set_external(9, &[external(1, 1)]), "none of our business");
}

#[test]
fn where_others_admitted_too_much_nothing_more_is_granted() {
    let mut book = book(&[0]);
    let ours = book.admit("ours", &periodic(1_000, 600)).unwrap();
    assert!(!book.set_external(0, &[external(1_000, 600)]));
    assert!(book.plan(ours.id).is_some());
    assert_eq!(book.load(0), Some(1.2));
    assert!(book.admit("tiny", &periodic(1_000, 1)).is_err());
    book.release(ours.id);
    assert_eq!(book.load(0), Some(0.6));
    book.admit("tiny", &periodic(1_000, 1)).unwrap();
}

#[test]
fn a_grant_outlives_a_refused_renegotiation_among_others_that_wait_for_its_room() {
    let mut book = book(&[0]);
    let ours = book.admit("ours", &periodic(1_000, 600)).unwrap();
    assert!(!book.set_external(0, &[external(1_000, 600)]));
    assert!(book.renegotiate(ours.id, &periodic(1_000, 700)).is_err());
    assert_eq!(book.response(ours.id), Some(Nanos(600_000)));
    assert_eq!(book.load(0), Some(1.2));
    book.renegotiate(ours.id, &periodic(1_000, 300)).unwrap();
    assert!(book.load(0).is_some_and(|load| (load - 0.9).abs() < 1e-9));
}

#[test]
fn where_others_admitted_what_is_too_late_nothing_more_is_granted_either() {
    let mut book = book(&[0]);
    book.admit("ours", &periodic(1_000, 300)).unwrap();
    let hasty = Task {
        deadline: Nanos::from_micros(400),
        ..external(1_000, 300)
    };
    assert!(!book.set_external(0, &[hasty]));
    assert!(book.load(0).is_some_and(|load| load < 0.61));
    assert!(book.admit("tiny", &periodic(1_000, 1)).is_err());
}

#[test]
fn shares_may_add_up_to_exactly_what_is_usable() {
    let mut machine = book(&[0]).machine().clone();
    machine.usable = 30;
    let mut book = Admission::new(machine, book(&[0]).costs().clone());
    for _ in 0..3 {
        book.admit("a tenth", &periodic(1_000, 100)).unwrap();
    }
    assert!(book.admit("more", &periodic(1_000, 1)).is_err());
}

#[test]
fn flows_move_only_past_the_threshold() {
    let mut book = book(&[0, 1]);
    let ids: Vec<_> = (0..4)
        .map(|_| book.admit("any", &periodic(1_000, 200)).unwrap().id)
        .collect();
    assert!(book.rebalance(0.9).is_empty());
    let moves = book.rebalance(0.3);
    assert_eq!(moves.len(), 2, "{moves:?}");
    assert!(moves.iter().all(|it| (it.from, it.to) == (0, 1)));
    let on_one = ids.iter().filter(|id| cpu_of(&book, **id) == Some(1)).count();
    assert_eq!(on_one, 2);
    assert!(book.rebalance(0.3).is_empty());
    // What was moved is given back where it is.
    for id in ids {
        book.release(id);
    }
    assert_eq!((book.load(0), book.load(1)), (Some(0.0), Some(0.0)));
}

#[test]
fn a_flow_that_is_all_of_the_difference_stays() {
    let mut book = book(&[0, 1]);
    book.admit("only", &periodic(1_000, 600)).unwrap();
    assert_eq!(book.rebalance(0.3), []);
}

/// Requests as a busy machine has them: mostly small.
fn any_set() -> impl Strategy<Value = Vec<Qos>> {
    proptest::collection::vec((any_qos(), 1_u64..200), 1..12).prop_map(|set| {
        let declared = |(qos, cost): (Qos, u64)| qos.worst_case(micros(cost));
        set.into_iter().map(declared).collect()
    })
}

fn realistic() -> Admission {
    let machine = Machine {
        cpus: vec![0, 1],
        ..Machine::default()
    };
    Admission::new(machine, CostModel::default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_comes_and_goes_every_promise_holds(set in any_set(), gone in any::<u16>()) {
        let mut book = realistic();
        let mut held = Vec::new();
        for (index, qos) in set.iter().enumerate() {
            if let Ok(grant) = book.admit("any", &Request::new(qos.clone())) {
                check_plan(&grant.plan, book.machine());
                held.push(grant);
            }
            if gone & (1 << index) != 0 && let Some(grant) = held.pop() {
                book.release(grant.id);
            }
            for grant in &held {
                let response = book.response(grant.id).unwrap();
                prop_assert!(response + book.machine().jitter <= grant.plan.rtu.deadline);
            }
            prop_assert!(book.load(0).unwrap() <= 0.95 && book.load(1).unwrap() <= 0.95);
        }
        for grant in &held {
            book.release(grant.id);
        }
        prop_assert_eq!((book.ring_memory, book.link_rate, book.load(0)), (0, 0, Some(0.0)));
    }

    #[test]
    fn what_is_offered_is_granted(set in any_set()) {
        let mut book = realistic();
        for qos in set {
            let Err(refusal) = book.admit("any", &Request::new(qos)) else {
                continue;
            };
            for offered in refusal.alternatives {
                let grant = book.admit("offered", &Request::new(offered.qos.clone()));
                prop_assert!(grant.is_ok(), "{:?}: {:?}", offered, grant);
                book.release(grant.unwrap().id);
            }
        }
    }

    #[test]
    fn asking_for_less_is_never_refused_where_more_was_granted(set in any_set(), respect: u8, part in 1_u32..100) {
        let mut book = realistic();
        for qos in set {
            if let Ok(grant) = book.admit("more", &Request::new(qos.clone())) {
                book.release(grant.id);
                let less = less(&qos, respect, part);
                let granted = book.admit("less", &Request::new(less.clone()));
                prop_assert!(granted.is_ok(), "{:?} but not {:?}: {:?}", qos, less, granted);
            }
        }
    }

    #[test]
    fn a_refused_renegotiation_changes_nothing(set in any_set(), other in any_qos()) {
        let mut book = realistic();
        let admit = |qos: &Qos| book.admit("any", &Request::new(qos.clone())).ok();
        let held: Vec<_> = set.iter().filter_map(admit).collect();
        let Some(first) = held.first() else { return Ok(()) };
        let state = |book: &Admission| {
            let each = held.iter().map(|it| (book.plan(it.id).cloned(), book.response(it.id)));
            (each.collect::<Vec<_>>(), book.ring_memory, book.link_rate)
        };
        let before = state(&book);
        if book.renegotiate(first.id, &Request::new(other.worst_case(micros(300)))).is_err() {
            prop_assert_eq!(state(&book), before);
        }
    }
}

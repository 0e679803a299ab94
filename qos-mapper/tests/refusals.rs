// SPDX-License-Identifier: MIT OR Apache-2.0
//! Each refusal of the guide's table: what leads to it, what it says, and that what it offers is granted.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::time::Duration;

use orb_core::qos::Qos;
use qos_mapper::{
    Admission, Bottleneck, CostModel, FlowCost, Machine, Picos, Refusal, RenegotiationError, Request,
    RingBound, map,
};
use rtu::Nanos;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// Round figures: nothing costs anything but the servant, and nothing is ever late.
fn costs() -> CostModel {
    CostModel {
        upcall: Nanos::ZERO,
        message: Nanos::ZERO,
        byte: Picos(0),
        other_types: qos_mapper::TypeCost::default(),
        ..CostModel::default()
    }
}

fn machine() -> Machine {
    Machine {
        switch: Nanos::ZERO,
        jitter: Nanos::ZERO,
        ..Machine::default()
    }
}

/// Every refusal has its text, and each of its alternatives is granted in its place.
fn refused(book: &mut Admission, request: &Request) -> (Refusal, String) {
    let refusal = book.admit("it", request).expect_err("it does not fit");
    for alternative in &refusal.alternatives {
        let changed = Request {
            qos: alternative.qos.clone(),
            ..request.clone()
        };
        let granted = book.admit("another", &changed);
        let granted = granted.unwrap_or_else(|error| panic!("{}: {error}", alternative.words));
        assert!(book.release(granted.id).is_some());
    }
    let said = refusal.to_string();
    (refusal, said)
}

fn alone(qos: Qos) -> (Refusal, String) {
    refused(&mut Admission::new(machine(), costs()), &Request::new(qos))
}

#[test]
fn a_deadline_below_one_message() {
    let (refusal, said) = alone(Qos::isochronous(ms(10), 1).deadline(us(40)).worst_case(us(50)));
    assert_eq!(
        said,
        "a deadline of 40 µs is below what one message needs on a CPU of its own, 50 µs; what would fit: deadline ≥ 50 µs"
    );
    assert!(matches!(
        refusal.bottleneck,
        Bottleneck::Deadline { messages: 1, .. }
    ));
}

#[test]
fn a_batch_that_does_not_fit_before_its_deadline() {
    let (_, said) = alone(Qos::isochronous(ms(1), 30).worst_case(us(50)));
    assert!(
        said.starts_with(
            "a deadline of 1 ms is below what an activation of 30 messages needs on a CPU of its own, 1.5 ms"
        ),
        "{said}"
    );
    assert!(
        said.contains("messages ≤ 19") && said.contains("period ≥ 1.58 ms"),
        "{said}"
    );
}

#[test]
fn shares_that_are_used_up() {
    let mut book = Admission::new(machine(), costs());
    let most = Request::new(Qos::isochronous(ms(10), 1).worst_case(us(9_000)));
    book.admit("most", &most).unwrap();
    let (refusal, said) = refused(
        &mut book,
        &Request::new(Qos::isochronous(ms(10), 1).worst_case(us(600))),
    );
    assert!(
        said.starts_with(
            "CPU 0 has no room: this asks for 6.0 % beside 90.0 % admitted, and guarantees may take 95.0 %"
        ),
        "{said}"
    );
    assert!(matches!(&refusal.bottleneck, Bottleneck::Cpu(shortage) if shortage.missed.is_none()));
    assert_eq!(refusal.alternatives[0].words, "period ≥ 12 ms");
}

#[test]
fn somebody_who_would_be_late() {
    let mut book = Admission::new(machine(), costs());
    let urgent = Request::new(Qos::isochronous(ms(1), 1).deadline(us(300)).worst_case(us(100)));
    book.admit("urgent", &urgent).unwrap();
    // Nobody interrupts it, so the urgent one has to wait for all of it.
    let (refusal, said) = refused(
        &mut book,
        &Request::new(Qos::isochronous(ms(10), 1).worst_case(us(250))),
    );
    assert!(
        said.contains("and `urgent` would miss its deadline of 300 µs by 50 µs"),
        "{said}"
    );
    assert_eq!(refusal.alternatives.len(), 1, "{said}");
    // Two of half the length are no such wait.
    let halves = Request::new(Qos::isochronous(ms(10), 2).worst_case(us(125)));
    assert!(book.admit("halves", &halves).is_ok());
    let (_, said) = refused(
        &mut book,
        &Request::new(Qos::isochronous(ms(1), 1).deadline(us(150)).worst_case(us(140))),
    );
    assert!(said.contains("it would miss its deadline of 150 µs by"), "{said}");
}

#[test]
fn a_cpu_that_is_not_there() {
    let request = Request {
        cpu: Some(9),
        ..Request::new(Qos::isochronous(ms(10), 1).worst_case(us(1)))
    };
    let (_, said) = refused(&mut Admission::new(machine(), costs()), &request);
    assert!(
        said.starts_with("no executive runs on the CPU that was asked for"),
        "{said}"
    );
}

#[test]
fn a_link_that_is_too_slow() {
    let (refusal, said) = alone(Qos::burst(130_000_000, 65_536).worst_case(us(1)));
    assert!(
        said.starts_with("the link is too slow: with headers this needs "),
        "{said}"
    );
    assert!(
        said.contains("and 125 MB/s of 125 MB/s is left; what would fit: bandwidth ≤ "),
        "{said}"
    );
    let Bottleneck::Link { asked, left, rate } = refusal.bottleneck else {
        panic!("{said}");
    };
    assert!(asked > 130_000_000 && left == rate);
    // Larger messages have fewer headers: what does not fit in small ones may in large ones.
    let stream = |message| {
        Qos::burst(110_000_000, 1 << 20)
            .message_size(message)
            .worst_case(us(1))
    };
    let fits = |message| map(&Request::new(stream(message)), &costs(), &machine()).is_ok();
    assert_eq!((fits(1_000), fits(1 << 16)), (false, true));
}

#[test]
fn rings_that_are_too_small_or_too_many() {
    let (refusal, said) = alone(
        Qos::isochronous(ms(10), 1)
            .message_size(3 << 20)
            .worst_case(us(1)),
    );
    assert!(matches!(refusal.bottleneck, Bottleneck::Link { .. }), "{said}");
    let quick = Machine {
        link: qos_mapper::Link {
            rate: 1 << 40,
            ..machine().link
        },
        ring_memory: 10 << 20,
        ..machine()
    };
    let mut book = Admission::new(quick, costs());
    let frames = Request::new(
        Qos::isochronous(ms(10), 1)
            .message_size(3 << 20)
            .worst_case(us(1)),
    );
    let (refusal, said) = refused(&mut book, &frames);
    assert!(
        said.starts_with("a ring is too small: this needs ") && said.contains(", and there is 4 MiB"),
        "{said}"
    );
    assert!(matches!(
        refusal.bottleneck,
        Bottleneck::RingMemory {
            of: RingBound::OneRing,
            ..
        }
    ));
    let smaller = Request::new(
        Qos::isochronous(ms(10), 1)
            .message_size(2_000_000)
            .worst_case(us(1)),
    );
    book.admit("first", &smaller).unwrap();
    let (refusal, said) = refused(&mut book, &smaller);
    assert!(
        said.starts_with("the memory for rings is too small: this needs "),
        "{said}"
    );
    assert!(matches!(
        refusal.bottleneck,
        Bottleneck::RingMemory {
            of: RingBound::AllRings,
            ..
        }
    ));
    assert!(
        refusal.alternatives[0].words.starts_with("message size ≤ "),
        "{said}"
    );
}

#[test]
fn a_request_that_contradicts_itself() {
    for (qos, expected) in [
        (
            Qos::isochronous(Duration::ZERO, 1),
            "a period of zero cannot be kept",
        ),
        (
            Qos::isochronous(ms(1), 0),
            "no message in a period is nothing to guarantee",
        ),
        (Qos::low_delay(Duration::ZERO), "a delay of zero cannot be kept"),
        (
            Qos::burst(0, 1),
            "a bandwidth, burst or message of no bytes is nothing to guarantee",
        ),
        (
            Qos::burst(9, 4).message_size(5),
            "a message of 5 bytes is larger than its burst of 4",
        ),
        (Qos::best_effort(0), "a weight of zero would never have its turn"),
    ] {
        let (refusal, said) = alone(qos.clone());
        assert!(said.starts_with(expected), "{qos:?}: {said}");
        assert!(matches!(refusal.bottleneck, Bottleneck::Contradiction { .. }));
    }
}

#[test]
fn when_only_best_effort_would_fit_it_is_offered() {
    let mut book = Admission::new(machine(), costs());
    let all = Request::new(Qos::isochronous(ms(10), 1).worst_case(us(9_500)));
    book.admit("all", &all).unwrap();
    let (_, said) = refused(
        &mut book,
        &Request::new(Qos::low_delay(us(100)).worst_case(us(1))),
    );
    assert!(said.ends_with("what would fit: class = best_effort"), "{said}");
}

#[test]
fn what_was_measured_counts_for_more_than_what_was_declared() {
    let dear = FlowCost {
        upcall: Nanos::ZERO,
        message: Nanos::from_millis(2),
        byte: Picos(0),
    };
    let declared = Request::new(Qos::isochronous(ms(1), 1).worst_case(us(10)));
    let mut book = Admission::new(machine(), costs());
    let grant = book.admit("it", &declared).unwrap().id;
    let measured = Request {
        measured: Some(dear),
        ..declared
    };
    match book.renegotiate(grant, &measured) {
        Err(RenegotiationError::Refused(refusal)) => {
            assert!(
                refusal
                    .to_string()
                    .contains("one message needs on a CPU of its own, 2 ms"),
                "{refusal}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(book.plan(grant).is_some(), "a refused change leaves the grant");
}

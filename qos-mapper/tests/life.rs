// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of an object's guarantee, as an object adapter leads it: file, sources, probation, grant, correction, release.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::time::Duration;

use orb_core::qos::Qos;
use qos_mapper::{
    Admission, Correction, Corrector, CostModel, Machine, QosFile, RenegotiationError, Request, Sample,
    Sources,
};
use rtu::{Class, Nanos};

const FILE: &str = r#"
[[object]]
poa = "plant/**"
class = "isochronous"
period = "10ms"
messages = 2
[[object]]
poa = "plant/safety"
id = "stop"
class = "low_delay"
delay = "2ms"
worst_case = "100us"
"#;

const RULES: Correction = Correction {
    window: 50,
    margin: 20,
    decay: 2,
    probation: 100,
};

fn sample(micros: u64) -> Sample {
    Sample {
        messages: 1,
        bytes: 0,
        used: CostModel::default().upcall + Nanos::from_micros(micros),
        longest_iteration: Nanos::ZERO,
    }
}

/// The request for an object: what the file and the activation ask for.
fn request(file: &QosFile, poa: &str, id: &[u8], activation: Option<Qos>) -> Request {
    let entry = file.find(poa, id);
    let sources = Sources {
        file: entry.map(|entry| entry.request.qos.clone()),
        activation,
        ..Sources::default()
    };
    let base = entry.map_or_else(|| Request::new(Qos::default()), |entry| entry.request.clone());
    Request {
        qos: sources.resolve(),
        ..base
    }
}

#[test]
fn an_undeclared_servant_earns_its_guarantee() {
    let file = QosFile::parse(FILE).unwrap();
    let mut book = Admission::new(Machine::default(), CostModel::default());
    let mut wanted = request(&file, "plant/line", b"belt", None);
    let grant = book.admit("belt", &wanted).unwrap();
    assert!(grant.plan.probation && matches!(grant.plan.rtu.class, Class::BestEffort { .. }));

    let mut corrector = Corrector::new(book.costs(), &wanted.types, None, RULES);
    while corrector.cost().is_none() {
        corrector.observe(&sample(200));
    }
    wanted.measured = corrector.cost();
    let plan = book.renegotiate(grant.id, &wanted).unwrap();
    assert!(!plan.probation);
    assert_eq!(plan.rtu.class, Class::Periodic);
    assert_eq!(plan.cost.message, Nanos::from_micros(240));
    assert!(!corrector.calls_for_change(&plan.cost));

    // It grows dearer than its margin: the plan follows.
    corrector.observe(&sample(300));
    assert!(corrector.calls_for_change(&plan.cost));
    wanted.measured = corrector.cost();
    let dearer = book.renegotiate(grant.id, &wanted).unwrap();
    assert!(dearer.rtu.budget > plan.rtu.budget);

    // And so dear that nothing holds it: the last plan that fitted stays, and the refusal says what would do.
    corrector.observe(&sample(20_000));
    wanted.measured = corrector.cost();
    let Err(RenegotiationError::Refused(refusal)) = book.renegotiate(grant.id, &wanted) else {
        panic!("24 ms do not fit into 10");
    };
    assert!(refusal.to_string().contains("period ≥ "), "{refusal}");
    assert_eq!(book.plan(grant.id), Some(&dearer));

    assert_eq!(book.release(grant.id), Some(dearer));
    assert_eq!((book.grants().count(), book.load(0)), (0, Some(0.0)));
}

#[test]
fn a_declared_servant_is_guaranteed_from_the_first_message_whoever_asks() {
    let file = QosFile::parse(FILE).unwrap();
    let mut book = Admission::new(Machine::default(), CostModel::default());
    let own = request(&file, "plant/safety", b"stop", None);
    let grant = book.admit("stop", &own).unwrap();
    assert!(!grant.plan.probation);
    assert_eq!(grant.plan.cpu, Some(0));

    // The activation asks for something else; the file's worst case still counts.
    let longer = Qos::low_delay(Duration::from_millis(5));
    let changed = request(&file, "plant/safety", b"stop", Some(longer));
    let plan = book.renegotiate(grant.id, &changed).unwrap();
    assert!(!plan.probation);
    assert_eq!(plan.rtu.deadline, Nanos::from_millis(5));
    assert_eq!(plan.rtu.budget, grant.plan.rtu.budget);
}

#[test]
fn an_object_that_nobody_asked_for_is_best_effort() {
    let file = QosFile::parse(FILE).unwrap();
    let mut book = Admission::new(Machine::default(), CostModel::default());
    let grant = book
        .admit("any", &request(&file, "office", b"coffee", None))
        .unwrap();
    assert_eq!(grant.plan.qos, Qos::best_effort(1));
    assert_eq!(
        (grant.plan.cpu, grant.plan.link_rate, grant.plan.ring_memory()),
        (None, 0, 0)
    );
}

#[test]
fn what_the_scheduler_is_told_is_what_was_promised() {
    let mut book = Admission::new(Machine::default(), CostModel::default());
    let micros = Duration::from_micros;
    let guaranteed = Qos::isochronous(micros(10_000), 2)
        .worst_case(micros(50))
        .deadline(micros(8_000));
    let plan = book.admit("a", &Request::new(guaranteed)).unwrap().plan;
    let parameters = plan.parameters();
    assert_eq!(
        (parameters.class, parameters.period),
        (Class::Periodic, Nanos::from_millis(10))
    );
    assert_eq!(parameters.deadline, Nanos::from_millis(8));
    assert_eq!(
        parameters.budget.map(|budget| budget.amount),
        Some(plan.rtu.budget)
    );
    // On probation nothing is enforced but the turn.
    let unknown = book
        .admit("b", &Request::new(Qos::low_delay(micros(5_000))))
        .unwrap()
        .plan;
    assert_eq!(unknown.parameters().budget, None);
    assert_eq!(unknown.parameters().period, Nanos::ZERO);
}

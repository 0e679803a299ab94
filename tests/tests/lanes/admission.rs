// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is granted, and what is refused.

use upcall::{SystemException, SystemExceptionKind, poa::ActivateError};

use super::*;

by_both_ways! {
    a_second_client_has_a_guarantee_of_its_own,
    a_second_client_that_does_not_fit_is_told_why,
    a_guarantee_is_renegotiated_for_all_clients_or_for_none,
    what_is_renegotiated_bounds_the_messages_of_connections_that_are_there,
    who_comes_back_within_a_period_is_let_in,
    of_two_who_come_while_one_leaves_one_is_let_in,
    who_waits_for_one_that_does_not_leave_is_told_why,
}

#[test]
fn a_guarantee_that_does_not_fit_is_refused_and_leaves_nothing_behind() {
    let server = server();
    export(&server, "a", &Thermometer::default(), most()).unwrap();
    let error = export(&server, "b", &Thermometer::default(), most()).unwrap_err();
    let ActivateError::Refused { object, refusal } = &error else {
        panic!("{error}")
    };
    assert_eq!(object, "b");
    assert!(!refusal.alternatives.is_empty());
    assert!(error.to_string().contains("CPU 0 has no room"), "{error}");
    assert!(server.root_poa().servant("b").is_err());
    // Neither its id nor its share is taken.
    export(&server, "b", &Thermometer::default(), soon()).unwrap();
    server.root_poa().deactivate("a").unwrap();
    export(&server, "a", &Thermometer::default(), most()).unwrap();
    server.shutdown();
}

#[test]
fn an_object_that_is_there_already_costs_no_second_guarantee() {
    let server = server();
    export(&server, "a", &Thermometer::default(), soon()).unwrap();
    for _ in 0..100 {
        let error = export(&server, "a", &Thermometer::default(), soon()).unwrap_err();
        assert!(
            matches!(error, ActivateError::ObjectAlreadyActive { .. }),
            "{error}"
        );
    }
    export(&server, "b", &Thermometer::default(), most()).unwrap();
    server.shutdown();
}

fn a_second_client_has_a_guarantee_of_its_own(way: &Way) {
    let (server, one, other) = (way.server(), way.client(), way.client());
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    from(&one, &server, &exported).read(1).wait().unwrap();
    from(&other, &server, &exported).read(1).wait().unwrap();
    let lane = lane(&server, "t");
    assert_eq!(lane.clients.len(), 2);
    assert!(lane.clients.iter().all(|client| client.guaranteed));
    server.shutdown();
}

fn a_second_client_that_does_not_fit_is_told_why(way: &Way) {
    let (server, one, other) = (way.server(), way.client(), way.client());
    let exported = export(&server, "t", &Thermometer::default(), most()).unwrap();
    let first = from(&one, &server, &exported);
    first.read(1).wait().unwrap();
    let second = from(&other, &server, &exported);
    let error: SystemException = second.name().wait().unwrap_err();
    assert_eq!(error.kind(), SystemExceptionKind::NoResources);
    assert!(error.to_string().contains("CPU 0 has no room"), "{error}");
    // The first does not notice; once it has gone, the second is let in.
    first.read(1).wait().unwrap();
    one.shutdown();
    upcall_tests::serving::until("there is room", || lane(&server, "t").clients.is_empty());
    second.read(1).wait().unwrap();
    server.shutdown();
}

fn a_guarantee_is_renegotiated_for_all_clients_or_for_none(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let sensor = from(&client, &server, &exported);
    sensor.read(1).wait().unwrap();
    let poa = server.root_poa();
    let error = poa
        .set_qos("t", most().worst_case(Duration::from_millis(3)))
        .unwrap_err();
    assert!(matches!(error, upcall::poa::QosError::Refused(_)), "{error}");
    assert_eq!(poa.qos("t").unwrap(), Some(soon()));
    poa.set_qos("t", most()).unwrap();
    assert_eq!(poa.qos("t").unwrap(), Some(most()));
    let error = export(&server, "u", &Thermometer::default(), most()).unwrap_err();
    assert!(matches!(error, ActivateError::Refused { .. }), "{error}");
    // Into each class, the last of them without a guarantee.
    let period = Qos::isochronous(Duration::from_millis(5), 2).worst_case(Duration::from_micros(20));
    for qos in [period, soon(), Qos::best_effort(1)] {
        poa.set_qos("t", qos.clone()).unwrap();
        for _ in 0..3 {
            sensor.read(1).wait().unwrap();
        }
        assert_eq!(lane(&server, "t").clients[0].guaranteed, qos.is_guaranteed());
    }
    export(&server, "u", &Thermometer::default(), most()).unwrap();
    server.shutdown();
}

#[test]
fn what_was_activated_without_a_guarantee_has_no_lane_to_change() {
    let server = server();
    export(&server, "t", &Thermometer::default(), Qos::best_effort(1)).unwrap();
    let error = server.root_poa().set_qos("t", soon()).unwrap_err();
    assert!(matches!(error, upcall::poa::QosError::NoLane), "{error}");
    let error = server.root_poa().set_qos("nobody", soon()).unwrap_err();
    assert!(matches!(error, upcall::poa::QosError::NotFound(_)), "{error}");
    server.shutdown();
}

#[test]
fn what_other_processes_have_admitted_is_not_granted_again() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page");
    let process = || {
        let builder = builder().real_time(|machine| machine.page = Page::At(page.clone()));
        builder.build().unwrap()
    };
    let (one, other) = (process(), process());
    export(&one, "t", &Thermometer::default(), most()).unwrap();
    let error = export(&other, "t", &Thermometer::default(), most()).unwrap_err();
    assert!(error.to_string().contains("CPU 0 has no room"), "{error}");
    export(&other, "u", &Thermometer::default(), soon()).unwrap();
    one.root_poa().deactivate("t").unwrap();
    export(&other, "t", &Thermometer::default(), most()).unwrap();
    one.shutdown();
    other.shutdown();
}

fn what_is_renegotiated_bounds_the_messages_of_connections_that_are_there(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let sensor = from(&client, &server, &exported);
    sensor.read(1).wait().unwrap();
    let poa = server.root_poa();
    poa.set_qos("t", soon().message_size(64 * 1024)).unwrap();
    assert_eq!(sensor.snapshot(&[7; 60_000]).wait().unwrap().len(), 60_000);
    let clients = lane(&server, "t").clients;
    assert_eq!(clients.len(), 1);
    assert_eq!(clients[0].served, 2, "on the same connection");
    poa.set_qos("t", soon().message_size(512)).unwrap();
    assert!(sensor.snapshot(&[7; 60_000]).wait().is_err());
    assert_eq!(sensor.snapshot(&[7; 500]).wait().unwrap().len(), 500);
    server.shutdown();
}

/// More than half of the CPU, looked at five times a second.
fn seldom() -> Qos {
    Qos::isochronous(Duration::from_millis(200), 1).worst_case(Duration::from_millis(120))
}

fn who_comes_back_within_a_period_is_let_in(way: &Way) {
    let server = way.server();
    let exported = export(&server, "t", &Thermometer::default(), seldom()).unwrap();
    for _ in 0..5 {
        let client = way.client();
        from(&client, &server, &exported).read(1).wait().unwrap();
        client.shutdown();
    }
    let lane = lane(&server, "t");
    assert_eq!((lane.served, lane.clients.len()), (5, 1));
    server.shutdown();
}

fn of_two_who_come_while_one_leaves_one_is_let_in(way: &Way) {
    let (server, first) = (way.server(), way.client());
    let exported = export(&server, "t", &Thermometer::default(), seldom()).unwrap();
    from(&first, &server, &exported).read(1).wait().unwrap();
    first.shutdown();
    let comers = [way.client(), way.client()].map(|comer| {
        let sensor = from(&comer, &server, &exported);
        thread::spawn(move || (sensor.read(1).wait().is_ok(), comer))
    });
    let comers = comers.map(|comer| comer.join().unwrap());
    assert_eq!(comers.iter().filter(|(let_in, _)| *let_in).count(), 1);
    server.shutdown();
}

fn who_waits_for_one_that_does_not_leave_is_told_why(way: &Way) {
    let (server, first, second) = (way.server(), way.client(), way.client());
    // What it sent last is served in one of the next periods only, and the end is seen after that.
    let exported = export(&server, "t", &Thermometer::default(), seldom()).unwrap();
    let sensor = from(&first, &server, &exported);
    sensor.read(1).wait().unwrap();
    (0..20).for_each(|_| sensor.push(&[]).send().unwrap());
    first.shutdown();
    let error: SystemException = from(&second, &server, &exported).name().wait().unwrap_err();
    assert_eq!(error.kind(), SystemExceptionKind::NoResources);
    server.shutdown();
}

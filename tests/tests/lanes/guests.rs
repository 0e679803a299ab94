// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a client asks for its own flow where the object has no lane, or no room on it.

use upcall::{Interface, SystemExceptionKind};
use upcall_tests::serving::until;

use super::*;

by_both_ways! {
    a_client_has_what_it_asks_for_where_the_object_asks_for_nothing,
}

fn periodic() -> Qos {
    Qos::isochronous(Duration::from_millis(5), 2)
}

/// An object that asks for nothing.
fn plain(server: &Orb, id: &str, sensor: &Thermometer) -> SensorRef {
    export(server, id, sensor, Qos::best_effort(1)).unwrap()
}

fn a_client_has_what_it_asks_for_where_the_object_asks_for_nothing(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let (asked, ordinary) = (Thermometer::default(), Thermometer::default());
    let exported = plain(&server, "t", &asked);
    let other = from(&client, &server, &plain(&server, "u", &ordinary));
    let own = from(&client, &server, &exported).with_qos(soon()).unwrap();
    let granted = own.granted().expect("a grant");
    assert_eq!(granted.qos.class(), "low_delay");
    assert_eq!(lane(&server, "t").clients.len(), 1);
    for channel in 0..10 {
        assert_eq!(own.read(channel).wait().unwrap(), f64::from(channel));
        other.read(channel).wait().unwrap();
    }
    assert!(
        asked.threads().iter().all(|name| name.starts_with("rtu-")),
        "{:?}",
        asked.threads()
    );
    assert!(
        ordinary
            .threads()
            .iter()
            .all(|name| name.starts_with("upcall-worker"))
    );
    drop(own);
    until("nothing is left of it", || {
        server.root_poa().lane("t").unwrap().is_none()
    });
    assert_eq!(server.root_poa().lane("u").unwrap(), None);
    server.shutdown();
}

#[test]
fn the_worst_case_is_the_servers_to_declare_also_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("upcall.toml");
    let file = r#"
        [[object]]
        class = "low_delay"
        delay = "20ms"
        worst_case = "30us"
    "#;
    std::fs::write(&path, file).unwrap();
    let (server, client) = (builder().config(&path).build().unwrap(), client());
    let exported = plain(&server, "t", &Thermometer::default());
    let own = from(&client, &server, &exported).with_qos(periodic()).unwrap();
    // Declared, so there is no probation.
    assert!(own.granted().unwrap().is_guaranteed());
    let server_side = lane(&server, "t").clients[0].qos.clone();
    assert_eq!(server_side, periodic().worst_case(Duration::from_micros(30)));
    server.shutdown();
}

#[test]
fn what_does_not_fit_there_is_refused_and_the_connection_stays_as_it_was() {
    let (server, client) = (server(), client());
    let thermometer = Thermometer::default();
    let exported = plain(&server, "t", &thermometer);
    let sensor = from(&client, &server, &exported);
    for _ in 0..20 {
        let error = sensor.with_qos(own_flow::too_much()).unwrap_err();
        assert_eq!(error.kind(), SystemExceptionKind::NoResources);
        assert!(error.to_string().contains("`t` cannot be had with"), "{error}");
    }
    assert_eq!(server.root_poa().lane("t").unwrap(), None);
    sensor.read(1).wait().unwrap();
    server.shutdown();
}

#[test]
fn several_clients_of_one_object_are_admitted_together() {
    let (server, client) = (server(), client());
    let exported = plain(&server, "t", &Thermometer::default());
    let sensor = from(&client, &server, &exported);
    let own: Vec<_> = (0..3).map(|_| sensor.with_qos(soon()).unwrap()).collect();
    assert_eq!(lane(&server, "t").clients.len(), 3);
    own[0].with_qos(periodic()).unwrap();
    assert_eq!(lane(&server, "t").clients[0].qos.class(), "isochronous");
    assert!(own.iter().all(|sensor| sensor.read(1).wait().is_ok()));
    server.root_poa().deactivate("t").unwrap();
    assert!(own.iter().all(|sensor| sensor.read(1).wait().is_err()));
    // All that they had is free again.
    export(&server, "u", &Thermometer::default(), most()).unwrap();
    server.shutdown();
}

#[test]
fn an_object_that_is_served_one_call_at_a_time_grants_nothing() {
    let (server, client) = (server(), client());
    let poa = server.root_poa().create("calm").single_thread().build().unwrap();
    let skeleton = SensorSkeleton::new(Thermometer::default());
    let exported: SensorRef = poa.activate(skeleton).qos(Qos::best_effort(1)).export().unwrap();
    let own = from(&client, &server, &exported).with_qos(soon()).unwrap();
    assert_eq!(own.granted(), None);
    own.read(1).wait().unwrap();
    server.shutdown();
}

#[test]
fn a_server_that_hears_no_clients_grants_nothing() {
    let deaf = builder().real_time(|machine| machine.client_requests = false);
    let (server, client) = (deaf.build().unwrap(), client());
    let guaranteed = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let both = [guaranteed, plain(&server, "u", &Thermometer::default())];
    let _owns = both.map(|exported| {
        let own = from(&client, &server, &exported).with_qos(periodic()).unwrap();
        assert_eq!(own.granted(), None);
        own.read(1).wait().unwrap();
        own
    });
    assert_eq!(lane(&server, "t").clients[0].qos, soon());
    assert_eq!(server.root_poa().lane("u").unwrap(), None);
    server.shutdown();
}

#[test]
fn whom_the_lane_has_no_room_for_may_ask_for_less() {
    let (server, one, other) = (server(), client(), client());
    let exported = export(&server, "t", &Thermometer::default(), most()).unwrap();
    from(&one, &server, &exported).read(1).wait().unwrap();
    let second = from(&other, &server, &exported);
    let error = second.name().wait().unwrap_err();
    assert_eq!(error.kind(), SystemExceptionKind::NoResources);
    let modest = second.with_qos(Qos::best_effort(1)).unwrap();
    modest.read(1).wait().unwrap();
    let error = second.with_qos(soon()).unwrap_err();
    assert_eq!(error.kind(), SystemExceptionKind::NoResources);
    assert!(error.to_string().contains("`t` cannot be had with"), "{error}");
    modest.read(1).wait().unwrap();
    assert_eq!(lane(&server, "t").clients.len(), 2);
    server.shutdown();
}

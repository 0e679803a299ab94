// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whose priority counts.

use PriorityModel::{ClientPropagated, ServerDeclared};
use telemetry::SensorRef;
use upcall::SystemExceptionKind as Kind;

use super::*;

#[test]
fn a_request_is_served_at_the_client_s_priority_where_that_is_propagated() {
    let (server, client) = (server(), client());
    let servant = Thermometer::new(&server);
    let sensor = export(&poa(&server, ClientPropagated, 77), &servant);
    let remote = from(&client, &server, &sensor);
    for value in [0, 4_711, 30_000] {
        at(&client, Some(value), || remote.read(1).wait()).unwrap();
        assert_eq!(servant.last(), (Some(value), Some(value)));
    }
    // A thread without a priority sends none, and the server's counts.
    at(&client, None, || remote.read(1).wait()).unwrap();
    assert_eq!(servant.last(), (Some(77), Some(77)));
}

#[test]
fn a_request_is_served_at_the_server_s_priority_where_that_is_declared() {
    let (server, client) = (server(), client());
    let servant = Thermometer::new(&server);
    let poa = poa(&server, ServerDeclared, 50);
    let sensor = from(&client, &server, &export(&poa, &servant));
    at(&client, Some(9), || sensor.read(1).wait()).unwrap();
    assert_eq!(servant.last(), (Some(50), Some(50)));

    let other = Thermometer::new(&server);
    let urgent = activate(&poa, &other).priority(priority(60)).export().unwrap();
    let urgent: SensorRef = from(&client, &server, &urgent);
    at(&client, Some(9), || urgent.read(1).wait()).unwrap();
    assert_eq!(other.last(), (Some(60), Some(60)));
}

#[test]
fn all_ways_to_call_carry_the_priority() {
    let (server, client) = (server(), client());
    let servant = Thermometer::new(&server);
    let sensor = export(&poa(&server, ClientPropagated, 77), &servant);
    let remote = from(&client, &server, &sensor);
    at(&client, Some(5), || remote.read(1).start().unwrap().wait()).unwrap();
    assert_eq!(servant.last().0, Some(5));
    at(&client, Some(6), || remote.push(&[]).send()).unwrap();
    at(&client, None, || remote.read(1).wait()).unwrap();
    let seen: Vec<_> = servant
        .seen
        .lock()
        .iter()
        .map(|(priority, ..)| *priority)
        .collect();
    assert_eq!(seen, [Some(5), Some(6), Some(77)]);
    // Without a message, the servant is called by the caller, at the caller's priority.
    at(&server, Some(7), || sensor.read(1).wait()).unwrap();
    assert_eq!(servant.last(), (Some(7), Some(7)));
}

#[test]
fn a_priority_goes_on_to_whom_the_servant_calls() {
    let (first, second, client) = (server(), server(), client());
    let (near, far) = (Thermometer::new(&first), Thermometer::new(&second));
    let behind = export(&poa(&second, ClientPropagated, 1), &far);
    *near.peer.lock() = Some(from(&first, &second, &behind));
    let sensor = from(&client, &first, &export(&poa(&first, ClientPropagated, 2), &near));
    at(&client, Some(1_234), || sensor.read(1).wait()).unwrap();
    assert_eq!(near.last().0, Some(1_234));
    assert_eq!(far.last().0, Some(1_234));
}

#[test]
fn what_a_servant_sets_lasts_until_it_returns() {
    let (server, client) = (server(), client());
    let servant = Thermometer::new(&server);
    let sensor = export(&poa(&server, ClientPropagated, 77), &servant);
    let remote = from(&client, &server, &sensor);
    for _ in 0..3 {
        at(&client, None, || remote.set_gain(1.0).wait()).unwrap();
        at(&client, None, || remote.read(1).wait()).unwrap();
        assert_eq!(servant.last(), (Some(77), Some(77)));
    }
    // The caller's own priority is the same as before, too.
    let after = at(&server, Some(8), || {
        sensor.set_gain(1.0).wait().unwrap();
        server.rt_current().priority()
    });
    assert_eq!(after, Ok(priority(8)));
}

#[test]
fn an_object_without_a_priority_model_has_no_priority_and_is_sent_none() {
    let (server, client) = (server(), client());
    let servant = Thermometer::new(&server);
    let sensor = from(&client, &server, &export(server.root_poa(), &servant));
    at(&client, Some(9), || sensor.read(1).wait()).unwrap();
    assert_eq!(servant.last(), (None, None));
}

#[test]
fn a_priority_that_the_system_does_not_have_is_refused_in_time() {
    let (server, client) = (server(), client());
    let refused = at(&client, None, || client.rt_current().set_priority(Priority::MAX));
    assert_eq!(refused.unwrap_err().kind(), Kind::DataConversion);
    let servant = Thermometer::new(&server);
    let sensor: SensorRef = export(&poa(&server, ServerDeclared, 32_767), &servant);
    let refused = from(&client, &server, &sensor).name().wait().unwrap_err();
    assert_eq!(refused.kind(), Kind::DataConversion, "{refused}");
}

#[test]
fn an_object_with_a_guarantee_is_served_by_its_upcall_and_knows_the_priority() {
    let (server, client) = (server(), client());
    let servant = Thermometer::new(&server);
    let poa = poa(&server, ClientPropagated, 77);
    let soon = Qos::low_delay(std::time::Duration::from_millis(50));
    let sensor: SensorRef = activate(&poa, &servant).qos(soon).export().unwrap();
    let remote = from(&client, &server, &sensor);
    at(&client, Some(4_711), || remote.read(1).wait()).unwrap();
    assert_eq!(servant.last(), (Some(4_711), Some(4_711)));
    assert!(
        !servant.last_thread().contains("worker"),
        "{}",
        servant.last_thread()
    );
}

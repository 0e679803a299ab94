// SPDX-License-Identifier: MIT OR Apache-2.0
//! How clients of a lane are served.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use upcall::SystemExceptionKind;
use upcall_tests::serving::until;

use super::*;

by_both_ways! {
    an_object_with_a_guarantee_is_served_by_an_upcall_at_an_endpoint_of_its_own,
    every_call_is_an_activation_of_a_flow_with_low_delay,
    periodic_objects_are_served_each_period,
    objects_without_a_guarantee_have_no_lane_and_start_nothing,
    a_client_that_leaves_makes_room_for_the_next,
}

fn an_object_with_a_guarantee_is_served_by_an_upcall_at_an_endpoint_of_its_own(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let thermometer = Thermometer::default();
    let exported = export(&server, "t", &thermometer, soon()).unwrap();
    let at = lane(&server, "t").endpoints;
    assert_eq!(at.len(), 1);
    assert!(!server.endpoints().contains(&at[0]), "{at:?}");
    let sensor = from(&client, &server, &exported);
    for channel in 0..20 {
        assert_eq!(sensor.read(channel).wait().unwrap(), f64::from(channel));
    }
    assert_eq!(thermometer.threads(), ["rtu-0"]);
    let lane = lane(&server, "t");
    assert_eq!(lane.clients.len(), 1);
    assert!(lane.clients[0].guaranteed);
    assert_eq!(lane.clients[0].served, 20);
    server.shutdown();
}

fn every_call_is_an_activation_of_a_flow_with_low_delay(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let sensor = from(&client, &server, &exported);
    sensor.read(1).wait().unwrap();
    let before = lane(&server, "t").clients[0].upcall.completions;
    for _ in 0..10 {
        sensor.read(1).wait().unwrap();
    }
    // The reply is out before its activation is counted.
    until("the activations are counted", || {
        lane(&server, "t").clients[0].upcall.completions >= before + 10
    });
    assert_eq!(lane(&server, "t").clients[0].served, 11);
    server.shutdown();
}

fn periodic_objects_are_served_each_period(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let thermometer = Thermometer::default();
    let qos = Qos::isochronous(Duration::from_millis(5), 4).worst_case(Duration::from_micros(20));
    let exported = export(&server, "t", &thermometer, qos).unwrap();
    let sensor = from(&client, &server, &exported);
    for channel in 0..10 {
        assert_eq!(sensor.read(channel).wait().unwrap(), f64::from(channel));
    }
    assert_eq!(thermometer.threads(), ["rtu-0"]);
    server.shutdown();
}

fn objects_without_a_guarantee_have_no_lane_and_start_nothing(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let thermometer = Thermometer::default();
    let exported = export(&server, "t", &thermometer, Qos::best_effort(1)).unwrap();
    assert_eq!(server.root_poa().lane("t").unwrap(), None);
    from(&client, &server, &exported).read(1).wait().unwrap();
    assert!(
        thermometer
            .threads()
            .iter()
            .all(|name| name.starts_with("upcall-worker"))
    );
    server.shutdown();
}

fn a_client_that_leaves_makes_room_for_the_next(way: &Way) {
    let server = way.server();
    let exported = export(&server, "t", &Thermometer::default(), most()).unwrap();
    for _ in 0..3 {
        let client = way.client();
        from(&client, &server, &exported).read(1).wait().unwrap();
        assert_eq!(lane(&server, "t").clients.len(), 1);
        client.shutdown();
        until("the client's flow is gone", || {
            lane(&server, "t").clients.is_empty()
        });
    }
    server.shutdown();
}

#[test]
fn a_client_that_is_cut_off_leaves_nothing_behind() {
    let server = server();
    let exported = export(&server, "t", &Thermometer::default(), most()).unwrap();
    let socket = TcpStream::connect(("127.0.0.1", port(&exported))).unwrap();
    until("it is taken in", || lane(&server, "t").clients.len() == 1);
    drop(socket);
    until("the client's flow is gone", || {
        lane(&server, "t").clients.is_empty()
    });
    let client = client();
    from(&client, &server, &exported).read(1).wait().unwrap();
    server.shutdown();
}

#[test]
fn a_client_without_room_does_not_keep_the_lane_open() {
    let (server, client) = (server(), client());
    let exported = export(&server, "t", &Thermometer::default(), most()).unwrap();
    let sensor = from(&client, &server, &exported);
    sensor.read(1).wait().unwrap();
    let mut socket = TcpStream::connect(("127.0.0.1", port(&exported))).unwrap();
    // A LocateRequest of GIOP 1.0, whose reply says that it was let in.
    socket
        .write_all(b"GIOP\x01\x00\x00\x03\x00\x00\x00\x09\x00\x00\x00\x01\x00\x00\x00\x01k")
        .unwrap();
    socket.read_exact(&mut [0; 20]).unwrap();
    server.root_poa().deactivate("t").unwrap();
    until("the endpoint is closed", || {
        TcpStream::connect(("127.0.0.1", port(&exported))).is_err()
    });
    export(&server, "u", &Thermometer::default(), most()).unwrap();
    server.shutdown();
}

#[test]
fn deactivation_closes_the_lane_and_its_connections() {
    let (server, client) = (server(), client());
    // There is room for two clients, and none for somebody who asks for most while they are there.
    let half = most().worst_case(Duration::from_micros(400));
    let exported = export(&server, "t", &Thermometer::default(), half).unwrap();
    let sensor = from(&client, &server, &exported);
    sensor.read(1).wait().unwrap();
    let mut socket = TcpStream::connect(("127.0.0.1", port(&exported))).unwrap();
    server.root_poa().deactivate("t").unwrap();
    let mut rest = Vec::new();
    let _ = socket.read_to_end(&mut rest);
    // Whoever accepts just then holds the listener for a moment longer.
    until("the endpoint is closed", || {
        TcpStream::connect(("127.0.0.1", port(&exported))).is_err()
    });
    let kind = sensor.name().wait().unwrap_err().kind();
    assert!(
        matches!(
            kind,
            SystemExceptionKind::Transient | SystemExceptionKind::CommFailure
        ),
        "{kind:?}"
    );
    // Who was just being let in ends it, and gives back what it had after closing its connections.
    until("all that it had is free again", || {
        export(&server, "u", &Thermometer::default(), most()).is_ok()
    });
    server.shutdown();
}

#[test]
fn shutdown_says_goodbye_on_lanes_too() {
    let server = server();
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let mut socket = TcpStream::connect(("127.0.0.1", port(&exported))).unwrap();
    until("it is taken in", || lane(&server, "t").clients.len() == 1);
    server.shutdown();
    let mut last = Vec::new();
    socket.read_to_end(&mut last).unwrap();
    assert_eq!(last.get(..4), Some(&b"GIOP"[..]));
    assert_eq!(last.get(7), Some(&5), "CloseConnection");
}

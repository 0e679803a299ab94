// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who asks for more than was granted is slowed, or refused; others do not notice.

use std::{io::Write, net::TcpStream, sync::atomic::AtomicBool};

use orb_core::ior::{IiopProfile, Ior};
use rustix::net::sockopt;
use upcall::SystemExceptionKind;
use upcall_tests::serving::until;

use super::*;

by_both_ways! {
    a_client_that_floods_its_lane_stops_nobody_and_gets_what_was_granted,
    requests_on_a_lane_do_not_wait_for_a_manager_that_holds,
    a_message_beyond_the_plan_ends_its_connection_only,
    a_servant_whose_worst_case_is_not_known_has_its_guarantee_after_a_probation,
}

/// Calls as fast as it can, until told to stop.
fn flood(sensor: &SensorRef, stop: &AtomicBool) -> u64 {
    let mut sent = 0;
    while !stop.load(Ordering::SeqCst) {
        // What the server does not take is given up after a while.
        let call = sensor.push(&[]).timeout(Duration::from_millis(100));
        sent += u64::from(call.send().is_ok());
    }
    sent
}

fn a_client_that_floods_its_lane_stops_nobody_and_gets_what_was_granted(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let (flooded, calm, plain) = (
        Thermometer::default(),
        Thermometer::default(),
        Thermometer::default(),
    );
    let target = export(&server, "flooded", &flooded, soon()).unwrap();
    let target = from(&client, &server, &target);
    let guaranteed = export(&server, "calm", &calm, soon()).unwrap();
    let best_effort = export(&server, "plain", &plain, Qos::best_effort(1)).unwrap();
    let others = [&guaranteed, &best_effort].map(|sensor| from(&client, &server, sensor));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let flooding = scope.spawn(|| flood(&target, &stop));
        until("the flood is on", || flooded.calls() > 10);
        for channel in 0..50 {
            for other in &others {
                assert_eq!(other.read(channel).wait().unwrap(), f64::from(channel));
            }
        }
        stop.store(true, Ordering::SeqCst);
        assert!(flooding.join().unwrap() > 10);
    });
    assert_eq!((calm.calls(), plain.calls()), (50, 50));
    let flow = lane(&server, "flooded").clients[0].clone();
    // One message for each release, which keep their distance.
    assert!(flow.served <= flow.upcall.releases + 1, "{flow:?}");
    server.shutdown();
}

#[test]
fn a_lane_is_for_its_own_object_only() {
    let (server, client) = (server(), client());
    let own = export(&server, "own", &Thermometer::default(), soon()).unwrap();
    let other = export(&server, "other", &Thermometer::default(), Qos::best_effort(1)).unwrap();
    let object: &upcall::ObjectRef = other.as_ref();
    let profile = object.ior().iiop_profiles().next().unwrap();
    let elsewhere = IiopProfile::new("127.0.0.1", port(&own), profile.object_key.clone());
    let stray = SensorRef::from(client.object(Ior::iiop(&object.ior().type_id, &elsewhere)));
    let error = stray.name().wait().unwrap_err();
    assert_eq!(error.kind(), SystemExceptionKind::NoPermission);
    from(&client, &server, &own).read(1).wait().unwrap();
    server.shutdown();
}

fn requests_on_a_lane_do_not_wait_for_a_manager_that_holds(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let sensor = from(&client, &server, &exported);
    server.root_poa().manager().hold_requests().unwrap();
    let error = sensor.name().timeout(Duration::from_secs(5)).wait().unwrap_err();
    assert_eq!(error.kind(), SystemExceptionKind::Transient);
    server.root_poa().manager().activate().unwrap();
    sensor.read(1).wait().unwrap();
    server.shutdown();
}

fn a_message_beyond_the_plan_ends_its_connection_only(way: &Way) {
    let (server, one, other) = (way.server(), way.client(), way.client());
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let good = from(&other, &server, &exported);
    good.read(1).wait().unwrap();
    let bad = from(&one, &server, &exported);
    assert_eq!(bad.snapshot(&[7; 900]).wait().unwrap().len(), 900);
    assert!(bad.snapshot(&[7; 100_000]).wait().is_err());
    good.read(1).wait().unwrap();
    bad.read(1).wait().unwrap();
    server.shutdown();
}

fn a_servant_whose_worst_case_is_not_known_has_its_guarantee_after_a_probation(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let qos = Qos::low_delay(Duration::from_millis(20));
    let thermometer = Thermometer::default();
    let exported = export(&server, "t", &thermometer, qos).unwrap();
    let sensor = from(&client, &server, &exported);
    sensor.read(1).wait().unwrap();
    assert!(!lane(&server, "t").clients[0].guaranteed);
    assert_eq!(thermometer.threads(), ["rtu-be-0"]);
    for _ in 0..1000 {
        sensor.read(1).wait().unwrap();
    }
    until("its cost is known", || lane(&server, "t").clients[0].guaranteed);
    for _ in 0..5 {
        sensor.read(1).wait().unwrap();
    }
    assert!(thermometer.threads().contains(&"rtu-0".into()));
    server.shutdown();
}

/// What the network takes of a client that its lane does not get round to.
fn taken_unserved(qos: Qos) -> usize {
    let server = server();
    let exported = export(&server, "t", &Thermometer::default(), qos).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port(&exported))).unwrap();
    sockopt::set_socket_send_buffer_size(&stream, 4096).unwrap();
    until("the lane has let it in", || {
        !lane(&server, "t").clients.is_empty()
    });
    stream.set_nonblocking(true).unwrap();
    // The header of a message that never ends.
    let header = [&b"GIOP\x01\x02\x01\x00"[..], &60_000_u32.to_le_bytes()].concat();
    assert_eq!(stream.write(&header).unwrap(), header.len());
    let mut taken = 0;
    let mut refused = 0;
    // Somebody may just be moving octets on.
    while refused < 20 && taken < 1 << 20 {
        match stream.write(&[0; 1024]) {
            Ok(count) => (taken, refused) = (taken + count, 0),
            Err(_) => {
                refused += 1;
                thread::sleep(Duration::from_millis(2));
            }
        }
    }
    server.shutdown();
    taken
}

#[test]
fn a_connection_holds_what_its_plan_has_room_for() {
    let qos = |bytes| {
        Qos::isochronous(Duration::from_secs(20), 1)
            .message_size(bytes)
            .worst_case(Duration::from_micros(20))
    };
    let (small, large) = (taken_unserved(qos(64)), taken_unserved(qos(256 * 1024)));
    assert!(small * 2 < large, "{small}, {large}");
}

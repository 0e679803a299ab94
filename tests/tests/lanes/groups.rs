// SPDX-License-Identifier: MIT OR Apache-2.0
//! Objects that share a lane.

use std::net::TcpStream;

use upcall::{SystemException, SystemExceptionKind as Kind, poa::ActivateError};
use upcall_tests::{interop, peers, serving::until, skip};

use super::*;

/// Activates an object of the group `motors`.
fn join(orb: &Orb, id: &str, qos: Qos) -> Result<SensorRef, ActivateError> {
    activate(orb, id, &Thermometer::default(), qos)
}

fn activate(orb: &Orb, id: &str, sensor: &Thermometer, qos: Qos) -> Result<SensorRef, ActivateError> {
    let skeleton = SensorSkeleton::new(sensor.clone());
    let activation = orb.root_poa().activate(skeleton).id(id).qos(qos);
    activation.lane_group("motors").export()
}

fn why(refused: &ActivateError) -> String {
    assert!(matches!(refused, ActivateError::Refused { .. }), "{refused}");
    refused.to_string()
}

fn worst_case(orb: &Orb, id: &str) -> u128 {
    let qos = orb.root_poa().qos(id).unwrap().unwrap();
    qos.declared_worst_case().unwrap().as_micros()
}

/// What has this key at that port.
fn at(client: &Orb, port: u16, sensor: &SensorRef) -> SensorRef {
    let object: &upcall::ObjectRef = sensor.as_ref();
    let mut profile = object.ior().iiop_profiles().next().unwrap();
    profile.port = port;
    let there = client.object(orb_core::ior::Ior::iiop("", &profile));
    there.unchecked_narrow()
}

#[test]
fn members_have_one_endpoint_and_a_client_of_several_one_flow() {
    let (server, client) = (server(), client());
    let motors = [Thermometer::default(), Thermometer::default()];
    let one = activate(&server, "m1", &motors[0], soon()).unwrap();
    let other = activate(&server, "m2", &motors[1], soon()).unwrap();
    let alone = export(&server, "alone", &Thermometer::default(), soon()).unwrap();
    assert_eq!(port(&one), port(&other));
    assert_ne!(port(&one), port(&alone));
    for _ in 0..3 {
        from(&client, &server, &one).read(1).wait().unwrap();
        from(&client, &server, &other).read(1).wait().unwrap();
    }
    assert_eq!((motors[0].calls(), motors[1].calls()), (3, 3));
    assert_eq!(motors[0].threads(), motors[1].threads());
    assert!(
        motors[0].threads()[0].starts_with("rtu-"),
        "{:?}",
        motors[0].threads()
    );
    let status = lane(&server, "m1");
    assert_eq!((status.objects, status.clients.len(), status.served), (2, 1, 6));
    assert!(status.clients[0].guaranteed);
    assert_eq!(status.endpoints, lane(&server, "m2").endpoints);
    assert_eq!(lane(&server, "alone").objects, 1);
    // In the same ORB they are the same objects.
    assert!(one.as_ref().is_local() && other.as_ref().is_local());
    server.shutdown();
}

#[test]
fn the_most_costly_member_counts_while_it_is_there() {
    let (server, client) = (server(), client());
    let one = join(&server, "m1", soon()).unwrap();
    let remote = from(&client, &server, &one);
    remote.read(1).wait().unwrap();
    join(&server, "m2", most()).unwrap();
    assert_eq!(
        (worst_case(&server, "m1"), worst_case(&server, "m2")),
        (1200, 1200)
    );
    // The client that is there has that much already.
    let granted = |status: LaneStatus| status.clients[0].qos.declared_worst_case().unwrap();
    assert_eq!(granted(lane(&server, "m1")), Duration::from_micros(1200));
    let refused = export(&server, "alone", &Thermometer::default(), most()).unwrap_err();
    assert!(why(&refused).contains("no room"), "{refused}");
    server.root_poa().deactivate("m2").unwrap();
    until("what it took is given back", || worst_case(&server, "m1") == 20);
    assert_eq!(granted(lane(&server, "m1")), Duration::from_micros(20));
    export(&server, "alone", &Thermometer::default(), most()).unwrap();
    remote.read(1).wait().unwrap();
    server.shutdown();
}

#[test]
fn what_a_client_asked_for_itself_stays_but_for_what_the_servants_take() {
    let (server, client) = (server(), client());
    let one = from(&client, &server, &join(&server, "m1", soon()).unwrap());
    let asked = Qos::low_delay(Duration::from_millis(20));
    let own = upcall::Interface::with_qos(&one, asked.clone()).unwrap();
    let granted = || lane(&server, "m1").clients[0].qos.clone();
    assert_eq!(granted(), asked.clone().worst_case(Duration::from_micros(20)));
    // It may call the new member as well.
    join(&server, "m2", most()).unwrap();
    assert_eq!(granted(), asked.clone().worst_case(Duration::from_micros(1200)));
    server.root_poa().deactivate("m2").unwrap();
    until("what it took is given back", || {
        granted() == asked.clone().worst_case(Duration::from_micros(20))
    });
    own.read(1).wait().unwrap();
    server.shutdown();
}

#[test]
fn a_member_that_does_not_fit_leaves_the_others_as_they_were() {
    let (server, client) = (server(), client());
    let one = join(&server, "m1", soon()).unwrap();
    let remote = from(&client, &server, &one);
    remote.read(1).wait().unwrap();
    export(&server, "alone", &Thermometer::default(), most()).unwrap();
    let refused = join(&server, "m2", most()).unwrap_err();
    let text = why(&refused);
    assert!(
        text.contains("group motors") && text.contains("CPU 0 has no room"),
        "{text}"
    );
    assert_eq!(SystemException::from(refused).kind(), Kind::NoResources);
    assert_eq!(worst_case(&server, "m1"), 20);
    assert_eq!(lane(&server, "m1").objects, 1);
    let poa = server.root_poa();
    assert!(poa.servant("m2").is_err());
    remote.read(1).wait().unwrap();
    // As by its activation, so by a change.
    join(&server, "m2", soon()).unwrap();
    assert!(poa.set_qos("m2", most()).is_err());
    assert!(poa.set_qos("m2", Qos::best_effort(1)).is_err());
    assert_eq!(worst_case(&server, "m2"), 20);
    poa.set_qos("m2", soon().worst_case(Duration::from_micros(30)))
        .unwrap();
    assert_eq!((worst_case(&server, "m1"), lane(&server, "m1").objects), (30, 2));
    server.shutdown();
}

#[test]
fn what_no_plan_covers_is_refused() {
    let server = server();
    let best_effort = join(&server, "m1", Qos::best_effort(1)).unwrap_err();
    assert!(why(&best_effort).contains("guarantee"), "{best_effort}");
    join(&server, "m1", soon()).unwrap();
    let other = Qos::isochronous(Duration::from_millis(10), 1).worst_case(Duration::from_micros(20));
    let class = join(&server, "m2", other).unwrap_err();
    assert!(why(&class).contains("one class"), "{class}");
    let learned = join(&server, "m2", Qos::low_delay(Duration::from_millis(2))).unwrap_err();
    assert!(why(&learned).contains("worst case"), "{learned}");
    assert_eq!(lane(&server, "m1").objects, 1);
    // In a group of its own it is learned as ever.
    server.root_poa().deactivate("m1").unwrap();
    join(&server, "m2", Qos::low_delay(Duration::from_millis(2))).unwrap();
    server.shutdown();
}

#[test]
fn whoever_is_no_member_is_refused_there() {
    let (server, client) = (server(), client());
    let member = join(&server, "m1", soon()).unwrap();
    let left = join(&server, "m2", soon()).unwrap();
    let alone = export(&server, "alone", &Thermometer::default(), soon()).unwrap();
    let plain = export(&server, "plain", &Thermometer::default(), Qos::best_effort(1)).unwrap();
    let there = port(&member);
    let remote = from(&client, &server, &member);
    let refused = |sensor: &SensorRef| {
        let refused = at(&client, there, sensor).name().wait().unwrap_err();
        remote.name().wait().unwrap();
        refused.kind()
    };
    assert_eq!(refused(&alone), Kind::NoPermission);
    assert_eq!(refused(&plain), Kind::NoPermission);
    from(&client, &server, &left).name().wait().unwrap();
    server.root_poa().deactivate("m2").unwrap();
    assert_eq!(refused(&left), Kind::ObjectNotExist);
    assert!(at(&client, there, &left).as_ref().non_existent().unwrap());
    // Back again, but elsewhere: its old reference is nobody's way around its new plan.
    export(&server, "m2", &Thermometer::default(), soon()).unwrap();
    assert_eq!(refused(&left), Kind::NoPermission);
    server.shutdown();
}

#[test]
fn the_lane_is_closed_with_the_last_member_and_opened_again_with_the_next() {
    let (server, client) = (server(), client());
    let poa = server.root_poa();
    for _ in 0..3 {
        let one = join(&server, "m1", soon()).unwrap();
        let other = join(&server, "m2", soon()).unwrap();
        from(&client, &server, &one).name().wait().unwrap();
        poa.deactivate("m1").unwrap();
        from(&client, &server, &other).name().wait().unwrap();
        poa.deactivate("m2").unwrap();
        until("it is closed", || {
            TcpStream::connect(("127.0.0.1", port(&one))).is_err()
        });
    }
    // Nothing is left of it, once whoever still looked after it has seen that.
    until("its share is free", || {
        export(&server, "alone", &Thermometer::default(), most()).is_ok()
    });
    server.shutdown();
}

#[test]
fn members_keep_to_the_managers_of_their_poas() {
    let (server, client) = (server(), client());
    let here = join(&server, "m1", soon()).unwrap();
    let poa = server.root_poa().create("elsewhere").user_ids().build().unwrap();
    let skeleton = SensorSkeleton::new(Thermometer::default());
    let there = poa.activate(skeleton).id("m2").qos(soon()).lane_group("motors");
    let there: SensorRef = there.export().unwrap();
    poa.manager().activate().unwrap();
    assert_eq!(port(&here), port(&there));
    let (here, there) = (from(&client, &server, &here), from(&client, &server, &there));
    there.name().wait().unwrap();
    poa.manager().hold_requests().unwrap();
    assert_eq!(there.name().wait().unwrap_err().kind(), Kind::Transient);
    here.name().wait().unwrap();
    poa.destroy(true, None).unwrap();
    until("it has left", || lane(&server, "m1").objects == 1);
    here.name().wait().unwrap();
    server.shutdown();
}

/// A server whose objects are all of one group, unless they say otherwise.
fn grouped() -> Orb {
    with_file(&format!("{EVERYTHING}group = \"everything\"\n"))
}

#[test]
fn the_file_puts_objects_into_groups_unless_their_activation_says_otherwise() {
    let server = grouped();
    let export = |id: &str| {
        let skeleton = SensorSkeleton::new(Thermometer::default());
        server.root_poa().activate(skeleton).id(id)
    };
    let one: SensorRef = export("a").export().unwrap();
    let other: SensorRef = export("b").export().unwrap();
    let own: SensorRef = export("c").lane_group("own").export().unwrap();
    let plain: SensorRef = export("d").qos(Qos::best_effort(1)).export().unwrap();
    assert_eq!(port(&one), port(&other));
    assert!(![port(&own), port(&plain)].contains(&port(&one)));
    assert_eq!((lane(&server, "a").objects, lane(&server, "c").objects), (2, 1));
    server.shutdown();
}

#[test]
fn omniorb_calls_all_objects_of_a_group_on_one_lane() {
    let name = "omniorb_calls_all_objects_of_a_group_on_one_lane";
    let omniorb = match peers::omniorb() {
        Ok(omniorb) => omniorb,
        Err(reason) => return skip(name, &reason),
    };
    let server = grouped();
    let peer = interop::server::serve(&server).unwrap();
    let id = server.root_poa().reference_to_id(peer.as_ref()).unwrap();
    // One of these makes an object more.
    let checks = ["--only", "echo_,kept_,any_long,oneway_order,exception_"];
    let verdict = omniorb.check(&server.object_to_string(&peer), &checks);
    assert!(verdict.failed.is_empty(), "{:#?}", verdict.failed);
    assert!(
        verdict.passed.len() >= 40,
        "only {} checks ran",
        verdict.passed.len()
    );
    let status = server.root_poa().lane(&id).unwrap().expect("a lane");
    assert!(status.served >= verdict.passed.len() as u64, "{status:?}");
    server.shutdown();
}

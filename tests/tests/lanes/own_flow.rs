// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a client asks for its own flow.

use upcall::{Interface, SystemException, SystemExceptionKind};
use upcall_tests::{Process, interop::idl::interop::PeerRef, peers, serving::until, skip};

use super::*;

by_both_ways! {
    a_reference_with_qos_has_a_flow_of_its_own_with_what_was_granted,
    each_reference_with_qos_has_a_flow_that_its_clones_share,
    what_does_not_fit_is_refused_with_the_mappers_words_and_leaves_nothing_behind,
    a_flow_is_renegotiated_for_all_its_clones_or_stays_as_it_was,
    larger_messages_are_taken_once_they_are_granted,
    a_client_that_asks_for_less_makes_room_and_the_next_one_has_the_objects_guarantee_again,
    many_threads_that_use_one_reference_have_one_flow,
    oneways_are_sent_at_the_granted_rate,
    a_client_learns_of_the_end_of_its_probation_with_the_next_reply,
}

/// As often as it likes, in a period of 5 ms.
fn periodic() -> Qos {
    Qos::isochronous(Duration::from_millis(5), 2)
}

/// What can be sent in time, but not served.
pub(super) fn too_much() -> Qos {
    Qos::low_delay(Duration::from_millis(1))
        .minimum_interval(Duration::from_millis(10))
        .message_size(256 << 10)
}

/// Returns what the clients of an object were granted, in the order in which they came.
fn classes(server: &Orb, id: &str) -> Vec<&'static str> {
    let clients = lane(server, id).clients;
    clients.iter().map(|client| client.qos.class()).collect()
}

fn a_reference_with_qos_has_a_flow_of_its_own_with_what_was_granted(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let thermometer = Thermometer::default();
    let exported = export(&server, "t", &thermometer, soon()).unwrap();
    let plain = from(&client, &server, &exported);
    plain.read(1).wait().unwrap();
    assert_eq!(plain.granted(), None);
    let own: SensorRef = plain.with_qos(periodic()).unwrap();
    let granted = own.granted().expect("a grant");
    assert_eq!(granted.qos, periodic());
    assert!(granted.is_guaranteed());
    assert_eq!((granted.period, granted.messages), (Duration::from_millis(5), 2));
    assert_eq!(classes(&server, "t"), ["low_delay", "isochronous"]);
    for channel in 0..10 {
        assert_eq!(own.read(channel).wait().unwrap(), f64::from(channel));
    }
    // Asking was a request too.
    assert_eq!(lane(&server, "t").clients[1].served, 11);
    assert_eq!(lane(&server, "t").clients[0].served, 1);
    assert_eq!(own, plain, "it is the same object");
    server.shutdown();
}

fn each_reference_with_qos_has_a_flow_that_its_clones_share(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let plain = from(&client, &server, &exported);
    let one = plain.with_qos(soon()).unwrap();
    let other = plain.with_qos(soon()).unwrap();
    let clone = one.clone();
    let patient = SensorRef::from(one.with_timeout(Duration::from_secs(60)));
    for sensor in [&one, &other, &clone, &patient] {
        sensor.read(1).wait().unwrap();
    }
    assert_eq!(lane(&server, "t").clients.len(), 2);
    drop((one, patient));
    clone.read(1).wait().unwrap();
    assert_eq!(lane(&server, "t").clients.len(), 2);
    drop(clone);
    until("the flow has ended with its last reference", || {
        lane(&server, "t").clients.len() == 1
    });
    other.read(1).wait().unwrap();
    server.shutdown();
}

fn what_does_not_fit_is_refused_with_the_mappers_words_and_leaves_nothing_behind(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let plain = from(&client, &server, &exported);
    for _ in 0..50 {
        let error: SystemException = plain.with_qos(too_much()).unwrap_err();
        assert_eq!(error.kind(), SystemExceptionKind::NoResources);
        let text = error.to_string();
        assert!(
            text.contains("`t` cannot be had with a message of 256 KiB within 1 ms"),
            "{text}"
        );
        assert!(text.contains("what one message needs"), "{text}");
    }
    until("nothing is left behind", || lane(&server, "t").clients.is_empty());
    plain.read(1).wait().unwrap();
    export(&server, "u", &Thermometer::default(), most()).unwrap();
    server.shutdown();
}

fn a_flow_is_renegotiated_for_all_its_clones_or_stays_as_it_was(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let own = from(&client, &server, &exported).with_qos(periodic()).unwrap();
    let clone = own.clone();
    own.read(1).wait().unwrap();
    let error = own.with_qos(too_much()).unwrap_err();
    assert_eq!(error.kind(), SystemExceptionKind::NoResources);
    assert_eq!(own.granted().unwrap().qos, periodic());
    own.read(1).wait().unwrap();
    for qos in [soon().worst_case(Duration::ZERO), Qos::best_effort(3), periodic()] {
        let again = own.with_qos(qos.clone()).unwrap();
        assert_eq!(clone.granted().unwrap().qos.class(), qos.class());
        assert_eq!(classes(&server, "t"), [qos.class()]);
        for sensor in [&own, &again, &clone] {
            sensor.read(1).wait().unwrap();
        }
    }
    assert_eq!(lane(&server, "t").clients.len(), 1);
    server.shutdown();
}

fn larger_messages_are_taken_once_they_are_granted(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let plain = from(&client, &server, &exported);
    let large = Qos::isochronous(Duration::from_millis(20), 1).message_size(64 << 10);
    let own = plain.with_qos(large).unwrap();
    assert_eq!(own.snapshot(&[7; 60_000]).wait().unwrap().len(), 60_000);
    assert!(plain.snapshot(&[7; 60_000]).wait().is_err());
    let own = own.with_qos(soon()).unwrap();
    assert!(own.snapshot(&[7; 60_000]).wait().is_err());
    server.shutdown();
}

#[test]
fn the_worst_case_is_the_objects_whatever_a_client_says() {
    let (server, client) = (server(), client());
    let exported = export(&server, "t", &Thermometer::default(), most()).unwrap();
    let plain = from(&client, &server, &exported);
    let modest = Qos::low_delay(Duration::from_millis(1)).worst_case(Duration::from_nanos(1));
    let error = plain.with_qos(modest).unwrap_err();
    assert_eq!(error.kind(), SystemExceptionKind::NoResources);
    server.shutdown();
}

fn a_client_that_asks_for_less_makes_room_and_the_next_one_has_the_objects_guarantee_again(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let exported = export(&server, "t", &Thermometer::default(), most()).unwrap();
    let plain = from(&client, &server, &exported);
    let own = plain.with_qos(Qos::best_effort(1)).unwrap();
    assert!(!own.granted().unwrap().is_guaranteed());
    own.read(1).wait().unwrap();
    export(&server, "u", &Thermometer::default(), most()).unwrap();
    // What was kept for the object went to another one.
    let error = plain.name().wait().unwrap_err();
    assert_eq!(error.kind(), SystemExceptionKind::NoResources);
    server.root_poa().deactivate("u").unwrap();
    plain.read(1).wait().unwrap();
    assert_eq!(classes(&server, "t"), ["best_effort", "low_delay"]);
    drop(own);
    until("the flow has ended", || classes(&server, "t") == ["low_delay"]);
    // Only one of them is kept.
    client.shutdown();
    until("all have gone", || lane(&server, "t").clients.is_empty());
    export(&server, "v", &Thermometer::default(), soon()).unwrap();
    let error = export(&server, "u", &Thermometer::default(), most()).unwrap_err();
    assert!(error.to_string().contains("CPU 0 has no room"), "{error}");
    server.shutdown();
}

#[test]
fn what_the_server_asks_for_later_does_not_concern_a_flow_with_a_wish_of_its_own() {
    let (server, client) = (server(), client());
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let plain = from(&client, &server, &exported);
    let own = plain.with_qos(periodic()).unwrap();
    plain.read(1).wait().unwrap();
    server.root_poa().set_qos("t", Qos::best_effort(1)).unwrap();
    assert_eq!(classes(&server, "t"), ["isochronous", "best_effort"]);
    own.read(1).wait().unwrap();
    plain.read(1).wait().unwrap();
    server.shutdown();
}

#[test]
fn calls_within_one_orb_need_no_flow() {
    let server = server();
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let own = exported.with_qos(periodic()).unwrap();
    assert_eq!(own.granted(), None);
    own.read(1).wait().unwrap();
    assert!(lane(&server, "t").clients.is_empty());
    server.shutdown();
}

fn many_threads_that_use_one_reference_have_one_flow(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let own = from(&client, &server, &exported).with_qos(soon()).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5).for_each(|channel| assert!(own.read(channel).wait().is_ok())));
        }
    });
    assert_eq!(lane(&server, "t").clients.len(), 1);
    server.shutdown();
}

#[test]
fn a_server_of_another_orb_grants_nothing_and_serves_all_the_same() {
    let omniorb = match peers::omniorb() {
        Ok(omniorb) => omniorb,
        Err(reason) => return skip("a_server_of_another_orb_grants_nothing", &reason),
    };
    let (_server, reference) = omniorb.serve(&[]);
    let client = client();
    let plain: PeerRef = client.resolve(&reference).unwrap();
    let own: PeerRef = plain.with_qos(periodic()).unwrap();
    assert_eq!(own.granted(), None);
    assert!(!own.non_existent().unwrap());
    assert_eq!(own.with_qos(soon()).unwrap().granted(), None);
    assert!(!plain.non_existent().unwrap());
    client.shutdown();
}

/// The other process of the test below; does nothing when it is run as a test.
#[test]
fn a_client_that_waits_for_its_end() {
    let Ok(reference) = std::env::var("UPCALL_TEST_SENSOR") else {
        return;
    };
    let client = client();
    let plain: SensorRef = client.resolve(&reference).unwrap();
    let own = plain.with_qos(periodic()).unwrap();
    own.read(1).wait().unwrap();
    println!("\ngranted {:?}", own.granted().unwrap().period);
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn a_client_process_that_dies_gives_its_grant_back() {
    let server = server();
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        "own_flow::a_client_that_waits_for_its_end",
        "--nocapture",
    ]);
    command.env("UPCALL_TEST_SENSOR", server.object_to_string(&exported));
    let process = Process::start(&mut command);
    assert_eq!(process.line_with("granted"), "granted 5ms");
    assert_eq!(classes(&server, "t"), ["isochronous"]);
    // Killed where it stands.
    drop(process);
    until("its flow is gone", || lane(&server, "t").clients.is_empty());
    server.root_poa().deactivate("t").unwrap();
    export(&server, "u", &Thermometer::default(), most()).unwrap();
    server.shutdown();
}

/// A server with one object, at this port, under a key that outlives it.
fn restarted(port: u16) -> Orb {
    let address = format!("iiop://127.0.0.1:{port}");
    let server = builder_at(&address).build().unwrap();
    let skeleton = SensorSkeleton::new(Thermometer::default());
    let activation = server.root_poa().activate(skeleton).object_key("sensor");
    let _: SensorRef = activation.qos(Qos::best_effort(1)).export().unwrap();
    server
}

#[test]
fn a_flow_that_was_lost_is_made_again_and_asks_for_the_same() {
    let (first, client) = (restarted(0), client());
    let port = first.endpoints()[0].port();
    let clients = |server: &Orb| {
        server
            .root_poa()
            .lane("sensor")
            .unwrap()
            .map(|it| it.clients.len())
    };
    let plain: SensorRef = client
        .resolve(&format!("corbaloc:iiop:1.2@127.0.0.1:{port}/sensor"))
        .unwrap();
    let own = plain.with_qos(periodic()).unwrap();
    own.read(1).wait().unwrap();
    assert_eq!(clients(&first), Some(1));
    first.shutdown();
    assert!(own.read(1).wait().is_err());
    assert_eq!(own.granted(), None);
    let second = restarted(port);
    own.read(1).wait().unwrap();
    assert_eq!(own.granted().unwrap().qos, periodic());
    assert_eq!(clients(&second), Some(1));
    second.shutdown();
}

fn oneways_are_sent_at_the_granted_rate(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let thermometer = Thermometer::default();
    let exported = export(&server, "t", &thermometer, soon()).unwrap();
    let slow = Qos::isochronous(Duration::from_millis(200), 2);
    let own = from(&client, &server, &exported).with_qos(slow).unwrap();
    for _ in 0..6 {
        own.push(&[]).send().unwrap();
    }
    until("all have arrived", || thermometer.calls() == 6);
    let times: Vec<Instant> = thermometer.log.lock().iter().map(|(_, time)| *time).collect();
    // Three releases, of which the first may have been late.
    assert!(times[5] - times[0] >= Duration::from_millis(200));
    // Without a guarantee there is no rate.
    own.with_qos(Qos::best_effort(1)).unwrap();
    for _ in 0..100 {
        own.push(&[]).send().unwrap();
    }
    until("all have arrived", || thermometer.calls() == 106);
    server.shutdown();
}

fn a_client_learns_of_the_end_of_its_probation_with_the_next_reply(way: &Way) {
    let (server, client) = (way.server(), way.client());
    // Nobody declares how long it takes.
    let exported = export(&server, "t", &Thermometer::default(), Qos::best_effort(1)).unwrap();
    let asked = Qos::isochronous(Duration::from_millis(50), 25);
    let own = from(&client, &server, &exported).with_qos(asked.clone()).unwrap();
    let at_first = own.granted().unwrap();
    assert!(at_first.probation && !at_first.is_guaranteed());
    until("its cost is known, and it is told", || {
        (0..25).for_each(|channel| assert!(own.read(channel).wait().is_ok()));
        own.granted().unwrap().is_guaranteed()
    });
    let granted = own.granted().unwrap();
    assert!(lane(&server, "t").clients[0].guaranteed);
    assert_eq!(granted.qos, asked);
    server.shutdown();
}

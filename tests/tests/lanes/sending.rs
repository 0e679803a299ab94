// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client's end of a flow: oneways are queued and sent by a real-time upcall, and whoever waits for a reply keeps the
//! same pace.

use upcall::{Interface, SyncScope, SystemExceptionKind};
use upcall_tests::serving::until;

use super::*;

by_both_ways! {
    oneways_wait_in_a_queue_of_two_periods,
    what_is_queued_is_sent_when_the_orb_is_shut_down,
    a_call_goes_after_the_oneways_before_it,
    calls_keep_the_granted_rate_within_their_time,
    calls_with_low_delay_keep_their_distance,
    deferred_calls_wait_in_the_queue_and_not_their_callers,
    what_was_queued_goes_before_what_is_asked_for_later,
    a_connection_that_ends_gives_its_room_back,
}

/// Two messages in a period so long that hardly more than one of them passes while a queue is filled.
fn rare() -> Qos {
    Qos::isochronous(Duration::from_millis(500), 2)
}

/// Two messages in each 50 ms.
fn steady() -> Qos {
    Qos::isochronous(Duration::from_millis(50), 2)
}

fn own(client: &Orb, server: &Orb, thermometer: &Thermometer, qos: Qos) -> SensorRef {
    let exported = export(server, "t", thermometer, soon()).unwrap();
    from(client, server, &exported).with_qos(qos).unwrap()
}

/// Sends oneways without waiting until there is no room for another one; returns how many.
fn fill(own: &SensorRef) -> u64 {
    for sent in 0..100 {
        if let Err(error) = own.push(&[]).sync_scope(SyncScope::None).send() {
            assert_eq!(error.kind(), SystemExceptionKind::Transient, "{error}");
            return sent;
        }
    }
    panic!("the queue has no bound");
}

fn oneways_wait_in_a_queue_of_two_periods(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let thermometer = Thermometer::default();
    let own = own(&client, &server, &thermometer, rare());
    let queued = fill(&own);
    // Those of a release or two may have gone meanwhile.
    assert!((4..=8).contains(&queued), "{queued}");
    // Who waits goes after all that, two releases from now at the least.
    let error = own.name().timeout(Duration::from_millis(20)).wait().unwrap_err();
    assert_eq!(error.kind(), SystemExceptionKind::Timeout, "{error}");
    // A release makes room for two.
    let late = (0..3).find_map(|more| {
        let error = own.push(&[]).timeout(Duration::from_millis(20)).send().err()?;
        assert_eq!(error.kind(), SystemExceptionKind::Timeout, "{error}");
        Some(queued + more)
    });
    let queued = late.expect("somebody finds no room");
    // The last reference has gone: what it took is sent all the same.
    drop(own);
    until("all have arrived", || thermometer.calls() == queued);
    server.shutdown();
}

fn what_is_queued_is_sent_when_the_orb_is_shut_down(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let thermometer = Thermometer::default();
    let own = own(&client, &server, &thermometer, rare());
    let queued = fill(&own);
    client.shutdown();
    until("all have arrived", || thermometer.calls() == queued);
    assert!(own.push(&[]).send().is_err());
    server.shutdown();
}

fn a_call_goes_after_the_oneways_before_it(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let thermometer = Thermometer::default();
    let own = own(&client, &server, &thermometer, steady());
    for _ in 0..3 {
        own.push(&[]).send().unwrap();
    }
    own.read(1).wait().unwrap();
    own.push(&[]).send().unwrap();
    own.gain().wait().unwrap();
    assert_eq!(
        thermometer.order(),
        ["push", "push", "push", "read", "push", "gain"]
    );
    server.shutdown();
}

fn calls_keep_the_granted_rate_within_their_time(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let thermometer = Thermometer::default();
    let own = own(
        &client,
        &server,
        &thermometer,
        Qos::isochronous(Duration::from_millis(200), 2),
    );
    let begun = Instant::now();
    for channel in 0..6 {
        own.read(channel).wait().unwrap();
    }
    // Two at once, and the others each 100 ms after the last.
    assert!(begun.elapsed() >= Duration::from_millis(390));
    server.shutdown();
}

fn calls_with_low_delay_keep_their_distance(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let thermometer = Thermometer::default();
    let qos = Qos::low_delay(Duration::from_millis(2)).minimum_interval(Duration::from_millis(50));
    let own = own(&client, &server, &thermometer, qos);
    let begun = Instant::now();
    for channel in 0..4 {
        own.read(channel).wait().unwrap();
    }
    for _ in 0..3 {
        own.push(&[]).send().unwrap();
    }
    own.read(1).wait().unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(290));
    server.shutdown();
}

fn deferred_calls_wait_in_the_queue_and_not_their_callers(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let thermometer = Thermometer::default();
    let own = own(&client, &server, &thermometer, steady());
    let calls: Vec<_> = (0..4).map(|channel| own.read(channel).start().unwrap()).collect();
    for (channel, call) in calls.into_iter().enumerate() {
        assert_eq!(call.wait().unwrap(), channel as f64);
    }
    // One that is given up while it waits is nobody's any more.
    let queued = fill(&own);
    assert!(queued >= 4);
    own.name().wait().unwrap();
    server.shutdown();
}

fn what_was_queued_goes_before_what_is_asked_for_later(way: &Way) {
    let (server, client) = (way.server(), way.client());
    let thermometer = Thermometer::default();
    let own = own(&client, &server, &thermometer, rare());
    let queued = fill(&own);
    own.with_qos(steady()).unwrap();
    own.read(1).wait().unwrap();
    assert_eq!(thermometer.calls(), queued + 1);
    assert_eq!(thermometer.order().last(), Some(&"read"));
    let error = own.with_qos(own_flow::too_much()).unwrap_err();
    assert_eq!(error.kind(), SystemExceptionKind::NoResources);
    for _ in 0..8 {
        own.push(&[]).send().unwrap();
    }
    own.with_qos(Qos::best_effort(1)).unwrap();
    own.read(1).wait().unwrap();
    assert_eq!(thermometer.calls(), queued + 10);
    server.shutdown();
}

/// A machine on which a message takes half of a millisecond to be sent.
const SLOW_TO_SEND: &str = r#"
version = 1
[machine]
cpus = [0]
switch = "1us"
jitter = "10us"
[costs]
sending = { upcall = "10us", message = "500us", byte = "1ns" }
"#;

#[test]
fn what_the_clients_end_has_no_room_for_is_refused_before_anything_is_sent() {
    let (server, client) = (server(), described(SLOW_TO_SEND).build().unwrap());
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let plain = from(&client, &server, &exported);
    let often = || Qos::low_delay(Duration::from_millis(1));
    let first = plain.with_qos(often()).unwrap();
    for _ in 0..20 {
        let error = plain.with_qos(often()).unwrap_err();
        assert_eq!(error.kind(), SystemExceptionKind::NoResources);
        let text = error.to_string();
        assert!(text.contains("cannot be had at this end with"), "{text}");
        assert!(text.contains("CPU 0 has no room"), "{text}");
    }
    assert_eq!(lane(&server, "t").clients.len(), 1);
    // What it asks for instead counts, and so does what it had, if that is refused.
    first.with_qos(Qos::low_delay(Duration::from_millis(4))).unwrap();
    let second = plain.with_qos(Qos::low_delay(Duration::from_millis(4))).unwrap();
    assert!(first.with_qos(often()).is_err());
    first.read(1).wait().unwrap();
    drop(second);
    until("the room is free again", || first.with_qos(often()).is_ok());
    server.shutdown();
}

#[test]
fn what_the_server_refuses_is_not_kept_at_the_clients_end() {
    let (server, client) = (server(), described(SLOW_TO_SEND).build().unwrap());
    let exported = export(&server, "t", &Thermometer::default(), most()).unwrap();
    let plain = from(&client, &server, &exported);
    for _ in 0..20 {
        let modest = Qos::low_delay(Duration::from_millis(1));
        let error = plain.with_qos(modest).unwrap_err();
        assert!(error.to_string().contains("`t` cannot be had with"), "{error}");
    }
    until("there is room at both ends", || {
        plain.with_qos(Qos::low_delay(Duration::from_millis(2))).is_ok()
    });
    server.shutdown();
}

fn a_connection_that_ends_gives_its_room_back(way: &Way) {
    let (server, client) = (way.server(), way.described(SLOW_TO_SEND).build().unwrap());
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let often = || Qos::low_delay(Duration::from_millis(1));
    let lost = from(&client, &server, &exported).with_qos(often()).unwrap();
    server.shutdown();
    let other = way.server();
    let exported = export(&other, "t", &Thermometer::default(), soon()).unwrap();
    let plain = from(&client, &other, &exported);
    until("nobody looked, and yet it is free", || {
        let _ = lost.push(&[]).send();
        plain.with_qos(often()).is_ok()
    });
    other.shutdown();
}

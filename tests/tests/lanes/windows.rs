// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the windows and the pace of a connection make of a plan, and a plan of them.

use upcall::{
    Interface,
    statistics::{Class, Folder},
};
use upcall_tests::serving::until;

use super::*;

const PERIOD: Duration = Duration::from_millis(200);

/// Two periods of it have 1 MiB.
fn wide() -> Qos {
    Qos::isochronous(PERIOD, 32).message_size(16 << 10)
}

/// A lane for little lets a client have no window for much, since the scale of windows is agreed upon first.
#[test]
fn what_a_window_is_too_small_for_is_supplied_more_often_at_both_ends() {
    let folder = tempfile::tempdir().unwrap();
    let way = Way::Fabric(tempfile::tempdir().unwrap());
    let server = way.server();
    let client = way.described(MACHINE).statistics(Folder::at(folder.path()));
    let client = client.build().unwrap();
    let exported = export(&server, "t", &Thermometer::default(), soon()).unwrap();
    let own = from(&client, &server, &exported).with_qos(wide()).unwrap();
    until("the lane is supplied as the window says", || {
        own.read(1).wait().unwrap();
        lane(&server, "t").clients[0].period < PERIOD
    });
    let supplied = lane(&server, "t").clients[0].clone();
    assert!(supplied.guaranteed && supplied.qos.class() == "isochronous");
    assert!((1..32).contains(&supplied.batch), "{supplied:?}");
    assert_eq!(supplied.period, PERIOD * supplied.batch / 32, "at the same rate");
    // The client knows the window of its peer, which is the same.
    until("the client supplies it likewise", || {
        let orbs = Folder::at(folder.path()).read().unwrap();
        let mut flows = orbs.iter().flat_map(|orb| &orb.flows);
        let granted = flows
            .find(|flow| flow.class == Class::Isochronous)
            .and_then(|flow| flow.granted.as_ref());
        granted.is_some_and(|granted| granted.deadline < PERIOD && granted.deadline >= PERIOD / 32)
    });
    // What is asked for next has its own plan, and whoever comes next that of the object.
    own.with_qos(soon()).unwrap();
    assert_eq!(lane(&server, "t").clients[0].batch, 1);
    drop(own);
    until("the flow has ended", || lane(&server, "t").clients.is_empty());
    from(&client, &server, &exported).read(1).wait().unwrap();
    assert_eq!(lane(&server, "t").clients[0].period, Duration::from_millis(2));
    server.shutdown();
}

/// Requests within the plan whose replies are not: they go out as fast as the plan has it, and the network takes no more.
#[test]
fn a_lane_over_the_fabric_sends_no_faster_than_its_plan() {
    const REPLY: usize = 4500;
    let way = Way::Fabric(tempfile::tempdir().unwrap());
    let (server, client) = (way.server(), way.client());
    let qos = Qos::isochronous(Duration::from_millis(20), 4)
        .message_size(1024)
        .worst_case(Duration::from_micros(20));
    let exported = export(&server, "t", &Thermometer::default(), qos).unwrap();
    let sensor = from(&client, &server, &exported);
    sensor.read(1).wait().unwrap();
    let began = Instant::now();
    let replies: Vec<_> = (0..12)
        .map(|_| sensor.snapshot(&[7; REPLY]).start().unwrap())
        .collect();
    for reply in replies {
        assert_eq!(reply.wait().unwrap().len(), REPLY);
    }
    let took = began.elapsed();
    // Four messages with 256 octets of headers each 20 ms. A period's worth may go at once, and so do the last replies, if they
    // are those of one activation.
    let rate = 4.0 * 1280.0 / 0.02;
    let paced = (8 * REPLY - 4 * 1280) as f64 / rate;
    assert!(took.as_secs_f64() > paced, "{took:?}");
    server.shutdown();
}

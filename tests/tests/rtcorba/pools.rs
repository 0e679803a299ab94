// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests are served by the threads of a pool.

use PriorityModel::{ClientPropagated, ServerDeclared};
use upcall::{
    SystemExceptionKind as Kind,
    rtcorba::{Threadpool, ThreadpoolConfig, ThreadpoolLane},
};

use super::*;

fn pool(orb: &Orb) -> Threadpool {
    let lane = |value| ThreadpoolLane {
        priority: priority(value),
        static_threads: 1,
        dynamic_threads: 0,
    };
    let config = ThreadpoolConfig::with_lanes([lane(10), lane(200)]).buffering(8, 1 << 16);
    orb.create_threadpool(config).unwrap()
}

#[test]
fn the_lane_of_its_priority_serves_a_request() {
    let (server, client) = (server(), client());
    let servant = Thermometer::new(&server);
    let poa = server.root_poa().create("rt").threadpool(&pool(&server));
    let poa = poa
        .priority_model(ClientPropagated, priority(10))
        .build()
        .unwrap();
    let local = export(&poa, &servant);
    let sensor = from(&client, &server, &local);
    for value in [10, 200, 10] {
        assert_eq!(at(&client, Some(value), || sensor.read(3).wait()).unwrap(), 3.0);
        assert_eq!(servant.last(), (Some(value), Some(value)));
        assert_eq!(servant.last_thread(), format!("upcall-pool-{value}"));
    }
    let refused = at(&client, Some(11), || sensor.name().wait()).unwrap_err();
    assert_eq!(refused.kind(), Kind::InvPolicy, "{refused}");
    // The server's own calls are served there too.
    assert_eq!(at(&server, Some(200), || local.read(4).wait()).unwrap(), 4.0);
    assert_eq!(servant.last_thread(), "upcall-pool-200");
}

#[test]
fn the_lane_in_its_band_serves_a_request_at_its_own_priority() {
    let (server, client) = (server(), client());
    let servant = Thermometer::new(&server);
    let bands = [(0, 99), (100, 300)].map(|(low, high)| PriorityBand::new(priority(low), priority(high)));
    let poa = server
        .root_poa()
        .create("rt")
        .threadpool(&pool(&server))
        .priority_bands(bands);
    let poa = poa
        .priority_model(ClientPropagated, priority(10))
        .build()
        .unwrap();
    let sensor = from(&client, &server, &export(&poa, &servant));
    at(&client, Some(150), || sensor.read(3).wait()).unwrap();
    assert_eq!(servant.last(), (Some(150), Some(150)));
    assert_eq!(servant.last_thread(), "upcall-pool-200");
}

#[test]
fn a_pool_without_lanes_serves_each_request_at_its_own_priority() {
    let (server, client) = (server(), client());
    let servant = Thermometer::new(&server);
    let pool = server
        .create_threadpool(ThreadpoolConfig::new(2, 0, priority(5)))
        .unwrap();
    let poa = server.root_poa().create("rt").threadpool(&pool);
    let poa = poa
        .priority_model(ClientPropagated, priority(20))
        .build()
        .unwrap();
    let sensor = from(&client, &server, &export(&poa, &servant));
    for (client_s, served) in [(Some(99), 99), (None, 20), (Some(0), 0)] {
        at(&client, client_s, || sensor.read(3).wait()).unwrap();
        assert_eq!(servant.last(), (Some(served), Some(served)));
        assert_eq!(servant.last_thread(), "upcall-pool-5");
    }
    // And without a priority model, at the pool's.
    let plain = server
        .root_poa()
        .create("plain")
        .threadpool(&pool)
        .build()
        .unwrap();
    let sensor = from(&client, &server, &export(&plain, &servant));
    at(&client, Some(99), || sensor.read(3).wait()).unwrap();
    assert_eq!(servant.last(), (None, Some(5)));
}

#[test]
fn a_servant_that_calls_its_own_lane_is_served_by_the_same_thread() {
    let (server, client) = (server(), client());
    let (outer, inner) = (Thermometer::new(&server), Thermometer::new(&server));
    let poa = server.root_poa().create("rt").threadpool(&pool(&server));
    let poa = poa.priority_model(ServerDeclared, priority(200)).build().unwrap();
    *outer.peer.lock() = Some(export(&poa, &inner));
    let sensor = from(&client, &server, &export(&poa, &outer));
    assert_eq!(sensor.read(6).wait().unwrap(), 6.0);
    assert_eq!(inner.last_thread(), "upcall-pool-200");
}

#[test]
fn oneways_of_one_client_are_served_in_order_and_none_is_lost() {
    let (server, client) = (server(), client());
    let servant = Thermometer::new(&server);
    let poa = server.root_poa().create("rt").threadpool(&pool(&server));
    let poa = poa.priority_model(ServerDeclared, priority(10)).build().unwrap();
    let sensor = from(&client, &server, &export(&poa, &servant));
    // More than may wait, at once.
    for _ in 0..200 {
        sensor.push(&[]).send().unwrap();
    }
    sensor.read(1).wait().unwrap();
    assert_eq!(servant.seen.lock().len(), 201);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the system makes of priorities, where the process may use `SCHED_FIFO`.

use PriorityModel::ClientPropagated;
use telemetry::SensorRef;
use upcall::rtcorba::ThreadpoolConfig;
use upcall_tests::skip;

use super::*;

/// How the system schedules this thread: −1 − its priority under `SCHED_FIFO`, 20 for an ordinary one (proc(5)).
fn scheduling() -> i64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    after_name.split(' ').nth(15).unwrap().parse().unwrap()
}

#[test]
fn a_request_is_served_at_the_system_s_priority_and_the_thread_is_an_ordinary_one_afterwards() {
    let server = Orb::builder().environment(false).listen("iiop://127.0.0.1:0");
    let server = server.build().unwrap();
    let client = client();
    let mapping = Arc::clone(server.rt_current().mapping());
    let fifo = |value: i16| -1 - i64::from(mapping.to_native(priority(value)).unwrap());
    if at(&server, Some(0), scheduling) != fifo(0) {
        return skip(
            "a_request_is_served_at_the_system_s_priority",
            "no right to SCHED_FIFO",
        );
    }
    let pool = server
        .create_threadpool(ThreadpoolConfig::new(1, 0, priority(700)))
        .unwrap();
    let pooled = server.root_poa().create("pooled").threadpool(&pool);
    let pooled = pooled
        .priority_model(ClientPropagated, priority(1))
        .build()
        .unwrap();
    for poa in [poa(&server, ClientPropagated, 1), pooled] {
        let servant = Noting::new(|_| scheduling());
        let known = |poa: &Poa| {
            let exported: SensorRef = poa.activate(servant.clone()).export().unwrap();
            from(&client, &server, &exported)
        };
        let (sensor, plain) = (known(&poa), known(server.root_poa()));
        for value in [20_000, 3_000] {
            at(&client, Some(value), || sensor.name().wait()).unwrap();
            plain.name().wait().unwrap();
        }
        assert_eq!(*servant.noted.lock(), [fifo(20_000), 20, fifo(3_000), 20]);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is lost is counted, what comes twice is served once, and what comes late is served all the same.

use std::{
    net::UdpSocket,
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
    thread,
    time::Duration,
};

use orb_core::ior::Ior;
use upcall::{Bytes, ObjectRef};
use upcall_tests::serving::until;

use super::{Client, Server};

/// The address of the datagrams in a reference.
pub(super) fn address(reference: &ObjectRef) -> String {
    let mut profiles = reference.ior().profiles.iter();
    let profile = profiles.find_map(|profile| profile.as_diop()).unwrap().unwrap();
    format!("{}:{}", profile.host, profile.port)
}

/// The same reference, whose datagrams go to another port.
fn by_way_of(reference: &ObjectRef, port: u16) -> Ior {
    let mut ior = reference.ior().clone();
    for profile in &mut ior.profiles {
        if let Some(Ok(mut diop)) = profile.as_diop() {
            diop.port = port;
            *profile = diop.to_diop();
        }
    }
    ior
}

/// Passes datagrams on as `deal` says: how often, and whether behind the next one.
fn relay<R>(to: &str, deal: impl FnMut(u64) -> (usize, bool) + Send, run: impl FnOnce(u16) -> R) -> R {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let port = socket.local_addr().unwrap().port();
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| pass_on(&socket, to, deal, &ends));
        let result = run(port);
        ends.store(true, Ordering::SeqCst);
        result
    })
}

fn pass_on(socket: &UdpSocket, to: &str, mut deal: impl FnMut(u64) -> (usize, bool), ends: &AtomicBool) {
    let (mut buffer, mut count, mut kept) = ([0; 65_536], 0, None);
    while !ends.load(Ordering::SeqCst) {
        let Ok(length) = socket.recv(&mut buffer) else {
            continue;
        };
        count += 1;
        let (times, keep) = deal(count);
        let datagram = buffer[..length].to_vec();
        if keep {
            kept = Some(datagram);
            continue;
        }
        for _ in 0..times {
            socket.send_to(&datagram, to).unwrap();
        }
        if let Some(kept) = kept.take() {
            socket.send_to(&kept, to).unwrap();
        }
    }
}

fn nothing() -> Bytes {
    Bytes::new()
}

#[test]
fn lost_and_repeated_and_late_ones_are_counted() {
    let server = Server::start();
    // Of ten, the third is lost, the fifth comes twice, and the seventh behind the eighth.
    let deal = |count: u64| match count % 10 {
        3 => (0, false),
        5 => (2, false),
        7 => (1, true),
        _ => (1, false),
    };
    relay(&address(server.log.as_ref()), deal, |port| {
        let ior = by_way_of(server.log.as_ref(), port);
        let url = server.orb.object_to_string(&server.orb.core().object(ior));
        let client = Client::at(&url, |builder| builder);
        for number in 1..=100 {
            client.log.note(number, &nothing()).send().unwrap();
            if number % 10 == 0 {
                // The relay's own room is not what this is about.
                let come = u64::from(number / 10 * 9);
                until("they have come", || server.counted("taken") >= come);
            }
        }
        server.expect("taken", 90);
        // 7 was not there when 8 came.
        server.expect("missing", 20);
        server.expect("late", 10);
        server.expect("repeated", 10);
        let expected = (1..=100).filter(|number| number % 10 != 3);
        let mut numbers = server.notes.numbers();
        assert_eq!(numbers[..8], [1, 2, 4, 5, 6, 8, 7, 9]);
        numbers.sort_unstable();
        assert_eq!(numbers, expected.collect::<Vec<_>>());
    });
}

#[test]
fn what_a_busy_server_has_no_room_for_is_counted_to_the_last_one() {
    let server = Server::start();
    let client = Client::of(&server);
    server.notes.hold_up(true);
    let blob = Bytes::from(vec![1; 8000]);
    let mut sent = 0;
    while server.counted("overruns") < 100 {
        assert!(sent < 1_000_000, "the kernel keeps everything");
        client.log.note(sent, &blob).send().unwrap();
        sent += 1;
    }
    server.notes.hold_up(false);
    let arrived = || server.counted("taken") + server.counted("overruns");
    until("all that came was served", || arrived() == u64::from(sent));
    // The next one shows that those before it are missing.
    client.log.note(sent, &blob).send().unwrap();
    until("it has come", || server.notes.numbers().contains(&sent));
    let (missing, overruns) = (server.counted("missing"), server.counted("overruns"));
    assert_eq!(missing, overruns);
    assert!(missing >= 100);
    let noted = server.notes.numbers();
    assert_eq!(noted.len() as u64 + missing, u64::from(sent) + 1);
}

#[test]
fn senders_are_told_apart() {
    let server = Server::start();
    let clients: Vec<_> = (0..8).map(|_| Client::of(&server)).collect();
    for number in 0..20 {
        for client in &clients {
            client.log.note(number, &nothing()).send().unwrap();
        }
        let come = (u64::from(number) + 1) * 8;
        until("they have come", || server.counted("taken") >= come);
    }
    server.expect("missing", 0);
    server.expect("taken", 160);
}

#[test]
fn several_threads_number_what_they_send_together() {
    let server = Server::start();
    let client = Arc::new(Client::of(&server));
    thread::scope(|scope| {
        for thread in 0..4 {
            let (client, server) = (Arc::clone(&client), &server);
            scope.spawn(move || {
                for number in 0..50 {
                    client.log.note(thread * 50 + number, &nothing()).send().unwrap();
                    let come = u64::from(number) + 1;
                    until("some have come", || server.counted("taken") >= come);
                }
            });
        }
    });
    server.expect("taken", 200);
    // Two threads may send in another order than they took their numbers in.
    assert_eq!(server.counted("missing"), server.counted("late"));
}

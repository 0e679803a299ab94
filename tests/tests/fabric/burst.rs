// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls that are put in flight one right after the other, and go out together: each is as good as one by itself.

use std::{thread, time::Instant};

use super::*;

/// Those that go at once, some that are as many as go together, and some that are not.
const CALLS: u32 = 8 + 2 * 16 + 5;

/// A server, a client and a reference to its witness, over the fabric and by IIOP.
fn pairs(test: impl Fn(&Arc<Witness>, &ClerkRef)) {
    for endpoint in ["apic://", "iiop://127.0.0.1:0"] {
        let machine = Machine::new();
        let server = machine.server(&[endpoint]);
        let (witness, reference) = witness(&server);
        let client = machine.client();
        test(&witness, &clerk(&client, &reference));
        client.shutdown();
        server.shutdown();
    }
}

fn wait_for(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never came");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn those_that_nobody_waits_for_arrive_all_the_same() {
    pairs(|witness, clerk| {
        for burst in 1..=5 {
            let pending: Vec<_> = (0..CALLS)
                .map(|turn| clerk.bounce(None, turn).start().unwrap())
                .collect();
            wait_for(|| witness.peers.lock().unwrap().len() == (burst * CALLS) as usize);
            for (turn, pending) in (0..).zip(pending) {
                assert_eq!(pending.wait().unwrap(), turn);
            }
        }
    });
}

#[test]
fn oneways_among_them_keep_their_order() {
    pairs(|witness, clerk| {
        let mut pending = Vec::new();
        for number in 0..200 {
            pending.push(clerk.bounce(None, 1).start().unwrap());
            clerk.note(number).send().unwrap();
        }
        wait_for(|| witness.notes.lock().unwrap().len() == 200);
        assert_eq!(*witness.notes.lock().unwrap(), (0..200).collect::<Vec<_>>());
        assert!(pending.into_iter().all(|pending| pending.wait().is_ok()));
    });
}

#[test]
fn those_that_are_given_up_leave_the_others_alone() {
    pairs(|_, clerk| {
        let mut pending: Vec<_> = (0..CALLS)
            .map(|turn| Some(clerk.bounce(None, turn).start().unwrap()))
            .collect();
        pending.iter_mut().step_by(3).for_each(|pending| *pending = None);
        assert_eq!(clerk.bounce(None, 77).wait().unwrap(), 77);
        for (turn, pending) in (0..).zip(pending) {
            if let Some(pending) = pending {
                assert_eq!(pending.wait().unwrap(), turn);
            }
        }
    });
}

#[test]
fn any_thread_gets_the_reply_to_one_that_another_put_in_flight() {
    pairs(|_, clerk| {
        thread::scope(|scope| {
            for _ in 0..3 {
                let pending: Vec<_> = (0..CALLS)
                    .map(|turn| clerk.bounce(None, turn).start().unwrap())
                    .collect();
                scope.spawn(move || {
                    for (turn, pending) in (0..).zip(pending) {
                        assert_eq!(pending.wait().unwrap(), turn);
                    }
                });
            }
        });
    });
}

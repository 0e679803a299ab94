// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many callers on one connection: every reply comes to its caller, whoever reads it.

use std::{
    future::IntoFuture,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use orb_core::{exception::SystemExceptionKind as Kind, giop::MessageType, orb::OrbConfig};
use parking_lot::Mutex;

use crate::{
    next,
    script::{Wire, argument, number, object, orb},
};

#[test]
fn replies_in_reverse_order_come_to_their_callers() {
    let (core, network) = orb(OrbConfig::default());
    let mut waiting = Vec::new();
    network.at(1, move |message, wire| {
        waiting.push(number(message, argument(message)));
        if waiting.len() == 3 {
            waiting.drain(..).rev().for_each(|reply| wire.send(reply));
        }
    });
    let object = object(&core, 1, "k");
    let callers: Vec<_> = (0..3)
        .map(|n| {
            let object = object.clone();
            thread::spawn(move || next(&object, n).wait() == Ok(n))
        })
        .collect();
    assert!(callers.into_iter().all(|caller| caller.join().expect("no panic")));
    assert_eq!(network.links().len(), 1);
}

#[test]
fn a_leader_whose_time_is_over_hands_the_lead_on() {
    let (core, network) = orb(OrbConfig::default());
    let held = Arc::new(Mutex::new(Vec::new()));
    let holding = Arc::clone(&held);
    network.at(1, move |message, _: &mut Wire| {
        if message.message_type() == MessageType::Request {
            holding.lock().push(number(message, argument(message)));
        }
    });
    let object = object(&core, 1, "k");
    let leader = {
        let object = object.clone();
        thread::spawn(move || next(&object, 1).timeout(Duration::from_millis(30)).wait())
    };
    while held.lock().is_empty() {
        thread::yield_now();
    }
    let follower = {
        let object = object.clone();
        thread::spawn(move || next(&object, 2).wait())
    };
    let error = leader.join().expect("no panic").expect_err("held");
    assert_eq!(error.kind(), Kind::Timeout);
    while held.lock().len() < 2 {
        thread::yield_now();
    }
    network.links()[0].act(|wire| held.lock().drain(..).for_each(|reply| wire.send(reply)));
    assert_eq!(follower.join().expect("no panic"), Ok(2));
}

#[test]
fn everybody_in_flight_learns_that_the_connection_is_lost() {
    let (core, network) = orb(OrbConfig::default());
    let mut requests = 0;
    network.at(1, move |_, wire| {
        requests += 1;
        if requests == 4 {
            wire.end();
        }
    });
    let object = object(&core, 1, "k");
    let callers: Vec<_> = (0..4)
        .map(|n| {
            let object = object.clone();
            thread::spawn(move || next(&object, n).wait().map_err(|error| error.kind()))
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.join().expect("no panic"), Err(Kind::CommFailure));
    }
}

/// Callers come and go, wait, poll, give up and change their minds, while replies come late, early and out of order
/// from a thread of their own.
#[test]
fn no_reply_is_lost_or_mixed_up_whatever_the_callers_do() {
    let (core, network) = orb(OrbConfig::default());
    let held = Arc::new(Mutex::new(Vec::new()));
    let holding = Arc::clone(&held);
    network.at(1, move |message, _: &mut Wire| {
        if message.message_type() == MessageType::Request {
            holding.lock().push(number(message, argument(message) + 1));
        }
    });
    let object = object(&core, 1, "k");
    let callers: Vec<_> = (0..8)
        .map(|caller| {
            let object = object.clone();
            thread::spawn(move || (0..200).all(|n| call_somehow(&object, caller, n)))
        })
        .collect();
    let mut turn = 0_usize;
    while callers.iter().any(|caller| !caller.is_finished()) {
        turn += 1;
        let mut replies = std::mem::take(&mut *held.lock());
        if turn.is_multiple_of(3) {
            replies.reverse();
        }
        if let Some(link) = network.links().first() {
            link.act(|wire| replies.drain(..).for_each(|reply| wire.send(reply)));
        }
        thread::yield_now();
    }
    assert!(callers.into_iter().all(|caller| caller.join().expect("no panic")));
    assert_eq!(network.links().len(), 1);
}

fn call_somehow(object: &orb_core::object::ObjectRef, caller: i32, n: i32) -> bool {
    let value = caller * 1000 + n;
    match (caller + n) % 4 {
        0 => {
            // It may be in time or not.
            let result = next(object, value).timeout(Duration::from_micros(50)).wait();
            result == Ok(value + 1) || result.is_err_and(|error| error.kind() == Kind::Timeout)
        }
        1 => {
            next(object, value)
                .start()
                .and_then(orb_core::invoke::Pending::wait)
                == Ok(value + 1)
        }
        2 => {
            drop(next(object, value).start());
            let mut call = next(object, value).start().expect("started");
            loop {
                match call.try_take() {
                    Some(result) => return result == Ok(value + 1),
                    None => thread::yield_now(),
                }
            }
        }
        _ => next(object, value).wait() == Ok(value + 1),
    }
}

#[test]
fn a_task_gets_its_reply_however_many_pieces_come_before_it() {
    let (core, network) = orb(OrbConfig::default());
    network.at(1, |message, wire| {
        let mine = number(message, argument(message));
        let mut another = mine.to_vec();
        another[12] ^= 1;
        for _ in 1..1024 {
            wire.send(another.clone());
        }
        wire.send(mine);
    });
    let object = object(&core, 1, "k");
    let call = next(&object, 7).timeout(Duration::from_secs(5));
    assert_eq!(finish(call), Ok(7));
}

/// Drives a task on this thread.
fn finish<F: IntoFuture>(task: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut task = pin!(task.into_future());
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match task.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

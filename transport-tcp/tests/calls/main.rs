// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls from one ORB to another over real sockets.

mod world;

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use orb_core::{
    exception::{Completed, SystemExceptionKind as Kind},
    invoke::SyncScope,
};
use world::{World, block_on};

#[test]
fn a_call_goes_there_and_back() {
    let world = World::new();
    assert_eq!(world.object.add(20, 22).wait().expect("a sum"), 42);
    assert_eq!(
        world
            .object
            .add(1, 2)
            .timeout(Duration::from_secs(9))
            .wait()
            .expect("a sum"),
        3
    );
}

#[test]
fn deferred_calls_are_fetched_in_any_order() {
    let world = World::new();
    let calls: Vec<_> = (0..50)
        .map(|n| world.object.add(n, 1).start().expect("started"))
        .collect();
    for (n, call) in calls.into_iter().enumerate().rev() {
        assert_eq!(call.wait().expect("a sum"), i32::try_from(n).expect("small") + 1);
    }
}

#[test]
fn a_deferred_call_can_be_polled() {
    let world = World::new();
    let mut call = world.object.add(1, 1).start().expect("started");
    let result = loop {
        if let Some(result) = call.try_take() {
            break result;
        }
        thread::yield_now();
    };
    assert_eq!(result.expect("a sum"), 2);
    let again = call.try_take().expect("an answer").expect_err("taken");
    assert_eq!(again.kind(), Kind::BadInvOrder);
}

#[test]
fn calls_can_be_awaited_on_any_executor() {
    let world = World::new();
    assert_eq!(block_on(world.object.add(3, 4).into_future()).expect("a sum"), 7);
    let sum = block_on(async {
        let first = world.object.add(1, 2).start()?;
        let second = world.object.add(3, 4).start()?;
        Ok::<_, orb_core::exception::SystemException>(second.await? + first.await?)
    });
    assert_eq!(sum.expect("a sum"), 10);
}

#[test]
fn large_arguments_and_results_pass_in_both_directions() {
    let world = World::new();
    for size in [0, 1, 8191, 8192, 100_000, 3 << 20] {
        let data: Vec<u8> = (0..=250).cycle().take(size).collect();
        assert_eq!(world.object.echo(&data).wait().expect("an echo"), data);
    }
}

#[test]
fn a_server_that_takes_no_message_so_large_is_named_and_not_the_broken_pipe() {
    let world = World::new();
    let error = world
        .object
        .echo(&vec![7; 80 << 20])
        .wait()
        .expect_err("too large");
    assert_eq!(error.kind(), Kind::CommFailure);
    assert!(error.to_string().contains("MessageError"), "{error}");
    assert_eq!(world.object.add(1, 1).wait().expect("a sum"), 2);
}

#[test]
fn many_large_deferred_calls_do_not_block_each_other() {
    let world = World::new();
    let data = vec![7; 1 << 20];
    // More than both sockets hold: nobody reads while the requests go out but the executive.
    let calls: Vec<_> = (0..32)
        .map(|_| world.object.echo(&data).start().expect("started"))
        .collect();
    for call in calls {
        assert_eq!(call.wait().expect("an echo").len(), data.len());
    }
}

#[test]
fn many_threads_share_one_connection() {
    let world = Arc::new(World::new());
    let threads: Vec<_> = (0..16)
        .map(|n| {
            let world = Arc::clone(&world);
            thread::spawn(move || (0..500).all(|m| world.object.add(n, m).wait() == Ok(n + m)))
        })
        .collect();
    for thread in threads {
        assert!(thread.join().expect("no panic"));
    }
    assert_eq!(world.server.connection_count(), 1);
}

#[test]
fn blocking_deferred_and_async_calls_mix_on_one_connection() {
    let world = Arc::new(World::new());
    let threads: Vec<_> = (0..6)
        .map(|n| {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                (0..300).all(|m| match n % 3 {
                    0 => world.object.add(n, m).wait() == Ok(n + m),
                    1 => block_on(world.object.add(n, m).into_future()) == Ok(n + m),
                    _ => {
                        world
                            .object
                            .add(n, m)
                            .start()
                            .and_then(orb_core::invoke::Pending::wait)
                            == Ok(n + m)
                    }
                })
            })
        })
        .collect();
    for thread in threads {
        assert!(thread.join().expect("no panic"));
    }
}

#[test]
fn oneways_of_a_thread_arrive_in_order_with_its_calls() {
    let world = Arc::new(World::new());
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                for n in 0..500 {
                    let scope = if n % 2 == 0 {
                        SyncScope::None
                    } else {
                        SyncScope::WithTransport
                    };
                    world
                        .object
                        .note(thread, n)
                        .sync_scope(scope)
                        .send()
                        .expect("sent");
                }
                world.object.noted(thread).wait().expect("the notes")
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().expect("no panic"), (0..500).collect::<Vec<_>>());
    }
}

#[test]
fn a_oneway_with_target_scope_is_done_when_it_returns() {
    let world = World::new();
    for (n, scope) in [SyncScope::WithTarget, SyncScope::WithServer]
        .into_iter()
        .enumerate()
    {
        let n = i32::try_from(n).expect("small");
        world.object.note(9, n).sync_scope(scope).send().expect("sent");
    }
    assert_eq!(world.notes(9).first(), Some(&0));
}

#[test]
fn a_call_that_takes_too_long_times_out_and_the_next_does_not_suffer() {
    let world = World::new();
    let error = world
        .object
        .hold(1)
        .timeout(Duration::from_millis(30))
        .wait()
        .expect_err("held");
    assert_eq!(
        (error.kind(), error.completed()),
        (Kind::Timeout, Completed::Maybe)
    );
    assert!(error.to_string().contains(&world.endpoint.to_string()), "{error}");
    world.release();
    assert_eq!(world.object.add(1, 1).wait().expect("a sum"), 2);
}

#[test]
fn an_awaited_call_that_takes_too_long_times_out() {
    let world = World::new();
    let held = world.object.hold(1).timeout(Duration::from_millis(30));
    assert_eq!(
        block_on(held.into_future()).expect_err("held").kind(),
        Kind::Timeout
    );
    world.release();
}

#[test]
fn a_follower_times_out_while_another_leads() {
    let world = Arc::new(World::new());
    let leader = {
        let world = Arc::clone(&world);
        thread::spawn(move || world.object.hold(1).wait())
    };
    world.wait_until_held();
    let error = world
        .object
        .hold(2)
        .timeout(Duration::from_millis(20))
        .wait()
        .expect_err("held");
    assert_eq!(error.kind(), Kind::Timeout);
    assert_eq!(world.object.add(2, 2).wait().expect("a sum"), 4);
    world.release();
    leader.join().expect("no panic").expect("released");
}

#[test]
fn dropping_a_call_cancels_it_and_its_late_reply_does_no_harm() {
    let world = World::new();
    let call = world.object.hold(1).start().expect("started");
    world.wait_until_held();
    drop(call);
    world.release();
    for n in 0..10 {
        assert_eq!(world.object.add(n, n).wait().expect("a sum"), 2 * n);
    }
}

#[test]
fn a_deadline_in_the_past_sends_nothing() {
    let world = World::new();
    let error = world
        .object
        .add(1, 1)
        .deadline(Instant::now())
        .wait()
        .expect_err("too late");
    assert_eq!(error.kind(), Kind::Timeout);
}

#[test]
fn nobody_at_the_endpoint_is_transient_and_says_where() {
    let world = World::new();
    let dead = world.unreachable();
    let error = dead.add(1, 1).wait().expect_err("nobody there");
    assert_eq!(
        (error.kind(), error.completed()),
        (Kind::Transient, Completed::No)
    );
    assert!(
        error.to_string().contains("add: connect to iiop://127.0.0.1:"),
        "{error}"
    );
}

#[test]
fn alternate_endpoints_and_profiles_are_tried_in_order() {
    let world = World::new();
    assert_eq!(
        world
            .with_alternate_endpoint()
            .add(1, 1)
            .wait()
            .expect("the second endpoint"),
        2
    );
    assert_eq!(
        world
            .with_two_profiles()
            .add(1, 1)
            .wait()
            .expect("the second profile"),
        2
    );
}

#[test]
fn a_server_that_shuts_down_and_comes_back_is_found_again() {
    let mut world = World::new();
    assert_eq!(world.object.add(1, 1).wait().expect("a sum"), 2);
    world.restart();
    assert_eq!(world.object.add(2, 2).wait().expect("a sum"), 4);
}

#[test]
fn every_version_of_giop_is_spoken() {
    let world = World::new();
    for minor in 0..=2 {
        let object = world.with_version(minor);
        assert_eq!(object.add(1, 2).wait().expect("a sum"), 3);
        assert_eq!(
            object.add(1, 2).start().expect("started").wait().expect("a sum"),
            3
        );
        assert_eq!(object.echo(b"abc").wait().expect("an echo"), b"abc"[..]);
    }
}

#[test]
fn after_shutdown_calls_raise_bad_inv_order() {
    let world = World::new();
    let held = world.object.hold(1).start().expect("started");
    world.wait_until_held();
    world.client.shutdown();
    assert_eq!(held.wait().expect_err("shut down").kind(), Kind::BadInvOrder);
    assert_eq!(
        world.object.add(1, 1).wait().expect_err("shut down").kind(),
        Kind::BadInvOrder
    );
    world.release();
}

#[test]
fn busy_polling_gives_the_same_results() {
    let world = World::with_busy_poll(Duration::from_millis(1));
    for n in 0..100 {
        assert_eq!(world.object.add(n, 1).wait().expect("a sum"), n + 1);
    }
    let error = world
        .object
        .hold(1)
        .timeout(Duration::from_millis(20))
        .wait()
        .expect_err("held");
    assert_eq!(error.kind(), Kind::Timeout);
    world.release();
}

#[test]
fn forwards_are_followed_and_remembered() {
    let world = World::new();
    let moved = world.forwarded(1);
    assert_eq!(moved.add(1, 1).wait().expect("a sum"), 2);
    assert_eq!(
        moved.add(1, 1).start().expect("started").wait().expect("a sum"),
        2
    );
    assert_eq!(
        block_on(world.forwarded(2).add(2, 2).into_future()).expect("a sum"),
        4
    );
    assert_eq!(world.forwards(), 3);
}

#[test]
fn a_circle_of_forwards_ends_as_transient() {
    let world = World::new();
    let error = world.forwarded(1000).add(1, 1).wait().expect_err("a circle");
    assert_eq!(error.kind(), Kind::Transient);
    assert!(error.to_string().contains("forwarded"), "{error}");
}

#[test]
fn an_idle_connection_is_closed_and_made_again() {
    let world = World::with_idle_timeout(Duration::from_millis(40));
    assert_eq!(world.object.add(1, 1).wait().expect("a sum"), 2);
    while world.server.connection_count() > 0 {
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(world.object.add(1, 1).wait().expect("a sum"), 2);
}

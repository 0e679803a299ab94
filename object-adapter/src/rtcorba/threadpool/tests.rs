// SPDX-License-Identifier: MIT OR Apache-2.0
use std::{
    sync::{
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc,
    },
    time::Duration,
};

use orb_core::{
    exception::SystemExceptionKind as Kind,
    rtcorba::{ThreadpoolLane, thread_priority},
};

use super::{super::NativePriority, *};

const SOON: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(20);
const LOW: i16 = 10;
const HIGH: i16 = 200;

/// Leaves all threads their ordinary scheduling, so that tests do not depend on rights.
#[derive(Debug)]
struct Ordinary;

impl PriorityMapping for Ordinary {
    fn to_native(&self, _: Priority) -> Option<NativePriority> {
        Some(0)
    }

    fn to_corba(&self, _: NativePriority) -> Option<Priority> {
        None
    }
}

fn pool(config: ThreadpoolConfig) -> Threadpool {
    Threadpool::new(config, Arc::new(Ordinary)).expect("a pool")
}

fn priority(value: i16) -> Priority {
    Priority::new(value).expect("a priority")
}

fn lane(value: i16, static_threads: u32, dynamic_threads: u32) -> ThreadpoolLane {
    ThreadpoolLane {
        priority: priority(value),
        static_threads,
        dynamic_threads,
    }
}

/// Lane 0 is the less urgent one, of one thread; lane 1 the more urgent one, of one thread.
fn two_lanes() -> ThreadpoolConfig {
    ThreadpoolConfig::with_lanes([lane(LOW, 1, 0), lane(HIGH, 1, 0)])
}

/// The name and the priority of the thread that does a job.
fn who(pool: &Threadpool, lane: usize) -> Result<(String, Option<i16>), SystemException> {
    pool.run(
        lane,
        0,
        false,
        None,
        || false,
        || {
            let name = thread::current().name().unwrap_or_default().to_owned();
            (name, thread_priority().map(Priority::get))
        },
    )
}

/// Keeps a thread of a lane busy until it is dropped.
struct Busy {
    done: Option<mpsc::Sender<()>>,
    caller: Option<thread::JoinHandle<Result<(), SystemException>>>,
}

impl Busy {
    fn new(pool: &Threadpool, lane: usize) -> Self {
        let (begun, begins) = mpsc::channel();
        let (done, ends) = mpsc::channel::<()>();
        let pool = pool.clone();
        let work = move || {
            begun.send(()).expect("somebody waits");
            let _ = ends.recv();
        };
        let caller = thread::spawn(move || pool.run(lane, 0, false, None, || false, work));
        begins.recv_timeout(LONG).expect("the job begins");
        Self {
            done: Some(done),
            caller: Some(caller),
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        drop(self.done.take());
        let served = self.caller.take().map(thread::JoinHandle::join);
        assert!(matches!(served, Some(Ok(Ok(())))));
    }
}

fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..4_000 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("never: {what}");
}

/// All static threads have started and rest.
fn rested(pool: &Threadpool) {
    until("all rest", || {
        let status = pool.status();
        status.idle == status.threads
    });
}

#[test]
fn who_was_answered_is_not_refused_for_the_thread_that_answered() {
    for _ in 0..50 {
        let pool = pool(ThreadpoolConfig::new(1, 0, priority(LOW)));
        for _ in 0..200 {
            who(&pool, 0).expect("the thread is done, or about to begin");
        }
    }
}

#[test]
fn requests_are_served_by_a_thread_of_their_lane_at_its_priority() {
    let pool = pool(two_lanes());
    rested(&pool);
    assert_eq!(who(&pool, 0), Ok(("upcall-pool-10".into(), Some(LOW))));
    assert_eq!(who(&pool, 1), Ok(("upcall-pool-200".into(), Some(HIGH))));
}

#[test]
fn a_lane_whose_threads_are_busy_refuses_and_others_do_not() {
    let pool = pool(two_lanes());
    rested(&pool);
    let busy = Busy::new(&pool, 1);
    assert_eq!(who(&pool, 1).unwrap_err().kind(), Kind::Transient);
    assert!(who(&pool, 0).is_ok());
    drop(busy);
    rested(&pool);
    assert!(who(&pool, 1).is_ok());
}

#[test]
fn dynamic_threads_are_made_when_the_static_ones_are_busy_and_no_more_than_allowed() {
    let pool = pool(ThreadpoolConfig::with_lanes([lane(LOW, 1, 1)]));
    rested(&pool);
    let first = Busy::new(&pool, 0);
    let second = Busy::new(&pool, 0);
    assert_eq!(pool.status().threads, [2]);
    assert_eq!(who(&pool, 0).unwrap_err().kind(), Kind::Transient);
    drop((first, second));
    rested(&pool);
    assert!(who(&pool, 0).is_ok());
}

#[test]
fn a_more_urgent_lane_borrows_a_thread_at_its_own_priority() {
    let pool = pool(two_lanes().borrowing());
    rested(&pool);
    let busy = Busy::new(&pool, 1);
    assert_eq!(who(&pool, 1), Ok(("upcall-pool-10".into(), Some(HIGH))));
    rested_but(&pool, 1);
    assert_eq!(who(&pool, 0), Ok(("upcall-pool-10".into(), Some(LOW))));
    drop(busy);
    rested(&pool);
    // And never the other way round.
    let busy = Busy::new(&pool, 0);
    assert_eq!(who(&pool, 0).unwrap_err().kind(), Kind::Transient);
    drop(busy);
}

fn rested_but(pool: &Threadpool, busy: u32) {
    until("the others rest", || {
        let status = pool.status();
        status.idle.iter().sum::<u32>() + busy == status.threads.iter().sum()
    });
}

#[test]
fn as_many_requests_wait_as_may_and_then_are_served() {
    let pool = pool(two_lanes().buffering(2, 100));
    rested(&pool);
    let busy = Busy::new(&pool, 0);
    let served = Arc::new(AtomicU32::new(0));
    let ask = |bytes: usize| {
        let (pool, served) = (pool.clone(), Arc::clone(&served));
        thread::spawn(move || {
            let count = move || served.fetch_add(1, Ordering::SeqCst);
            pool.run(0, bytes, false, None, || false, count).map(drop)
        })
    };
    let first = ask(60);
    until("it waits", || pool.status().buffered == 1);
    // Too many bytes together, and then too many requests.
    assert_eq!(ask(41).join().unwrap().unwrap_err().kind(), Kind::Transient);
    let second = ask(40);
    until("both wait", || pool.status().buffered == 2);
    assert_eq!(ask(0).join().unwrap().unwrap_err().kind(), Kind::Transient);
    assert_eq!(served.load(Ordering::SeqCst), 0);
    drop(busy);
    assert_eq!((first.join().unwrap(), second.join().unwrap()), (Ok(()), Ok(())));
    // Their bytes are free again.
    let busy = Busy::new(&pool, 0);
    let third = ask(100);
    until("it waits", || pool.status().buffered == 1);
    drop(busy);
    assert_eq!(third.join().unwrap(), Ok(()));
}

#[test]
fn a_thread_that_is_done_takes_the_most_urgent_request_that_waits() {
    let pool = pool(two_lanes().borrowing().buffering(8, 100));
    rested(&pool);
    let (low, high) = (Busy::new(&pool, 0), Busy::new(&pool, 1));
    let (order, served) = mpsc::channel();
    let mut callers = Vec::new();
    let waiting = pool.clone();
    for (count, lane) in [0, 1, 0, 1].into_iter().enumerate() {
        let (pool, order) = (pool.clone(), order.clone());
        callers.push(thread::spawn(move || {
            pool.run(lane, 0, false, None, || false, move || order.send(lane))
        }));
        until("it waits", || waiting.status().buffered == count + 1);
    }
    // The thread of the less urgent lane is alone: it serves the others first.
    drop(low);
    let served: Vec<usize> = (0..4).map_while(|_| served.recv_timeout(LONG).ok()).collect();
    assert_eq!(served, [1, 1, 0, 0]);
    drop(high);
    for caller in callers {
        assert!(caller.join().unwrap().is_ok());
    }
}

#[test]
fn a_request_whose_time_is_over_or_that_is_cancelled_is_not_begun() {
    let pool = pool(two_lanes().buffering(8, 100));
    rested(&pool);
    let busy = Busy::new(&pool, 0);
    let begun = Arc::new(AtomicBool::new(false));
    let ask = |deadline: Option<Instant>, cancelled: bool| {
        let begun = Arc::clone(&begun);
        pool.run(
            0,
            100,
            false,
            deadline,
            move || cancelled,
            move || {
                begun.store(true, Ordering::SeqCst);
            },
        )
    };
    assert_eq!(
        ask(Some(Instant::now() + SOON), false).unwrap_err().kind(),
        Kind::Timeout
    );
    assert_eq!(ask(None, true).unwrap_err().kind(), Kind::Timeout);
    assert_eq!(pool.status().buffered, 0);
    drop(busy);
    rested(&pool);
    assert!(!begun.load(Ordering::SeqCst));
}

#[test]
fn requests_that_wait_as_the_pool_ends_are_refused_and_its_threads_end() {
    let pool = pool(two_lanes().buffering(8, 100));
    rested(&pool);
    let inner = Arc::clone(&pool.0.0);
    let (begun, begins) = mpsc::channel();
    let (done, ends) = mpsc::channel::<()>();
    let (first, first_pending) = handoff::job(move || {
        begun.send(()).expect("somebody waits");
        let _ = ends.recv();
    });
    let (second, second_pending) = handoff::job(|| ());
    inner.take_in(0, 0, first).expect("a thread");
    begins.recv_timeout(LONG).expect("the job begins");
    inner.take_in(0, 0, second).expect("room to wait");
    drop(pool);
    let refused = second_pending.wait(None, || false, || Ok(())).unwrap_err();
    assert_eq!(refused.kind(), Kind::Transient);
    let (late, _pending) = handoff::job(|| ());
    assert_eq!(inner.take_in(0, 0, late).unwrap_err().kind(), Kind::Transient);
    drop(done);
    assert_eq!(first_pending.wait(None, || false, || Ok(())), Ok(()));
    until("the threads end", || {
        inner.lanes.lock().status().threads == [0, 0]
    });
}

#[test]
fn a_servant_that_panics_costs_the_pool_no_thread() {
    let pool = pool(two_lanes());
    rested(&pool);
    let (work, pending) = handoff::job(|| panic!("as asked"));
    pool.0.0.take_in(0, 0, work).expect("a thread");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _: Result<(), _> = pending.wait(None, || false, || Ok(()));
    }));
    assert!(panicked.is_err());
    rested(&pool);
    assert!(who(&pool, 0).is_ok());
}

#[test]
fn a_thread_of_a_lane_knows_its_own_pool() {
    let (one, other) = (pool(two_lanes()), pool(two_lanes()));
    rested(&one);
    let knows = {
        let one = one.clone();
        let asked = one.clone();
        one.run(
            1,
            0,
            false,
            None,
            || false,
            move || [(&asked, 0), (&asked, 1), (&other, 1)].map(|(pool, lane)| pool.is_own_thread(lane)),
        )
    };
    assert_eq!(knows, Ok([false, true, false]));
    assert!(!one.is_own_thread(1));
}

#[test]
fn whatever_is_asked_at_once_each_request_is_served_once_or_refused() {
    let config = ThreadpoolConfig::with_lanes([lane(LOW, 1, 2), lane(HIGH, 1, 1)])
        .borrowing()
        .buffering(6, 1000);
    let pool = pool(config);
    let served = Arc::new(AtomicU32::new(0));
    let refused = AtomicU32::new(0);
    thread::scope(|scope| {
        for caller in 0..12_usize {
            let (pool, served, refused) = (&pool, &served, &refused);
            scope.spawn(move || {
                for turn in 0..200 {
                    let count = Arc::clone(served);
                    let work = move || count.fetch_add(1, Ordering::SeqCst);
                    // Some give up before they are served.
                    let soon = (turn % 7 == 0).then(Instant::now);
                    if pool
                        .run(caller % 2, 1, caller % 3 == 0, soon, || false, work)
                        .is_err()
                    {
                        refused.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    assert_eq!(
        served.load(Ordering::SeqCst) + refused.load(Ordering::SeqCst),
        2_400
    );
    rested(&pool);
    assert_eq!(pool.status().buffered, 0);
    assert!(who(&pool, 0).is_ok() && who(&pool, 1).is_ok());
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! POAs with the main-thread model: one thread, which is in `Orb::run` or has a loop of its own, serves them all.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::{
    sync::{
        Arc, Condvar, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::{self, JoinHandle, ThreadId},
    time::{Duration, Instant},
};

use upcall::{Completed, Context, ObjectRef, Orb, SystemExceptionKind};
use upcall_tests::PATIENCE;

upcall::include_idl!("main_thread");
use desk::{Clerk, ClerkDivideError, ClerkRef, ClerkSkeleton, Closed};

/// What happens at the desks of one ORB.
struct Office {
    orb: Orb,
    /// The first clerk.
    me: OnceLock<ClerkRef>,
    /// On which threads they were called.
    threads: Mutex<Vec<ThreadId>>,
    /// How many are at work, those aside that wait for a reply.
    busy: AtomicU32,
    notes: Mutex<Vec<i32>>,
    gate: (Mutex<bool>, Condvar),
    waiting: AtomicBool,
}

impl Office {
    fn open() -> Arc<Self> {
        let orb = Orb::builder()
            .environment(false)
            .listen("iiop://127.0.0.1:0")
            .build()
            .unwrap();
        Arc::new(Self {
            orb,
            me: OnceLock::new(),
            threads: Mutex::default(),
            busy: AtomicU32::new(0),
            notes: Mutex::default(),
            gate: (Mutex::new(false), Condvar::new()),
            waiting: AtomicBool::new(false),
        })
    }

    /// Makes a POA of the main thread with a clerk in it.
    fn clerk(self: &Arc<Self>, poa: &str) -> ClerkRef {
        let poa = self.orb.root_poa().create(poa).main_thread().build().unwrap();
        let clerk: ClerkRef = poa
            .activate(ClerkSkeleton::new(Desk(Arc::clone(self))))
            .export()
            .unwrap();
        self.me.get_or_init(|| clerk.clone());
        clerk
    }

    /// Has another thread serve, as the main thread of a program would.
    fn run(self: &Arc<Self>) -> JoinHandle<()> {
        let orb = self.orb.clone();
        thread::spawn(move || orb.run().unwrap())
    }

    fn end(&self, main: JoinHandle<()>) {
        self.orb.shutdown();
        main.join().unwrap();
    }

    fn only_on(&self, thread: ThreadId) -> usize {
        let threads = self.threads.lock().unwrap();
        assert!(threads.iter().all(|called| *called == thread));
        threads.len()
    }

    fn let_go(&self) {
        *self.gate.0.lock().unwrap() = true;
        self.gate.1.notify_all();
    }
}

struct Desk(Arc<Office>);

/// Somebody at work.
struct AtWork<'a>(&'a AtomicU32);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Desk {
    fn begin(&self) -> AtWork<'_> {
        self.0.threads.lock().unwrap().push(thread::current().id());
        assert_eq!(self.0.busy.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
        AtWork(&self.0.busy)
    }
}

impl Clerk for Desk {
    fn bounce(&self, _: &Context<'_>, other: Option<ClerkRef>, times: u32) -> upcall::Result<u32> {
        let work = self.begin();
        let (Some(other), Some(left)) = (other, times.checked_sub(1)) else {
            return Ok(0);
        };
        drop(work);
        // One way to wait after the other.
        let call = other.bounce(self.0.me.get(), left);
        Ok(1 + if times.is_multiple_of(2) {
            call.wait()?
        } else {
            call.start()?.wait()?
        })
    }

    fn divide(
        &self,
        cx: &Context<'_>,
        a: f64,
        b: f64,
        count: i32,
    ) -> Result<(f64, String, i32), ClerkDivideError> {
        let _work = self.begin();
        assert!(!b.is_nan(), "not a number");
        if b == 0.0 {
            return Err(Closed {
                why: "for zero".into(),
            }
            .into());
        }
        if b < 0.0 {
            return Err(SystemExceptionKind::NoPermission.into());
        }
        Ok((a / b, cx.operation().to_owned(), count + 1))
    }

    fn copy(&self, _: &Context<'_>, originals: &[u8]) -> upcall::Result<bytes::Bytes> {
        let _work = self.begin();
        Ok(bytes::Bytes::copy_from_slice(originals))
    }

    fn note(&self, _: &Context<'_>, number: i32) {
        let _work = self.begin();
        self.0.notes.lock().unwrap().push(number);
    }

    fn close(&self, _: &Context<'_>) -> upcall::Result<()> {
        let _work = self.begin();
        self.0.orb.shutdown();
        Ok(())
    }

    fn wait(&self, _: &Context<'_>) -> upcall::Result<()> {
        let _work = self.begin();
        self.0.waiting.store(true, Ordering::SeqCst);
        let (open, changed) = &self.0.gate;
        drop(changed.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
        Ok(())
    }
}

/// The clerk as a client of its own knows it.
fn from_elsewhere(office: &Office, clerk: &ClerkRef) -> (Orb, ClerkRef) {
    // By sockets, where more waits than a ring of the fabric has room for.
    let client = Orb::builder()
        .environment(false)
        .fabric(None)
        .timeout(PATIENCE)
        .build()
        .unwrap();
    let clerk = client.resolve(&office.orb.object_to_string(clerk)).unwrap();
    (client, clerk)
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::yield_now();
    }
}

#[test]
fn two_clients_of_two_poas_are_served_one_by_one_by_the_thread_in_run() {
    let office = Office::open();
    let clerks = [office.clerk("a"), office.clerk("b")];
    let main = office.run();
    thread::scope(|scope| {
        for clerk in clerks.iter().chain(&clerks) {
            scope.spawn(|| {
                let (_client, clerk) = from_elsewhere(&office, clerk);
                for count in 0..50 {
                    let (half, said, more) = clerk.divide(1.0, 2.0, count).wait().unwrap();
                    assert_eq!((half, &*said, more), (0.5, "divide", count + 1));
                }
            });
        }
    });
    assert_eq!(office.only_on(main.thread().id()), 200);
    office.end(main);
}

#[test]
fn exceptions_and_panics_pass_through() {
    let office = Office::open();
    let clerk = office.clerk("a");
    let main = office.run();
    let (_client, clerk) = from_elsewhere(&office, &clerk);
    let why = "for zero".to_owned();
    assert_eq!(clerk.divide(1.0, 0.0, 0).wait(), Err(Closed { why }.into()));
    let kind = |b| match clerk.divide(1.0, b, 0).wait() {
        Err(ClerkDivideError::System(error)) => error.kind(),
        other => panic!("no system exception: {other:?}"),
    };
    assert_eq!(kind(-1.0), SystemExceptionKind::NoPermission);
    assert_eq!(kind(f64::NAN), SystemExceptionKind::Unknown);
    assert_eq!(office.only_on(main.thread().id()), 3);
    office.end(main);
}

#[test]
fn large_arguments_and_results_pass_through() {
    let office = Office::open();
    let clerk = office.clerk("a");
    let main = office.run();
    let (_client, clerk) = from_elsewhere(&office, &clerk);
    let originals: Vec<u8> = (0..=u8::MAX).cycle().take(1 << 20).collect();
    assert_eq!(clerk.copy(&originals).wait().unwrap(), originals);
    office.end(main);
}

#[test]
fn oneways_that_wait_keep_their_order_none_is_lost_and_others_are_served() {
    let office = Office::open();
    let clerk = office.clerk("a");
    let free: ObjectRef = office
        .orb
        .root_poa()
        .activate(ClerkSkeleton::new(Desk(Arc::clone(&office))))
        .export()
        .unwrap();
    let main = office.run();
    let (_client, clerk) = from_elsewhere(&office, &clerk);
    let client = Orb::builder().environment(false).build().unwrap();
    let free = client.object(free.ior().clone());
    let first = clerk.wait().start().unwrap();
    until("the main thread is busy", || {
        office.waiting.load(Ordering::SeqCst)
    });
    // More than may wait.
    for number in 0..500 {
        clerk.note(number).send().unwrap();
    }
    // There is time enough to read them all.
    for _ in 0..200 {
        assert_eq!(free.is_a("IDL:Other:1.0").wait(), Ok(false));
    }
    office.let_go();
    first.wait().unwrap();
    until("the notes arrive", || office.notes.lock().unwrap().len() == 500);
    assert!(office.notes.lock().unwrap().is_sorted());
    office.end(main);
}

#[test]
fn a_call_from_another_thread_of_the_same_process_goes_to_the_main_thread() {
    let office = Office::open();
    let clerk = office.clerk("a");
    let main = office.run();
    assert_eq!(clerk.copy(b"x").wait().unwrap(), "x");
    assert_eq!(clerk.bounce(Some(&clerk), 6).wait(), Ok(6));
    assert_eq!(office.only_on(main.thread().id()), 8);
    office.end(main);
}

#[test]
fn callbacks_into_main_threads_that_wait_for_their_calls_are_served() {
    let (one, other) = (Office::open(), Office::open());
    let clerks = [one.clerk("a"), other.clerk("a")];
    let mains = [one.run(), other.run()];
    let (_client, clerk) = from_elsewhere(&one, &clerks[0]);
    for times in [1, 2, 3, 20] {
        assert_eq!(clerk.bounce(Some(&clerks[1]), times).wait(), Ok(times));
    }
    assert_eq!(one.only_on(mains[0].thread().id()), 1 + 2 + 2 + 11);
    assert_eq!(other.only_on(mains[1].thread().id()), 1 + 1 + 2 + 10);
    for (office, main) in [one, other].iter().zip(mains) {
        office.end(main);
    }
}

#[test]
fn callbacks_for_two_clients_at_once_are_served() {
    let (one, other) = (Office::open(), Office::open());
    let clerks = [one.clerk("a"), other.clerk("a")];
    let mains = [one.run(), other.run()];
    thread::scope(|scope| {
        for (first, second) in [(0, 1), (1, 0)] {
            let (office, clerks) = (if first == 0 { &one } else { &other }, &clerks);
            scope.spawn(move || {
                let (_client, clerk) = from_elsewhere(office, &clerks[first]);
                for _ in 0..10 {
                    assert_eq!(clerk.bounce(Some(&clerks[second]), 5).wait(), Ok(5));
                }
            });
        }
    });
    for (office, main) in [one, other].iter().zip(mains) {
        office.end(main);
    }
}

#[test]
fn without_a_main_thread_a_request_waits_for_as_long_as_its_caller() {
    let office = Office::open();
    let clerk = office.clerk("a");
    let (_client, clerk) = from_elsewhere(&office, &clerk);
    let error = clerk
        .copy(b"")
        .timeout(Duration::from_millis(100))
        .wait()
        .unwrap_err();
    assert_eq!(error.kind(), SystemExceptionKind::Timeout);
    until("the request is taken back", || {
        !office.orb.work_pending().unwrap()
    });
    // Who waits longer is served when there is one.
    let pending = clerk.copy(b"x").start().unwrap();
    until("the request waits", || office.orb.work_pending().unwrap());
    let main = office.run();
    assert_eq!(pending.wait().unwrap(), "x");
    assert_eq!(office.only_on(main.thread().id()), 1);
    office.end(main);
}

#[test]
fn a_program_with_a_loop_of_its_own_performs_the_work() {
    let office = Office::open();
    let clerk = office.clerk("a");
    let (_client, remote) = from_elsewhere(&office, &clerk);
    office.orb.perform_work().unwrap();
    let pending = remote.divide(1.0, 4.0, 0).start().unwrap();
    until("the request waits", || office.orb.work_pending().unwrap());
    office.orb.perform_work().unwrap();
    assert_eq!(pending.wait().unwrap().0, 0.25);
    // This is the main thread: it calls the object itself, and serves it while it waits for others.
    assert_eq!(clerk.copy(b"x").wait().unwrap(), "x");
    assert_eq!(remote.copy(b"y").wait().unwrap(), "y");
    assert_eq!(office.only_on(thread::current().id()), 3);
    office.orb.shutdown();
    let kind = SystemExceptionKind::BadInvOrder;
    assert_eq!(office.orb.perform_work().unwrap_err().kind(), kind);
    assert_eq!(office.orb.work_pending().unwrap_err().kind(), kind);
}

#[test]
fn at_shutdown_who_waits_for_no_main_thread_is_refused() {
    let office = Office::open();
    let clerk = office.clerk("a");
    let (_client, clerk) = from_elsewhere(&office, &clerk);
    let pending = clerk.copy(b"").start().unwrap();
    until("the request waits", || office.orb.work_pending().unwrap());
    office.orb.shutdown();
    let error = pending.wait().unwrap_err();
    assert_eq!(error.kind(), SystemExceptionKind::Transient);
    assert_eq!(error.completed(), Completed::No);
}

#[test]
fn at_shutdown_who_waits_for_the_main_thread_is_served() {
    let office = Office::open();
    let clerk = office.clerk("a");
    let main = office.run();
    let (_client, clerk) = from_elsewhere(&office, &clerk);
    let first = clerk.wait().start().unwrap();
    until("the main thread is busy", || {
        office.waiting.load(Ordering::SeqCst)
    });
    let second = clerk.copy(b"x").start().unwrap();
    until("the request waits", || office.orb.work_pending().unwrap());
    thread::scope(|scope| {
        scope.spawn(|| office.orb.shutdown());
        office.let_go();
    });
    first.wait().unwrap();
    assert_eq!(second.wait().unwrap(), "x");
    main.join().unwrap();
}

#[test]
fn an_object_of_the_main_thread_can_end_the_program() {
    let office = Office::open();
    let clerk = office.clerk("a");
    let main = office.run();
    let (_client, clerk) = from_elsewhere(&office, &clerk);
    clerk.close().wait().unwrap();
    main.join().unwrap();
    assert!(office.orb.is_shut_down());
}

// SPDX-License-Identifier: MIT OR Apache-2.0
mod requests;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    sync::mpsc::channel,
    thread::ThreadId,
};

use orb_core::exception::{Completed, SystemExceptionKind};

use super::*;
use crate::handoff::LONGEST_WAIT;

/// A main thread that serves until it is told to stop.
struct Serving {
    main: Arc<MainThread>,
    over: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Serving {
    fn new() -> Self {
        let main = Arc::new(MainThread::default());
        let over = Arc::new(AtomicBool::new(false));
        let thread = spawn_serving(&main, &over);
        Self {
            main,
            over,
            thread: Some(thread),
        }
    }

    fn id(&self) -> ThreadId {
        self.thread.as_ref().unwrap().thread().id()
    }

    fn stop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        self.main.wake();
        self.thread.take().unwrap().join().unwrap();
    }
}

fn spawn_serving(main: &Arc<MainThread>, over: &Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let (main, over) = (Arc::clone(main), Arc::clone(over));
    thread::spawn(move || main.serve_until(|| over.load(Ordering::SeqCst)))
}

fn until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}

fn run<T: Send + 'static>(
    main: &MainThread,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SystemException> {
    main.run(false, None, || false, work)
}

fn kind_and_text(error: &SystemException) -> (SystemExceptionKind, &str) {
    assert_eq!(error.completed(), Completed::No);
    (error.kind(), error.message().unwrap_or_default())
}

fn waiting(main: &MainThread) -> usize {
    main.state.lock().waiting.len()
}

#[test]
fn work_of_all_threads_is_done_one_by_one_on_the_main_thread() {
    let mut serving = Serving::new();
    let (main, id) = (&*serving.main, serving.id());
    let inside = Arc::new(AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for number in 0..200 {
                    let inside = Arc::clone(&inside);
                    let done = run(main, move || {
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        (thread::current().id(), number)
                    });
                    assert_eq!(done.unwrap(), (id, number));
                }
            });
        }
    });
    serving.stop();
}

#[test]
fn work_is_done_in_the_order_it_came() {
    let main = Arc::new(MainThread::default());
    let (sender, order) = channel();
    thread::scope(|scope| {
        for number in 0..5 {
            let (sender, main) = (sender.clone(), &main);
            scope.spawn(move || run(main, move || sender.send(number).unwrap()).unwrap());
            until(|| waiting(main) == number + 1);
        }
        while main.perform_work() {}
    });
    assert_eq!(order.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}

#[test]
fn a_second_thread_is_the_main_thread_when_the_first_has_left() {
    let mut serving = Serving::new();
    run(&serving.main, || ()).unwrap();
    // The first is in it; this thread does nothing.
    assert!(!serving.main.perform_work());
    assert!(serving.main.enter().is_none());
    let over = Arc::new(AtomicBool::new(false));
    let second = spawn_serving(&serving.main, &over);
    serving.stop();
    let id = run(&serving.main, || thread::current().id()).unwrap();
    assert_eq!(id, second.thread().id());
    over.store(true, Ordering::SeqCst);
    serving.main.wake();
    second.join().unwrap();
    assert!(!serving.main.perform_work());
    assert!(serving.main.enter().is_some(), "now it is this thread");
}

#[test]
fn as_many_wait_as_may_and_no_more() {
    let main = Arc::new(MainThread::default());
    thread::scope(|scope| {
        for _ in 0..MOST_WAITING {
            scope.spawn(|| run(&main, || ()).unwrap());
        }
        until(|| waiting(&main) == MOST_WAITING);
        assert!(main.work_pending());
        let error = run(&main, || ()).unwrap_err();
        let (kind, text) = kind_and_text(&error);
        assert_eq!(kind, SystemExceptionKind::Transient);
        assert!(text.contains("as many requests as may wait"), "{text}");
        while main.perform_work() {}
    });
    assert!(!main.work_pending());
}

#[test]
fn whose_time_is_over_is_told_what_it_waited_for() {
    let main = Arc::new(MainThread::default());
    let now = Some(Instant::now());
    let error = main.run(false, now, || false, || ()).unwrap_err();
    let (kind, text) = kind_and_text(&error);
    assert_eq!(kind, SystemExceptionKind::Timeout);
    assert!(text.contains("no thread is in Orb::run"), "{text}");
    // And so it is when the main thread is elsewhere.
    thread::scope(|scope| scope.spawn(|| main.perform_work()).join().unwrap());
    let error = main.run(false, now, || false, || ()).unwrap_err();
    assert!(kind_and_text(&error).1.contains("no thread is in"), "{error}");
    let mut serving = Serving::new();
    let other = Arc::clone(&serving.main);
    let error = run(&serving.main, move || {
        let waiter = thread::spawn(move || other.run(false, Some(Instant::now()), || false, || ()));
        waiter.join().unwrap().unwrap_err()
    });
    let error = error.unwrap();
    assert!(kind_and_text(&error).1.contains("was busy"), "{error}");
    assert_eq!(waiting(&main) + waiting(&serving.main), 0);
    serving.stop();
}

#[test]
fn what_is_given_up_is_not_begun() {
    let main = Arc::new(MainThread::default());
    let begun = Arc::new(AtomicBool::new(false));
    let work = Arc::clone(&begun);
    let error = main.run(false, None, || true, move || work.store(true, Ordering::SeqCst));
    assert_eq!(error.unwrap_err().kind(), SystemExceptionKind::Timeout);
    assert!(!main.perform_work());
    assert!(!begun.load(Ordering::SeqCst));
}

#[test]
fn what_was_begun_is_waited_for_though_its_time_is_over() {
    let mut serving = Serving::new();
    let (go, gone) = channel::<()>();
    let begun = Arc::new(AtomicBool::new(false));
    let says = Arc::clone(&begun);
    let work = move || {
        says.store(true, Ordering::SeqCst);
        gone.recv().unwrap();
        7
    };
    let given_up = AtomicU32::new(0);
    thread::scope(|scope| {
        let result = scope.spawn(|| {
            let given_up = || begun.load(Ordering::SeqCst) && given_up.fetch_add(1, Ordering::SeqCst) == 0;
            serving.main.run(false, None, given_up, work)
        });
        until(|| given_up.load(Ordering::SeqCst) > 0);
        go.send(()).unwrap();
        assert_eq!(result.join().unwrap(), Ok(7));
    });
    serving.stop();
}

#[test]
fn a_panic_comes_to_who_waits_and_the_main_thread_goes_on() {
    let mut serving = Serving::new();
    let panicked = catch_unwind(AssertUnwindSafe(|| run(&serving.main, || panic!("whoops"))));
    assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"whoops"));
    assert_eq!(run(&serving.main, || 1), Ok(1));
    serving.stop();
}

#[test]
fn at_the_end_without_a_main_thread_all_are_refused() {
    let main = Arc::new(MainThread::default());
    thread::scope(|scope| {
        let waiter = scope.spawn(|| run(&main, || ()));
        until(|| waiting(&main) == 1);
        main.close();
        let error = waiter.join().unwrap().unwrap_err();
        assert_eq!(kind_and_text(&error), (SystemExceptionKind::Transient, CLOSED));
    });
    assert_eq!(run(&main, || ()).unwrap_err().message(), Some(CLOSED));
}

#[test]
fn at_the_end_the_main_thread_serves_who_waits() {
    let main = Arc::new(MainThread::default());
    assert!(!main.perform_work());
    thread::scope(|scope| {
        let main = &main;
        let waiters = [1, 2].map(|number| scope.spawn(move || run(main, move || number)));
        until(|| waiting(main) == waiters.len());
        main.close();
        assert_eq!(waiters.map(|waiter| waiter.join().unwrap()), [Ok(1), Ok(2)]);
    });
}

#[test]
fn a_main_thread_that_leaves_at_the_end_leaves_nobody_waiting() {
    let main = Arc::new(MainThread::default());
    assert!(!main.perform_work());
    let servant = main.enter();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| run(&main, || ()));
        until(|| waiting(&main) == 1);
        scope.spawn(|| main.close()).join().unwrap();
        assert_eq!(waiting(&main), 1, "the main thread may still come to it");
        drop(servant);
        let error = waiter.join().unwrap().unwrap_err();
        assert_eq!(error.message(), Some(CLOSED));
    });
}

#[test]
fn a_main_thread_that_waits_for_a_reply_goes_on_serving_but_not_without_end() {
    fn nest(main: &Arc<MainThread>, deepest: &Arc<AtomicU32>) {
        deepest.fetch_add(1, Ordering::SeqCst);
        let waiting_for_a_reply = nested::about_to_block();
        let (same, counter) = (Arc::clone(main), Arc::clone(deepest));
        thread::spawn(move || {
            let next = Arc::clone(&same);
            // The last one is not served, and is refused when all is over.
            let _ = run(&same, move || nest(&next, &counter));
        });
        until(|| waiting(main) > 0);
        nested::attend();
        drop(waiting_for_a_reply);
    }
    let main = Arc::new(MainThread::default());
    assert!(!main.perform_work());
    let deepest = Arc::new(AtomicU32::new(0));
    let (same, counter) = (Arc::clone(&main), Arc::clone(&deepest));
    // On a thread of its own: what this one nests would not know of that.
    let first = thread::spawn(move || {
        run(&same, {
            let same = Arc::clone(&same);
            move || nest(&same, &counter)
        })
    });
    until(|| waiting(&main) == 1);
    assert!(main.perform_work());
    first.join().unwrap().unwrap();
    assert_eq!(deepest.load(Ordering::SeqCst), DEEPEST);
    assert_eq!(waiting(&main), 1);
    main.state.lock().waiting.clear();
}

#[test]
fn the_main_thread_knows_when_it_serves_a_request() {
    let main = Arc::new(MainThread::default());
    assert!(!main.perform_work());
    let inside = main.enter();
    assert!(!main.is_serving_here(), "nobody waits for what it does");
    drop(inside);
    thread::scope(|scope| {
        let same = Arc::clone(&main);
        let serving = scope.spawn(|| run(&main, move || same.is_serving_here()));
        until(|| waiting(&main) == 1);
        assert!(main.perform_work());
        assert_eq!(serving.join().unwrap(), Ok(true));
    });
}

#[test]
fn who_is_patient_keeps_what_the_thread_holds() {
    #[derive(Default)]
    struct Released(std::cell::Cell<u32>);
    impl nested::Holder for Released {
        fn release(&self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let mut serving = Serving::new();
    let released = std::rc::Rc::new(Released::default());
    let _held = nested::hold(std::rc::Rc::clone(&released) as _);
    for (patient, times) in [(true, 0), (false, 1)] {
        serving.main.run(patient, None, || false, || ()).unwrap();
        assert_eq!(released.0.get(), times);
    }
    serving.stop();
}

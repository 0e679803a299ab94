// SPDX-License-Identifier: MIT OR Apache-2.0
//! The executive from outside: real threads, of which only order and counts are asserted.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as expected"
)]

#[path = "executive/descriptors.rs"]
mod descriptors;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rtu::executive::{
    AddError, BuildError, Builder, ChangeError, Executive, Handler, Interest, MemoryLock, Notifier, Policy,
    Rtu, Spec,
};
use rtu::scheduler::{Overrun, Parameters};
use rtu::{Activation, Class, Nanos, Outcome, Time};

/// Longer than anything takes on a busy machine: who waits so long fails.
const PATIENCE: Duration = Duration::from_secs(60);

const LOW_DELAY: Parameters = Parameters::new(Class::LowDelay { priority: 1 }, Nanos::ZERO);
const BEST_EFFORT: Parameters = Parameters::new(Class::BestEffort { priority: 1 }, Nanos::ZERO);

fn executive() -> (Executive, usize) {
    started(Executive::builder().capacity(64))
}

/// One that nobody asks for the CPU, as executives of other tests do.
fn without_neighbours() -> (Executive, usize) {
    started(Executive::builder().capacity(2).page(None))
}

fn started(builder: Builder) -> (Executive, usize) {
    let executive = builder.build().unwrap();
    let cpu = executive.cpus().next().unwrap();
    (executive, cpu)
}

fn handler(upcall: impl FnMut(&mut Activation<'_>) -> Outcome + Send + 'static) -> Handler {
    Box::new(upcall)
}

/// Says something each time it runs.
fn saying<T: Copy + Send + 'static>(sender: &Sender<T>, what: T) -> Handler {
    let sender = sender.clone();
    handler(move |_| {
        let _ = sender.send(what);
        Outcome::Done
    })
}

fn heard<T>(receiver: &Receiver<T>) -> T {
    receiver.recv_timeout(PATIENCE).expect("it comes")
}

/// Waits for what another thread is about to do.
fn until(mut condition: impl FnMut() -> bool) {
    let begin = std::time::Instant::now();
    while !condition() {
        assert!(begin.elapsed() < PATIENCE, "it does not happen");
        std::thread::yield_now();
    }
}

#[test]
fn a_periodic_one_is_released_at_multiples_of_its_period() {
    let (executive, cpu) = executive();
    let (sender, releases) = mpsc::channel();
    let start = Executive::now() + Nanos::from_millis(1);
    let spec = Spec::new("periodic", Parameters::periodic(Nanos::from_millis(2))).start(start);
    let upcall = handler(move |cx| {
        let _ = sender.send((cx.released(), cx.deadline(), cx.now()));
        Outcome::Done
    });
    let rtu = executive.add(spec, cpu, upcall).unwrap();
    let mut last = Time::ZERO;
    for _ in 0..5 {
        let (released, deadline, entered) = heard(&releases);
        assert_eq!((released - start).0 % 2_000_000, 0);
        assert!(released > last && entered >= released, "{released:?} {entered:?}");
        assert_eq!(deadline, Some(released + Nanos::from_millis(2)));
        last = released;
    }
    assert!(rtu.remove().is_some());
    let _ = releases.try_iter().count();
    // The sender was the handler's, which is gone.
    assert_eq!(releases.recv(), Err(mpsc::RecvError));
}

#[test]
fn one_that_could_spin_from_release_to_release_sleeps_all_the_same() {
    let executive = Executive::builder().spin(Duration::from_secs(1)).build().unwrap();
    let cpu = executive.cpus().next().unwrap();
    let spec = Spec::new("often", Parameters::periodic(Nanos::from_micros(100)));
    let rtu = executive.add(spec, cpu, handler(|_| Outcome::Done)).unwrap();
    until(|| rtu.account().completions >= 2_000);
    let [guaranteed, _] = executive.usage(cpu).unwrap();
    assert!(guaranteed.sleeps >= 5, "{guaranteed:?}");
}

#[test]
fn a_reactive_one_runs_once_for_many_notifications_and_never_misses_the_last() {
    for parameters in [LOW_DELAY, BEST_EFFORT] {
        let (executive, cpu) = executive();
        let written = Arc::new(AtomicU64::new(0));
        let (seen, read) = (Arc::new(AtomicU64::new(0)), Arc::clone(&written));
        let upcall = {
            let seen = Arc::clone(&seen);
            handler(move |_| {
                seen.store(read.load(Ordering::Relaxed), Ordering::Relaxed);
                Outcome::Done
            })
        };
        let rtu = executive
            .add(Spec::new("reactive", parameters), cpu, upcall)
            .unwrap();
        for number in 1..=20_000 {
            written.store(number, Ordering::Relaxed);
            rtu.notify();
            // Sometimes it has the time to fall asleep.
            if number % 100 == 0 {
                until(|| seen.load(Ordering::Relaxed) == number);
            }
        }
        until(|| rtu.account().completions == rtu.account().releases);
        let account = rtu.account();
        assert!(
            account.completions >= 200 && account.completions <= 20_000,
            "{account:?}"
        );
        assert_eq!(account.response.count(), account.completions);
    }
}

#[test]
fn the_more_urgent_goes_first() {
    let (executive, cpu) = executive();
    let (sender, order) = mpsc::channel();
    let add = |name: &'static str, parameters| {
        executive
            .add(Spec::new(name, parameters), cpu, saying(&sender, name))
            .unwrap()
    };
    let low = |priority| Parameters::new(Class::LowDelay { priority }, Nanos::ZERO);
    let rtus = [add("second", low(2)), add("third", low(1)), add("first", low(3))];
    let notifiers = rtus.each_ref().map(Rtu::notifier);
    let first = handler(move |_| {
        notifiers.iter().for_each(Notifier::notify);
        Outcome::Done
    });
    let all = executive.add(Spec::new("all", low(0)), cpu, first).unwrap();
    for _ in 0..100 {
        all.notify();
        assert_eq!(
            [heard(&order), heard(&order), heard(&order)],
            ["first", "second", "third"]
        );
    }
}

#[test]
fn a_running_one_is_told_to_yield_and_goes_on_afterwards() {
    let (executive, cpu) = without_neighbours();
    let (sender, order) = mpsc::channel();
    let urgent = executive
        .add(Spec::new("urgent", LOW_DELAY), cpu, saying(&sender, "urgent"))
        .unwrap();
    let notifier = urgent.notifier();
    let mut iterations = 0;
    let long = handler(move |cx| {
        if iterations == 0 {
            assert!(!cx.should_yield());
            notifier.notify();
            assert!(cx.should_yield());
            iterations = 1;
            return Outcome::NotDone;
        }
        iterations = 0;
        let _ = sender.send("long");
        Outcome::Done
    });
    let long_one = Parameters::new(Class::LowDelay { priority: 0 }, Nanos::ZERO);
    let long = executive.add(Spec::new("long", long_one), cpu, long).unwrap();
    for _ in 0..20 {
        long.notify();
        assert_eq!([heard(&order), heard(&order)], ["urgent", "long"]);
    }
    assert_eq!(long.account().yields, 20);
}

#[test]
fn a_timer_that_is_due_asks_a_running_one_to_yield() {
    let (executive, cpu) = without_neighbours();
    let (sender, order) = mpsc::channel();
    let tick = Parameters::periodic(Nanos::from_millis(5));
    let _tick = executive
        .add(Spec::new("tick", tick), cpu, saying(&sender, "tick"))
        .unwrap();
    let long = handler(move |cx| {
        while !cx.should_yield() {}
        let _ = sender.send("yields");
        Outcome::NotDone
    });
    let parameters = Parameters::periodic(Nanos::from_secs(10));
    let _long = executive.add(Spec::new("long", parameters), cpu, long).unwrap();
    let heard: Vec<&str> = (0..20).map(|_| heard(&order)).collect();
    // Without the question of the flag it would have the CPU forever.
    assert!(
        heard.iter().filter(|what| **what == "tick").count() >= 5,
        "{heard:?}"
    );
}

#[test]
fn a_batch_and_again_reach_the_handler() {
    let (executive, cpu) = executive();
    let (sender, batches) = mpsc::channel();
    let mut left = 3;
    let upcall = handler(move |cx| {
        let _ = sender.send(cx.batch());
        left -= 1;
        if left > 0 {
            cx.again();
        }
        Outcome::Done
    });
    let rtu = executive
        .add(Spec::new("batch", LOW_DELAY).batch(7), cpu, upcall)
        .unwrap();
    rtu.notify();
    assert_eq!([heard(&batches), heard(&batches), heard(&batches)], [7; 3]);
    assert!(rtu.remove().is_some());
    assert!(batches.try_recv().is_err());
}

#[test]
fn removal_waits_for_the_upcall_and_gives_the_handler_back() {
    struct Counts(Arc<AtomicBool>, Sender<()>, Arc<Mutex<()>>);
    impl rtu::Upcall for Counts {
        fn upcall(&mut self, _: &mut Activation<'_>) -> Outcome {
            self.0.store(true, Ordering::Release);
            let _ = self.1.send(());
            drop(self.2.lock());
            self.0.store(false, Ordering::Release);
            Outcome::Done
        }
    }
    let (executive, cpu) = executive();
    let (sender, entered) = mpsc::channel();
    let (within, gate) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(())));
    let held = gate.lock().unwrap();
    let counts = Counts(Arc::clone(&within), sender, Arc::clone(&gate));
    let rtu = executive
        .add(Spec::new("counts", LOW_DELAY), cpu, Box::new(counts))
        .unwrap();
    rtu.notify();
    heard(&entered);
    let removing = std::thread::spawn(move || rtu.remove().is_some());
    assert!(within.load(Ordering::Acquire));
    drop(held);
    assert!(removing.join().unwrap());
    assert!(!within.load(Ordering::Acquire));
}

#[test]
fn one_can_remove_itself_and_others_from_within() {
    let (executive, cpu) = executive();
    let (sender, freed) = mpsc::channel();
    struct OnDrop(Sender<&'static str>, &'static str);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            let _ = self.0.send(self.1);
        }
    }
    let other = {
        let on_drop = OnDrop(sender.clone(), "other");
        let upcall = handler(move |_| {
            let _ = &on_drop;
            Outcome::Done
        });
        executive
            .add(Spec::new("other", BEST_EFFORT), cpu, upcall)
            .unwrap()
    };
    let own: Arc<Mutex<Option<Rtu>>> = Arc::default();
    let mut victims = vec![other];
    let upcall = {
        let (own, on_drop) = (Arc::clone(&own), OnDrop(sender, "itself"));
        handler(move |_| {
            let _ = &on_drop;
            victims.extend(own.lock().unwrap().take());
            // It cannot wait for itself, and must not for others.
            assert!(victims.drain(..).all(|rtu| rtu.remove().is_none()));
            Outcome::Done
        })
    };
    let mut slot = own.lock().unwrap();
    let rtu = slot.insert(
        executive
            .add(Spec::new("itself", LOW_DELAY), cpu, upcall)
            .unwrap(),
    );
    rtu.notify();
    drop(slot);
    let mut gone = [heard(&freed), heard(&freed)];
    gone.sort_unstable();
    assert_eq!(gone, ["itself", "other"]);
}

#[test]
fn one_that_panics_is_removed_and_the_others_go_on() {
    let (executive, cpu) = executive();
    let bad = executive
        .add(
            Spec::new("bad", LOW_DELAY),
            cpu,
            handler(|_| panic!("out of {}", "luck")),
        )
        .unwrap();
    let (sender, order) = mpsc::channel();
    let good = executive
        .add(Spec::new("good", LOW_DELAY), cpu, saying(&sender, ()))
        .unwrap();
    bad.notify();
    until(|| bad.failure().is_some());
    assert_eq!(bad.failure().as_deref(), Some("out of luck"));
    assert_eq!(bad.change(BEST_EFFORT), Err(ChangeError::Gone));
    good.notify();
    heard(&order);
    bad.notify();
    assert!(bad.remove().is_none());
}

#[test]
fn a_change_of_class_changes_the_thread_and_keeps_the_account() {
    let (executive, cpu) = executive();
    let (sender, threads) = mpsc::channel();
    let upcall = handler(move |_| {
        let _ = sender.send(std::thread::current().id());
        Outcome::Done
    });
    let rtu = executive
        .add(Spec::new("changing", LOW_DELAY), cpu, upcall)
        .unwrap();
    let mut completions = 0;
    for round in 0..50 {
        rtu.notify();
        let thread = heard(&threads);
        rtu.change(if round % 2 == 0 { BEST_EFFORT } else { LOW_DELAY })
            .unwrap();
        // On its arrival it is notified once, so that nothing is lost on the way.
        assert_ne!(heard(&threads), thread);
        until(|| rtu.account().completions >= completions + 2);
        completions = rtu.account().completions;
    }
    assert_eq!(completions, 100);
}

#[test]
fn a_notification_after_a_change_is_for_what_it_changed_to() {
    // One that sleeps is woken by the change, and finds the notification as well.
    let (executive, cpu) = started(Executive::builder().capacity(2).spin(Duration::ZERO));
    let (sender, order) = mpsc::channel();
    let rtu = executive
        .add(Spec::new("changing", LOW_DELAY), cpu, saying(&sender, ()))
        .unwrap();
    for _ in 0..500 {
        rtu.change(Parameters::periodic(Nanos::from_secs(100))).unwrap();
        heard(&order);
        until(|| rtu.account().releases == rtu.account().completions);
        order.try_iter().for_each(drop);
        rtu.change(LOW_DELAY).unwrap();
        rtu.notify();
        heard(&order);
    }
}

#[test]
fn notifications_on_the_way_to_the_other_thread_are_not_lost() {
    let (executive, cpu) = executive();
    let written = Arc::new(AtomicU64::new(0));
    let seen = Arc::new(AtomicU64::new(0));
    let upcall = {
        let (written, seen) = (Arc::clone(&written), Arc::clone(&seen));
        handler(move |_| {
            seen.store(written.load(Ordering::Relaxed), Ordering::Relaxed);
            Outcome::Done
        })
    };
    let rtu = executive
        .add(Spec::new("moving", LOW_DELAY), cpu, upcall)
        .unwrap();
    for number in 1..=2_000 {
        rtu.change(if number % 2 == 0 { LOW_DELAY } else { BEST_EFFORT })
            .unwrap();
        written.store(number, Ordering::Relaxed);
        rtu.notify();
        if number % 10 == 0 {
            until(|| seen.load(Ordering::Relaxed) == number);
        }
    }
    until(|| seen.load(Ordering::Relaxed) == 2_000);
    assert!(rtu.remove().is_some());
}

#[test]
fn one_that_is_demoted_goes_on_as_best_effort() {
    let (executive, cpu) = executive();
    let (sender, threads) = mpsc::channel();
    let parameters = Parameters::periodic(Nanos::from_millis(1)).with_budget(Nanos(1), Overrun::Demote);
    let upcall = handler(move |cx| {
        let begin = cx.now();
        while cx.now() - begin < Nanos::from_micros(50) {}
        let _ = sender.send(std::thread::current().name().map(str::to_owned));
        Outcome::Done
    });
    let rtu = executive
        .add(Spec::new("greedy", parameters), cpu, upcall)
        .unwrap();
    assert_eq!(heard(&threads), Some(format!("rtu-{cpu}")));
    let best_effort = Some(format!("rtu-be-{cpu}"));
    until(|| heard(&threads) == best_effort);
    assert_eq!((heard(&threads), rtu.account().overruns), (best_effort, 1));
    rtu.change(Parameters::periodic(Nanos::from_millis(1))).unwrap();
    until(|| heard(&threads) == Some(format!("rtu-{cpu}")));
}

#[test]
fn room_is_bounded_and_comes_back() {
    let executive = Executive::builder().capacity(2).build().unwrap();
    let cpu = executive.cpus().next().unwrap();
    let add = || executive.add(Spec::new("one", LOW_DELAY), cpu, handler(|_| Outcome::Done));
    for _ in 0..10 {
        // Room comes back when the last one who knows an RTU is gone, a moment after its removal.
        let mut two = Vec::new();
        until(|| {
            two.extend(add());
            two.len() == 2
        });
        assert_eq!(add().unwrap_err(), AddError::Full { cpu, capacity: 2 });
        assert!(two.into_iter().all(|rtu| rtu.remove().is_some()));
    }
}

#[test]
fn handlers_outlive_their_executive() {
    let (executive, cpu) = executive();
    let rtu = executive
        .add(Spec::new("last", BEST_EFFORT), cpu, handler(|_| Outcome::Done))
        .unwrap();
    let dropped = executive
        .add(Spec::new("dropped", LOW_DELAY), cpu, handler(|_| Outcome::Done))
        .unwrap();
    drop(executive);
    rtu.notify();
    until(|| rtu.change(LOW_DELAY) == Err(ChangeError::Gone));
    drop(dropped);
    assert!(rtu.remove().is_some());
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (executive, cpu) = executive();
    let add = |parameters, cpu| {
        executive
            .add(Spec::new("x", parameters), cpu, handler(|_| Outcome::Done))
            .unwrap_err()
    };
    assert_eq!(add(LOW_DELAY, 4711), AddError::NoSuchCpu(4711));
    assert_eq!(add(Parameters::periodic(Nanos::ZERO), cpu), AddError::NoPeriod);
    let build = |builder: rtu::executive::Builder| builder.build().unwrap_err();
    assert!(matches!(
        build(Executive::builder().capacity(0)),
        BuildError::Capacity(0)
    ));
    assert!(matches!(
        build(Executive::builder().capacity(32_768)),
        BuildError::Capacity(_)
    ));
    assert!(matches!(
        build(Executive::builder().priority(100)),
        BuildError::Priority(100)
    ));
    assert!(matches!(
        build(Executive::builder().cpus([0, 0])),
        BuildError::Twice(0)
    ));
    for cpu in [1_000, 100_000] {
        assert!(matches!(
            build(Executive::builder().cpus([cpu])),
            BuildError::Cpu { .. }
        ));
    }
}

#[test]
fn one_that_never_returns_is_named() {
    let (executive, cpu) = executive();
    let release = Arc::new(AtomicBool::new(false));
    let upcall = {
        let release = Arc::clone(&release);
        handler(move |_| {
            while !release.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            Outcome::Done
        })
    };
    let rtu = executive
        .add(Spec::new("hanging", LOW_DELAY), cpu, upcall)
        .unwrap();
    assert!(executive.stuck().is_empty());
    rtu.notify();
    until(|| {
        executive
            .stuck()
            .iter()
            .any(|(name, span)| name == "hanging" && span.0 > 1_000_000_000)
    });
    release.store(true, Ordering::Relaxed);
    until(|| executive.stuck().is_empty());
}

#[test]
fn it_runs_under_every_policy_and_says_what_it_got() {
    let deadline = Policy::Deadline {
        runtime: Duration::from_millis(5),
        period: Duration::from_millis(50),
    };
    for (policy, memory) in [
        (Policy::Ordinary, MemoryLock::None),
        (deadline, MemoryLock::Stacks),
    ] {
        let executive = Executive::builder()
            .policy(policy)
            .memory(memory)
            .capacity(4)
            .build()
            .unwrap();
        let cpu = executive.cpus().next().unwrap();
        let [granted] = executive.granted() else {
            panic!("one CPU was asked for");
        };
        assert_eq!((granted.cpu, granted.asked), (cpu, policy));
        assert_eq!(granted.is_complete(), granted.advice().is_none());
        assert!(policy != Policy::Ordinary || granted.is_complete(), "{granted:?}");
        let (sender, order) = mpsc::channel();
        let rtu = executive
            .add(Spec::new("any", LOW_DELAY), cpu, saying(&sender, ()))
            .unwrap();
        rtu.notify();
        heard(&order);
    }
}

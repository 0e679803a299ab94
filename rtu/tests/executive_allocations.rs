// SPDX-License-Identifier: MIT OR Apache-2.0
//! Once its RTUs are there, an executive's threads neither allocate nor free anything, whatever happens to them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as expected"
)]
#![allow(
    unsafe_code,
    reason = "a global allocator is unsafe by nature; this one only counts"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rtu::executive::{Executive, Handler, Interest, Rtu, Spec};
use rtu::scheduler::{Overrun, Parameters};
use rtu::{Activation, Class, Nanos, Outcome};

/// What the executive's threads allocated and freed.
static COUNT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Whether this thread was seen to run an upcall.
    static RUNS_UPCALLS: Cell<bool> = const { Cell::new(false) };
}

struct Counting;

fn count() {
    // A thread that is ending has no thread locals any more.
    if RUNS_UPCALLS.try_with(Cell::get).unwrap_or(false) {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: as above; what alloc gave came from the same allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn handler(mut upcall: impl FnMut(&mut Activation<'_>) + Send + 'static) -> Handler {
    Box::new(move |cx: &mut Activation<'_>| {
        RUNS_UPCALLS.set(true);
        upcall(cx);
        Outcome::Done
    })
}

fn reactive(class: Class) -> Parameters {
    Parameters::new(class, Nanos::ZERO)
}

/// RTUs of all kinds, and a socket whose other end one of them answers at.
fn set_up(executive: &Executive, cpu: usize) -> (Vec<Rtu>, UnixStream) {
    let add = |parameters| {
        executive
            .add(Spec::new("rtu", parameters), cpu, handler(|_| ()))
            .unwrap()
    };
    let mut rtus: Vec<Rtu> = (0..40)
        .map(|priority| match priority % 2 {
            0 => add(reactive(Class::LowDelay { priority })),
            _ => add(reactive(Class::BestEffort { priority })),
        })
        .collect();
    rtus.push(add(
        Parameters::periodic(Nanos::from_micros(300)).with_budget(Nanos(1), Overrun::Log)
    ));
    rtus.push(add(
        Parameters::periodic(Nanos::from_millis(1)).with_budget(Nanos(1), Overrun::Defer)
    ));
    let (near, far) = UnixStream::pair().unwrap();
    far.set_nonblocking(true).unwrap();
    let spec = Spec::new("socket", reactive(Class::LowDelay { priority: 200 }));
    let answering = executive.add_with(spec, cpu, |notifier| {
        notifier.watch(&far, Interest::Readable).unwrap();
        handler(move |_| {
            let mut byte = [0];
            while (&far).read(&mut byte).is_ok_and(|count| count == 1) {
                (&far).write_all(&byte).unwrap();
            }
            notifier.watch(&far, Interest::Readable).unwrap();
        })
    });
    rtus.push(answering.unwrap());
    (rtus, near)
}

fn exercise(rtus: &[Rtu], near: &mut UnixStream, rounds: u8) {
    for round in 0..rounds {
        rtus.iter().for_each(Rtu::notify);
        near.write_all(&[round]).unwrap();
        let mut answer = [0];
        near.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [round]);
    }
}

#[test]
fn nothing_on_the_path_of_an_event_allocates() {
    let executive = Executive::builder().capacity(64).build().unwrap();
    let cpu = executive.cpus().next().unwrap();
    let (rtus, mut near) = set_up(&executive, cpu);
    exercise(&rtus, &mut near, 20);
    let before = COUNT.load(Ordering::Relaxed);
    exercise(&rtus, &mut near, 200);
    assert_eq!(COUNT.load(Ordering::Relaxed), before);
    assert!(rtus.iter().map(|rtu| rtu.counts().completions).sum::<u64>() > 400);
    // Nor does adding and removing another one, which goes on beside the path.
    let extra = Arc::new(());
    let held = Arc::clone(&extra);
    let spec = Spec::new("extra", reactive(Class::LowDelay { priority: 1 }));
    let added = executive
        .add(spec, cpu, handler(move |_| drop(Arc::clone(&held))))
        .unwrap();
    added.notify();
    exercise(&rtus, &mut near, 5);
    drop(added.remove());
    assert_eq!(Arc::strong_count(&extra), 1);
    exercise(&rtus, &mut near, 5);
    assert_eq!(COUNT.load(Ordering::Relaxed), before);
}

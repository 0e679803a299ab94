// SPDX-License-Identifier: MIT OR Apache-2.0
//! Upcalls that wait for descriptors.

use super::*;

/// Answers every byte, and watches again when there is no more.
fn echo(socket: UnixStream, notifier: Notifier, upcalls: Arc<AtomicU64>) -> Handler {
    socket.set_nonblocking(true).unwrap();
    notifier.watch(&socket, Interest::Readable).unwrap();
    handler(move |_| {
        upcalls.fetch_add(1, Ordering::Relaxed);
        let mut byte = [0];
        while (&socket).read(&mut byte).is_ok_and(|count| count == 1) {
            let _ = (&socket).write(&byte);
        }
        notifier.watch(&socket, Interest::Readable).unwrap();
        Outcome::Done
    })
}

#[test]
fn a_descriptor_wakes_its_rtu_and_is_masked_until_it_watches_again() {
    for parameters in [LOW_DELAY, BEST_EFFORT] {
        let (executive, cpu) = executive();
        let (mut near, far) = UnixStream::pair().unwrap();
        near.set_read_timeout(Some(PATIENCE)).unwrap();
        let upcalls = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&upcalls);
        let rtu = executive
            .add_with(Spec::new("echo", parameters), cpu, |notifier| {
                echo(far, notifier, counter)
            })
            .unwrap();
        let mut answer = [0];
        for byte in 0..200 {
            near.write_all(&[byte]).unwrap();
            near.read_exact(&mut answer).unwrap();
            assert_eq!(answer, [byte]);
        }
        // What watches no more is woken no more.
        assert!(rtu.remove().is_some());
        let before = upcalls.load(Ordering::Relaxed);
        near.write_all(&[1]).unwrap_err();
        assert_eq!(upcalls.load(Ordering::Relaxed), before);
    }
}

#[test]
fn an_event_reaches_a_busy_executive_and_follows_an_rtu_to_the_other_thread() {
    let (executive, cpu) = executive();
    let busy = Parameters::new(Class::LowDelay { priority: 0 }, Nanos::ZERO);
    // It is always ready, and only asks whether it has to yield.
    let upcall = handler(|cx| {
        for _ in 0..100 {
            if cx.should_yield() {
                return Outcome::NotDone;
            }
        }
        cx.again();
        Outcome::Done
    });
    let busy = executive.add(Spec::new("busy", busy), cpu, upcall).unwrap();
    busy.notify();
    let (mut near, far) = UnixStream::pair().unwrap();
    near.set_read_timeout(Some(PATIENCE)).unwrap();
    let upcalls = Arc::default();
    let rtu = executive
        .add_with(Spec::new("echo", LOW_DELAY), cpu, |notifier| {
            echo(far, notifier, upcalls)
        })
        .unwrap();
    let mut answer = [0];
    for round in 0..60 {
        if round % 10 == 9 {
            rtu.change(if round % 20 == 9 { BEST_EFFORT } else { LOW_DELAY })
                .unwrap();
        }
        near.write_all(&[round]).unwrap();
        near.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [round]);
        if round == 30 {
            assert!(busy.account().completions > 0);
        }
    }
    drop(busy);
}

#[test]
fn a_file_cannot_be_watched_and_says_so() {
    let (executive, cpu) = executive();
    let rtu = executive
        .add(Spec::new("file", LOW_DELAY), cpu, handler(|_| Outcome::Done))
        .unwrap();
    let file = std::fs::File::open("Cargo.toml").unwrap();
    assert!(rtu.notifier().watch(&file, Interest::Both).is_err());
    let (near, _far) = UnixStream::pair().unwrap();
    rtu.notifier().watch(&near, Interest::Writable).unwrap();
    until(|| rtu.account().completions == 1);
    rtu.notifier().unwatch(&near).unwrap();
    rtu.notifier().unwatch(&near).unwrap();
    rtu.notifier().watch(&near, Interest::Both).unwrap();
    until(|| rtu.account().completions == 2);
}

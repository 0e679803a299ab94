// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bulk: it lies where it was placed until its last user drops it, and none of it is lost or mistaken.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Sizes about those at which something changes: by reference, in place, frames, windows, as one.
const SIZES: &[usize] = &[
    0, 1, 100, 248, 4095, 4096, 8191, 8192, 16_383, 16_384, 16_385, 65_495, 65_536, 130_990, 131_072,
    1_000_003,
];
const LARGE: &[usize] = &[(1 << 20) + 1, 5 << 20, 16 << 20, (16 << 20) + 1];

/// Octets that tell their place, and differ from one `seed` to the next.
fn octets(length: usize, seed: usize) -> Vec<u8> {
    let octet = |at: usize| u8::try_from((at / 3 + at + seed * 7) % 251).unwrap();
    (0..length).map(octet).collect()
}

#[test]
fn bulk_of_every_size_comes_through_among_small_calls() {
    let machine = Machine::new();
    let serving = machine.server(&["apic://bulk"]);
    let (_witness, reference) = witness(&serving);
    let calling = machine.client();
    let clerk = clerk(&calling, &reference);
    for round in 0..3 {
        for length in SIZES {
            // At an odd address, too.
            let original = octets(length + 1, round);
            let copy = clerk.copy(&original[1..]).wait().unwrap();
            assert!(copy == original[1..], "{length} octets");
            assert_eq!(clerk.bounce(None, 7).wait().unwrap(), 7);
        }
    }
    for length in LARGE {
        let original = octets(*length, 0);
        assert!(
            clerk.copy(&original).wait().unwrap() == original,
            "{length} octets"
        );
    }
}

#[test]
fn whoever_keeps_all_he_got_still_gets_more_and_all_of_it_stays() {
    let machine = Machine::new();
    let serving = machine.server(&["apic://kept"]);
    let (_witness, reference) = witness(&serving);
    let calling = machine.client();
    let greedy = clerk(&calling, &reference);
    // More than a channel has frames for.
    let kept: Vec<Bytes> = (0..48)
        .map(|seed| greedy.copy(&octets(1 << 20, seed)).wait().unwrap())
        .collect();
    let other = machine.client();
    assert!(clerk(&other, &reference).copy(&octets(1 << 20, 1)).wait().is_ok());
    for (seed, bulk) in kept.iter().enumerate() {
        assert!(*bulk == octets(1 << 20, seed), "{seed}");
    }
    // Elsewhere, and after the end of the connection.
    let (first, rest) = kept.split_first().unwrap();
    let first = first.clone();
    thread::spawn(move || drop(first)).join().unwrap();
    calling.shutdown();
    drop(calling);
    serving.shutdown();
    for (seed, bulk) in rest.iter().enumerate() {
        assert!(*bulk == octets(1 << 20, seed + 1), "{seed}");
    }
}

#[test]
fn many_threads_send_bulk_and_small_calls_on_one_connection() {
    let machine = Machine::new();
    let serving = machine.server(&["apic://many"]);
    let (_witness, reference) = witness(&serving);
    let calling = machine.client();
    let clerk = clerk(&calling, &reference);
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        for seed in 0..4 {
            let (clerk, done) = (&clerk, &done);
            scope.spawn(move || {
                for round in 0..8 {
                    let original = octets(3000 + 97_001 * ((round + seed) % 5), seed);
                    assert!(clerk.copy(&original).wait().unwrap() == original);
                    assert_eq!(clerk.bounce(None, 3).wait().unwrap(), 3);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(done.into_inner(), 32);
}

/// A server that dies, or ends, in the middle of bulk is an error at once, and what came before stays as it is.
#[test]
fn an_end_in_the_middle_of_bulk_is_noticed() {
    let machine = Machine::new();
    let serving = machine.server(&["apic://mortal"]);
    let (_witness, reference) = witness(&serving);
    let calling = machine.client();
    let clerk = clerk(&calling, &reference);
    let original = octets(8 << 20, 0);
    let before = clerk.copy(&original).wait().unwrap();
    let ended = thread::scope(|scope| {
        let calls = scope.spawn(|| {
            loop {
                if let Err(error) = clerk.copy(&original).wait() {
                    return error;
                }
            }
        });
        thread::sleep(Duration::from_millis(30));
        serving.shutdown();
        drop(serving);
        calls.join().unwrap()
    });
    assert!(
        matches!(
            ended.kind(),
            SystemExceptionKind::CommFailure | SystemExceptionKind::Transient
        ),
        "{ended:?}"
    );
    assert!(before == original);
}

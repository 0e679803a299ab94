// SPDX-License-Identifier: MIT OR Apache-2.0
//! Arguments that are filled where they are sent from: whatever becomes of them, they arrive as they were frozen.

use upcall::{Buffer, Interface};

use super::*;

fn fill(buffer: &mut [u8], seed: usize) {
    for (at, octet) in buffer.iter_mut().enumerate() {
        *octet = u8::try_from((at / 3 + at + seed * 7) % 251).unwrap();
    }
}

fn frozen(clerk: &ClerkRef, octets: usize, seed: usize) -> Bytes {
    let mut buffer: Buffer = clerk.buffer(octets).unwrap();
    assert_eq!(buffer.len(), octets);
    fill(&mut buffer, seed);
    buffer.freeze()
}

#[test]
fn buffers_of_every_size_come_through_whole_and_in_part_and_again() {
    let machine = Machine::new();
    let serving = machine.server(&["apic://buffers"]);
    let (_witness, reference) = witness(&serving);
    let calling = machine.client();
    let clerk = clerk(&calling, &reference);
    for octets in [
        0,
        1,
        8191,
        8192,
        16_384,
        65_536,
        1_000_003,
        16 << 20,
        (16 << 20) + 5,
    ] {
        let buffer = clerk.buffer(octets).unwrap();
        assert_eq!(buffer.is_registered(), octets >= 8192, "{octets}");
        drop(buffer);
        let whole = frozen(&clerk, octets, octets);
        let before = whole.to_vec();
        for part in [whole.clone(), whole.slice(octets / 3..), whole.clone()] {
            assert!(clerk.copy(&part).wait().unwrap() == part, "{octets} octets");
            assert_eq!(clerk.bounce(None, 7).wait().unwrap(), 7);
        }
        assert!(whole == before);
    }
}

#[test]
fn what_is_not_frozen_is_copied_before_the_call_returns() {
    let machine = Machine::new();
    let serving = machine.server(&["apic://wet"]);
    let (_witness, reference) = witness(&serving);
    let calling = machine.client();
    let clerk = clerk(&calling, &reference);
    let mut buffer = clerk.buffer(100_000).unwrap();
    let mut got = Vec::new();
    for seed in 0..3 {
        fill(&mut buffer, seed);
        got.push((clerk.copy(&buffer).wait().unwrap(), buffer.to_vec()));
    }
    for (copy, original) in got {
        assert!(copy == original);
    }
}

#[test]
fn a_buffer_goes_by_any_other_flow_and_after_its_own_has_ended() {
    let machine = Machine::new();
    let serving = machine.server(&["apic://one", "iiop://127.0.0.1:0"]);
    let (_witness, reference) = witness(&serving);
    let calling = machine.client();
    let clerk = clerk(&calling, &reference);
    let whole = frozen(&clerk, 300_000, 1);
    let before = whole.to_vec();
    let other = machine.client();
    assert!(super::clerk(&other, &reference).copy(&whole).wait().unwrap() == before);
    let sockets = Orb::builder().environment(false).fabric(None).build().unwrap();
    let by_sockets = super::clerk(&sockets, &reference);
    assert!(by_sockets.copy(&whole).wait().unwrap() == before);
    let heap = by_sockets.buffer(300_000).unwrap();
    assert!(!heap.is_registered());
    assert!(clerk.copy(&heap.freeze()).wait().unwrap() == vec![0; 300_000]);
    // In this process there is no flow.
    let local = ClerkRef::from(serving.string_to_object(&reference).unwrap());
    let collocated = local.buffer(9000).unwrap();
    assert!(!collocated.is_registered());
    assert!(local.copy(&collocated.freeze()).wait().unwrap() == vec![0; 9000]);
    assert!(local.copy(&whole).wait().unwrap() == before);
    calling.shutdown();
    drop((calling, clerk));
    assert!(by_sockets.copy(&whole).wait().unwrap() == before);
    assert!(whole == before);
}

#[test]
fn whoever_keeps_all_buffers_still_calls_and_gets_memory_elsewhere() {
    let machine = Machine::new();
    let serving = machine.server(&["apic://greedy"]);
    let (_witness, reference) = witness(&serving);
    let calling = machine.client();
    let clerk = clerk(&calling, &reference);
    let kept: Vec<Bytes> = (0..40).map(|seed| frozen(&clerk, 1 << 20, seed)).collect();
    assert!(!clerk.buffer(1 << 20).unwrap().is_registered());
    for bulk in &kept {
        assert!(clerk.copy(bulk).wait().unwrap() == *bulk);
    }
    let late = kept.last().unwrap().to_vec();
    assert!(clerk.copy(&late).wait().unwrap() == late);
    drop(kept);
    clerk.bounce(None, 7).wait().unwrap();
    assert!(clerk.buffer(1 << 20).unwrap().is_registered());
}

/// A server that ends in the middle of calls: what was lent to it stays as it is, and goes to the next one.
#[test]
fn a_buffer_outlives_the_server_that_had_it() {
    let machine = Machine::new();
    let serving = machine.server(&["apic://mortal-buffers"]);
    let (_witness, reference) = witness(&serving);
    let calling = machine.client();
    let clerk = clerk(&calling, &reference);
    let whole = frozen(&clerk, 8 << 20, 3);
    let before = whole.to_vec();
    thread::scope(|scope| {
        let calls = scope.spawn(|| while clerk.copy(&whole).wait().is_ok() {});
        thread::sleep(Duration::from_millis(30));
        serving.shutdown();
        drop(serving);
        calls.join().unwrap();
    });
    assert!(whole == before);
    let serving = machine.server(&["apic://next"]);
    let (_witness, reference) = witness(&serving);
    assert!(super::clerk(&calling, &reference).copy(&whole).wait().unwrap() == before);
}

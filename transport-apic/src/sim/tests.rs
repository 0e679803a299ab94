// SPDX-License-Identifier: MIT OR Apache-2.0

use std::num::NonZeroU64;

use super::*;

const MILLI: Duration = Duration::from_millis(1);

fn link(conditions: Conditions, seed: u64) -> Link<Vec<u8>> {
    Link::new(conditions, seed).expect("conditions are possible")
}

/// Sends `count` numbered packets, one per millisecond, and gives what comes out, with the times.
fn run(link: &mut Link<Vec<u8>>, count: u32) -> Vec<(Duration, Vec<u8>)> {
    for number in 0..count {
        link.send(MILLI * number, number.to_be_bytes().repeat(25));
    }
    let mut out = Vec::new();
    while let Some(at) = link.next_arrival() {
        out.push((at, link.receive(at).expect("it arrives when it said")));
    }
    out
}

fn number(packet: &[u8]) -> u32 {
    u32::from_be_bytes(packet[..4].try_into().expect("four bytes"))
}

fn everything() -> Conditions {
    Conditions {
        delay: 3 * MILLI,
        jitter: 2 * MILLI,
        rate: NonZeroU64::new(150_000),
        queue: 400,
        loss: 0.05,
        burst: Some(Burst {
            begins: 0.02,
            ends: 0.3,
            loss: 0.8,
        }),
        reordering: 0.1,
        duplication: 0.1,
        corruption: 0.1,
        ..Conditions::default()
    }
}

#[test]
fn a_perfect_link_gives_everything_at_once_and_in_order() {
    let mut link = link(Conditions::default(), 1);
    let out = run(&mut link, 1000);
    for (expected, (at, packet)) in (0..).zip(&out) {
        assert_eq!((*at, number(packet)), (MILLI * expected, expected));
    }
    assert_eq!(out.len(), 1000);
}

#[test]
fn the_same_seed_replays_exactly() {
    let first = run(&mut link(everything(), 7), 5000);
    assert_eq!(first, run(&mut link(everything(), 7), 5000));
    assert_ne!(first, run(&mut link(everything(), 8), 5000));
}

#[test]
fn every_packet_is_counted_once() {
    let mut link = link(everything(), 3);
    let out = run(&mut link, 20_000);
    let counters = link.counters();
    let gone = counters.lost + counters.lost_in_burst + counters.queue_full + counters.too_long;
    assert_eq!(counters.sent - gone + counters.duplicated, counters.received);
    assert_eq!(counters.received, out.len() as u64);
    for (what, count) in [
        ("lost", counters.lost),
        ("in a burst", counters.lost_in_burst),
        ("duplicated", counters.duplicated),
        ("reordered", counters.reordered),
        ("corrupted", counters.corrupted),
    ] {
        assert!(count > 500, "{what}: {count} of 20,000");
    }
}

#[test]
fn as_many_are_lost_as_was_said() {
    let mut link = link(
        Conditions {
            loss: 0.2,
            ..Conditions::default()
        },
        11,
    );
    run(&mut link, 100_000);
    // Five standard deviations of a binomial distribution: sqrt(100,000 * 0.2 * 0.8) = 126.
    assert!(
        link.counters().lost.abs_diff(20_000) < 632,
        "{:?}",
        link.counters()
    );
}

#[test]
fn bursts_lose_as_many_as_their_chain_says_and_together() {
    let burst = Burst {
        begins: 0.01,
        ends: 0.1,
        loss: 1.0,
    };
    let mut link = link(
        Conditions {
            burst: Some(burst),
            ..Conditions::default()
        },
        5,
    );
    let out = run(&mut link, 200_000);
    let lost = link.counters().lost_in_burst as f64;
    let expected = 200_000.0 * 0.01 / 0.11;
    assert!((lost / expected - 1.0).abs() < 0.1, "{lost} against {expected}");
    let gaps: Vec<u32> = out
        .windows(2)
        .map(|pair| number(&pair[1].1) - number(&pair[0].1) - 1)
        .filter(|gap| *gap > 0)
        .collect();
    let mean = f64::from(gaps.iter().sum::<u32>()) / gaps.len() as f64;
    assert!(
        (mean / 10.0 - 1.0).abs() < 0.1,
        "a burst of {mean} packets, not 10"
    );
}

#[test]
fn the_rate_spaces_packets_and_the_queue_is_bounded() {
    let mut link = link(
        Conditions {
            rate: NonZeroU64::new(1_000_000),
            queue: 5_000,
            ..Conditions::default()
        },
        1,
    );
    for _ in 0..10 {
        link.send(Duration::ZERO, vec![0; 1000]);
    }
    assert_eq!(link.counters().queue_full, 5);
    for packet in 1..=5 {
        assert_eq!(link.next_arrival(), Some(MILLI * packet));
        assert!(link.receive(MILLI * packet).is_some());
    }
    link.send(3 * MILLI, vec![0; 1000]);
    assert_eq!(link.next_arrival(), Some(6 * MILLI), "behind what was there");
    link.send(10 * MILLI, vec![0; 500]);
    assert!(link.receive(10 * MILLI).is_some());
    assert_eq!(
        link.next_arrival(),
        Some(10 * MILLI + MILLI / 2),
        "an idle link saves nothing up"
    );
}

#[test]
fn jitter_keeps_the_order_and_reordering_does_not() {
    let jitter = Conditions {
        jitter: 50 * MILLI,
        ..Conditions::default()
    };
    let out = run(&mut link(jitter, 9), 2000);
    assert!(out.is_sorted_by_key(|(_, packet)| number(packet)));
    assert!(
        out.iter()
            .any(|(at, packet)| *at > MILLI * number(packet) + 30 * MILLI)
    );
    let reordering = Conditions {
        reordering: 0.1,
        ..Conditions::default()
    };
    let mut link = link(reordering, 9);
    let out = run(&mut link, 2000);
    assert!(!out.is_sorted_by_key(|(_, packet)| number(packet)));
    assert!(out.is_sorted_by_key(|(at, _)| *at));
    assert_eq!(out.len(), 2000);
}

#[test]
fn corruption_changes_one_byte() {
    let mut link = link(
        Conditions {
            corruption: 1.0,
            ..Conditions::default()
        },
        2,
    );
    for _ in 0..1000 {
        link.send(Duration::ZERO, vec![0; 40]);
        let packet = link.receive(Duration::ZERO).expect("it comes");
        let changed = packet.iter().filter(|byte| **byte != 0).count();
        assert_eq!((packet.len(), changed), (40, 1));
    }
    link.send(Duration::ZERO, Vec::new());
    assert_eq!(link.receive(Duration::ZERO), Some(Vec::new()));
}

#[test]
fn what_is_longer_than_the_mtu_is_dropped() {
    let conditions = Conditions {
        mtu: 1500,
        ..Conditions::default()
    };
    let mut link = link(conditions, 1);
    link.send(Duration::ZERO, vec![0; 1501]);
    link.send(Duration::ZERO, vec![0; 1500]);
    assert_eq!(
        link.receive(Duration::ZERO).map(|packet| packet.len()),
        Some(1500)
    );
    assert_eq!(link.counters().too_long, 1);
    link.change(Conditions {
        mtu: 576,
        ..conditions
    })
    .expect("possible");
    link.send(Duration::ZERO, vec![0; 1500]);
    assert_eq!(link.counters().too_long, 2);
}

#[test]
fn impossible_conditions_are_refused() {
    for value in [-0.1, 1.1, f64::NAN] {
        let refused = Link::<Vec<u8>>::new(
            Conditions {
                duplication: value,
                ..Conditions::default()
            },
            0,
        );
        assert!(matches!(
            refused,
            Err(BadConditions::NotProbability {
                field: "duplication",
                ..
            })
        ));
    }
    let nothing = Conditions {
        rate: NonZeroU64::new(1),
        queue: 0,
        ..Conditions::default()
    };
    assert_eq!(
        Link::<Vec<u8>>::new(nothing, 0).err(),
        Some(BadConditions::NoQueue)
    );
}

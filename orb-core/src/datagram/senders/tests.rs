// SPDX-License-Identifier: MIT OR Apache-2.0

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

const NEXT: Arrival = Arrival::Next { skipped: 0 };

fn stamp(sender: u64, number: u64) -> Stamp {
    Stamp { sender, number }
}

#[test]
fn what_was_skipped_is_missing_until_it_comes() {
    let mut senders = Senders::default();
    let mut note = |number| senders.note(stamp(7, number));
    assert_eq!(note(1), NEXT);
    assert_eq!(note(2), NEXT);
    assert_eq!(note(5), Arrival::Next { skipped: 2 });
    assert_eq!(note(4), Arrival::Late);
    assert_eq!(note(4), Arrival::Repeated);
    assert_eq!(note(5), Arrival::Repeated);
    assert_eq!(note(6), NEXT);
    assert_eq!(note(6 + WINDOW), Arrival::Next { skipped: WINDOW - 1 });
    assert_eq!(note(3), Arrival::Repeated, "too old to tell");
    assert_eq!(note(7), Arrival::Late);
}

#[test]
fn a_sender_is_counted_from_where_it_was_seen_first() {
    let mut senders = Senders::default();
    assert_eq!(senders.note(stamp(7, 40)), NEXT);
    assert_eq!(senders.note(stamp(7, 39)), Arrival::Early);
    assert_eq!(senders.note(stamp(7, 39)), Arrival::Repeated);
    assert_eq!(senders.note(stamp(7, 40 + JUMP + 1)), NEXT, "a new beginning");
    assert_eq!(senders.note(stamp(7, u64::MAX)), NEXT);
    assert_eq!(senders.note(stamp(7, u64::MAX)), Arrival::Repeated);
}

#[test]
fn senders_do_not_disturb_each_other_and_the_oldest_gives_way() {
    let mut senders = Senders::default();
    // All of them in one set.
    let sender = |number: u64| number * SETS as u64;
    for who in 0..=WAYS as u64 {
        assert_eq!(senders.note(stamp(sender(who), 10)), NEXT);
    }
    for who in 1..=WAYS as u64 {
        let skipped = Arrival::Next { skipped: 1 };
        assert_eq!(senders.note(stamp(sender(who), 12)), skipped, "{who}");
    }
    assert_eq!(senders.note(stamp(0, 12)), NEXT, "it was forgotten");
}

proptest! {
    /// Whatever is lost, comes twice or out of order: what is taken is taken once, and the counts tell what is not there.
    #[test]
    fn counts_add_up(order in proptest::collection::vec(1_u64..200, 1..300)) {
        let mut senders = Senders::default();
        let (mut taken, mut skipped, mut late) = (HashSet::new(), 0, 0);
        for number in order.iter().copied() {
            match senders.note(stamp(9, number)) {
                Arrival::Repeated => {
                    let latest: u64 = *taken.iter().max().unwrap();
                    prop_assert!(taken.contains(&number) || latest - number >= WINDOW);
                    continue;
                }
                Arrival::Next { skipped: some } => skipped += some,
                Arrival::Late => late += 1,
                Arrival::Early => {}
            }
            prop_assert!(taken.insert(number), "{number} was taken twice");
        }
        let first = order.first().copied().unwrap();
        let latest = order.iter().copied().max().unwrap();
        let there = taken.iter().filter(|number| **number >= first).count() as u64;
        prop_assert_eq!(latest - first + 1 - there, skipped - late);
    }
}

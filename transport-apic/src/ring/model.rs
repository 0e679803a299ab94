// SPDX-License-Identifier: MIT OR Apache-2.0
//! A ring under the model checker, in every order that the memory model allows.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use super::{Consumer, Producer};

const SIZE: u32 = 2;
const VALUES: u64 = 3;

struct Shared {
    published: AtomicU64,
    consumed: AtomicU64,
    /// As real slots are: the rings alone put them in order, and a stale or early value is seen.
    slots: [AtomicU64; SIZE as usize],
}

fn slot(shared: &Shared, number: u64) -> &AtomicU64 {
    &shared.slots[(number % u64::from(SIZE)) as usize]
}

#[test]
fn entries_come_out_whole_and_in_order() {
    loom::model(|| {
        let shared = Arc::new(Shared {
            published: AtomicU64::new(0),
            consumed: AtomicU64::new(0),
            slots: [AtomicU64::new(0), AtomicU64::new(0)],
        });
        let writer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let mut producer = Producer::new(SIZE);
                for value in 1..=VALUES {
                    let number = loop {
                        match producer.next(&shared.consumed).unwrap() {
                            Some(number) => break number,
                            None => thread::yield_now(),
                        }
                    };
                    slot(&shared, number).store(value, Ordering::Relaxed);
                    producer.wrote();
                    // The first two at once.
                    if value > 1 {
                        producer.publish(&shared.published);
                    }
                }
            })
        };
        let mut consumer = Consumer::new(SIZE);
        for value in 1..=VALUES {
            let number = loop {
                match consumer.next(&shared.published).unwrap() {
                    Some(number) => break number,
                    None => thread::yield_now(),
                }
            };
            let read = slot(&shared, number).load(Ordering::Relaxed);
            assert_eq!(read, value);
            consumer.took();
            consumer.publish(&shared.consumed);
        }
        writer.join().unwrap();
    });
}

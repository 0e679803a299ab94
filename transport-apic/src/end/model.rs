// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two ends under the model checker, with as many preemptions as take minutes.

use std::time::Duration;

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use crate::end::{End, Wake};
use crate::geometry::{FrameClass, Geometry, PAGE};
use crate::{Integrity, Interest, Packet};

use super::pair;

const TINY: Geometry = Geometry {
    slots: 2,
    small: FrameClass { size: PAGE, count: 1 },
    large: FrameClass { size: PAGE, count: 0 },
};

/// What a futex or a socket does: it wakes whoever slept before, and nobody else.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    condition: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap() = true;
        self.condition.notify_one();
    }

    fn sleep(&self) {
        let mut rung = self.rung.lock().unwrap();
        while !*rung {
            rung = self.condition.wait(rung).unwrap();
        }
        *rung = false;
    }
}

fn check(body: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(body);
}

/// Receives one packet, asleep in between. A wake that is lost would be a deadlock, which the checker reports.
fn sleep_and_receive(end: &mut End, bell: &Bell) -> Packet<crate::Frame> {
    loop {
        if let Some(packet) = end.receive().unwrap() {
            return packet;
        }
        if end.arm(Interest::Packets, Wake::Futex) {
            bell.sleep();
            end.disarm(Wake::Futex);
        }
    }
}

#[test]
fn a_packet_is_never_slept_through() {
    check(|| {
        let (mut here, mut there) = pair(TINY, Integrity::Shared);
        let bell = Arc::new(Bell::default());
        let sender = {
            let bell = Arc::clone(&bell);
            thread::spawn(move || {
                for _ in 0..2 {
                    here.transmit(&Packet::default(), Duration::ZERO).unwrap();
                    if here.publish().futex {
                        bell.ring();
                    }
                }
                here
            })
        };
        for _ in 0..2 {
            sleep_and_receive(&mut there, &bell);
        }
        drop(sender.join().unwrap());
    });
}

#[test]
fn room_is_never_slept_through() {
    check(|| {
        let (mut here, mut there) = pair(TINY, Integrity::Shared);
        let bell = Arc::new(Bell::default());
        for _ in 0..TINY.slots {
            here.transmit(&Packet::default(), Duration::ZERO).unwrap();
        }
        here.publish();
        let receiver = {
            let bell = Arc::clone(&bell);
            thread::spawn(move || {
                there.receive().unwrap().unwrap();
                if there.publish().futex {
                    bell.ring();
                }
                there
            })
        };
        while !here.has_slot() {
            if here.arm(Interest::PacketsAndRoom, Wake::Futex) {
                bell.sleep();
                here.disarm(Wake::Futex);
            }
        }
        here.transmit(&Packet::default(), Duration::ZERO).unwrap();
        drop(receiver.join().unwrap());
    });
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The counts under the model checker, in every order that the memory model allows:
//! `RUSTFLAGS="--cfg loom" cargo test --release -p upcall-transport-apic --lib model`.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::Ledger;

/// A ledger with memory behind each frame, of which the checker sees who touches it without order.
struct Memory {
    ledger: Ledger,
    frames: Vec<UnsafeCell<u32>>,
    /// Touched by who would free all.
    whole: UnsafeCell<bool>,
}

fn memory(frames: usize) -> Arc<Memory> {
    Arc::new(Memory {
        ledger: Ledger::new(frames),
        frames: (0..frames).map(|_| UnsafeCell::new(0)).collect(),
        whole: UnsafeCell::new(false),
    })
}

impl Memory {
    fn read(&self, frame: u32) {
        self.whole.with(|_| ());
        self.frames[frame as usize].with(|_| ());
    }

    fn write(&self, frame: u32) {
        self.frames[frame as usize].with_mut(|_| ());
    }

    /// Reads, lets go, and frees all if told to.
    fn drop_frame(&self, frame: u32) -> bool {
        self.read(frame);
        let last = self.ledger.share(frame).unwrap().release();
        if last {
            self.free();
        }
        last
    }

    fn free(&self) {
        self.whole.with_mut(|_| ());
    }
}

/// Another thread that drops a frame, and says whether that freed all.
fn drops(memory: &Arc<Memory>, frame: u32) -> thread::JoinHandle<bool> {
    let memory = Arc::clone(memory);
    thread::spawn(move || memory.drop_frame(frame))
}

#[test]
fn who_collects_a_frame_may_write_it() {
    loom::model(|| {
        let memory = memory(1);
        memory.ledger.lend(0);
        memory.ledger.lend(0);
        let holder = drops(&memory, 0);
        memory.drop_frame(0);
        let mut back = 0;
        memory.ledger.collect(|frame| {
            memory.write(frame);
            back += 1;
        });
        holder.join().unwrap();
        back += memory.ledger.collect(|frame| memory.write(frame));
        assert_eq!(back, 1, "it comes back once");
    });
}

#[test]
fn a_frame_that_is_lent_again_while_it_comes_back_comes_back_with_the_last_holder() {
    loom::model(|| {
        let memory = memory(1);
        memory.ledger.lend(0);
        let holder = drops(&memory, 0);
        // The owner does not know whether it is coming back.
        memory.ledger.lend(0);
        let early = memory.ledger.collect(|_| panic!("it is held"));
        memory.drop_frame(0);
        holder.join().unwrap();
        let late = memory.ledger.collect(|frame| memory.write(frame));
        assert_eq!((early, late), (0, 1));
    });
}

#[test]
fn one_and_only_one_frees_when_the_owner_leaves() {
    loom::model(|| {
        let memory = memory(2);
        memory.ledger.lend(0);
        memory.ledger.lend(1);
        let holders = [0, 1].map(|frame| drops(&memory, frame));
        let mut freed = u32::from(memory.ledger.depart(2));
        if freed == 1 {
            memory.free();
        }
        for holder in holders {
            freed += u32::from(holder.join().unwrap());
        }
        assert_eq!(freed, 1);
    });
}

#[test]
fn nobody_frees_what_was_lent_again_and_is_held() {
    loom::model(|| {
        let memory = memory(1);
        memory.ledger.lend(0);
        let holder = drops(&memory, 0);
        memory.ledger.lend(0);
        let gone = memory.ledger.depart(1);
        assert!(!gone, "this one still holds it");
        let mut freed = u32::from(memory.drop_frame(0));
        freed += u32::from(holder.join().unwrap());
        assert_eq!(freed, 1);
    });
}

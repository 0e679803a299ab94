// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls made while serving a call: what a thread must not keep to itself while it waits for a reply.
//!
//! A thread that serves a connection is the only one that reads it, and in a POA with the single-thread model it holds
//! that POA. If it now waits for a reply, and the peer needs exactly that connection or that POA to produce it, both
//! would wait for ever. So whatever makes a thread wait calls [`about_to_block`] first. And where the peer needs work
//! done that is this thread's alone, a [`Duty`], the thread does it while it waits.

mod duty;

use std::{cell::RefCell, fmt, marker::PhantomData, rc::Rc};

pub(crate) use self::duty::has_duties;
pub use self::duty::{Duty, attend, lay_down, take_on};

/// Something a thread holds that others need while it waits.
pub trait Holder {
    /// Lets go, before the thread waits.
    fn release(&self);

    /// Takes hold again, after the thread has waited. Defaults to nothing.
    fn resume(&self) {}
}

thread_local! {
    static HOLDERS: RefCell<Vec<Rc<dyn Holder>>> = const { RefCell::new(Vec::new()) };
}

/// Says that this thread is about to wait for a reply; it may do so until the [`Blocking`] is dropped.
///
/// Costs a few nanoseconds on a thread that serves nobody.
#[must_use = "the wait ends when this is dropped"]
pub fn about_to_block() -> Blocking {
    let count = HOLDERS
        .try_with(|holders| holders.borrow().len())
        .unwrap_or_default();
    for index in (0..count).rev() {
        if let Some(holder) = holder(index) {
            holder.release();
        }
    }
    Blocking {
        count,
        on_this_thread: PhantomData,
    }
}

/// Keeps what this thread held released, while it waits.
pub struct Blocking {
    count: usize,
    on_this_thread: PhantomData<Rc<()>>,
}

impl Drop for Blocking {
    fn drop(&mut self) {
        for index in 0..self.count {
            if let Some(holder) = holder(index) {
                holder.resume();
            }
        }
    }
}

impl fmt::Debug for Blocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking").field("holders", &self.count).finish()
    }
}

/// Makes `holder` one of those that this thread releases before it waits, until the [`Held`] is dropped.
pub fn hold(holder: Rc<dyn Holder>) -> Held {
    HOLDERS.with(|holders| {
        let mut holders = holders.borrow_mut();
        holders.push(holder);
        Held {
            index: holders.len() - 1,
            on_this_thread: PhantomData,
        }
    })
}

/// Keeps a [`Holder`] on its thread's list. Dropped in the reverse order of being made.
pub struct Held {
    index: usize,
    on_this_thread: PhantomData<Rc<()>>,
}

impl Drop for Held {
    fn drop(&mut self) {
        // A thread that ends drops its list first; then there is nothing left to take off.
        let _ = HOLDERS.try_with(|holders| holders.borrow_mut().truncate(self.index));
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("index", &self.index).finish()
    }
}

/// The list must not be borrowed while a holder acts: acting may make a call.
fn holder(index: usize) -> Option<Rc<dyn Holder>> {
    HOLDERS
        .try_with(|holders| holders.borrow().get(index).cloned())
        .ok()
        .flatten()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[derive(Default)]
    struct Log {
        released: Cell<u32>,
        resumed: Cell<u32>,
    }

    impl Holder for Log {
        fn release(&self) {
            self.released.set(self.released.get() + 1);
        }
        fn resume(&self) {
            self.resumed.set(self.resumed.get() + 1);
        }
    }

    #[test]
    fn what_is_held_is_released_for_the_wait_and_taken_again() {
        let log = Rc::new(Log::default());
        let held = hold(Rc::clone(&log) as Rc<dyn Holder>);
        let waiting = about_to_block();
        assert_eq!((log.released.get(), log.resumed.get()), (1, 0));
        drop(waiting);
        assert_eq!((log.released.get(), log.resumed.get()), (1, 1));
        drop(held);
        drop(about_to_block());
        assert_eq!((log.released.get(), log.resumed.get()), (1, 1));
    }

    #[test]
    fn a_thread_that_holds_nothing_just_waits() {
        drop(about_to_block());
    }
}

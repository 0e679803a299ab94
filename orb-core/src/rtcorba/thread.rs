// SPDX-License-Identifier: MIT OR Apache-2.0
//! The priority that a thread has for RT-CORBA: what its calls carry along.

use std::{cell::Cell, marker::PhantomData, rc::Rc};

use super::Priority;

thread_local! {
    static PRIORITY: Cell<Option<Priority>> = const { Cell::new(None) };
}

/// Returns the calling thread's priority, if it was given one.
#[inline]
#[must_use]
pub fn thread_priority() -> Option<Priority> {
    // A thread that is ending has none any more.
    PRIORITY.try_with(Cell::get).unwrap_or_default()
}

/// Keeps a priority the calling thread's; as it ends, the thread has the one from before.
#[must_use = "the priority lasts as long as this"]
#[derive(Debug)]
pub struct AtPriority {
    before: Option<Priority>,
    on_this_thread: PhantomData<Rc<()>>,
}

impl AtPriority {
    /// Gives the calling thread a priority, for RT-CORBA only: to the operating system it stays what it is.
    pub fn new(priority: Priority) -> Self {
        Self {
            before: PRIORITY.replace(Some(priority)),
            on_this_thread: PhantomData,
        }
    }

    /// Leaves the thread the priority for good.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for AtPriority {
    fn drop(&mut self) {
        let _ = PRIORITY.try_with(|priority| priority.set(self.before));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_lasts_as_long_as_its_guard_and_is_the_threads_alone() {
        let [low, high] = [3, 9].map(|value| Priority::new(value).unwrap());
        assert_eq!(thread_priority(), None);
        AtPriority::new(low).keep();
        let inner = AtPriority::new(high);
        assert_eq!(thread_priority(), Some(high));
        assert_eq!(std::thread::spawn(thread_priority).join().unwrap(), None);
        drop(inner);
        assert_eq!(thread_priority(), Some(low));
    }
}

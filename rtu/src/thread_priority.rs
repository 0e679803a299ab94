// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system's priority of threads that are no executive's.

use std::{cell::Cell, io, marker::PhantomData, rc::Rc};

use crate::executive::{system, within_executive};

thread_local! {
    /// What the thread had by itself, once it was given something else.
    static OWN: Cell<Option<(libc::c_int, u8)>> = const { Cell::new(None) };
    /// What it was given, if anything.
    static GIVEN: Cell<Option<u8>> = const { Cell::new(None) };
}

/// Keeps a priority of `SCHED_FIFO` the calling thread's; as it ends, the thread has the one from before.
///
/// A thread of an executive stays as it is: all executives of a machine have the same priority.
#[must_use = "the priority lasts as long as this"]
#[derive(Debug)]
pub struct ThreadPriority {
    before: Option<u8>,
    on_this_thread: PhantomData<Rc<()>>,
}

impl ThreadPriority {
    /// Gives the calling thread a priority from 1 to 99, or ordinary scheduling for 0. Costs a system call, and nothing if
    /// the thread has it already.
    ///
    /// # Errors
    ///
    /// What the system says if the process has not the right, or there is no such priority, and `Unsupported` for a thread
    /// with a deadline; then the thread stays as it was.
    pub fn new(priority: u8) -> io::Result<Self> {
        let before = GIVEN.get();
        give(Some(priority))?;
        Ok(Self {
            before,
            on_this_thread: PhantomData,
        })
    }

    /// Leaves the thread the priority for good.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for ThreadPriority {
    fn drop(&mut self) {
        // What it had before it may have again.
        let _ = give(self.before);
    }
}

/// Gives the calling thread a priority, or back what it had by itself.
fn give(priority: Option<u8>) -> io::Result<()> {
    if priority == GIVEN.get() || within_executive() {
        return Ok(());
    }
    let own = match OWN.get() {
        Some(own) => own,
        None => {
            let (policy, priority) = system::scheduler()?;
            if policy == libc::SCHED_DEADLINE {
                // It could not be had back by a priority.
                return Err(io::ErrorKind::Unsupported.into());
            }
            let own = (policy, u8::try_from(priority).unwrap_or(0));
            OWN.set(Some(own));
            own
        }
    };
    let (policy, value) = match priority {
        Some(0) => (libc::SCHED_OTHER, 0),
        Some(priority) => (libc::SCHED_FIFO, priority),
        None => own,
    };
    system::set_scheduler(policy, value)?;
    GIVEN.set(priority);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheduling() -> (libc::c_int, libc::c_int) {
        system::scheduler().expect("known")
    }

    /// On a thread of its own, since threads keep what tests leave.
    fn alone(test: impl FnOnce() + Send + 'static) {
        std::thread::spawn(test).join().expect("the test holds");
    }

    #[test]
    fn a_thread_has_the_priority_for_as_long_as_it_is_kept() {
        alone(|| {
            let own = scheduling();
            let outer = match ThreadPriority::new(1) {
                Ok(given) => given,
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
                    return assert_eq!(scheduling(), own);
                }
            };
            assert_eq!(scheduling(), (libc::SCHED_FIFO, 1));
            let inner = ThreadPriority::new(2).expect("as before");
            assert_eq!(scheduling(), (libc::SCHED_FIFO, 2));
            drop(inner);
            assert_eq!(scheduling(), (libc::SCHED_FIFO, 1));
            drop(ThreadPriority::new(0).expect("less is never refused"));
            assert_eq!(scheduling(), (libc::SCHED_FIFO, 1));
            drop(outer);
            assert_eq!(scheduling(), own);
        });
    }

    #[test]
    fn what_is_no_priority_changes_nothing() {
        alone(|| {
            let own = scheduling();
            assert!(ThreadPriority::new(100).is_err());
            assert_eq!(scheduling(), own);
        });
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whose turn it is in a POA with the single-thread model (CORBA 3.3 Part 1 §15.3.8.1).
//!
//! The thread that has the turn may come back (a servant that calls its own POA), and gives the turn away while it
//! waits for a reply, so that a call which comes back through another process is served.

use std::{
    rc::Rc,
    sync::Arc,
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use orb_core::{
    exception::{Completed, SystemException, SystemExceptionKind, minor},
    nested::{self, Held, Holder},
};
use parking_lot::{Condvar, Mutex};

/// How long a request waits for its turn whose client has not said for how long it waits.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A turn that one thread has at a time.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// Who has it, and how many times over.
    taken: Mutex<Option<(ThreadId, u32)>>,
    free: Condvar,
}

/// Keeps the turn for this thread.
pub(crate) struct Taken {
    share: Rc<Share>,
    /// Taken off before the turn is given back.
    held: Option<Held>,
}

struct Share(Arc<Turn>);

impl Turn {
    /// Waits for the turn, until `deadline` at most.
    pub(crate) fn take(self: &Arc<Self>, deadline: Option<Instant>) -> Result<Taken, SystemException> {
        let deadline = deadline.unwrap_or_else(|| Instant::now() + LONGEST_WAIT);
        if !self.enter(Some(deadline)) {
            return Err(SystemException::new(
                SystemExceptionKind::Transient,
                minor::REQUEST_DISCARDED,
                Completed::No,
            )
            .with_message(
                "the POA serves one request at a time, and was busy until this one's time was over",
            ));
        }
        let share = Rc::new(Share(Arc::clone(self)));
        let held = Some(nested::hold(Rc::clone(&share) as Rc<dyn Holder>));
        Ok(Taken { share, held })
    }

    fn enter(&self, deadline: Option<Instant>) -> bool {
        let me = thread::current().id();
        let mut taken = self.taken.lock();
        let mut blocking = None;
        loop {
            match &mut *taken {
                None => {
                    *taken = Some((me, 1));
                    return true;
                }
                Some((owner, depth)) if *owner == me => {
                    *depth += 1;
                    return true;
                }
                Some(_) if deadline.is_some() && blocking.is_none() => {
                    // Others must be able to read this connection while the request waits.
                    parking_lot::MutexGuard::unlocked(&mut taken, || {
                        blocking = Some(nested::about_to_block())
                    });
                }
                Some(_) => match deadline {
                    Some(deadline) if self.free.wait_until(&mut taken, deadline).timed_out() => return false,
                    Some(_) => {}
                    None => self.free.wait(&mut taken),
                },
            }
        }
    }

    fn leave(&self) {
        let mut taken = self.taken.lock();
        match &mut *taken {
            Some((_, depth)) if *depth > 1 => *depth -= 1,
            _ => {
                *taken = None;
                self.free.notify_one();
            }
        }
    }
}

impl Holder for Share {
    fn release(&self) {
        self.0.leave();
    }

    fn resume(&self) {
        // The servant must not go on beside another request; whoever has the turn gives it back or waits itself.
        self.0.enter(None);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        drop(self.held.take());
        self.share.0.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn one_thread_at_a_time_has_the_turn() {
        let turn = Arc::new(Turn::default());
        let inside = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let _taken = turn.take(None).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
    }

    #[test]
    fn the_thread_that_has_it_may_come_back() {
        let turn = Arc::new(Turn::default());
        let outer = turn.take(None).unwrap();
        let inner = turn.take(None).unwrap();
        drop(inner);
        drop(outer);
        assert!(turn.taken.lock().is_none());
    }

    #[test]
    fn a_thread_that_waits_for_a_reply_lets_others_in() {
        let turn = Arc::new(Turn::default());
        let taken = turn.take(None).unwrap();
        let waiting = nested::about_to_block();
        thread::scope(|scope| {
            scope.spawn(|| drop(turn.take(None).unwrap()));
        });
        drop(waiting);
        let now = Some(Instant::now());
        thread::scope(|scope| {
            let refused = scope.spawn(|| turn.take(now).map(drop).unwrap_err());
            assert_eq!(refused.join().unwrap().kind(), SystemExceptionKind::Transient);
        });
        drop(taken);
    }
}

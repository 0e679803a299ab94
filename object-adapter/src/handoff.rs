// SPDX-License-Identifier: MIT OR Apache-2.0
//! Work that one thread gives to another, and waits for.
//!
//! A job that was begun is waited for to its end, so what the waiting thread holds (the object's place in the map) lasts as
//! long as the call.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    time::{Duration, Instant},
};

use orb_core::exception::{Completed, SystemException, SystemExceptionKind, minor};

/// How long a request waits whose client has not said for how long it waits.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How often a request that waits looks whether its client has cancelled it.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What is to be done. Does not panic.
pub(crate) type Work = Box<dyn FnOnce() + Send>;

/// What comes of a job, or the panic that ended it.
type Finished<T> = Result<T, Box<dyn Any + Send>>;

/// Where the result of a job comes.
pub(crate) struct Pending<T>(Receiver<Finished<T>>);

/// Makes a job of what is to be done.
pub(crate) fn job<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> (Work, Pending<T>) {
    let (done, result) = sync_channel(1);
    let work = Box::new(move || {
        // Nobody has stopped listening: a job that was begun is waited for.
        let _ = done.send(catch_unwind(AssertUnwindSafe(work)));
    });
    (work, Pending(result))
}

impl<T> Pending<T> {
    /// Waits until the job is done: until `deadline`, or until it is `given_up`, if `withdraw` can take it back by then.
    ///
    /// # Errors
    ///
    /// What `withdraw` says of a job that it took back, and `TRANSIENT` for one that nobody will do.
    ///
    /// # Panics
    ///
    /// If the work does.
    pub(crate) fn wait(
        self,
        deadline: Option<Instant>,
        given_up: impl Fn() -> bool,
        withdraw: impl FnOnce() -> Result<(), SystemException>,
    ) -> Result<T, SystemException> {
        let deadline = deadline.unwrap_or_else(|| Instant::now() + LONGEST_WAIT);
        let finished = loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.0.recv_timeout(left.min(LOOK_AGAIN)) {
                Ok(finished) => break finished,
                Err(RecvTimeoutError::Disconnected) => return Err(refused(CLOSED)),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if left.is_zero() || given_up() {
                withdraw()?;
                // It was begun, so that it must be waited for.
                break self.0.recv().map_err(|_| refused(CLOSED))?;
            }
        };
        match finished {
            Ok(value) => Ok(value),
            Err(panic) => resume_unwind(panic),
        }
    }
}

/// Why a job is not done any more.
pub(crate) const CLOSED: &str = "the ORB is shutting down";

/// The request may be sent again.
pub(crate) fn refused(why: &'static str) -> SystemException {
    SystemException::new(
        SystemExceptionKind::Transient,
        minor::REQUEST_DISCARDED,
        Completed::No,
    )
    .with_message(why)
}

/// The request's time was over before it was begun.
pub(crate) fn late(why: &'static str) -> SystemException {
    SystemException::new(SystemExceptionKind::Timeout, minor::UPCALL, Completed::No).with_message(why)
}

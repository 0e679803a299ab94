// SPDX-License-Identifier: MIT OR Apache-2.0
//! POA managers: the valve before the requests of one or more POAs (CORBA 3.3 Part 1 §15.3.2).

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use orb_core::{
    exception::{Completed, SystemException, SystemExceptionKind, minor},
    nested,
};
use parking_lot::{Condvar, Mutex};

/// How many requests a holding manager keeps waiting, unless it is told otherwise.
pub const DEFAULT_HELD: usize = 256;
/// How long a holding manager keeps a request waiting whose client has not said for how long it waits.
pub const LONGEST_HOLD: Duration = Duration::from_secs(30);

/// What a manager does with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ManagerState {
    /// Lets them wait.
    Holding = 0,
    /// Lets them through.
    Active = 1,
    /// Refuses them with `TRANSIENT`, so that clients try again.
    Discarding = 2,
    /// Refuses them for good.
    Inactive = 3,
}

/// The manager is inactive, and stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the POA manager is inactive: it cannot be activated again (CORBA 3.3 Part 1 §15.3.2.2)")]
pub struct ManagerInactive;

/// The valve before the requests of one or more POAs; cheap to clone. New ones are active.
#[derive(Clone)]
pub struct PoaManager(Arc<Inner>);

struct Inner {
    state: AtomicU8,
    held: AtomicUsize,
    most_held: usize,
    change: Mutex<()>,
    changed: Condvar,
}

impl PoaManager {
    /// Makes a manager that lets requests through.
    #[must_use]
    pub fn new() -> Self {
        Self::with_state(ManagerState::Active, DEFAULT_HELD)
    }

    /// Makes a manager that lets at most `most` requests wait until [`PoaManager::activate`]; more are refused with
    /// `TRANSIENT`.
    #[must_use]
    pub fn holding(most: usize) -> Self {
        Self::with_state(ManagerState::Holding, most)
    }

    fn with_state(state: ManagerState, most_held: usize) -> Self {
        Self(Arc::new(Inner {
            state: AtomicU8::new(state as u8),
            held: AtomicUsize::new(0),
            most_held,
            change: Mutex::new(()),
            changed: Condvar::new(),
        }))
    }

    /// Returns what the manager does with requests now.
    #[must_use]
    pub fn state(&self) -> ManagerState {
        match self.0.state.load(Ordering::Acquire) {
            0 => ManagerState::Holding,
            1 => ManagerState::Active,
            2 => ManagerState::Discarding,
            _ => ManagerState::Inactive,
        }
    }

    /// Lets requests through, those that waited first.
    ///
    /// # Errors
    ///
    /// [`ManagerInactive`].
    pub fn activate(&self) -> Result<(), ManagerInactive> {
        self.change(ManagerState::Active)
    }

    /// Lets requests wait.
    ///
    /// # Errors
    ///
    /// [`ManagerInactive`].
    pub fn hold_requests(&self) -> Result<(), ManagerInactive> {
        self.change(ManagerState::Holding)
    }

    /// Refuses requests, those that wait included, with `TRANSIENT`.
    ///
    /// # Errors
    ///
    /// [`ManagerInactive`].
    pub fn discard_requests(&self) -> Result<(), ManagerInactive> {
        self.change(ManagerState::Discarding)
    }

    /// Refuses requests for good.
    ///
    /// # Errors
    ///
    /// [`ManagerInactive`].
    pub fn deactivate(&self) -> Result<(), ManagerInactive> {
        self.change(ManagerState::Inactive)
    }

    fn change(&self, to: ManagerState) -> Result<(), ManagerInactive> {
        let _change = self.0.change.lock();
        if self.state() == ManagerState::Inactive {
            return Err(ManagerInactive);
        }
        tracing::debug!(?to, "POA manager changes state");
        self.0.state.store(to as u8, Ordering::SeqCst);
        self.0.changed.notify_all();
        Ok(())
    }

    /// Lets a request through, or says why not; may wait until `deadline` while the manager holds requests.
    #[inline]
    pub(crate) fn admit(&self, deadline: Option<Instant>) -> Result<(), SystemException> {
        if self.0.state.load(Ordering::Acquire) == ManagerState::Active as u8 {
            return Ok(());
        }
        self.admit_slowly(deadline)
    }

    #[cold]
    fn admit_slowly(&self, deadline: Option<Instant>) -> Result<(), SystemException> {
        if self.0.held.fetch_add(1, Ordering::Relaxed) >= self.0.most_held
            && self.state() == ManagerState::Holding
        {
            self.0.held.fetch_sub(1, Ordering::Relaxed);
            return Err(refused(
                "the POA manager is holding, and as many requests as it keeps wait already",
            ));
        }
        let decided = self.wait(deadline.unwrap_or_else(|| Instant::now() + LONGEST_HOLD));
        self.0.held.fetch_sub(1, Ordering::Relaxed);
        decided
    }

    fn wait(&self, deadline: Instant) -> Result<(), SystemException> {
        let mut change = self.0.change.lock();
        let mut blocking = None;
        loop {
            match self.state() {
                ManagerState::Active => return Ok(()),
                ManagerState::Discarding => return Err(refused("the POA manager is discarding requests")),
                ManagerState::Inactive => return Err(inactive()),
                ManagerState::Holding if blocking.is_none() => {
                    // Others must be able to read this connection while the request waits.
                    parking_lot::MutexGuard::unlocked(&mut change, || {
                        blocking = Some(nested::about_to_block())
                    });
                }
                ManagerState::Holding => {
                    if self.0.changed.wait_until(&mut change, deadline).timed_out() {
                        return Err(refused(
                            "the POA manager was holding until the request's time was over",
                        ));
                    }
                }
            }
        }
    }
}

impl Default for PoaManager {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for PoaManager {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for PoaManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoaManager")
            .field("state", &self.state())
            .field("held", &self.0.held.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

fn refused(why: &'static str) -> SystemException {
    SystemException::new(
        SystemExceptionKind::Transient,
        minor::REQUEST_DISCARDED,
        Completed::No,
    )
    .with_message(why)
}

// CORBA 3.3 Part 1 §15.3.2.1.
fn inactive() -> SystemException {
    SystemException::new(
        SystemExceptionKind::ObjAdapter,
        minor::ADAPTER_ACTIVATOR_FAILED,
        Completed::No,
    )
    .with_message("the POA manager is inactive")
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn soon() -> Option<Instant> {
        Some(Instant::now())
    }

    #[test]
    fn an_active_manager_lets_through_and_a_discarding_one_asks_to_try_again() {
        let manager = PoaManager::new();
        assert_eq!(manager.admit(None), Ok(()));
        manager.discard_requests().unwrap();
        let error = manager.admit(None).unwrap_err();
        assert_eq!(
            (error.kind(), error.minor()),
            (SystemExceptionKind::Transient, minor::REQUEST_DISCARDED)
        );
        manager.activate().unwrap();
        assert_eq!(manager.admit(None), Ok(()));
    }

    #[test]
    fn an_inactive_manager_stays_so() {
        let manager = PoaManager::new();
        manager.deactivate().unwrap();
        assert_eq!(
            manager.admit(None).unwrap_err().kind(),
            SystemExceptionKind::ObjAdapter
        );
        assert_eq!(manager.activate(), Err(ManagerInactive));
        assert_eq!(manager.hold_requests(), Err(ManagerInactive));
    }

    #[test]
    fn a_held_request_goes_through_on_activation() {
        let manager = PoaManager::holding(8);
        thread::scope(|scope| {
            let held = scope.spawn(|| manager.admit(None));
            while manager.0.held.load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
            manager.activate().unwrap();
            assert_eq!(held.join().unwrap(), Ok(()));
        });
    }

    #[test]
    fn a_held_request_is_refused_on_discarding_and_when_its_time_is_over() {
        let manager = PoaManager::holding(8);
        assert_eq!(
            manager.admit(soon()).unwrap_err().kind(),
            SystemExceptionKind::Transient
        );
        thread::scope(|scope| {
            let held = scope.spawn(|| manager.admit(None));
            while manager.0.held.load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
            manager.discard_requests().unwrap();
            assert_eq!(
                held.join().unwrap().unwrap_err().kind(),
                SystemExceptionKind::Transient
            );
        });
    }

    #[test]
    fn no_more_wait_than_may() {
        let manager = PoaManager::holding(0);
        let error = manager.admit(None).unwrap_err();
        assert_eq!(error.kind(), SystemExceptionKind::Transient);
        assert_eq!(manager.0.held.load(Ordering::Relaxed), 0);
    }
}

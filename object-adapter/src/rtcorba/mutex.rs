// SPDX-License-Identifier: MIT OR Apache-2.0
//! A mutex whose owner inherits the priority of those who wait for it.

use std::{
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use rustix::{
    io::Errno,
    thread::{futex, gettid},
    time::{ClockId, Timespec, clock_gettime},
};

/// A mutex with priority inheritance (`RTCORBA::Mutex`): while a more urgent thread waits for it, the thread that has it
/// runs at that one's priority, so that nobody in between delays both.
///
/// Locking and unlocking are one atomic operation each while nobody waits. It is not reentrant.
///
/// ```
/// use object_adapter::rtcorba::Mutex;
///
/// let readings = Mutex::new(Vec::new());
/// readings.lock().push(21.5);
/// assert_eq!(*readings.lock(), [21.5]);
/// ```
#[derive(Default)]
pub struct Mutex<T> {
    lock: InheritingLock,
    /// Never waited for: who has the lock above finds it free. It is what makes this mutex safe Rust.
    value: parking_lot::Mutex<T>,
}

/// Gives access to what a [`Mutex`] keeps, and unlocks it at its end.
#[must_use = "the mutex is unlocked when this is dropped"]
pub struct MutexGuard<'m, T> {
    /// `None` only while it is dropped: the value is let go of first.
    value: Option<parking_lot::MutexGuard<'m, T>>,
    lock: &'m InheritingLock,
    /// The kernel knows the owner by its thread.
    on_this_thread: PhantomData<*const ()>,
}

impl<T> Mutex<T> {
    /// Makes a mutex around a value.
    pub const fn new(value: T) -> Self {
        Self {
            lock: InheritingLock(AtomicU32::new(0)),
            value: parking_lot::Mutex::new(value),
        }
    }

    /// Waits for the mutex.
    ///
    /// # Panics
    ///
    /// If this thread has it already, or the thread that had it ended without giving it back: nobody would ever get it.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let locked = self.lock.lock(None);
        assert!(locked, "without a time to end at, waiting ends with the mutex");
        self.guard()
    }

    /// Waits for the mutex for at most `max_wait`; `None` if it does not come free. With a wait of zero this does not
    /// wait.
    ///
    /// # Panics
    ///
    /// As [`Mutex::lock`].
    pub fn try_lock(&self, max_wait: Duration) -> Option<MutexGuard<'_, T>> {
        let until = (!max_wait.is_zero()).then(|| after(max_wait));
        let locked = match until {
            None => self.lock.try_lock(),
            Some(until) => self.lock.lock(Some(&until)),
        };
        locked.then(|| self.guard())
    }

    /// Returns the value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }

    fn guard(&self) -> MutexGuard<'_, T> {
        MutexGuard {
            value: Some(self.value.lock()),
            lock: &self.lock,
            on_this_thread: PhantomData,
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
            .as_deref()
            .expect("a guard has its value until it is dropped")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value
            .as_deref_mut()
            .expect("a guard has its value until it is dropped")
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        drop(self.value.take());
        self.lock.unlock();
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let locked = self.lock.0.load(Ordering::Relaxed) != 0;
        f.debug_struct("Mutex")
            .field("locked", &locked)
            .finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// A word that holds the id of the thread that has it: 0 for nobody; the kernel adds a bit while others wait, and lends
/// the owner their priority (futex(2), "Priority-inheritance futexes").
#[derive(Default)]
struct InheritingLock(AtomicU32);

impl InheritingLock {
    fn try_lock(&self) -> bool {
        // Acquire pairs with the Release of `unlock`, here and in the kernel.
        self.0
            .compare_exchange(0, own_id(), Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Waits until the lock is had, or for ever unless `until`, by the clock of the day, which the kernel looks at here.
    fn lock(&self, until: Option<&Timespec>) -> bool {
        if self.try_lock() {
            return true;
        }
        loop {
            match futex::lock_pi(&self.0, futex::Flags::PRIVATE, until) {
                Ok(()) => return true,
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(Errno::TIMEDOUT) => return false,
                Err(Errno::DEADLK) => panic!("this thread has the mutex already"),
                Err(Errno::SRCH) => panic!("the thread that had the mutex ended without giving it back"),
                Err(error) => panic!("the kernel does not lock a mutex with priority inheritance: {error}"),
            }
        }
    }

    fn unlock(&self) {
        // Release pairs with the Acquire of whoever is next.
        if self
            .0
            .compare_exchange(own_id(), 0, Ordering::Release, Ordering::Relaxed)
            .is_err()
        {
            // Others wait: the kernel gives it to the most urgent of them.
            let unlocked = futex::unlock_pi(&self.0, futex::Flags::PRIVATE);
            debug_assert_eq!(unlocked, Ok(()), "its owner unlocks it");
        }
    }
}

/// The calling thread, as the kernel numbers it.
fn own_id() -> u32 {
    thread_local! {
        static ID: u32 = gettid().as_raw_nonzero().get().unsigned_abs();
    }
    ID.try_with(|id| *id)
        // A thread that is ending.
        .unwrap_or_else(|_| gettid().as_raw_nonzero().get().unsigned_abs())
}

/// The moment that comes after so long.
fn after(wait: Duration) -> Timespec {
    const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
    let now = clock_gettime(ClockId::Realtime);
    let wait = Timespec::try_from(wait.min(LONGEST)).unwrap_or_default();
    let nanos = now.tv_nsec + wait.tv_nsec;
    Timespec {
        tv_sec: now.tv_sec + wait.tv_sec + nanos / 1_000_000_000,
        tv_nsec: nanos % 1_000_000_000,
    }
}

#[cfg(test)]
mod tests;

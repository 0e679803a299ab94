// SPDX-License-Identifier: MIT OR Apache-2.0
//! The clock of the executive: `CLOCK_MONOTONIC`, which the kernel lets a process read without a system call.

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::{Nanos, Time};

const SECOND: u64 = 1_000_000_000;

/// The time.
pub(super) fn now() -> Time {
    Time(nanos(clock_gettime(ClockId::Monotonic)))
}

/// How long the calling thread had the CPU so far. A system call, unlike [`now`].
pub(super) fn thread_cpu() -> Nanos {
    Nanos(nanos(clock_gettime(ClockId::ThreadCPUTime)))
}

/// A point of time as the kernel takes it.
pub(super) fn timespec(time: Time) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.0 / SECOND).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(time.0 % SECOND).unwrap_or(0),
    }
}

/// Sleeps until a point of time, or a signal: the caller looks again anyway.
pub(super) fn sleep_until(time: Time) {
    let _ = rustix::thread::clock_nanosleep_absolute(rustix::thread::ClockId::Monotonic, &timespec(time));
}

fn nanos(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * SECOND + u64::try_from(time.tv_nsec).unwrap_or(0)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the executive asks of Linux for its threads, and the library does not wrap.

#![allow(
    unsafe_code,
    reason = "scheduling classes have no safe wrapper, and locking memory takes addresses"
)]

use std::hint::black_box;
use std::io;

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::Nanos;

/// Binds the calling thread to a CPU.
///
/// # Errors
///
/// If the process may not run there, or there is no such CPU.
pub(super) fn pin(cpu: usize) -> io::Result<()> {
    if cpu >= CpuSet::MAX_CPU {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut set = CpuSet::new();
    set.set(cpu);
    Ok(sched_setaffinity(None, &set)?)
}

/// Puts the calling thread into `SCHED_FIFO`. Children of it do not inherit that.
///
/// # Errors
///
/// If the process has neither the right nor the limit for this priority.
pub(super) fn set_fifo(priority: u8) -> io::Result<()> {
    set_scheduler(libc::SCHED_FIFO, priority)
}

/// Makes the calling thread an ordinary one again, that may run where it might before.
///
/// What the kernel does at the end of a thread, it does with the locks of the whole process, and no longer yields to
/// neighbours, nor they to it: so that is nothing to be done on the CPU and with the priority of theirs.
pub(super) fn leave_real_time(allowed: &CpuSet) {
    // Nobody may be refused less than he has.
    let _ = sched_setaffinity(None, allowed);
    let _ = set_scheduler(libc::SCHED_OTHER, 0);
}

/// Returns the scheduling class of the calling thread, and its priority in it.
///
/// # Errors
///
/// What the kernel says: nobody may be refused to know this of himself.
pub(crate) fn scheduler() -> io::Result<(libc::c_int, libc::c_int)> {
    // SAFETY: 0 is the calling thread, and nothing is written.
    let policy = unsafe { libc::sched_getscheduler(0) };
    let mut parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the structure lives through the call, which fills it in; 0 is the calling thread.
    let result = unsafe { libc::sched_getparam(0, &raw mut parameters) };
    if policy < 0 || result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((policy & !libc::SCHED_RESET_ON_FORK, parameters.sched_priority))
}

/// Sets the scheduling class of the calling thread, and its priority in it. Children of it do not inherit either.
///
/// # Errors
///
/// If the process has neither the right nor the limit for this.
pub(crate) fn set_scheduler(policy: libc::c_int, priority: u8) -> io::Result<()> {
    let parameters = libc::sched_param {
        sched_priority: priority.into(),
    };
    let policy = policy | libc::SCHED_RESET_ON_FORK;
    // SAFETY: the structure is initialised, lives through the call, and is only read; 0 is the calling thread.
    let result = unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Puts the calling thread into `SCHED_DEADLINE`: so much of the CPU in each period.
///
/// # Errors
///
/// If the process has not the right, or the kernel no such share left.
pub(super) fn set_deadline(runtime: Nanos, period: Nanos) -> io::Result<()> {
    let attributes = libc::sched_attr {
        size: u32::try_from(size_of::<libc::sched_attr>()).unwrap_or(0),
        sched_policy: libc::SCHED_DEADLINE.cast_unsigned(),
        sched_flags: libc::SCHED_FLAG_RESET_ON_FORK.cast_unsigned().into(),
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: runtime.0,
        sched_deadline: period.0,
        sched_period: period.0,
    };
    // SAFETY: the structure is initialised, states its own size, lives through the call, and is only read; 0 is the
    // calling thread, and the last argument are flags, of which there are none.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Touches the part of the calling thread's stack that upcalls are going to use, and locks it into memory if asked to.
///
/// # Errors
///
/// If the process may not lock that much. The stack is touched in any case.
#[inline(never)]
pub(super) fn prepare_stack(lock: bool) -> io::Result<()> {
    const DEPTH: usize = 128 * 1024;
    let mut stack = [0_u8; DEPTH];
    black_box(&mut stack);
    if lock {
        // SAFETY: locking changes nothing but where the pages are. The range is this frame's, and so is mapped.
        unsafe { rustix::mm::mlock(stack.as_mut_ptr().cast(), DEPTH)? };
    }
    Ok(())
}

/// Locks all memory of the process, present and future.
///
/// # Errors
///
/// If the process may not lock that much.
pub(super) fn lock_process() -> io::Result<()> {
    use rustix::mm::{MlockAllFlags, mlockall};
    Ok(mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)?)
}

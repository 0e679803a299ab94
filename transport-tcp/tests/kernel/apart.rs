// SPDX-License-Identifier: MIT OR Apache-2.0
//! A network namespace for each test.

use std::panic::resume_unwind;
use std::thread;

use rustix::thread::UnshareFlags;

use crate::skip;

/// Runs `test` on a thread in a network namespace of its own, which ends with it and the threads and programs it starts; says
/// why not where that is not allowed.
#[allow(unsafe_code, reason = "what a thread shares can be changed under its feet")]
pub(crate) fn apart(name: &str, test: impl FnOnce() + Send) {
    let run = || {
        // SAFETY: only this thread's view of the network changes, and it ends with the test.
        let apart = unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) };
        match apart {
            Ok(()) => test(),
            Err(error) => skip(
                name,
                &format!("a network namespace needs CAP_SYS_ADMIN ({error}): run it as root"),
            ),
        }
    };
    let outcome = thread::scope(|scope| scope.spawn(run).join());
    outcome.unwrap_or_else(|panic| resume_unwind(panic));
}

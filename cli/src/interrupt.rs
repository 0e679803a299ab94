// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGINT;
use signal_hook::flag;

/// Returns what becomes true at the first Ctrl-C; the second one ends the program at once.
pub(crate) fn flag() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    // 128 + SIGINT, as shells have it. Where signals can't be caught, the first Ctrl-C ends the program too.
    let _ = flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&interrupted));
    let _ = flag::register(SIGINT, Arc::clone(&interrupted));
    interrupted
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn nobody_has_interrupted_yet() {
        assert!(!flag().load(Ordering::Relaxed));
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting for the end of a program.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use object_adapter::MainThread;
use parking_lot::Mutex;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
    iterator::Signals,
};

/// Whether a signal ends the process at once: it does again when one has ended a wait.
static ASKED: Mutex<Option<Arc<AtomicBool>>> = Mutex::new(None);

/// Set once, by a call or a signal.
#[derive(Debug)]
pub(super) struct Stop(Arc<Flag>);

#[derive(Debug)]
struct Flag {
    set: AtomicBool,
    main_thread: Arc<MainThread>,
}

impl Flag {
    fn set(&self) {
        self.set.store(true, Ordering::Release);
        self.main_thread.wake();
    }
}

impl Stop {
    /// Makes one that was not set, for whoever waits as the main thread.
    pub(super) fn new(main_thread: &Arc<MainThread>) -> Self {
        Self(Arc::new(Flag {
            set: AtomicBool::new(false),
            main_thread: Arc::clone(main_thread),
        }))
    }

    /// Ends every wait.
    pub(super) fn set(&self) {
        self.0.set();
    }

    /// Waits, and serves requests for the main thread, until it is set or the process gets a signal to end. Once that
    /// has come, the next one ends the process, whatever it still waits for.
    pub(super) fn wait(&self) -> io::Result<()> {
        // Registered first, it acts first: it must not see what the listener makes of the same signal.
        let asked = asked()?;
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        asked.store(false, Ordering::SeqCst);
        let handle = signals.handle();
        let flag = Arc::clone(&self.0);
        let listener = thread::Builder::new()
            .name("upcall-signals".into())
            .spawn(move || {
                if let Some(signal) = signals.forever().next() {
                    tracing::info!(signal, "asked to end");
                    asked.store(true, Ordering::SeqCst);
                    flag.set();
                }
            })?;
        let Flag { set, main_thread } = &*self.0;
        main_thread.serve_until(|| set.load(Ordering::Acquire));
        handle.close();
        // It does nothing that could panic.
        drop(listener.join());
        Ok(())
    }
}

/// Has signals do what they do by default while the flag that is returned is true.
fn asked() -> io::Result<Arc<AtomicBool>> {
    let mut known = ASKED.lock();
    if let Some(asked) = &*known {
        return Ok(Arc::clone(asked));
    }
    let asked = Arc::new(AtomicBool::new(true));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::clone(&asked))?;
    }
    Ok(Arc::clone(known.insert(asked)))
}

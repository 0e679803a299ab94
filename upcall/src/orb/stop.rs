// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting for the end of a program.

use std::{io, sync::Arc, thread};

use parking_lot::{Condvar, Mutex};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

/// Set once, by a call or a signal.
#[derive(Debug, Default)]
pub(super) struct Stop(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    set: Mutex<bool>,
    changed: Condvar,
}

impl Flag {
    fn set(&self) {
        *self.set.lock() = true;
        self.changed.notify_all();
    }
}

impl Stop {
    /// Ends every wait.
    pub(super) fn set(&self) {
        self.0.set();
    }

    /// Waits until it is set or the process gets a signal to end. The signals are caught only meanwhile.
    pub(super) fn wait(&self) -> io::Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let handle = signals.handle();
        let flag = Arc::clone(&self.0);
        let listener = thread::Builder::new()
            .name("upcall-signals".into())
            .spawn(move || {
                if let Some(signal) = signals.forever().next() {
                    tracing::info!(signal, "asked to end");
                    flag.set();
                }
            })?;
        let mut set = self.0.set.lock();
        self.0.changed.wait_while(&mut set, |set| !*set);
        drop(set);
        handle.close();
        // It does nothing that could panic.
        drop(listener.join());
        Ok(())
    }
}

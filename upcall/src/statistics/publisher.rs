// SPDX-License-Identifier: MIT OR Apache-2.0
//! The thread that writes an ORB's snapshots.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use object_adapter::Flows;
use orb_core::server::Server;
use parking_lot::Mutex;

use super::{Folder, Snapshot, folder, rounds::Rounds, shown};

/// How often a snapshot is taken.
const ROUND: Duration = Duration::from_secs(1);

/// Writes the snapshots of an ORB, until it is dropped: then the last one goes.
#[derive(Debug)]
pub(crate) struct Publisher {
    file: Arc<Published>,
    thread: Thread,
}

/// The file, while there is one to be. The thread writes it, and who ends the thread removes it.
#[derive(Debug)]
struct Published(Mutex<Option<PathBuf>>);

impl Publisher {
    /// Begins with a first snapshot.
    ///
    /// # Errors
    ///
    /// If the folder or the file cannot be had, or the system gives no thread.
    pub(crate) fn start(to: &Folder, flows: Flows, server: Weak<Server>) -> io::Result<Self> {
        to.open()?;
        let process = std::process::id();
        let start = rtu::process::started(process).ok_or(io::ErrorKind::Unsupported)?;
        let snapshot = Snapshot {
            process,
            orb: number(),
            program: program(),
            ..Snapshot::default()
        };
        let path = to.file(process, snapshot.orb);
        folder::write(&path, &snapshot, start)?;
        let file = Arc::new(Published(Mutex::new(Some(path))));
        let rounds = Publishing {
            file: Arc::clone(&file),
            start,
            snapshot,
            flows,
            server,
        };
        let thread = thread::Builder::new()
            .name("upcall-statistics".into())
            .spawn(move || rounds.run());
        match thread {
            Ok(handle) => Ok(Self {
                file,
                thread: handle.thread().clone(),
            }),
            Err(error) => {
                file.remove();
                Err(error)
            }
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.file.remove();
        self.thread.unpark();
    }
}

impl Published {
    fn remove(&self) {
        if let Some(path) = self.0.lock().take() {
            // It is of no use to anybody any more, and cleared away as that of a dead process otherwise.
            let _ = std::fs::remove_file(path);
        }
    }

    /// Writes a snapshot, unless there is to be none any more.
    fn write(&self, snapshot: &Snapshot, start: u64) -> Option<io::Result<()>> {
        let path = self.0.lock();
        let path = path.as_deref()?;
        Some(folder::write(path, snapshot, start))
    }
}

/// What the thread has.
struct Publishing {
    file: Arc<Published>,
    start: u64,
    snapshot: Snapshot,
    flows: Flows,
    server: Weak<Server>,
}

impl Publishing {
    fn run(mut self) {
        let mut rounds = Rounds::default();
        let mut before = Instant::now();
        loop {
            thread::park_timeout(ROUND);
            let now = Instant::now();
            let connections = self.server.upgrade().map(|server| server.connections());
            let guaranteed = self.flows.read();
            let (flows, left_out) = rounds.next(now - before, guaranteed, connections.unwrap_or_default());
            before = now;
            (self.snapshot.flows, self.snapshot.left_out) = (flows, left_out);
            match self.file.write(&self.snapshot, self.start) {
                None => return,
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::debug!(%error, "statistics of flows cannot be written"),
            }
        }
    }
}

/// The number of an ORB in its process.
fn number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What to call the program.
fn program() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    shown(&path.file_name().unwrap_or_default().to_string_lossy())
}

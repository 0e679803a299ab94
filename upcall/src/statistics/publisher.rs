// SPDX-License-Identifier: MIT OR Apache-2.0
//! The thread that writes an ORB's snapshots.

use std::{
    io,
    os::fd::OwnedFd,
    path::PathBuf,
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use object_adapter::Flows;
use orb_core::server::Server;
use parking_lot::Mutex;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use super::{
    Folder, Snapshot, folder,
    rounds::{Id, Names, Rounds},
    shown,
};
use crate::capture::{Find, Station};

/// How often a snapshot is taken.
const ROUND: Duration = Duration::from_secs(1);

/// Writes the snapshots of an ORB, until it is dropped: then the last one goes.
#[derive(Debug)]
pub(crate) struct Publisher {
    file: Arc<Published>,
    station: Option<Arc<Station>>,
    /// Wakes the thread.
    bell: Arc<OwnedFd>,
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
        let bell = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let station = Station::open(&to.station(process, snapshot.orb))
            .inspect_err(|error| tracing::debug!(%error, "flows cannot be captured"))
            .ok()
            .map(Arc::new);
        let file = Arc::new(Published(Mutex::new(Some(path))));
        let rounds = Publishing {
            file: Arc::clone(&file),
            start,
            snapshot,
            flows,
            server,
            station: station.clone(),
            bell: Arc::clone(&bell),
        };
        let thread = thread::Builder::new()
            .name("upcall-statistics".into())
            .spawn(move || rounds.run());
        match thread {
            Ok(_) => Ok(Self { file, station, bell }),
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
        if let Some(station) = &self.station {
            station.close();
        }
        // It has room for one.
        let _ = rustix::io::write(&*self.bell, &1_u64.to_ne_bytes());
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
    /// Where captures are asked for, if that can be had.
    station: Option<Arc<Station>>,
    bell: Arc<OwnedFd>,
}

impl Publishing {
    fn run(mut self) {
        let mut rounds = Rounds::default();
        let find = self.find(rounds.names());
        let mut before = Instant::now();
        loop {
            while self.wait(before + ROUND) {
                if let Some(station) = &self.station {
                    station.let_in(&find);
                }
            }
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

    /// Waits until somebody has come to the station, and returns whether that was before `until` and the end.
    fn wait(&self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        let Ok(left) = Timespec::try_from(left) else {
            return false;
        };
        let bell = PollFd::new(&*self.bell, PollFlags::IN);
        match &self.station {
            Some(station) => {
                let mut both = [bell, PollFd::new(&**station, PollFlags::IN)];
                let some = poll(&mut both, Some(&left)).is_ok_and(|count| count > 0);
                let [bell, _] = both;
                some && bell.revents().is_empty() && left != Timespec::default()
            }
            None => {
                // Neither an end nor an interruption is worth more than an early round.
                let _ = poll(&mut [bell], Some(&left));
                false
            }
        }
    }

    /// From the number of a flow to what it travels on.
    fn find(&self, names: Names) -> Find {
        let (flows, server) = (self.flows.clone(), Weak::clone(&self.server));
        Arc::new(move |number| {
            let id = names.lock().get(&number).copied()?;
            match id {
                Id::Guaranteed(flow) => flows.link(flow),
                Id::Connection(connection) => server.upgrade()?.link(connection),
            }
        })
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

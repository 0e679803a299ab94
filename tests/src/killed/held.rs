// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a process holds of the system's.

use std::{
    fs, io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crate::PATIENCE;

/// What this process holds, that could be leaked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Open descriptors.
    pub descriptors: usize,
    /// Mappings of the fabric's memory.
    pub mappings: usize,
    /// Threads.
    pub threads: usize,
    /// Files in the fabric's directory.
    pub names: usize,
    /// Clients that have a flow of their own, with a guarantee.
    pub flows: usize,
    /// Memory that is resident, in KiB.
    pub resident: u64,
}

impl Held {
    /// Looks.
    ///
    /// # Errors
    /// When `/proc` cannot be read, or the directory.
    pub fn now(directory: &Path) -> io::Result<Self> {
        let maps = fs::read_to_string("/proc/self/maps")?;
        let status = fs::read_to_string("/proc/self/status")?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        Ok(Self {
            descriptors: entries(Path::new("/proc/self/fd"))?,
            mappings: maps.lines().filter(|line| line.contains("upcall-fabric")).count(),
            threads: entries(Path::new("/proc/self/task"))?,
            names: entries(directory)?,
            flows: 0,
            resident: resident
                .and_then(|text| text.split_whitespace().next())
                .and_then(|number| number.parse().ok())
                .unwrap_or_default(),
        })
    }

    /// How many descriptors, mappings, names and flows there are that were not there before.
    #[must_use]
    pub fn leaked_since(&self, before: &Self) -> usize {
        let more = |now: fn(&Self) -> usize| now(self).saturating_sub(now(before));
        more(|held| held.descriptors)
            + more(|held| held.mappings)
            + more(|held| held.names)
            + more(|held| held.flows)
    }

    /// Waits until no more of the fabric's memory is mapped than before; false if that never is.
    pub(super) fn settles(directory: &Path, before: &Self) -> io::Result<bool> {
        let until = Instant::now() + PATIENCE;
        while Self::now(directory)?.mappings > before.mappings {
            if Instant::now() > until {
                return Ok(false);
            }
            thread::sleep(Duration::from_micros(500));
        }
        Ok(true)
    }
}

fn entries(folder: &Path) -> io::Result<usize> {
    Ok(fs::read_dir(folder)?.count())
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which fabric an ORB is on.

use std::{path::PathBuf, sync::Arc};

use orb_core::transport::Transport;
use transport_apic::fabric::{Config, Directory};
use transport_tcp::{Apic, NoFabric};

/// The fabric of a machine: shared memory between its processes, found by names in a directory.
///
/// Processes on the same fabric call each other without the kernel on the path. Those of one user are by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fabric {
    /// Where, unless it is the user's own directory.
    directory: Option<PathBuf>,
}

impl Fabric {
    /// Returns that of the user: the directory is `upcall` in `$XDG_RUNTIME_DIR`, or else `/dev/shm/upcall-UID`.
    #[must_use]
    pub fn of_user() -> Self {
        Self::default()
    }

    /// Returns the one in a directory, for containers that share it. It is made when an ORB is, with mode 0700; one that
    /// others can write is refused.
    #[must_use]
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: Some(directory.into()),
        }
    }

    pub(super) fn transport(&self) -> Result<Arc<dyn Transport>, NoFabric> {
        let apic = match &self.directory {
            None => Apic::new()?,
            Some(path) => Apic::with(Directory::at(path)?, Config::default())?,
        };
        Ok(Arc::new(apic))
    }
}

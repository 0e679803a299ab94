// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which fabric an ORB is on.

use std::{path::PathBuf, sync::Arc};

use orb_core::transport::Transport;
use transport_apic::fabric::{Config, Directory, Peers};
use transport_tcp::{Apic, NoFabric};

/// The fabric of a machine: shared memory between its processes, found by names in a directory.
///
/// Processes on the same fabric call each other without the kernel on the path. Those of one user are by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fabric {
    /// Where, unless it is the user's own directory.
    directory: Option<PathBuf>,
    /// Whose processes, unless they are the user's own.
    users: Option<Vec<u32>>,
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
            users: None,
        }
    }

    /// Speaks to processes of these users, by number, instead of those of its own; they have to list this one's likewise. What
    /// comes from others is always copied before it is used. The directory is for its owner to open to them (mode 0755).
    #[must_use]
    pub fn users(mut self, users: impl IntoIterator<Item = u32>) -> Self {
        self.users = Some(users.into_iter().collect());
        self
    }

    pub(super) fn transport(&self) -> Result<Arc<dyn Transport>, NoFabric> {
        let directory = match &self.directory {
            None => Directory::of_user()?,
            Some(path) => Directory::at(path)?,
        };
        let mut config = Config::default();
        if let Some(users) = &self.users {
            config.peers = Peers::Users(users.clone());
        }
        Ok(Arc::new(Apic::with(directory, config)?))
    }
}

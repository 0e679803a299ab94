// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ORB's core: its configuration, transports, connections and initial references.

mod config;

use std::{fmt, sync::Arc, time::Duration};

pub use self::config::OrbConfig;

use crate::{cdr::OrbHandle, transport::Transport};

/// Stands for "no limit" where a time is needed.
pub(crate) const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// What all parts of one ORB share.
pub struct OrbCore {
    config: OrbConfig,
    transports: Vec<Arc<dyn Transport>>,
}

impl OrbCore {
    /// Makes an ORB that reaches others through `transports`.
    pub fn new(config: OrbConfig, transports: Vec<Arc<dyn Transport>>) -> Arc<Self> {
        Arc::new(Self { config, transports })
    }

    /// Returns how the ORB was configured.
    pub fn config(&self) -> &OrbConfig {
        &self.config
    }

    /// Returns the transport for URLs with this scheme.
    pub fn transport(&self, scheme: &str) -> Option<&Arc<dyn Transport>> {
        self.transports
            .iter()
            .find(|transport| transport.scheme() == scheme)
    }
}

impl OrbHandle for OrbCore {}

impl fmt::Debug for OrbCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrbCore")
            .field("config", &self.config)
            .field("transports", &self.transports)
            .finish_non_exhaustive()
    }
}

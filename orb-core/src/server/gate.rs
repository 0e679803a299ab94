// SPDX-License-Identifier: MIT OR Apache-2.0
//! Listeners whose connections somebody else looks at first.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use crate::{server::shared::Shared, transport::Link};

/// Who gets the connections of a listener, instead of the server's workers.
pub trait Reception: Send + Sync + fmt::Debug {
    /// Takes a connection over; called by a worker, off the path of all flows. Dropping the link closes it.
    fn receive(&self, link: Arc<dyn Link>);
}

/// Keeps a listener open; dropping it closes the listener, and leaves its connections as they are.
pub struct Gate {
    shared: Weak<Shared>,
    token: u64,
}

impl Gate {
    pub(super) fn new(shared: &Arc<Shared>, token: u64) -> Self {
        Self {
            shared: Arc::downgrade(shared),
            token,
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.close_listener(self.token);
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client's end of flows: the adapter plans it, and the ORB shows it.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use object_adapter::ObjectAdapter;
use orb_core::{
    exception::Result,
    flow::{FlowPlan, FlowPlanner},
    object::ObjectRef,
    qos::Qos,
};

use super::Inner;

/// Has flows planned by the adapter, and seen from the first one on: an ORB that only calls shows nothing otherwise.
pub(super) struct Planner {
    pub(super) objects: Arc<ObjectAdapter>,
    pub(super) orb: Weak<Inner>,
}

impl FlowPlanner for Planner {
    fn admit(&self, object: &ObjectRef, qos: &Qos) -> Result<Box<dyn FlowPlan>> {
        let plan = self.objects.admit(object, qos)?;
        if let Some(orb) = self.orb.upgrade() {
            orb.publish();
        }
        Ok(plan)
    }
}

impl fmt::Debug for Planner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Planner").finish_non_exhaustive()
    }
}

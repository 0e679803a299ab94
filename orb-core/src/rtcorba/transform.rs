// SPDX-License-Identifier: MIT OR Apache-2.0
//! Priorities that are other than the priority models say (RT-CORBA, Priority Transforms).

use std::{fmt, sync::Arc};

use super::Priority;
use crate::exception::{Completed, SystemException, SystemExceptionKind, minor};

/// Changes the priorities of requests where they are served (`RTCORBA::PriorityTransform`). Both ways return what they are
/// given unless they are implemented; `None` refuses the request or call with `DATA_CONVERSION`.
pub trait PriorityTransform: fmt::Debug + Send + Sync + 'static {
    /// Returns the priority at which a request for the object `object_id` is served, which by the POA's priority model
    /// would be `priority`.
    fn inbound(&self, priority: Priority, _object_id: &[u8]) -> Option<Priority> {
        Some(priority)
    }

    /// Returns the priority of a call that the servant of the object `object_id` makes while its thread has `priority`.
    fn outbound(&self, priority: Priority, _object_id: &[u8]) -> Option<Priority> {
        Some(priority)
    }
}

/// What becomes of the priorities of a servant's calls.
#[derive(Clone, Debug)]
pub struct Onward {
    transform: Arc<dyn PriorityTransform>,
    object_id: Arc<[u8]>,
}

impl Onward {
    /// Says so for the servant of an object, until its upcall ends.
    #[must_use]
    pub fn new(transform: &Arc<dyn PriorityTransform>, object_id: &[u8]) -> Self {
        Self {
            transform: Arc::clone(transform),
            object_id: object_id.into(),
        }
    }

    pub(super) fn transform(&self, priority: Priority) -> Result<Priority, SystemException> {
        let transformed = self.transform.outbound(priority, &self.object_id);
        transformed.ok_or_else(|| refused(priority))
    }
}

/// Returns the priority at which a request is served.
///
/// # Errors
///
/// `DATA_CONVERSION` if the transform refuses it.
pub fn inbound(
    transform: &dyn PriorityTransform,
    priority: Priority,
    object_id: &[u8],
) -> Result<Priority, SystemException> {
    transform
        .inbound(priority, object_id)
        .ok_or_else(|| refused(priority))
}

fn refused(priority: Priority) -> SystemException {
    SystemException::new(SystemExceptionKind::DataConversion, minor::UPCALL, Completed::No)
        .with_message(format!("the priority {priority} is transformed to none"))
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A thread that serves, or goes on, at a priority.

use std::sync::{Arc, Once};

use orb_core::{
    context::Context,
    exception::{Completed, SystemException, SystemExceptionKind, minor},
    rtcorba::{AtPriority, Onward, Priority, PriorityTransform, inbound},
};
use rtu::ThreadPriority;

use super::{NativePriority, PriorityMapping};

/// What is done about priorities here.
#[derive(Debug)]
pub(crate) struct Priorities {
    /// What they are to the system.
    pub(crate) mapping: Arc<dyn PriorityMapping>,
    /// What they are other than the priority models say.
    pub(crate) transform: Option<Arc<dyn PriorityTransform>>,
}

impl Priorities {
    /// Returns the priority at which a request is served.
    pub(crate) fn inbound(&self, priority: Priority, object_id: &[u8]) -> Result<Priority, SystemException> {
        match &self.transform {
            None => Ok(priority),
            Some(transform) => inbound(&**transform, priority, object_id),
        }
    }

    /// Returns what becomes of the priorities of calls by the servant of a request.
    pub(super) fn onward(&self, cx: &Context<'_>) -> Option<Onward> {
        let transform = self.transform.as_ref()?;
        Some(Onward::new(transform, cx.object_id()))
    }
}

/// Keeps the calling thread at a priority, for RT-CORBA and for the system, where that allows it.
#[must_use = "the priority lasts as long as this"]
#[derive(Debug)]
pub(crate) struct Served {
    corba: AtPriority,
    native: Option<ThreadPriority>,
}

impl Served {
    /// Gives the calling thread a priority.
    ///
    /// # Errors
    ///
    /// `DATA_CONVERSION` if the mapping has no priority of the system's for it.
    pub(crate) fn at(priority: Priority, mapping: &dyn PriorityMapping) -> Result<Self, SystemException> {
        Ok(Self {
            native: reach(priority, mapping)?,
            corba: AtPriority::new(priority),
        })
    }

    /// Gives the calling thread a priority for an upcall.
    ///
    /// # Errors
    ///
    /// As [`Served::at`].
    pub(crate) fn in_upcall(
        priority: Priority,
        onward: Option<Onward>,
        mapping: &dyn PriorityMapping,
    ) -> Result<Self, SystemException> {
        Ok(Self {
            native: reach(priority, mapping)?,
            corba: AtPriority::in_upcall(priority, onward),
        })
    }

    /// Leaves the thread the priority for good.
    pub(crate) fn keep(self) {
        self.corba.keep();
        if let Some(native) = self.native {
            native.keep();
        }
    }
}

/// Gives the calling thread the system's priority, where it may have that.
fn reach(
    priority: Priority,
    mapping: &dyn PriorityMapping,
) -> Result<Option<ThreadPriority>, SystemException> {
    let native = to_native(priority, mapping)?;
    let given = ThreadPriority::new(native).inspect_err(|error| warn_once(native, error));
    Ok(given.ok())
}

pub(super) fn to_native(
    priority: Priority,
    mapping: &dyn PriorityMapping,
) -> Result<NativePriority, SystemException> {
    let native = mapping.to_native(priority).filter(|native| *native <= 99);
    native.ok_or_else(|| {
        SystemException::new(SystemExceptionKind::DataConversion, minor::UPCALL, Completed::No).with_message(
            format!("the priority {priority} is mapped to none of this system's"),
        )
    })
}

/// Says that priorities count for less than they should, once per process: all threads lack the same.
fn warn_once(native: NativePriority, error: &std::io::Error) {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            "SCHED_FIFO {native} was refused ({error}), so threads keep their ordinary scheduling whatever their \
             RT-CORBA priority; `sudo prlimit --pid $$ --rtprio=49` in the shell that starts the program grants it, or \
             for good `sudo setcap cap_sys_nice+ep PROGRAM`; `upcall doctor` has more"
        );
    });
}

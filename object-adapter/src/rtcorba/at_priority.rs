// SPDX-License-Identifier: MIT OR Apache-2.0
//! A thread that serves, or goes on, at a priority.

use std::sync::Once;

use orb_core::{
    exception::{Completed, SystemException, SystemExceptionKind, minor},
    rtcorba::{AtPriority, Priority},
};
use rtu::ThreadPriority;

use super::{NativePriority, PriorityMapping};

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
        let native = to_native(priority, mapping)?;
        let native = ThreadPriority::new(native)
            .inspect_err(|error| warn_once(native, error))
            .ok();
        let corba = AtPriority::new(priority);
        Ok(Self { corba, native })
    }

    /// Leaves the thread the priority for good.
    pub(crate) fn keep(self) {
        self.corba.keep();
        if let Some(native) = self.native {
            native.keep();
        }
    }
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

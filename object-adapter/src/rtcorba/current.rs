// SPDX-License-Identifier: MIT OR Apache-2.0
//! The priority of the calling thread.

use std::sync::Arc;

use orb_core::{
    exception::{Result, SystemException, SystemExceptionKind},
    rtcorba::{Priority, thread_priority},
};

use super::{PriorityMapping, at_priority::Served};

/// The priority of the calling thread (`RTCORBA::Current`): its calls carry it to objects with the priority model
/// `CLIENT_PROPAGATED`, and the system schedules the thread by it.
///
/// In a servant it is the priority at which the request is served; a change there lasts until the servant returns.
#[derive(Clone, Debug)]
pub struct RtCurrent {
    mapping: Arc<dyn PriorityMapping>,
}

impl RtCurrent {
    pub(crate) fn new(mapping: Arc<dyn PriorityMapping>) -> Self {
        Self { mapping }
    }

    /// Returns the calling thread's priority (`the_priority`).
    ///
    /// # Errors
    ///
    /// `INITIALIZE` if it was given none.
    pub fn priority(&self) -> Result<Priority> {
        thread_priority().ok_or_else(|| {
            SystemException::from(SystemExceptionKind::Initialize)
                .with_message("this thread has no RT-CORBA priority yet; set_priority gives it one")
        })
    }

    /// Gives the calling thread a priority. Where the process has not the right for the system's priority that belongs
    /// to it, a warning says so once, and only calls carry it.
    ///
    /// # Errors
    ///
    /// `DATA_CONVERSION` if the mapping has no priority of the system's for it; then the thread keeps the one it has.
    pub fn set_priority(&self, priority: Priority) -> Result<()> {
        Served::at(priority, &*self.mapping)?.keep();
        Ok(())
    }

    /// Returns what maps priorities to those of the system.
    #[must_use]
    pub fn mapping(&self) -> &Arc<dyn PriorityMapping> {
        &self.mapping
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::{super::NativePriority, *};

    /// Knows ordinary scheduling for all but the upper half.
    #[derive(Debug)]
    struct Ordinary;

    impl PriorityMapping for Ordinary {
        fn to_native(&self, priority: Priority) -> Option<NativePriority> {
            (priority.get() < 0x4000).then_some(0)
        }

        fn to_corba(&self, native: NativePriority) -> Option<Priority> {
            (native == 0).then_some(Priority::MIN)
        }
    }

    #[test]
    fn a_thread_has_the_priority_that_it_was_given_last() {
        let current = RtCurrent::new(Arc::new(Ordinary));
        thread::spawn(move || {
            assert_eq!(
                current.priority().unwrap_err().kind(),
                SystemExceptionKind::Initialize
            );
            let low = Priority::new(7).unwrap();
            current.set_priority(low).unwrap();
            assert_eq!(current.priority(), Ok(low));
            let refused = current.set_priority(Priority::MAX).unwrap_err();
            assert_eq!(refused.kind(), SystemExceptionKind::DataConversion);
            assert_eq!(current.priority(), Ok(low));
        })
        .join()
        .unwrap();
    }
}

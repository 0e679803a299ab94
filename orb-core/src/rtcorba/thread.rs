// SPDX-License-Identifier: MIT OR Apache-2.0
//! The priority that a thread has for RT-CORBA: what its calls carry along.

use std::{
    cell::{Cell, RefCell},
    marker::PhantomData,
    rc::Rc,
};

use super::{Onward, Priority};
use crate::exception::SystemException;

thread_local! {
    static PRIORITY: Cell<Option<Priority>> = const { Cell::new(None) };
    static ONWARD: RefCell<Option<Onward>> = const { RefCell::new(None) };
}

/// Returns the calling thread's priority, if it was given one.
#[inline]
#[must_use]
pub fn thread_priority() -> Option<Priority> {
    // A thread that is ending has none any more.
    PRIORITY.try_with(Cell::get).unwrap_or_default()
}

/// Returns the priority that the calling thread's calls have, if it was given one: in a servant as a transform says.
///
/// # Errors
///
/// `DATA_CONVERSION` if the transform refuses it.
#[inline]
pub fn call_priority() -> Result<Option<Priority>, SystemException> {
    match thread_priority() {
        None => Ok(None),
        Some(priority) => transformed(priority).map(Some),
    }
}

fn transformed(priority: Priority) -> Result<Priority, SystemException> {
    // Not while it is borrowed: a transform may make calls itself.
    let onward = ONWARD.try_with(|onward| onward.borrow().clone());
    match onward.unwrap_or_default() {
        None => Ok(priority),
        Some(onward) => onward.transform(priority),
    }
}

/// Keeps a priority the calling thread's; as it ends, the thread has the one from before.
#[must_use = "the priority lasts as long as this"]
#[derive(Debug)]
pub struct AtPriority {
    before: Option<Priority>,
    /// What became of calls before, if that was changed.
    onward: Option<Option<Onward>>,
    on_this_thread: PhantomData<Rc<()>>,
}

impl AtPriority {
    /// Gives the calling thread a priority, for RT-CORBA only: to the operating system it stays what it is.
    pub fn new(priority: Priority) -> Self {
        Self {
            before: PRIORITY.replace(Some(priority)),
            onward: None,
            on_this_thread: PhantomData,
        }
    }

    /// Gives the calling thread a priority for an upcall, and has the servant's calls transformed, or left as they are.
    pub fn in_upcall(priority: Priority, onward: Option<Onward>) -> Self {
        let mut at = Self::new(priority);
        at.onward = Some(ONWARD.replace(onward));
        at
    }

    /// Leaves the thread the priority for good.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for AtPriority {
    fn drop(&mut self) {
        let _ = PRIORITY.try_with(|priority| priority.set(self.before));
        if let Some(before) = self.onward.take() {
            let _ = ONWARD.try_with(|onward| onward.replace(before));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{super::PriorityTransform, *};
    use crate::exception::SystemExceptionKind;

    #[test]
    fn a_priority_lasts_as_long_as_its_guard_and_is_the_threads_alone() {
        let [low, high] = [3, 9].map(|value| Priority::new(value).unwrap());
        assert_eq!(thread_priority(), None);
        AtPriority::new(low).keep();
        let inner = AtPriority::new(high);
        assert_eq!(thread_priority(), Some(high));
        assert_eq!(std::thread::spawn(thread_priority).join().unwrap(), None);
        drop(inner);
        assert_eq!(thread_priority(), Some(low));
    }

    /// Adds the length of the object id, up to 9.
    #[derive(Debug)]
    struct More;

    impl PriorityTransform for More {
        fn outbound(&self, priority: Priority, object_id: &[u8]) -> Option<Priority> {
            // As a call within a transform does.
            assert!(thread_priority().is_some());
            let sum = priority.get() + i16::try_from(object_id.len()).ok()?;
            Priority::new(sum).ok().filter(|sum| sum.get() <= 9)
        }
    }

    #[test]
    fn calls_in_an_upcall_have_the_priority_that_the_transform_says() {
        let [low, high] = [3, 9].map(|value| Priority::new(value).unwrap());
        let transform: Arc<dyn PriorityTransform> = Arc::new(More);
        assert_eq!(call_priority(), Ok(None));
        let outer = AtPriority::in_upcall(low, Some(Onward::new(&transform, b"four")));
        assert_eq!(call_priority().unwrap().unwrap().get(), 7);
        // The thread's own stays what it is, and what the servant sets is transformed likewise.
        assert_eq!(thread_priority(), Some(low));
        let set = AtPriority::new(high);
        assert_eq!(
            call_priority().unwrap_err().kind(),
            SystemExceptionKind::DataConversion
        );
        drop(set);
        let inner = AtPriority::in_upcall(high, None);
        assert_eq!(call_priority(), Ok(Some(high)));
        drop(inner);
        assert_eq!(call_priority().unwrap().unwrap().get(), 7);
        drop(outer);
        assert_eq!(call_priority(), Ok(None));
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asking an object what it is.

use std::{
    fmt,
    future::{Ready, ready},
    marker::PhantomData,
};

use super::{Interface, ObjectRef};
use crate::exception::Result;

/// What [`ObjectRef::narrow`] returns: made by `.wait()` or `.await`.
#[must_use = "narrowing is done by .wait() or .await"]
pub struct NarrowCall<'a, T> {
    object: &'a ObjectRef,
    wanted: PhantomData<fn() -> T>,
}

impl<'a, T: Interface> NarrowCall<'a, T> {
    pub(super) fn new(object: &'a ObjectRef) -> Self {
        Self {
            object,
            wanted: PhantomData,
        }
    }

    /// Asks on this thread; `None` if the object does not support the interface.
    ///
    /// # Errors
    ///
    /// The system exceptions of the call.
    pub fn wait(self) -> Result<Option<T>> {
        Ok(Some(self.object.unchecked_narrow()))
    }
}

impl<T: Interface> IntoFuture for NarrowCall<'_, T> {
    type Output = Result<Option<T>>;
    type IntoFuture = Ready<Result<Option<T>>>;

    fn into_future(self) -> Self::IntoFuture {
        ready(self.wait())
    }
}

impl<T> fmt::Debug for NarrowCall<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NarrowCall").field(self.object).finish()
    }
}

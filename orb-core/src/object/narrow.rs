// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asking an object what it is.

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use super::{Interface, ObjectRef, implicit::IsA};
use crate::{
    exception::Result,
    invoke::{Call, CallFuture},
};

/// What [`ObjectRef::narrow`] returns: made by `.wait()` or `.await`.
#[must_use = "narrowing is done by .wait() or .await"]
pub struct NarrowCall<'a, T> {
    object: &'a ObjectRef,
    timeout: Option<Duration>,
    wanted: PhantomData<fn() -> T>,
}

impl<'a, T: Interface> NarrowCall<'a, T> {
    pub(super) fn new(object: &'a ObjectRef) -> Self {
        Self {
            object,
            timeout: None,
            wanted: PhantomData,
        }
    }

    /// Gives the question this much time.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// Asks on this thread; `None` if the object does not support the interface.
    ///
    /// # Errors
    ///
    /// The system exceptions of the call.
    pub fn wait(self) -> Result<Option<T>> {
        let known = self.is_known() || self.question().wait()?;
        Ok(known.then(|| self.object.unchecked_narrow()))
    }

    /// Tells whether the reference itself says that the object supports the interface.
    fn is_known(&self) -> bool {
        T::REPOSITORY_ID == self.object.ior().type_id || T::REPOSITORY_ID == ObjectRef::REPOSITORY_ID
    }

    fn question(&self) -> Call<'a, IsA> {
        let call = self.object.is_a(T::REPOSITORY_ID);
        match self.timeout {
            Some(time) => call.timeout(time),
            None => call,
        }
    }
}

impl<T: Interface> IntoFuture for NarrowCall<'_, T> {
    type Output = Result<Option<T>>;
    type IntoFuture = NarrowFuture<T>;

    fn into_future(self) -> NarrowFuture<T> {
        let question = (!self.is_known()).then(|| self.question().into_future());
        NarrowFuture {
            object: self.object.clone(),
            question,
            wanted: PhantomData,
        }
    }
}

/// The future behind `object.narrow().await`.
#[must_use = "futures do nothing unless awaited"]
pub struct NarrowFuture<T> {
    object: ObjectRef,
    question: Option<CallFuture<IsA>>,
    wanted: PhantomData<fn() -> T>,
}

impl<T: Interface> Future for NarrowFuture<T> {
    type Output = Result<Option<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = match &mut self.question {
            Some(question) => match Pin::new(question).poll(cx) {
                Poll::Ready(answer) => answer,
                Poll::Pending => return Poll::Pending,
            },
            None => Ok(true),
        };
        Poll::Ready(answer.map(|supported| supported.then(|| self.object.unchecked_narrow())))
    }
}

impl<T> fmt::Debug for NarrowCall<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NarrowCall").field(self.object).finish()
    }
}

impl<T> fmt::Debug for NarrowFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NarrowFuture").field(&self.object).finish()
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls in flight.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::{AnswerOf, Operation};
use crate::{
    client::Deferred,
    exception::{Completed, SystemException, SystemExceptionKind},
};

/// A call in flight. Dropping it cancels the call: the server is told, and a late reply is thrown away.
#[must_use = "dropping a pending call cancels it"]
pub struct Pending<O: Operation> {
    state: State<O>,
}

#[allow(
    clippy::large_enum_variant,
    reason = "a call in flight allocates nothing, and is seldom anything else"
)]
enum State<O: Operation> {
    InFlight(Deferred),
    Finished(Result<O::Output, O::Error>),
    Taken,
}

impl<O: Operation> Pending<O> {
    pub(super) fn finished(result: Result<O::Output, O::Error>) -> Self {
        Self {
            state: State::Finished(result),
        }
    }

    pub(super) fn in_flight(deferred: Deferred) -> Self {
        Self {
            state: State::InFlight(deferred),
        }
    }

    /// Waits for the reply on this thread.
    ///
    /// # Errors
    ///
    /// As [`super::Call::wait`].
    pub fn wait(self) -> Result<O::Output, O::Error> {
        match self.state {
            State::InFlight(deferred) => {
                let mut answer = AnswerOf::<O>::new();
                deferred.wait(&mut answer)?;
                answer.take()
            }
            State::Finished(result) => result,
            State::Taken => Err(taken().into()),
        }
    }

    /// Returns the result if it is there; does not wait. After it was taken, `BAD_INV_ORDER`.
    pub fn try_take(&mut self) -> Option<Result<O::Output, O::Error>> {
        if let State::InFlight(deferred) = &mut self.state {
            let mut answer = AnswerOf::<O>::new();
            let ended = deferred.try_take(&mut answer)?;
            self.state = State::Taken;
            return Some(ended.map_err(Into::into).and_then(|()| answer.take()));
        }
        Some(self.take())
    }

    fn take(&mut self) -> Result<O::Output, O::Error> {
        match std::mem::replace(&mut self.state, State::Taken) {
            State::Finished(result) => result,
            State::InFlight(_) | State::Taken => Err(taken().into()),
        }
    }
}

fn taken() -> SystemException {
    SystemException::new(SystemExceptionKind::BadInvOrder, 0, Completed::Yes)
        .with_message("the result of this call was taken before")
}

impl<O: Operation> Unpin for Pending<O> {}

impl<O: Operation> Future for Pending<O> {
    type Output = Result<O::Output, O::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let State::InFlight(deferred) = &mut self.state {
            let mut answer = AnswerOf::<O>::new();
            let Poll::Ready(ended) = deferred.poll(cx.waker(), &mut answer) else {
                return Poll::Pending;
            };
            self.state = State::Taken;
            return Poll::Ready(ended.map_err(Into::into).and_then(|()| answer.take()));
        }
        Poll::Ready(self.take())
    }
}

impl<O: Operation> fmt::Debug for Pending<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("operation", &O::NAME)
            .finish_non_exhaustive()
    }
}

/// The future behind `call.await`.
#[must_use = "futures do nothing unless awaited"]
pub struct CallFuture<O: Operation> {
    state: Result<Pending<O>, Option<O::Error>>,
}

impl<O: Operation> CallFuture<O> {
    pub(crate) fn of(started: Result<Pending<O>, O::Error>) -> Self {
        Self {
            state: started.map_err(Some),
        }
    }
}

impl<O: Operation> Unpin for CallFuture<O> {}

impl<O: Operation> Future for CallFuture<O> {
    type Output = Result<O::Output, O::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.state {
            Ok(pending) => Pin::new(pending).poll(cx),
            Err(error) => Poll::Ready(Err(error.take().unwrap_or_else(|| taken().into()))),
        }
    }
}

impl<O: Operation> fmt::Debug for CallFuture<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFuture")
            .field("operation", &O::NAME)
            .finish_non_exhaustive()
    }
}

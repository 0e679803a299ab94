// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a generated stub method returns, and how it becomes a call.
//!
//! A stub method only collects its arguments: [`Call`] is made by [`Call::wait`] on this thread, by `.await` on any
//! executor, or put in flight by [`Call::start`]; [`OnewayCall`] is made by [`OnewayCall::send`].

mod oneway;
mod pending;

use std::{
    any::{Any, TypeId},
    fmt,
    time::{Duration, Instant},
};

pub use self::{
    oneway::{OnewayCall, SyncScope},
    pending::{CallFuture, Pending},
};

use crate::{
    cdr::{CdrError, Decoder, Encoder},
    context::Context,
    exception::SystemException,
    object::ObjectRef,
    qos::Qos,
};

/// One operation of an interface: generated code implements it for a hidden type per operation.
pub trait Operation: Sized + 'static {
    /// The name on the wire.
    const NAME: &'static str;
    /// Whether it is `oneway`.
    const ONEWAY: bool = false;

    /// What the caller passes in.
    type Args<'a>;
    /// What comes back.
    type Output: Send + 'static;
    /// What it may raise.
    type Error: From<SystemException> + Send + 'static;

    /// Returns the quality of service that the operation's IDL asks for with `@realtime`. Defaults to none.
    fn qos() -> Option<Qos> {
        None
    }

    /// Encodes the arguments.
    ///
    /// # Errors
    ///
    /// A [`CdrError`] if an argument has no form on the wire; then nothing is sent.
    fn marshal<'e, 'a: 'e>(args: &'e Self::Args<'a>, encoder: &mut Encoder<'e>) -> Result<(), CdrError>;

    /// Decodes what a normal reply carries.
    ///
    /// # Errors
    ///
    /// A [`CdrError`] if the reply is not what the operation returns.
    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self::Output, CdrError>;

    /// Decodes the user exception with the repository id `id`; `None` if the operation does not declare it.
    fn user_exception(id: &str, decoder: &mut Decoder<'_>) -> Option<Result<Self::Error, CdrError>> {
        let _ = (id, decoder);
        None
    }

    /// Calls a servant of this ORB directly; `None` if `facet` is not of the type [`Operation::facet`] names.
    fn collocated(
        facet: &dyn Any,
        cx: &Context<'_>,
        args: &Self::Args<'_>,
    ) -> Option<Result<Self::Output, Self::Error>> {
        let _ = (facet, cx, args);
        None
    }

    /// Names the type [`Operation::collocated`] needs: that of `Arc<dyn TheInterface>`.
    fn facet() -> TypeId {
        TypeId::of::<()>()
    }
}

/// When a call gives up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Limit {
    /// After the reference's or the ORB's time.
    #[default]
    Default,
    /// So long after the call is made.
    After(Duration),
    /// At this time.
    At(Instant),
}

impl Limit {
    /// Returns the time at which a call made `now` gives up.
    pub(crate) fn deadline(self, now: Instant, default: Duration) -> Instant {
        let after = match self {
            Self::Default => default,
            Self::After(time) => time,
            Self::At(deadline) => return deadline,
        };
        now.checked_add(after)
            .unwrap_or_else(|| now + crate::orb::FOREVER)
    }
}

/// A call that has not been made yet: what a stub method returns.
#[must_use = "a call is made by .wait(), .await or .start()"]
pub struct Call<'a, O: Operation> {
    target: &'a ObjectRef,
    args: O::Args<'a>,
    limit: Limit,
}

impl<'a, O: Operation> Call<'a, O> {
    /// Prepares a call of `O` on `target`.
    #[inline]
    pub fn new(target: &'a ObjectRef, args: O::Args<'a>) -> Self {
        Self {
            target,
            args,
            limit: Limit::Default,
        }
    }

    /// Gives the call this much time from the moment it is made. Defaults to the reference's or the ORB's (30 s).
    #[inline]
    pub fn timeout(mut self, time: Duration) -> Self {
        self.limit = Limit::After(time);
        self
    }

    /// Gives the call up at this moment.
    #[inline]
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.limit = Limit::At(deadline);
        self
    }

    /// Makes the call on this thread: sends the request and receives the reply.
    ///
    /// # Errors
    ///
    /// What the operation raises, and system exceptions: `TIMEOUT` when the deadline passed, `COMM_FAILURE`,
    /// `TRANSIENT` and others as CORBA 3.3 Part 1 §7.14.3 has them.
    pub fn wait(self) -> Result<O::Output, O::Error> {
        let _ = (self.target, &self.args, self.limit);
        Err(SystemException::new(
            crate::exception::SystemExceptionKind::NoImplement,
            0,
            crate::exception::Completed::No,
        )
        .into())
    }

    /// Puts the call in flight and returns at once; the reply is fetched from the [`Pending`].
    ///
    /// # Errors
    ///
    /// System exceptions raised before the request was sent.
    pub fn start(self) -> Result<Pending<O>, O::Error> {
        Ok(Pending::finished(self.wait()))
    }
}

impl<'a, O: Operation> IntoFuture for Call<'a, O> {
    type Output = Result<O::Output, O::Error>;
    type IntoFuture = CallFuture<O>;

    fn into_future(self) -> CallFuture<O> {
        CallFuture::of(self.start())
    }
}

impl<O: Operation> fmt::Debug for Call<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("operation", &O::NAME)
            .field("target", self.target)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

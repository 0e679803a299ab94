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
    client::{Answer, Arguments, Deferred, Invocation},
    context::Context,
    exception::{Completed, SystemException, SystemExceptionKind as Kind, minor},
    giop::ResponseFlags,
    object::ObjectRef,
    qos::Qos,
    servant::{CollocatedError, Servant},
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

    /// Calls a servant of this ORB directly without knowing its interface: what the operations of every object do.
    fn on_servant(servant: &dyn Servant, args: &Self::Args<'_>) -> Option<Result<Self::Output, Self::Error>> {
        let _ = (servant, args);
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
        if let Some(key) = self.target.local_key()
            && let Some(result) = collocated::<O>(self.target, key, &self.args)
        {
            return result;
        }
        let mut answer = AnswerOf::<O>::new();
        let invocation = self.invocation()?.released()?;
        invocation.call(&ArgumentsOf::<O> { args: &self.args }, &mut answer)?;
        answer.take()
    }

    /// Puts the call in flight and returns at once; the reply is fetched from the [`Pending`]. The request is sent now; in a burst
    /// of such calls it may be sent along with the next ones, within half a millisecond.
    ///
    /// # Errors
    ///
    /// System exceptions raised before the request was sent.
    pub fn start(self) -> Result<Pending<O>, O::Error> {
        self.put_in_flight(true)
    }

    #[inline]
    fn invocation(&self) -> Result<Invocation<'a>, SystemException> {
        Invocation::new(self.target, O::NAME.into(), ResponseFlags::Target, self.limit)
    }

    fn put_in_flight(self, patient: bool) -> Result<Pending<O>, O::Error> {
        if let Some(key) = self.target.local_key()
            && let Some(result) = collocated::<O>(self.target, key, &self.args)
        {
            return Ok(Pending::finished(result));
        }
        let invocation = self.invocation()?;
        let deferred = Deferred::start(&invocation, &ArgumentsOf::<O> { args: &self.args }, patient)?;
        Ok(Pending::in_flight(deferred))
    }
}

impl<'a, O: Operation> IntoFuture for Call<'a, O> {
    type Output = Result<O::Output, O::Error>;
    type IntoFuture = CallFuture<O>;

    fn into_future(self) -> CallFuture<O> {
        CallFuture::of(self.put_in_flight(false))
    }
}

/// Calls an object of this ORB without a message; `None` if that is not possible here.
#[inline]
fn collocated<O: Operation>(
    target: &ObjectRef,
    key: &[u8],
    args: &O::Args<'_>,
) -> Option<Result<O::Output, O::Error>> {
    let adapter = target.orb().adapter()?;
    let mut result = None;
    let called = adapter.collocated(key, O::NAME, &mut |servant, cx| {
        result = O::on_servant(servant, args).or_else(|| {
            servant
                .facet(O::facet())
                .and_then(|facet| O::collocated(facet, cx, args))
        });
    });
    match called {
        Ok(()) => result,
        Err(CollocatedError::Exception(exception)) => Some(Err(exception.into())),
        Err(CollocatedError::Forward(elsewhere)) => {
            target.forward(elsewhere, false);
            None
        }
        Err(CollocatedError::NotLocal) => None,
    }
}

/// The arguments of `O`, for the part of a call that does not depend on the operation.
struct ArgumentsOf<'x, 'a: 'x, O: Operation> {
    args: &'x O::Args<'a>,
}

impl<O: Operation> Arguments for ArgumentsOf<'_, '_, O> {
    fn marshal<'e>(&'e self, encoder: &mut Encoder<'e>) -> Result<(), CdrError> {
        O::marshal(self.args, encoder)
    }
}

/// The result of `O`, for the part of a call that does not depend on the operation.
struct AnswerOf<O: Operation>(Option<Result<O::Output, O::Error>>);

impl<O: Operation> AnswerOf<O> {
    fn new() -> Self {
        Self(None)
    }

    fn take(self) -> Result<O::Output, O::Error> {
        self.0.unwrap_or_else(|| {
            let exception = SystemException::new(Kind::Internal, 0, Completed::Maybe);
            Err(exception.with_message("a call ended without an answer").into())
        })
    }
}

impl<O: Operation> Answer for AnswerOf<O> {
    fn results(&mut self, body: &mut Decoder<'_>) -> Result<(), CdrError> {
        self.0 = Some(Ok(O::unmarshal(body)?));
        Ok(())
    }

    fn user_exception(&mut self, body: &mut Decoder<'_>) -> Result<(), CdrError> {
        let id = body.identifier()?;
        let error = match O::user_exception(&id, body) {
            Some(exception) => exception?,
            // CORBA 3.3 Part 1 §7.14.3.1: an exception that the operation does not declare.
            None => SystemException::new(Kind::Unknown, minor::UNLISTED_USER_EXCEPTION, Completed::Yes)
                .with_message(format!("{} raised {id}, which it does not declare", O::NAME))
                .into(),
        };
        self.0 = Some(Err(error));
        Ok(())
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

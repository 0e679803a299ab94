// SPDX-License-Identifier: MIT OR Apache-2.0
//! The dynamic invocation interface: calls of operations that were not known when compiling
//! (CORBA 3.3 Part 1 §13).
//!
//! ```no_run
//! # fn f(object: &orb_core::object::ObjectRef) -> Result<(), Box<dyn std::error::Error>> {
//! use orb_core::typecode::TypeCode;
//!
//! // boolean stats(in long channel, out double mean, inout long count);
//! let reply = object
//!     .request("stats")
//!     .input(3_i32)
//!     .output(TypeCode::DOUBLE)
//!     .in_out(7_i32)
//!     .returns(TypeCode::BOOLEAN)
//!     .wait()?;
//! let (ok, mean) = (reply.result().get::<bool>()?, reply.outputs()[0].get::<f64>()?);
//! # let _ = (ok, mean);
//! # Ok(())
//! # }
//! ```
//!
//! Its counterpart, serving what was not known when compiling, is an implementation of
//! [`Servant`](crate::servant::Servant) by hand.

use std::{
    borrow::Cow,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use crate::{
    any::{Any, AnyValue, Transcoder},
    cdr::{CdrError, Decoder, Encoder},
    client::{Answer, Arguments, Deferred, Invocation},
    exception::{Completed, SystemException, SystemExceptionKind as Kind, minor},
    giop::ResponseFlags,
    invoke::Limit,
    object::ObjectRef,
    typecode::{TypeCode, TypeCodeKind},
};

mod local;

/// Why a dynamic call gave no reply.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DynamicError {
    /// The operation raised one of the exceptions it was said to raise.
    #[error("the operation raised {}", .0.type_code().id().unwrap_or_default())]
    User(Any),
    /// Anything else went wrong.
    #[error(transparent)]
    System(#[from] SystemException),
}

impl From<CdrError> for DynamicError {
    fn from(error: CdrError) -> Self {
        Self::System(error.into())
    }
}

/// What a dynamic call brought back.
#[derive(Debug, Clone, PartialEq)]
pub struct DynamicReply {
    result: Any,
    outputs: Vec<Any>,
}

impl DynamicReply {
    /// Returns the return value; its type is `void` if there is none.
    pub fn result(&self) -> &Any {
        &self.result
    }

    /// Returns the `out` and `inout` parameters in their order.
    pub fn outputs(&self) -> &[Any] {
        &self.outputs
    }
}

/// A call put together at run time; made by [`Self::wait`], by `.await`, by [`Self::start`] or, oneway, by
/// [`Self::send`].
///
/// Parameters are given in the order of the IDL.
#[must_use = "a call is made by .wait(), .await, .start() or .send()"]
#[derive(Debug)]
pub struct DynamicCall<'a> {
    target: &'a ObjectRef,
    shape: Shape,
    limit: Limit,
}

/// What is called, with what, and what comes back.
#[derive(Debug)]
struct Shape {
    operation: Cow<'static, str>,
    parameters: Vec<Parameter>,
    result: TypeCode,
    exceptions: Vec<TypeCode>,
}

#[derive(Debug)]
enum Parameter {
    In(Any),
    Out(TypeCode),
    InOut(Any),
}

impl ObjectRef {
    /// Begins a call of an operation by its name on the wire: of an attribute, `_get_` or `_set_` and its name.
    pub fn request(&self, operation: impl Into<Cow<'static, str>>) -> DynamicCall<'_> {
        let operation = operation.into();
        let shape = Shape {
            operation,
            parameters: Vec::new(),
            result: TypeCode::VOID,
            exceptions: Vec::new(),
        };
        DynamicCall {
            target: self,
            shape,
            limit: Limit::Default,
        }
    }
}

impl DynamicCall<'_> {
    /// Adds an `in` parameter.
    pub fn input<T: AnyValue>(self, value: T) -> Self {
        self.input_any(Any::from(value))
    }

    /// Adds an `in` parameter of the type of the `any`; one of type `any` itself is given by [`Any::of_any`].
    pub fn input_any(mut self, value: Any) -> Self {
        self.shape.parameters.push(Parameter::In(value));
        self
    }

    /// Adds an `out` parameter of this type.
    pub fn output(mut self, type_code: TypeCode) -> Self {
        self.shape.parameters.push(Parameter::Out(type_code));
        self
    }

    /// Adds an `inout` parameter.
    pub fn in_out<T: AnyValue>(self, value: T) -> Self {
        self.in_out_any(Any::from(value))
    }

    /// Adds an `inout` parameter of the type of the `any`.
    pub fn in_out_any(mut self, value: Any) -> Self {
        self.shape.parameters.push(Parameter::InOut(value));
        self
    }

    /// Says what the operation returns. Defaults to `void`.
    pub fn returns(mut self, type_code: TypeCode) -> Self {
        self.shape.result = type_code;
        self
    }

    /// Says that the operation may raise this exception; one it was not said to raise is `UNKNOWN`.
    pub fn raises(mut self, exception: TypeCode) -> Self {
        self.shape.exceptions.push(exception);
        self
    }

    /// Gives the call this much time from the moment it is made. Defaults to the reference's or the ORB's (30 s).
    pub fn timeout(mut self, time: Duration) -> Self {
        self.limit = Limit::After(time);
        self
    }

    /// Gives the call up at this moment.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.limit = Limit::At(deadline);
        self
    }

    /// Makes the call on this thread.
    ///
    /// # Errors
    ///
    /// [`DynamicError`].
    pub fn wait(self) -> Result<DynamicReply, DynamicError> {
        if let Some(reply) = local::call(self.target, &self.shape, true) {
            return reply;
        }
        let mut answer = ReplyReader {
            shape: &self.shape,
            reply: None,
        };
        self.invocation(ResponseFlags::Target)?
            .released()?
            .call(&self.shape, &mut answer)?;
        answer.take()
    }

    /// Puts the call in flight and returns at once.
    ///
    /// # Errors
    ///
    /// System exceptions raised before the request was sent.
    pub fn start(self) -> Result<DynamicPending, DynamicError> {
        self.put_in_flight(true)
    }

    fn put_in_flight(self, patient: bool) -> Result<DynamicPending, DynamicError> {
        let state = match local::call(self.target, &self.shape, true) {
            Some(reply) => State::Finished(reply),
            None => {
                let deferred =
                    Deferred::start(&self.invocation(ResponseFlags::Target)?, &self.shape, patient)?;
                State::InFlight(Box::new(deferred))
            }
        };
        Ok(DynamicPending {
            shape: self.shape,
            state,
        })
    }

    /// Makes a oneway call: nothing comes back.
    ///
    /// # Errors
    ///
    /// System exceptions raised on this side.
    pub fn send(self) -> Result<(), SystemException> {
        if local::call(self.target, &self.shape, false).is_some() {
            return Ok(());
        }
        let mut answer = ReplyReader {
            shape: &self.shape,
            reply: None,
        };
        self.invocation(ResponseFlags::None)?
            .call(&self.shape, &mut answer)
    }

    fn invocation(&self, response: ResponseFlags) -> Result<Invocation<'_>, SystemException> {
        Invocation::new(self.target, self.shape.operation.clone(), response, self.limit)
    }
}

impl IntoFuture for DynamicCall<'_> {
    type Output = Result<DynamicReply, DynamicError>;
    type IntoFuture = DynamicFuture;

    fn into_future(self) -> DynamicFuture {
        DynamicFuture(self.put_in_flight(false).map_err(Some))
    }
}

impl Arguments for Shape {
    fn marshal<'e>(&'e self, encoder: &mut Encoder<'e>) -> Result<(), CdrError> {
        for parameter in &self.parameters {
            if let Parameter::In(value) | Parameter::InOut(value) = parameter {
                let mut decoder = value.decoder()?;
                encoder.copying(|encoder| Transcoder::write(encoder, &mut decoder, value.type_code()))?;
            }
        }
        Ok(())
    }
}

/// Reads the reply as the call says.
struct ReplyReader<'s> {
    shape: &'s Shape,
    reply: Option<Result<DynamicReply, DynamicError>>,
}

impl ReplyReader<'_> {
    fn take(self) -> Result<DynamicReply, DynamicError> {
        self.reply
            .unwrap_or_else(|| Err(taken("a call ended without an answer").into()))
    }
}

impl Answer for ReplyReader<'_> {
    fn results(&mut self, body: &mut Decoder<'_>) -> Result<(), CdrError> {
        let mut read = |type_code: &TypeCode| {
            let value = Transcoder::read(body, type_code)?;
            Ok(Any::from_parts(type_code.clone(), value, body.orb().cloned()))
        };
        let result = read(&self.shape.result)?;
        let outputs = self
            .shape
            .parameters
            .iter()
            .filter_map(|parameter| match parameter {
                Parameter::In(_) => None,
                Parameter::Out(type_code) => Some(type_code),
                Parameter::InOut(value) => Some(value.type_code()),
            });
        let outputs = outputs.map(read).collect::<Result<_, CdrError>>()?;
        self.reply = Some(Ok(DynamicReply { result, outputs }));
        Ok(())
    }

    fn user_exception(&mut self, body: &mut Decoder<'_>) -> Result<(), CdrError> {
        let id = body.identifier()?;
        let mut declared = self.shape.exceptions.iter();
        let declared = declared.find(|code| code.kind() == TypeCodeKind::Except && code.id() == Some(&*id));
        self.reply = Some(Err(match declared {
            Some(exception) => {
                let value = Transcoder::read_exception(body, exception)?;
                DynamicError::User(Any::from_parts(exception.clone(), value, body.orb().cloned()))
            }
            // CORBA 3.3 Part 1 §7.14.3.1: an exception that the operation does not declare.
            None => SystemException::new(Kind::Unknown, minor::UNLISTED_USER_EXCEPTION, Completed::Yes)
                .with_message(format!(
                    "{} raised {id}, which the call does not declare",
                    self.shape.operation
                ))
                .into(),
        }));
        Ok(())
    }
}

/// A dynamic call in flight. Dropping it cancels the call.
#[must_use = "dropping a pending call cancels it"]
#[derive(Debug)]
pub struct DynamicPending {
    shape: Shape,
    state: State,
}

#[derive(Debug)]
enum State {
    InFlight(Box<Deferred>),
    Finished(Result<DynamicReply, DynamicError>),
    Taken,
}

impl DynamicPending {
    /// Waits for the reply on this thread.
    ///
    /// # Errors
    ///
    /// As [`DynamicCall::wait`].
    pub fn wait(self) -> Result<DynamicReply, DynamicError> {
        match self.state {
            State::InFlight(deferred) => {
                let mut answer = ReplyReader {
                    shape: &self.shape,
                    reply: None,
                };
                deferred.wait(&mut answer)?;
                answer.take()
            }
            State::Finished(reply) => reply,
            State::Taken => Err(taken("the reply was taken before").into()),
        }
    }

    /// Returns the reply if it is there; does not wait. After it was taken, `BAD_INV_ORDER`.
    pub fn try_take(&mut self) -> Option<Result<DynamicReply, DynamicError>> {
        if let State::InFlight(deferred) = &mut self.state {
            let mut answer = ReplyReader {
                shape: &self.shape,
                reply: None,
            };
            let ended = deferred.try_take(&mut answer)?;
            let reply = ended.map_err(Into::into).and_then(|()| answer.take());
            self.state = State::Taken;
            return Some(reply);
        }
        Some(self.finished())
    }

    fn finished(&mut self) -> Result<DynamicReply, DynamicError> {
        match std::mem::replace(&mut self.state, State::Taken) {
            State::Finished(reply) => reply,
            State::InFlight(_) | State::Taken => Err(taken("the reply was taken before").into()),
        }
    }
}

impl Future for DynamicPending {
    type Output = Result<DynamicReply, DynamicError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let State::InFlight(deferred) = &mut this.state {
            let mut answer = ReplyReader {
                shape: &this.shape,
                reply: None,
            };
            let Poll::Ready(ended) = deferred.poll(cx.waker(), &mut answer) else {
                return Poll::Pending;
            };
            let reply = ended.map_err(Into::into).and_then(|()| answer.take());
            this.state = State::Taken;
            return Poll::Ready(reply);
        }
        Poll::Ready(this.finished())
    }
}

/// The future behind `call.await`.
#[must_use = "futures do nothing unless awaited"]
pub struct DynamicFuture(Result<DynamicPending, Option<DynamicError>>);

impl Future for DynamicFuture {
    type Output = Result<DynamicReply, DynamicError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Ok(pending) => Pin::new(pending).poll(cx),
            Err(error) => Poll::Ready(Err(error
                .take()
                .unwrap_or_else(|| taken("the reply was taken before").into()))),
        }
    }
}

impl fmt::Debug for DynamicFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DynamicFuture").field(&self.0).finish()
    }
}

fn taken(text: &'static str) -> SystemException {
    SystemException::new(Kind::BadInvOrder, 0, Completed::Yes).with_message(text)
}

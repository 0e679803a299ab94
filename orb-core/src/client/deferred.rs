// SPDX-License-Identifier: MIT OR Apache-2.0
//! A call in flight that no thread waits for yet.

use std::{
    borrow::Cow,
    fmt,
    sync::Arc,
    task::{Poll, Waker},
    time::Instant,
};

use bytes::Bytes;

use super::{
    binding::{Binding, Profile},
    connection::{Connection, Wait},
    contexts::{Contexts, Room},
    failure::{Cause, Delivery, Failure},
    invocation::{Answer, Arguments, Attempts, Invocation, Next, read_reply, unsent},
    request::{Headers, Last, Prepared},
};
use crate::{
    cdr::{CdrError, Encoder, Endian, Version},
    codeset::CodeSets,
    exception::{Completed, SystemException, SystemExceptionKind as Kind},
    giop::{self, ResponseFlags},
    invoke::Limit,
    object::ObjectRef,
    rtcorba::Priority,
};

/// A call in flight. Dropping it cancels the call.
pub(crate) struct Deferred {
    object: ObjectRef,
    operation: Cow<'static, str>,
    response: ResponseFlags,
    deadline: Instant,
    priority: Option<Priority>,
    attempts: Attempts,
    /// Kept so that the request can be sent again elsewhere.
    body: Body,
    /// Where the request is in flight; `None` once the reply was taken.
    flight: Option<Flight>,
    /// Whether sending may block.
    patient: bool,
}

/// The encoded arguments.
#[derive(Clone)]
struct Body {
    octets: Bytes,
    /// The same for a body that begins at 4 modulo 8, which it may before GIOP 1.2.
    shifted: Option<Box<Bytes>>,
    version: Version,
    codesets: CodeSets,
}

/// A request that was sent.
struct Flight {
    binding: Arc<Binding>,
    id: u32,
    version: Version,
}

impl Flight {
    #[inline]
    fn connection(&self) -> &Connection {
        self.binding.carrier()
    }
}

impl Deferred {
    /// Sends the request. Only a `patient` caller is made to wait while the connection takes nothing.
    pub(crate) fn start(
        invocation: &Invocation<'_>,
        arguments: &dyn Arguments,
        patient: bool,
    ) -> Result<Self, SystemException> {
        let now = Instant::now();
        let deadline = invocation.limit.deadline(now, invocation.object.time_limit());
        let mut attempts = Attempts::new();
        let mut last = Last::take();
        let binding = Arc::clone(invocation.bind_again(&mut last.binding, deadline, &mut attempts)?);
        let profile = binding.profile().ok_or_else(lost_sight)?;
        let body = Body::new(invocation, profile, arguments).map_err(|error| {
            SystemException::from(error)
                .with_completed(Completed::No)
                .with_context(&invocation.operation)
        })?;
        let mut deferred = Self {
            object: invocation.object.clone(),
            operation: invocation.operation.clone(),
            response: invocation.response,
            deadline,
            priority: invocation.priority,
            attempts,
            body,
            flight: None,
            patient,
        };
        deferred.send(invocation, Some(binding), now, &mut last.headers)?;
        last.keep();
        Ok(deferred)
    }

    /// Sends a request without a reply, leaving it in the queue if it cannot be sent at once.
    pub(crate) fn send_oneway(
        invocation: &Invocation<'_>,
        arguments: &dyn Arguments,
    ) -> Result<(), SystemException> {
        let mut deferred = Self::start(invocation, arguments, false)?;
        if let Some(flight) = deferred.flight.take() {
            flight.connection().retract(flight.id);
        }
        Ok(())
    }

    /// Sends the request again, at the place that the object now knows.
    #[cold]
    fn send_again(&mut self) -> Result<(), SystemException> {
        let object = self.object.clone();
        let invocation = Invocation {
            object: &object,
            operation: self.operation.clone(),
            response: self.response,
            limit: Limit::At(self.deadline),
            priority: self.priority,
        };
        let mut last = Last::take();
        self.send(&invocation, None, Instant::now(), &mut last.headers)?;
        last.keep();
        Ok(())
    }

    /// Sends the request, again if need be.
    fn send(
        &mut self,
        invocation: &Invocation<'_>,
        mut bound: Option<Arc<Binding>>,
        now: Instant,
        headers: &mut Headers,
    ) -> Result<(), SystemException> {
        loop {
            let binding = match bound.take() {
                Some(binding) => binding,
                None => invocation.bind(self.deadline, &mut self.attempts)?,
            };
            if binding.connection().is_none() {
                invocation.object.unbind(&binding);
                continue;
            }
            match self.try_send(invocation, &binding, now, headers)? {
                Ok((id, version)) => {
                    self.flight = Some(Flight { binding, id, version });
                    return Ok(());
                }
                Err((failure, completed)) => {
                    if !self
                        .attempts
                        .again(invocation.object, &binding, &failure, completed == Completed::No)
                    {
                        return Err(invocation.explain(&failure, completed));
                    }
                }
            }
        }
    }

    #[allow(
        clippy::type_complexity,
        reason = "the two kinds of errors are told apart at the one place of use"
    )]
    fn try_send(
        &self,
        invocation: &Invocation<'_>,
        binding: &Arc<Binding>,
        now: Instant,
        headers: &mut Headers,
    ) -> Result<Result<(u32, Version), (Failure, Completed)>, SystemException> {
        let Some(profile) = binding.profile() else {
            return Err(lost_sight());
        };
        let connection = binding.carrier();
        let (id, burst) = match connection.begin_in_flight(now) {
            Ok(begun) => begun,
            Err(failure) => return Ok(Err((failure, Completed::No))),
        };
        let mut room = Room::default();
        let contexts = Contexts::new(profile, connection, self.priority, &mut room);
        let kind = invocation.kind(binding);
        let mut request = Prepared::new(headers, kind, profile, &self.object);
        let list = contexts.as_slice();
        let written = request
            .write_headers(kind, &invocation.operation, id, binding, profile, list)
            .and_then(|()| self.body.append(&mut request.encoder))
            .map_err(|error| SystemException::from(error).with_completed(Completed::No));
        let fits = written.and_then(|()| connection.check_length(request.encoder.len()));
        if let Err(exception) = fits {
            connection.retract(id);
            connection.take_back(contexts.stamp);
            return Err(exception.with_context(&self.operation));
        }
        let deadline = self.patient.then_some(self.deadline);
        // What nobody waits for goes out at once: nobody looks for it later.
        let sent = if burst && self.response.response_expected() {
            self.object
                .send_with_others(connection, &request.encoder, deadline)
        } else {
            self.object.send(connection, &request.encoder, deadline)
        };
        request.recycle(headers);
        if let Err(error) = sent {
            connection.retract(id);
            connection.take_back(contexts.stamp);
            return Ok(Err(unsent(connection, error)));
        }
        Ok(Ok((id, profile.version)))
    }

    /// Waits for the reply on this thread.
    pub(crate) fn wait(mut self, answer: &mut dyn Answer) -> Result<(), SystemException> {
        // Whoever waits may also wait to send again.
        self.patient = true;
        loop {
            let flight = self.flight.as_ref().ok_or_else(lost_sight)?;
            let connection = flight.connection();
            // What is there already needs no clock.
            let delivery = connection.take_delivered(flight.id).unwrap_or_else(|| {
                Last::send_collected();
                let mut wait = Wait::until(self.deadline, Instant::now());
                connection.wait(flight.id, &mut wait)
            });
            if self.conclude(delivery, answer)? {
                return Ok(());
            }
        }
    }

    /// Reads the reply if it has come.
    pub(crate) fn try_take(&mut self, answer: &mut dyn Answer) -> Option<Result<(), SystemException>> {
        loop {
            let Some(flight) = &self.flight else {
                return Some(Err(lost_sight()));
            };
            let delivery = match flight.connection().try_take(flight.id) {
                Some(delivery) => delivery,
                None if Instant::now() < self.deadline => return None,
                None => Err(Failure::timeout(
                    flight.connection().peer(),
                    "waiting for a reply from",
                )),
            };
            match self.conclude(delivery, answer) {
                Ok(true) => return Some(Ok(())),
                Ok(false) => {}
                Err(exception) => return Some(Err(exception)),
            }
        }
    }

    /// Reads the reply if it has come; has `waker` woken when it does.
    pub(crate) fn poll(
        &mut self,
        waker: &Waker,
        answer: &mut dyn Answer,
    ) -> Poll<Result<(), SystemException>> {
        loop {
            let Some(flight) = &self.flight else {
                return Poll::Ready(Err(lost_sight()));
            };
            let Poll::Ready(delivery) = flight.connection().poll(flight.id, waker, self.deadline) else {
                return Poll::Pending;
            };
            match self.conclude(delivery, answer) {
                Ok(true) => return Poll::Ready(Ok(())),
                Ok(false) => {}
                Err(exception) => return Poll::Ready(Err(exception)),
            }
        }
    }

    /// Acts on what was delivered; `false`: the request was sent again.
    fn conclude(&mut self, delivery: Delivery, answer: &mut dyn Answer) -> Result<bool, SystemException> {
        let Some(flight) = self.flight.take() else {
            return Err(lost_sight());
        };
        let profile = flight.binding.profile().ok_or_else(lost_sight)?;
        match delivery {
            Ok(message) => {
                let attempts = &mut self.attempts;
                match read_reply(&self.object, &flight.binding, profile, &message, answer, attempts)? {
                    Next::Done => return Ok(true),
                    Next::Again => {}
                }
            }
            Err(failure) => {
                if failure.cause == Cause::Timeout {
                    flight.connection().give_up(flight.id, flight.version);
                }
                let again = self
                    .attempts
                    .again(&self.object, &flight.binding, &failure, false);
                if !again {
                    let completed = if failure.is_unprocessed() {
                        Completed::No
                    } else {
                        Completed::Maybe
                    };
                    return Err(failure.exception(completed).with_context(&self.operation));
                }
            }
        }
        self.send_again()?;
        Ok(false)
    }
}

impl Body {
    fn new(
        invocation: &Invocation<'_>,
        profile: &Profile,
        arguments: &dyn Arguments,
    ) -> Result<Self, CdrError> {
        let encode = |offset: usize| {
            let mut encoder = Encoder::new(Endian::NATIVE, profile.version, profile.codesets)
                .by_reference_from(usize::MAX)
                .with_orb(Some(invocation.object.handle()));
            encoder.raw([0; 4].get(..offset).unwrap_or_default());
            arguments.marshal(&mut encoder)?;
            Ok(encoder.contiguous().slice(offset..))
        };
        Ok(Self {
            octets: encode(0)?,
            shifted: if profile.version < Version::V1_2 {
                Some(Box::new(encode(4)?))
            } else {
                None
            },
            version: profile.version,
            codesets: profile.codesets,
        })
    }

    /// Appends the arguments to a request's headers.
    fn append<'e>(&'e self, encoder: &mut Encoder<'e>) -> Result<(), CdrError> {
        let padding = giop::begin_body(encoder);
        if (encoder.version(), encoder.codesets()) != (self.version, self.codesets) {
            return Err(CdrError::BadMessage(
                "the new place of the object speaks otherwise; make the call again",
            ));
        }
        // Header fields are multiples of four octets.
        let aligned = encoder.position().is_multiple_of(8);
        encoder.octets_array(match &self.shifted {
            Some(shifted) if !aligned => shifted,
            _ => &self.octets,
        });
        giop::finish(encoder, Some(padding))
    }
}

impl Drop for Deferred {
    fn drop(&mut self) {
        if let Some(flight) = self.flight.take() {
            flight.connection().cancel(flight.id, flight.version);
        }
    }
}

impl fmt::Debug for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deferred")
            .field("operation", &self.operation)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// The call has ended before.
fn lost_sight() -> SystemException {
    SystemException::new(Kind::BadInvOrder, 0, Completed::Maybe).with_message("this call has ended before")
}

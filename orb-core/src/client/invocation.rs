// SPDX-License-Identifier: MIT OR Apache-2.0
//! One call: encode, send, wait, and again elsewhere if the answer says so.

use std::{borrow::Cow, sync::Arc, time::Instant};

use super::{
    binding::{Binding, Profile, is_about_the_place},
    connection::{Connection, Sending, Wait},
    contexts::{Contexts, Room},
    deferred::Deferred,
    failure::{Cause, Failure},
    request::{self, Headers, Last, Prepared},
    writer::WriteError,
};
use crate::{
    cdr::{CdrError, Decoder, Encoder, Unmarshal},
    exception::{Completed, SystemException, SystemExceptionKind as Kind, detail},
    giop::{self, AddressingDisposition, Message, ReplyStatus, ResponseFlags, context_id},
    invoke::Limit,
    ior::Ior,
    object::ObjectRef,
    rtcorba::{self, Priority},
};

/// The arguments of a call, encoded each time it is sent.
pub(crate) trait Arguments {
    /// Writes the arguments; large ones by reference.
    fn marshal<'e>(&'e self, encoder: &mut Encoder<'e>) -> Result<(), CdrError>;
}

/// What makes the caller's result of a reply.
pub(crate) trait Answer {
    /// Reads a normal reply's body.
    fn results(&mut self, body: &mut Decoder<'_>) -> Result<(), CdrError>;
    /// Reads a user exception; its id comes first.
    fn user_exception(&mut self, body: &mut Decoder<'_>) -> Result<(), CdrError>;
}

/// What is the same for every attempt of a call.
#[derive(Debug)]
pub(crate) struct Invocation<'c> {
    pub(crate) object: &'c ObjectRef,
    pub(crate) operation: Cow<'static, str>,
    pub(crate) response: ResponseFlags,
    pub(crate) limit: Limit,
    /// That of the thread that made the call.
    pub(crate) priority: Option<Priority>,
}

/// What is to be done after a reply.
pub(crate) enum Next {
    /// The answer has been read.
    Done,
    /// The call must be made again, at the place the object now knows.
    Again,
}

/// Where one attempt of a call goes.
struct Place<'p> {
    binding: &'p Binding,
    profile: &'p Profile,
    connection: &'p Arc<Connection>,
}

/// Why an attempt brought no reply.
enum Trouble {
    /// The call cannot be made.
    Exception(SystemException),
    /// The place does not answer, and what is known of the request.
    Failure(Failure, Completed),
}

impl Trouble {
    #[cold]
    fn not_begun(failure: Failure) -> Box<Self> {
        Box::new(Self::Failure(failure, Completed::No))
    }

    #[cold]
    fn unsent(connection: &Connection, error: WriteError) -> Box<Self> {
        let (failure, completed) = unsent(connection, error);
        Box::new(Self::Failure(failure, completed))
    }

    #[cold]
    fn unanswered(place: &Place<'_>, id: u32, failure: Failure) -> Box<Self> {
        if failure.cause == Cause::Timeout {
            place.connection.give_up(id, place.profile.version);
        }
        let completed = if failure.is_unprocessed() {
            Completed::No
        } else {
            Completed::Maybe
        };
        Box::new(Self::Failure(failure, completed))
    }
}

/// Counts what keeps a call from ending.
#[derive(Debug)]
pub(crate) struct Attempts {
    forwards: u32,
    retries: u32,
    went_back: bool,
}

/// How often a call that was not processed is sent again.
const MAX_RETRIES: u32 = 3;

impl Attempts {
    /// Counts from zero.
    pub(crate) fn new() -> Self {
        Self {
            forwards: 0,
            retries: 0,
            went_back: false,
        }
    }

    /// Counts a forward; an exception when there were too many.
    fn forward(&mut self, object: &ObjectRef) -> Result<(), SystemException> {
        self.forwards += 1;
        let most = u32::try_from(object.orb().config().max_forwards).unwrap_or(u32::MAX);
        if self.forwards > most {
            let text = format!(
                "forwarded {} times without coming to an object",
                self.forwards - 1
            );
            return Err(SystemException::new(Kind::Transient, 0, Completed::No).with_message(text));
        }
        Ok(())
    }

    /// Decides whether a call that failed is made again.
    #[cold]
    pub(crate) fn again(
        &mut self,
        object: &ObjectRef,
        binding: &Binding,
        failure: &Failure,
        unsent: bool,
    ) -> bool {
        object.unbind(binding);
        let unprocessed = unsent || failure.is_unprocessed();
        if !unprocessed || !is_about_the_place(failure) || self.retries >= MAX_RETRIES {
            return false;
        }
        self.retries += 1;
        tracing::debug!(?failure, "sending a request again");
        true
    }

    /// Decides whether to go back from the place a forward led to.
    fn go_back(&mut self, object: &ObjectRef) -> bool {
        let back = !self.went_back && object.go_back();
        self.went_back |= back;
        back
    }
}

impl<'c> Invocation<'c> {
    /// Prepares a call that this thread makes.
    ///
    /// # Errors
    ///
    /// `INV_POLICY` if the object has priority bands, and the call's priority lies in none; `DATA_CONVERSION` if that is
    /// transformed to none.
    #[inline]
    pub(crate) fn new(
        object: &'c ObjectRef,
        operation: Cow<'static, str>,
        response: ResponseFlags,
        limit: Limit,
    ) -> Result<Self, SystemException> {
        let priority = rtcorba::call_priority()?;
        let object = match response {
            ResponseFlags::None => object.for_oneways(),
            _ => object,
        };
        Ok(Self {
            object: object.at_priority(priority)?,
            operation,
            response,
            limit,
            priority,
        })
    }
}

impl Invocation<'_> {
    /// Waits until this thread may send the call, where its flow was granted a rate.
    ///
    /// # Errors
    ///
    /// `TIMEOUT` if that is not within the call's time.
    #[inline]
    pub(crate) fn released(mut self) -> Result<Self, SystemException> {
        self.limit = self.object.release(self.limit)?;
        Ok(self)
    }

    /// Makes the call on this thread.
    pub(crate) fn call(
        &self,
        arguments: &dyn Arguments,
        answer: &mut dyn Answer,
    ) -> Result<(), SystemException> {
        let now = Instant::now();
        let deadline = self.limit.deadline(now, self.object.time_limit());
        let mut wait = Wait::until(deadline, now);
        let mut attempts = Attempts::new();
        let mut last = Last::take();
        // Filled in place: moving what was just written stalls the processor.
        let mut message = None;
        loop {
            let binding = self.bind_again(&mut last.binding, deadline, &mut attempts)?;
            let (Some(connection), Some(profile)) = (binding.connection(), binding.profile()) else {
                self.object.unbind(binding);
                continue;
            };
            let place = Place {
                binding,
                profile,
                connection,
            };
            let headers = &mut last.headers;
            if let Err(trouble) = self.attempt(&place, headers, now, &mut wait, arguments, &mut message) {
                match *trouble {
                    Trouble::Exception(exception) => return Err(exception),
                    Trouble::Failure(failure, completed) => {
                        let unsent = completed == Completed::No;
                        if !attempts.again(self.object, binding, &failure, unsent) {
                            return Err(self.explain(&failure, completed));
                        }
                        continue;
                    }
                }
            }
            let next = match &message {
                Some(reply) => read_reply(self.object, binding, profile, reply, answer, &mut attempts),
                None => Ok(Next::Done),
            };
            match next {
                Ok(Next::Again) => message = None,
                Ok(Next::Done) => {
                    last.keep();
                    return Ok(());
                }
                Err(exception) => {
                    last.keep();
                    return Err(exception);
                }
            }
        }
    }

    /// Makes a oneway call without waiting for the connection to take it.
    pub(crate) fn call_impatiently(&self, arguments: &dyn Arguments) -> Result<(), SystemException> {
        // The request is given up right after it is queued: nothing is expected of it.
        Deferred::send_oneway(self, arguments)
    }

    /// Binds the object, with the thread's last binding if that is the object's still.
    #[inline]
    pub(crate) fn bind_again<'b>(
        &self,
        last: &'b mut Option<Arc<Binding>>,
        deadline: Instant,
        attempts: &mut Attempts,
    ) -> Result<&'b Arc<Binding>, SystemException> {
        let number = self.object.binding_number();
        let current = match last.take() {
            Some(known) if known.number == number && known.connection().is_some() => known,
            left => {
                let current = self.bind(deadline, attempts)?;
                // Who turns to another connection may not come back soon.
                if let Some(left) = left.filter(|left| !Arc::ptr_eq(left.carrier(), current.carrier())) {
                    left.carrier().send_collected();
                }
                current
            }
        };
        Ok(last.insert(current))
    }

    /// Binds the object; goes back to where it was first if the place it was forwarded to cannot be reached.
    #[cold]
    pub(crate) fn bind(
        &self,
        deadline: Instant,
        attempts: &mut Attempts,
    ) -> Result<Arc<Binding>, SystemException> {
        loop {
            match self.object.binding(deadline) {
                Ok(binding) => return Ok(binding),
                Err(exception) if exception.kind() == Kind::Transient && attempts.go_back(self.object) => {}
                Err(exception) => return Err(exception.with_context(&self.operation)),
            }
        }
    }

    /// Sends the request once and waits for its reply, if there is to be one.
    fn attempt(
        &self,
        place: &Place<'_>,
        headers: &mut Headers,
        now: Instant,
        wait: &mut Wait,
        arguments: &dyn Arguments,
        reply: &mut Option<Message>,
    ) -> Result<(), Box<Trouble>> {
        let connection = place.connection;
        if !self.response.response_expected() {
            return self.attempt_oneway(place, headers, now, wait.deadline, arguments);
        }
        let (id, lead) = connection.begin_leading(now).map_err(Trouble::not_begun)?;
        let sending = Sending::new(connection, lead);
        let send = |request: &Encoder<'_>| connection.send_within(&sending, request, Some(wait.deadline));
        if let Err(trouble) = self.send(id, place, headers, arguments, send) {
            drop(sending);
            connection.retract(id);
            return Err(trouble);
        }
        connection
            .wait_leading(sending.into_lead(), id, wait, reply)
            .map_err(|failure| Trouble::unanswered(place, id, failure))
    }

    /// Sends a request once that has no reply.
    fn attempt_oneway(
        &self,
        place: &Place<'_>,
        headers: &mut Headers,
        now: Instant,
        deadline: Instant,
        arguments: &dyn Arguments,
    ) -> Result<(), Box<Trouble>> {
        let connection = place.connection;
        let id = connection.begin(now).map_err(Trouble::not_begun)?;
        let send = |request: &Encoder<'_>| self.object.send(connection, request, Some(deadline));
        let sent = self.send(id, place, headers, arguments, send);
        connection.retract(id);
        sent
    }

    /// Encodes one request and has it sent.
    #[inline]
    fn send(
        &self,
        id: u32,
        place: &Place<'_>,
        headers: &mut Headers,
        arguments: &dyn Arguments,
        send: impl FnOnce(&Encoder<'_>) -> Result<(), WriteError>,
    ) -> Result<(), Box<Trouble>> {
        let Place {
            binding,
            profile,
            connection,
        } = *place;
        let mut room = Room::default();
        let contexts = Contexts::new(profile, connection, self.priority, &mut room);
        let kind = self.kind(binding);
        let mut request = Prepared::new(headers, kind, profile, self.object);
        let mut write = || {
            request.write_headers(kind, &self.operation, id, binding, profile, contexts.as_slice())?;
            let padding = giop::begin_body(&mut request.encoder);
            arguments.marshal(&mut request.encoder)?;
            giop::finish(&mut request.encoder, Some(padding))
        };
        let written = write().map_err(|error| self.not_sendable(error));
        let fits = written.and_then(|()| self.check_length(connection, &request.encoder));
        let sent = fits.and_then(|()| {
            let sent = send(&request.encoder);
            sent.map_err(|error| Trouble::unsent(connection, error))
        });
        request.recycle(headers);
        if sent.is_err() {
            connection.take_back(contexts.stamp);
        }
        sent
    }

    #[inline]
    fn check_length(&self, connection: &Connection, request: &Encoder<'_>) -> Result<(), Box<Trouble>> {
        let result = connection.check_length(request.len());
        result.map_err(|exception| Box::new(Trouble::Exception(exception.with_context(&self.operation))))
    }

    #[cold]
    fn not_sendable(&self, error: CdrError) -> Box<Trouble> {
        let exception = SystemException::from(error).with_completed(Completed::No);
        Box::new(Trouble::Exception(exception.with_context(&self.operation)))
    }

    /// Returns what the headers of this call's requests depend on.
    #[inline]
    pub(crate) fn kind(&self, binding: &Binding) -> request::Kind {
        request::Kind {
            binding: binding.number,
            operation: match self.operation {
                Cow::Borrowed(name) => name,
                Cow::Owned(_) => "",
            },
            response: self.response,
        }
    }

    /// Says what was tried and what failed.
    #[cold]
    pub(crate) fn explain(&self, failure: &Failure, completed: Completed) -> SystemException {
        failure.exception(completed).with_context(&self.operation)
    }
}

/// What is known of a request that could not be sent.
pub(crate) fn unsent(connection: &Connection, error: WriteError) -> (Failure, Completed) {
    let peer = connection.peer();
    match error {
        WriteError::Timeout => (Failure::timeout(peer, "sending to"), Completed::No),
        WriteError::Full => {
            let text = format!("{peer}: too much waits to be sent");
            (Failure::new(Cause::Overloaded, text), Completed::No)
        }
        WriteError::Broken { error, sent } => {
            // Whoever reads may know better what broke the pipe: what the peer said before it closed.
            let known = connection.failure();
            let failure = known.unwrap_or_else(|| Failure::lost(peer, Some(&error), sent));
            let perhaps = sent && !failure.is_unprocessed();
            (failure, if perhaps { Completed::Maybe } else { Completed::No })
        }
    }
}

/// Reads a reply: into `answer`, or as an exception, or as a hint where to go.
#[inline]
pub(crate) fn read_reply(
    object: &ObjectRef,
    binding: &Binding,
    profile: &Profile,
    message: &Message,
    answer: &mut dyn Answer,
    attempts: &mut Attempts,
) -> Result<Next, SystemException> {
    let malformed = |error: CdrError| SystemException::from(error).with_completed(Completed::Yes);
    if let Some(mut body) = message.plain_results(profile.codesets, Some(object.handle())) {
        answer.results(&mut body).map_err(malformed)?;
        return Ok(Next::Done);
    }
    read_other_reply(object, binding, profile, message, answer, attempts)
}

/// Reads a reply that is not the usual one.
#[inline(never)]
fn read_other_reply(
    object: &ObjectRef,
    binding: &Binding,
    profile: &Profile,
    message: &Message,
    answer: &mut dyn Answer,
    attempts: &mut Attempts,
) -> Result<Next, SystemException> {
    let malformed = |error: CdrError| SystemException::from(error).with_completed(Completed::Yes);
    let (header, mut body) = message
        .reply(profile.codesets, Some(object.handle()))
        .map_err(malformed)?;
    object.hear(binding, &header.service_contexts);
    match header.status {
        ReplyStatus::NoException => answer.results(&mut body).map_err(malformed)?,
        ReplyStatus::UserException => answer.user_exception(&mut body).map_err(malformed)?,
        ReplyStatus::SystemException => {
            let mut exception = SystemException::unmarshal(&mut body).map_err(malformed)?;
            let said = header.service_contexts.find(context_id::EXCEPTION_DETAIL_MESSAGE);
            if exception.message().is_none()
                && let Some(text) = said.and_then(detail::decode)
            {
                exception = exception.with_message(text);
            }
            return system_exception(object, exception, attempts);
        }
        ReplyStatus::LocationForward | ReplyStatus::LocationForwardPerm => {
            attempts.forward(object)?;
            let ior = Ior::unmarshal(&mut body).map_err(malformed)?;
            object.forward(ior, header.status == ReplyStatus::LocationForwardPerm);
            return Ok(Next::Again);
        }
        ReplyStatus::NeedsAddressingMode => {
            attempts.forward(object)?;
            let wanted = AddressingDisposition::decode(&mut body).map_err(malformed)?;
            if !profile.set_disposition(wanted) {
                let text = "the server asks for the addressing mode that was used";
                return Err(SystemException::new(Kind::Internal, 0, Completed::No).with_message(text));
            }
            // Requests that were prepared for this binding name the target as before.
            object.unbind(binding);
            return Ok(Next::Again);
        }
    }
    Ok(Next::Done)
}

/// An exception from the server: the caller's, unless a forward led to a place where the object is not any more.
fn system_exception(
    object: &ObjectRef,
    exception: SystemException,
    attempts: &mut Attempts,
) -> Result<Next, SystemException> {
    let moved = exception.kind() == Kind::ObjectNotExist && exception.completed() == Completed::No;
    if moved && attempts.go_back(object) {
        return Ok(Next::Again);
    }
    Err(exception)
}

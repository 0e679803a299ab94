// SPDX-License-Identifier: MIT OR Apache-2.0
//! One call: encode, send, wait, and again elsewhere if the answer says so.

use std::{cell::Cell, sync::Arc, time::Instant};

use bytes::BytesMut;

use super::{
    binding::{Binding, Profile, is_about_the_place},
    connection::{Connection, Wait},
    deferred::Deferred,
    failure::{Cause, Failure},
    writer::WriteError,
};
use crate::{
    cdr::{CdrError, Decoder, Encoder, Endian, Unmarshal, Version},
    codeset::CodeSetContext,
    exception::{Completed, SystemException, SystemExceptionKind as Kind},
    giop::{
        self, AddressingDisposition, Message, MessageType, ReplyStatus, RequestHeader, ResponseFlags,
        ServiceContext, ServiceContexts, context_id,
    },
    invoke::Limit,
    ior::Ior,
    object::ObjectRef,
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
    pub(crate) operation: &'static str,
    pub(crate) response: ResponseFlags,
    pub(crate) limit: Limit,
}

/// What is to be done after a reply.
pub(crate) enum Next {
    /// The answer has been read.
    Done,
    /// The call must be made again, at the place the object now knows.
    Again,
}

/// Counts what keeps a call from ending.
#[derive(Debug)]
pub(crate) struct Attempts {
    forwards: usize,
    retries: usize,
    went_back: bool,
}

/// How often a call that was not processed is sent again.
const MAX_RETRIES: usize = 3;

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
        if self.forwards > object.orb().config().max_forwards {
            let text = format!(
                "forwarded {} times without coming to an object",
                self.forwards - 1
            );
            return Err(SystemException::new(Kind::Transient, 0, Completed::No).with_message(text));
        }
        Ok(())
    }

    /// Decides whether a call that failed is made again.
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

impl Invocation<'_> {
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
        loop {
            let binding = self.bind(deadline, &mut attempts)?;
            let (Some(connection), Some(profile)) = (binding.connection(), binding.profile()) else {
                self.object.unbind(&binding);
                continue;
            };
            match self.attempt(&binding, profile, &connection, now, &mut wait, arguments)? {
                Ok(None) => return Ok(()),
                Ok(Some(message)) => {
                    match read_reply(self.object, &binding, profile, &message, answer, &mut attempts)? {
                        Next::Done => return Ok(()),
                        Next::Again => {}
                    }
                }
                Err((failure, completed)) => {
                    let unsent = completed == Completed::No;
                    if !attempts.again(self.object, &binding, &failure, unsent) {
                        return Err(self.explain(&failure, completed));
                    }
                }
            }
        }
    }

    /// Makes a oneway call without waiting for the connection to take it.
    pub(crate) fn call_impatiently(&self, arguments: &dyn Arguments) -> Result<(), SystemException> {
        // The request is given up right after it is queued: nothing is expected of it.
        Deferred::send_oneway(self, arguments)
    }

    /// Binds the object; goes back to where it was first if the place it was forwarded to cannot be reached.
    pub(crate) fn bind(
        &self,
        deadline: Instant,
        attempts: &mut Attempts,
    ) -> Result<Arc<Binding>, SystemException> {
        loop {
            match self.object.binding(deadline) {
                Ok(binding) => return Ok(binding),
                Err(exception) if exception.kind() == Kind::Transient && attempts.go_back(self.object) => {}
                Err(exception) => return Err(exception.with_context(self.operation)),
            }
        }
    }

    /// Sends the request once and waits for what comes of it: a message, nothing for a oneway, or a failure with
    /// what is known of the request. The outer error is the arguments'.
    #[allow(
        clippy::type_complexity,
        reason = "the three endings are told apart at the one place of use"
    )]
    fn attempt(
        &self,
        binding: &Binding,
        profile: &Profile,
        connection: &Arc<Connection>,
        now: Instant,
        wait: &mut Wait,
        arguments: &dyn Arguments,
    ) -> Result<Result<Option<Message>, (Failure, Completed)>, SystemException> {
        let id = match connection.begin(now) {
            Ok(id) => id,
            Err(failure) => return Ok(Err((failure, Completed::No))),
        };
        let mut choice = [0; 12];
        let contexts = code_sets(profile, connection, &mut choice);
        let encoder = Encoder::with_buffer(take_buffer(), Endian::NATIVE, profile.version, profile.codesets);
        let mut encoder = encoder.with_orb(Some(self.object.handle()));
        let written = self
            .request(id, binding, profile, contexts.as_slice(), &mut encoder)
            .and_then(|()| {
                let padding = giop::begin_body(&mut encoder);
                arguments.marshal(&mut encoder)?;
                giop::finish(&mut encoder, Some(padding))
            });
        if let Err(error) = written {
            connection.retract(id);
            put_buffer(encoder.reclaim());
            return Err(SystemException::from(error)
                .with_completed(Completed::No)
                .with_context(self.operation));
        }
        let sent = connection.send(&encoder, Some(wait.deadline));
        put_buffer(encoder.reclaim());
        if let Err(error) = sent {
            connection.retract(id);
            return Ok(Err(unsent(connection, error)));
        }
        if !self.response.response_expected() {
            connection.retract(id);
            return Ok(Ok(None));
        }
        match connection.wait(id, wait) {
            Ok(message) => Ok(Ok(Some(message))),
            Err(failure) => {
                if failure.cause == Cause::Timeout {
                    connection.give_up(id, profile.version);
                }
                let completed = if failure.is_unprocessed() {
                    Completed::No
                } else {
                    Completed::Maybe
                };
                Ok(Err((failure, completed)))
            }
        }
    }

    /// Writes the headers of a request.
    pub(crate) fn request<'e>(
        &self,
        request_id: u32,
        binding: &'e Binding,
        profile: &'e Profile,
        contexts: &'e [ServiceContext<'e>],
        encoder: &mut Encoder<'e>,
    ) -> Result<(), CdrError> {
        giop::begin(encoder, MessageType::Request);
        let header = RequestHeader {
            request_id,
            response: self.response,
            target: binding.address(profile),
            operation: self.operation,
            service_contexts: ServiceContexts::from(contexts),
        };
        header.encode(encoder)
    }

    /// Says what was tried and what failed.
    pub(crate) fn explain(&self, failure: &Failure, completed: Completed) -> SystemException {
        failure.exception(completed).with_context(self.operation)
    }
}

/// Tells the server which code sets were chosen, until it has answered something.
pub(crate) fn code_sets<'e>(
    profile: &Profile,
    connection: &Connection,
    choice: &'e mut [u8; 12],
) -> Option<ServiceContext<'e>> {
    if connection.is_answered() || !profile.negotiates || profile.version < Version::V1_1 {
        return None;
    }
    *choice = CodeSetContext::from(profile.codesets).encode();
    Some(ServiceContext {
        id: context_id::CODE_SETS,
        data: choice,
    })
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
        WriteError::Broken { error, sent: true } => {
            (Failure::lost(peer, Some(&error), true), Completed::Maybe)
        }
        WriteError::Broken { error, sent: false } => {
            (Failure::lost(peer, Some(&error), false), Completed::No)
        }
    }
}

/// Reads a reply: into `answer`, or as an exception, or as a hint where to go.
pub(crate) fn read_reply(
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
    match header.status {
        ReplyStatus::NoException => answer.results(&mut body).map_err(malformed)?,
        ReplyStatus::UserException => answer.user_exception(&mut body).map_err(malformed)?,
        ReplyStatus::SystemException => {
            let exception = SystemException::unmarshal(&mut body).map_err(malformed)?;
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
            let _ = binding;
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

/// The largest buffer kept for the next request.
const KEEP_UP_TO: usize = 64 * 1024;

thread_local! {
    static BUFFER: Cell<Option<BytesMut>> = const { Cell::new(None) };
}

/// Takes this thread's request buffer.
fn take_buffer() -> BytesMut {
    BUFFER.take().unwrap_or_else(|| BytesMut::with_capacity(1024))
}

/// Gives the buffer back for the next request.
fn put_buffer(buffer: BytesMut) {
    if buffer.capacity() <= KEEP_UP_TO {
        BUFFER.set(Some(buffer));
    }
}

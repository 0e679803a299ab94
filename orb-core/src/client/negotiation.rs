// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asking a server for quality of service for a connection, before anything else is sent on it.
//!
//! The request is `_non_existent`, which every object of every ORB answers and which changes nothing; what is asked for
//! travels with it in a service context. A server that does not know the context answers all the same, and grants nothing.

use std::time::Instant;

use super::{
    binding::{Binding, Profile},
    connection::{Connection, Wait},
    contexts::{Contexts, Room},
    failure::{Cause, Failure},
    invocation::{Answer, Attempts, Invocation, Next, read_reply, unsent},
    request::write_headers,
};
use crate::{
    cdr::{CdrError, Decoder, Encoder, Endian},
    codeset::CodeSets,
    exception::{Completed, SystemException, SystemExceptionKind as Kind},
    giop::{self, Message, ResponseFlags, ServiceContext},
    invoke::Limit,
    object::ObjectRef,
    qos::{Granted, Qos, context},
};

const OPERATION: &str = "_non_existent";

/// What came of asking.
#[derive(Debug)]
pub(crate) enum Negotiated {
    /// The server's answer; `None` if it grants nothing to anybody.
    Done(Option<Granted>),
    /// The object is elsewhere, where its reference knows now: to be asked there.
    Again,
}

/// Asks for `qos` for a connection that nobody else uses.
///
/// # Errors
///
/// What the server says, `NO_RESOURCES` if it refuses, and system exceptions of calls.
pub(crate) fn negotiate(
    object: &ObjectRef,
    binding: &Binding,
    qos: &Qos,
    deadline: Instant,
    attempts: &mut Attempts,
) -> Result<Negotiated, SystemException> {
    let (Some(connection), Some(profile)) = (binding.connection(), binding.profile()) else {
        return Err(SystemException::new(Kind::Transient, 0, Completed::No)
            .with_message("the connection was closed while quality of service was asked for"));
    };
    let asking = Asking {
        invocation: Invocation {
            object,
            operation: OPERATION.into(),
            response: ResponseFlags::Target,
            limit: Limit::At(deadline),
            priority: None,
        },
        binding,
        connection,
        profile,
        deadline,
    };
    let reply = asking.call(qos)?;
    let mut gone = Gone(false);
    match read_reply(object, binding, profile, &reply, &mut gone, attempts)? {
        Next::Again => Ok(Negotiated::Again),
        Next::Done if gone.0 => Err(SystemException::new(Kind::ObjectNotExist, 0, Completed::No)
            .with_message("the object has ceased to exist")),
        Next::Done => Ok(Negotiated::Done(granted(&reply, profile.codesets))),
    }
}

/// Who asks, and where.
struct Asking<'a> {
    invocation: Invocation<'a>,
    binding: &'a Binding,
    connection: &'a Connection,
    profile: &'a Profile,
    deadline: Instant,
}

impl Asking<'_> {
    fn call(&self, qos: &Qos) -> Result<Message, SystemException> {
        // Nothing was done for the caller yet, whatever became of the question.
        let failed = |failure: &Failure| self.invocation.explain(failure, Completed::No);
        let now = Instant::now();
        let id = self.connection.begin(now).map_err(|failure| failed(&failure))?;
        if let Err(exception) = self.send(id, qos) {
            self.connection.retract(id);
            return Err(exception);
        }
        let mut wait = Wait::until(self.deadline, now);
        self.connection.wait(id, &mut wait).map_err(|failure| {
            if failure.cause == Cause::Timeout {
                self.connection.give_up(id, self.profile.version);
            }
            failed(&failure)
        })
    }

    fn send(&self, id: u32, qos: &Qos) -> Result<(), SystemException> {
        let data = context::encode_request(qos);
        let asked = ServiceContext {
            id: context::ID,
            data: &data,
        };
        let mut room = Room::default();
        let chosen = Contexts::new(self.profile, self.connection, None, &mut room);
        let contexts: Vec<_> = chosen.as_slice().iter().copied().chain([asked]).collect();
        let mut encoder = Encoder::new(Endian::NATIVE, self.profile.version, self.profile.codesets);
        let kind = self.invocation.kind(self.binding);
        write_headers(
            kind,
            OPERATION,
            id,
            self.binding,
            self.profile,
            &contexts,
            &mut encoder,
        )
        .and_then(|()| giop::finish(&mut encoder, None))
        .map_err(|error| SystemException::from(error).with_context(OPERATION))?;
        self.connection
            .send(&encoder, Some(self.deadline))
            .map_err(|error| {
                let (failure, completed) = unsent(self.connection, error);
                self.invocation.explain(&failure, completed)
            })
    }
}

/// The answer to `_non_existent`.
struct Gone(bool);

impl Answer for Gone {
    fn results(&mut self, body: &mut Decoder<'_>) -> Result<(), CdrError> {
        self.0 = body.boolean()?;
        Ok(())
    }

    fn user_exception(&mut self, _: &mut Decoder<'_>) -> Result<(), CdrError> {
        Err(CdrError::BadMessage("_non_existent raises no user exceptions"))
    }
}

fn granted(reply: &Message, codesets: CodeSets) -> Option<Granted> {
    let (header, _) = reply.reply(codesets, None).ok()?;
    context::decode_grant(header.service_contexts.find(context::ID)?)
}

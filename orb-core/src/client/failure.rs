// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a connection does not give a reply, and which system exception that is.

use std::{io, sync::Arc};

use crate::{
    cdr::Version,
    exception::{Completed, SystemException, SystemExceptionKind as Kind},
    giop::{GiopError, Message, MessageType},
    transport::Endpoint,
};

/// What a request in flight gets.
pub(crate) type Delivery = Result<Message, Failure>;

/// Why there is no reply.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// What happened.
    pub(crate) cause: Cause,
    text: Arc<str>,
}

/// What happened to a connection or a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The peer closed in an orderly way: what it has not answered it has not begun.
    Closed,
    /// The link broke, or the peer went without a word.
    Lost,
    /// The peer sent what makes no sense, or said so of us.
    Protocol,
    /// Nothing was sent: too many requests wait already.
    Overloaded,
    /// The connection could not be made.
    Unreachable,
    /// The time was over.
    Timeout,
    /// This ORB was shut down.
    Shutdown,
}

impl Failure {
    /// Makes a failure with a text for people.
    #[cold]
    pub(crate) fn new(cause: Cause, text: impl Into<Arc<str>>) -> Self {
        Self {
            cause,
            text: text.into(),
        }
    }

    /// Keeps the text, but judges it otherwise.
    pub(crate) fn with_cause(self, cause: Cause) -> Self {
        Self { cause, ..self }
    }

    /// The peer announced that it closes.
    #[cold]
    pub(crate) fn closed(peer: &Endpoint) -> Self {
        Self::new(Cause::Closed, format!("{peer} closed the connection"))
    }

    /// The stream ended or broke.
    #[cold]
    pub(crate) fn lost(peer: &Endpoint, error: Option<&io::Error>, mid_message: bool) -> Self {
        let what = match error {
            Some(error) => error.to_string(),
            None if mid_message => "the connection ended in the middle of a message".into(),
            None => "the peer ended the connection".into(),
        };
        Self::new(Cause::Lost, format!("connection to {peer}: {what}"))
    }

    /// The peer sent what is no GIOP.
    #[cold]
    pub(crate) fn garbage(peer: &Endpoint, error: &GiopError) -> Self {
        Self::new(
            Cause::Protocol,
            format!("{peer} sent a malformed message: {error}"),
        )
    }

    /// The peer says that what we sent makes no sense, or is of a version it does not speak.
    #[cold]
    pub(crate) fn refused(peer: &Endpoint, version: Version) -> Self {
        Self::new(
            Cause::Protocol,
            format!(
                "{peer} (GIOP {version}) refused our message with MessageError: it is too large, or makes no sense there"
            ),
        )
    }

    /// The peer sent a message that only clients send.
    #[cold]
    pub(crate) fn unexpected(peer: &Endpoint, message_type: MessageType) -> Self {
        Self::new(
            Cause::Protocol,
            format!("{peer} sent an unexpected {message_type:?} message"),
        )
    }

    /// The time was over.
    #[cold]
    pub(crate) fn timeout(peer: &Endpoint, what: &str) -> Self {
        Self::new(Cause::Timeout, format!("{what} {peer}: the time was over"))
    }

    /// Turns the failure into what the caller sees; `completed` is what is known of the request.
    pub(crate) fn exception(&self, completed: Completed) -> SystemException {
        let kind = match self.cause {
            Cause::Closed | Cause::Overloaded | Cause::Unreachable => Kind::Transient,
            Cause::Lost | Cause::Protocol => Kind::CommFailure,
            Cause::Timeout => Kind::Timeout,
            Cause::Shutdown => Kind::BadInvOrder,
        };
        let minor = match self.cause {
            Cause::Shutdown => crate::exception::minor::ORB_HAS_SHUT_DOWN,
            _ => 0,
        };
        SystemException::new(kind, minor, completed).with_message(self.text.to_string())
    }

    /// Tells whether the request was certainly not processed, so that it may be sent again.
    pub(crate) fn is_unprocessed(&self) -> bool {
        matches!(self.cause, Cause::Closed | Cause::Overloaded | Cause::Unreachable)
    }
}

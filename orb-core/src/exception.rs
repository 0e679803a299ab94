// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exceptions: the standard system ones, and what user exceptions have in common.

pub(crate) mod detail;
mod kind;
pub mod minor;

use std::borrow::Cow;
use std::fmt;

pub use kind::SystemExceptionKind;

use crate::cdr::{CdrError, Decoder, Encoder, Marshal, Unmarshal};

/// What an operation returns that raises no exceptions of its own.
pub type Result<T> = std::result::Result<T, SystemException>;

/// Whether the operation had completed when the exception was raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Completed {
    /// It had.
    Yes,
    /// It had not begun, or had no effect.
    No,
    /// Nobody knows.
    Maybe,
}

impl fmt::Display for Completed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yes => "completed",
            Self::No => "not completed",
            Self::Maybe => "perhaps completed",
        })
    }
}

/// A CORBA system exception (CORBA 3.3 Part 1 §7.14.3), with a text for people, which travels
/// beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemException {
    kind: SystemExceptionKind,
    minor: u32,
    completed: Completed,
    message: Option<Cow<'static, str>>,
}

impl SystemException {
    /// Makes an exception; [`minor`] has the standard minor codes.
    #[must_use]
    pub const fn new(kind: SystemExceptionKind, minor: u32, completed: Completed) -> Self {
        Self {
            kind,
            minor,
            completed,
            message: None,
        }
    }

    /// Says what was tried, where, and what failed.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Puts what was being done before the message, as `context: message`.
    #[must_use]
    pub fn with_context(mut self, context: impl fmt::Display) -> Self {
        self.message = Some(match &self.message {
            Some(message) => format!("{context}: {message}").into(),
            None => context.to_string().into(),
        });
        self
    }

    /// Says whether the operation had completed.
    #[must_use]
    pub fn with_completed(mut self, completed: Completed) -> Self {
        self.completed = completed;
        self
    }

    /// Returns which exception it is.
    #[must_use]
    pub const fn kind(&self) -> SystemExceptionKind {
        self.kind
    }

    /// Returns the minor code, 0 if there is none.
    #[must_use]
    pub const fn minor(&self) -> u32 {
        self.minor
    }

    /// Returns whether the operation had completed.
    #[must_use]
    pub const fn completed(&self) -> Completed {
        self.completed
    }

    /// Returns the text for people, if there is one.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Returns the repository id.
    #[must_use]
    pub const fn repository_id(&self) -> &'static str {
        self.kind.repository_id()
    }
}

impl fmt::Display for SystemException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        match minor::code_of_omg(self.minor) {
            _ if self.minor == 0 => write!(f, " ({})", self.completed)?,
            Some(code) => write!(f, " (minor {code}, {})", self.completed)?,
            None => write!(f, " (minor {:#x}, {})", self.minor, self.completed)?,
        }
        write!(f, ": {}", self.message.as_deref().unwrap_or(self.kind.meaning()))
    }
}

impl std::error::Error for SystemException {}

/// Not completed, and without a minor code, as C++ constructs one.
impl From<SystemExceptionKind> for SystemException {
    fn from(kind: SystemExceptionKind) -> Self {
        Self::new(kind, 0, Completed::No)
    }
}

/// As the body of a reply: repository id, minor code, completion status (CORBA 3.3 Part 2 §9.4.3.2).
impl Marshal for SystemException {
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> std::result::Result<(), CdrError> {
        encoder.string(self.repository_id())?;
        encoder.ulong(self.minor);
        encoder.ulong(match self.completed {
            Completed::Yes => 0,
            Completed::No => 1,
            Completed::Maybe => 2,
        });
        Ok(())
    }
}

impl Unmarshal for SystemException {
    const MIN_SIZE: usize = 13;

    fn unmarshal(decoder: &mut Decoder<'_>) -> std::result::Result<Self, CdrError> {
        let id = decoder.str_ref()?;
        let minor = decoder.ulong()?;
        let completed = match decoder.ulong()? {
            0 => Completed::Yes,
            1 => Completed::No,
            2 => Completed::Maybe,
            value => {
                return Err(CdrError::BadEnum {
                    name: "CORBA::completion_status",
                    value,
                });
            }
        };
        Ok(match SystemExceptionKind::from_repository_id(&id) {
            Some(kind) => Self::new(kind, minor, completed),
            // CORBA 3.3 Part 1 §7.14.3.1: one we do not know is UNKNOWN, minor 2.
            None => Self::new(
                SystemExceptionKind::Unknown,
                minor::UNKNOWN_SYSTEM_EXCEPTION,
                completed,
            )
            .with_message(format!("{id}, minor {minor:#x}")),
        })
    }
}

/// An exception declared in IDL.
pub trait UserException: std::error::Error {
    /// The repository id, which precedes the members on the wire.
    const REPOSITORY_ID: &'static str;
}

#[cfg(test)]
mod tests;

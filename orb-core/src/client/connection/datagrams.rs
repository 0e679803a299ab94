// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sending where each message travels in a datagram: numbered, and no longer than one may be.

use super::Connection;
use crate::{
    datagram::{Stamp, Stamps},
    exception::{Completed, SystemException, SystemExceptionKind as Kind},
    transport::Link,
};

/// What there is beside for datagrams.
#[derive(Debug)]
pub(super) struct Numbered {
    longest: usize,
    stamps: Stamps,
}

impl Numbered {
    /// Begins to number what is sent on a link, if that carries datagrams.
    pub(super) fn on(link: &dyn Link) -> Option<Self> {
        let longest = link.datagrams()?.longest;
        Some(Self {
            longest,
            stamps: Stamps::new(),
        })
    }
}

impl Connection {
    /// Returns the number of the next message, if it travels in a datagram.
    #[inline]
    pub(in crate::client) fn stamp(&self) -> Option<Stamp> {
        self.datagrams.as_ref().map(|numbered| numbered.stamps.next())
    }

    /// Takes the number back of a message that was not sent.
    #[cold]
    pub(in crate::client) fn take_back(&self, stamp: Option<Stamp>) {
        if let Some((numbered, stamp)) = self.datagrams.as_ref().zip(stamp) {
            numbered.stamps.take_back(stamp);
        }
    }

    /// Tells whether a message of so many octets can be sent at all.
    ///
    /// # Errors
    ///
    /// `IMP_LIMIT` for one that no datagram has room for.
    #[inline]
    pub(in crate::client) fn check_length(&self, octets: usize) -> Result<(), SystemException> {
        match &self.datagrams {
            Some(numbered) if octets > numbered.longest => Err(self.too_long(octets, numbered.longest)),
            _ => Ok(()),
        }
    }

    #[cold]
    fn too_long(&self, octets: usize, longest: usize) -> SystemException {
        SystemException::new(Kind::ImpLimit, 0, Completed::No).with_message(format!(
            "{}: a message of {octets} octets is longer than the {longest} that a datagram may have; \
             a reference without datagrams takes it",
            self.peer()
        ))
    }
}

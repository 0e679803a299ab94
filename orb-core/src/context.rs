// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a servant learns about the call it serves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use crate::{
    cdr::OrbHandle,
    exception::SystemException,
    giop::{ServiceContext, ServiceContexts, context_id},
    rtcorba::{self, Priority},
    transport::Endpoint,
};

/// What a servant learns about the call it serves.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    object_id: &'a [u8],
    operation: &'a str,
    origin: Origin<'a>,
    priority: Option<Priority>,
}

/// Where a request came from.
#[derive(Clone, Copy, Debug, Default)]
pub enum Origin<'a> {
    /// From this process: no message was made.
    #[default]
    Collocated,
    /// From a connection.
    Remote(&'a Incoming<'a>),
}

/// What the message of a request says beside its target, operation and arguments.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// The other side of the connection.
    pub peer: &'a Endpoint,
    /// The moment after which the client no longer waits, if it said so.
    pub deadline: Option<Instant>,
    /// Whether the client waits for a reply.
    pub response_expected: bool,
    /// Set once the client has cancelled the request.
    pub cancelled: &'a Arc<AtomicBool>,
    /// What services sent along.
    pub service_contexts: ServiceContexts<'a>,
    /// The ORB that received it.
    pub orb: Option<&'a Arc<dyn OrbHandle>>,
}

impl<'a> Context<'a> {
    /// Describes a call to the object `object_id`.
    #[inline]
    pub fn new(object_id: &'a [u8], operation: &'a str, origin: Origin<'a>) -> Self {
        Self {
            object_id,
            operation,
            origin,
            priority: None,
        }
    }

    /// Says at which RT-CORBA priority the call is served.
    #[must_use]
    pub fn at_priority(self, priority: Option<Priority>) -> Self {
        Self { priority, ..self }
    }

    /// Describes a call within this process.
    #[inline]
    pub fn collocated(object_id: &'a [u8], operation: &'a str) -> Self {
        Self::new(object_id, operation, Origin::Collocated)
    }

    /// Returns the id under which the object was activated.
    #[inline]
    pub fn object_id(&self) -> &'a [u8] {
        self.object_id
    }

    /// Returns the name of the operation.
    #[inline]
    pub fn operation(&self) -> &'a str {
        self.operation
    }

    /// Tells whether the caller is in this process, and no message was made.
    pub fn is_collocated(&self) -> bool {
        matches!(self.origin, Origin::Collocated)
    }

    /// Returns the other side of the connection; `None` for a caller in this process.
    pub fn peer(&self) -> Option<&'a Endpoint> {
        self.incoming().map(|incoming| incoming.peer)
    }

    /// Returns the moment after which the client no longer waits, if it said so.
    pub fn deadline(&self) -> Option<Instant> {
        self.incoming().and_then(|incoming| incoming.deadline)
    }

    /// Tells whether the client waits for a reply: not for a oneway.
    pub fn response_expected(&self) -> bool {
        self.incoming().is_none_or(|incoming| incoming.response_expected)
    }

    /// Tells whether the client has cancelled the request; work can then be left undone.
    pub fn is_cancelled(&self) -> bool {
        self.incoming()
            .is_some_and(|incoming| incoming.cancelled.load(Ordering::Relaxed))
    }

    /// Returns the RT-CORBA priority at which the call is served; `None` for objects of a POA without a priority model.
    pub fn priority(&self) -> Option<Priority> {
        self.priority
    }

    /// Returns the RT-CORBA priority that the client has: what came along in a `RTCorbaPriority` service context or,
    /// for a caller in this process, that of the calling thread's calls. `None` if it has none.
    ///
    /// # Errors
    ///
    /// `MARSHAL` for a malformed context, `BAD_PARAM` for a number that is no priority, `DATA_CONVERSION` if the caller's
    /// priority is transformed to none.
    pub fn client_priority(&self) -> Result<Option<Priority>, SystemException> {
        let Some(incoming) = self.incoming() else {
            return rtcorba::call_priority();
        };
        let context = incoming.service_contexts.find(context_id::RT_CORBA_PRIORITY);
        context.map(rtcorba::decode_priority).transpose()
    }

    /// Returns what services sent along with the request; nothing for a caller in this process.
    pub fn service_contexts(&self) -> impl Iterator<Item = ServiceContext<'a>> + use<'a> {
        self.incoming()
            .map(|incoming| incoming.service_contexts)
            .unwrap_or_default()
            .iter()
    }

    /// Returns the ORB that received the request; `None` for a caller in this process.
    pub fn orb(&self) -> Option<&'a Arc<dyn OrbHandle>> {
        self.incoming().and_then(|incoming| incoming.orb)
    }

    fn incoming(&self) -> Option<&'a Incoming<'a>> {
        match self.origin {
            Origin::Collocated => None,
            Origin::Remote(incoming) => Some(incoming),
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writing requests without allocating, and without writing the same headers again.
//!
//! A thread that calls the same operation of the same object again differs in request id and arguments only. So each
//! thread keeps its last request's buffer, and if the next is alike it goes on behind the headers that stand in it.

use std::{cell::Cell, sync::Arc};

use bytes::BytesMut;

use super::binding::{Binding, Profile};
use crate::{
    cdr::{CdrError, Encoder, Endian, Version},
    giop::{self, HEADER_SIZE, MessageType, RequestHeader, ResponseFlags, ServiceContext, ServiceContexts},
    object::ObjectRef,
};

/// The largest buffer kept for the next request.
const KEEP_UP_TO: usize = 64 * 1024;

/// What makes the headers of two requests alike, beside their id.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Kind {
    /// The binding's number.
    pub(crate) binding: u64,
    /// The operation's name; names are compared by where they stand. Empty if the name is not static: then no other
    /// request is alike.
    pub(crate) operation: &'static str,
    /// What answer is waited for.
    pub(crate) response: ResponseFlags,
}

impl Kind {
    #[inline]
    fn is_like(&self, other: &Self) -> bool {
        self.binding == other.binding
            && std::ptr::eq(self.operation, other.operation)
            && !self.operation.is_empty()
            && self.response == other.response
    }
}

/// A buffer with the headers of a request.
#[derive(Debug)]
pub(crate) struct Headers {
    buffer: BytesMut,
    /// What the headers in the buffer are for; `None` if there are none.
    kind: Option<Kind>,
}

/// What a thread keeps from one call to the next: no lock is needed to find it.
#[derive(Debug)]
pub(crate) struct Last {
    /// The headers of the last request.
    pub(crate) headers: Headers,
    /// Where it went.
    pub(crate) binding: Option<Arc<Binding>>,
}

thread_local! {
    static LAST: Cell<Option<Last>> = const { Cell::new(None) };
}

impl Last {
    /// Takes what the thread has kept.
    #[inline]
    pub(crate) fn take() -> Self {
        LAST.take().unwrap_or_else(Self::none)
    }

    #[cold]
    fn none() -> Self {
        Self {
            headers: Headers {
                buffer: BytesMut::with_capacity(1024),
                kind: None,
            },
            binding: None,
        }
    }

    /// Sends what the thread's last calls left collected, before it waits, wherever that is.
    pub(crate) fn send_collected() {
        let last = Self::take();
        if let Some(binding) = &last.binding {
            binding.carrier().send_collected();
        }
        last.keep();
    }

    /// Keeps it for the thread's next call.
    #[inline]
    pub(crate) fn keep(self) {
        if self.headers.buffer.capacity() <= KEEP_UP_TO {
            LAST.set(Some(self));
        }
    }
}

/// A request whose headers are written.
#[derive(Debug)]
pub(crate) struct Prepared<'e> {
    /// Where the arguments go.
    pub(crate) encoder: Encoder<'e>,
    kind: Option<Kind>,
    headers: usize,
}

impl<'e> Prepared<'e> {
    /// Takes the thread's buffer; [`Prepared::write_headers`] comes next.
    #[inline]
    pub(crate) fn new(last: &mut Headers, kind: Kind, profile: &Profile, object: &'e ObjectRef) -> Self {
        let mut buffer = std::mem::take(&mut last.buffer);
        let known = last.kind.take();
        let known = known.filter(|known| known.is_like(&kind));
        if known.is_none() {
            buffer.clear();
        }
        let headers = buffer.len();
        let encoder = Encoder::resume(buffer, Endian::NATIVE, profile.version, profile.codesets);
        Self {
            encoder: encoder.with_orb(Some(object.handle())),
            kind: known,
            headers,
        }
    }

    /// Writes the headers of the request, or the id into those that are there.
    #[inline]
    pub(crate) fn write_headers(
        &mut self,
        kind: Kind,
        operation: &'e str,
        id: u32,
        binding: &'e Binding,
        profile: &'e Profile,
        contexts: &'e [ServiceContext<'e>],
    ) -> Result<(), CdrError> {
        if self.kind.is_some() && contexts.is_empty() {
            // In GIOP 1.2 the id comes first; the size is filled in at the end.
            self.encoder.overwrite(HEADER_SIZE, id);
            return Ok(());
        }
        self.encoder.start_again();
        write_headers(kind, operation, id, binding, profile, contexts, &mut self.encoder)?;
        let again = contexts.is_empty() && profile.version >= Version::V1_2 && self.encoder.is_contiguous();
        self.kind = again.then_some(kind);
        self.headers = self.encoder.len();
        Ok(())
    }

    /// Gives the buffer back for the thread's next request.
    #[inline]
    pub(crate) fn recycle(self, last: &mut Headers) {
        last.buffer = self.encoder.reclaim_up_to(self.headers);
        last.kind = self.kind;
    }
}

/// Writes the message header and the request header.
pub(crate) fn write_headers<'e>(
    kind: Kind,
    operation: &'e str,
    request_id: u32,
    binding: &'e Binding,
    profile: &'e Profile,
    contexts: &'e [ServiceContext<'e>],
    encoder: &mut Encoder<'e>,
) -> Result<(), CdrError> {
    giop::begin(encoder, MessageType::Request);
    let header = RequestHeader {
        request_id,
        response: kind.response,
        target: binding.address(profile),
        operation,
        service_contexts: ServiceContexts::from(contexts),
    };
    header.encode(encoder)
}

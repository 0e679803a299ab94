// SPDX-License-Identifier: MIT OR Apache-2.0
//! The answer to one request, encoded straight into a buffer that is used again.

use std::{fmt, io::IoSlice, sync::Arc};

use bytes::BytesMut;

use crate::{
    cdr::{CdrError, Encoder, Endian, Marshal, OrbHandle, Version},
    codeset::CodeSets,
    exception::{Completed, SystemException, detail},
    giop::{
        self, AddressingDisposition, MessageType, Padding, ReplyHeader, ReplyStatus, ServiceContext,
        ServiceContexts, context_id,
    },
};

/// Where and how a reply goes.
#[derive(Clone, Copy, Debug)]
pub struct ReplyTo {
    /// The request it answers.
    pub request_id: u32,
    /// The GIOP version of the request.
    pub version: Version,
    /// The code sets of the connection.
    pub codesets: CodeSets,
    /// Whether the client waits for one.
    pub expected: bool,
}

/// Takes finished replies.
pub trait Delivery {
    /// Takes one whole GIOP message, in parts; they may be dropped when this returns.
    fn deliver(&mut self, message: &[IoSlice<'_>]);
}

/// What a request was answered with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet.
    #[default]
    Open,
    /// A result.
    Result,
    /// A user exception.
    UserException,
    /// A system exception.
    SystemException,
    /// A location forward.
    Forward,
}

/// Answers one request, at most once; does nothing where the client expects no answer.
pub struct Reply<'a> {
    to: ReplyTo,
    buffer: &'a mut BytesMut,
    delivery: &'a mut dyn Delivery,
    orb: Option<&'a Arc<dyn OrbHandle>>,
    outcome: Outcome,
    /// What services send along with a normal reply.
    contexts: &'a [ServiceContext<'a>],
    padding: Option<Padding>,
}

impl<'a> Reply<'a> {
    /// Prepares the answer to a request; `buffer` is empty, lent, and keeps its capacity.
    pub fn new(
        to: ReplyTo,
        buffer: &'a mut BytesMut,
        delivery: &'a mut dyn Delivery,
        orb: Option<&'a Arc<dyn OrbHandle>>,
    ) -> Self {
        Self {
            to,
            buffer,
            delivery,
            orb,
            outcome: Outcome::Open,
            contexts: &[],
            padding: None,
        }
    }

    /// Has services send something along with a reply that is no system exception.
    #[inline]
    pub(crate) fn with_contexts(mut self, contexts: &'a [ServiceContext<'a>]) -> Self {
        self.contexts = contexts;
        self
    }

    /// Answers with a result: `write` encodes the return value, then `out` and `inout` parameters in IDL order.
    ///
    /// # Errors
    ///
    /// A system exception, to be returned from the dispatch, if a value has no form on the wire; then nothing was
    /// answered yet.
    pub fn ok<'b>(
        &mut self,
        write: impl FnOnce(&mut Encoder<'b>) -> Result<(), CdrError>,
    ) -> Result<(), SystemException>
    where
        'a: 'b,
    {
        self.answer(ReplyStatus::NoException, Outcome::Result, write)
    }

    /// Answers with a user exception: `write` encodes its members.
    ///
    /// # Errors
    ///
    /// As [`Reply::ok`].
    pub fn user<'b>(
        &mut self,
        repository_id: &str,
        write: impl FnOnce(&mut Encoder<'b>) -> Result<(), CdrError>,
    ) -> Result<(), SystemException>
    where
        'a: 'b,
    {
        self.answer(ReplyStatus::UserException, Outcome::UserException, |encoder| {
            encoder.string(repository_id)?;
            write(encoder)
        })
    }

    /// Answers with a system exception.
    pub fn system(&mut self, exception: &SystemException) {
        if let Some(text) = exception.message()
            && self.outcome == Outcome::Open
            && self.to.expected
        {
            return self.system_with(exception, text);
        }
        let written = self.answer(
            ReplyStatus::SystemException,
            Outcome::SystemException,
            |encoder| exception.marshal(encoder),
        );
        debug_assert!(
            written.is_ok(),
            "a system exception always has a form on the wire"
        );
    }

    /// Answers with a system exception and what it says to people.
    #[cold]
    fn system_with(&mut self, exception: &SystemException, text: &str) {
        let text = detail::encode(text);
        let contexts = [ServiceContext {
            id: context_id::EXCEPTION_DETAIL_MESSAGE,
            data: &text,
        }];
        let header = ReplyHeader {
            request_id: self.to.request_id,
            status: ReplyStatus::SystemException,
            service_contexts: ServiceContexts::from(&contexts[..]),
        };
        let buffer = std::mem::take(self.buffer);
        let mut encoder = Encoder::with_buffer(buffer, Endian::NATIVE, self.to.version, self.to.codesets)
            .by_reference_from(usize::MAX);
        giop::begin(&mut encoder, MessageType::Reply);
        let written = header.encode(&mut encoder).and_then(|()| {
            let _ = giop::begin_body(&mut encoder);
            exception.marshal(&mut encoder)
        });
        let written = self.end(encoder, written, Outcome::SystemException);
        debug_assert!(
            written.is_ok(),
            "a system exception always has a form on the wire"
        );
    }

    /// Answers that the object is at `target` (a reference or an IOR), for this call or, where the version of the
    /// protocol can say so, for good.
    ///
    /// # Errors
    ///
    /// As [`Reply::ok`].
    pub fn forward<T: Marshal>(&mut self, target: &T, permanent: bool) -> Result<(), SystemException> {
        let status = if permanent && self.to.version >= Version::V1_2 {
            ReplyStatus::LocationForwardPerm
        } else {
            ReplyStatus::LocationForward
        };
        self.answer(status, Outcome::Forward, |encoder| target.marshal(encoder))
    }

    /// Asks the client to name the target in another way (CORBA 3.3 Part 2 §9.4.3.1, GIOP 1.2).
    pub(crate) fn needs_addressing(&mut self, disposition: AddressingDisposition) {
        let written = self.answer(ReplyStatus::NeedsAddressingMode, Outcome::Forward, |encoder| {
            disposition.encode(encoder);
            Ok(())
        });
        debug_assert!(written.is_ok(), "only GIOP 1.2 has targets other than keys");
    }

    /// Lets the request be served although it was answered; whatever comes of it is not sent.
    pub(crate) fn expect_nothing(&mut self) {
        self.to.expected = false;
        self.outcome = Outcome::Open;
    }

    /// Answers with what another [`Reply`], made for the same [`ReplyTo`], was answered with: the message it delivered,
    /// if it did.
    pub fn relay(&mut self, outcome: Outcome, message: &[u8]) {
        if self.outcome != Outcome::Open {
            return;
        }
        self.outcome = outcome;
        if !message.is_empty() {
            self.delivery.deliver(&[IoSlice::new(message)]);
        }
    }

    /// Returns where and how the reply goes.
    pub fn to(&self) -> ReplyTo {
        self.to
    }

    /// Returns what the request was answered with so far.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Tells whether the client waits for an answer.
    pub fn expected(&self) -> bool {
        self.to.expected
    }

    #[inline]
    fn answer<'b>(
        &mut self,
        status: ReplyStatus,
        outcome: Outcome,
        write: impl FnOnce(&mut Encoder<'b>) -> Result<(), CdrError>,
    ) -> Result<(), SystemException>
    where
        'a: 'b,
    {
        if self.outcome != Outcome::Open {
            return Ok(());
        }
        if !self.to.expected {
            self.outcome = outcome;
            return Ok(());
        }
        let mut encoder = self.begin(status);
        let written = write(&mut encoder);
        self.end(encoder, written, outcome)
    }

    #[inline]
    fn begin<'b>(&mut self, status: ReplyStatus) -> Encoder<'b>
    where
        'a: 'b,
    {
        let buffer = std::mem::take(self.buffer);
        let mut encoder = Encoder::with_buffer(buffer, Endian::NATIVE, self.to.version, self.to.codesets)
            .with_orb(self.orb);
        if !self.contexts.is_empty() {
            self.begin_with_contexts(&mut encoder, status);
            return encoder;
        }
        // These octets are a multiple of eight, so the body of a 1.2 reply needs no padding.
        encoder.raw(&ReplyHeader::octets(self.to.version, self.to.request_id, status));
        encoder
    }

    #[cold]
    fn begin_with_contexts<'b>(&mut self, encoder: &mut Encoder<'b>, status: ReplyStatus)
    where
        'a: 'b,
    {
        let header = ReplyHeader {
            request_id: self.to.request_id,
            status,
            service_contexts: ServiceContexts::from(self.contexts),
        };
        giop::begin(encoder, MessageType::Reply);
        let written = header.encode(encoder);
        debug_assert!(written.is_ok(), "a few short contexts have a form on the wire");
        self.padding = Some(giop::begin_body(encoder));
    }

    // Not inlined: it is the same for every operation.
    #[inline(never)]
    fn end(
        &mut self,
        mut encoder: Encoder<'_>,
        written: Result<(), CdrError>,
        outcome: Outcome,
    ) -> Result<(), SystemException> {
        if let Err(error) = written.and_then(|()| giop::finish(&mut encoder, self.padding.take())) {
            *self.buffer = encoder.reclaim();
            return Err(unsendable(error));
        }
        self.outcome = outcome;
        if encoder.is_contiguous() {
            let mut buffer = encoder.into_buffer();
            self.delivery.deliver(&[IoSlice::new(&buffer)]);
            buffer.clear();
            *self.buffer = buffer;
        } else {
            *self.buffer = deliver_parts(self.delivery, encoder);
        }
        Ok(())
    }
}

#[cold]
fn unsendable(error: CdrError) -> SystemException {
    // The servant has done its work; it is the answer that cannot be sent.
    SystemException::from(error).with_completed(Completed::Yes)
}

#[inline(never)]
fn deliver_parts(delivery: &mut dyn Delivery, encoder: Encoder<'_>) -> BytesMut {
    let parts: Vec<IoSlice<'_>> = encoder.parts().map(IoSlice::new).collect();
    delivery.deliver(&parts);
    drop(parts);
    encoder.reclaim()
}

impl fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("to", &self.to)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

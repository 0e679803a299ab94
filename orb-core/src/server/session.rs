// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a message asks for, and its answer (CORBA 3.3 Part 2 §9.4).

use std::{
    io::IoSlice,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use bytes::BytesMut;

use crate::{
    cdr::{CdrError, Decoder, Encoder, Endian, Marshal, OrbHandle, Version},
    codeset::{CodeSetContext, CodeSets},
    context::{Incoming, Origin},
    exception::{Completed, SystemException, SystemExceptionKind, minor},
    giop::{
        self, AddressingDisposition, GiopError, LocateReply, LocateStatus, Message, MessageType,
        RequestHeader, ResponseFlags, ServiceContext, context_id,
    },
    qos::{self, Granted, Qos},
    servant::{Adapter, Delivery, Located, Outcome, Reply, ReplyTo, Request},
    server::{asking::Verdict, connection::Connection, deadline, slot::Slot},
    transport::Poller,
};

/// What serving a message needs.
pub(super) struct Session<'a> {
    pub(super) adapter: &'a dyn Adapter,
    pub(super) orb: Option<&'a Arc<dyn OrbHandle>>,
    pub(super) poller: &'a dyn Poller,
    pub(super) connection: &'a Arc<Connection>,
    pub(super) slot: &'a Slot,
    /// Where replies are encoded.
    pub(super) buffer: &'a mut BytesMut,
    pub(super) codesets: CodeSets,
    /// Another message is there already, so that its reply can go out with this one's.
    pub(super) more: bool,
    /// There are too many requests in progress for another one.
    pub(super) refusing: bool,
    /// When the client gives up, if it says so.
    pub(super) deadline: Option<Instant>,
    /// What came of what this message asks for its connection, once that is decided.
    pub(super) verdict: Option<&'a Verdict>,
    /// What the client has been granted meanwhile, until a reply has told it.
    pub(super) news: &'a mut Option<Box<Granted>>,
}

/// What is to be done beside answering.
#[derive(Debug)]
pub(super) enum Follow {
    /// Nothing.
    Nothing,
    /// A request is to be cancelled.
    Cancel(u32),
    /// The request asks for quality of service for its connection, and was not served yet: it is to be served again with
    /// a verdict.
    Negotiate(Box<Qos>),
    /// The peer wants no more.
    Close,
}

impl Session<'_> {
    /// Serves one message.
    ///
    /// # Errors
    ///
    /// A [`GiopError`] if the message makes no sense.
    pub(super) fn serve(&mut self, message: &Message) -> Result<Follow, GiopError> {
        match message.message_type() {
            MessageType::Request => self.request(message),
            _ => self.other(message),
        }
    }

    #[cold]
    fn other(&mut self, message: &Message) -> Result<Follow, GiopError> {
        match message.message_type() {
            MessageType::LocateRequest => self.locate(message)?,
            MessageType::CancelRequest => return Ok(Follow::Cancel(message.cancel_request()?.request_id)),
            MessageType::MessageError => {
                tracing::warn!(peer = %self.connection.peer(), "the peer did not understand a message");
                return Ok(Follow::Close);
            }
            MessageType::CloseConnection => return Ok(Follow::Close),
            // A client does not send these, unless bidirectional GIOP was agreed on.
            MessageType::Request | MessageType::Reply | MessageType::LocateReply | MessageType::Fragment => {
                return Err(CdrError::BadMessage("a client does not send this type of message").into());
            }
        }
        Ok(Follow::Nothing)
    }

    fn request(&mut self, message: &Message) -> Result<Follow, GiopError> {
        let orb = self.orb;
        let (header, mut args) = message.request(self.codesets, orb)?;
        let waits = header.response == ResponseFlags::Target;
        self.slot.request(header.request_id, waits);
        let negotiated = self.negotiate(&header);
        if let Ok(Some(asked)) = negotiated {
            return Ok(Follow::Negotiate(asked));
        }
        let grant = self.grant(header.response);
        let contexts = grant.as_deref().map(|data| ServiceContext {
            id: qos::context::ID,
            data,
        });
        args.set_codesets(self.codesets);
        let (connection, slot, adapter) = (self.connection, self.slot, self.adapter);
        let mut outgoing = Outgoing {
            connection,
            poller: self.poller,
            slot,
            more: self.more,
        };
        let to = ReplyTo {
            request_id: header.request_id,
            version: message.header().version,
            codesets: self.codesets,
            expected: header.response.response_expected(),
        };
        let mut reply = Reply::new(to, self.buffer, &mut outgoing, orb).with_contexts(contexts.as_slice());
        if let Err(refusal) = negotiated.and_then(|_| admit(self.refusing)) {
            reply.system(&refusal);
            return Ok(Follow::Nothing);
        }
        let Ok(object_key) = header.target.object_key() else {
            reply.needs_addressing(AddressingDisposition::Key);
            return Ok(Follow::Nothing);
        };
        if header.response == ResponseFlags::Server {
            // CORBA 3.3 Part 2 §9.4.2.1: SYNC_WITH_SERVER is answered before the servant is called.
            drop(reply.ok(|_| Ok(())));
            reply.expect_nothing();
        }
        let incoming = Incoming {
            peer: connection.peer(),
            deadline: self.deadline,
            response_expected: header.response == ResponseFlags::Target,
            cancelled: &slot.cancelled,
            service_contexts: header.service_contexts,
            orb,
        };
        let request = Request {
            object_key,
            operation: header.operation,
            origin: Origin::Remote(&incoming),
        };
        dispatch(adapter, &request, &mut args, &mut reply);
        Ok(Follow::Nothing)
    }

    /// Takes over the code sets that the client has chosen for this connection (CORBA 3.3 Part 2 §7.10.2.5), and for
    /// how long it waits; returns what it asks for the connection, if that is still to be decided.
    #[inline]
    fn negotiate(&mut self, header: &RequestHeader<'_>) -> Result<Option<Box<Qos>>, SystemException> {
        if header.service_contexts.is_empty() {
            return Ok(None);
        }
        self.read_contexts(header)?;
        match self.verdict {
            None if header.response == ResponseFlags::Target => {
                let asked = header.service_contexts.find(qos::context::ID);
                Ok(asked.and_then(qos::context::decode_request).map(Box::new))
            }
            Some(Verdict::Refused(why)) => Err(why.clone()),
            _ => Ok(None),
        }
    }

    /// Returns what the reply, if there is to be one, says of a grant.
    #[inline]
    fn grant(&mut self, response: ResponseFlags) -> Option<Vec<u8>> {
        let news = match self.verdict {
            None if self.news.is_none() || !response.response_expected() => return None,
            _ => self.news.take(),
        };
        match (self.verdict, news) {
            (Some(Verdict::Granted(granted)), _) => Some(qos::context::encode_grant(granted)),
            (None, Some(granted)) => Some(qos::context::encode_grant(&granted)),
            _ => None,
        }
    }

    #[inline(never)]
    fn read_contexts(&mut self, header: &RequestHeader<'_>) -> Result<(), SystemException> {
        if let Some(data) = header.service_contexts.find(context_id::INVOCATION_POLICIES) {
            let time = deadline::time_left(data).map_err(SystemException::from)?;
            self.deadline = time.and_then(|time| Instant::now().checked_add(time));
        }
        let Some(data) = header.service_contexts.find(context_id::CODE_SETS) else {
            return Ok(());
        };
        let incompatible = |text: String| {
            SystemException::new(SystemExceptionKind::CodesetIncompatible, 0, Completed::No)
                .with_message(text)
        };
        let chosen = CodeSetContext::decode(data).map_err(SystemException::from)?;
        let codesets = chosen
            .sets()
            .map_err(|error| incompatible(format!("no such code sets here: {error:?}")))?;
        if codesets != self.codesets {
            self.codesets = codesets;
            self.connection.negotiate(codesets);
        }
        Ok(())
    }

    #[inline(never)]
    fn locate(&mut self, message: &Message) -> Result<(), GiopError> {
        let request = message.locate_request()?;
        let version = message.header().version;
        let located = match request.target.object_key() {
            Ok(key) => catch_unwind(AssertUnwindSafe(|| self.adapter.locate(key)))
                .unwrap_or_else(|_| Located::Failed(panicked())),
            Err(_) => {
                return self.locate_reply(
                    request.request_id,
                    version,
                    LocateStatus::NeedsAddressingMode,
                    |e| {
                        AddressingDisposition::Key.encode(e);
                        Ok(())
                    },
                );
            }
        };
        let id = request.request_id;
        match &located {
            Located::Here => self.locate_reply(id, version, LocateStatus::ObjectHere, |_| Ok(())),
            // Before GIOP 1.2 there is no way to say more.
            Located::Failed(exception) if version >= Version::V1_2 => {
                self.locate_reply(id, version, LocateStatus::SystemException, |e| {
                    exception.marshal(e)
                })
            }
            Located::Unknown | Located::Failed(_) => {
                self.locate_reply(id, version, LocateStatus::UnknownObject, |_| Ok(()))
            }
            Located::Elsewhere(ior) => {
                self.locate_reply(id, version, LocateStatus::ObjectForward, |e| ior.marshal(e))
            }
        }
    }

    fn locate_reply<'b>(
        &mut self,
        request_id: u32,
        version: Version,
        status: LocateStatus,
        body: impl FnOnce(&mut Encoder<'b>) -> Result<(), CdrError>,
    ) -> Result<(), GiopError> {
        let mut encoder = Encoder::with_buffer(
            std::mem::take(self.buffer),
            Endian::NATIVE,
            version,
            self.codesets,
        )
        .by_reference_from(usize::MAX);
        giop::begin(&mut encoder, MessageType::LocateReply);
        LocateReply { request_id, status }.encode(&mut encoder)?;
        body(&mut encoder)?;
        giop::finish(&mut encoder, None)?;
        let mut buffer = encoder.into_buffer();
        self.connection
            .send(self.poller, &[IoSlice::new(&buffer)], self.more);
        buffer.clear();
        *self.buffer = buffer;
        Ok(())
    }
}

#[inline]
fn admit(refusing: bool) -> Result<(), SystemException> {
    if !refusing {
        return Ok(());
    }
    Err(SystemException::new(
        SystemExceptionKind::Transient,
        minor::REQUEST_DISCARDED,
        Completed::No,
    )
    .with_message("too many requests in progress"))
}

/// Calls the adapter; whatever happens, there is an answer, and the connection survives.
fn dispatch(adapter: &dyn Adapter, request: &Request<'_>, args: &mut Decoder<'_>, reply: &mut Reply<'_>) {
    let result = catch_unwind(AssertUnwindSafe(|| adapter.dispatch(request, args, reply)));
    if result.is_err() || reply.outcome() == Outcome::Open {
        make_up(result, request, reply);
    }
}

/// Answers where the servant did not.
#[cold]
fn make_up(result: std::thread::Result<()>, request: &Request<'_>, reply: &mut Reply<'_>) {
    let Err(panic) = result else {
        return reply.system(&SystemException::new(
            SystemExceptionKind::NoResponse,
            0,
            Completed::Maybe,
        ));
    };
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    tracing::error!(operation = request.operation, panic = text, "servant panicked");
    reply.system(&panicked());
}

fn panicked() -> SystemException {
    SystemException::new(SystemExceptionKind::Unknown, 0, Completed::Maybe)
        .with_message("the servant panicked")
}

/// Sends replies on their connection.
struct Outgoing<'a> {
    connection: &'a Connection,
    poller: &'a dyn Poller,
    slot: &'a Slot,
    more: bool,
}

impl Delivery for Outgoing<'_> {
    fn deliver(&mut self, message: &[IoSlice<'_>]) {
        // CORBA 3.3 Part 2 §9.4.4: the server need not answer what was cancelled.
        if !self.slot.cancelled.load(Ordering::Relaxed) {
            self.connection.send(self.poller, message, self.more);
        }
    }
}

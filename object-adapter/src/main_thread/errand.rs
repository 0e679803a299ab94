// SPDX-License-Identifier: MIT OR Apache-2.0
//! A request on its way to another thread: nothing of it is borrowed.

use std::{
    io::IoSlice,
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use bytes::{Bytes, BytesMut};
use orb_core::{
    cdr::{Decoder, Endian, OrbHandle, Version},
    codeset::CodeSets,
    context::{Context, Incoming, Origin},
    exception::SystemException,
    giop::{ServiceContext, ServiceContexts},
    servant::{Delivery, Outcome, Reply, ReplyTo, Servant},
    transport::Endpoint,
};

use crate::{Poa, ServantLocator, ServantManagerError, implicit, rtcorba::Level};

/// Who serves a request.
pub(crate) enum Found {
    Servant(Arc<dyn Servant>),
    /// The locator is called on the thread that calls the servant (§15.3.7).
    Locator(Arc<dyn ServantLocator>, Poa),
}

impl Found {
    /// Lets `call` call the servant.
    pub(crate) fn call(
        &self,
        cx: &Context<'_>,
        call: &mut dyn FnMut(&dyn Servant, &Context<'_>),
    ) -> Result<(), ServantManagerError> {
        match self {
            Self::Servant(servant) => call(&**servant, cx),
            Self::Locator(locator, poa) => {
                let (servant, cookie) = locator.preinvoke(cx.object_id(), poa, cx.operation())?;
                call(&*servant, cx);
                locator.postinvoke(cx.object_id(), poa, cx.operation(), cookie, servant);
            }
        }
        Ok(())
    }
}

/// A request, who serves it, and how the reply is to be encoded.
pub(crate) struct Errand {
    found: Found,
    object_id: Box<[u8]>,
    operation: Box<str>,
    received: Option<Received>,
    arguments: Arguments,
    to: ReplyTo,
    /// At which priority it is served, if it has one.
    at: Option<Level>,
}

/// What came of it.
pub(crate) struct Served {
    pub(crate) called: Result<(), ServantManagerError>,
    pub(crate) served: Result<(), SystemException>,
    outcome: Outcome,
    message: Vec<u8>,
}

impl Errand {
    pub(crate) fn new(
        found: Found,
        cx: &Context<'_>,
        origin: Origin<'_>,
        args: &mut Decoder<'_>,
        to: ReplyTo,
        at: Option<Level>,
    ) -> Self {
        Self {
            found,
            object_id: cx.object_id().into(),
            operation: cx.operation().into(),
            received: match origin {
                Origin::Collocated => None,
                Origin::Remote(incoming) => Some(Received::new(incoming)),
            },
            arguments: Arguments::new(args),
            to,
            at,
        }
    }

    /// Serves the request on the calling thread.
    pub(crate) fn serve(self) -> Served {
        let contexts = self.received.as_ref().map(Received::contexts).unwrap_or_default();
        let incoming = self
            .received
            .as_ref()
            .map(|received| received.incoming(&contexts));
        let origin = incoming.as_ref().map_or(Origin::Collocated, Origin::Remote);
        let priority = self.at.as_ref().map(|level| level.priority);
        let cx = Context::new(&self.object_id, &self.operation, origin).at_priority(priority);
        let mut args = self.arguments.decoder();
        let (mut buffer, mut message) = (BytesMut::new(), Message::default());
        let mut reply = Reply::new(self.to, &mut buffer, &mut message, self.arguments.orb.as_ref());
        let mut served = Ok(());
        let called = match self.at.map(Level::reach).transpose() {
            Ok(_at) => self.found.call(&cx, &mut |servant, cx| {
                served = implicit::serve(servant, cx, &mut args, &mut reply);
            }),
            Err(exception) => Err(exception.into()),
        };
        let outcome = reply.outcome();
        Served {
            called,
            served,
            outcome,
            message: message.0,
        }
    }
}

impl Served {
    /// Passes on the answer that the servant gave.
    pub(crate) fn answer(&self, reply: &mut Reply<'_>) {
        reply.relay(self.outcome, &self.message);
    }
}

/// Keeps the reply.
#[derive(Default)]
struct Message(Vec<u8>);

impl Delivery for Message {
    fn deliver(&mut self, message: &[IoSlice<'_>]) {
        message.iter().for_each(|part| self.0.extend_from_slice(part));
    }
}

/// What the message said beside.
struct Received {
    peer: Endpoint,
    deadline: Option<Instant>,
    response_expected: bool,
    cancelled: Arc<AtomicBool>,
    contexts: Vec<(u32, Box<[u8]>)>,
    orb: Option<Arc<dyn OrbHandle>>,
}

impl Received {
    fn new(incoming: &Incoming<'_>) -> Self {
        let contexts = incoming.service_contexts.iter();
        Self {
            peer: incoming.peer.clone(),
            deadline: incoming.deadline,
            response_expected: incoming.response_expected,
            cancelled: Arc::clone(incoming.cancelled),
            contexts: contexts
                .map(|context| (context.id, context.data.into()))
                .collect(),
            orb: incoming.orb.cloned(),
        }
    }

    fn contexts(&self) -> Vec<ServiceContext<'_>> {
        let contexts = self.contexts.iter();
        contexts
            .map(|(id, data)| ServiceContext { id: *id, data })
            .collect()
    }

    fn incoming<'a>(&'a self, contexts: &'a [ServiceContext<'a>]) -> Incoming<'a> {
        Incoming {
            peer: &self.peer,
            deadline: self.deadline,
            response_expected: self.response_expected,
            cancelled: &self.cancelled,
            service_contexts: ServiceContexts::from(contexts),
            orb: self.orb.as_ref(),
        }
    }
}

/// The encoded arguments, and what their decoder has to know.
struct Arguments {
    octets: Bytes,
    position: usize,
    endian: Endian,
    version: Version,
    codesets: CodeSets,
    orb: Option<Arc<dyn OrbHandle>>,
}

impl Arguments {
    /// Shares the message that `args` reads, if it can.
    fn new(args: &mut Decoder<'_>) -> Self {
        let rest = args.rest();
        let octets = args.share(rest);
        Self {
            octets,
            position: args.position(),
            endian: args.endian(),
            version: args.version(),
            codesets: args.codesets(),
            orb: args.orb().cloned(),
        }
    }

    fn decoder(&self) -> Decoder<'_> {
        Decoder::new(&self.octets, self.endian, self.version, self.codesets)
            .with_origin(self.position)
            .with_source(&self.octets)
            .with_orb(self.orb.as_ref())
    }
}

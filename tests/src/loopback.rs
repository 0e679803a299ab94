// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls through generated stubs and skeletons without a connection: what the stub's half writes the skeleton's half
//! reads, and the other way round.

use std::io::IoSlice;

use bytes::{Bytes, BytesMut};

use orb_core::cdr::{CdrError, Decoder, Encoder, Endian, Version};
use orb_core::codeset::CodeSets;
use orb_core::context::{Context, Origin};
use orb_core::exception::{Completed, SystemException, SystemExceptionKind};
use orb_core::giop::{Assembler, Limits, ReplyStatus};
use orb_core::invoke::Operation;
use orb_core::servant::{Delivery, Reply, ReplyTo, Servant};

/// How the messages of a call are written.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// The byte order of the request; replies are in this machine's.
    pub endian: Endian,
    /// The GIOP version of both.
    pub version: Version,
}

impl Wire {
    /// Each byte order with each GIOP version that has wide characters.
    pub const ALL: [Self; 4] = [
        Self {
            endian: Endian::Little,
            version: Version::V1_2,
        },
        Self {
            endian: Endian::Big,
            version: Version::V1_2,
        },
        Self {
            endian: Endian::Little,
            version: Version::V1_1,
        },
        Self {
            endian: Endian::Big,
            version: Version::V1_1,
        },
    ];
}

/// Takes one reply.
#[derive(Default)]
struct Inbox(BytesMut);

impl Delivery for Inbox {
    fn deliver(&mut self, message: &[IoSlice<'_>]) {
        message.iter().for_each(|part| self.0.extend_from_slice(part));
    }
}

/// Calls `O` on `servant`.
///
/// # Errors
/// What the servant raised, and system exceptions for what could not be encoded, decoded or dispatched.
pub fn call<O: Operation>(
    servant: &dyn Servant,
    wire: Wire,
    args: &O::Args<'_>,
) -> Result<O::Output, O::Error> {
    let arguments = arguments::<O>(wire, args).map_err(SystemException::from)?;
    let Some(reply) = answer::<O>(servant, wire, &arguments)? else {
        return O::unmarshal(&mut Decoder::native(&[])).map_err(|error| SystemException::from(error).into());
    };
    let mut assembler = Assembler::new(Limits::default());
    assembler.buffer(reply.len()).extend_from_slice(&reply);
    let message = assembler
        .next_message()
        .ok()
        .flatten()
        .ok_or_else(|| broken("the reply is no whole message"))?;
    let (header, mut body) = message
        .reply(CodeSets::NATIVE, None)
        .map_err(SystemException::from)?;
    match header.status {
        ReplyStatus::NoException => {
            let output = O::unmarshal(&mut body).map_err(SystemException::from)?;
            if body.remaining() != 0 {
                return Err(broken("the reply is longer than its values").into());
            }
            Ok(output)
        }
        ReplyStatus::UserException => {
            let id = body.string().map_err(SystemException::from)?;
            let raised =
                O::user_exception(&id, &mut body).ok_or_else(|| broken("an exception nobody declared"))?;
            Err(raised.map_err(SystemException::from)?)
        }
        _ => Err(broken("another status than the test expects").into()),
    }
}

fn arguments<O: Operation>(wire: Wire, args: &O::Args<'_>) -> Result<Bytes, CdrError> {
    let mut encoder = Encoder::new(wire.endian, wire.version, CodeSets::NATIVE);
    O::marshal(args, &mut encoder)?;
    Ok(encoder.contiguous())
}

/// Has the servant answer a request with these arguments; there is no reply to a oneway.
///
/// # Errors
/// The system exception that the skeleton wants to be sent.
pub fn answer<O: Operation>(
    servant: &dyn Servant,
    wire: Wire,
    arguments: &Bytes,
) -> Result<Option<BytesMut>, SystemException> {
    let cx = Context::new(b"test", O::NAME, Origin::Collocated);
    let mut decoder =
        Decoder::new(arguments, wire.endian, wire.version, CodeSets::NATIVE).with_source(arguments);
    let to = ReplyTo {
        request_id: 7,
        version: wire.version,
        codesets: CodeSets::NATIVE,
        expected: !O::ONEWAY,
    };
    let (mut buffer, mut inbox) = (BytesMut::new(), Inbox::default());
    let mut reply = Reply::new(to, &mut buffer, &mut inbox, None);
    servant.dispatch(&cx, &mut decoder, &mut reply)?;
    if decoder.remaining() != 0 {
        return Err(broken("the arguments are longer than what was read"));
    }
    Ok((!O::ONEWAY).then_some(inbox.0))
}

/// Calls `O` as a caller in the servant's own process does.
///
/// # Errors
/// What the servant raised, and `NO_IMPLEMENT` if the servant has no such facet.
pub fn collocated<O: Operation>(servant: &dyn Servant, args: &O::Args<'_>) -> Result<O::Output, O::Error> {
    let cx = Context::collocated(b"test", O::NAME);
    let facet = servant.facet(O::facet()).ok_or_else(|| broken("no such facet"))?;
    O::collocated(facet, &cx, args).ok_or_else(|| broken("the facet is of another type"))?
}

fn broken(what: &'static str) -> SystemException {
    SystemException::new(SystemExceptionKind::NoImplement, 0, Completed::Maybe).with_message(what)
}

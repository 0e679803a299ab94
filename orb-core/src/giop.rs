// SPDX-License-Identifier: MIT OR Apache-2.0
//! GIOP, the General Inter-ORB Protocol of CORBA 3.3 Part 2 §9.4, in versions 1.0, 1.1 and 1.2.
//!
//! Received octets go into an [`Assembler`], which hands out whole [`Message`]s; these give views of
//! their headers and decoders of their bodies without copying. Messages are written with an
//! [`Encoder`](crate::cdr::Encoder): [`begin`], a header's `encode`, [`begin_body`], the body, and
//! [`finish`]. There is no I/O here.

mod address;
mod assembler;
mod context;
mod error;
mod fragment;
mod header;
mod locate;
mod message;
mod reply;
mod request;

pub use address::{AddressingDisposition, TargetAddress};
pub use assembler::{Assembler, DEFAULT_MESSAGE_LIMIT, Limits};
pub use context::{ServiceContext, ServiceContextIter, ServiceContexts, context_id};
pub use error::GiopError;
pub use fragment::{Fragment, Fragments, fragments};
pub use header::{HEADER_SIZE, MessageHeader, MessageType};
pub use locate::{CancelRequest, LocateReply, LocateRequest, LocateStatus};
pub use message::{Message, Padding, begin, begin_body, close_connection, finish, message_error};
pub use reply::{ReplyHeader, ReplyStatus};
pub use request::{RequestHeader, ResponseFlags};

#[cfg(test)]
mod tests;

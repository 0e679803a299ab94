// SPDX-License-Identifier: MIT OR Apache-2.0
//! The calling side: connections shared by many callers, and how a call finds one.
//!
//! A caller sends its own request and receives its own reply; no other thread is involved. Of several callers that
//! share a connection one at a time reads for all (the leader), the others sleep until their reply is there or the
//! lead is free. While only deferred and async calls are in flight the [`executive`] reads.

mod binding;
mod cache;
mod connection;
mod contexts;
mod deferred;
mod executive;
mod failure;
mod invocation;
mod negotiation;
mod outlet;
mod pace;
mod reader;
mod request;
mod ring;
mod slots;
mod writer;

pub use self::outlet::{Drained, Outlet};
pub(crate) use self::{
    binding::{Binding, Reach, Target},
    cache::{ConnectionCache, Share},
    connection::{Connection, ConnectionUser},
    deferred::Deferred,
    invocation::{Answer, Arguments, Attempts, Invocation},
    negotiation::{Negotiated, negotiate},
    outlet::Sender,
    writer::WriteError,
};

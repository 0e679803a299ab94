// SPDX-License-Identifier: MIT OR Apache-2.0
//! Real-time CORBA (RT-CORBA 1.2, formal/05-01-04): priorities, the policies that server and client agree on by them, and
//! what of these travels.
//!
//! A [`Priority`] means the same on every machine. A POA's [`PriorityModel`] says whose counts, the client's or the
//! server's; [`ServerPolicies`] has which policies go together; [`ExposedPolicies`] are those that references show.
//! Threads, and what a priority is to an operating system, are elsewhere: this is pure but for [`thread_priority`] and [`call_priority`].

mod component;
mod context;
mod policy;
mod priority;
mod protocol;
mod rules;
mod thread;
mod transform;

pub use self::{
    component::ExposedPolicies,
    context::{PRIORITY_CONTEXT_SIZE, decode_priority, encode_priority},
    policy::{Buffering, PolicyType, PriorityModel, PriorityModelPolicy, ThreadpoolConfig, ThreadpoolLane},
    priority::{BadPriority, Priority, PriorityBand},
    protocol::{Protocol, ProtocolList, ProtocolType, TcpProtocolProperties},
    rules::{InvalidBands, InvalidPolicy, InvalidProtocols, InvalidThreadpool, ServerPolicies, check_bands},
    thread::{AtPriority, call_priority, thread_priority},
    transform::{Onward, PriorityTransform, inbound},
};

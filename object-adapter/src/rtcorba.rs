// SPDX-License-Identifier: MIT OR Apache-2.0
//! Real-time CORBA (RT-CORBA 1.2): what its priorities are to the machine, and the threads that serve at them.
//!
//! Begin with [`PoaBuilder::priority_model`](crate::PoaBuilder::priority_model), with a [`Threadpool`] for the threads, and
//! with [`RtCurrent`] for the priority of a client's thread.

mod at_priority;
mod current;
mod mapping;
mod mutex;
mod own_endpoint;
mod poa;
mod threadpool;

pub(crate) use self::{
    at_priority::{Priorities, Served},
    own_endpoint::OwnEndpoint,
    poa::{Elsewhere, Level, RealTimePoa, Thread, serve_at},
};
pub use self::{
    current::RtCurrent,
    mapping::{LinearMapping, NativePriority, PriorityMapping},
    mutex::{Mutex, MutexGuard},
    threadpool::{Threadpool, ThreadpoolError, ThreadpoolStatus},
};
pub use orb_core::rtcorba::{
    BadPriority, Buffering, ExposedPolicies, InvalidBands, InvalidPolicy, InvalidProtocols,
    InvalidThreadpool, PolicyType, Priority, PriorityBand, PriorityModel, PriorityModelPolicy,
    PriorityTransform, Protocol, ProtocolList, ProtocolType, ServerPolicies, TcpProtocolProperties,
    ThreadpoolConfig, ThreadpoolLane,
};

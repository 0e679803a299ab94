// SPDX-License-Identifier: MIT OR Apache-2.0
//! A connection-oriented adapter in software: channels that put each flow's data into that flow's own buffers, without
//! the kernel on the path.
//!
//! What travels is a [`Packet`]: headers apart from payload, so that what is interpreted is small and can be copied out
//! of memory that a peer may write, and what is bulk can stay where it lies. Payload is anything that is a [`Payload`].
//! It travels on a [`Channel`], of which each backend has its own kind.

#![cfg_attr(
    loom,
    allow(
        dead_code,
        unused_imports,
        reason = "under the model checker there is no system to call"
    )
)]

mod area;
mod channel;
#[cfg(all(test, not(loom)))]
mod conformance;
mod end;
#[cfg(not(loom))]
pub mod fabric;
mod frame;
mod geometry;
mod ledger;
mod memory;
mod pace;
mod packet;
mod pool;
mod ring;
mod short;
pub mod sim;
mod sync;
pub mod tun;

pub use self::channel::{
    Carries, Channel, Closed, Counters, Integrity, Interest, Properties, Refusal, Violation,
};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use self::end::consume;
pub use self::frame::{Frame, FrameMut, NoRoom};
pub use self::geometry::{BadGeometry, FrameClass, Geometry};
pub use self::memory::Untrusted;
pub use self::pace::{Pace, Pacer};
pub use self::packet::{Headers, Packet, Payload, TooLong};
pub use self::pool::{NoPool, Pool};
pub use self::short::Short;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every measured program shares, ours and the peers' alike: how it is told what to do, how it times calls, and
//! how it says what it found. Start from [`Role`] (the arguments) and [`Report`] (the findings).
//!
//! A server prints `READY <address>` when it can be called, prints a `COUNT` line for each line that it reads, and
//! ends when its input ends. A client prints one `RESULT` line and ends.
#![allow(
    clippy::print_stdout,
    reason = "the driver reads what the measured programs print"
)]

mod burn;
mod counting;
pub mod giop;
mod role;
mod timing;
mod usage;

pub use burn::burn;
pub use counting::{Counting, count_heap, heap};
pub use role::{Periodic, Role, Work, serve};
pub use timing::{Report, latency, rate, throughput};
pub use usage::{Usage, pin, resident_bytes};

/// Octets in the argument of `put`, unless it is told otherwise.
pub const BLOB: usize = 1 << 20;

/// Structures in the argument of `echo`.
pub const ITEMS: usize = 100;

/// Doubles in the sequence of each structure.
pub const DOUBLES: usize = 10;

/// Octets of a null request and of its reply, as GIOP 1.2 has them.
pub const NULL_REQUEST: usize = 64;

/// See [`NULL_REQUEST`].
pub const NULL_REPLY: usize = 24;

/// The string within each structure.
pub const TEXT: &str = "a string of some length";

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Real-time upcalls: who runs next on a CPU, and whether everyone will be in time.
//!
//! A real-time upcall (RTU) is a handler that gives the CPU up by returning. [`scheduler::Scheduler`] says which one runs
//! next, under rate-monotonic scheduling with delayed preemption (RMDP): the more urgent one goes first, and a running
//! one is never interrupted, only asked to return at the end of its iteration. [`analysis`] says beforehand whether a set
//! of RTUs meets its deadlines under that rule. [`simulation`] runs the one against the other in virtual time.
//!
//! All of that is pure: times come in, decisions go out. It measures nothing, starts no thread and asks no clock.
//! [`executive`] does: it runs handlers in real time by what the scheduler says. [`doctor`] says what of a machine keeps
//! them from being in time.
//!
//! To begin: [`analysis::AdmittedSet`] for admission, [`executive::Executive`] for running, [`Upcall`] for a handler.

pub mod analysis;
mod class;
pub mod doctor;
pub mod executive;
pub mod histogram;
pub mod process;
pub mod scheduler;
pub mod simulation;
mod thread_priority;
mod time;
mod upcall;

pub use class::{Class, Urgency};
pub use thread_priority::ThreadPriority;
pub use time::{Nanos, Time};
pub use upcall::{Activation, Host, Outcome, Upcall};

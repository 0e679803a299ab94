// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client's end of flows with a guarantee ([`Interface::with_qos`](crate::object::Interface::with_qos)): what the ORB asks
//! of whoever keeps the book of grants, and runs real-time upcalls.
//!
//! The flow's oneways, and other requests that nobody waits for, are encoded by their callers, queued, and sent by the owner
//! of an [`Outlet`]. Callers who wait for a reply send for themselves, at the same pace.

use std::{fmt, time::Duration};

pub use crate::client::{Drained, Outlet};
use crate::{exception::Result, object::ObjectRef, qos::Qos, transport::Pace};

/// Plans the client's end of flows.
pub trait FlowPlanner: Send + Sync + fmt::Debug {
    /// Admits what is asked for calls to `object`, a class with a guarantee. Called on an ordinary thread, before anything is
    /// sent.
    ///
    /// # Errors
    ///
    /// `NO_RESOURCES` that says what stands in the way.
    fn admit(&self, object: &ObjectRef, qos: &Qos) -> Result<Box<dyn FlowPlan>>;
}

/// What was admitted for the client's end of a flow; dropping it gives that back. Used by ordinary threads.
pub trait FlowPlan: Send + Sync + fmt::Debug {
    /// Returns what it comes to.
    fn terms(&self) -> FlowTerms;

    /// Admits something else in place of what is admitted; what runs goes on as it does until it is started anew.
    ///
    /// # Errors
    ///
    /// As [`FlowPlanner::admit`]; all stays as it was.
    fn renegotiate(&self, qos: &Qos) -> Result<()>;

    /// Begins to run an outlet, by the plan as it is now. What ran before was stopped.
    ///
    /// # Errors
    ///
    /// `NO_RESOURCES` if nobody can run it; it is dropped then.
    fn start(&self, outlet: Outlet) -> Result<()>;

    /// Ends what runs, and drops the outlet, before it returns.
    fn stop(&self);
}

/// What the plan of a client's end comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowTerms {
    /// The time from one activation to the next, or the shortest such time.
    pub period: Duration,
    /// How many messages may be sent in it.
    pub messages: u32,
    /// Room for what is received, in octets.
    pub receive: usize,
    /// Room for what is to be sent, in octets: that of two periods.
    pub send: usize,
    /// How fast messages may go out, by their bytes; `None` is as fast as they may by their number.
    pub pace: Option<Pace>,
}

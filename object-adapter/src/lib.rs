// SPDX-License-Identifier: MIT OR Apache-2.0
//! The portable object adapter: from an object key to a servant.
//!
//! Start from [`Poa`], in which objects are activated, and [`ObjectAdapter`], which the ORB asks to serve requests. What
//! the adapter knows of a wire is the object key: connections, messages and threads are the ORB's.
//!
//! It implements CORBA 3.3 Part 1 §15 with all policies.

mod active;
mod adapter;
mod error;
mod handoff;
mod implicit;
pub mod key;
mod lanes;
mod main_thread;
mod manager;
mod poa;
mod policy;
pub mod rtcorba;
mod servant_manager;
mod slots;
mod turn;

pub use adapter::{LaneSite, ObjectAdapter, ReferenceFactory};
pub use error::{ActivateError, CreateError, FindError, QosError, StillInProgress};
pub use lanes::{ClientStatus, FlowStatus, Flows, LaneStatus, ObjectStatus, Page, RealTime};
pub use main_thread::MainThread;
pub use manager::{DEFAULT_HELD, LONGEST_HOLD, ManagerInactive, ManagerState, PoaManager};
pub use poa::{Activation, Poa, PoaBuilder};
pub use policy::{
    IdAssignment, IdUniqueness, ImplicitActivation, InvalidPolicy, Lifespan, Policies, RequestProcessing,
    ServantRetention, Threads,
};
pub use servant_manager::{
    AdapterActivator, Cookie, Etherealized, ServantActivator, ServantLocator, ServantManagerError,
};

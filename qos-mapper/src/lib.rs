// SPDX-License-Identifier: MIT OR Apache-2.0
//! From what an application asks for to the parameters of a real-time upcall, or a refusal that says why.
//!
//! Everything here is a pure function of requests, a [`CostModel`] and a [`Machine`]: no clock, no file, no thread. Texts
//! of files come in, plans and refusals go out. It measures nothing (a calibration run and the flows do) and runs nothing
//! (the executive does).
//!
//! To begin: [`map`] for one request on an idle machine, [`Admission`] for many beside each other.

mod admission;
mod calibration;
mod check;
mod correct;
mod cost;
mod file;
mod glob;
mod join;
mod machine;
mod map;
mod nearest;
mod plan;
mod read;
mod refusal;
mod request;
mod sensitivity;
mod supply;
mod timeline;
mod units;

pub use admission::{Admission, Grant, GrantId, Move, RenegotiationError};
pub use calibration::Calibration;
pub use check::{CheckReport, CpuReport, FlowReport, RefusedFlow, check};
pub use correct::{Correction, Corrector, Sample};
pub use cost::{CostModel, FlowCost, Picos, TypeCost};
pub use file::{ObjectEntry, QosFile};
pub use glob::{Glob, GlobError};
pub use join::{group_name, join};
pub use machine::{Link, Machine};
pub use map::map;
pub use plan::{Pacing, Plan, Rings, RtuPlan};
pub use read::{FileError, FileErrors};
pub use refusal::{Alternative, Bottleneck, CpuShortage, Miss, Refusal, RingBound};
pub use request::{End, Request, Sources, describe};
pub use sensitivity::Growth;
pub use supply::Supply;
pub use timeline::{Segment, Timeline, timeline};
pub use units::{show_rate, show_share, show_size, show_time};

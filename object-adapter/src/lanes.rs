// SPDX-License-Identifier: MIT OR Apache-2.0
//! Guarantees: what is granted on this machine, and the executive that keeps it.
//!
//! An object with a guarantee, or a group of them, has a lane: an endpoint of its own, whose connections are run by real-time upcalls. All that
//! it takes is started with the first such object and ends with the last; without one it costs nothing.

mod book;
mod client;
mod flows;
mod group;
mod guard;
mod guests;
mod keeper;
mod lane;
mod progress;
mod sending;
mod settings;

use std::{
    sync::{Arc, Weak, mpsc},
    time::Duration,
};

use orb_core::{
    exception::{Completed, SystemException, SystemExceptionKind, minor},
    qos::Qos,
    transport::Pace,
};
use parking_lot::Mutex;
use qos_mapper::{Admission, Plan, Request, Sources};
use rtu::{Class, executive::Executive};

pub(crate) use self::guests::{Guests, Host};
pub(crate) use self::lane::{Lane, Opening, Seat, Serves, Wanted};
pub use self::{
    flows::{FlowStatus, Flows, ObjectStatus},
    lane::{ClientStatus, LaneStatus},
    settings::{Page, RealTime},
};
use self::{group::Groups, keeper::Errand};
use crate::ActivateError;

/// How an adapter comes by guarantees.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    settings: RealTime,
    running: Mutex<Weak<Running>>,
    /// Lanes of objects that have none of their own.
    pub(crate) guests: Arc<Guests>,
    groups: Groups,
    flows: Flows,
}

/// What runs while there is an object with a guarantee.
#[derive(Debug)]
pub(crate) struct Running {
    /// Whether clients may ask for something for their own flows.
    hears_clients: bool,
    /// What is granted.
    book: Mutex<Admission>,
    executive: Executive,
    /// To the thread that looks after lanes.
    errands: mpsc::Sender<Errand>,
    flows: Flows,
}

impl Lanes {
    pub(crate) fn new(settings: RealTime) -> Self {
        Self {
            settings,
            running: Mutex::default(),
            guests: Arc::default(),
            groups: Groups::default(),
            flows: Flows::default(),
        }
    }

    /// Returns the flows that run, for whoever looks at them.
    pub(crate) fn flows(&self) -> &Flows {
        &self.flows
    }

    /// Returns what is asked for an object: the QoS file's entry under the request that counts; and how long its servant
    /// takes at most, if that is declared anywhere.
    pub(crate) fn request(
        &self,
        poa_path: &str,
        object_id: &[u8],
        idl: Option<Qos>,
        activation: Option<Qos>,
    ) -> (Request, Option<Duration>) {
        let entry = self
            .settings
            .file
            .as_ref()
            .and_then(|file| file.find(poa_path, object_id));
        let mut request = entry.map_or_else(|| Request::new(Qos::default()), |entry| entry.request.clone());
        let sources = Sources {
            idl,
            file: entry.map(|entry| entry.request.qos.clone()),
            activation,
            client: None,
        };
        let worst_case = sources.worst_case();
        request.qos = sources.resolve();
        (request, worst_case)
    }

    /// Returns what runs guarantees; starts it if nobody has one.
    pub(crate) fn running(&self) -> Result<Arc<Running>, ActivateError> {
        let mut running = self.running.lock();
        if let Some(running) = running.upgrade() {
            return Ok(running);
        }
        let started = Arc::new(self.start().map_err(ActivateError::NoGuarantees)?);
        *running = Arc::downgrade(&started);
        Ok(started)
    }

    fn start(&self) -> Result<Running, String> {
        let calibration = self.settings.calibration()?;
        let cpus: Vec<usize> = calibration.machine.cpus.iter().map(|cpu| *cpu as usize).collect();
        let builder = Executive::builder().cpus(cpus);
        let builder = match &self.settings.page {
            Page::OfUser => builder,
            Page::At(path) => builder.page(Some(path.clone())),
            Page::None => builder.page(None),
        };
        let executive = builder.build().map_err(|error| error.to_string())?;
        let errands = keeper::start().map_err(|error| error.to_string())?;
        tracing::debug!(cpus = ?calibration.machine.cpus, "guarantees are granted");
        Ok(Running {
            hears_clients: self.settings.client_requests,
            book: Mutex::new(Admission::new(calibration.machine, calibration.costs)),
            executive,
            errands,
            flows: self.flows.clone(),
        })
    }
}

impl Running {
    /// Returns the CPU for a flow on best-effort time: where guarantees leave most.
    fn calmest(&self) -> Option<u32> {
        let book = self.book.lock();
        let load = |cpu: &u32| book.load(*cpu).unwrap_or(1.0);
        self.executive
            .cpus()
            .filter_map(|cpu| u32::try_from(cpu).ok())
            .min_by(|one, other| load(one).total_cmp(&load(other)))
    }
}

/// What somebody is told that there is no room for.
fn no_resources(text: String) -> SystemException {
    SystemException::new(SystemExceptionKind::NoResources, minor::UPCALL, Completed::No).with_message(text)
}

/// Returns how fast a flow sends by its plan. One without a period would have to be told when it is time again.
fn pace(plan: &Plan) -> Option<Pace> {
    let pacing = plan
        .pacing
        .filter(|_| plan.parameters().class == Class::Periodic)?;
    Some(Pace {
        rate: pacing.rate.try_into().ok()?,
        burst: pacing.burst,
    })
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client's end of a flow: what its callers have queued, sent by a real-time upcall.

use std::{
    fmt,
    sync::Arc,
    task::{Wake, Waker},
};

use orb_core::{
    exception::{Result, SystemException},
    flow::{Drained, FlowPlan, FlowPlanner, FlowTerms, Outlet},
    object::ObjectRef,
    qos::Qos,
};
use parking_lot::Mutex;
use qos_mapper::{End, Grant, Request, describe};
use rtu::{
    Activation, Class, Outcome, Upcall,
    executive::{Notifier, Rtu, Spec},
};

use super::{Running, flows::Listing, no_resources, progress::Progress};
use crate::ObjectAdapter;

impl FlowPlanner for ObjectAdapter {
    fn admit(&self, object: &ObjectRef, qos: &Qos) -> Result<Box<dyn FlowPlan>> {
        let name = name(object);
        let running = self
            .lanes()
            .running()
            .map_err(|error| cannot_have(&name, qos, &error))?;
        let request = Request::at_client(qos.clone());
        let grant = running
            .negotiate(|book| book.admit(&format!("a flow to {name}"), &request))
            .map_err(|refusal| cannot_have(&name, qos, &refusal))?;
        Ok(Box::new(OwnFlow {
            name,
            running,
            now: Mutex::new(Now { grant, runs: None }),
        }))
    }
}

/// What reports and refusals call an object that is elsewhere: its type, or its place if that is not known.
fn name(object: &ObjectRef) -> String {
    let ior = object.ior();
    match ior.iiop_profiles().next() {
        Some(profile) if ior.type_id.is_empty() => format!("{}:{}", profile.host, profile.port),
        _ => ior.type_id.clone(),
    }
}

fn cannot_have(name: &str, qos: &Qos, why: &dyn fmt::Display) -> SystemException {
    no_resources(format!(
        "a flow to {name} cannot be had at this end with {}: {why}",
        describe(qos)
    ))
}

/// What was admitted for the client's end of a flow, and the upcall that sends there.
#[derive(Debug)]
struct OwnFlow {
    /// What the object is, as far as the client knows.
    name: String,
    running: Arc<Running>,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    grant: Grant,
    runs: Option<(Rtu, Listing)>,
}

impl FlowPlan for OwnFlow {
    fn terms(&self) -> FlowTerms {
        let now = self.now.lock();
        let plan = &now.grant.plan;
        let bytes = |ring| usize::try_from(ring).unwrap_or(usize::MAX);
        let rings = plan.rings.unwrap_or(qos_mapper::Rings { receive: 0, send: 0 });
        FlowTerms {
            period: plan.rtu.period.into(),
            messages: plan.rtu.batch,
            receive: bytes(rings.receive),
            send: bytes(rings.send),
        }
    }

    fn renegotiate(&self, qos: &Qos) -> Result<()> {
        let mut now = self.now.lock();
        let request = Request::at_client(qos.clone());
        now.grant.plan = self
            .running
            .negotiate(|book| book.renegotiate(now.grant.id, &request))
            .map_err(|error| cannot_have(&self.name, qos, &error))?;
        Ok(())
    }

    fn start(&self, outlet: Outlet) -> Result<()> {
        let mut now = self.now.lock();
        let plan = &now.grant.plan;
        let link = Arc::clone(outlet.link());
        let progress = Arc::new(Progress::default());
        let spec =
            Spec::new(format!("{} {}", self.name, link.peer()), plan.parameters()).batch(plan.rtu.batch);
        let reactive = plan.rtu.class != Class::Periodic;
        let cpu = plan.cpu.unwrap_or_default();
        let noted = Arc::clone(&progress);
        let added = self.running.executive.add_with(spec, cpu as usize, |notifier| {
            if reactive {
                outlet.wake_by(Waker::from(Arc::new(Bell(notifier))));
            }
            Box::new(Sending {
                outlet,
                progress: noted,
                left: None,
            })
        });
        let rtu = added.map_err(|error| cannot_have(&self.name, &plan.qos, &error))?;
        // What was queued before it could be woken is there too.
        rtu.notify();
        let flows = &self.running.flows;
        let listing = flows.list(End::Client, &self.name, &link, plan, &progress, rtu.meter());
        now.runs = Some((rtu, listing));
        Ok(())
    }

    fn stop(&self) {
        let runs = self.now.lock().runs.take();
        if let Some((rtu, _)) = runs {
            // Waits for the upcall; what it could not send yet it sends when it is dropped.
            drop(rtu.remove());
        }
    }
}

impl Drop for OwnFlow {
    fn drop(&mut self) {
        self.stop();
        self.running.release([self.now.get_mut().grant.id]);
    }
}

/// Notifies the upcall of a flow that has no period.
struct Bell(Notifier);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.notify();
    }
}

/// The handler: sends what is queued, within the batch of the plan.
struct Sending {
    outlet: Outlet,
    progress: Arc<Progress>,
    /// What is left of the batch of an activation that was not done.
    left: Option<u32>,
}

impl Upcall for Sending {
    fn upcall(&mut self, cx: &mut Activation<'_>) -> Outcome {
        let mut left = self.left.take().unwrap_or_else(|| cx.batch());
        let mut yields = false;
        let drained = self.outlet.run(|| {
            left = left.saturating_sub(1);
            if left > 0 {
                yields = cx.should_yield();
            }
            left > 0 && !yields
        });
        self.progress.note(self.outlet.sent(), self.outlet.octets());
        match drained {
            Drained::NotYet if yields => {
                self.left = Some(left);
                return Outcome::NotDone;
            }
            // The next activation goes on with it.
            Drained::NotYet => cx.again(),
            Drained::Empty | Drained::Ended => {}
        }
        Outcome::Done
    }
}

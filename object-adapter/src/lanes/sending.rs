// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client's end of a flow: what its callers have queued, sent by a real-time upcall.

use std::{
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    task::{Wake, Waker},
};

use orb_core::{
    exception::{Result, SystemException},
    flow::{Drained, FlowPlan, FlowPlanner, FlowTerms, Outlet},
    object::ObjectRef,
    qos::Qos,
};
use parking_lot::Mutex;
use qos_mapper::{End, Grant, Plan, Request, Supply, describe};
use rtu::{
    Activation, Class, Outcome, Upcall,
    executive::{Notifier, Rtu, Spec},
};

use super::{Running, flows::Listing, keeper::Errand, no_resources, pace, progress::Progress};
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
        Ok(Box::new(OwnFlow(Arc::new(Own {
            name,
            running,
            now: Mutex::new(Now { grant, runs: None }),
        }))))
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

/// Of so many activations, one looks at the window: over sockets that is a system call.
const LOOKS: u32 = 8;

#[derive(Debug)]
struct OwnFlow(Arc<Own>);

/// What was admitted for the client's end of a flow, and the upcall that sends there.
#[derive(Debug)]
pub(super) struct Own {
    /// What the object is, as far as the client knows.
    name: String,
    running: Arc<Running>,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    grant: Grant,
    runs: Option<Runs>,
}

#[derive(Debug)]
struct Runs {
    rtu: Rtu,
    supplied: Arc<Supplied>,
    listing: Listing,
}

/// What the upcall is run by beside its period; the plan changes it while it runs.
#[derive(Debug, Default)]
struct Supplied {
    batch: AtomicU32,
    window: Mutex<Supply>,
}

impl Supplied {
    fn change(&self, plan: &Plan, window: Option<u64>) {
        self.batch.store(plan.rtu.batch, Ordering::Relaxed);
        self.window.lock().plan(plan, window);
    }
}

impl FlowPlan for OwnFlow {
    fn terms(&self) -> FlowTerms {
        let now = self.0.now.lock();
        let plan = &now.grant.plan;
        let bytes = |ring| usize::try_from(ring).unwrap_or(usize::MAX);
        let rings = plan.rings.unwrap_or(qos_mapper::Rings { receive: 0, send: 0 });
        FlowTerms {
            period: plan.rtu.period.into(),
            messages: plan.rtu.batch,
            receive: bytes(rings.receive),
            send: bytes(rings.send),
            pace: pace(plan),
        }
    }

    fn renegotiate(&self, qos: &Qos) -> Result<()> {
        let own = &self.0;
        let mut now = own.now.lock();
        let request = Request::at_client(qos.clone());
        now.grant.plan = own
            .running
            .negotiate(|book| book.renegotiate(now.grant.id, &request))
            .map_err(|error| cannot_have(&own.name, qos, &error))?;
        Ok(())
    }

    fn start(&self, outlet: Outlet) -> Result<()> {
        let own = &self.0;
        let mut now = own.now.lock();
        let plan = &now.grant.plan;
        let link = Arc::clone(outlet.link());
        let progress = Arc::new(Progress::default());
        let spec =
            Spec::new(format!("{} {}", own.name, link.peer()), plan.parameters()).batch(plan.rtu.batch);
        let reactive = plan.rtu.class != Class::Periodic;
        let cpu = plan.cpu.unwrap_or_default();
        let noted = Arc::clone(&progress);
        let supplied = Arc::new(Supplied::default());
        supplied.change(plan, None);
        let added = own.running.executive.add_with(spec, cpu as usize, |notifier| {
            if reactive {
                outlet.wake_by(Waker::from(Arc::new(Bell(notifier))));
            }
            Box::new(Sending {
                outlet,
                own: Arc::downgrade(own),
                errands: own.running.errands.clone(),
                supplied: Arc::clone(&supplied),
                progress: noted,
                left: None,
                activations: 0,
            })
        });
        let rtu = added.map_err(|error| cannot_have(&own.name, &plan.qos, &error))?;
        // What was queued before it could be woken is there too.
        rtu.notify();
        let flows = &own.running.flows;
        let listing = flows.list(End::Client, &own.name, &link, plan, &progress, rtu.meter());
        now.runs = Some(Runs {
            rtu,
            supplied,
            listing,
        });
        Ok(())
    }

    fn stop(&self) {
        self.0.stop();
    }
}

impl Own {
    fn stop(&self) {
        let runs = self.now.lock().runs.take();
        if let Some(Runs { rtu, .. }) = runs {
            // Waits for the upcall; what it could not send yet it sends when it is dropped.
            drop(rtu.remove());
        }
    }

    /// Plans for the window that the connection has: less than the plan has room for is supplied more often.
    pub(super) fn supply(&self, window: u64) {
        let mut now = self.now.lock();
        let Now { grant, runs } = &mut *now;
        let Some(runs) = runs else { return };
        let request = Request {
            // An RTU stays where its handler is.
            cpu: grant.plan.cpu,
            window: Some(window),
            ..Request::at_client(grant.plan.qos.clone())
        };
        match self
            .running
            .negotiate(|book| book.renegotiate(grant.id, &request))
        {
            Ok(plan) => {
                runs.supplied.change(&plan, Some(window));
                runs.listing.change(&plan);
                // An RTU that is not there any more is about to be let go.
                let _ = runs.rtu.change(plan.parameters());
                grant.plan = plan;
            }
            Err(error) => tracing::warn!(
                object = self.name,
                window,
                %error,
                "a window is too small for the plan, and supplying it more often does not fit: the plan stays as it was"
            ),
        }
    }
}

impl Drop for Own {
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
    own: Weak<Own>,
    errands: mpsc::Sender<Errand>,
    supplied: Arc<Supplied>,
    progress: Arc<Progress>,
    /// What is left of the batch of an activation that was not done.
    left: Option<u32>,
    activations: u32,
}

impl Sending {
    /// Has the flow planned anew when its window calls for that.
    fn look_at_window(&mut self) {
        let due = self.activations.is_multiple_of(LOOKS);
        self.activations = self.activations.wrapping_add(1);
        if !due {
            return;
        }
        // Who holds the lock changes the plan: then it is for the next time.
        let window = self.supplied.window.try_lock().and_then(|mut supply| {
            let windows = supply.counts().then(|| self.outlet.link().windows())??;
            supply.observe(windows.send as u64)
        });
        if let Some(window) = window {
            // Who looks after flows goes only when nobody is left to report.
            let _ = self.errands.send(Errand::Supply(Weak::clone(&self.own), window));
        }
    }
}

impl Upcall for Sending {
    fn upcall(&mut self, cx: &mut Activation<'_>) -> Outcome {
        let mut left = self
            .left
            .take()
            .unwrap_or_else(|| self.supplied.batch.load(Ordering::Relaxed));
        let mut yields = false;
        let drained = self.outlet.run(|| {
            left = left.saturating_sub(1);
            if left > 0 {
                yields = cx.should_yield();
            }
            left > 0 && !yields
        });
        self.progress.note(self.outlet.sent(), self.outlet.octets());
        self.look_at_window();
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

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The flows of all lanes, for whoever looks at what they do.
//!
//! It stands beside the lanes: who looks neither waits for them nor keeps one open, and a flow notices nothing.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use orb_core::transport::{Endpoint, Link};
use parking_lot::Mutex;
use qos_mapper::{End, Plan};
use rtu::scheduler::{Account, Meter};

use super::progress::Progress;

/// The flows of an adapter's objects with a guarantee. Cheap to clone, and always up to date.
#[derive(Clone, Debug, Default)]
pub struct Flows(Arc<Listed>);

#[derive(Debug, Default)]
struct Listed {
    flows: Mutex<BTreeMap<u64, Entry>>,
    next: AtomicU64,
    /// What the flows of objects did that are gone, while their lanes are there.
    gone: Mutex<BTreeMap<Arc<str>, ObjectStatus>>,
}

#[derive(Clone, Debug)]
struct Entry {
    object: Arc<str>,
    link: Weak<dyn Link>,
    peer: Endpoint,
    end: End,
    plan: Arc<Plan>,
    progress: Arc<Progress>,
    meter: Arc<Meter>,
}

/// What one end of a flow with a guarantee is to do, and did so far: a client's to an object of this ORB, or one of this ORB's
/// own to an object elsewhere.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FlowStatus {
    /// Which one: no other flow of the adapter has this number.
    pub id: u64,
    /// The object, by the path of its POA and its id, or by its type where the adapter made the id or the object is elsewhere.
    pub object: Arc<str>,
    /// The other end's address.
    pub peer: Endpoint,
    /// Which end it is.
    pub end: End,
    /// What is granted.
    pub plan: Arc<Plan>,
    /// Messages that were served, or, at the client's end, sent by its upcall.
    pub served: u64,
    /// Octets that were received, or sent likewise.
    pub received: u64,
    /// What its upcall did.
    pub upcall: Account,
}

/// What all clients of an object with a guarantee did so far, those that have left included.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ObjectStatus {
    /// The object, as in [`FlowStatus::object`]. Objects of one name are counted together.
    pub object: Arc<str>,
    /// What is granted to each client.
    pub plan: Arc<Plan>,
    /// How many clients there are now.
    pub clients: usize,
    /// Messages that were served.
    pub served: u64,
    /// Octets that were received.
    pub received: u64,
    /// What the upcalls did.
    pub upcall: Account,
}

/// A flow that is listed until this is dropped.
#[derive(Debug)]
pub(super) struct Listing {
    flows: Flows,
    id: u64,
}

impl Flows {
    /// Returns what each of them does, in the order in which they came.
    #[must_use]
    pub fn read(&self) -> Vec<FlowStatus> {
        // Reading histograms takes its time, in which nobody is to wait.
        let flows = self.0.flows.lock().clone();
        flows.into_iter().map(|(id, entry)| entry.status(id)).collect()
    }

    /// Returns what the clients of each object do and did, ordered by name; of objects whose lanes are there and had any.
    #[must_use]
    pub fn objects(&self) -> Vec<ObjectStatus> {
        // Both at one time, so that a flow that goes meanwhile is seen once.
        let (mut objects, flows) = {
            let gone = self.0.gone.lock();
            (gone.clone(), self.0.flows.lock().clone())
        };
        for (id, entry) in flows.into_iter().filter(|(_, entry)| entry.end == End::Server) {
            let flow = entry.status(id);
            add(&mut objects, flow, 1);
        }
        objects.into_values().collect()
    }

    /// Returns what a flow travels on, by [`FlowStatus::id`]; `None` once it has ended.
    #[must_use]
    pub fn link(&self, flow: u64) -> Option<Arc<dyn Link>> {
        self.0.flows.lock().get(&flow)?.link.upgrade()
    }

    /// Forgets what the clients of an object did.
    pub(super) fn forget(&self, object: &str) {
        self.0.gone.lock().remove(object);
    }

    /// Lists one end of a flow for as long as the listing is kept.
    pub(super) fn list(
        &self,
        end: End,
        object: &str,
        link: &Arc<dyn Link>,
        plan: &Plan,
        progress: &Arc<Progress>,
        meter: Arc<Meter>,
    ) -> Listing {
        let entry = Entry {
            object: object.into(),
            peer: link.peer().clone(),
            link: Arc::downgrade(link),
            end,
            plan: Arc::new(plan.clone()),
            progress: Arc::clone(progress),
            meter,
        };
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.0.flows.lock().insert(id, entry);
        Listing {
            flows: self.clone(),
            id,
        }
    }
}

impl Entry {
    fn status(self, id: u64) -> FlowStatus {
        FlowStatus {
            id,
            served: self.progress.messages(),
            received: self.progress.octets(),
            upcall: self.meter.read(),
            object: self.object,
            peer: self.peer,
            end: self.end,
            plan: self.plan,
        }
    }
}

impl Listing {
    /// Takes note of another plan.
    pub(super) fn change(&self, plan: &Plan) {
        if let Some(entry) = self.flows.0.flows.lock().get_mut(&self.id) {
            entry.plan = Arc::new(plan.clone());
        }
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        let listed = &self.flows.0;
        // Under both locks, so that nobody sees it twice or not at all.
        let mut gone = listed.gone.lock();
        if let Some(entry) = listed.flows.lock().remove(&self.id)
            && entry.end == End::Server
        {
            add(&mut gone, entry.status(self.id), 0);
        }
    }
}

/// Adds what a flow did to what those of its object did.
fn add(objects: &mut BTreeMap<Arc<str>, ObjectStatus>, flow: FlowStatus, clients: usize) {
    let object = objects
        .entry(Arc::clone(&flow.object))
        .or_insert_with(|| ObjectStatus {
            object: flow.object,
            plan: Arc::clone(&flow.plan),
            clients: 0,
            served: 0,
            received: 0,
            upcall: Account::default(),
        });
    object.plan = flow.plan;
    object.clients += clients;
    object.served += flow.served;
    object.received += flow.received;
    object.upcall.merge(&flow.upcall);
}

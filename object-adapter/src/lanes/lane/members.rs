// SPDX-License-Identifier: MIT OR Apache-2.0
//! The objects of a lane, and the plan that covers any of them.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock, Weak},
};

use orb_core::qos::Qos;
use qos_mapper::{Admission, FlowCost, Refusal, RenegotiationError, Request, join};

use super::{Clients, Lane, ask};
use crate::{ActivateError, PoaManager, adapter::Shared, lanes::keeper::Errand};

/// Whom requests on a lane may be for.
#[derive(Clone, Debug)]
pub(crate) enum Serves {
    /// The object with this key, in a POA with this manager.
    One {
        key: Arc<OnceLock<Box<[u8]>>>,
        manager: PoaManager,
    },
    /// The objects of this adapter that have a seat there.
    Group(Weak<Shared>),
}

/// An object's place on a lane, until it is dropped. The lane is closed with the last one.
pub(crate) struct Seat {
    lane: Arc<Lane>,
    member: u64,
}

impl Seat {
    pub(super) fn new(lane: Arc<Lane>, member: u64) -> Self {
        Self { lane, member }
    }

    pub(crate) fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    /// Changes what is asked for the object, for all clients that are there and ask for nothing themselves, and those to come.
    pub(crate) fn change(&self, qos: Qos) -> Result<(), Refusal> {
        self.lane.change(self.member, qos)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Serves::One { .. } = self.lane.serves {
            return;
        }
        // A real-time thread that served the object's last request may be here, and waits for no lock.
        if let Some(mut clients) = self.lane.clients.try_lock() {
            clients.members.remove(&self.member);
            if clients.members.is_empty() {
                // The lane ends here and now, and with it all that was granted.
                return;
            }
        }
        // Who looks after lanes goes only when no lane is left.
        let _ = self.lane.running.errands.send(Errand::Leave {
            lane: Arc::downgrade(&self.lane),
            member: self.member,
        });
    }
}

impl Lane {
    /// Takes an object in, if there is room for what the lane costs with it.
    pub(in crate::lanes) fn join(self: &Arc<Self>, request: Request) -> Result<Seat, ActivateError> {
        let mut clients = self.clients.lock();
        let member = clients.next_member;
        let mut members = clients.members.clone();
        members.insert(member, request);
        self.cover(&mut clients, members)
            .map_err(|refusal| ActivateError::Refused {
                object: self.name.clone(),
                refusal: Box::new(refusal),
            })?;
        clients.next_member += 1;
        Ok(Seat::new(Arc::clone(self), member))
    }

    /// Lets an object go, and gives back what its requests cost more than those of the others.
    pub(in crate::lanes) fn leave(&self, member: u64) {
        let mut clients = self.clients.lock();
        let mut members = clients.members.clone();
        members.remove(&member);
        // The last one leaves with the lane.
        if !members.is_empty()
            && let Err(refusal) = self.cover(&mut clients, members)
        {
            tracing::warn!(object = self.name, %refusal, "a lane keeps what an object needed that has left");
        }
        clients.members.remove(&member);
    }

    fn change(&self, member: u64, qos: Qos) -> Result<(), Refusal> {
        let mut clients = self.clients.lock();
        let mut members = clients.members.clone();
        if let Some(request) = members.get_mut(&member) {
            request.qos = self.weighed(qos);
        }
        self.cover(&mut clients, members)
    }

    /// Asks for what covers these objects.
    fn cover(&self, clients: &mut Clients, members: BTreeMap<u64, Request>) -> Result<(), Refusal> {
        let mut requests = members.values();
        let wanted = match (requests.next(), requests.next()) {
            (Some(only), None) => only.clone(),
            _ => join(members.values())?,
        };
        let measured = clients.request.measured.filter(|cost| self.counts(cost, &wanted));
        self.ask_for_all(clients, Request { measured, ..wanted })?;
        clients.members = members;
        Ok(())
    }

    /// Tells whether what was measured counts beside what is declared, which is only ever corrected upwards.
    fn counts(&self, measured: &FlowCost, wanted: &Request) -> bool {
        let Some(declared) = wanted.qos.declared_worst_case() else {
            return true;
        };
        let book = self.running.book.lock();
        measured.message > book.costs().of_flow(&wanted.types, declared.into()).message
    }

    /// Asks for another plan for the clients that are there and those to come: for all of them, or for none. For those who
    /// ask for something themselves only what their messages cost may be another.
    fn ask_for_all(&self, clients: &mut Clients, wanted: Request) -> Result<(), Refusal> {
        let Clients {
            request,
            spare,
            connected,
            ..
        } = clients;
        if *request == wanted {
            return Ok(());
        }
        let theirs = connected.values().filter_map(|client| {
            let after = match &client.own {
                None => wanted.clone(),
                own => self.wants(&wanted, own.clone()),
            };
            let same = client.own.is_some() && self.wants(request, client.own.clone()) == after;
            (!same).then_some((client.grant.id, Some(client.cpu), client.wants(&after)))
        });
        let kept = spare.iter().map(|grant| (grant.id, None, wanted.clone()));
        let asked: Vec<_> = kept.chain(theirs).collect();
        let all = |book: &mut Admission| {
            let plans = asked
                .iter()
                .map(|(id, cpu, wanted)| Ok((*id, ask(book, *id, *cpu, wanted)?)));
            plans.collect::<Result<BTreeMap<_, _>, RenegotiationError>>()
        };
        let mut plans = match self.running.negotiate(all) {
            Ok(plans) => plans,
            Err(RenegotiationError::Refused(refusal)) => return Err(refusal),
            // Clients only have grants that are in the book.
            Err(RenegotiationError::Unknown) => BTreeMap::new(),
        };
        if let Some(grant) = spare
            && let Some(plan) = plans.remove(&grant.id)
        {
            grant.plan = plan;
        }
        for client in connected.values_mut() {
            if let Some(plan) = plans.remove(&client.grant.id) {
                client.adopt(plan);
            }
        }
        *request = wanted;
        Ok(())
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat")
            .field("lane", &self.lane)
            .field("member", &self.member)
            .finish()
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What clients ask for their own flows.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use orb_core::{
    exception::SystemException,
    qos::{Granted, Qos},
    servant::{Adapter, Located, Reply, Request as Incoming},
    server::{Asking, Flow, FlowConfig, Server, Verdict},
    transport::Link,
};
use qos_mapper::{Grant, Plan, Refusal, Request, Sources, describe};

use super::{Clients, Connected, Lane};
use crate::lanes::no_resources;

/// How a client comes to a lane.
pub(super) enum Arrival<'a> {
    /// To its endpoint.
    Here(&'a Server, Arc<dyn Link>),
    /// From elsewhere, and is granted what it asks for.
    Asking(Box<Asking>, Granted),
}

impl Arrival<'_> {
    pub(super) fn adapter(&self) -> &Arc<dyn Adapter> {
        match self {
            Self::Here(server, _) => server.adapter(),
            Self::Asking(asking, _) => asking.adapter(),
        }
    }

    pub(super) fn into_flow(self, config: FlowConfig) -> Option<Flow> {
        match self {
            Self::Here(server, link) => server.adopt(link, config),
            Self::Asking(asking, granted) => asking.into_flow(config, granted),
        }
    }
}

impl Lane {
    /// Decides on what a client asks for itself; if that is refused, it keeps what it has.
    pub(in crate::lanes) fn ask(&self, client: u64, qos: Qos) {
        let mut clients = self.clients.lock();
        let Clients {
            request, connected, ..
        } = &mut *clients;
        let Some(connected) = connected.get_mut(&client) else {
            return;
        };
        let verdict = if self.running.hears_clients {
            self.decide(request, connected, qos)
        } else {
            Verdict::Unheard
        };
        connected.terms.decide(verdict);
        connected.rtu.notify();
    }

    fn decide(&self, object: &Request, client: &mut Connected, asked: Qos) -> Verdict {
        let wanted = self.wants(object, Some(asked.clone()));
        match self.renegotiate(client, &wanted) {
            Ok(()) => {
                client.own = Some(asked);
                Verdict::Granted(granted(&client.grant.plan))
            }
            Err(error) => {
                tracing::debug!(object = self.name, %error, "what a client asks for is refused");
                Verdict::Refused(self.cannot_have(&wanted, &error))
            }
        }
    }

    /// Takes over a client that asks on a connection from elsewhere.
    pub(crate) fn take_over(self: &Arc<Self>, asking: Asking) -> Option<Verdict> {
        if !self.running.hears_clients {
            return Some(Verdict::Unheard);
        }
        let mut clients = self.clients.lock();
        let own = Some(asking.qos().clone());
        let wanted = self.wants(&clients.request, own.clone());
        match self.admit(&clients, &wanted) {
            Ok(grant) => {
                let granted = granted(&grant.plan);
                self.connect(
                    &mut clients,
                    Arrival::Asking(Box::new(asking), granted),
                    grant,
                    own,
                );
                None
            }
            Err(refusal) => Some(Verdict::Refused(self.cannot_have(&wanted, &refusal))),
        }
    }

    /// Takes back what a client had; if that was something else than the object asks for, the next one has that again.
    pub(super) fn give_back(&self, clients: &mut Clients, mut grant: Grant, other: bool) {
        if other && clients.spare.is_none() {
            let object = &clients.request;
            match self.running.negotiate(|book| book.renegotiate(grant.id, object)) {
                Ok(plan) => grant.plan = plan,
                Err(error) => {
                    tracing::warn!(object = self.name, %error, "nothing is kept for the next client");
                    return self.running.release([grant.id]);
                }
            }
        }
        self.keep(clients, grant);
    }

    /// Returns what is asked for a client: its own request before the object's. How long the servant takes is the object's
    /// to say.
    pub(super) fn wants(&self, object: &Request, own: Option<Qos>) -> Request {
        let sources = Sources {
            activation: Some(object.qos.clone()),
            client: own.map(|qos| self.weighed(qos)),
            ..Sources::default()
        };
        let qos = sources.resolve();
        let qos = match (qos.declared_worst_case(), self.worst_case) {
            (None, Some(declared)) => qos.worst_case(declared),
            _ => qos,
        };
        Request {
            qos,
            ..object.clone()
        }
    }

    /// Returns the request with the weight that the object's priority gives it, if it is best effort.
    pub(super) fn weighed(&self, qos: Qos) -> Qos {
        match qos {
            Qos::BestEffort(asked) => Qos::best_effort(asked.weight.saturating_mul(self.weight)),
            guaranteed => guaranteed,
        }
    }

    fn cannot_have(&self, wanted: &Request, why: &dyn fmt::Display) -> SystemException {
        no_resources(format!(
            "`{}` cannot be had with {}: {why}",
            self.name,
            describe(&wanted.qos)
        ))
    }
}

/// Who serves a client that there was no room for: it is told so, unless it asks for something that there is room for.
#[derive(Debug)]
pub(super) struct Crowded {
    /// It may end first.
    lane: Weak<Lane>,
    why: String,
}

impl Crowded {
    pub(super) fn new(lane: &Arc<Lane>, refusal: &Refusal) -> Self {
        Self {
            lane: Arc::downgrade(lane),
            why: format!(
                "`{}` has no guarantee left for another client: {refusal}",
                lane.name
            ),
        }
    }
}

impl Adapter for Crowded {
    fn dispatch(&self, _: &Incoming<'_>, _: &mut orb_core::cdr::Decoder<'_>, reply: &mut Reply<'_>) {
        reply.system(&no_resources(self.why.clone()));
    }

    fn locate(&self, _: &[u8]) -> Located {
        // The request that follows is told more than a locate reply could say before GIOP 1.2.
        Located::Here
    }

    fn negotiate(&self, asking: Asking) -> Option<Verdict> {
        match self.lane.upgrade() {
            Some(lane) => lane.take_over(asking),
            None => Some(Verdict::Unheard),
        }
    }
}

/// What a client is told that was granted what it asked for.
pub(super) fn granted(plan: &Plan) -> Granted {
    Granted {
        qos: plan.qos.clone(),
        probation: plan.probation,
        period: plan.rtu.period.into(),
        messages: plan.rtu.batch,
        deadline: plan.rtu.deadline.into(),
    }
}

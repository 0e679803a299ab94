// SPDX-License-Identifier: MIT OR Apache-2.0
//! A lane: the endpoints of an object with a guarantee, or of a group of them, and the clients that came there.

mod late;
mod members;
mod own;
mod supply;

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::{Arc, OnceLock, Weak},
    time::{Duration, Instant},
};

use orb_core::{
    exception::{Completed, SystemException, SystemExceptionKind, minor},
    qos::Qos,
    rtcorba::ProtocolList,
    server::{Asking, FlowConfig, Gate, Reception, Server},
    transport::{Endpoint, Link, Listener},
};
use parking_lot::Mutex;
use qos_mapper::{
    Admission, Correction, Corrector, End, FlowCost, Grant, GrantId, Plan, Refusal, RenegotiationError,
    Request,
};
use rtu::{
    Nanos,
    executive::{Rtu, Spec},
    scheduler::Counts,
};

pub(crate) use self::members::{Seat, Serves};
use self::own::{Arrival, Crowded, granted};
use super::{
    Running,
    client::{Client, Home, Terms},
    flows::Listing,
    guard::Guard,
    guests::{Guests, Host},
    pace,
};
use crate::{ActivateError, LaneSite, ReferenceFactory};

/// A lane. Dropping it ends its connections, and gives back all that was granted.
pub(crate) struct Lane {
    /// What reports and refusals call the object or the group.
    name: String,
    /// Where clients come: over TCP, over the fabric, or both.
    endpoints: Vec<Endpoint>,
    /// Who is told when these are closed; none for a lane without one, for clients that ask for something elsewhere.
    references: Option<Arc<dyn ReferenceFactory>>,
    running: Arc<Running>,
    server: Weak<Server>,
    serves: Serves,
    gates: OnceLock<Vec<Gate>>,
    /// How long the servant takes at most, whatever is asked for.
    worst_case: Option<Duration>,
    /// So many times the weight that is asked for do flows on best-effort time have.
    weight: u32,
    /// Among whom it is, if it ends with its last client.
    guests: Weak<Guests>,
    clients: Mutex<Clients>,
}

struct Clients {
    /// What is asked for each of the objects.
    members: BTreeMap<u64, Request>,
    next_member: u64,
    /// What covers any of them.
    request: Request,
    /// What was granted at activation, while no client has it.
    spare: Option<Grant>,
    connected: BTreeMap<u64, Connected>,
    next: u64,
    /// Connections that wait for one of these to leave.
    late: usize,
    /// Messages of clients that have left.
    served: u64,
}

struct Connected {
    rtu: Rtu,
    /// Where the RTU is, and stays.
    cpu: u32,
    link: Arc<dyn Link>,
    grant: Grant,
    terms: Arc<Terms>,
    /// What the client asked for itself, if it was granted that.
    own: Option<Qos>,
    /// What its connection's window was found to be, in bytes, if the plan counts that.
    window: Option<u64>,
    listing: Listing,
}

/// For what a lane is opened.
pub(crate) struct Wanted {
    /// What reports and refusals call it.
    pub(crate) name: String,
    pub(crate) request: Request,
    /// What its connections are like, if not as the ORB's.
    pub(crate) protocols: ProtocolList,
    /// So many times the weight that is asked for do flows on best-effort time have.
    pub(crate) weight: u32,
    pub(crate) serves: Serves,
}

/// A lane that is about to be: granted and bound, while nobody is let in.
pub(crate) struct Opening {
    lane: Arc<Lane>,
    listeners: Vec<Box<dyn Listener>>,
}

/// What a lane and its clients do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneStatus {
    /// Where it is: over TCP, over the fabric, or both.
    pub endpoints: Vec<Endpoint>,
    /// How many objects it is for: one, or those of a group that are active.
    pub objects: usize,
    /// Messages that were served, those of clients that have left included.
    pub served: u64,
    /// Its clients, in the order in which they came.
    pub clients: Vec<ClientStatus>,
}

/// What one client of a lane does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientStatus {
    /// Whether its guarantee holds: not while the cost of its messages is still being learned.
    pub guaranteed: bool,
    /// What it was granted: what the object asks for, unless it asked for something else itself.
    pub qos: Qos,
    /// The time from one activation to the next, or the shortest such time: that of the request, unless the connection's window
    /// calls for a shorter one. Zero on best-effort time.
    pub period: Duration,
    /// How many messages an activation serves at most.
    pub batch: u32,
    /// Messages that were served.
    pub served: u64,
    /// What its upcall did.
    pub upcall: Counts,
}

impl Opening {
    /// Asks for a lane: admits the first client beforehand, and binds its endpoints.
    pub(crate) fn new(
        running: Arc<Running>,
        references: Arc<dyn ReferenceFactory>,
        wanted: Wanted,
    ) -> Result<Self, ActivateError> {
        let Wanted {
            name,
            request,
            protocols,
            weight,
            serves,
        } = wanted;
        let granted = running.negotiate(|book| book.admit(&name, &request));
        let spare = granted.map_err(|refusal| ActivateError::Refused {
            object: name.clone(),
            refusal: Box::new(refusal),
        })?;
        let LaneSite {
            server,
            listeners,
            endpoints,
        } = references.open_lane(&protocols).map_err(|exception| {
            running.release([spare.id]);
            ActivateError::Reference(exception)
        })?;
        for listener in &listeners {
            set_buffers(listener.local(), &spare.plan, |receive, send| {
                listener.set_buffers(receive, send)
            });
        }
        let lane = Arc::new(Lane {
            name,
            endpoints,
            references: Some(references),
            running,
            server: Arc::downgrade(&server),
            serves,
            gates: OnceLock::new(),
            worst_case: request.qos.declared_worst_case(),
            weight,
            guests: Weak::new(),
            clients: Mutex::new(Clients {
                spare: Some(spare),
                ..Clients::of(request)
            }),
        });
        Ok(Self { lane, listeners })
    }

    /// Returns the seat of the first object.
    pub(crate) fn seat(&self) -> Seat {
        Seat::new(Arc::clone(&self.lane), 0)
    }

    /// Lets clients in: to the object with this key, or to those of the group.
    pub(crate) fn begin(self, object: Option<&[u8]>) -> Result<(), ActivateError> {
        let Self { lane, listeners } = self;
        let gone = || {
            SystemException::new(
                SystemExceptionKind::BadInvOrder,
                minor::ORB_HAS_SHUT_DOWN,
                Completed::No,
            )
        };
        if let (Serves::One { key, .. }, Some(object)) = (&lane.serves, object) {
            // An opening is used once.
            let _ = key.set(object.into());
        }
        let server = lane
            .server
            .upgrade()
            .ok_or_else(|| ActivateError::Reference(gone()))?;
        let entrance = Arc::new(Entrance(Arc::downgrade(&lane)));
        let gates = listeners
            .into_iter()
            .map(|listener| server.listen_for(listener, Arc::clone(&entrance) as _));
        let gates = gates.collect::<io::Result<_>>().map_err(|error| {
            ActivateError::NoGuarantees(format!(
                "the lane of `{}` cannot be listened at: {error}",
                lane.name
            ))
        })?;
        let _ = lane.gates.set(gates);
        tracing::debug!(object = lane.name, endpoints = ?lane.endpoints, "lane opened");
        Ok(())
    }
}

/// Lets clients into a lane for as long as it is there.
#[derive(Debug)]
struct Entrance(Weak<Lane>);

impl Reception for Entrance {
    fn receive(&self, link: Arc<dyn Link>) {
        if let Some(lane) = self.0.upgrade() {
            lane.let_in(link, None);
        }
    }
}

impl Lane {
    /// Makes a lane for clients that ask for something where the object has no lane; it ends with the last of them.
    pub(super) fn without_endpoint(
        running: Arc<Running>,
        guests: &Arc<Guests>,
        asking: &Asking,
        host: Host,
    ) -> Arc<Self> {
        Arc::new(Self {
            name: host.name,
            endpoints: vec![asking.local().clone()],
            references: None,
            running,
            server: Weak::new(),
            serves: Serves::One {
                key: Arc::new(OnceLock::from(Box::from(asking.object_key()))),
                manager: host.manager,
            },
            gates: OnceLock::new(),
            worst_case: host.worst_case,
            weight: host.weight,
            guests: Arc::downgrade(guests),
            clients: Mutex::new(Clients::of(host.request)),
        })
    }

    /// Returns the key of its object, if that is the only one.
    pub(super) fn key(&self) -> Option<&[u8]> {
        match &self.serves {
            Serves::One { key, .. } => key.get().map(|key| &**key),
            Serves::Group(_) => None,
        }
    }

    /// Tells whether it has no clients.
    pub(super) fn is_empty(&self) -> bool {
        self.clients.lock().connected.is_empty()
    }

    pub(super) fn serves(&self) -> &Serves {
        &self.serves
    }

    pub(crate) fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// Returns what is asked for the object, or what covers any of the group's.
    pub(crate) fn qos(&self) -> Qos {
        self.clients.lock().request.qos.clone()
    }

    pub(crate) fn status(&self) -> LaneStatus {
        let clients = self.clients.lock();
        let status = |client: &Connected| ClientStatus {
            guaranteed: client.grant.plan.task().is_some(),
            qos: client.grant.plan.qos.clone(),
            period: client.grant.plan.rtu.period.into(),
            batch: client.grant.plan.rtu.batch,
            served: client.terms.served(),
            upcall: client.rtu.counts(),
        };
        let connected: Vec<_> = clients.connected.values().map(status).collect();
        LaneStatus {
            endpoints: self.endpoints.clone(),
            objects: clients.members.len(),
            served: clients.served + connected.iter().map(|client| client.served).sum::<u64>(),
            clients: connected,
        }
    }

    /// Takes a client in, if there is room for it, or soon is; that it waits for at most once `until` is over.
    fn let_in(self: &Arc<Self>, link: Arc<dyn Link>, until: Option<Instant>) {
        let Some(server) = self.server.upgrade() else {
            return;
        };
        let mut clients = self.clients.lock();
        clients.late -= usize::from(until.is_some());
        let granted = match clients.spare.take() {
            Some(grant) => Ok(grant),
            None => self.admit(&clients, &clients.request),
        };
        match granted {
            Ok(grant) => self.connect(&mut clients, Arrival::Here(&server, link), grant, None),
            Err(refusal) => {
                let Some(link) = self.put_off(&mut clients, link, until) else {
                    return;
                };
                tracing::warn!(object = self.name, peer = %link.peer(), %refusal, "a client is refused");
                server.serve_once(link, Arc::new(Crowded::new(self, &refusal)));
            }
        }
    }

    fn admit(&self, clients: &Clients, request: &Request) -> Result<Grant, Refusal> {
        let name = format!("{} #{}", self.name, clients.next + 1);
        self.running.negotiate(|book| book.admit(&name, request))
    }

    fn connect(
        self: &Arc<Self>,
        clients: &mut Clients,
        arrival: Arrival<'_>,
        grant: Grant,
        own: Option<Qos>,
    ) {
        let client = clients.next;
        let terms = Arc::new(Terms::of(&grant.plan));
        match self.run(client, arrival, &grant.plan, &clients.request, &terms) {
            Some((rtu, cpu, link)) => {
                clients.next += 1;
                let flows = &self.running.flows;
                let connected = Connected {
                    listing: flows.list(
                        End::Server,
                        &self.name,
                        &link,
                        &grant.plan,
                        terms.progress(),
                        rtu.meter(),
                    ),
                    rtu,
                    cpu,
                    link,
                    grant,
                    terms,
                    own,
                    window: None,
                };
                clients.connected.insert(client, connected);
            }
            None => self.give_back(clients, grant, own.is_some()),
        }
    }

    /// Makes a connection the business of an RTU; `None` where there is no room for either.
    fn run(
        self: &Arc<Self>,
        client: u64,
        arrival: Arrival<'_>,
        plan: &Plan,
        request: &Request,
        terms: &Arc<Terms>,
    ) -> Option<(Rtu, u32, Arc<dyn Link>)> {
        let cpu = match plan.cpu {
            Some(cpu) => cpu,
            None => self.running.calmest()?,
        };
        let config = FlowConfig {
            max_message_size: terms.largest(),
            adapter: Arc::new(Guard::new(arrival.adapter(), self)?),
        };
        let flow = arrival.into_flow(config)?;
        let link = Arc::clone(flow.link());
        suit(&*link, plan);
        let home = Home {
            lane: Arc::downgrade(self),
            client,
            errands: self.running.errands.clone(),
        };
        let corrector = self.corrector(request);
        let spec =
            Spec::new(format!("{} {}", self.name, flow.peer()), plan.parameters()).batch(plan.rtu.batch);
        let added = self.running.executive.add_with(spec, cpu as usize, |notifier| {
            Box::new(Client::new(flow, notifier, home, Arc::clone(terms), corrector))
        });
        match added {
            Ok(rtu) => {
                // What came before it could be watched is there too.
                rtu.notify();
                Some((rtu, cpu, link))
            }
            Err(error) => {
                tracing::warn!(object = self.name, %error, "a client is refused");
                None
            }
        }
    }

    fn corrector(&self, request: &Request) -> Corrector {
        let book = self.running.book.lock();
        let declared = request.qos.declared_worst_case().or(self.worst_case);
        let declared = declared.map(Nanos::from);
        Corrector::new(book.costs(), &request.types, declared, Correction::default())
    }

    /// Keeps a grant that no client has for the next one, or gives it back.
    fn keep(&self, clients: &mut Clients, grant: Grant) {
        if clients.spare.is_none() {
            clients.spare = Some(grant);
        } else {
            self.running.release([grant.id]);
        }
    }

    /// Lets go of a client whose connection has ended.
    pub(super) fn let_go(&self, client: u64) {
        let mut clients = self.clients.lock();
        if let Some(connected) = clients.connected.remove(&client) {
            clients.served += connected.terms.served();
            let as_asked = connected.own.is_none() && connected.window.is_none();
            let Connected { rtu, grant, .. } = connected;
            self.give_back(&mut clients, grant, !as_asked);
            drop(clients);
            tracing::debug!(object = self.name, "a client has left its lane");
            // Waits for the upcall that saw the end; closes the connection.
            drop(rtu.remove());
            if let Some(guests) = self.guests.upgrade() {
                guests.leave(self);
            }
        }
    }

    /// Takes in what a client's messages cost: the end of a probation, or a correction.
    pub(super) fn correct(&self, client: u64, cost: FlowCost) {
        let mut clients = self.clients.lock();
        let Clients {
            request, connected, ..
        } = &mut *clients;
        request.measured = Some(cost);
        let Some(connected) = connected.get_mut(&client) else {
            return;
        };
        let wanted = self.wants(request, connected.own.clone());
        let before = granted(&connected.grant.plan);
        if let Err(error) = self.renegotiate(connected, &wanted) {
            // Not again for the same.
            connected.terms.expect(&cost);
            tracing::warn!(
                object = self.name,
                cost = %cost.message,
                %error,
                "messages cost something else than was planned, which does not fit: the plan stays as it was"
            );
            return;
        }
        let after = granted(&connected.grant.plan);
        // Who asked for nothing would not know what to make of it.
        if connected.own.is_some() && after != before {
            connected.terms.tell(after);
        }
    }

    fn renegotiate(&self, client: &mut Connected, request: &Request) -> Result<(), RenegotiationError> {
        let plan = self
            .running
            .negotiate(|book| ask(book, client.grant.id, Some(client.cpu), &client.wants(request)))?;
        client.adopt(plan);
        Ok(())
    }
}

impl Clients {
    /// None yet, to one object.
    fn of(request: Request) -> Self {
        Self {
            members: BTreeMap::from([(0, request.clone())]),
            next_member: 1,
            request,
            spare: None,
            connected: BTreeMap::new(),
            next: 0,
            late: 0,
            served: 0,
        }
    }
}

/// Asks for another plan, on the CPU where the flow is, if there is one: an RTU stays where its handler is.
fn ask(
    book: &mut Admission,
    id: GrantId,
    cpu: Option<u32>,
    request: &Request,
) -> Result<Plan, RenegotiationError> {
    let there = Request {
        cpu: cpu.or(request.cpu),
        ..request.clone()
    };
    book.renegotiate(id, &there)
}

impl Connected {
    /// Returns a request as it is for this connection.
    fn wants(&self, request: &Request) -> Request {
        Request {
            window: self.window,
            ..request.clone()
        }
    }

    fn adopt(&mut self, plan: Plan) {
        self.terms.change(&plan, self.window);
        suit(&*self.link, &plan);
        self.listing.change(&plan);
        // An RTU that is not there any more is about to be let go.
        let _ = self.rtu.change(plan.parameters());
        self.grant.plan = plan;
        // One that follows its period now does not watch what comes, and begins to when it is run again.
        self.rtu.notify();
    }
}

/// Has a connection suit a plan.
fn suit(link: &dyn Link, plan: &Plan) {
    link.set_pace(pace(plan));
    set_buffers(link.peer(), plan, |receive, send| link.set_buffers(receive, send));
}

/// Gives a connection, or those to come, the room of the plan's rings. Without any they keep what they have.
fn set_buffers(at: &Endpoint, plan: &Plan, set: impl FnOnce(usize, usize) -> io::Result<()>) {
    let Some(rings) = plan.rings else { return };
    let bytes = |ring| usize::try_from(ring).unwrap_or(usize::MAX);
    if let Err(error) = set(bytes(rings.receive), bytes(rings.send)) {
        tracing::warn!(%at, %error, "the buffers stay as they are");
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        drop(self.gates.take());
        let clients = self.clients.get_mut();
        let mut grants: Vec<GrantId> = clients.spare.take().iter().map(|grant| grant.id).collect();
        for (_, client) in std::mem::take(&mut clients.connected) {
            grants.push(client.grant.id);
            drop(client.rtu.remove());
        }
        self.running.release(grants);
        self.running.flows.forget(&self.name);
        if let Some(references) = &self.references {
            references.close_lane(&self.endpoints);
        }
        tracing::debug!(object = self.name, "lane closed");
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane")
            .field("object", &self.name)
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

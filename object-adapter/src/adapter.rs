// SPDX-License-Identifier: MIT OR Apache-2.0
//! The adapter as the ORB sees it: a key and a request in, an answer out.

use std::{
    fmt,
    sync::{Arc, OnceLock, Weak},
};

use bytes::Bytes;
use orb_core::{
    cdr::Decoder,
    context::{Context, Origin},
    exception::{Completed, SystemException, SystemExceptionKind, minor},
    ior::TaggedComponent,
    object::ObjectRef,
    rtcorba::ProtocolList,
    servant::{Adapter, CollocatedError, Located, Outcome, Reply, Request, Servant},
    server::{Asking, Server, Verdict},
    transport::{Endpoint, Listener},
};

use crate::{
    Poa, PoaManager, RealTime, ServantManagerError,
    active::ActiveObjects,
    implicit,
    key::ObjectKey,
    lanes::{Flows, Lanes},
    main_thread::{Errand, Found, MainThread},
    poa::{Entry, PoaInner, Processor, Unretained},
    policy::Policies,
    rtcorba::{
        Elsewhere, LinearMapping, Priorities, RtCurrent, Threadpool, ThreadpoolConfig, ThreadpoolError,
    },
};

/// Makes references out of keys: the ORB knows at which endpoints it is reached.
pub trait ReferenceFactory: Send + Sync + fmt::Debug {
    /// Makes a reference to the object with this key, reached by these protocols at these endpoints, which are those of its
    /// lane, or at the ORB's if there are none; `policies` are those of its POA that references show.
    ///
    /// # Errors
    ///
    /// A system exception, for example where the ORB cannot be reached.
    fn reference(
        &self,
        type_id: &str,
        object_key: Bytes,
        lane: &[Endpoint],
        protocols: &ProtocolList,
        policies: Option<TaggedComponent>,
    ) -> Result<ObjectRef, SystemException>;

    /// Binds another endpoint beside each kind of those of the ORB that these protocols allow, for some of its objects, with
    /// connections of the kind that they say, or else as the ORB's.
    ///
    /// # Errors
    ///
    /// A system exception, for example where the ORB cannot listen.
    fn open_lane(&self, protocols: &ProtocolList) -> Result<LaneSite, SystemException>;

    /// Forgets the endpoints that were bound for a lane.
    fn close_lane(&self, endpoints: &[Endpoint]);

    /// Returns the key in a reference to an object of this ORB; `None` for others.
    fn local_key(&self, reference: &ObjectRef) -> Option<Bytes>;
}

/// Where a lane is to be.
#[derive(Debug)]
pub struct LaneSite {
    /// Who accepts its connections and counts them.
    pub server: Arc<Server>,
    /// Where they arrive.
    pub listeners: Vec<Box<dyn Listener>>,
    /// How references name that: a list as long, and not empty.
    pub endpoints: Vec<Endpoint>,
}

/// What all POAs of an ORB share.
pub(crate) struct Shared {
    pub(crate) instance: u64,
    pub(crate) server_id: String,
    pub(crate) objects: ActiveObjects,
    pub(crate) references: OnceLock<Arc<dyn ReferenceFactory>>,
    pub(crate) lanes: Lanes,
    pub(crate) main_thread: Arc<MainThread>,
    pub(crate) priorities: Priorities,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("server_id", &self.server_id)
            .finish_non_exhaustive()
    }
}

/// All POAs of an ORB.
pub struct ObjectAdapter {
    shared: Arc<Shared>,
    root: Poa,
}

impl ObjectAdapter {
    /// Makes an adapter with a root POA. `instance` tells this run of the server from others (a random number will
    /// do), `server_id` is what persistent references go by.
    #[must_use]
    pub fn new(instance: u64, server_id: impl Into<String>) -> Self {
        Self::with_real_time(instance, server_id, RealTime::default())
    }

    /// Makes an adapter whose guarantees stand on these settings.
    #[must_use]
    pub fn with_real_time(instance: u64, server_id: impl Into<String>, settings: RealTime) -> Self {
        let mapping = settings.priority_mapping.clone();
        let priorities = Priorities {
            mapping: mapping.unwrap_or_else(|| Arc::new(LinearMapping::default())),
            transform: settings.priority_transform.clone(),
        };
        let shared = Arc::new(Shared {
            instance,
            server_id: server_id.into(),
            objects: ActiveObjects::new(instance),
            references: OnceLock::new(),
            lanes: Lanes::new(settings),
            main_thread: Arc::default(),
            priorities,
        });
        let root = PoaInner::new(
            Arc::clone(&shared),
            Weak::new(),
            Vec::new(),
            Policies::root(),
            PoaManager::new(),
            None,
        );
        Self {
            shared,
            root: Poa(Arc::new(root)),
        }
    }

    /// Sets who makes references; the first call counts.
    pub fn set_references(&self, references: Arc<dyn ReferenceFactory>) {
        // A second factory would make references that the first does not know.
        let _ = self.shared.references.set(references);
    }

    /// Returns the root POA.
    #[must_use]
    pub fn root(&self) -> &Poa {
        &self.root
    }

    /// Returns the RT-CORBA priority of the calling thread.
    #[must_use]
    pub fn rt_current(&self) -> RtCurrent {
        RtCurrent::new(Arc::clone(&self.shared.priorities.mapping))
    }

    /// Makes a thread pool for POAs, and starts its static threads.
    ///
    /// # Errors
    ///
    /// [`ThreadpoolError`].
    pub fn create_threadpool(&self, config: ThreadpoolConfig) -> Result<Threadpool, ThreadpoolError> {
        Threadpool::new(config, Arc::clone(&self.shared.priorities.mapping))
    }

    /// Returns the thread that serves the POAs with [`crate::Threads::Main`].
    #[must_use]
    pub fn main_thread(&self) -> &Arc<MainThread> {
        &self.shared.main_thread
    }

    /// Returns the flows of objects with a guarantee, for whoever wants to see what they do.
    #[must_use]
    pub fn flows(&self) -> &Flows {
        self.shared.lanes.flows()
    }

    /// Returns what guarantees stand on.
    pub(crate) fn lanes(&self) -> &Lanes {
        &self.shared.lanes
    }

    #[inline]
    fn invoke<U: Upcall>(
        &self,
        key: &[u8],
        operation: &str,
        origin: Origin<'_>,
        upcall: &mut U,
    ) -> Result<(), CollocatedError> {
        match self.shared.objects.find(key) {
            Some(object) => object.serve(object.id(), operation, origin, upcall),
            None => self.invoke_absent(key, operation, origin, upcall),
        }
    }

    /// Serves an object that is not in the map.
    #[cold]
    fn invoke_absent(
        &self,
        key: &[u8],
        operation: &str,
        origin: Origin<'_>,
        upcall: &mut dyn Upcall,
    ) -> Result<(), CollocatedError> {
        let (poa, object_id) = self.poa_of(key)?;
        let poa = &poa.0;
        // Counted before the processor is read, so that whoever waits for the end sees it.
        let _counted = Unretained::new(poa);
        let cx = poa.prioritised(
            Context::new(object_id, operation, origin),
            poa.referred(object_id),
        )?;
        let processor = poa.processor.read().clone();
        match processor {
            Processor::Activator(activator) => {
                poa.manager.admit(cx.deadline())?;
                let slot = poa.incarnate(object_id, &*activator, cx.deadline())?;
                let object = poa
                    .objects()
                    .pin(slot)
                    .ok_or_else(|| not_exist("the object left as it came"))?;
                object.serve(slot, operation, origin, upcall)
            }
            Processor::Default(servant) => poa.serve(&servant, &cx, upcall),
            Processor::Locator(locator) => {
                let found = Found::Locator(locator, Poa(Arc::clone(poa)));
                match poa.enter(&cx)? {
                    Entry::Elsewhere(elsewhere) => upcall.elsewhere(&elsewhere, found, &cx),
                    _entered => {
                        let _at = poa.serve_at(&cx)?;
                        Ok(found.call(&cx, &mut |servant, cx| upcall.here(servant, cx))?)
                    }
                }
            }
            Processor::Nobody if poa.serves_absent() => Err(nobody(poa).into()),
            Processor::Nobody => match self.shared.objects.find(key) {
                // It came while the POA was looked for: an adapter activator may activate objects too.
                Some(object) => object.serve(object.id(), operation, origin, upcall),
                None => Err(not_exist("no object with this id is active").into()),
            },
        }
    }

    /// Finds the POA that a key names, and the object id.
    fn poa_of<'k>(&self, key: &'k [u8]) -> Result<(Poa, &'k [u8]), CollocatedError> {
        let (path, object_id) = match ObjectKey::parse(key) {
            Some(ObjectKey::Transient {
                instance,
                path,
                object_id,
            }) if instance == self.shared.instance => (path, object_id),
            Some(ObjectKey::Persistent {
                server_id,
                path,
                object_id,
            }) if server_id == self.shared.server_id.as_bytes() => (path, object_id),
            Some(ObjectKey::System { instance, .. }) if instance == self.shared.instance => {
                return Err(not_exist("the object was deactivated").into());
            }
            _ => return Err(CollocatedError::NotLocal),
        };
        let mut poa = self.root.clone();
        for name in path.names() {
            poa = poa.0.child(name)?;
        }
        Ok((poa, object_id))
    }
}

impl Adapter for ObjectAdapter {
    #[inline]
    fn dispatch(&self, request: &Request<'_>, args: &mut Decoder<'_>, reply: &mut Reply<'_>) {
        let mut dispatch = Dispatch {
            origin: request.origin,
            args,
            reply,
            served: Ok(()),
        };
        let called = self.invoke(
            request.object_key,
            request.operation,
            request.origin,
            &mut dispatch,
        );
        match called {
            Ok(()) => match dispatch.served {
                Ok(()) => {}
                Err(exception) => reply.system(&exception),
            },
            Err(CollocatedError::Forward(target)) => {
                if let Err(exception) = reply.forward(&target, false) {
                    reply.system(&exception);
                }
            }
            Err(CollocatedError::NotLocal) => refuse(request, not_exist(UNKNOWN_KEY), reply),
            Err(CollocatedError::Exception(exception)) => refuse(request, exception, reply),
        }
        if reply.outcome() == Outcome::Open {
            reply.system(&unanswered(request.operation));
        }
    }

    fn locate(&self, object_key: &[u8]) -> Located {
        if self.shared.objects.find(object_key).is_some() {
            return Located::Here;
        }
        match self.poa_of(object_key) {
            Ok((poa, _)) if poa.0.serves_absent() => Located::Here,
            Ok(_) if self.shared.objects.find(object_key).is_some() => Located::Here,
            Ok(_) | Err(CollocatedError::NotLocal) => Located::Unknown,
            Err(CollocatedError::Forward(target)) => Located::Elsewhere(target),
            Err(CollocatedError::Exception(exception)) => match exception.kind() {
                SystemExceptionKind::ObjectNotExist => Located::Unknown,
                _ => Located::Failed(exception),
            },
        }
    }

    fn negotiate(&self, asking: Asking) -> Option<Verdict> {
        // Pinned, so that the object stays until the client is in.
        let Some(object) = self.shared.objects.find(asking.object_key()) else {
            return Some(Verdict::Unheard);
        };
        if let Some(seat) = &object.seat {
            return seat.lane().take_over(asking);
        }
        match object.host() {
            Some(host) => self.shared.lanes.receive(asking, host),
            None => Some(Verdict::Unheard),
        }
    }

    #[inline]
    fn collocated(
        &self,
        object_key: &[u8],
        operation: &str,
        call: &mut dyn FnMut(&dyn Servant, &Context<'_>),
    ) -> Result<(), CollocatedError> {
        self.invoke(object_key, operation, Origin::Collocated, &mut Collocated(call))
    }
}

/// What is to be done with the servant that was found, once the request is let through.
pub(crate) trait Upcall {
    /// Calls it, on this thread.
    fn here(&mut self, servant: &dyn Servant, cx: &Context<'_>);

    /// Has it called on another thread.
    fn elsewhere(
        &mut self,
        elsewhere: &Elsewhere<'_>,
        found: Found,
        cx: &Context<'_>,
    ) -> Result<(), CollocatedError>;
}

/// Serves a message.
struct Dispatch<'d, 'a, 'r> {
    origin: Origin<'d>,
    args: &'d mut Decoder<'a>,
    reply: &'d mut Reply<'r>,
    served: Result<(), SystemException>,
}

impl Upcall for Dispatch<'_, '_, '_> {
    #[inline]
    fn here(&mut self, servant: &dyn Servant, cx: &Context<'_>) {
        self.served = implicit::serve(servant, cx, self.args, self.reply);
    }

    #[cold]
    fn elsewhere(
        &mut self,
        elsewhere: &Elsewhere<'_>,
        found: Found,
        cx: &Context<'_>,
    ) -> Result<(), CollocatedError> {
        let (to, at) = (self.reply.to(), elsewhere.at(cx));
        let errand = Errand::new(found, cx, self.origin, self.args, to, at);
        let served = elsewhere.run(cx, self.args.remaining(), move || errand.serve())?;
        served.answer(self.reply);
        self.served = served.served;
        Ok(served.called?)
    }
}

/// Makes a call without a message.
struct Collocated<'c>(&'c mut dyn FnMut(&dyn Servant, &Context<'_>));

impl Upcall for Collocated<'_> {
    #[inline]
    fn here(&mut self, servant: &dyn Servant, cx: &Context<'_>) {
        (self.0)(servant, cx);
    }

    #[cold]
    fn elsewhere(&mut self, _: &Elsewhere<'_>, _: Found, _: &Context<'_>) -> Result<(), CollocatedError> {
        // The arguments cannot leave this thread, but a message can.
        Err(CollocatedError::NotLocal)
    }
}

impl From<ServantManagerError> for CollocatedError {
    fn from(error: ServantManagerError) -> Self {
        match error {
            ServantManagerError::Forward(target) => Self::Forward(target.ior().clone()),
            ServantManagerError::Exception(exception) => Self::Exception(exception),
        }
    }
}

impl fmt::Debug for ObjectAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectAdapter")
            .field("server_id", &self.shared.server_id)
            .field("objects", &self.shared.objects)
            .finish_non_exhaustive()
    }
}

impl Drop for ObjectAdapter {
    fn drop(&mut self) {
        // Objects hold their POA, and a POA all objects: somebody has to let go.
        let _ = self.root.destroy(true, None);
    }
}

const UNKNOWN_KEY: &str = "the object key is none of this server's";

fn refuse(request: &Request<'_>, exception: SystemException, reply: &mut Reply<'_>) {
    let absent = exception.kind() == SystemExceptionKind::ObjectNotExist;
    if !(absent && implicit::serve_absent(request.operation, reply)) {
        tracing::debug!(operation = request.operation, %exception, "request refused");
        reply.system(&exception);
    }
}

fn not_exist(why: &'static str) -> SystemException {
    SystemException::new(
        SystemExceptionKind::ObjectNotExist,
        minor::NO_SUCH_ADAPTER,
        Completed::No,
    )
    .with_message(why)
}

fn nobody(poa: &PoaInner) -> SystemException {
    let code = match poa.policies.request_processing {
        crate::RequestProcessing::DefaultServant => minor::NO_DEFAULT_SERVANT,
        _ => minor::NO_SERVANT_MANAGER,
    };
    SystemException::new(SystemExceptionKind::ObjAdapter, code, Completed::No).with_message(format!(
        "the POA `{}` has nobody to serve objects that are not active",
        poa.display_name()
    ))
}

fn unanswered(operation: &str) -> SystemException {
    SystemException::new(SystemExceptionKind::Internal, minor::UPCALL, Completed::Yes)
        .with_message(format!("the servant did not answer `{operation}`"))
}

#[cfg(test)]
pub(crate) mod tests;

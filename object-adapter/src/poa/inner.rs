// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state of a POA, and what its keys look like.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use orb_core::{
    context::Context,
    exception::{Completed, SystemException, SystemExceptionKind, minor},
    object::ObjectRef,
    rtcorba::ProtocolList,
    servant::{CollocatedError, Servant},
};
use parking_lot::{Condvar, Mutex, RwLock};

use super::Poa;
use crate::{
    ActivateError, AdapterActivator, Etherealized, PoaManager, ReferenceFactory, ServantActivator,
    ServantLocator,
    active::ActiveObjects,
    adapter::{Shared, Upcall},
    key::{self, Lifetime, SlotId},
    main_thread::{Found, Inside},
    policy::{IdAssignment, Lifespan, Policies, RequestProcessing, Threads},
    rtcorba::{Elsewhere, OwnEndpoint, Priority, RealTimePoa, Served, Thread, serve_at},
    turn::{Taken, Turn},
};

/// Who serves objects that are not in the map.
#[derive(Clone, Default)]
pub(crate) enum Processor {
    #[default]
    Nobody,
    Default(Arc<dyn Servant>),
    Activator(Arc<dyn ServantActivator>),
    Locator(Arc<dyn ServantLocator>),
}

/// How a request is let through; kept until it ends.
pub(crate) enum Entry<'m> {
    /// Beside others.
    Free,
    #[expect(dead_code, reason = "it is kept for what its drop does")]
    InTurn(Taken),
    #[expect(dead_code, reason = "it is kept for what its drop does")]
    Inside(Inside<'m>),
    /// On another thread.
    Elsewhere(Elsewhere<'m>),
}

pub(crate) struct PoaInner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) parent: Weak<PoaInner>,
    pub(crate) path: Vec<String>,
    pub(crate) policies: Policies,
    pub(crate) manager: PoaManager,
    /// Its RT-CORBA policies, if it has any.
    pub(crate) real_time: Option<Box<RealTimePoa>>,
    turn: Option<Arc<Turn>>,
    prefix: Box<[u8]>,
    next_id: AtomicU64,
    pub(crate) children: Mutex<BTreeMap<String, Poa>>,
    pub(crate) adapter_activator: RwLock<Option<Arc<dyn AdapterActivator>>>,
    pub(crate) processor: RwLock<Processor>,
    /// Which servants are objects here, by address; kept with `UNIQUE_ID`.
    pub(crate) servants: Mutex<HashMap<usize, SlotId>>,
    /// Ids for which a servant is being made.
    pub(crate) incarnating: Mutex<HashSet<Box<[u8]>>>,
    pub(crate) incarnated: Condvar,
    /// Requests in progress for objects that are not in the map.
    pub(crate) unretained: AtomicUsize,
    pub(crate) destroyed: AtomicBool,
    pub(crate) etherealizes: AtomicBool,
}

impl PoaInner {
    pub(crate) fn new(
        shared: Arc<Shared>,
        parent: Weak<Self>,
        path: Vec<String>,
        policies: Policies,
        manager: PoaManager,
        real_time: Option<Box<RealTimePoa>>,
    ) -> Self {
        let lifetime = match policies.lifespan {
            Lifespan::Transient => Lifetime::Transient(shared.instance),
            Lifespan::Persistent => Lifetime::Persistent(&shared.server_id),
        };
        Self {
            prefix: key::prefix(lifetime, &path).into(),
            turn: (policies.threads == Threads::Single).then(Arc::default),
            shared,
            parent,
            path,
            policies,
            manager,
            real_time,
            next_id: AtomicU64::new(0),
            children: Mutex::default(),
            adapter_activator: RwLock::default(),
            processor: RwLock::default(),
            servants: Mutex::default(),
            incarnating: Mutex::default(),
            incarnated: Condvar::new(),
            unretained: AtomicUsize::new(0),
            destroyed: AtomicBool::new(false),
            etherealizes: AtomicBool::new(true),
        }
    }

    pub(crate) fn objects(&self) -> &ActiveObjects {
        &self.shared.objects
    }

    /// Waits until the manager and the thread policy let a request through.
    #[inline]
    pub(crate) fn enter(&self, cx: &Context<'_>) -> Result<Entry<'_>, SystemException> {
        self.manager.admit(cx.deadline())?;
        match (&self.turn, self.policies.threads) {
            (Some(turn), _) => turn.take(cx.deadline()).map(Entry::InTurn),
            (None, Threads::Main) => Ok(match self.shared.main_thread.enter() {
                Some(inside) => Entry::Inside(inside),
                None => self.elsewhere(Thread::Main(&self.shared.main_thread)),
            }),
            (None, _) => match &self.real_time {
                None => Ok(Entry::Free),
                Some(real_time) => Ok(match real_time.pool(cx.priority())? {
                    Some((pool, lane)) => self.elsewhere(Thread::OfPool(pool, lane)),
                    None => Entry::Free,
                }),
            },
        }
    }

    fn elsewhere<'m>(&'m self, thread: Thread<'m>) -> Entry<'m> {
        let priorities = &self.shared.priorities;
        Entry::Elsewhere(Elsewhere { thread, priorities })
    }

    /// Names the policy by which requests wait for others or for another thread, if there is one: so there are no
    /// guarantees.
    pub(crate) fn waits(&self) -> Option<&'static str> {
        let pool = |real_time: &RealTimePoa| real_time.threadpool.is_some();
        match self.policies.threads {
            Threads::OrbControlled if self.real_time.as_deref().is_some_and(pool) => Some("ThreadpoolPolicy"),
            Threads::OrbControlled => None,
            Threads::Single => Some("SINGLE_THREAD_MODEL"),
            Threads::Main => Some("MAIN_THREAD_MODEL"),
        }
    }

    /// Says at which priority a request is served, where a priority model does; `declared` is the object's own.
    #[inline]
    pub(crate) fn prioritised<'c>(
        &self,
        cx: Context<'c>,
        declared: Option<Priority>,
    ) -> Result<Context<'c>, SystemException> {
        match &self.real_time {
            None => Ok(cx),
            Some(real_time) => {
                let modelled = real_time.priority(&cx, declared)?;
                let inbound = |priority| self.shared.priorities.inbound(priority, cx.object_id());
                let priority = modelled.map(inbound).transpose()?;
                Ok(cx.at_priority(priority))
            }
        }
    }

    /// Keeps the calling thread at the priority of a request.
    #[inline]
    pub(crate) fn serve_at(&self, cx: &Context<'_>) -> Result<Option<Served>, SystemException> {
        match &self.real_time {
            None => Ok(None),
            Some(_) => serve_at(cx, &self.shared.priorities),
        }
    }

    /// Lets `upcall` have a servant called when the manager and the thread policy allow it.
    #[inline]
    pub(crate) fn serve<U: Upcall + ?Sized>(
        &self,
        servant: &Arc<dyn Servant>,
        cx: &Context<'_>,
        upcall: &mut U,
    ) -> Result<(), CollocatedError> {
        match self.enter(cx)? {
            Entry::Elsewhere(elsewhere) => {
                return upcall.elsewhere(&elsewhere, Found::Servant(Arc::clone(servant)), cx);
            }
            _entered => {
                let _at = self.serve_at(cx)?;
                upcall.here(&**servant, cx);
            }
        }
        Ok(())
    }

    /// Tells whether an object can have an id that names its slot. Nobody but the map could serve such an object, so
    /// a POA that has somebody else uses ids that name the POA.
    pub(crate) fn slot_ids(&self) -> bool {
        self.policies.id_assignment == IdAssignment::System
            && self.policies.lifespan == Lifespan::Transient
            && self.policies.request_processing == RequestProcessing::ActiveObjectMapOnly
    }

    /// Makes an object id that this POA has never made, in this run or another.
    pub(crate) fn new_id(&self) -> [u8; 16] {
        let count = self.next_id.fetch_add(1, Ordering::Relaxed);
        (u128::from(self.shared.instance) << 64 | u128::from(count)).to_be_bytes()
    }

    /// Returns the key of the object `id`.
    pub(crate) fn key_of(&self, id: &[u8]) -> Vec<u8> {
        if self.slot_ids()
            && let Some(slot) = SlotId::from_object_id(id)
            && self
                .objects()
                .pin(slot)
                .is_some_and(|object| std::ptr::eq(Arc::as_ptr(&object.poa), self))
        {
            return key::system_key(self.shared.instance, slot);
        }
        [&self.prefix, id].concat()
    }

    /// Returns where the object id begins in keys of the form that names this POA.
    pub(crate) fn id_begins(&self) -> u16 {
        u16::try_from(self.prefix.len()).unwrap_or(u16::MAX)
    }

    /// Returns the object id in a key of this POA's.
    pub(crate) fn id_in_key<'k>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        if let Some(slot) = key::system_slot(key, self.shared.instance) {
            let object = self.objects().pin(slot)?;
            return std::ptr::eq(Arc::as_ptr(&object.poa), self)
                .then(|| key.get(key.len() - key::SYSTEM_ID_SIZE..))?;
        }
        key.strip_prefix(&*self.prefix)
    }

    /// Returns who makes references.
    pub(crate) fn references(&self) -> Result<Arc<dyn ReferenceFactory>, ActivateError> {
        self.shared.references.get().cloned().ok_or_else(|| {
            ActivateError::Reference(
                SystemException::new(SystemExceptionKind::BadInvOrder, minor::UPCALL, Completed::No)
                    .with_message("the adapter belongs to no ORB yet"),
            )
        })
    }

    /// Returns by which protocols its objects are served.
    pub(crate) fn server_protocols(&self) -> &ProtocolList {
        const ANY: &ProtocolList = &ProtocolList::ANY;
        let real_time = self.real_time.as_ref();
        real_time.map_or(ANY, |real_time| &real_time.policies.server_protocols)
    }

    pub(crate) fn reference(&self, type_id: &str, key: &[u8]) -> Result<ObjectRef, ActivateError> {
        let references = self.references()?;
        let (lane, priority) = match self.objects().find(key) {
            Some(object) => (
                object.seat.as_ref().map(|seat| Arc::clone(seat.lane())),
                object.priority,
            ),
            None => (None, self.id_in_key(key).and_then(|id| self.referred(id))),
        };
        let real_time = self.real_time.as_ref();
        let own = real_time.map(|real_time| real_time.endpoint.lock());
        let own = own.as_ref().and_then(|endpoint| endpoint.as_ref());
        let at = lane.as_ref().map(|lane| lane.endpoints());
        let at = at.or(own.map(OwnEndpoint::endpoints)).unwrap_or_default();
        let policies = real_time.and_then(|real_time| real_time.component(priority));
        references
            .reference(
                type_id,
                Bytes::copy_from_slice(key),
                at,
                self.server_protocols(),
                policies,
            )
            .map_err(ActivateError::Reference)
    }

    /// Forgets the servant of an object that left the map, and lets the activator take leave of it.
    pub(crate) fn etherealize(
        self: &Arc<Self>,
        servant: Arc<dyn Servant>,
        key: Option<&(Arc<[u8]>, u16)>,
        from: SlotId,
    ) {
        if self.unique() {
            self.servants.lock().remove(&address(&servant));
        }
        let Processor::Activator(activator) = self.processor.read().clone() else {
            return;
        };
        if !self.etherealizes.load(Ordering::Acquire) {
            return;
        }
        let system_id = from.to_object_id();
        let object_id = key.map_or(&system_id[..], |(key, begin)| {
            key.get(usize::from(*begin)..).unwrap_or_default()
        });
        let remaining_activations = Arc::strong_count(&servant) > 1;
        activator.etherealize(Etherealized {
            object_id,
            poa: &Poa(Arc::clone(self)),
            servant,
            cleanup_in_progress: self.destroyed.load(Ordering::Acquire),
            remaining_activations,
        });
    }
}

/// Returns what tells a servant from others.
pub(crate) fn address(servant: &Arc<dyn Servant>) -> usize {
    Arc::as_ptr(servant).cast::<()>() as usize
}

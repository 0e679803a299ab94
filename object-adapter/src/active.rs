// SPDX-License-Identifier: MIT OR Apache-2.0
//! The active objects of all POAs, and how a key leads to them.

use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::RandomState},
    fmt,
    hash::BuildHasher,
    sync::Arc,
};

use orb_core::{
    context::{Context, Origin},
    qos::Qos,
    rtcorba::Priority,
    servant::{CollocatedError, Servant},
};
use parking_lot::RwLock;
use qos_mapper::Request;

use crate::{
    adapter::Upcall,
    key::{self, SlotId},
    lanes::{Host, Seat},
    poa::{PoaInner, display_name},
    policy::IdAssignment,
    slots::{Full, Leave, Pin, Slots},
};

/// So many parts has the map of keys, each with a lock of its own.
const SHARDS: usize = 16;

/// An active object.
pub(crate) struct Object {
    pub(crate) servant: Arc<dyn Servant>,
    pub(crate) poa: Arc<PoaInner>,
    /// Its key and where the object id begins in it; `None` for ids that the adapter made, which name a slot.
    pub(crate) key: Option<(Arc<[u8]>, u16)>,
    pub(crate) qos: Option<Box<Qos>>,
    /// Its own RT-CORBA priority, where the server declares it.
    pub(crate) priority: Option<Priority>,
    /// Its place on the lane where it is reached, if it has a guarantee.
    pub(crate) seat: Option<Seat>,
}

/// All active objects.
#[derive(Debug)]
pub(crate) struct ActiveObjects {
    instance: u64,
    slots: Slots<Object>,
    keys: Keys,
}

/// Why an object did not get into the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InsertError {
    /// The key is there.
    Taken,
    /// The table is full.
    Full,
}

impl From<Full> for InsertError {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

impl ActiveObjects {
    pub(crate) fn new(instance: u64) -> Self {
        Self {
            instance,
            slots: Slots::new(),
            keys: Keys::default(),
        }
    }

    /// Pins the object behind a key.
    #[inline]
    pub(crate) fn find(&self, key: &[u8]) -> Option<Pin<'_, Object>> {
        match key::system_slot(key, self.instance) {
            Some(slot) => self.slots.pin(slot),
            None => self.slots.pin(self.keys.get(key)?),
        }
    }

    /// Pins the object in a slot.
    pub(crate) fn pin(&self, id: SlotId) -> Option<Pin<'_, Object>> {
        self.slots.pin(id)
    }

    /// Puts an object into the map.
    pub(crate) fn insert(&self, object: Object) -> Result<SlotId, InsertError> {
        let Some((key, _)) = &object.key else {
            return Ok(self.slots.insert(|_| object)?);
        };
        let key = Arc::clone(key);
        self.keys.insert_with(key, || self.slots.insert(|_| object))
    }

    /// Takes an object out of the map, once its last request has ended; `false` if it was not there.
    pub(crate) fn remove(&self, id: SlotId) -> bool {
        self.slots.remove(id)
    }

    /// Returns where the objects of a POA stand.
    pub(crate) fn of_poa(&self, poa: &PoaInner) -> Vec<SlotId> {
        self.slots
            .ids(|object| std::ptr::eq(Arc::as_ptr(&object.poa), poa))
    }

    /// Tells whether requests to the object are in progress.
    pub(crate) fn in_progress(&self, id: SlotId) -> bool {
        self.slots.is_pinned(id)
    }

    fn forget_key(&self, key: &[u8], id: SlotId) {
        self.keys.remove(key, id);
    }
}

impl Object {
    /// Lets `upcall` have the servant called when the POA's manager and threads allow it.
    #[inline]
    pub(crate) fn serve<U: Upcall + ?Sized>(
        &self,
        id: SlotId,
        operation: &str,
        origin: Origin<'_>,
        upcall: &mut U,
    ) -> Result<(), CollocatedError> {
        let system_id;
        let object_id = match &self.key {
            None => {
                system_id = id.to_object_id();
                &system_id[..]
            }
            Some((key, begin)) => key.get(usize::from(*begin)..).unwrap_or_default(),
        };
        let cx = Context::new(object_id, operation, origin);
        let cx = self.poa.prioritised(cx, self.priority)?;
        self.poa.serve(&self.servant, &cx, upcall)
    }
}

impl Object {
    /// Returns its key, if it stands in this slot.
    pub(crate) fn object_key(&self, slot: SlotId) -> Cow<'_, [u8]> {
        match &self.key {
            Some((key, _)) => Cow::Borrowed(key),
            None => Cow::Owned(key::system_key(self.poa.shared.instance, slot)),
        }
    }

    /// Describes it for clients that ask for something for their flows; `None` if it is served one call at a time, and so
    /// cannot promise them anything.
    pub(crate) fn host(&self) -> Option<Host> {
        let poa = &self.poa;
        if poa.waits().is_some() {
            return None;
        }
        // An id that the adapter makes says nothing to the QoS file.
        let made = poa.policies.id_assignment == IdAssignment::System && !poa.slot_ids();
        let chosen = self.key.as_ref().filter(|_| !made);
        let id = chosen.and_then(|(key, begin)| key.get(usize::from(*begin)..));
        let (id, path) = (id.unwrap_or_default(), poa.path.join("/"));
        let asked = self.qos.as_deref().cloned();
        let (request, worst_case) =
            poa.shared
                .lanes
                .request(&path, id, self.servant.default_qos(), asked.clone());
        Some(Host {
            name: display_name(&*self.servant, &path, id),
            request: Request {
                qos: asked.unwrap_or_default(),
                ..request
            },
            worst_case,
            weight: poa.weight(self.priority),
            manager: poa.manager.clone(),
        })
    }
}

impl Leave for Object {
    fn left(self, from: SlotId) {
        self.poa.shared.lanes.guests.close(&self.object_key(from));
        drop(self.seat);
        if let Some((key, _)) = &self.key {
            self.poa.objects().forget_key(key, from);
        }
        self.poa.etherealize(self.servant, self.key.as_ref(), from);
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object")
            .field("servant", &self.servant.repository_id())
            .finish_non_exhaustive()
    }
}

/// From keys with an id the application chose to slots. Keys come from peers: the hash is keyed.
#[derive(Default)]
struct Keys {
    hasher: RandomState,
    shards: [RwLock<HashMap<Arc<[u8]>, SlotId>>; SHARDS],
}

impl Keys {
    fn shard(&self, key: &[u8]) -> &RwLock<HashMap<Arc<[u8]>, SlotId>> {
        let shard = self.hasher.hash_one(key) % SHARDS as u64;
        let [first, ..] = &self.shards;
        usize::try_from(shard)
            .ok()
            .and_then(|shard| self.shards.get(shard))
            .unwrap_or(first)
    }

    fn get(&self, key: &[u8]) -> Option<SlotId> {
        self.shard(key).read_recursive().get(key).copied()
    }

    fn insert_with(
        &self,
        key: Arc<[u8]>,
        make: impl FnOnce() -> Result<SlotId, Full>,
    ) -> Result<SlotId, InsertError> {
        let mut shard = self.shard(&key).write();
        if shard.contains_key(&key) {
            return Err(InsertError::Taken);
        }
        let id = make()?;
        shard.insert(key, id);
        Ok(id)
    }

    fn remove(&self, key: &[u8], id: SlotId) {
        let mut shard = self.shard(key).write();
        if shard.get(key) == Some(&id) {
            shard.remove(key);
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: usize = self.shards.iter().map(|shard| shard.read_recursive().len()).sum();
        f.debug_struct("Keys").field("keys", &keys).finish()
    }
}

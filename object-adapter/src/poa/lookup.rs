// SPDX-License-Identifier: MIT OR Apache-2.0
//! From ids to references and servants, and back (§15.3.9.20 to §15.3.9.26).

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use orb_core::{
    exception::{Completed, SystemException, SystemExceptionKind, minor},
    nested,
    object::ObjectRef,
    qos::Qos,
    servant::Servant,
};

use super::{
    Poa, PoaInner, Processor,
    activation::{self, id_text},
    inner::address,
};
use crate::{
    ActivateError, FindError, LONGEST_HOLD, LaneStatus, QosError, ServantActivator, ServantManagerError,
    active::Object,
    key::SlotId,
    lanes::Lane,
    policy::{ImplicitActivation, RequestProcessing},
};

impl Poa {
    /// Returns a reference to an active object.
    ///
    /// # Errors
    ///
    /// [`FindError::ObjectNotActive`].
    pub fn reference(&self, object_id: impl AsRef<[u8]>) -> Result<ObjectRef, FindError> {
        let id = object_id.as_ref();
        let servant = self.servant(id)?;
        self.0
            .reference(servant.repository_id(), &self.0.key_of(id))
            .map_err(|_| self.not_active(id))
    }

    /// Returns the servant of an object; the default servant where there is one and the object has no other.
    ///
    /// # Errors
    ///
    /// [`FindError::ObjectNotActive`].
    pub fn servant(&self, object_id: impl AsRef<[u8]>) -> Result<Arc<dyn Servant>, FindError> {
        let id = object_id.as_ref();
        if let Some(object) = self.slot_of(id).and_then(|slot| self.0.objects().pin(slot)) {
            return Ok(Arc::clone(&object.servant));
        }
        match &*self.0.processor.read() {
            Processor::Default(servant) => Ok(Arc::clone(servant)),
            _ => Err(self.not_active(id)),
        }
    }

    /// Returns the id of the object that a servant is.
    ///
    /// # Errors
    ///
    /// [`FindError::ServantNotActive`], or [`FindError::WrongPolicy`] without `UNIQUE_ID` and `RETAIN`.
    pub fn servant_to_id(&self, servant: &Arc<dyn Servant>) -> Result<Vec<u8>, FindError> {
        self.needs(
            self.0.unique() && self.0.retains(),
            "MULTIPLE_ID or NON_RETAIN",
            "UNIQUE_ID and RETAIN are needed",
        )?;
        let not_active = || FindError::ServantNotActive {
            poa: self.display_name(),
        };
        let slot = self
            .0
            .servants
            .lock()
            .get(&address(servant))
            .copied()
            .ok_or_else(not_active)?;
        let object = self.0.objects().pin(slot).ok_or_else(not_active)?;
        Ok(match &object.key {
            None => slot.to_object_id().to_vec(),
            Some((key, begin)) => key.get(usize::from(*begin)..).unwrap_or_default().to_vec(),
        })
    }

    /// Returns a reference to the object that a servant is; activates it with `IMPLICIT_ACTIVATION`.
    ///
    /// # Errors
    ///
    /// [`ActivateError`], with [`ActivateError::WrongPolicy`] where it is not active and is not to be activated.
    pub fn servant_to_reference(&self, servant: Arc<dyn Servant>) -> Result<ObjectRef, ActivateError> {
        if let Ok(id) = self.servant_to_id(&servant) {
            return self.0.reference(servant.repository_id(), &self.0.key_of(&id));
        }
        if self.0.policies.implicit_activation == ImplicitActivation::Forbidden {
            return Err(ActivateError::WrongPolicy {
                poa: self.display_name(),
                has: "NO_IMPLICIT_ACTIVATION",
                needs: "activate the servant first",
            });
        }
        self.activate_shared(servant).export()
    }

    /// Returns the object id in a reference that this POA made.
    ///
    /// # Errors
    ///
    /// [`FindError::WrongAdapter`].
    pub fn reference_to_id(&self, reference: &ObjectRef) -> Result<Vec<u8>, FindError> {
        let wrong = || FindError::WrongAdapter {
            poa: self.display_name(),
        };
        let key = self
            .0
            .shared
            .references
            .get()
            .and_then(|references| references.local_key(reference));
        let key = key.ok_or_else(wrong)?;
        self.0.id_in_key(&key).map(<[u8]>::to_vec).ok_or_else(wrong)
    }

    /// Returns the servant of the object that a reference names.
    ///
    /// # Errors
    ///
    /// [`FindError::WrongAdapter`], [`FindError::ObjectNotActive`].
    pub fn reference_to_servant(&self, reference: &ObjectRef) -> Result<Arc<dyn Servant>, FindError> {
        self.servant(self.reference_to_id(reference)?)
    }

    /// Returns the quality of service that is asked for an object: what counts of its IDL, the QoS file and its activation;
    /// in a group what covers any member.
    ///
    /// # Errors
    ///
    /// [`FindError::ObjectNotActive`].
    pub fn qos(&self, object_id: impl AsRef<[u8]>) -> Result<Option<Qos>, FindError> {
        let id = object_id.as_ref();
        let object = self.slot_of(id).and_then(|slot| self.0.objects().pin(slot));
        object
            .map(|object| match &object.seat {
                Some(seat) => Some(seat.lane().qos()),
                None => object.qos.as_deref().cloned(),
            })
            .ok_or_else(|| self.not_active(id))
    }

    /// Changes what is asked for an object with a guarantee: for all its clients, while they are served, or for none.
    /// Its references stay good. In a group the lane's plan covers it beside what the others ask for.
    ///
    /// # Errors
    ///
    /// [`QosError`]; then all is as it was.
    pub fn set_qos(&self, object_id: impl AsRef<[u8]>, qos: Qos) -> Result<(), QosError> {
        let id = object_id.as_ref();
        let object = self.slot_of(id).and_then(|slot| self.0.objects().pin(slot));
        let object = object.ok_or_else(|| self.not_active(id))?;
        let seat = object.seat.as_ref().ok_or(QosError::NoLane)?;
        seat.change(qos)
            .map_err(|refusal| QosError::Refused(Box::new(refusal)))
    }

    /// Returns what the lane of an object and its clients do; for an object without a guarantee, what its clients do that
    /// asked for something for their flows, and none if there are none.
    ///
    /// # Errors
    ///
    /// [`FindError::ObjectNotActive`].
    pub fn lane(&self, object_id: impl AsRef<[u8]>) -> Result<Option<LaneStatus>, FindError> {
        let id = object_id.as_ref();
        let guests = || {
            let object = self.0.objects().pin(self.slot_of(id)?)?;
            self.0.shared.lanes.guests.lane(&object.object_key(object.id()))
        };
        let lane = self.lane_of(id)?.or_else(guests);
        Ok(lane.map(|lane| lane.status()))
    }

    fn lane_of(&self, id: &[u8]) -> Result<Option<Arc<Lane>>, FindError> {
        let object = self.slot_of(id).and_then(|slot| self.0.objects().pin(slot));
        object
            .map(|object| Some(Arc::clone(object.seat.as_ref()?.lane())))
            .ok_or_else(|| self.not_active(id))
    }

    pub(super) fn slot_of(&self, id: &[u8]) -> Option<SlotId> {
        let object = self.0.objects().find(&self.0.key_of(id)).or_else(|| {
            // An object whose whole key was chosen is known by that.
            self.0
                .objects()
                .find(id)
                .filter(|object| object.key.as_ref().is_some_and(|(_, begin)| *begin == 0))
        })?;
        Arc::ptr_eq(&object.poa, &self.0).then(|| object.id())
    }

    fn not_active(&self, id: &[u8]) -> FindError {
        FindError::ObjectNotActive {
            poa: self.display_name(),
            id: id_text(id),
        }
    }
}

impl PoaInner {
    /// Returns a child, made by the adapter activator if need be.
    pub(crate) fn child(self: &Arc<Self>, name: &str) -> Result<Poa, SystemException> {
        let there = || self.children.lock().get(name).cloned();
        if let Some(child) = there() {
            return Ok(child);
        }
        let missing = || {
            SystemException::new(
                SystemExceptionKind::ObjectNotExist,
                minor::NO_SUCH_ADAPTER,
                Completed::No,
            )
            .with_message(format!("the POA `{}` has no child `{name}`", self.display_name()))
        };
        let activator = self.adapter_activator.read().clone().ok_or_else(missing)?;
        activator.unknown_adapter(&Poa(Arc::clone(self)), name);
        there().ok_or_else(missing)
    }

    /// Tells whether somebody serves objects that are not in the map.
    pub(crate) fn serves_absent(&self) -> bool {
        self.policies.request_processing != RequestProcessing::ActiveObjectMapOnly
    }

    /// Makes the servant of an object and puts it into the map; waits where another thread is at it.
    pub(crate) fn incarnate(
        self: &Arc<Self>,
        id: &[u8],
        activator: &dyn ServantActivator,
        deadline: Option<Instant>,
    ) -> Result<SlotId, ServantManagerError> {
        let deadline = deadline.unwrap_or_else(|| Instant::now() + LONGEST_HOLD);
        let poa = Poa(Arc::clone(self));
        let Some(_alone) = Alone::with(self, id, deadline) else {
            return Err(
                transient("another request was making the servant until this one's time was over").into(),
            );
        };
        if let Some(slot) = poa.slot_of(id) {
            return Ok(slot);
        }
        let servant = activator.incarnate(id, &poa)?;
        let key = (Arc::from(self.key_of(id)), self.id_begins());
        let object = Object {
            servant,
            poa: Arc::clone(self),
            key: Some(key),
            qos: None,
            priority: self.referred(id),
            seat: None,
        };
        activation::insert(&poa, object).map_err(|error| {
            SystemException::new(
                SystemExceptionKind::ObjAdapter,
                minor::WRONG_SERVANT,
                Completed::No,
            )
            .with_message(format!(
                "the servant activator's servant was not activated: {error}"
            ))
            .into()
        })
    }
}

/// Keeps other threads from making the servant of the same object.
struct Alone<'a> {
    poa: &'a PoaInner,
    id: &'a [u8],
}

impl<'a> Alone<'a> {
    fn with(poa: &'a PoaInner, id: &'a [u8], deadline: Instant) -> Option<Self> {
        let mut blocking = None;
        let mut busy: parking_lot::MutexGuard<'_, HashSet<Box<[u8]>>> = poa.incarnating.lock();
        while busy.contains(id) {
            if blocking.is_none() {
                parking_lot::MutexGuard::unlocked(&mut busy, || blocking = Some(nested::about_to_block()));
            } else if poa.incarnated.wait_until(&mut busy, deadline).timed_out() {
                return None;
            }
        }
        busy.insert(id.into());
        Some(Self { poa, id })
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.poa.incarnating.lock().remove(self.id);
        self.poa.incarnated.notify_all();
    }
}

/// Counts a request for an object that is not in the map.
pub(crate) struct Unretained<'a>(&'a PoaInner);

impl<'a> Unretained<'a> {
    pub(crate) fn new(poa: &'a PoaInner) -> Self {
        poa.unretained.fetch_add(1, Ordering::AcqRel);
        Self(poa)
    }
}

impl Drop for Unretained<'_> {
    fn drop(&mut self) {
        self.0.unretained.fetch_sub(1, Ordering::AcqRel);
    }
}

fn transient(why: &'static str) -> SystemException {
    SystemException::new(
        SystemExceptionKind::Transient,
        minor::REQUEST_DISCARDED,
        Completed::No,
    )
    .with_message(why)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Activating an object (§15.3.9.16 to §15.3.9.18).

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use orb_core::{
    object::{Interface, ObjectRef},
    qos::Qos,
    rtcorba::Priority,
    servant::Servant,
};

use qos_mapper::group_name;

use super::{Poa, inner::address};
use crate::{
    ActivateError,
    active::{InsertError, Object},
    key::{self, ObjectKey, SlotId},
    lanes::{Opening, Seat, Serves, Wanted},
    policy::IdAssignment,
};

/// An object that is about to be activated.
#[must_use = "the object is activated by .export()"]
pub struct Activation<'p> {
    poa: &'p Poa,
    servant: Arc<dyn Servant>,
    id: Id,
    qos: Option<Qos>,
    group: Option<String>,
    priority: Option<Priority>,
}

/// Where an object with a guarantee is to be reached.
enum Place {
    /// At a lane of its own.
    Own(Opening),
    /// At the lane of its group.
    InGroup(Seat),
}

enum Id {
    System,
    Chosen(Vec<u8>),
    WholeKey(Vec<u8>),
}

impl<'p> Activation<'p> {
    pub(super) fn new(poa: &'p Poa, servant: Arc<dyn Servant>) -> Self {
        Self {
            poa,
            servant,
            id: Id::System,
            qos: None,
            group: None,
            priority: None,
        }
    }

    /// Sets the object id, up to 4,096 octets. Defaults to one that the adapter makes.
    pub fn id(mut self, id: impl AsRef<[u8]>) -> Self {
        self.id = Id::Chosen(id.as_ref().to_vec());
        self
    }

    /// Sets the whole object key, so that `corbaloc::host:port/KEY` names the object; it is the object id too.
    pub fn object_key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.id = Id::WholeKey(key.as_ref().to_vec());
        self
    }

    /// Asks for a quality of service; overrides `@realtime` in IDL and the QoS file.
    pub fn qos(mut self, qos: Qos) -> Self {
        self.qos = Some(qos);
        self
    }

    /// Puts the object on the lane of a group, which it shares with all objects of the ORB in that group: they have one
    /// endpoint, and a client that calls several of them has one flow. What is granted covers any one of them, the most
    /// costly included; a client's calls to all of them together keep to it. Overrides the QoS file.
    ///
    /// Members ask for guarantees of one class, and declare their servants' [worst cases](Qos::worst_case), since what one
    /// costs says nothing of another. The endpoint has the [protocol](crate::PoaBuilder::server_protocols) of the POA whose
    /// object opened the lane.
    pub fn lane_group(mut self, name: impl Into<String>) -> Self {
        self.group = Some(name.into());
        self
    }

    /// Declares the RT-CORBA priority at which requests to the object are served; the POA has to have the priority model
    /// `SERVER_DECLARED` (`activate_object_with_priority`). Defaults to the POA's.
    ///
    /// A request for low delay has the priority within its class that belongs to it.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Activates the object and returns a reference to it. One with a guarantee is admitted first, and reached at an
    /// endpoint of its own.
    ///
    /// # Errors
    ///
    /// [`ActivateError`], with [`ActivateError::Refused`] for a guarantee that does not fit, or that no plan of its group
    /// covers; then the object is not active.
    pub fn export<R: Interface>(self) -> Result<R, ActivateError> {
        let wanted = R::REPOSITORY_ID;
        if wanted != ObjectRef::REPOSITORY_ID && !self.servant.is_a(wanted) {
            let servant = self.servant.repository_id().to_owned();
            return Err(ActivateError::WrongInterface { servant, wanted });
        }
        self.export_object().map(R::from)
    }

    fn export_object(mut self) -> Result<ObjectRef, ActivateError> {
        let poa = &self.poa.0;
        let type_id = self.servant.repository_id().to_owned();
        if !poa.retains() {
            return Err(ActivateError::WrongPolicy {
                poa: poa.display_name(),
                has: "NON_RETAIN",
                needs: "objects are activated with RETAIN; make a reference with create_reference",
            });
        }
        if let Some(priority) = self.priority {
            poa.check_priority(priority)?;
        }
        let key = self.key()?;
        let id = key
            .as_ref()
            .and_then(|(key, begin)| key.get(usize::from(*begin)..));
        self.priority = self.priority.or_else(|| poa.referred(id?));
        let (qos, place) = self.quality(key.as_ref())?;
        let (seat, opening) = match place {
            None => (None, None),
            Some(Place::Own(opening)) => (Some(opening.seat()), Some(opening)),
            Some(Place::InGroup(seat)) => (Some(seat), None),
        };
        let (slot, key) = self.insert(key, qos, seat)?;
        let begun = opening.map_or(Ok(()), |opening| opening.begin(Some(&key)));
        let reference = begun.and_then(|()| poa.reference(&type_id, &key));
        if reference.is_err() {
            poa.objects().remove(slot);
        }
        reference
    }

    /// Finds out what is asked for the object, and has that granted if it is a guarantee.
    fn quality(&self, key: Option<&(Vec<u8>, u16)>) -> Result<(Option<Qos>, Option<Place>), ActivateError> {
        let poa = &self.poa.0;
        let lanes = &poa.shared.lanes;
        // An id that the adapter makes says nothing to the QoS file.
        let id = key.and_then(|(key, begin)| key.get(usize::from(*begin)..));
        let id = id.filter(|_| !matches!(self.id, Id::System)).unwrap_or_default();
        let path = poa.path.join("/");
        let (mut request, _) = lanes.request(&path, id, self.servant.default_qos(), self.qos.clone());
        if let Some(declared) = poa.real_time.as_ref().and_then(|it| it.declared(self.priority)) {
            request.qos = request.qos.priority(declared.low_delay());
        }
        let asked = self.qos.is_some() || request.qos != Qos::default();
        let qos = asked.then(|| request.qos.clone());
        if !request.qos.is_guaranteed() && self.group.is_none() {
            return Ok((qos, None));
        }
        if let Some(has) = poa.waits() {
            return Err(ActivateError::WrongPolicy {
                poa: poa.display_name(),
                has,
                needs: "an object with a guarantee is served by its own upcall, and waits for no other thread",
            });
        }
        let references = poa.references()?;
        let group = self.group.clone().or_else(|| lanes.group_in_file(&path, id));
        let (name, serves) = match &group {
            Some(group) => (group_name(group), Serves::Group(Arc::downgrade(&poa.shared))),
            None => {
                let (key, manager) = (Arc::default(), poa.manager.clone());
                (
                    display_name(&*self.servant, &path, id),
                    Serves::One { key, manager },
                )
            }
        };
        let wanted = Wanted {
            name,
            request,
            weight: poa.weight(self.priority),
            protocols: poa.server_protocols().clone(),
            serves,
        };
        let place = match group {
            Some(group) => Place::InGroup(lanes.join(&group, references, wanted)?),
            None => Place::Own(Opening::new(lanes.running()?, references, wanted)?),
        };
        Ok((qos, Some(place)))
    }

    fn insert(
        self,
        key: Option<(Vec<u8>, u16)>,
        qos: Option<Qos>,
        seat: Option<Seat>,
    ) -> Result<(SlotId, Vec<u8>), ActivateError> {
        let poa = &self.poa.0;
        let object = Object {
            servant: Arc::clone(&self.servant),
            poa: Arc::clone(poa),
            key: key.as_ref().map(|(key, begin)| (Arc::from(&**key), *begin)),
            qos: qos.map(Box::new),
            priority: self.priority,
            seat,
        };
        let slot = insert(self.poa, object)?;
        let key = key.map_or_else(|| key::system_key(poa.shared.instance, slot), |(key, _)| key);
        Ok((slot, key))
    }

    /// Returns the key and where the object id begins in it; `None` for one that names the slot.
    fn key(&self) -> Result<Option<(Vec<u8>, u16)>, ActivateError> {
        let poa = &self.poa.0;
        match &self.id {
            Id::System if poa.slot_ids() => Ok(None),
            Id::System if poa.policies.id_assignment == IdAssignment::System => {
                Ok(Some((poa.key_of(&poa.new_id()), poa.id_begins())))
            }
            Id::System => Err(ActivateError::WrongPolicy {
                poa: poa.display_name(),
                has: "USER_ID",
                needs: "give the object an id with .id(…)",
            }),
            Id::Chosen(id) => {
                check_id(id)?;
                Ok(Some((poa.key_of(id), poa.id_begins())))
            }
            Id::WholeKey(key) => {
                check_id(key)?;
                if key.is_empty() || ObjectKey::parse(key).is_some() {
                    return Err(ActivateError::BadId(
                        "an object key must not be empty or one that the adapter makes",
                    ));
                }
                Ok(Some((key.clone(), 0)))
            }
        }
    }
}

impl fmt::Debug for Activation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Activation")
            .field("poa", self.poa)
            .field("servant", &self.servant.repository_id())
            .field("qos", &self.qos)
            .finish_non_exhaustive()
    }
}

/// Puts an object into the map under the POA's rules.
pub(super) fn insert(poa: &Poa, object: Object) -> Result<SlotId, ActivateError> {
    let poa = &poa.0;
    let id = object
        .key
        .as_ref()
        .map(|(key, begin)| id_text(key.get(usize::from(*begin)..).unwrap_or_default()));
    let place = address(&object.servant);
    // Held throughout, so that neither a twin nor the POA's end comes between.
    let mut servants = poa.servants.lock();
    if poa.destroyed.load(Ordering::Acquire) {
        return Err(ActivateError::Destroyed(poa.display_name()));
    }
    if poa.unique() && servants.contains_key(&place) {
        return Err(ActivateError::ServantAlreadyActive {
            poa: poa.display_name(),
        });
    }
    let slot = poa.objects().insert(object).map_err(|error| match error {
        InsertError::Taken => ActivateError::ObjectAlreadyActive {
            poa: poa.display_name(),
            id: id.unwrap_or_default(),
        },
        InsertError::Full => ActivateError::Full,
    })?;
    if poa.unique() {
        servants.insert(place, slot);
    }
    Ok(slot)
}

pub(super) fn check_id(id: &[u8]) -> Result<(), ActivateError> {
    if id.len() > key::MAX_OBJECT_ID {
        return Err(ActivateError::BadId("an object id has at most 4096 octets"));
    }
    Ok(())
}

/// What reports and refusals call an object.
pub(crate) fn display_name(servant: &dyn Servant, path: &str, id: &[u8]) -> String {
    if id.is_empty() {
        return servant.repository_id().to_owned();
    }
    let slash = if path.is_empty() { "" } else { "/" };
    format!("{path}{slash}{}", id_text(id))
}

/// Shows an id to people.
pub(super) fn id_text(id: &[u8]) -> String {
    id.escape_ascii().to_string()
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! POAs: where objects are activated, and what is done with requests for them (CORBA 3.3 Part 1 §15.3.9).

mod activation;
mod builder;
mod end;
mod inner;
mod lookup;

use std::{fmt, sync::Arc};

use orb_core::{object::ObjectRef, servant::Servant};

pub use self::{activation::Activation, builder::PoaBuilder};
pub(crate) use self::{
    activation::display_name,
    inner::{Entry, PoaInner, Processor},
    lookup::Unretained,
};

use crate::{
    AdapterActivator, PoaManager, ServantActivator, ServantLocator,
    error::FindError,
    policy::{IdUniqueness, Policies, RequestProcessing, ServantRetention},
    rtcorba::{Priority, RealTimePoa, ServerPolicies},
};

/// A portable object adapter; cheap to clone, and the same one then.
#[derive(Clone)]
pub struct Poa(pub(crate) Arc<PoaInner>);

impl Poa {
    /// Returns the name; the root's is `RootPOA`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.path.last().map_or(ROOT, String::as_str)
    }

    /// Returns the names from below the root to this one, joined by `/`; empty for the root.
    #[must_use]
    pub fn path(&self) -> String {
        self.0.path.join("/")
    }

    /// Returns the policies.
    #[must_use]
    pub fn policies(&self) -> Policies {
        self.0.policies
    }

    /// Returns the RT-CORBA policies, if there are any.
    #[must_use]
    pub fn real_time_policies(&self) -> Option<&ServerPolicies> {
        self.0.real_time.as_ref().map(|real_time| &real_time.policies)
    }

    /// Returns the manager, which lets requests through.
    #[must_use]
    pub fn manager(&self) -> &PoaManager {
        &self.0.manager
    }

    /// Returns the POA this one was made in; `None` for the root and where the parent is gone.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.parent.upgrade().map(Self)
    }

    /// Returns the POAs made in this one, by name.
    #[must_use]
    pub fn children(&self) -> Vec<Self> {
        self.0.children.lock().values().cloned().collect()
    }

    /// Prepares a POA below this one.
    pub fn create(&self, name: impl Into<String>) -> PoaBuilder<'_> {
        PoaBuilder::new(self, name.into())
    }

    /// Returns the child `name`; where there is none, the adapter activator is asked to make it.
    ///
    /// # Errors
    ///
    /// [`FindError::AdapterNonExistent`].
    pub fn find(&self, name: &str) -> Result<Self, FindError> {
        self.0.child(name).map_err(|_| FindError::AdapterNonExistent {
            parent: self.display_name(),
            name: name.to_owned(),
        })
    }

    /// Prepares the activation of an object with this servant.
    pub fn activate(&self, servant: impl Servant) -> Activation<'_> {
        self.activate_shared(Arc::new(servant))
    }

    /// Prepares the activation of an object with a servant that is used elsewhere too.
    pub fn activate_shared(&self, servant: Arc<dyn Servant>) -> Activation<'_> {
        Activation::new(self, servant)
    }

    /// Makes the child POAs that requests need and that are not there.
    pub fn set_adapter_activator(&self, activator: impl AdapterActivator) {
        *self.0.adapter_activator.write() = Some(Arc::new(activator));
    }

    /// Sets who makes servants for objects that are not in the map.
    ///
    /// # Errors
    ///
    /// [`FindError::WrongPolicy`] without `USE_SERVANT_MANAGER` and `RETAIN`.
    pub fn set_servant_activator(&self, activator: impl ServantActivator) -> Result<(), FindError> {
        self.needs(
            self.uses(RequestProcessing::ServantManager),
            "another request processing",
            "USE_SERVANT_MANAGER",
        )?;
        self.needs(self.0.retains(), "NON_RETAIN", "a servant activator needs RETAIN")?;
        *self.0.processor.write() = Processor::Activator(Arc::new(activator));
        Ok(())
    }

    /// Sets who finds the servant for each request.
    ///
    /// # Errors
    ///
    /// [`FindError::WrongPolicy`] without `USE_SERVANT_MANAGER` and `NON_RETAIN`.
    pub fn set_servant_locator(&self, locator: impl ServantLocator) -> Result<(), FindError> {
        self.needs(
            self.uses(RequestProcessing::ServantManager),
            "another request processing",
            "USE_SERVANT_MANAGER",
        )?;
        self.needs(!self.0.retains(), "RETAIN", "a servant locator needs NON_RETAIN")?;
        *self.0.processor.write() = Processor::Locator(Arc::new(locator));
        Ok(())
    }

    /// Sets the servant of all objects that have no other.
    ///
    /// # Errors
    ///
    /// [`FindError::WrongPolicy`] without `USE_DEFAULT_SERVANT`.
    pub fn set_default_servant(&self, servant: Arc<dyn Servant>) -> Result<(), FindError> {
        self.needs(
            self.uses(RequestProcessing::DefaultServant),
            "another request processing",
            "USE_DEFAULT_SERVANT",
        )?;
        *self.0.processor.write() = Processor::Default(servant);
        Ok(())
    }

    /// Makes a reference to the object `object_id`, active or not. `type_id` is the repository id of its interface.
    ///
    /// # Errors
    ///
    /// [`crate::ActivateError`], among others for an id that is too long.
    pub fn create_reference(
        &self,
        object_id: &[u8],
        type_id: &str,
    ) -> Result<ObjectRef, crate::ActivateError> {
        activation::check_id(object_id)?;
        self.0.reference(type_id, &self.0.key_of(object_id))
    }

    /// Makes a reference to an object with a new id, which is not active yet.
    ///
    /// # Errors
    ///
    /// [`crate::ActivateError`].
    pub fn create_reference_with_new_id(&self, type_id: &str) -> Result<ObjectRef, crate::ActivateError> {
        self.create_reference(&self.0.new_id(), type_id)
    }

    /// Makes a reference to the object `object_id`, active or not, and declares the RT-CORBA priority at which requests to it
    /// are served (`create_reference_with_id_and_priority`). That holds until the POA is destroyed, for whoever serves the
    /// object; an activation with [a priority](Activation::priority) has that instead while it lasts, and what is active keeps
    /// the one it has. The POA has to have
    /// the priority model `SERVER_DECLARED`.
    ///
    /// # Errors
    ///
    /// [`crate::ActivateError`]: `WrongPolicy` without that model, `Priority` for one at which no request could be served,
    /// `Full` for more than 65,536 objects.
    pub fn create_reference_with_priority(
        &self,
        object_id: &[u8],
        type_id: &str,
        priority: Priority,
    ) -> Result<ObjectRef, crate::ActivateError> {
        activation::check_id(object_id)?;
        let real_time = self.0.check_priority(priority)?;
        // First, so that nothing is noted for what has no reference.
        self.0.references()?;
        if !real_time.refer(object_id, priority) {
            return Err(crate::ActivateError::Full);
        }
        self.0.reference(type_id, &self.0.key_of(object_id))
    }

    /// Makes a reference likewise to an object with a new id (`create_reference_with_priority` of the standard).
    ///
    /// # Errors
    ///
    /// As [`Poa::create_reference_with_priority`].
    pub fn create_reference_with_new_id_and_priority(
        &self,
        type_id: &str,
        priority: Priority,
    ) -> Result<ObjectRef, crate::ActivateError> {
        self.create_reference_with_priority(&self.0.new_id(), type_id, priority)
    }

    pub(crate) fn display_name(&self) -> String {
        self.0.display_name()
    }

    fn uses(&self, processing: RequestProcessing) -> bool {
        self.0.policies.request_processing == processing
    }

    fn needs(&self, fulfilled: bool, has: &'static str, needs: &'static str) -> Result<(), FindError> {
        if fulfilled {
            Ok(())
        } else {
            Err(FindError::WrongPolicy {
                poa: self.display_name(),
                has,
                needs,
            })
        }
    }
}

/// The root's name (§15.2.1).
pub(crate) const ROOT: &str = "RootPOA";

impl PartialEq for Poa {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Poa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poa")
            .field("path", &self.path())
            .field("policies", &self.0.policies)
            .finish_non_exhaustive()
    }
}

impl PoaInner {
    pub(crate) fn retains(&self) -> bool {
        self.policies.servant_retention == ServantRetention::Retain
    }

    /// Checks that requests for an object with this priority, declared by the server, can be served.
    pub(crate) fn check_priority(&self, priority: Priority) -> Result<&RealTimePoa, crate::ActivateError> {
        let declares = |real_time: &&RealTimePoa| real_time.policies.declares();
        let Some(real_time) = self.real_time.as_deref().filter(declares) else {
            return Err(crate::ActivateError::WrongPolicy {
                poa: self.display_name(),
                has: "no priority model, or CLIENT_PROPAGATED",
                needs: "objects have priorities of their own with SERVER_DECLARED",
            });
        };
        let checked = real_time.policies.check_priority(priority);
        checked.map_err(crate::ActivateError::Priority)?;
        Ok(real_time)
    }

    /// Returns how many times the weight that is asked for flows to an object on best-effort time have, by the priority that
    /// the server declares.
    pub(crate) fn weight(&self, of_object: Option<Priority>) -> u32 {
        let declared = self.real_time.as_ref().and_then(|it| it.declared(of_object));
        declared.map_or(1, Priority::weight)
    }

    /// Returns the priority that a reference to an object was made with.
    #[inline]
    pub(crate) fn referred(&self, object_id: &[u8]) -> Option<Priority> {
        self.real_time.as_ref()?.referred(object_id)
    }

    pub(crate) fn unique(&self) -> bool {
        self.policies.id_uniqueness == IdUniqueness::Unique
    }

    pub(crate) fn display_name(&self) -> String {
        if self.path.is_empty() {
            ROOT.to_owned()
        } else {
            self.path.join("/")
        }
    }
}

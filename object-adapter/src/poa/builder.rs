// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making a POA.

use std::{
    collections::btree_map::Entry,
    sync::{Arc, atomic::Ordering},
};

use super::{Poa, PoaInner};
use crate::{
    IdAssignment, IdUniqueness, ImplicitActivation, Lifespan, PoaManager, Policies, RequestProcessing,
    ServantRetention, Threads, error::CreateError, key,
};

/// A POA that is about to be made; its policies default to the standard's.
#[derive(Debug)]
#[must_use = "the POA is made by .build()"]
pub struct PoaBuilder<'p> {
    parent: &'p Poa,
    name: String,
    policies: Policies,
    manager: Option<PoaManager>,
}

impl<'p> PoaBuilder<'p> {
    pub(super) fn new(parent: &'p Poa, name: String) -> Self {
        Self {
            parent,
            name,
            policies: Policies::default(),
            manager: None,
        }
    }

    /// Sets all policies.
    pub fn policies(mut self, policies: Policies) -> Self {
        self.policies = policies;
        self
    }

    /// Sets the manager. Defaults to one of its own.
    pub fn manager(mut self, manager: &PoaManager) -> Self {
        self.manager = Some(manager.clone());
        self
    }

    /// Makes references that a later process with the same server id can serve.
    pub fn persistent(mut self) -> Self {
        self.policies.lifespan = Lifespan::Persistent;
        self
    }

    /// Lets the application choose object ids.
    pub fn user_ids(mut self) -> Self {
        self.policies.id_assignment = IdAssignment::User;
        self
    }

    /// Lets one servant be several objects.
    pub fn multiple_ids(mut self) -> Self {
        self.policies.id_uniqueness = IdUniqueness::Multiple;
        self
    }

    /// Serves one request at a time.
    pub fn single_thread(mut self) -> Self {
        self.policies.threads = Threads::Single;
        self
    }

    /// Serves requests on the main thread, one at a time: see [`Threads::Main`].
    pub fn main_thread(mut self) -> Self {
        self.policies.threads = Threads::Main;
        self
    }

    /// Activates servants whose reference is asked for.
    pub fn implicit_activation(mut self) -> Self {
        self.policies.implicit_activation = ImplicitActivation::Allowed;
        self
    }

    /// Keeps no map of active objects.
    pub fn non_retain(mut self) -> Self {
        self.policies.servant_retention = ServantRetention::NonRetain;
        self
    }

    /// Has a servant for all objects that have no other; implies that it may be many.
    pub fn use_default_servant(mut self) -> Self {
        self.policies.request_processing = RequestProcessing::DefaultServant;
        self.policies.id_uniqueness = IdUniqueness::Multiple;
        self
    }

    /// Has a servant manager.
    pub fn use_servant_manager(mut self) -> Self {
        self.policies.request_processing = RequestProcessing::ServantManager;
        self
    }

    /// Makes the POA.
    ///
    /// # Errors
    ///
    /// [`CreateError`].
    pub fn build(self) -> Result<Poa, CreateError> {
        let parent = &self.parent.0;
        if self.name.is_empty() || self.name.len() > key::MAX_NAME {
            return Err(CreateError::NameLength {
                octets: self.name.len(),
            });
        }
        if parent.path.len() >= key::MAX_DEPTH {
            return Err(CreateError::TooDeep);
        }
        self.policies
            .check()
            .map_err(|invalid| CreateError::InvalidPolicy {
                name: self.name.clone(),
                invalid,
            })?;
        let mut path = parent.path.clone();
        path.push(self.name.clone());
        let mut children = parent.children.lock();
        // Checked under the lock, so that no child comes after the end.
        if parent.destroyed.load(Ordering::Acquire) {
            return Err(CreateError::Destroyed(parent.display_name()));
        }
        match children.entry(self.name) {
            Entry::Occupied(there) => Err(CreateError::AlreadyExists {
                parent: parent.display_name(),
                name: there.key().clone(),
            }),
            Entry::Vacant(place) => {
                let shared = Arc::clone(&parent.shared);
                let manager = self.manager.unwrap_or_default();
                let poa = PoaInner::new(shared, Arc::downgrade(parent), path, self.policies, manager);
                tracing::debug!(poa = poa.display_name(), "POA made");
                Ok(place.insert(Poa(Arc::new(poa))).clone())
            }
        }
    }
}

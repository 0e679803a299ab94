// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making a POA.

use std::{
    collections::btree_map::Entry,
    sync::{Arc, atomic::Ordering},
};

use orb_core::exception::SystemException;
use parking_lot::{Mutex, RwLock};

use super::{Poa, PoaInner};
use crate::{
    IdAssignment, IdUniqueness, ImplicitActivation, Lifespan, PoaManager, Policies, RequestProcessing,
    ServantRetention, Threads,
    error::CreateError,
    key,
    rtcorba::{
        InvalidPolicy, OwnEndpoint, Priority, PriorityBand, PriorityModel, PriorityModelPolicy, Protocol,
        RealTimePoa, ServerPolicies, Threadpool,
    },
};

/// A POA that is about to be made; its policies default to the standard's.
#[derive(Debug)]
#[must_use = "the POA is made by .build()"]
pub struct PoaBuilder<'p> {
    parent: &'p Poa,
    name: String,
    policies: Policies,
    manager: Option<PoaManager>,
    real_time: ServerPolicies,
    threadpool: Option<Threadpool>,
}

impl<'p> PoaBuilder<'p> {
    pub(super) fn new(parent: &'p Poa, name: String) -> Self {
        Self {
            parent,
            name,
            policies: Policies::default(),
            manager: None,
            real_time: ServerPolicies::default(),
            threadpool: None,
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

    /// Says at whose RT-CORBA priority requests are served. `server_priority` is that of objects which declare no other,
    /// or, with [`PriorityModel::ClientPropagated`], of requests that come without one. References show both.
    pub fn priority_model(mut self, model: PriorityModel, server_priority: Priority) -> Self {
        self.real_time.model = Some(PriorityModelPolicy {
            model,
            server_priority,
        });
        self
    }

    /// Has requests served by the threads of a pool. Defaults to none: whoever received them serves them.
    pub fn threadpool(mut self, pool: &Threadpool) -> Self {
        self.real_time.threadpool = Some(pool.config().clone());
        self.threadpool = Some(pool.clone());
        self
    }

    /// Has clients use a connection for each of these ranges of priorities; references show them.
    pub fn priority_bands(mut self, bands: impl IntoIterator<Item = PriorityBand>) -> Self {
        self.real_time.bands = Some(bands.into_iter().collect());
        self
    }

    /// Has objects served by these protocols, with connections of the kind that they say (`ServerProtocolPolicy`). For TCP
    /// of another kind than the ORB's, the objects have an endpoint for themselves, which is all that their references name
    /// and is closed with the POA. Defaults to what the ORB does.
    pub fn server_protocols(mut self, protocols: impl IntoIterator<Item = Protocol>) -> Self {
        self.real_time.server_protocols = protocols.into_iter().collect();
        self
    }

    /// Has clients call by these protocols, with connections of the kind that they say (`ClientProtocolPolicy`), unless they
    /// know nothing of it; references show it. A client that says something itself cannot call.
    pub fn client_protocols(mut self, protocols: impl IntoIterator<Item = Protocol>) -> Self {
        self.real_time.client_protocols = protocols.into_iter().collect();
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
        let real_time = self.real_time()?.map(Box::new);
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
                let above = Arc::downgrade(parent);
                let poa = PoaInner::new(shared, above, path, self.policies, manager, real_time);
                tracing::debug!(poa = poa.display_name(), "POA made");
                Ok(place.insert(Poa(Arc::new(poa))).clone())
            }
        }
    }
}

impl PoaBuilder<'_> {
    /// Checks the RT-CORBA policies, and listens where these ask for an endpoint.
    fn real_time(&self) -> Result<Option<RealTimePoa>, CreateError> {
        check_real_time(&self.real_time, &self.policies).map_err(|invalid| {
            CreateError::InvalidRealTimePolicy {
                name: self.name.clone(),
                invalid,
            }
        })?;
        if self.real_time.is_empty() {
            return Ok(None);
        }
        let real_time = RealTimePoa {
            policies: self.real_time.clone(),
            threadpool: self.threadpool.clone(),
            endpoint: Mutex::default(),
            referred: RwLock::default(),
        };
        let protocols = &real_time.policies.server_protocols;
        if protocols.tcp().is_some() {
            let references = self.parent.0.references();
            let opened = references
                .map_err(SystemException::from)
                .and_then(|references| OwnEndpoint::open(references, protocols));
            *real_time.endpoint.lock() = Some(opened.map_err(CreateError::Endpoint)?);
        }
        Ok(Some(real_time))
    }
}

/// Checks that the RT-CORBA policies go together, and with those of CORBA.
fn check_real_time(policies: &ServerPolicies, others: &Policies) -> Result<(), InvalidPolicy> {
    policies.check()?;
    let listens = policies
        .server_protocols
        .iter()
        .any(|protocol| protocol.tcp.is_some());
    if listens && others.lifespan == Lifespan::Persistent {
        return Err(InvalidPolicy::Persistent);
    }
    match others.threads {
        Threads::Single if policies.threadpool.is_some() => {
            Err(InvalidPolicy::ThreadModel("SINGLE_THREAD_MODEL"))
        }
        Threads::Main if policies.threadpool.is_some() => {
            Err(InvalidPolicy::ThreadModel("MAIN_THREAD_MODEL"))
        }
        _ => Ok(()),
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ORB's core: its configuration, transports, connections and initial references.

mod arguments;
mod config;
mod resolve;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use parking_lot::RwLock;

pub use self::{
    arguments::{ArgumentError, OrbArguments},
    config::OrbConfig,
};

use crate::{
    cdr::OrbHandle,
    client::{ConnectionCache, Reach},
    flow::FlowPlanner,
    ior::Ior,
    object::ObjectRef,
    servant::Adapter,
    transport::{Endpoint, Transport},
};

/// Stands for "no limit" where a time is needed.
pub(crate) const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// What all parts of one ORB share.
pub struct OrbCore {
    config: OrbConfig,
    connections: ConnectionCache,
    adapter: OnceLock<Arc<dyn Adapter>>,
    flow_planner: OnceLock<Arc<dyn FlowPlanner>>,
    /// Where this ORB listens, as its references say.
    endpoints: RwLock<Vec<Endpoint>>,
    /// Where only some of its objects are reached.
    lanes: RwLock<Vec<Endpoint>>,
    /// Counts the changes of these and of `adapter`, from 1.
    epoch: AtomicU32,
    initial: RwLock<HashMap<String, Ior>>,
    shut_down: AtomicBool,
}

impl OrbCore {
    /// Makes an ORB that reaches others through `transports`.
    pub fn new(config: OrbConfig, transports: Vec<Arc<dyn Transport>>) -> Arc<Self> {
        Arc::new(Self {
            connections: ConnectionCache::new(&config, transports),
            config,
            adapter: OnceLock::new(),
            flow_planner: OnceLock::new(),
            endpoints: RwLock::default(),
            lanes: RwLock::default(),
            epoch: AtomicU32::new(1),
            initial: RwLock::default(),
            shut_down: AtomicBool::new(false),
        })
    }

    /// Returns how the ORB was configured.
    pub fn config(&self) -> &OrbConfig {
        &self.config
    }

    /// Returns the transport for URLs with this scheme.
    pub fn transport(&self, scheme: &str) -> Option<&Arc<dyn Transport>> {
        self.connections.transport(scheme)
    }

    /// Makes a reference of an IOR.
    pub fn object(self: &Arc<Self>, ior: Ior) -> ObjectRef {
        ObjectRef::new(self, ior)
    }

    /// Sets the adapter that serves this ORB's objects; `false` if there is one already.
    pub fn set_adapter(&self, adapter: Arc<dyn Adapter>) -> bool {
        let set = self.adapter.set(adapter).is_ok();
        self.epoch.fetch_add(1, Ordering::Release);
        set
    }

    /// Returns the adapter that serves this ORB's objects.
    #[inline]
    pub fn adapter(&self) -> Option<&Arc<dyn Adapter>> {
        self.adapter.get()
    }

    /// Sets who plans the client's end of flows; `false` if there is somebody already. Without, callers send for themselves.
    pub fn set_flow_planner(&self, planner: Arc<dyn FlowPlanner>) -> bool {
        self.flow_planner.set(planner).is_ok()
    }

    pub(crate) fn flow_planner(&self) -> Option<&Arc<dyn FlowPlanner>> {
        self.flow_planner.get()
    }

    /// Says that this ORB listens at `endpoint`, spelt as in its references: objects there are called directly.
    pub fn add_local_endpoint(&self, endpoint: Endpoint) {
        self.endpoints.write().push(endpoint);
        self.epoch.fetch_add(1, Ordering::Release);
    }

    /// Says that some objects of this ORB are reached at `endpoint`, spelt as in their references.
    pub fn add_lane(&self, endpoint: Endpoint) {
        self.lanes.write().push(endpoint);
        self.epoch.fetch_add(1, Ordering::Release);
    }

    /// Says that nobody is reached at `endpoint` any more.
    pub fn remove_lane(&self, endpoint: &Endpoint) {
        self.lanes.write().retain(|lane| lane != endpoint);
        self.epoch.fetch_add(1, Ordering::Release);
    }

    /// Says that this ORB no longer listens anywhere.
    pub fn clear_local_endpoints(&self) {
        self.endpoints.write().clear();
        self.lanes.write().clear();
        self.epoch.fetch_add(1, Ordering::Release);
    }

    /// Returns where this ORB listens.
    pub fn local_endpoints(&self) -> Vec<Endpoint> {
        self.endpoints.read().clone()
    }

    /// Tells whether this ORB listens at `endpoint`, for all or some of its objects.
    pub fn is_local_endpoint(&self, endpoint: &Endpoint) -> bool {
        let among = |list: &RwLock<Vec<Endpoint>>| list.read().contains(endpoint);
        self.adapter.get().is_some() && (among(&self.endpoints) || among(&self.lanes))
    }

    #[inline]
    pub(crate) fn endpoint_epoch(&self) -> u32 {
        // 24 bits are kept with each reference.
        self.epoch.load(Ordering::Acquire) & 0x00ff_ffff
    }

    /// Returns what of a reference this ORB can make use of.
    pub(crate) fn reach(&self) -> Reach<'_> {
        Reach {
            max_version: self.config.max_version,
            connections: &self.connections,
        }
    }

    #[inline]
    pub(crate) fn connections(&self) -> &ConnectionCache {
        &self.connections
    }

    /// Tells whether [`OrbCore::shutdown`] was called.
    pub fn is_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::Acquire)
    }

    /// Ends the client side: calls in flight raise `BAD_INV_ORDER` with minor code 4, and no more can be made.
    pub fn shutdown(&self) {
        if !self.shut_down.swap(true, Ordering::AcqRel) {
            tracing::debug!("the ORB shuts down");
            self.connections.stop();
        }
    }
}

impl OrbHandle for OrbCore {}

impl fmt::Debug for OrbCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrbCore")
            .field("config", &self.config)
            .field("endpoints", &self.endpoints.read())
            .finish_non_exhaustive()
    }
}

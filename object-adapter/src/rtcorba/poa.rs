// SPDX-License-Identifier: MIT OR Apache-2.0
//! A POA with RT-CORBA policies: at which priority a request is served, and by whom.

use std::{collections::HashMap, sync::Arc, time::Instant};

use orb_core::{
    context::Context,
    exception::{Completed, SystemException, SystemExceptionKind, minor},
    ior::TaggedComponent,
    rtcorba::{ExposedPolicies, Onward, Priority, PriorityModel, PriorityModelPolicy, ServerPolicies},
};
use parking_lot::{Mutex, RwLock};

use super::{OwnEndpoint, Priorities, PriorityMapping, Threadpool, at_priority::Served};
use crate::main_thread::MainThread;

/// What a POA keeps of its RT-CORBA policies.
#[derive(Debug)]
pub(crate) struct RealTimePoa {
    pub(crate) policies: ServerPolicies,
    pub(crate) threadpool: Option<Threadpool>,
    /// Where its objects are reached, if that is not where the ORB's are; until it is destroyed.
    pub(crate) endpoint: Mutex<Option<OwnEndpoint>>,
    /// Priorities that references were made with, by object id.
    pub(crate) referred: RwLock<HashMap<Box<[u8]>, Priority>>,
}

/// For so many objects of a POA references are made with a priority.
const MOST_REFERRED: usize = 1 << 16;

impl RealTimePoa {
    /// Notes with which priority a reference is made; `false` if there are too many.
    pub(crate) fn refer(&self, object_id: &[u8], priority: Priority) -> bool {
        let mut referred = self.referred.write();
        if referred.len() >= MOST_REFERRED && !referred.contains_key(object_id) {
            return false;
        }
        referred.insert(object_id.into(), priority);
        true
    }

    /// Returns the priority that a reference was made with.
    pub(crate) fn referred(&self, object_id: &[u8]) -> Option<Priority> {
        // An upcall that makes references may be under way.
        self.referred.read_recursive().get(object_id).copied()
    }

    /// Returns the priority that the server declares for an object, if it is its to declare.
    pub(crate) fn declared(&self, of_object: Option<Priority>) -> Option<Priority> {
        let policy = self.policies.model?;
        let declares = policy.model == PriorityModel::ServerDeclared;
        declares.then(|| of_object.unwrap_or(policy.server_priority))
    }

    /// Returns the priority at which a request is served; `None` without a priority model.
    ///
    /// # Errors
    ///
    /// `MARSHAL` or `BAD_PARAM` for a client's that cannot be read.
    pub(crate) fn priority(
        &self,
        cx: &Context<'_>,
        of_object: Option<Priority>,
    ) -> Result<Option<Priority>, SystemException> {
        let Some(policy) = self.policies.model else {
            return Ok(None);
        };
        match self.declared(of_object) {
            Some(declared) => Ok(Some(declared)),
            // A client that knows nothing of RT-CORBA sends none.
            None => Ok(Some(cx.client_priority()?.unwrap_or(policy.server_priority))),
        }
    }

    /// Returns the pool that serves requests of a priority and the lane, unless this is a thread of it.
    ///
    /// # Errors
    ///
    /// `INV_POLICY` for a priority that no lane serves.
    pub(crate) fn pool(
        &self,
        priority: Option<Priority>,
    ) -> Result<Option<(&Threadpool, usize)>, SystemException> {
        let Some(pool) = &self.threadpool else {
            return Ok(None);
        };
        let lane = match priority {
            Some(priority) => self.policies.lane(priority).ok_or_else(|| no_lane(priority))?,
            // Without a priority model there are no lanes.
            None => 0,
        };
        Ok((!pool.is_own_thread(lane)).then_some((pool, lane)))
    }

    /// Returns what references to an object show.
    pub(crate) fn component(&self, of_object: Option<Priority>) -> Option<TaggedComponent> {
        let model = self.policies.model.map(|policy| PriorityModelPolicy {
            server_priority: self.declared(of_object).unwrap_or(policy.server_priority),
            ..policy
        });
        let bands = self.policies.bands.clone().unwrap_or_default();
        let protocols = self.policies.client_protocols.clone();
        ExposedPolicies::new(model, bands, protocols).component()
    }
}

fn no_lane(priority: Priority) -> SystemException {
    SystemException::new(SystemExceptionKind::InvPolicy, minor::UPCALL, Completed::No).with_message(format!(
        "no lane of the thread pool serves requests of priority {priority}"
    ))
}

/// Another thread that a request is served on.
pub(crate) struct Elsewhere<'m> {
    pub(crate) thread: Thread<'m>,
    pub(crate) priorities: &'m Priorities,
}

/// The priority at which another thread serves a request.
pub(crate) struct Level {
    pub(crate) priority: Priority,
    onward: Option<Onward>,
    mapping: Arc<dyn PriorityMapping>,
}

impl Level {
    /// Keeps the calling thread there.
    pub(crate) fn reach(self) -> Result<Served, SystemException> {
        Served::in_upcall(self.priority, self.onward, &*self.mapping)
    }
}

/// Whose.
pub(crate) enum Thread<'m> {
    Main(&'m MainThread),
    OfPool(&'m Threadpool, usize),
}

impl Elsewhere<'_> {
    /// Has the other thread do `work` for a request, whose arguments are so many bytes, and waits for what comes of it.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        cx: &Context<'_>,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, SystemException> {
        let oneway = !cx.response_expected();
        let deadline: Option<Instant> = cx.deadline();
        let given_up = || cx.is_cancelled();
        match self.thread {
            Thread::Main(main) => main.run(oneway, deadline, given_up, work),
            Thread::OfPool(pool, lane) => pool.run(lane, bytes, oneway, deadline, given_up, work),
        }
    }

    /// What keeps the other thread at the request's priority while it serves.
    pub(crate) fn at(&self, cx: &Context<'_>) -> Option<Level> {
        Some(Level {
            priority: cx.priority()?,
            onward: self.priorities.onward(cx),
            mapping: Arc::clone(&self.priorities.mapping),
        })
    }
}

/// Keeps the calling thread at the priority at which a request is served, if it has one.
pub(crate) fn serve_at(cx: &Context<'_>, priorities: &Priorities) -> Result<Option<Served>, SystemException> {
    cx.priority()
        .map(|priority| Served::in_upcall(priority, priorities.onward(cx), &*priorities.mapping))
        .transpose()
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may be called on a lane: its objects, and nobody else.

use std::sync::{Arc, OnceLock, Weak};

use orb_core::{
    cdr::Decoder,
    exception::{Completed, SystemException, SystemExceptionKind, minor},
    servant::{Adapter, Located, Reply, Request},
};

use super::{Lane, lane::Serves};
use crate::{ManagerState, PoaManager, adapter::Shared};

/// Lets requests for the objects of a lane through.
///
/// The lane's plan knows what its own objects cost. Another one could take longer, and delay whoever is more urgent: the
/// scheduler does not interrupt.
#[derive(Debug)]
pub(super) struct Guard {
    adapter: Arc<dyn Adapter>,
    members: Members,
}

#[derive(Debug)]
enum Members {
    One {
        key: Arc<OnceLock<Box<[u8]>>>,
        manager: PoaManager,
    },
    /// The objects that have a seat on the lane.
    Group { shared: Arc<Shared>, lane: Weak<Lane> },
}

/// The object is not active: it was a member that has left, and what a servant manager would do for it costs more than was
/// planned.
struct Absent;

impl Guard {
    /// Makes the guard of a connection to a lane; `None` if the adapter is gone.
    pub(super) fn new(adapter: &Arc<dyn Adapter>, lane: &Arc<Lane>) -> Option<Self> {
        let members = match lane.serves() {
            Serves::One { key, manager } => Members::One {
                key: Arc::clone(key),
                manager: manager.clone(),
            },
            Serves::Group(shared) => Members::Group {
                shared: shared.upgrade()?,
                lane: Arc::downgrade(lane),
            },
        };
        Some(Self {
            adapter: Arc::clone(adapter),
            members,
        })
    }

    fn check(&self, object_key: &[u8]) -> Result<(), SystemException> {
        match self.members.state(object_key) {
            Err(Absent) => Err(refused(
                SystemExceptionKind::ObjectNotExist,
                minor::NO_SUCH_ADAPTER,
                "no object with this key is active, and a lane serves no others",
            )),
            Ok(None) => Err(refused(
                SystemExceptionKind::NoPermission,
                minor::UPCALL,
                "this endpoint is the lane of another object",
            )),
            Ok(Some(ManagerState::Holding)) => Err(refused(
                SystemExceptionKind::Transient,
                minor::REQUEST_DISCARDED,
                "the POA manager is holding requests, and those to objects with a guarantee do not wait",
            )),
            Ok(Some(_)) => Ok(()),
        }
    }
}

impl Members {
    /// Returns the state of the manager of a member's POA; `None` for objects that are no members.
    fn state(&self, object_key: &[u8]) -> Result<Option<ManagerState>, Absent> {
        match self {
            Self::One { key, manager } => {
                let is_it = key.get().is_some_and(|key| **key == *object_key);
                Ok(is_it.then(|| manager.state()))
            }
            Self::Group { shared, lane } => {
                let object = shared.objects.find(object_key).ok_or(Absent)?;
                let seat = object.seat.as_ref();
                let is_here = seat.is_some_and(|seat| Arc::as_ptr(seat.lane()) == lane.as_ptr());
                Ok(is_here.then(|| object.poa.manager.state()))
            }
        }
    }
}

fn refused(kind: SystemExceptionKind, code: u32, why: &'static str) -> SystemException {
    SystemException::new(kind, code, Completed::No).with_message(why)
}

impl Adapter for Guard {
    fn dispatch(&self, request: &Request<'_>, args: &mut Decoder<'_>, reply: &mut Reply<'_>) {
        match self.check(request.object_key) {
            Ok(()) => self.adapter.dispatch(request, args, reply),
            Err(refusal) => reply.system(&refusal),
        }
    }

    fn locate(&self, object_key: &[u8]) -> Located {
        match self.check(object_key) {
            Ok(()) => self.adapter.locate(object_key),
            // The request that follows is told why.
            Err(_) => Located::Here,
        }
    }
}

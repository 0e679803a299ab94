// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may be called on a lane: its object, and nobody else.

use std::sync::{Arc, OnceLock};

use orb_core::{
    cdr::Decoder,
    exception::{Completed, SystemException, SystemExceptionKind, minor},
    servant::{Adapter, Located, Reply, Request},
};

use crate::{ManagerState, PoaManager};

/// Lets requests for one object through.
///
/// The lane's plan knows what its own object costs. Another one could take longer, and delay whoever is more urgent: the
/// scheduler does not interrupt.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) adapter: Arc<dyn Adapter>,
    pub(super) key: Arc<OnceLock<Box<[u8]>>>,
    pub(super) manager: PoaManager,
}

impl Guard {
    fn check(&self, object_key: &[u8]) -> Result<(), SystemException> {
        let refused =
            |kind, code, why| Err(SystemException::new(kind, code, Completed::No).with_message(why));
        if self.key.get().is_none_or(|key| **key != *object_key) {
            return refused(
                SystemExceptionKind::NoPermission,
                minor::UPCALL,
                "this endpoint is the lane of another object",
            );
        }
        if self.manager.state() == ManagerState::Holding {
            return refused(
                SystemExceptionKind::Transient,
                minor::REQUEST_DISCARDED,
                "the POA manager is holding requests, and those to objects with a guarantee do not wait",
            );
        }
        Ok(())
    }
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

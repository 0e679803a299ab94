// SPDX-License-Identifier: MIT OR Apache-2.0
//! References whose oneways travel in datagrams.

use std::sync::Arc;

use super::{ObjectRef, Terms};
use crate::{
    client::Target,
    exception::{Completed, Result, SystemException, SystemExceptionKind as Kind, minor},
    rtcorba::ProtocolType,
};

impl ObjectRef {
    /// Returns the same reference, without a flow of its own, whose oneways travel in datagrams of UDP, one message in each:
    /// nothing is waited for, nothing queues behind what was lost, and **some may be lost**, come in another order than they
    /// were sent in, or overtake other calls. A server of this kind takes none twice, and counts what it did not get, of
    /// the last 1,024 senders.
    ///
    /// Everything that has a reply goes on as before, oneways with [`SyncScope::WithServer`](crate::invoke::SyncScope) and
    /// `WithTarget` among it. A oneway whose message, headers and all, is longer than 65,507 octets raises `IMP_LIMIT`; what is
    /// longer than the network's packets is cut into fragments, of which each one that is lost costs all.
    ///
    /// # Errors
    ///
    /// `INV_POLICY` if the reference names no endpoint for datagrams (`diop://…`), or the ORB has no transport for it, or it is
    /// to be called by other protocols.
    pub fn with_datagrams(&self) -> Result<Self> {
        let is_allowed = self.protocols()?.allows(ProtocolType::DIOP);
        let target = Target::of_datagrams(self.ior(), &self.0.core.reach()).filter(|_| is_allowed);
        let target = target.ok_or_else(|| {
            let why = "the reference names no endpoint for datagrams that this ORB can use";
            SystemException::new(Kind::InvPolicy, minor::POLICIES_NOT_RECONCILED, Completed::No)
                .with_message(why)
        })?;
        Ok(self.on_terms(Terms {
            datagrams: Some(Arc::new(target)),
            flow: None,
            ..self.0.terms.clone()
        }))
    }

    /// Returns the reference by which requests without a reply go.
    #[inline]
    pub(crate) fn for_oneways(&self) -> &Self {
        match &self.0.terms.datagrams {
            Some(target) => self.by_datagrams(target),
            None => self,
        }
    }

    fn by_datagrams(&self, target: &Arc<Target>) -> &Self {
        self.0.by_datagrams.get_or_init(|| {
            let terms = Terms {
                timeout: self.0.terms.timeout,
                protocols: self.0.terms.protocols.clone(),
                ..Terms::default()
            };
            Self::of_target(&self.0.core, Arc::clone(target), terms)
        })
    }
}

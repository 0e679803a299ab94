// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who serves a connection that was taken in only to say why it is not served.

use crate::{
    cdr::Decoder,
    exception::SystemException,
    servant::{Adapter, Located, Reply, Request},
};

/// Answers everything with an exception.
#[derive(Debug)]
pub(super) struct Declined(pub(super) SystemException);

impl Adapter for Declined {
    fn dispatch(&self, _: &Request<'_>, _: &mut Decoder<'_>, reply: &mut Reply<'_>) {
        reply.system(&self.0);
    }

    fn locate(&self, _: &[u8]) -> Located {
        // The request that follows is told more than a locate reply could say before GIOP 1.2.
        Located::Here
    }
}

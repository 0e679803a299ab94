// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hook between the ORB and the object adapter: from an object key to a servant.

use std::fmt;

use crate::{
    cdr::Decoder,
    context::{Context, Origin},
    exception::SystemException,
    ior::Ior,
    servant::{Reply, Servant},
    server::{Asking, Verdict},
};

/// A request as the adapter sees it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The key that was in the reference's profile.
    pub object_key: &'a [u8],
    /// The operation's name on the wire.
    pub operation: &'a str,
    /// Where it came from.
    pub origin: Origin<'a>,
}

/// Finds the object a key stands for, and calls it.
pub trait Adapter: Send + Sync + fmt::Debug {
    /// Serves a request: finds the servant and lets it answer, or answers itself.
    fn dispatch(&self, request: &Request<'_>, args: &mut Decoder<'_>, reply: &mut Reply<'_>);

    /// Tells where the object is (LocateRequest) without calling it.
    fn locate(&self, object_key: &[u8]) -> Located;

    /// Decides on what a client asks for its connection; `None` if the connection was taken over
    /// ([`Asking::into_flow`]). Called on an ordinary thread. Defaults to granting nothing to anybody.
    fn negotiate(&self, asking: Asking) -> Option<Verdict> {
        let _ = asking;
        Some(Verdict::Unheard)
    }

    /// Runs `call` with the servant behind the key, on this thread and under the adapter's rules; used for calls
    /// within one process. Defaults to finding none there: such calls go through the transport as others do.
    ///
    /// # Errors
    ///
    /// A [`CollocatedError`] if the adapter did not let the call through.
    fn collocated(
        &self,
        object_key: &[u8],
        operation: &str,
        call: &mut dyn FnMut(&dyn Servant, &Context<'_>),
    ) -> Result<(), CollocatedError> {
        let _ = (object_key, operation, call);
        Err(CollocatedError::NotLocal)
    }
}

/// Where an object is.
#[derive(Clone, Debug)]
pub enum Located {
    /// Nobody knows it.
    Unknown,
    /// Here.
    Here,
    /// There.
    Elsewhere(Ior),
    /// It could not be found out.
    Failed(SystemException),
}

/// Why a collocated call did not reach a servant.
#[derive(Clone, Debug)]
pub enum CollocatedError {
    /// The adapter raised this.
    Exception(SystemException),
    /// The object is there.
    Forward(Ior),
    /// The key is none of this adapter's, or the servant is another thread's to call: a message can go there.
    NotLocal,
}

impl From<SystemException> for CollocatedError {
    fn from(exception: SystemException) -> Self {
        Self::Exception(exception)
    }
}

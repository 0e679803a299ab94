// SPDX-License-Identifier: MIT OR Apache-2.0
//! Servants on demand (CORBA 3.3 Part 1 §15.3.5 to §15.3.7), and POAs on demand (§15.3.3).

use std::{any::Any, fmt, sync::Arc};

use orb_core::{exception::SystemException, object::ObjectRef, servant::Servant};

use crate::Poa;

/// Why a servant manager hands out no servant.
#[derive(Clone, Debug)]
pub enum ServantManagerError {
    /// The object is there: the client is sent on (`PortableServer::ForwardRequest`).
    Forward(ObjectRef),
    /// The client gets this.
    Exception(SystemException),
}

impl From<SystemException> for ServantManagerError {
    fn from(exception: SystemException) -> Self {
        Self::Exception(exception)
    }
}

/// An object that leaves the map.
#[derive(Clone)]
pub struct Etherealized<'a> {
    /// Its id.
    pub object_id: &'a [u8],
    /// Its POA.
    pub poa: &'a Poa,
    /// Its servant.
    pub servant: Arc<dyn Servant>,
    /// Whether the POA is being destroyed.
    pub cleanup_in_progress: bool,
    /// Whether the servant is still used elsewhere.
    pub remaining_activations: bool,
}

impl fmt::Debug for Etherealized<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Etherealized")
            .field("object_id", &self.object_id.escape_ascii().to_string())
            .field("poa", &self.poa)
            .field("cleanup_in_progress", &self.cleanup_in_progress)
            .field("remaining_activations", &self.remaining_activations)
            .finish_non_exhaustive()
    }
}

/// Makes servants that the POA then remembers (`RETAIN`).
pub trait ServantActivator: Send + Sync + 'static {
    /// Makes the servant of an object that is not in the map; called by one thread at a time for one object.
    ///
    /// # Errors
    ///
    /// A [`ServantManagerError`], which the client gets.
    fn incarnate(&self, object_id: &[u8], poa: &Poa) -> Result<Arc<dyn Servant>, ServantManagerError>;

    /// Takes leave of an object that was deactivated and whose last request has ended. Defaults to nothing.
    fn etherealize(&self, object: Etherealized<'_>) {
        let _ = object;
    }
}

/// What a locator passes from [`ServantLocator::preinvoke`] to [`ServantLocator::postinvoke`].
pub type Cookie = Box<dyn Any>;

/// Finds a servant for each single request (`NON_RETAIN`).
pub trait ServantLocator: Send + Sync + 'static {
    /// Returns the servant for one request.
    ///
    /// # Errors
    ///
    /// A [`ServantManagerError`], which the client gets.
    fn preinvoke(
        &self,
        object_id: &[u8],
        poa: &Poa,
        operation: &str,
    ) -> Result<(Arc<dyn Servant>, Cookie), ServantManagerError>;

    /// Learns that the request has ended. Defaults to nothing.
    fn postinvoke(
        &self,
        object_id: &[u8],
        poa: &Poa,
        operation: &str,
        cookie: Cookie,
        servant: Arc<dyn Servant>,
    ) {
        let _ = (object_id, poa, operation, cookie, servant);
    }
}

/// Makes POAs on demand.
pub trait AdapterActivator: Send + Sync + 'static {
    /// Makes the child `name` of `parent` with [`Poa::create`]; tells whether it did. Called when a request, or
    /// [`Poa::find`], wants a POA that is not there.
    fn unknown_adapter(&self, parent: &Poa, name: &str) -> bool;
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Object references.

mod narrow;

use std::{fmt, sync::Arc, time::Duration};

pub use self::narrow::NarrowCall;

use crate::orb::OrbCore;

/// A typed object reference: what generated code makes of an IDL interface.
pub trait Interface:
    From<ObjectRef> + Into<ObjectRef> + AsRef<ObjectRef> + Clone + Send + Sync + 'static
{
    /// The repository id of the interface.
    const REPOSITORY_ID: &'static str;
}

/// A reference to an object of any interface; cheap to clone.
///
/// Two references are equal if they are known to name the same object (`is_equivalent`).
#[derive(Clone)]
pub struct ObjectRef(Arc<Inner>);

struct Inner {
    core: Arc<OrbCore>,
    timeout: Option<Duration>,
}

impl ObjectRef {
    /// Returns the ORB this reference belongs to.
    pub fn orb(&self) -> &Arc<OrbCore> {
        &self.0.core
    }

    /// Asks whether the object supports `T`, and if so returns the reference as one; a call is made only if the
    /// reference does not say so itself.
    pub fn narrow<T: Interface>(&self) -> NarrowCall<'_, T> {
        NarrowCall::new(self)
    }

    /// Returns the reference as one of `T` without asking.
    pub fn unchecked_narrow<T: Interface>(&self) -> T {
        T::from(self.clone())
    }

    /// Returns the same reference with another time limit for its calls.
    #[must_use]
    pub fn with_timeout(&self, time: Duration) -> Self {
        Self(Arc::new(Inner {
            core: Arc::clone(&self.0.core),
            timeout: Some(time),
        }))
    }
}

impl PartialEq for ObjectRef {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl AsRef<ObjectRef> for ObjectRef {
    fn as_ref(&self) -> &ObjectRef {
        self
    }
}

impl Interface for ObjectRef {
    // CORBA 3.3 Part 1 §8.3: every object supports the pseudo-interface Object.
    const REPOSITORY_ID: &'static str = "IDL:omg.org/CORBA/Object:1.0";
}

impl fmt::Debug for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectRef")
            .field("timeout", &self.0.timeout)
            .finish_non_exhaustive()
    }
}

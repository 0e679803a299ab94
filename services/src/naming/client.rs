// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client of a naming service.

use upcall::{Interface, ObjectRef, Orb, SystemException};

use super::idl::cos_naming::{
    self, NamingContextBindContextError, NamingContextBindError, NamingContextBindNewContextError,
    NamingContextDestroyError, NamingContextRebindError, NamingContextRef, NamingContextResolveError,
    NamingContextUnbindError, naming_context::NotFoundReason,
};
use super::listing::Listing;
use super::{Name, NameComponent, NameError};

/// Gives an ORB its naming service: bring it into scope for `orb.naming()`.
pub trait OrbNaming {
    /// Returns the naming service that the ORB knows as the initial reference `NameService`, from
    /// `-ORBInitRef NameService=…` or its equals.
    ///
    /// # Errors
    ///
    /// `INV_OBJREF` or `BAD_PARAM` if the ORB knows none.
    fn naming(&self) -> upcall::Result<Naming>;
}

impl OrbNaming for Orb {
    fn naming(&self) -> upcall::Result<Naming> {
        let root: NamingContextRef = self.resolve("corbaloc:rir:/NameService")?;
        Ok(Naming::new(root))
    }
}

/// A naming context of any ORB, and what lies below it.
///
/// Names are written as the Interoperable Naming Service writes them, `id.kind/id.kind`: see [`Name`].
#[derive(Debug, Clone)]
pub struct Naming {
    context: NamingContextRef,
}

/// Why a naming service did not do what it was asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NamingError {
    /// The name is not written as names are.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A component of the name leads nowhere.
    #[error("`{name}` is not bound: {reason} at `{rest}`")]
    NotFound {
        /// The whole name.
        name: Name,
        /// What is wrong with the first component of the rest.
        reason: Missing,
        /// From there on nothing was found.
        rest: Name,
    },
    /// The service gave up on the way.
    #[error("the naming service could not proceed at `{rest}`")]
    CannotProceed {
        /// What it did not come to.
        rest: Name,
    },
    /// The service does not accept the name.
    #[error("the naming service does not accept the name `{name}`")]
    InvalidName {
        /// The name.
        name: Name,
    },
    /// The name is taken.
    #[error("`{name}` is bound already")]
    AlreadyBound {
        /// The name.
        name: Name,
    },
    /// The context still holds bindings.
    #[error("the context is not empty")]
    NotEmpty,
    /// The object is not of the interface that was asked for.
    #[error("`{name}` is bound to an object that is no {wanted}")]
    WrongType {
        /// The name.
        name: Name,
        /// The repository id that was asked for.
        wanted: &'static str,
    },
    /// The naming service could not be asked.
    #[error(transparent)]
    System(#[from] SystemException),
}

/// What is wrong with a name (Naming Service 1.3 §2.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Nothing has that name.
    Node,
    /// Something that is no context has that name.
    Context,
    /// A context has that name.
    Object,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Node => "there is nothing",
            Self::Context => "there is no context",
            Self::Object => "there is no object",
        })
    }
}

impl Naming {
    /// Wraps a context.
    pub fn new(context: NamingContextRef) -> Self {
        Self { context }
    }

    /// Returns the context itself, with all its operations.
    pub fn context(&self) -> &NamingContextRef {
        &self.context
    }

    /// Finds the object of that name, as one of `T`; the object is asked where its reference does not tell.
    ///
    /// # Errors
    ///
    /// [`NamingError`]: what is wrong with the name or with what it is bound to.
    pub fn resolve<T: Interface>(&self, name: &str) -> Result<T, NamingError> {
        let object = self.resolve_object(name)?;
        let wrong = || {
            Ok(NamingError::WrongType {
                name: name.parse()?,
                wanted: T::REPOSITORY_ID,
            })
        };
        match object.narrow::<T>().wait()? {
            Some(narrowed) => Ok(narrowed),
            None => Err(wrong().unwrap_or_else(|error: NameError| error.into())),
        }
    }

    /// Finds the object of that name.
    ///
    /// # Errors
    ///
    /// [`NamingError`]: what is wrong with the name.
    pub fn resolve_object(&self, name: &str) -> Result<ObjectRef, NamingError> {
        let name: Name = name.parse()?;
        let found = self
            .context
            .resolve(&to_idl(&name))
            .wait()
            .map_err(|error| error.about(&name))?;
        found.ok_or_else(|| NamingError::NotFound {
            reason: Missing::Object,
            rest: name.clone(),
            name,
        })
    }

    /// Binds the object to a name that is free.
    ///
    /// # Errors
    ///
    /// [`NamingError::AlreadyBound`] and what else is wrong with the name.
    pub fn bind(&self, name: &str, object: &impl AsRef<ObjectRef>) -> Result<(), NamingError> {
        let name: Name = name.parse()?;
        self.context
            .bind(&to_idl(&name), Some(object.as_ref()))
            .wait()
            .map_err(|error| error.about(&name))
    }

    /// Binds the object to a name, in place of what it was bound to.
    ///
    /// # Errors
    ///
    /// [`NamingError`]: what is wrong with the name.
    pub fn rebind(&self, name: &str, object: &impl AsRef<ObjectRef>) -> Result<(), NamingError> {
        let name: Name = name.parse()?;
        self.context
            .rebind(&to_idl(&name), Some(object.as_ref()))
            .wait()
            .map_err(|error| error.about(&name))
    }

    /// Frees a name.
    ///
    /// # Errors
    ///
    /// [`NamingError`]: what is wrong with the name.
    pub fn unbind(&self, name: &str) -> Result<(), NamingError> {
        let name: Name = name.parse()?;
        self.context
            .unbind(&to_idl(&name))
            .wait()
            .map_err(|error| error.about(&name))
    }

    /// Makes a new context and binds it to a name that is free.
    ///
    /// # Errors
    ///
    /// [`NamingError::AlreadyBound`] and what else is wrong with the name.
    pub fn bind_new_context(&self, name: &str) -> Result<Self, NamingError> {
        let name: Name = name.parse()?;
        self.new_context_at(&name)
    }

    fn new_context_at(&self, name: &Name) -> Result<Self, NamingError> {
        let made = self
            .context
            .bind_new_context(&to_idl(name))
            .wait()
            .map_err(|error| error.about(name))?;
        let nil = || NamingError::NotFound {
            name: name.clone(),
            reason: Missing::Context,
            rest: name.clone(),
        };
        made.map(Self::new).ok_or_else(nil)
    }

    /// Binds a context to a name that is free.
    ///
    /// # Errors
    ///
    /// [`NamingError::AlreadyBound`] and what else is wrong with the name.
    pub fn bind_context(&self, name: &str, context: &Self) -> Result<(), NamingError> {
        let name: Name = name.parse()?;
        let bound = self
            .context
            .bind_context(&to_idl(&name), Some(&context.context))
            .wait();
        bound.map_err(|error| error.about(&name))
    }

    /// Makes every context on the way to the name, the last component left out, that is not there yet.
    ///
    /// # Errors
    ///
    /// [`NamingError::NotFound`] if something else than a context is in the way.
    pub fn make_contexts(&self, name: &str) -> Result<(), NamingError> {
        let Name(components) = name.parse()?;
        for length in 1..components.len() {
            match self.new_context_at(&Name(components.iter().take(length).cloned().collect())) {
                Ok(_) | Err(NamingError::AlreadyBound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns the context of that name.
    ///
    /// # Errors
    ///
    /// [`NamingError`]: what is wrong with the name.
    pub fn enter(&self, name: &str) -> Result<Self, NamingError> {
        self.resolve::<NamingContextRef>(name).map(Self::new)
    }

    /// Lists what is bound in this context, not below it.
    ///
    /// # Errors
    ///
    /// [`NamingError::System`].
    pub fn list(&self) -> Result<Listing, NamingError> {
        Listing::of(&self.context)
    }

    /// Destroys the context, which must be empty; the name it is bound to stays.
    ///
    /// # Errors
    ///
    /// [`NamingError::NotEmpty`].
    pub fn destroy(&self) -> Result<(), NamingError> {
        self.context.destroy().wait().map_err(|error| match error {
            NamingContextDestroyError::NotEmpty(_) => NamingError::NotEmpty,
            NamingContextDestroyError::System(error) => error.into(),
        })
    }
}

/// What one operation raises, as an error about the name it was called with.
trait About {
    fn about(self, name: &Name) -> NamingError;
}

macro_rules! about {
    ($($error:ident { $($more:ident)? })*) => {$(
        impl About for $error {
            fn about(self, name: &Name) -> NamingError {
                let name = name.clone();
                match self {
                    Self::NotFound(error) => {
                        let rest = from_idl(error.rest_of_name);
                        NamingError::NotFound { name, reason: error.why.into(), rest }
                    }
                    Self::CannotProceed(error) => {
                        NamingError::CannotProceed { rest: from_idl(error.rest_of_name) }
                    }
                    Self::InvalidName(_) => NamingError::InvalidName { name },
                    $(Self::$more(_) => NamingError::AlreadyBound { name },)?
                    Self::System(error) => error.into(),
                }
            }
        }
    )*};
}

about! {
    NamingContextBindError { AlreadyBound }
    NamingContextBindContextError { AlreadyBound }
    NamingContextBindNewContextError { AlreadyBound }
    NamingContextRebindError {}
    NamingContextResolveError {}
    NamingContextUnbindError {}
}

impl From<NotFoundReason> for Missing {
    fn from(reason: NotFoundReason) -> Self {
        match reason {
            NotFoundReason::MissingNode => Self::Node,
            NotFoundReason::NotContext => Self::Context,
            NotFoundReason::NotObject => Self::Object,
        }
    }
}

/// A name as operations take it.
pub(super) fn to_idl(name: &Name) -> Vec<cos_naming::NameComponent> {
    let component = |part: &NameComponent| cos_naming::NameComponent {
        id: part.id.clone(),
        kind: part.kind.clone(),
    };
    name.0.iter().map(component).collect()
}

/// A name as operations give it.
pub(super) fn from_idl(name: Vec<cos_naming::NameComponent>) -> Name {
    Name(
        name.into_iter()
            .map(|part| NameComponent {
                id: part.id,
                kind: part.kind,
            })
            .collect(),
    )
}

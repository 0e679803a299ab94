// SPDX-License-Identifier: MIT OR Apache-2.0
//! A naming service in this process: its contexts live in memory and end with it.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use upcall::{Completed, Context, ObjectRef, Orb, SystemException, SystemExceptionKind};

use super::Name;
use super::client::{Naming, from_idl};
use super::idl::cos_naming::{
    self, Binding, BindingIterator, BindingIteratorRef, BindingIteratorSkeleton, BindingType, NamingContext,
    NamingContextBindContextError, NamingContextBindError, NamingContextBindNewContextError,
    NamingContextDestroyError, NamingContextExt, NamingContextExtRef, NamingContextExtResolveStrError,
    NamingContextExtSkeleton, NamingContextExtToNameError, NamingContextExtToStringError,
    NamingContextExtToUrlError, NamingContextRebindContextError, NamingContextRebindError, NamingContextRef,
    NamingContextResolveError, NamingContextUnbindError,
    naming_context::{AlreadyBound, CannotProceed, InvalidName, NotEmpty, NotFound, NotFoundReason},
};

/// Names that one context holds at most.
const MOST_NAMES: usize = 1_000_000;
/// Bindings that one reply carries at most.
const MOST_LISTED: usize = 10_000;

type Components = Vec<cos_naming::NameComponent>;

/// Starts a naming service with an empty root context, served by the ORB's root adapter: clients find it at
/// `corbaloc::HOST:PORT/NameService`. Its contexts hold the ORB, so it is served until [`Orb::shutdown`].
///
/// # Errors
///
/// `OBJ_ADAPTER` when the adapter does not serve, for instance because there is a naming service already.
pub fn start(orb: &Orb) -> upcall::Result<Naming> {
    let root = Tree {
        orb: orb.clone(),
        names: Mutex::default(),
    };
    let root = orb
        .root_poa()
        .activate(NamingContextExtSkeleton::new(root))
        .object_key("NameService");
    let root: NamingContextExtRef = root.export()?;
    Ok(Naming::new(root.into()))
}

/// What a name stands for.
#[derive(Clone)]
enum Bound {
    Object(Option<ObjectRef>),
    Context(NamingContextRef),
}

/// One context.
struct Tree {
    orb: Orb,
    names: Mutex<BTreeMap<(String, String), Bound>>,
}

/// What the operations on names raise; each raises some of them.
enum Problem {
    NotFound(NotFoundReason, Components),
    CannotProceed(CannotProceed),
    InvalidName,
    AlreadyBound,
    System(SystemException),
}

/// Where a name leads: a binding of this context, or one of another.
enum Step<'a> {
    Here((String, String)),
    Below(NamingContextRef, &'a [cos_naming::NameComponent]),
}

impl Tree {
    /// Makes a context and its reference.
    fn context(orb: &Orb) -> upcall::Result<NamingContextExtRef> {
        let context = Self {
            orb: orb.clone(),
            names: Mutex::default(),
        };
        let context = NamingContextExtSkeleton::new(context);
        Ok(orb.root_poa().activate(context).export()?)
    }

    /// Follows the name's first component.
    fn step<'a>(&self, name: &'a [cos_naming::NameComponent]) -> Result<Step<'a>, Problem> {
        let (first, rest) = name.split_first().ok_or(Problem::InvalidName)?;
        let key = (first.id.clone(), first.kind.clone());
        if rest.is_empty() {
            return Ok(Step::Here(key));
        }
        match self.names.lock().get(&key) {
            Some(Bound::Context(context)) => Ok(Step::Below(context.clone(), rest)),
            Some(Bound::Object(_)) => Err(Problem::NotFound(NotFoundReason::NotContext, name.to_vec())),
            None => Err(Problem::NotFound(NotFoundReason::MissingNode, name.to_vec())),
        }
    }

    fn find(&self, name: &[cos_naming::NameComponent]) -> Result<Option<ObjectRef>, Problem> {
        match self.step(name)? {
            Step::Below(context, rest) => context.resolve(rest).wait().map_err(Into::into),
            Step::Here(key) => match self.names.lock().get(&key) {
                Some(Bound::Object(object)) => Ok(object.clone()),
                Some(Bound::Context(context)) => Ok(Some(context.clone().into())),
                None => Err(Problem::NotFound(NotFoundReason::MissingNode, name.to_vec())),
            },
        }
    }

    /// Binds in this context; `again` allows another binding of the same kind to go.
    fn put(&self, key: (String, String), bound: Bound, again: bool) -> Result<(), Problem> {
        let mut names = self.names.lock();
        match (names.get(&key), &bound) {
            (Some(_), _) if !again => return Err(Problem::AlreadyBound),
            // Naming Service 1.3 §2.2.3.2: rebinding keeps objects objects, and contexts contexts.
            (Some(Bound::Context(_)), Bound::Object(_)) => {
                return Err(Problem::NotFound(NotFoundReason::NotObject, vec![component(key)]));
            }
            (Some(Bound::Object(_)), Bound::Context(_)) => {
                return Err(Problem::NotFound(
                    NotFoundReason::NotContext,
                    vec![component(key)],
                ));
            }
            (None, _) if names.len() >= MOST_NAMES => {
                let full = SystemException::from(SystemExceptionKind::NoResources);
                return Err(Problem::System(full.with_message("the naming context is full")));
            }
            _ => {}
        }
        names.insert(key, bound);
        Ok(())
    }

    fn take(&self, name: &[cos_naming::NameComponent]) -> Result<(), Problem> {
        match self.step(name)? {
            Step::Below(context, rest) => context.unbind(rest).wait().map_err(Into::into),
            Step::Here(key) => match self.names.lock().remove(&key) {
                Some(_) => Ok(()),
                None => Err(Problem::NotFound(NotFoundReason::MissingNode, name.to_vec())),
            },
        }
    }

    fn bindings(&self) -> Vec<Binding> {
        let names = self.names.lock();
        let binding = |(key, bound): (&(String, String), &Bound)| Binding {
            binding_name: vec![component(key.clone())],
            binding_type: match bound {
                Bound::Object(_) => BindingType::Nobject,
                Bound::Context(_) => BindingType::Ncontext,
            },
        };
        names.iter().map(binding).collect()
    }
}

fn component((id, kind): (String, String)) -> cos_naming::NameComponent {
    cos_naming::NameComponent { id, kind }
}

/// A context that is not nil.
fn some(context: Option<NamingContextRef>) -> Result<NamingContextRef, Problem> {
    context.ok_or_else(|| {
        let nil = SystemException::from(SystemExceptionKind::BadParam);
        Problem::System(nil.with_message("the context is nil"))
    })
}

/// How the operations' errors and [`Problem`] become one another.
macro_rules! problems {
    ($($error:ident { $($more:ident)? })*) => {$(
        impl From<Problem> for $error {
            fn from(problem: Problem) -> Self {
                match problem {
                    Problem::NotFound(why, rest_of_name) => Self::NotFound(NotFound { why, rest_of_name }),
                    Problem::CannotProceed(error) => Self::CannotProceed(error),
                    Problem::InvalidName => Self::InvalidName(InvalidName {}),
                    $(Problem::$more => Self::$more(AlreadyBound {}),)?
                    Problem::System(error) => Self::System(error),
                    #[allow(unreachable_patterns, reason = "not every operation binds")]
                    Problem::AlreadyBound => {
                        Self::System(SystemException::new(SystemExceptionKind::Internal, 0, Completed::Maybe))
                    }
                }
            }
        }

        impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                match error {
                    $error::NotFound(error) => Self::NotFound(error.why, error.rest_of_name),
                    $error::CannotProceed(error) => Self::CannotProceed(error),
                    $error::InvalidName(_) => Self::InvalidName,
                    $($error::$more(_) => Self::AlreadyBound,)?
                    $error::System(error) => Self::System(error),
                }
            }
        }
    )*};
}

problems! {
    NamingContextBindError { AlreadyBound }
    NamingContextBindContextError { AlreadyBound }
    NamingContextBindNewContextError { AlreadyBound }
    NamingContextRebindError {}
    NamingContextRebindContextError {}
    NamingContextResolveError {}
    NamingContextUnbindError {}
    NamingContextExtResolveStrError {}
}

impl NamingContext for Tree {
    fn bind(
        &self,
        _cx: &Context,
        name: Components,
        object: Option<ObjectRef>,
    ) -> Result<(), NamingContextBindError> {
        match self.step(&name)? {
            Step::Below(context, rest) => context.bind(rest, object.as_ref()).wait(),
            Step::Here(key) => Ok(self.put(key, Bound::Object(object), false)?),
        }
    }

    fn rebind(
        &self,
        _cx: &Context,
        name: Components,
        object: Option<ObjectRef>,
    ) -> Result<(), NamingContextRebindError> {
        match self.step(&name)? {
            Step::Below(context, rest) => context.rebind(rest, object.as_ref()).wait(),
            Step::Here(key) => Ok(self.put(key, Bound::Object(object), true)?),
        }
    }

    fn bind_context(
        &self,
        _cx: &Context,
        name: Components,
        context: Option<NamingContextRef>,
    ) -> Result<(), NamingContextBindContextError> {
        match self.step(&name)? {
            Step::Below(below, rest) => below.bind_context(rest, context.as_ref()).wait(),
            Step::Here(key) => Ok(self.put(key, Bound::Context(some(context)?), false)?),
        }
    }

    fn rebind_context(
        &self,
        _cx: &Context,
        name: Components,
        context: Option<NamingContextRef>,
    ) -> Result<(), NamingContextRebindContextError> {
        match self.step(&name)? {
            Step::Below(below, rest) => below.rebind_context(rest, context.as_ref()).wait(),
            Step::Here(key) => Ok(self.put(key, Bound::Context(some(context)?), true)?),
        }
    }

    fn resolve(
        &self,
        _cx: &Context,
        name: Components,
    ) -> Result<Option<ObjectRef>, NamingContextResolveError> {
        Ok(self.find(&name)?)
    }

    fn unbind(&self, _cx: &Context, name: Components) -> Result<(), NamingContextUnbindError> {
        Ok(self.take(&name)?)
    }

    fn new_context(&self, _cx: &Context) -> upcall::Result<Option<NamingContextRef>> {
        Self::context(&self.orb).map(|context| Some(context.into()))
    }

    fn bind_new_context(
        &self,
        _cx: &Context,
        name: Components,
    ) -> Result<Option<NamingContextRef>, NamingContextBindNewContextError> {
        match self.step(&name)? {
            Step::Below(context, rest) => context.bind_new_context(rest).wait(),
            Step::Here(key) => {
                let made: NamingContextRef = Self::context(&self.orb)?.into();
                self.put(key, Bound::Context(made.clone()), false)?;
                Ok(Some(made))
            }
        }
    }

    fn destroy(&self, cx: &Context) -> Result<(), NamingContextDestroyError> {
        if !self.names.lock().is_empty() {
            return Err(NotEmpty {}.into());
        }
        self.orb.root_poa().deactivate(cx.object_id())?;
        Ok(())
    }

    fn list(
        &self,
        _cx: &Context,
        how_many: u32,
    ) -> upcall::Result<(Vec<Binding>, Option<BindingIteratorRef>)> {
        let mut first = self.bindings();
        let count = usize::try_from(how_many).unwrap_or(MOST_LISTED).min(MOST_LISTED);
        let rest = first.split_off(first.len().min(count));
        if rest.is_empty() {
            return Ok((first, None));
        }
        let iterator = Remaining {
            orb: self.orb.clone(),
            bindings: Mutex::new(rest.into_iter()),
        };
        let iterator = self
            .orb
            .root_poa()
            .activate(BindingIteratorSkeleton::new(iterator))
            .export()?;
        Ok((first, Some(iterator)))
    }
}

impl NamingContextExt for Tree {
    fn to_string(&self, _cx: &Context, name: Components) -> Result<String, NamingContextExtToStringError> {
        if name.is_empty() {
            return Err(InvalidName {}.into());
        }
        Ok(from_idl(name).to_string())
    }

    fn to_name(&self, _cx: &Context, text: &str) -> Result<Components, NamingContextExtToNameError> {
        let name: Name = text.parse().map_err(|_| InvalidName {})?;
        Ok(super::client::to_idl(&name))
    }

    fn to_url(&self, _cx: &Context, address: &str, name: &str) -> Result<String, NamingContextExtToUrlError> {
        let _: Name = name.parse().map_err(|_| InvalidName {})?;
        Ok(super::url::corbaname(address, name))
    }

    fn resolve_str(
        &self,
        _cx: &Context,
        name: &str,
    ) -> Result<Option<ObjectRef>, NamingContextExtResolveStrError> {
        let name: Name = name.parse().map_err(|_| InvalidName {})?;
        Ok(self.find(&super::client::to_idl(&name))?)
    }
}

/// What a listing did not hold yet.
struct Remaining {
    orb: Orb,
    bindings: Mutex<std::vec::IntoIter<Binding>>,
}

impl BindingIterator for Remaining {
    fn next_one(&self, _cx: &Context) -> upcall::Result<(bool, Binding)> {
        let next = self.bindings.lock().next();
        Ok((next.is_some(), next.unwrap_or_default()))
    }

    fn next_n(&self, _cx: &Context, how_many: u32) -> upcall::Result<(bool, Vec<Binding>)> {
        let count = usize::try_from(how_many).unwrap_or(MOST_LISTED).min(MOST_LISTED);
        let next: Vec<Binding> = self.bindings.lock().by_ref().take(count).collect();
        Ok((!next.is_empty(), next))
    }

    fn destroy(&self, cx: &Context) -> upcall::Result<()> {
        Ok(self.orb.root_poa().deactivate(cx.object_id())?)
    }
}

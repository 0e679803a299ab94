// SPDX-License-Identifier: MIT OR Apache-2.0
//! What generated code stands on. No part of the interface for people: it changes with the generator.

pub mod bits;
pub mod context;

pub use std::{
    any::{Any as StdAny, TypeId},
    convert::{AsRef, From, TryFrom},
    default::Default,
    error::Error,
    fmt, ops,
    sync::Arc,
};

pub use orb_core::{
    any::AnyValue,
    cdr::{CdrError, Decoder, Encoder, Marshal, Unmarshal},
    context::Context,
    exception::{SystemException, UserException},
    invoke::Operation,
    object::{Interface, ObjectRef},
    servant::{Reply, Servant},
    typecode::{TypeCode, TypeCodeCell, Typed, ValueModifier},
    value::{CustomMarshal, MostDerived, Value, ValueFactory, ValueType, register},
};
#[cfg(feature = "serde")]
pub use serde;

pub use crate::__system_errors as system_errors;

use orb_core::exception::{Completed, SystemExceptionKind};

use crate::Local;

/// The result of writing a value.
pub type Encoded = Result<(), CdrError>;
/// The result of reading a value.
pub type Decoded<T> = Result<T, CdrError>;
/// The result of serving a request.
pub type Served = Result<(), SystemException>;
/// The result of a call.
pub type Outcome<T, E> = Result<T, E>;

/// A user exception without its repository id, which the adapter writes.
pub trait Members: UserException + Sized {
    /// Writes the members.
    ///
    /// # Errors
    /// Those of the members.
    fn marshal_members<'e>(&'e self, e: &mut Encoder<'e>) -> Encoded;
    /// Reads the members.
    ///
    /// # Errors
    /// Those of the members.
    fn unmarshal_members(d: &mut Decoder<'_>) -> Decoded<Self>;
}

/// Answers with a user exception.
///
/// # Errors
/// The system exception to answer with instead.
pub fn raise<X: Members>(reply: &mut Reply<'_>, raised: &X) -> Served {
    reply.user(X::REPOSITORY_ID, |e| raised.marshal_members(e))
}

/// Reads a user exception as an operation's error.
///
/// # Errors
/// Those of the members.
pub fn raised<X: Members, E: From<X>>(d: &mut Decoder<'_>) -> Decoded<E> {
    X::unmarshal_members(d).map(E::from)
}

/// The members of what has none, as [`TypeCode`]'s builders take them.
pub const NO_MEMBERS: [(&str, TypeCode); 0] = [];

/// The servant of this process behind a facet, if the facet is of that interface.
#[inline]
pub fn local_servant<S: ?Sized + 'static>(facet: &dyn StdAny) -> Option<&S> {
    facet.downcast_ref::<Arc<S>>().map(|servant| &**servant)
}

/// The facet, if it is the wanted one.
#[inline]
pub fn offer<S: ?Sized + 'static>(wanted: TypeId, facet: &Arc<S>) -> Option<&dyn StdAny> {
    (wanted == facet_type::<S>()).then_some(facet)
}

/// The type of the facet of an interface.
#[inline]
#[must_use]
pub fn facet_type<S: ?Sized + 'static>() -> TypeId {
    TypeId::of::<Arc<S>>()
}

/// Makes an array of what `read` gives, element by element.
///
/// # Errors
/// The first that `read` gives.
#[inline]
pub fn array<T, const N: usize>(mut read: impl FnMut() -> Decoded<T>) -> Decoded<[T; N]> {
    let mut failure = None;
    let values: [Option<T>; N] = std::array::from_fn(|_| {
        if failure.is_some() {
            return None;
        }
        read().map_err(|error| failure = Some(error)).ok()
    });
    match failure {
        Some(error) => Err(error),
        None => Ok(values.map(|value| value.expect("without a failure every element was read"))),
    }
}

/// How many elements to make room for, of `len` announced that take `least` octets each: no more memory than a small
/// multiple of what was received.
#[must_use]
#[inline]
pub fn capacity(d: &Decoder<'_>, len: usize, least: usize) -> usize {
    len.min(d.remaining() / least.max(1))
}

/// Refuses more elements than an IDL bound allows.
///
/// # Errors
/// [`CdrError::BoundExceeded`].
#[inline]
pub fn check_bound(len: usize, bound: u32) -> Encoded {
    match u32::try_from(len) {
        Ok(len) if len <= bound => Ok(()),
        _ => Err(CdrError::BoundExceeded(bound)),
    }
}

/// Passes on a sequence that keeps its IDL bound.
///
/// # Errors
/// [`CdrError::BoundExceeded`].
#[inline]
pub fn within<S: Sequence>(sequence: S, bound: u32) -> Decoded<S> {
    check_bound(sequence.count(), bound)?;
    Ok(sequence)
}

/// What [`within`] measures.
pub trait Sequence {
    /// The number of elements.
    fn count(&self) -> usize;
}

impl<T> Sequence for Vec<T> {
    fn count(&self) -> usize {
        self.len()
    }
}

impl<T> Sequence for &[T] {
    fn count(&self) -> usize {
        self.len()
    }
}

impl<T: Clone> Sequence for std::borrow::Cow<'_, [T]> {
    fn count(&self) -> usize {
        self.len()
    }
}

impl Sequence for bytes::Bytes {
    fn count(&self) -> usize {
        self.len()
    }
}

/// What cannot leave the process: a local object, or `None` of one.
pub trait Stays {}

impl<T: ?Sized> Stays for Local<T> {}
impl<T: ?Sized> Stays for Option<Local<T>> {}

/// Refuses to write a local object (CORBA 3.3 part 1 §7.8.7: `MARSHAL`, minor 4).
///
/// # Errors
/// Always.
#[cold]
pub fn refuse_local<T: Stays + ?Sized>(_object: &T) -> Encoded {
    Err(CdrError::LocalObject)
}

/// Stands where a local object would be read.
///
/// # Errors
/// Always.
#[cold]
pub fn no_local<T: Stays>() -> Decoded<T> {
    Err(CdrError::LocalObject)
}

/// The answer to an operation that an interface does not have (`BAD_OPERATION`, minor 2: CORBA 3.3 annex A).
#[cold]
#[must_use]
pub fn no_such_operation(interface: &str, operation: &str) -> SystemException {
    SystemException::new(SystemExceptionKind::BadOperation, 2, Completed::No)
        .with_message(format!("{interface} has no operation `{operation}`"))
}

/// The TypeCode of a map, for which CORBA has no kind: a sequence of pairs.
#[must_use]
pub fn map_type_code(key: TypeCode, value: TypeCode, bound: u32) -> TypeCode {
    TypeCode::sequence(
        TypeCode::structure("", "", [("key", key), ("value", value)]),
        bound,
    )
}

/// The TypeCode of `CORBA::AbstractBase`.
#[must_use]
pub fn abstract_base_type_code() -> TypeCode {
    TypeCode::abstract_interface("IDL:omg.org/CORBA/AbstractBase:1.0", "AbstractBase")
}

#[cfg(test)]
mod tests;

/// Lets the errors of an operation that declares exceptions be made of what a servant's own calls to the ORB fail with,
/// so that `?` takes those too.
#[doc(hidden)]
#[macro_export]
macro_rules! __system_errors {
    ($error:ident) => {
        $crate::__system_errors!($error:
            $crate::SystemExceptionKind,
            $crate::AnyError,
            $crate::dynany::DynAnyError,
            $crate::poa::ActivateError,
            $crate::poa::CreateError,
            $crate::poa::FindError,
        );
    };
    ($error:ident: $($failure:ty,)*) => {
        $(
            impl ::std::convert::From<$failure> for $error {
                fn from(failure: $failure) -> Self {
                    Self::from($crate::SystemException::from(failure))
                }
            }
        )*
    };
}

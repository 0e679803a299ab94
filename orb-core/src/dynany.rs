// SPDX-License-Identifier: MIT OR Apache-2.0
//! DynAny: taking `any`s apart and putting them together without knowing their types when compiling
//! (CORBA 3.3 Part 1 §16).
//!
//! One [`DynAny`] stands for every interface of the standard's `DynamicAny` module; what does not fit its type is a
//! [`DynAnyError::TypeMismatch`].
//!
//! ```
//! use orb_core::{any::Any, dynany::DynAny, typecode::TypeCode};
//!
//! let sample = TypeCode::structure("IDL:Sample:1.0", "Sample", [("t", TypeCode::LONGLONG), ("value", TypeCode::DOUBLE)]);
//! let mut dynamic = DynAny::of_type(&sample)?;
//! dynamic.insert(7_i64)?;                       // into the current component, the first
//! dynamic.next();
//! dynamic.insert(2.5_f64)?;
//! let any = dynamic.to_any()?;
//! assert_eq!(format!("{any:?}"), "any(Sample: { t: 7, value: 2.5 })");
//!
//! let mut again = DynAny::from_any(&any)?;
//! assert_eq!(again.member("value")?.get::<f64>()?, 2.5);
//! # Ok::<(), orb_core::dynany::DynAnyError>(())
//! ```

use std::fmt;

use crate::{
    any::{Any, AnyError, AnyValue, Transcoder},
    cdr::{CdrError, Encoder},
    exception::SystemException,
    typecode::{Node, TypeCode, TypeCodeKind},
};

mod constructed;
mod defaults;
mod leaves;
mod navigation;
mod parts;
#[cfg(test)]
mod tests;
mod values;

/// Why a [`DynAny`] refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DynAnyError {
    /// The operation or the value does not fit the type.
    #[error("{wanted} does not fit a {found}")]
    TypeMismatch {
        /// The type at hand, shown as IDL.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// The value is out of range, or there is no current component.
    #[error("{0}")]
    InvalidValue(&'static str),
    /// There are no values of the type.
    #[error("there are no values of type {0}")]
    InconsistentTypeCode(String),
    /// The value is no value of its type, or has no CDR form.
    #[error("the value is malformed: {0}")]
    Malformed(#[from] CdrError),
}

impl From<AnyError> for DynAnyError {
    fn from(error: AnyError) -> Self {
        match error {
            AnyError::Malformed(error) => Self::Malformed(error),
            AnyError::WrongType { found, wanted } => Self::TypeMismatch { found, wanted },
        }
    }
}

impl From<DynAnyError> for SystemException {
    fn from(error: DynAnyError) -> Self {
        match error {
            DynAnyError::Malformed(error) => error.into(),
            _ => Self::from(CdrError::BadParam("a DynAny refused")).with_context(error),
        }
    }
}

type Result<T> = std::result::Result<T, DynAnyError>;

/// A value of any type that can be looked into and changed; cloning it copies the value.
///
/// It is taken apart where it is looked into, one level at a time. Values that valuetypes inside share are shared no
/// more once a component has been changed.
#[derive(Clone)]
pub struct DynAny {
    type_code: TypeCode,
    content: Content,
    /// The current component.
    position: Option<usize>,
}

#[derive(Clone)]
enum Content {
    /// Not taken apart.
    Whole(Any),
    /// Members, elements, a union's discriminator and member, or a box's content.
    Parts(Vec<DynAny>),
    /// A valuetype that is null.
    Null,
}

impl DynAny {
    /// Takes a value from an `any`: `create_dyn_any`.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::InconsistentTypeCode`] if the type has no values; [`DynAnyError::Malformed`] if the value cannot be
    /// sent.
    pub fn from_any(any: &Any) -> Result<Self> {
        has_values(any.type_code())?;
        any.decoder()?;
        Ok(Self::whole(any.clone()))
    }

    /// Makes a value of the type with the standard's defaults: `create_dyn_any_from_type_code`.
    ///
    /// Numbers are zero, strings and sequences empty, references and values nil, enumerations their first enumerator,
    /// unions their first member.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::InconsistentTypeCode`] if the type has no values.
    pub fn of_type(type_code: &TypeCode) -> Result<Self> {
        has_values(type_code)?;
        let mut encoder = Encoder::native();
        defaults::write(&mut encoder, type_code)?;
        Ok(Self::whole(Any::from_parts(
            type_code.clone(),
            encoder.contiguous(),
            None,
        )))
    }

    /// Returns the type.
    pub fn type_code(&self) -> &TypeCode {
        &self.type_code
    }

    /// Returns the value as an `any`.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::InvalidValue`] if a union's member is not the one its discriminator selects;
    /// [`DynAnyError::Malformed`].
    pub fn to_any(&self) -> Result<Any> {
        match &self.content {
            Content::Whole(any) => Ok(any.clone()),
            Content::Parts(parts) => parts::join(&self.type_code, parts),
            Content::Null => Ok(Any::from_parts(self.type_code.clone(), parts::null(), None)),
        }
    }

    /// Takes the value of an `any` of an equivalent type: `from_any`.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`]; as [`Self::from_any`].
    pub fn assign_any(&mut self, any: &Any) -> Result<()> {
        if !self.type_code.equivalent(any.type_code()) {
            return Err(self.mismatch(any.type_code()));
        }
        any.decoder()?;
        *self = Self {
            type_code: self.type_code.clone(),
            ..Self::whole(any.clone())
        };
        Ok(())
    }

    /// Takes the value of another one of an equivalent type.
    ///
    /// # Errors
    ///
    /// As [`Self::assign_any`].
    pub fn assign(&mut self, other: &Self) -> Result<()> {
        self.assign_any(&other.to_any()?)
    }

    /// Returns whether the types are equivalent and the values the same: `equal`.
    ///
    /// # Errors
    ///
    /// As [`Self::to_any`].
    pub fn equal(&self, other: &Self) -> Result<bool> {
        Ok(self.to_any()? == other.to_any()?)
    }

    /// Puts in a value: `insert_long` and its like. If this has components, it goes into the current one, unless the
    /// value is of this type itself.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`]; [`DynAnyError::InvalidValue`] if there is no current component.
    pub fn insert<T: AnyValue>(&mut self, value: T) -> Result<()> {
        self.insert_as(Any::from(value))
    }

    /// Puts an `any` into one of type `any`: `insert_any`.
    ///
    /// # Errors
    ///
    /// As [`Self::insert`].
    pub fn insert_any(&mut self, value: &Any) -> Result<()> {
        self.insert_as(Any::of_any(value))
    }

    fn insert_as(&mut self, value: Any) -> Result<()> {
        let own =
            value.type_code().readable_as(&self.type_code) || self.type_code.readable_as(value.type_code());
        if !own && self.has_components() {
            return self.current()?.insert_as(value);
        }
        if !own && !value.type_code().equivalent(&self.type_code) {
            return Err(self.mismatch(value.type_code()));
        }
        // Reading it as what is described checks bounds.
        let bytes = Transcoder::read(&mut value.decoder()?, &self.type_code)?;
        let any = Any::from_parts(self.type_code.clone(), bytes, None);
        self.assign_any(&any)
    }

    /// Returns the value, or else that of the current component: `get_long` and its like.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`]; [`DynAnyError::InvalidValue`] if there is no current component.
    pub fn get<T: AnyValue>(&mut self) -> Result<T> {
        let own = self.to_any()?.get::<T>();
        match own {
            Err(AnyError::WrongType { .. }) if self.has_components() => self.current()?.get(),
            own => Ok(own?),
        }
    }

    /// Returns the `any` inside one of type `any`, or of the current component: `get_any`.
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub fn get_any(&mut self) -> Result<Any> {
        if self.has_components() {
            return self.current()?.get_any();
        }
        Ok(self.to_any()?.get_any()?)
    }

    fn whole(any: Any) -> Self {
        let mut dynamic = Self {
            type_code: any.type_code().clone(),
            content: Content::Whole(any),
            position: None,
        };
        dynamic.position = dynamic.has_components().then_some(0);
        dynamic
    }

    fn kind(&self) -> TypeCodeKind {
        self.type_code.root().resolved().kind()
    }

    fn mismatch(&self, wanted: &dyn fmt::Display) -> DynAnyError {
        DynAnyError::TypeMismatch {
            found: self.type_code.to_string(),
            wanted: wanted.to_string(),
        }
    }
}

/// Refuses the types of which no value can be in an `any`.
fn has_values(type_code: &TypeCode) -> Result<()> {
    let inconsistent = || DynAnyError::InconsistentTypeCode(type_code.to_string());
    let resolved = type_code.root().resolved();
    match (resolved.kind(), resolved.node()) {
        (_, Node::Recursive { .. }) | (TypeCodeKind::LocalInterface | TypeCodeKind::Native, _) => {
            Err(inconsistent())
        }
        _ if !type_code.is_complete() => Err(inconsistent()),
        _ => Ok(()),
    }
}

impl PartialEq for DynAny {
    fn eq(&self, other: &Self) -> bool {
        self.equal(other).unwrap_or(false)
    }
}

impl fmt::Debug for DynAny {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_any() {
            Ok(any) => write!(f, "dyn {any:?}"),
            Err(error) => write!(f, "dyn any({}: <{error}>)", self.type_code),
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! IDL `any`: a value of any type together with its TypeCode (CORBA 3.3 Part 1 §8.11, Part 2 §9.3.5.2).

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    cdr::{CdrError, Decoder, Encoder, Marshal, OrbHandle, Unmarshal},
    exception::SystemException,
    fixed::Fixed,
    long_double::LongDouble,
    object::Interface,
    typecode::{TypeCode, TypeCodeKind, Typed, WideChar, WideString},
    value::{Value, ValueCell, ValueType},
};

mod show;
#[cfg(test)]
mod tests;
mod transcode;
mod values;

pub(crate) use {
    transcode::{Transcoder, sequence_count},
    values::members_of_value,
};

/// A type whose values an `any` can hold: every IDL type but `any` itself.
///
/// Generated code implements it for every named type; it has no items of its own.
pub trait AnyValue: Typed + Marshal + Unmarshal {}

/// A value of any IDL type, with its TypeCode.
///
/// ```
/// use orb_core::any::Any;
///
/// let any = Any::from(7_i32);
/// assert_eq!(any.get::<i32>()?, 7);
/// assert!(any.get::<String>().is_err());
/// # Ok::<(), orb_core::any::AnyError>(())
/// ```
///
/// Inside, the value is kept as CDR in this machine's byte order; it is converted as its TypeCode says when it comes or
/// goes. Two are equal if their types are equivalent and their values are the same.
#[derive(Clone, Default)]
pub struct Any {
    type_code: TypeCode,
    value: Bytes,
    /// Why the value it was made from cannot be sent: making one is infallible, sending it is not.
    failure: Option<CdrError>,
    /// The ORB that object references inside belong to.
    orb: Option<Arc<dyn OrbHandle>>,
}

/// Why an `any` gives no value of the wanted type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnyError {
    /// It holds a value of another type.
    #[error("the any holds a {found}, not a {wanted}")]
    WrongType {
        /// What it holds, shown as IDL.
        found: String,
        /// What was asked for, shown as IDL.
        wanted: String,
    },
    /// Its value is no value of its type.
    #[error("the any's value is malformed: {0}")]
    Malformed(#[from] CdrError),
}

impl From<AnyError> for SystemException {
    fn from(error: AnyError) -> Self {
        match error {
            AnyError::Malformed(error) => error.into(),
            AnyError::WrongType { .. } => {
                SystemException::from(CdrError::BadParam("the any holds a value of another type"))
                    .with_context(error)
            }
        }
    }
}

impl Any {
    /// Makes one that holds `value`, described by `type_code`: an alias of its type, or the type with a bound.
    ///
    /// # Errors
    ///
    /// [`AnyError::WrongType`] if `type_code` describes another type; [`AnyError::Malformed`] if the value cannot be
    /// sent, for example because of the bound.
    pub fn with_type<T: AnyValue>(type_code: TypeCode, value: &T) -> Result<Self, AnyError> {
        if !type_code.readable_as(&T::type_code()) {
            return Err(wrong_type(&T::type_code(), &type_code));
        }
        let any = Self::encode(type_code, value);
        if let Some(failure) = any.failure {
            return Err(failure.into());
        }
        // Reading it as the narrower type checks the bounds.
        Transcoder::check(&any)?;
        Ok(any)
    }

    /// Returns the type of the value; [`TypeCode::NULL`] if there is none.
    pub fn type_code(&self) -> &TypeCode {
        &self.type_code
    }

    /// Returns whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.type_code.kind() == TypeCodeKind::Null
    }

    /// Returns the value as a `T`: of the same type but for aliases and narrower bounds.
    ///
    /// # Errors
    ///
    /// [`AnyError::WrongType`] if it is of another type; [`AnyError::Malformed`] if it is no value of its type.
    pub fn get<T: AnyValue>(&self) -> Result<T, AnyError> {
        let wanted = T::type_code();
        if !self.holds(&wanted) {
            return Err(wrong_type(&self.type_code, &wanted));
        }
        let mut decoder = self.decoder()?;
        Ok(T::unmarshal(&mut decoder)?)
    }

    /// Returns the `any` that this one holds.
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub fn get_any(&self) -> Result<Any, AnyError> {
        if !self.type_code.equivalent(&TypeCode::ANY) {
            return Err(wrong_type(&self.type_code, &TypeCode::ANY));
        }
        Ok(Any::unmarshal(&mut self.decoder()?)?)
    }

    /// Makes one that holds another `any`.
    pub fn of_any(value: &Any) -> Self {
        Self::encode(TypeCode::ANY, value)
    }

    /// Returns whether [`Self::get`] may be asked for this type: references and values are also seen as their most
    /// general types.
    fn holds(&self, wanted: &TypeCode) -> bool {
        let general = match wanted.kind() {
            TypeCodeKind::ObjRef => wanted.id() == TypeCode::object().id(),
            TypeCodeKind::Value => wanted.id() == TypeCode::value_base().id(),
            _ => false,
        };
        let own = self.type_code.resolved();
        let same_family = match own.kind() {
            TypeCodeKind::ObjRef | TypeCodeKind::Component | TypeCodeKind::Home => TypeCodeKind::ObjRef,
            TypeCodeKind::Value | TypeCodeKind::ValueBox | TypeCodeKind::Event => TypeCodeKind::Value,
            _ => TypeCodeKind::Null,
        } == wanted.kind();
        (general && same_family) || own.readable_as(wanted) || inherits(&own, wanted)
    }

    fn encode<T: Marshal + ?Sized>(type_code: TypeCode, value: &T) -> Self {
        let mut encoder = Encoder::native().by_reference_from(usize::MAX);
        let failure = value.marshal(&mut encoder).err();
        let value = if failure.is_none() {
            encoder.contiguous()
        } else {
            Bytes::new()
        };
        Self {
            type_code,
            value,
            failure,
            orb: None,
        }
    }

    pub(crate) fn from_parts(type_code: TypeCode, value: Bytes, orb: Option<Arc<dyn OrbHandle>>) -> Self {
        Self {
            type_code,
            value,
            failure: None,
            orb,
        }
    }

    pub(crate) fn orb(&self) -> Option<&Arc<dyn OrbHandle>> {
        self.orb.as_ref()
    }

    /// A decoder of the value.
    pub(crate) fn decoder(&self) -> Result<Decoder<'_>, CdrError> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(Decoder::native(&self.value)
                .with_source(&self.value)
                .with_orb(self.orb.as_ref())),
        }
    }
}

/// Whether `own`, a value, derives from `wanted`.
fn inherits(own: &TypeCode, wanted: &TypeCode) -> bool {
    let mut base = own.concrete_base_type();
    // TypeCodes from the wire have been checked to end; those made here can only be as deep as memory.
    while let Some(current) = base {
        if current.readable_as(wanted) {
            return true;
        }
        base = current.concrete_base_type();
    }
    false
}

fn wrong_type(found: &TypeCode, wanted: &TypeCode) -> AnyError {
    AnyError::WrongType {
        found: found.to_string(),
        wanted: wanted.to_string(),
    }
}

impl<T: AnyValue> From<T> for Any {
    /// Makes one that holds `value`. If it cannot be sent (a NUL in a string, for example), sending the `any` fails.
    fn from(value: T) -> Self {
        Self::encode(T::type_code(), &value)
    }
}

impl From<&str> for Any {
    fn from(value: &str) -> Self {
        Self::encode(TypeCode::STRING, value)
    }
}

impl PartialEq for Any {
    fn eq(&self, other: &Self) -> bool {
        self.failure == other.failure
            && self.value == other.value
            && self.type_code.equivalent(&other.type_code)
    }
}

impl Typed for Any {
    fn type_code() -> TypeCode {
        TypeCode::ANY
    }
}

macro_rules! any_values {
    ($($rust:ty)*) => { $( impl AnyValue for $rust {} )* };
}
any_values!(bool i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 char String LongDouble TypeCode WideChar WideString Bytes);

impl<const D: u16, const S: i16> AnyValue for Fixed<D, S> {}
impl<T: Typed + Marshal + Unmarshal> AnyValue for Vec<T> {}
impl<T: Typed + Marshal + Unmarshal, const N: usize> AnyValue for [T; N] {}
impl<T: AnyValue> AnyValue for Box<T> {}
impl<I: Interface + Typed> AnyValue for Option<I> {}
impl<T: ValueType> AnyValue for Option<Arc<T>> {}
impl AnyValue for Option<Arc<dyn Value>> {}
impl<T: ValueType> AnyValue for ValueCell<T> {}

impl Encoder<'_> {
    /// Writes an `any`: its TypeCode and its value.
    ///
    /// # Errors
    ///
    /// [`CdrError`] if the value cannot be sent, or not in this stream's code sets.
    pub fn any(&mut self, any: &Any) -> Result<(), CdrError> {
        let mut decoder = any.decoder()?;
        self.type_code(&any.type_code)?;
        self.copying(|encoder| Transcoder::write(encoder, &mut decoder, &any.type_code))
    }
}

impl Decoder<'_> {
    /// Reads an `any`.
    ///
    /// # Errors
    ///
    /// [`CdrError`] if the TypeCode is malformed or the value is none of its type.
    pub fn any(&mut self) -> Result<Any, CdrError> {
        self.nested(|decoder| {
            let type_code = decoder.type_code()?;
            let value = Transcoder::read(decoder, &type_code)?;
            Ok(Any::from_parts(type_code, value, decoder.orb().cloned()))
        })
    }
}

impl Marshal for Any {
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.any(self)
    }
}

impl Unmarshal for Any {
    const MIN_SIZE: usize = 4;

    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        decoder.any()
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The TypeCodes of Rust types.

use std::{borrow::Cow, sync::OnceLock};

use bytes::Bytes;

use super::TypeCode;
use crate::{
    cdr::{CdrError, Decoder, Encoder, Marshal, Unmarshal},
    fixed::Fixed,
    long_double::LongDouble,
};

/// A Rust type that stands for an IDL type.
pub trait Typed {
    /// Returns the type's TypeCode, cheaply.
    fn type_code() -> TypeCode;
}

macro_rules! typed {
    ($($rust:ty => $code:expr,)*) => { $(
        impl Typed for $rust {
            fn type_code() -> TypeCode {
                $code
            }
        }
    )* };
}

typed! {
    bool => TypeCode::BOOLEAN,
    // CORBA has no kind for IDL 4's int8.
    i8 => TypeCode::OCTET,
    u8 => TypeCode::OCTET,
    i16 => TypeCode::SHORT,
    u16 => TypeCode::USHORT,
    i32 => TypeCode::LONG,
    u32 => TypeCode::ULONG,
    i64 => TypeCode::LONGLONG,
    u64 => TypeCode::ULONGLONG,
    f32 => TypeCode::FLOAT,
    f64 => TypeCode::DOUBLE,
    char => TypeCode::CHAR,
    str => TypeCode::STRING,
    String => TypeCode::STRING,
    LongDouble => TypeCode::LONGDOUBLE,
    TypeCode => TypeCode::TYPE_CODE,
    WideChar => TypeCode::WCHAR,
    WideString => TypeCode::WSTRING,
}

impl Typed for Bytes {
    fn type_code() -> TypeCode {
        static CODE: OnceLock<TypeCode> = OnceLock::new();
        CODE.get_or_init(|| TypeCode::sequence(TypeCode::OCTET, 0))
            .clone()
    }
}

impl<const D: u16, const S: i16> Typed for Fixed<D, S> {
    fn type_code() -> TypeCode {
        TypeCode::fixed(D, S)
    }
}

/// As an unbounded sequence.
impl<T: Typed> Typed for Vec<T> {
    fn type_code() -> TypeCode {
        TypeCode::sequence(T::type_code(), 0)
    }
}

/// As an unbounded sequence.
impl<T: Typed> Typed for [T] {
    fn type_code() -> TypeCode {
        TypeCode::sequence(T::type_code(), 0)
    }
}

impl<T: Typed, const N: usize> Typed for [T; N] {
    fn type_code() -> TypeCode {
        TypeCode::array(T::type_code(), u32::try_from(N).unwrap_or(u32::MAX))
    }
}

impl<T: Typed> Typed for Box<T> {
    fn type_code() -> TypeCode {
        T::type_code()
    }
}

impl<T: Typed + ?Sized> Typed for &T {
    fn type_code() -> TypeCode {
        T::type_code()
    }
}

impl<T: Typed + ToOwned + ?Sized> Typed for Cow<'_, T> {
    fn type_code() -> TypeCode {
        T::type_code()
    }
}

/// A character to be sent as IDL `wchar`, where nothing else says so: in an `any`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WideChar(pub char);

impl Marshal for WideChar {
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.wchar(self.0)
    }
}

impl Unmarshal for WideChar {
    const MIN_SIZE: usize = 2;

    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        decoder.wchar().map(Self)
    }
}

/// A text to be sent as IDL `wstring`, where nothing else says so: in an `any`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WideString(pub String);

impl Marshal for WideString {
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.wstring(&self.0)
    }
}

impl Unmarshal for WideString {
    const MIN_SIZE: usize = 4;

    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        decoder.wstring().map(Self)
    }
}

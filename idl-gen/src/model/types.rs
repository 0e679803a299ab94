// SPDX-License-Identifier: MIT OR Apache-2.0
//! Types as they are used.

use super::ItemId;

/// A type at the place where it is used.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Type {
    /// A type of fixed size without a definition.
    Primitive(Primitive),
    /// `string`, bounded or not.
    String {
        /// Greatest length in characters.
        bound: Option<u32>,
    },
    /// `wstring`, bounded or not.
    WideString {
        /// Greatest length in characters.
        bound: Option<u32>,
    },
    /// `fixed<digits, scale>`.
    Fixed {
        /// Significant digits, 1 to 31.
        digits: u16,
        /// Digits after the point, at most `digits`.
        scale: u16,
    },
    /// `fixed` without digits, the type of a constant.
    FixedConst,
    /// `sequence<element, bound>`.
    Sequence {
        /// The element's type.
        element: Box<Type>,
        /// Greatest number of elements.
        bound: Option<u32>,
    },
    /// `map<key, value, bound>` (IDL 4.2 §7.4.13.4.3.1).
    Map {
        /// The key's type.
        key: Box<Type>,
        /// The value's type.
        value: Box<Type>,
        /// Greatest number of entries.
        bound: Option<u32>,
    },
    /// An array: made by a declarator with dimensions.
    Array {
        /// The element's type.
        element: Box<Type>,
        /// Length of each dimension, in source order; each at least 1.
        dimensions: Vec<u32>,
    },
    /// A type with a definition: struct, union, enum, bitset, bitmask, typedef, interface, valuetype, native, component or
    /// home.
    Named(ItemId),
    /// `any`.
    Any,
    /// `Object`.
    Object,
    /// `ValueBase`.
    ValueBase,
    /// `CORBA::AbstractBase`.
    AbstractBase,
    /// `CORBA::TypeCode`.
    TypeCode,
}

/// A type of fixed size that IDL has a keyword for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Primitive {
    /// `boolean`
    Boolean,
    /// `octet`
    Octet,
    /// `char`
    Char,
    /// `wchar`
    WideChar,
    /// `int8`
    Int8,
    /// `uint8`
    UInt8,
    /// `short`, `int16`
    Short,
    /// `unsigned short`, `uint16`
    UShort,
    /// `long`, `int32`
    Long,
    /// `unsigned long`, `uint32`
    ULong,
    /// `long long`, `int64`
    LongLong,
    /// `unsigned long long`, `uint64`
    ULongLong,
    /// `float`
    Float,
    /// `double`
    Double,
    /// `long double`
    LongDouble,
}

impl Primitive {
    /// Returns the least and greatest value of an integer type; `None` for the others.
    #[must_use]
    pub const fn integer_range(self) -> Option<(i128, i128)> {
        Some(match self {
            Self::Octet | Self::UInt8 => (0, u8::MAX as i128),
            Self::Int8 => (i8::MIN as i128, i8::MAX as i128),
            Self::Short => (i16::MIN as i128, i16::MAX as i128),
            Self::UShort => (0, u16::MAX as i128),
            Self::Long => (i32::MIN as i128, i32::MAX as i128),
            Self::ULong => (0, u32::MAX as i128),
            Self::LongLong => (i64::MIN as i128, i64::MAX as i128),
            Self::ULongLong => (0, u64::MAX as i128),
            _ => return None,
        })
    }

    /// Returns the keyword or keywords.
    #[must_use]
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Octet => "octet",
            Self::Char => "char",
            Self::WideChar => "wchar",
            Self::Int8 => "int8",
            Self::UInt8 => "uint8",
            Self::Short => "short",
            Self::UShort => "unsigned short",
            Self::Long => "long",
            Self::ULong => "unsigned long",
            Self::LongLong => "long long",
            Self::ULongLong => "unsigned long long",
            Self::Float => "float",
            Self::Double => "double",
            Self::LongDouble => "long double",
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Types as the emitted code sees them: typedefs followed, each sorted by how it is borrowed, passed and marshalled.

use crate::model::ItemId;

/// A type with its typedefs followed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ty {
    /// A number, a character or a boolean.
    Prim(Prim),
    /// `long double`.
    LongDouble,
    /// `fixed<digits, scale>`.
    Fixed {
        /// All digits.
        digits: u16,
        /// Those after the point.
        scale: u16,
    },
    /// `string` and `wstring`.
    Text {
        /// Whether it is a `wstring`.
        wide: bool,
        /// The most characters it may have.
        bound: Option<u32>,
    },
    /// `sequence<element>`.
    Sequence {
        /// What it holds.
        element: Box<Ty>,
        /// The most elements it may have.
        bound: Option<u32>,
    },
    /// One dimension of an array.
    Array {
        /// What it holds.
        element: Box<Ty>,
        /// How many.
        len: u32,
    },
    /// `map<key, value>`.
    Map {
        /// The key.
        key: Box<Ty>,
        /// What it leads to.
        value: Box<Ty>,
        /// The most entries it may have.
        bound: Option<u32>,
    },
    /// `any`.
    Any,
    /// `CORBA::TypeCode`.
    TypeCode,
    /// `Object`.
    Object,
    /// `ValueBase`, or a valuetype that is abstract.
    ValueBase,
    /// `AbstractBase`, or an interface that is abstract.
    AbstractBase,
    /// A struct, union, exception or bitset.
    Data(ItemId),
    /// An enum or a bitmask.
    Copied(ItemId),
    /// An interface.
    Reference(ItemId),
    /// A local interface.
    Local(ItemId),
    /// A native type.
    Native(ItemId),
    /// A valuetype with state, or a boxed value.
    Value(ItemId),
    /// A [`Ty::Value`] or [`Ty::ValueBase`] that may close a circle of values.
    Cell(Box<Ty>),
    /// What a `context` clause adds to the parameters: the properties whose names match one of these patterns.
    Context(Vec<String>),
}

/// The types whose Rust form is a primitive type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prim {
    /// `boolean`
    Boolean,
    /// `octet` and `uint8`
    Octet,
    /// `char`
    Char,
    /// `wchar`
    Wchar,
    /// `int8`
    Int8,
    /// `short`
    Short,
    /// `unsigned short`
    UShort,
    /// `long`
    Long,
    /// `unsigned long`
    ULong,
    /// `long long`
    LongLong,
    /// `unsigned long long`
    ULongLong,
    /// `float`
    Float,
    /// `double`
    Double,
}

impl Prim {
    /// The Rust type.
    pub(crate) fn rust(self) -> &'static str {
        match self {
            Self::Boolean => "bool",
            Self::Octet => "u8",
            Self::Char | Self::Wchar => "char",
            Self::Int8 => "i8",
            Self::Short => "i16",
            Self::UShort => "u16",
            Self::Long => "i32",
            Self::ULong => "u32",
            Self::LongLong => "i64",
            Self::ULongLong => "u64",
            Self::Float => "f32",
            Self::Double => "f64",
        }
    }

    /// The method of encoder and decoder.
    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Octet => "octet",
            Self::Char => "char",
            Self::Wchar => "wchar",
            Self::Int8 => "int8",
            Self::Short => "short",
            Self::UShort => "ushort",
            Self::Long => "long",
            Self::ULong => "ulong",
            Self::LongLong => "longlong",
            Self::ULongLong => "ulonglong",
            Self::Float => "float",
            Self::Double => "double",
        }
    }

    /// Whether its sequences are encoded as a block of memory.
    pub(crate) fn in_blocks(self) -> bool {
        !matches!(self, Self::Boolean | Self::Char | Self::Wchar)
    }

    /// Whether a value may be refused by the encoder: a character the code set lacks.
    pub(crate) fn may_be_refused(self) -> bool {
        matches!(self, Self::Char | Self::Wchar)
    }

    /// Whether Rust orders the type, so that it can be a map's key.
    fn is_ordered(self) -> bool {
        !matches!(self, Self::Float | Self::Double)
    }

    /// The fewest octets a value takes on the wire.
    fn min_size(self) -> u64 {
        match self {
            Self::Boolean | Self::Octet | Self::Int8 | Self::Char | Self::Wchar => 1,
            Self::Short | Self::UShort => 2,
            Self::Long | Self::ULong | Self::Float => 4,
            Self::LongLong | Self::ULongLong | Self::Double => 8,
        }
    }
}

impl Ty {
    /// The element of `sequence<octet>`.
    pub(crate) fn is_octet(&self) -> bool {
        matches!(self, Self::Prim(Prim::Octet))
    }

    /// Whether a value is passed by value in every position, and is `Copy`.
    pub(crate) fn is_copy(&self) -> bool {
        matches!(
            self,
            Self::Prim(_) | Self::LongDouble | Self::Fixed { .. } | Self::Copied(_)
        )
    }

    /// Whether Rust orders the type, so that it can be a map's key.
    pub(crate) fn is_ordered(&self) -> bool {
        match self {
            Self::Prim(prim) => prim.is_ordered(),
            Self::Text { .. } | Self::Copied(_) => true,
            _ => false,
        }
    }

    /// The fewest octets a value takes on the wire, given those of the definitions.
    pub(crate) fn min_size(&self, of: &dyn Fn(ItemId) -> u64) -> u64 {
        match self {
            Self::Prim(prim) => prim.min_size(),
            Self::LongDouble => 16,
            Self::Fixed { digits, .. } => u64::from(*digits) / 2 + 1,
            // Length or count, repository id's length and number of profiles, kind, value tag.
            Self::Text { .. } | Self::Sequence { .. } | Self::Map { .. } | Self::Context(_) => 4,
            Self::Any | Self::TypeCode | Self::ValueBase | Self::Value(_) | Self::Cell(_) => 4,
            Self::Object | Self::Reference(_) => 8,
            Self::AbstractBase => 5,
            Self::Array { element, len } => element.min_size(of).saturating_mul(u64::from(*len)),
            Self::Data(def) | Self::Copied(def) => of(*def),
            Self::Local(_) | Self::Native(_) => 1,
        }
    }
}

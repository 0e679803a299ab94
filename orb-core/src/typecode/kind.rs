// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kinds of types.

use super::Node;
use crate::cdr::CdrError;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $kind:ident = $number:literal,)*) => {
        /// What kind of type a TypeCode describes: `TCKind` (CORBA 3.3 Part 2 Table 9.2).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u32)]
        #[non_exhaustive]
        pub enum TypeCodeKind {
            $($(#[doc = $doc])* $kind = $number,)*
        }

        impl TypeCodeKind {
            pub(super) const ALL: [Self; 37] = [$(Self::$kind),*];
        }

        /// One node for each kind, so that TypeCodes without parameters have one to show.
        pub(super) static NODES: [Node; 37] = [$(Node::Simple(TypeCodeKind::$kind)),*];
    };
}

kinds! {
    /// No value.
    Null = 0,
    /// `void`.
    Void = 1,
    /// `short`.
    Short = 2,
    /// `long`.
    Long = 3,
    /// `unsigned short`.
    UShort = 4,
    /// `unsigned long`.
    ULong = 5,
    /// `float`.
    Float = 6,
    /// `double`.
    Double = 7,
    /// `boolean`.
    Boolean = 8,
    /// `char`.
    Char = 9,
    /// `octet`.
    Octet = 10,
    /// `any`.
    Any = 11,
    /// `TypeCode`.
    TypeCode = 12,
    /// `Principal`, which CORBA has given up: a sequence of octets.
    Principal = 13,
    /// An object reference.
    ObjRef = 14,
    /// `struct`.
    Struct = 15,
    /// `union`.
    Union = 16,
    /// `enum`.
    Enum = 17,
    /// `string`.
    String = 18,
    /// `sequence`.
    Sequence = 19,
    /// An array.
    Array = 20,
    /// A `typedef`.
    Alias = 21,
    /// `exception`.
    Except = 22,
    /// `long long`.
    LongLong = 23,
    /// `unsigned long long`.
    ULongLong = 24,
    /// `long double`.
    LongDouble = 25,
    /// `wchar`.
    WChar = 26,
    /// `wstring`.
    WString = 27,
    /// `fixed`.
    Fixed = 28,
    /// `valuetype`.
    Value = 29,
    /// A boxed `valuetype`.
    ValueBox = 30,
    /// `native`.
    Native = 31,
    /// `abstract interface`.
    AbstractInterface = 32,
    /// `local interface`.
    LocalInterface = 33,
    /// `component`.
    Component = 34,
    /// `home`.
    Home = 35,
    /// `eventtype`.
    Event = 36,
}

impl TypeCodeKind {
    /// Returns the number that stands for the kind on the wire.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// Returns the kind with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Returns the word for it in IDL, or the standard's name without `tk_`.
    pub const fn idl(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Void => "void",
            Self::Short => "short",
            Self::Long => "long",
            Self::UShort => "unsigned short",
            Self::ULong => "unsigned long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Boolean => "boolean",
            Self::Char => "char",
            Self::Octet => "octet",
            Self::Any => "any",
            Self::TypeCode => "TypeCode",
            Self::Principal => "Principal",
            Self::ObjRef => "interface",
            Self::Struct => "struct",
            Self::Union => "union",
            Self::Enum => "enum",
            Self::String => "string",
            Self::Sequence => "sequence",
            Self::Array => "array",
            Self::Alias => "typedef",
            Self::Except => "exception",
            Self::LongLong => "long long",
            Self::ULongLong => "unsigned long long",
            Self::LongDouble => "long double",
            Self::WChar => "wchar",
            Self::WString => "wstring",
            Self::Fixed => "fixed",
            Self::Value => "valuetype",
            Self::ValueBox => "valuetype box",
            Self::Native => "native",
            Self::AbstractInterface => "abstract interface",
            Self::LocalInterface => "local interface",
            Self::Component => "component",
            Self::Home => "home",
            Self::Event => "eventtype",
        }
    }

    /// Whether values of this kind may be a union's discriminator.
    pub(crate) const fn discriminates(self) -> bool {
        matches!(
            self,
            Self::Short
                | Self::Long
                | Self::UShort
                | Self::ULong
                | Self::LongLong
                | Self::ULongLong
                | Self::Boolean
                | Self::Char
                | Self::WChar
                | Self::Octet
                | Self::Enum
        )
    }
}

/// How a value is declared: `ValueModifier` (CORBA 3.3 Part 1 §8.11.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(i16)]
pub enum ValueModifier {
    /// Neither custom, abstract nor truncatable.
    #[default]
    None = 0,
    /// `custom`: the application marshals it.
    Custom = 1,
    /// `abstract`: it has no state.
    Abstract = 2,
    /// Derived `truncatable`: a receiver who only knows the base takes that.
    Truncatable = 3,
}

impl ValueModifier {
    pub(super) fn from_number(number: i16) -> Result<Self, CdrError> {
        match number {
            0 => Ok(Self::None),
            1 => Ok(Self::Custom),
            2 => Ok(Self::Abstract),
            3 => Ok(Self::Truncatable),
            _ => Err(CdrError::BadTypeCode(
                "a value's modifier is none of the standard",
            )),
        }
    }
}

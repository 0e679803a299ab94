// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code sets: how characters travel, and how two ORBs agree on it (CORBA 3.3 Part 2 §7.10).

mod negotiation;

pub use negotiation::{CodeSetComponent, CodeSetContext, CodeSetInfo, Incompatible};

/// Numbers of code sets in the OSF registry.
pub mod registry {
    /// ISO 8859-1:1987, Latin alphabet no. 1.
    pub const ISO_8859_1: u32 = 0x0001_0001;
    /// ISO 646:1991 IRV, which is ASCII.
    pub const ISO_646: u32 = 0x0001_0020;
    /// UCS-2, level 1.
    pub const UCS_2: u32 = 0x0001_0100;
    /// UTF-16, the transformation format of UCS-4 with surrogates.
    pub const UTF_16: u32 = 0x0001_0109;
    /// UTF-8, X/Open UCS-2 transformation format.
    pub const UTF_8: u32 = 0x0501_0001;
}

/// The code set in which `char` and `string` travel (TCS-C).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CharSet {
    /// UTF-8.
    Utf8,
    /// ISO 8859-1: what a connection uses that negotiated nothing.
    Latin1,
}

impl CharSet {
    /// Returns the code set's number in the registry.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Utf8 => registry::UTF_8,
            Self::Latin1 => registry::ISO_8859_1,
        }
    }

    /// Returns the code set with this number, if it is supported.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            registry::UTF_8 => Some(Self::Utf8),
            registry::ISO_8859_1 => Some(Self::Latin1),
            _ => None,
        }
    }
}

/// The code set in which `wchar` and `wstring` travel (TCS-W).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WideSet {
    /// UTF-16.
    Utf16,
    /// UCS-2: UTF-16 without surrogates.
    Ucs2,
    /// Nothing was negotiated: wide characters cannot be sent.
    Undeclared,
}

impl WideSet {
    /// Returns the code set's number in the registry, 0 for none.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Utf16 => registry::UTF_16,
            Self::Ucs2 => registry::UCS_2,
            Self::Undeclared => 0,
        }
    }

    /// Returns the code set with this number, if it is supported.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            registry::UTF_16 => Some(Self::Utf16),
            registry::UCS_2 => Some(Self::Ucs2),
            0 => Some(Self::Undeclared),
            _ => None,
        }
    }
}

/// The two code sets of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CodeSets {
    /// For `char` and `string`.
    pub narrow: CharSet,
    /// For `wchar` and `wstring`.
    pub wide: WideSet,
}

impl CodeSets {
    /// Ours: UTF-8 and UTF-16.
    pub const NATIVE: Self = Self {
        narrow: CharSet::Utf8,
        wide: WideSet::Utf16,
    };
    /// What §7.10.2.6 prescribes where nothing was negotiated: ISO 8859-1 and no wide characters.
    pub const UNNEGOTIATED: Self = Self {
        narrow: CharSet::Latin1,
        wide: WideSet::Undeclared,
    };
}

impl Default for CodeSets {
    fn default() -> Self {
        Self::NATIVE
    }
}

#[cfg(test)]
mod tests;

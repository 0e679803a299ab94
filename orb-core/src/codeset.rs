// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code sets: how characters travel (CORBA 3.3 Part 2 §7.10).

/// The code set in which `char` and `string` travel (TCS-C).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CharSet {
    /// UTF-8, registry number 0x05010001.
    Utf8,
    /// ISO 8859-1, registry number 0x00010001: what a connection uses that negotiated nothing.
    Latin1,
}

/// The code set in which `wchar` and `wstring` travel (TCS-W).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WideSet {
    /// UTF-16, registry number 0x00010109.
    Utf16,
    /// UCS-2 level 1, registry number 0x00010100: UTF-16 without surrogates.
    Ucs2,
    /// Nothing was negotiated: wide characters cannot be sent.
    Undeclared,
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

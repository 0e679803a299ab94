// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code sets where they are changed without a lock.

use crate::codeset::{CharSet, CodeSets, WideSet};

/// The code sets in one octet.
pub(super) fn pack(codesets: CodeSets) -> u8 {
    let wide = match codesets.wide {
        WideSet::Undeclared => 0,
        WideSet::Utf16 => 1,
        WideSet::Ucs2 => 2,
    };
    match codesets.narrow {
        CharSet::Latin1 => wide,
        CharSet::Utf8 => wide | 4,
    }
}

/// The code sets of that octet.
pub(super) fn unpack(octet: u8) -> CodeSets {
    CodeSets {
        narrow: if octet & 4 == 0 {
            CharSet::Latin1
        } else {
            CharSet::Utf8
        },
        wide: match octet & 3 {
            1 => WideSet::Utf16,
            2 => WideSet::Ucs2,
            _ => WideSet::Undeclared,
        },
    }
}

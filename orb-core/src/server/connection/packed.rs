// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code sets where they are changed without a lock.

use std::sync::atomic::Ordering;

use super::Connection;
use crate::codeset::{CharSet, CodeSets, WideSet};

impl Connection {
    /// Returns the code sets that were negotiated last.
    pub(in crate::server) fn codesets(&self) -> CodeSets {
        unpack(self.codesets.load(Ordering::Relaxed))
    }

    /// Changes the code sets, for this and later messages; of datagrams each speaks for itself.
    pub(in crate::server) fn negotiate(&self, codesets: CodeSets) {
        if !self.carries_datagrams() {
            self.codesets.store(pack(codesets), Ordering::Relaxed);
        }
    }
}

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
fn unpack(octet: u8) -> CodeSets {
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

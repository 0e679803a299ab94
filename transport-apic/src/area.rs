// SPDX-License-Identifier: MIT OR Apache-2.0
//! The words that one end of a channel writes and the other end reads, by their names.

use crate::frame::Store;
use crate::geometry::{Control, Geometry, SLOT_WORDS};
#[cfg(not(loom))]
use crate::sync::AtomicU32;
use crate::sync::AtomicU64;

impl Store {
    #[expect(
        clippy::indexing_slicing,
        reason = "every geometry begins with a page of words, where these are"
    )]
    pub(crate) fn control(&self, which: Control) -> &AtomicU64 {
        &self.memory().words()[which.word()]
    }

    /// The word that the other end sleeps on.
    #[cfg(not(loom))]
    pub(crate) fn bell(&self) -> &AtomicU32 {
        let bell = self.memory().half_word(Control::Bell.word());
        bell.expect("every geometry begins with a page of words, where it is")
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "every geometry begins with a page of words, where these are"
    )]
    pub(crate) fn completion(&self, number: u64) -> &AtomicU64 {
        &self.memory().words()[Geometry::completion(number)]
    }

    /// The slot for the packet of that number.
    #[expect(
        clippy::indexing_slicing,
        reason = "the number is taken modulo the slots of the geometry, for which there are words"
    )]
    pub(crate) fn slot(&self, number: u64) -> &[AtomicU64; SLOT_WORDS] {
        let words = &self.memory().words()[self.geometry().slot(number)];
        words.first_chunk().expect("a slot has so many")
    }
}

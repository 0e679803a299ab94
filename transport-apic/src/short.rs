// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets that are so short that they travel as they are, without memory of their own for their payload.

use std::ops::Range;

/// A short packet, copied out of memory that a peer might write: used again and again.
#[derive(Clone, Debug)]
pub struct Short {
    bytes: [u8; Short::MOST],
    headers: usize,
    payload: Range<usize>,
}

impl Short {
    /// The most bytes, headers rounded up to a whole number of 8 and payload.
    pub const MOST: usize = 248;

    /// Makes a packet of nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: [0; Self::MOST],
            headers: 0,
            payload: 0..0,
        }
    }

    /// Returns the headers.
    #[must_use]
    pub fn headers(&self) -> &[u8] {
        self.bytes.get(..self.headers).unwrap_or_default()
    }

    /// Returns the payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.bytes.get(self.payload.clone()).unwrap_or_default()
    }

    /// Returns the length of the whole packet, in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is no packet without headers")]
    pub fn len(&self) -> usize {
        self.headers + self.payload.len()
    }

    /// Takes so many bytes of headers and payload out of `words`, in the order of the machine; the payload begins with a word.
    pub(crate) fn load(&mut self, headers: usize, payload: usize, words: impl Iterator<Item = u64>) {
        let start = headers.next_multiple_of(8);
        let (chunks, _) = self.bytes.as_chunks_mut::<8>();
        for (chunk, word) in chunks.iter_mut().zip(words) {
            *chunk = word.to_ne_bytes();
        }
        self.headers = headers;
        self.payload = start..start + payload;
    }
}

impl Default for Short {
    fn default() -> Self {
        Self::new()
    }
}

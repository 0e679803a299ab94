// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chunks, in which valuetypes may come (CORBA 3.3 Part 2 §9.3.4.6).

use super::Decoder;
use crate::cdr::CdrError;

impl Decoder<'_> {
    /// Begins a chunk of a chunked valuetype (§9.3.4.6): reading stops after `size` octets and goes on
    /// in the next chunk by itself.
    ///
    /// # Errors
    /// [`CdrError::LengthBeyondEnd`]; [`CdrError::BadValue`] within another chunk.
    pub fn begin_chunk(&mut self, size: usize) -> Result<(), CdrError> {
        if self.beyond.is_some() {
            return Err(CdrError::BadValue("a chunk within a chunk"));
        }
        let (chunk, beyond) = self
            .rest()
            .split_at_checked(size)
            .ok_or(CdrError::LengthBeyondEnd)?;
        self.rest = chunk;
        self.beyond = Some(beyond);
        self.end = self.end.wrapping_sub(beyond.len());
        self.stream_end = self.stream_end.wrapping_sub(beyond.len());
        Ok(())
    }

    /// Ends the chunk, skipping what is left of it. Does nothing outside of one.
    pub fn end_chunk(&mut self) {
        if let Some(beyond) = self.beyond.take() {
            self.end = self.end.wrapping_add(beyond.len());
            self.stream_end = self.stream_end.wrapping_add(beyond.len());
            self.rest = beyond;
        }
    }

    /// Tells whether a chunk is being read.
    #[must_use]
    pub fn in_chunk(&self) -> bool {
        self.beyond.is_some()
    }

    /// Goes on in the next piece, or in the chunk that follows directly; what a chunk's end splits is never a primitive, an
    /// array of them or a string (§9.3.4.6).
    #[cold]
    pub(super) fn next_chunk(&mut self) -> Result<(), CdrError> {
        if self.more > 0 {
            self.next_piece();
            return Ok(());
        }
        if self.beyond.is_none() || !self.rest.is_empty() {
            return Err(CdrError::UnexpectedEnd);
        }
        self.end_chunk();
        let size = self.long()?;
        // Above are value tags, 0 is nil and below are end tags: all mean that the state is over.
        if !(1..0x7fff_ff00).contains(&size) {
            return Err(CdrError::UnexpectedEnd);
        }
        self.begin_chunk(usize::try_from(size).map_err(|_| CdrError::LengthBeyondEnd)?)
    }
}

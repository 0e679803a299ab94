// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading CDR.

mod chunk;
mod numbers;
mod pieces;

use std::any::Any;
use std::sync::Arc;

use bytes::Bytes;

use self::pieces::Ahead;
use super::{CdrError, Endian, OrbHandle, Primitive, Version, hooks};
use crate::codeset::CodeSets;

/// How deeply values may nest in each other (valuetypes, Anys, TypeCodes, recursive structs) unless
/// the decoder is told otherwise.
pub const DEPTH_LIMIT: u16 = 256;

/// Reads values from CDR (CORBA 3.3 Part 2 §9.3).
///
/// It trusts nothing it reads: lengths and counts are checked against what is left before anything
/// is allocated for them.
#[derive(Debug)]
pub struct Decoder<'a> {
    rest: &'a [u8],
    /// The position, in the current encapsulation, of the end of `rest`.
    end: usize,
    endian: Endian,
    swap: bool,
    version: Version,
    codesets: CodeSets,
    depth: u16,
    /// What follows the current chunk of a chunked valuetype, when inside one.
    beyond: Option<&'a [u8]>,
    /// The outermost stream, which indirections refer to.
    whole: &'a [u8],
    /// The position, in the outermost stream, of the end of `rest`.
    stream_end: usize,
    source: Option<&'a Bytes>,
    orb: Option<&'a Arc<dyn OrbHandle>>,
    extension: hooks::Extension,
    /// Where data was received in pieces: those to come, and their octets.
    ahead: Option<Ahead<'a>>,
    more: usize,
}

impl<'a> Decoder<'a> {
    /// Makes a decoder of `data`, whose first octet has the position 0.
    #[must_use]
    pub fn new(data: &'a [u8], endian: Endian, version: Version, codesets: CodeSets) -> Self {
        Self {
            rest: data,
            end: data.len(),
            endian,
            swap: endian != Endian::NATIVE,
            version,
            codesets,
            depth: DEPTH_LIMIT,
            beyond: None,
            whole: data,
            stream_end: data.len(),
            source: None,
            orb: None,
            extension: None,
            ahead: None,
            more: 0,
        }
    }

    /// Makes a decoder of data that was encoded with [`super::Encoder::native`].
    #[must_use]
    pub fn native(data: &'a [u8]) -> Self {
        Self::new(data, Endian::NATIVE, Version::V1_2, CodeSets::NATIVE)
    }

    /// Makes a decoder of an encapsulation's content (§9.3.3), which starts with its byte order.
    ///
    /// # Errors
    /// [`CdrError::UnexpectedEnd`], [`CdrError::BadByteOrder`].
    pub fn of_encapsulation(
        content: &'a [u8],
        version: Version,
        codesets: CodeSets,
    ) -> Result<Self, CdrError> {
        let mut decoder = Self::new(content, Endian::NATIVE, version, codesets);
        let endian = Endian::from_flag(decoder.octet()?)?;
        decoder.set_endian(endian);
        Ok(decoder)
    }

    /// Says that the first octet of the data has the position `origin`.
    #[must_use]
    pub fn with_origin(mut self, origin: usize) -> Self {
        self.end = self.end.wrapping_add(origin);
        self
    }

    /// Sets the buffer that the data is a part of, so that [`Self::bytes`] shares it instead of copying.
    #[must_use]
    pub fn with_source(mut self, source: &'a Bytes) -> Self {
        self.source = Some(source);
        self
    }

    /// Sets the ORB for object references.
    #[must_use]
    pub fn with_orb(mut self, orb: Option<&'a Arc<dyn OrbHandle>>) -> Self {
        self.orb = orb;
        self
    }

    /// Sets how deeply values may nest. Defaults to [`DEPTH_LIMIT`].
    #[must_use]
    pub fn with_depth_limit(mut self, depth: u16) -> Self {
        self.depth = depth;
        self
    }

    /// Returns the ORB that object references belong to.
    #[must_use]
    pub fn orb(&self) -> Option<&'a Arc<dyn OrbHandle>> {
        self.orb
    }

    /// Returns the byte order of the data.
    #[inline]
    #[must_use]
    pub fn endian(&self) -> Endian {
        self.endian
    }

    /// Sets the byte order of what follows.
    pub fn set_endian(&mut self, endian: Endian) {
        self.endian = endian;
        self.swap = endian != Endian::NATIVE;
    }

    /// Returns the GIOP version, on which wide characters depend.
    #[inline]
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Returns the code sets in use.
    #[inline]
    #[must_use]
    pub fn codesets(&self) -> CodeSets {
        self.codesets
    }

    /// Sets the code sets for what follows.
    pub fn set_codesets(&mut self, codesets: CodeSets) {
        self.codesets = codesets;
    }

    /// Returns how many octets are left (in the current chunk, inside a chunked valuetype).
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len() + self.more
    }

    /// Returns how many octets are left, beyond the current chunk as well.
    #[must_use]
    pub fn whole_remaining(&self) -> usize {
        self.remaining()
            .saturating_add(self.beyond.map_or(0, <[u8]>::len))
    }

    /// Returns what is left (in the current chunk, inside a chunked valuetype), without consuming it.
    #[must_use]
    pub fn rest(&mut self) -> &'a [u8] {
        self.make_whole();
        self.rest
    }

    /// Returns the position, counted from the start of the innermost encapsulation (or the stream).
    #[inline]
    #[must_use]
    pub fn position(&self) -> usize {
        self.end.wrapping_sub(self.rest.len())
    }

    /// Returns the position counted from the first octet of the outermost stream, encapsulations or
    /// not: indirections are differences of this.
    #[inline]
    #[must_use]
    pub fn stream_position(&self) -> usize {
        self.stream_end.wrapping_sub(self.rest.len())
    }

    /// Makes a decoder that reads again from an earlier place of the stream, aligned as this one is;
    /// for indirections (§9.3.4.1, §9.3.5.1.3).
    ///
    /// # Errors
    /// [`CdrError::BadIndirection`] if `stream_position` is not before the current one;
    /// [`CdrError::TooDeep`].
    pub fn revisit(&mut self, stream_position: usize) -> Result<Self, CdrError> {
        if stream_position >= self.stream_position() {
            return Err(CdrError::BadIndirection);
        }
        self.make_whole();
        let rest = self
            .whole
            .get(stream_position..)
            .ok_or(CdrError::BadIndirection)?;
        // The same octet has the same position in both, so only the ends differ.
        let end = self
            .end
            .wrapping_sub(self.stream_end)
            .wrapping_add(self.whole.len());
        Ok(Self {
            rest,
            end,
            depth: self.depth.checked_sub(1).ok_or(CdrError::TooDeep)?,
            beyond: None,
            stream_end: self.whole.len(),
            extension: None,
            ..*self
        })
    }

    /// Returns the table that lives as long as this decoder, made on first use; for sharing of values.
    /// A table of another type is replaced.
    pub fn extension<T: Any + Send + Default>(&mut self) -> &mut T {
        hooks::extension_of(&mut self.extension)
    }

    /// Takes the table out, for work that needs the decoder as well; give it back with
    /// [`Self::restore_extension`].
    pub fn take_extension<T: Any + Send + Default>(&mut self) -> Box<T> {
        hooks::take_extension_of(&mut self.extension)
    }

    /// Gives back what [`Self::take_extension`] took.
    pub fn restore_extension<T: Any + Send>(&mut self, table: Box<T>) {
        self.extension = Some(table);
    }

    /// Enters a nested value; every `enter` has its [`Self::leave`].
    ///
    /// # Errors
    /// [`CdrError::TooDeep`].
    #[inline]
    pub fn enter(&mut self) -> Result<(), CdrError> {
        self.depth = self.depth.checked_sub(1).ok_or(CdrError::TooDeep)?;
        Ok(())
    }

    /// Leaves a nested value.
    #[inline]
    pub fn leave(&mut self) {
        self.depth = self.depth.saturating_add(1);
    }

    /// Reads a nested value with `read`, one level deeper.
    ///
    /// # Errors
    /// [`CdrError::TooDeep`], and those of `read`.
    #[inline]
    pub fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, CdrError>) -> Result<T, CdrError> {
        self.enter()?;
        let result = read(self);
        self.leave();
        result
    }

    #[inline]
    fn padding(&self, alignment: usize) -> usize {
        0usize.wrapping_sub(self.position()) & (alignment - 1)
    }

    /// Skips to the next position that is a multiple of `alignment`, a power of two up to 8.
    ///
    /// # Errors
    /// [`CdrError::UnexpectedEnd`].
    #[inline]
    pub fn align(&mut self, alignment: usize) -> Result<(), CdrError> {
        debug_assert!(alignment.is_power_of_two() && alignment <= 8);
        self.skip(self.padding(alignment))
    }

    /// Skips `count` octets.
    ///
    /// # Errors
    /// [`CdrError::UnexpectedEnd`].
    #[inline]
    pub fn skip(&mut self, count: usize) -> Result<(), CdrError> {
        self.raw(count).map(drop)
    }

    /// Returns the next `count` octets as they are: no length, no alignment.
    ///
    /// # Errors
    /// [`CdrError::UnexpectedEnd`].
    #[inline]
    pub fn raw(&mut self, count: usize) -> Result<&'a [u8], CdrError> {
        if let Some((head, tail)) = self.rest.split_at_checked(count) {
            self.rest = tail;
            return Ok(head);
        }
        self.raw_beyond(count)
    }

    #[cold]
    fn raw_beyond(&mut self, count: usize) -> Result<&'a [u8], CdrError> {
        self.next_chunk()?;
        while self.rest.len() < count && self.more > 0 {
            self.next_piece();
        }
        let (head, tail) = self.rest.split_at_checked(count).ok_or(CdrError::UnexpectedEnd)?;
        self.rest = tail;
        Ok(head)
    }

    #[inline]
    fn fixed<T: Primitive>(&mut self) -> Result<T, CdrError> {
        let padding = self.padding(T::SIZE);
        let octets = match self.rest.get(padding..padding + T::SIZE) {
            Some(octets) => {
                self.rest = self.rest.get(padding + T::SIZE..).unwrap_or_default();
                octets
            }
            None => self.fixed_in_next_chunk(T::SIZE)?,
        };
        let value: T = bytemuck::pod_read_unaligned(octets);
        Ok(if self.swap { value.swapped() } else { value })
    }

    #[cold]
    fn fixed_in_next_chunk(&mut self, size: usize) -> Result<&'a [u8], CdrError> {
        self.next_chunk()?;
        self.align(size)?;
        self.raw(size)
    }

    /// Reads the length of a sequence whose elements take at least `min_element_size` octets each.
    ///
    /// # Errors
    /// [`CdrError::UnexpectedEnd`]; [`CdrError::BoundExceeded`]; [`CdrError::LengthBeyondEnd`] if so
    /// many elements cannot be left.
    #[inline]
    pub fn sequence_len(&mut self, bound: Option<u32>, min_element_size: usize) -> Result<usize, CdrError> {
        let count = self.ulong()?;
        if let Some(bound) = bound
            && count > bound
        {
            return Err(CdrError::BoundExceeded(bound));
        }
        let count = usize::try_from(count).map_err(|_| CdrError::LengthBeyondEnd)?;
        let available = self.whole_remaining();
        match count.checked_mul(min_element_size.max(1)) {
            Some(size) if size <= available => Ok(count),
            _ => Err(CdrError::LengthBeyondEnd),
        }
    }

    /// Reads a `sequence<octet>` where it lies, if that is memory which nobody can change.
    ///
    /// # Errors
    /// [`CdrError::UnexpectedEnd`], [`CdrError::LengthBeyondEnd`].
    pub fn octets(&mut self) -> Result<&'a [u8], CdrError> {
        let count = self.sequence_len(None, 1)?;
        self.raw(count)
    }

    /// Reads a `sequence<octet>`, sharing the source ([`Self::with_source`]) if there is one.
    ///
    /// # Errors
    /// As [`Self::octets`].
    pub fn bytes(&mut self) -> Result<Bytes, CdrError> {
        let count = self.sequence_len(None, 1)?;
        if count > self.rest.len()
            && self.more > 0
            && let Some(piece) = self.shared(count)
        {
            return Ok(piece.clone());
        }
        let octets = self.raw(count)?;
        Ok(self.share(octets))
    }

    /// Returns octets of this stream as shared: a part of the source, or else a copy.
    #[must_use]
    pub fn share(&self, octets: &'a [u8]) -> Bytes {
        match self.source {
            Some(source) if within(source, octets) => source.slice_ref(octets),
            _ => Bytes::copy_from_slice(octets),
        }
    }

    /// Reads an encapsulation (§9.3.3) and returns a decoder of its content, whose byte order and
    /// alignment are its own.
    ///
    /// # Errors
    /// As [`Self::octets`]; [`CdrError::BadByteOrder`]; [`CdrError::TooDeep`].
    pub fn encapsulation(&mut self) -> Result<Self, CdrError> {
        let content = self.octets()?;
        let mut inner = Self {
            rest: content,
            end: content.len(),
            depth: self.depth.checked_sub(1).ok_or(CdrError::TooDeep)?,
            beyond: None,
            stream_end: self.stream_position(),
            extension: None,
            ahead: None,
            more: 0,
            ..*self
        };
        let endian = Endian::from_flag(inner.octet()?)?;
        inner.set_endian(endian);
        Ok(inner)
    }
}

fn within(source: &[u8], part: &[u8]) -> bool {
    let (source, part) = (source.as_ptr_range(), part.as_ptr_range());
    source.start <= part.start && part.end <= source.end
}

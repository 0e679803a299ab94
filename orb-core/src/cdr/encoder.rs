// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writing CDR.

mod numbers;

use std::any::Any;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::output::Output;
use super::{CdrError, Endian, OrbHandle, Version, hooks};
use crate::codeset::CodeSets;

/// From this many octets on, borrowed data is kept by reference instead of being copied.
pub const BY_REFERENCE: usize = 8 * 1024;

/// A place in the output to come back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Index in the owned buffer.
    at: usize,
    /// The logical position.
    position: usize,
}

impl Mark {
    /// Returns the position in the stream, as [`Encoder::position`] gave it.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }
}

/// A stretch of the encoded data.
#[derive(Clone, Debug)]
pub enum Part<'a> {
    /// Borrowed from the caller.
    Borrowed(&'a [u8]),
    /// Shared with the caller.
    Shared(Bytes),
}

impl AsRef<[u8]> for Part<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Borrowed(data) => data,
            Self::Shared(data) => data,
        }
    }
}

/// Foreign data that stands in the output before the octet `at` of the owned buffer.
#[derive(Debug)]
struct Insert<'a> {
    at: usize,
    data: Part<'a>,
}

/// Writes values as CDR (CORBA 3.3 Part 2 §9.3).
///
/// The output is an owned buffer, which callers can hand in and take back so that nothing is
/// allocated per message, and large borrowed pieces that are kept by reference ([`Encoder::parts`]).
/// Alignment counts from the position 0 at which the encoder was made.
#[derive(Debug)]
pub struct Encoder<'a> {
    output: Output,
    /// The buffer's length when the encoder was made.
    start: usize,
    inserts: Vec<Insert<'a>>,
    inserted: usize,
    endian: Endian,
    swap: bool,
    version: Version,
    codesets: CodeSets,
    by_reference: usize,
    orb: Option<&'a Arc<dyn OrbHandle>>,
    extension: Option<Box<dyn Any + Send>>,
}

impl<'a> Encoder<'a> {
    /// Makes an encoder with an empty buffer of its own.
    #[must_use]
    pub fn new(endian: Endian, version: Version, codesets: CodeSets) -> Self {
        Self::with_buffer(BytesMut::new(), endian, version, codesets)
    }

    /// Makes an encoder that appends to `buffer`; position 0 is where it ends now.
    #[must_use]
    pub fn with_buffer(buffer: BytesMut, endian: Endian, version: Version, codesets: CodeSets) -> Self {
        let start = buffer.len();
        Self {
            output: Output::new(buffer),
            start,
            inserts: Vec::new(),
            inserted: 0,
            endian,
            swap: endian != Endian::NATIVE,
            version,
            codesets,
            by_reference: BY_REFERENCE,
            orb: None,
            extension: None,
        }
    }

    /// Makes an encoder that goes on where `buffer`, the beginning of a stream, ends.
    #[must_use]
    pub(crate) fn resume(buffer: BytesMut, endian: Endian, version: Version, codesets: CodeSets) -> Self {
        let mut encoder = Self::with_buffer(buffer, endian, version, codesets);
        encoder.output.set_position(encoder.start);
        encoder.start = 0;
        encoder
    }

    /// Overwrites a number of the stream.
    #[inline]
    pub(crate) fn overwrite(&mut self, position: usize, value: u32) {
        self.patch_ulong(
            Mark {
                at: self.start + position,
                position,
            },
            value,
        );
    }

    /// Forgets all that was written.
    pub(crate) fn start_again(&mut self) {
        self.rewind(Mark {
            at: self.start,
            position: 0,
        });
    }

    /// Makes an encoder for data that stays here: native byte order, GIOP 1.2, UTF-8 and UTF-16.
    #[must_use]
    pub fn native() -> Self {
        Self::new(Endian::NATIVE, Version::V1_2, CodeSets::NATIVE)
    }

    /// Sets the ORB that stands behind this stream.
    #[must_use]
    pub fn with_orb(mut self, orb: Option<&'a Arc<dyn OrbHandle>>) -> Self {
        self.orb = orb;
        self
    }

    /// Sets from how many octets on borrowed data is kept by reference; `usize::MAX` copies everything.
    /// Defaults to [`BY_REFERENCE`].
    #[must_use]
    pub fn by_reference_from(mut self, octets: usize) -> Self {
        self.by_reference = octets.max(1);
        self
    }

    /// Returns the ORB that stands behind this stream.
    #[must_use]
    pub fn orb(&self) -> Option<&'a Arc<dyn OrbHandle>> {
        self.orb
    }

    /// Returns the byte order being written.
    #[inline]
    #[must_use]
    pub fn endian(&self) -> Endian {
        self.endian
    }

    /// Returns the GIOP version being written, on which wide characters depend.
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

    /// Returns the position, counted from the start of the innermost encapsulation (or the stream).
    #[inline]
    #[must_use]
    pub fn position(&self) -> usize {
        self.output.position()
    }

    /// Returns the position counted from the start of the stream, encapsulations or not: indirections
    /// are differences of this.
    #[inline]
    #[must_use]
    pub fn stream_position(&self) -> usize {
        self.output.len() - self.start + self.inserted
    }

    /// Returns the table that lives as long as this stream, made on first use; for sharing of values.
    /// A table of another type is replaced.
    pub fn extension<T: Any + Send + Default>(&mut self) -> &mut T {
        hooks::extension_of(&mut self.extension)
    }

    /// Takes the table out, for work that needs the encoder as well; give it back with
    /// [`Self::restore_extension`].
    pub fn take_extension<T: Any + Send + Default>(&mut self) -> Box<T> {
        hooks::take_extension_of(&mut self.extension)
    }

    /// Gives back what [`Self::take_extension`] took.
    pub fn restore_extension<T: Any + Send>(&mut self, table: Box<T>) {
        self.extension = Some(table);
    }

    /// Writes zeros until the position is a multiple of `alignment`, a power of two up to 8.
    #[inline]
    pub fn align(&mut self, alignment: usize) {
        debug_assert!(alignment.is_power_of_two() && alignment <= 8);
        self.output.align(alignment);
    }

    /// Writes the length of a sequence, after checking it against its bound; the elements are next.
    ///
    /// # Errors
    /// [`CdrError::BoundExceeded`], [`CdrError::TooLong`].
    #[inline]
    pub fn sequence_len(&mut self, len: usize, bound: Option<u32>) -> Result<(), CdrError> {
        let count = u32::try_from(len).map_err(|_| CdrError::TooLong)?;
        if let Some(bound) = bound
            && count > bound
        {
            return Err(CdrError::BoundExceeded(bound));
        }
        self.ulong(count);
        Ok(())
    }

    /// Writes a `sequence<octet>`; large ones are kept by reference.
    ///
    /// # Errors
    /// [`CdrError::TooLong`].
    pub fn octets(&mut self, octets: &'a [u8]) -> Result<(), CdrError> {
        self.sequence_len(octets.len(), None)?;
        self.octets_array(octets);
        Ok(())
    }

    /// Writes an array of octets: no length; large ones are kept by reference.
    pub fn octets_array(&mut self, octets: &'a [u8]) {
        if octets.len() >= self.by_reference {
            self.insert(Part::Borrowed(octets));
        } else {
            self.raw(octets);
        }
    }

    /// Writes a `sequence<octet>` that is shared: a large one is kept by reference count.
    ///
    /// # Errors
    /// [`CdrError::TooLong`].
    pub fn bytes_shared(&mut self, octets: &Bytes) -> Result<(), CdrError> {
        self.sequence_len(octets.len(), None)?;
        if octets.len() >= self.by_reference {
            self.insert(Part::Shared(octets.clone()));
        } else {
            self.raw(octets);
        }
        Ok(())
    }

    /// Copies octets as they are: no length, no alignment.
    #[inline]
    pub fn raw(&mut self, octets: &[u8]) {
        self.output.append(1, octets);
    }

    /// Writes an encapsulation (§9.3.3): a `sequence<octet>` of a byte-order octet, written here, and
    /// of what `write` writes, aligned from that octet.
    ///
    /// # Errors
    /// Those of `write`, and [`CdrError::TooLong`].
    pub fn encapsulation(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), CdrError>,
    ) -> Result<(), CdrError> {
        let length = self.reserve_ulong();
        let (outer, before) = (self.position(), self.stream_position());
        self.output.set_position(0);
        self.octet(self.endian.flag());
        // Values are not shared across the borders of an encapsulation.
        let table = self.extension.take();
        let result = write(self);
        self.extension = table;
        let size = self.stream_position() - before;
        self.output.set_position(outer + size);
        result?;
        self.patch_ulong(length, u32::try_from(size).map_err(|_| CdrError::TooLong)?);
        Ok(())
    }

    /// Lets `write` write what does not live as long as this encoder: nothing is kept by reference.
    pub fn copying<'b, T>(&mut self, write: impl FnOnce(&mut Encoder<'b>) -> T) -> T
    where
        'a: 'b,
    {
        let mut inner: Encoder<'b> = Encoder {
            output: std::mem::take(&mut self.output),
            inserts: Vec::new(),
            by_reference: usize::MAX,
            extension: self.extension.take(),
            ..*self
        };
        let result = write(&mut inner);
        self.output = inner.output;
        self.codesets = inner.codesets;
        self.extension = inner.extension;
        result
    }

    /// Writes a count, octets and a terminating zero, as strings have it.
    #[inline]
    pub(super) fn terminated(&mut self, count: u32, octets: &[u8]) {
        let count = if self.swap { count.swap_bytes() } else { count };
        self.output.append_counted(count, 1, octets, 1);
    }

    /// Writes a placeholder for an `unsigned long` that [`Self::patch_ulong`] fills in later.
    pub fn reserve_ulong(&mut self) -> Mark {
        self.align(4);
        let mark = self.mark();
        self.output.put(0_u32);
        mark
    }

    /// Fills in what [`Self::reserve_ulong`] left open.
    pub fn patch_ulong(&mut self, mark: Mark, value: u32) {
        let value = if self.swap { value.swap_bytes() } else { value };
        self.output.patch(mark.at, value.to_ne_bytes());
    }

    /// Fills in the size at its place in the message header that the stream begins with.
    pub(crate) fn patch_size(&mut self, size: u32) {
        self.patch_ulong(
            Mark {
                at: self.start + 8,
                position: 8,
            },
            size,
        );
    }

    /// Returns the current place.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            at: self.output.len(),
            position: self.position(),
        }
    }

    /// Forgets all that was written since `mark`, which must be of the same encapsulation.
    pub fn rewind(&mut self, mark: Mark) {
        self.output.truncate(mark.at);
        while self.position() > mark.position
            && let Some(last) = self.inserts.pop()
        {
            let length = last.data.as_ref().len();
            self.inserted -= length;
            self.output.set_position(self.position().wrapping_sub(length));
        }
    }

    fn insert(&mut self, data: Part<'a>) {
        let length = data.as_ref().len();
        self.inserts.push(Insert {
            at: self.output.len(),
            data,
        });
        self.inserted += length;
        self.output.set_position(self.position().wrapping_add(length));
    }

    /// Returns how many octets the stream has so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stream_position()
    }

    /// Tells whether nothing was written yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells whether everything written stands in the owned buffer.
    #[must_use]
    pub fn is_contiguous(&self) -> bool {
        self.inserts.is_empty()
    }

    /// Returns the pieces of the stream in order, for a gathering write.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let last = self.inserts.last().map_or(self.start, |insert| insert.at);
        let starts = std::iter::once(self.start).chain(self.inserts.iter().map(|insert| insert.at));
        let inserted = self
            .inserts
            .iter()
            .zip(starts)
            .flat_map(|(insert, start)| [self.output.content(start, insert.at), insert.data.as_ref()]);
        inserted
            .chain(std::iter::once(self.output.content(last, self.output.len())))
            .filter(|part| !part.is_empty())
    }

    /// Returns the owned buffer with everything in one piece: what was in it before, then this stream.
    /// Copies only if something was kept by reference.
    #[must_use]
    pub fn into_buffer(self) -> BytesMut {
        if self.inserts.is_empty() {
            return self.output.into_buffer();
        }
        let mut whole = BytesMut::with_capacity(self.output.len() + self.inserted);
        whole.extend_from_slice(self.output.content(0, self.start));
        for part in self.parts() {
            whole.extend_from_slice(part);
        }
        whole
    }

    /// Returns the stream in one piece.
    #[must_use]
    pub fn contiguous(self) -> Bytes {
        let start = self.start;
        let mut whole = self.into_buffer();
        if start == 0 {
            // Nothing is to be shared, and what is empty takes no memory.
            return whole.freeze();
        }
        whole.split_off(start).freeze()
    }

    /// Returns the owned buffer as it was handed in, with the capacity it has gained: for reuse when
    /// the parts were sent.
    #[must_use]
    pub fn reclaim(self) -> BytesMut {
        let start = self.start;
        self.reclaim_up_to(start)
    }

    /// Returns the owned buffer with its first `length` octets.
    #[must_use]
    #[inline]
    pub(crate) fn reclaim_up_to(mut self, length: usize) -> BytesMut {
        self.output.truncate(length);
        self.output.into_buffer()
    }
}

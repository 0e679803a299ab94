// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writing values (CORBA 3.3 Part 2 §9.3.4).

use std::{collections::HashMap, fmt, sync::Arc};

use super::{
    AnyValueType, Value,
    header::{CHUNKED, ID_LIST, INDIRECTION, NULL, SINGLE_ID, VALUE},
};
use crate::cdr::{CdrError, DEPTH_LIMIT, Encoder, Mark};

/// What a stream has of values so far.
#[derive(Default)]
pub(crate) struct Written {
    /// Where the value at an address stands. It is kept alive, so that no other gets the address.
    values: HashMap<usize, (usize, Arc<dyn Value>)>,
    ids: HashMap<Arc<str>, usize>,
    lists: HashMap<Arc<[Arc<str>]>, usize>,
    /// The nesting level of the innermost chunked value; 0 outside.
    level: i32,
    chunk: Option<Chunk>,
    depth: u16,
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Written")
            .field("values", &self.values.len())
            .finish_non_exhaustive()
    }
}

/// A chunk being written.
struct Chunk {
    /// Before the padding before its size.
    begin: Mark,
    size: Mark,
    /// Where its octets begin in the stream.
    content: usize,
}

impl<'a> Encoder<'a> {
    /// Writes a value, null, or an indirection if the stream has the value already.
    ///
    /// # Errors
    ///
    /// Those of the state; [`CdrError::TooDeep`].
    pub fn value<T: AnyValueType + ?Sized>(&mut self, value: Option<&'a Arc<T>>) -> Result<(), CdrError> {
        let Some(value) = value else {
            self.ulong(NULL);
            return Ok(());
        };
        let seen = value.as_value();
        match seen.most_derived() {
            Some(actual) => write(self, &**actual, Arc::clone(actual)),
            None => write(self, seen, Arc::clone(value).into_value()),
        }
    }
}

fn write<'a>(encoder: &mut Encoder<'a>, value: &'a dyn Value, alive: Arc<dyn Value>) -> Result<(), CdrError> {
    let address = std::ptr::from_ref(value).addr();
    if let Some((place, _)) = encoder.extension::<Written>().values.get(&address) {
        let place = *place;
        return indirection(encoder, place);
    }
    let ids = value.ids();
    let begun = begin(encoder, ids, value.is_custom() || ids.len() > 1)?;
    encoder
        .extension::<Written>()
        .values
        .insert(address, (begun.at, alive));
    value.marshal_state(encoder)?;
    end(encoder, &begun)
}

/// A value whose state is being written.
#[derive(Debug)]
pub(crate) struct Begun {
    /// Where its tag stands in the stream.
    pub(crate) at: usize,
    chunked: bool,
}

/// Writes what comes before a value's state. A value within chunks is chunked, like it or not.
pub(crate) fn begin<S: AsRef<str>>(
    encoder: &mut Encoder<'_>,
    ids: &[S],
    chunked: bool,
) -> Result<Begun, CdrError> {
    let mut written = encoder.take_extension::<Written>();
    let begun = written.begin(encoder, ids, chunked);
    encoder.restore_extension(written);
    begun
}

/// Writes what comes after a value's state.
pub(crate) fn end(encoder: &mut Encoder<'_>, begun: &Begun) -> Result<(), CdrError> {
    let mut written = encoder.take_extension::<Written>();
    let ended = written.end(encoder, begun);
    encoder.restore_extension(written);
    ended
}

/// Writes that the value is the one at `place`.
pub(crate) fn indirection(encoder: &mut Encoder<'_>, place: usize) -> Result<(), CdrError> {
    encoder.ulong(INDIRECTION);
    let distance = encoder.stream_position() - place;
    let distance = i32::try_from(distance).map_err(|_| CdrError::TooLong)?;
    encoder.long(-distance);
    Ok(())
}

impl Written {
    fn begin<S: AsRef<str>>(
        &mut self,
        encoder: &mut Encoder<'_>,
        ids: &[S],
        chunked: bool,
    ) -> Result<Begun, CdrError> {
        if self.depth >= DEPTH_LIMIT {
            return Err(CdrError::TooDeep);
        }
        self.depth += 1;
        self.end_chunk(encoder)?;
        let chunked = chunked || self.level > 0;
        let types = match ids.len() {
            0 => 0,
            1 => SINGLE_ID,
            _ => ID_LIST,
        };
        encoder.align(4);
        let at = encoder.stream_position();
        encoder.ulong(VALUE | types | if chunked { CHUNKED } else { 0 });
        match ids {
            [] => {}
            [id] => self.id(encoder, id.as_ref())?,
            ids => self.list(encoder, ids)?,
        }
        if chunked {
            self.level += 1;
            self.begin_chunk(encoder);
        }
        Ok(Begun { at, chunked })
    }

    fn end(&mut self, encoder: &mut Encoder<'_>, begun: &Begun) -> Result<(), CdrError> {
        self.depth = self.depth.saturating_sub(1);
        if begun.chunked {
            self.end_chunk(encoder)?;
            encoder.long(-self.level);
            self.level -= 1;
            if self.level > 0 {
                self.begin_chunk(encoder);
            }
        }
        Ok(())
    }

    fn id(&mut self, encoder: &mut Encoder<'_>, id: &str) -> Result<(), CdrError> {
        if let Some(place) = self.ids.get(id) {
            return indirection(encoder, *place);
        }
        encoder.align(4);
        self.ids.insert(id.into(), encoder.stream_position());
        encoder.string(id)
    }

    fn list<S: AsRef<str>>(&mut self, encoder: &mut Encoder<'_>, ids: &[S]) -> Result<(), CdrError> {
        let list: Arc<[Arc<str>]> = ids.iter().map(|id| Arc::from(id.as_ref())).collect();
        if let Some(place) = self.lists.get(&list) {
            return indirection(encoder, *place);
        }
        encoder.align(4);
        self.lists.insert(list, encoder.stream_position());
        encoder.sequence_len(ids.len(), None)?;
        ids.iter().try_for_each(|id| self.id(encoder, id.as_ref()))
    }

    fn begin_chunk(&mut self, encoder: &mut Encoder<'_>) {
        let begin = encoder.mark();
        let size = encoder.reserve_ulong();
        self.chunk = Some(Chunk {
            begin,
            size,
            content: encoder.stream_position(),
        });
    }

    /// Ends the chunk; one without content is not written at all: its size may not be 0.
    fn end_chunk(&mut self, encoder: &mut Encoder<'_>) -> Result<(), CdrError> {
        let Some(chunk) = self.chunk.take() else {
            return Ok(());
        };
        let size = encoder.stream_position() - chunk.content;
        match u32::try_from(size) {
            Ok(0) => encoder.rewind(chunk.begin),
            Ok(size) if size < VALUE => encoder.patch_ulong(chunk.size, size),
            _ => return Err(CdrError::TooLong),
        }
        Ok(())
    }
}

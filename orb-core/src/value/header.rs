// SPDX-License-Identifier: MIT OR Apache-2.0
//! What stands before a value's state, and the chunks and end tags around it (CORBA 3.3 Part 2 §9.3.4).

use std::{collections::HashMap, sync::Arc};

use crate::cdr::{CdrError, Decoder, Endian};

pub(crate) const NULL: u32 = 0;
pub(crate) const INDIRECTION: u32 = 0xffff_ffff;
/// Value tags are this and above; the bits below say what follows.
pub(crate) const VALUE: u32 = 0x7fff_ff00;
const CODEBASE: u32 = 1;
pub(crate) const SINGLE_ID: u32 = 2;
pub(crate) const ID_LIST: u32 = 6;
pub(crate) const CHUNKED: u32 = 8;
const LAST_VALUE: u32 = 0x7fff_ffff;
/// How many types one value may name.
const ID_LIMIT: usize = 64;

/// The repository ids of a value, most derived first; none if the type is the expected one.
pub(crate) type ValueIds = Arc<[Arc<str>]>;

/// How a value begins.
#[derive(Debug)]
pub(crate) enum Header {
    Null,
    /// The value that stands there.
    Indirection(usize),
    New {
        place: usize,
        chunked: bool,
        ids: ValueIds,
    },
}

/// The texts of value headers by their place in the stream, and how deep in chunks the reader is.
#[derive(Debug, Default)]
pub(crate) struct Headers {
    texts: HashMap<usize, Arc<str>>,
    lists: HashMap<usize, ValueIds>,
    /// In which level of chunks each value began.
    places: HashMap<usize, i32>,
    /// The nesting level of the innermost chunked value; 0 outside.
    level: i32,
    /// The outermost level that an end tag has ended which was read by an inner one.
    ended: Option<i32>,
}

/// How deep in chunks a reader was.
#[derive(Debug)]
pub(crate) struct Level {
    level: i32,
    ended: Option<i32>,
}

impl Headers {
    /// Reads the beginning of a value.
    pub(crate) fn read(&mut self, decoder: &mut Decoder<'_>) -> Result<Header, CdrError> {
        if self.ended.is_some() {
            return Err(CdrError::BadValue("the state has ended before its last member"));
        }
        if decoder.in_chunk() && decoder.remaining() == 0 {
            leave_chunk_for_tag(decoder)?;
        }
        decoder.align(4)?;
        let place = decoder.stream_position();
        match decoder.ulong()? {
            NULL => Ok(Header::Null),
            INDIRECTION => target(decoder).map(Header::Indirection),
            VALUE..=LAST_VALUE if decoder.in_chunk() => {
                Err(CdrError::BadValue("a value begins within a chunk"))
            }
            tag @ VALUE..=LAST_VALUE => {
                self.places.insert(place, self.level);
                self.read_new(decoder, place, tag)
            }
            _ => Err(CdrError::BadValue("neither a value nor null nor an indirection")),
        }
    }

    fn read_new(&mut self, decoder: &mut Decoder<'_>, place: usize, tag: u32) -> Result<Header, CdrError> {
        let chunked = tag & CHUNKED != 0;
        if self.level > 0 && !chunked {
            return Err(CdrError::BadValue("a value within chunks is not chunked"));
        }
        if tag & CODEBASE != 0 {
            self.text(decoder)?;
        }
        let ids = match tag & ID_LIST {
            0 => ValueIds::default(),
            SINGLE_ID => [self.text(decoder)?].into(),
            ID_LIST => self.list(decoder)?,
            _ => return Err(CdrError::BadValue("a tag with reserved bits")),
        };
        Ok(Header::New { place, chunked, ids })
    }

    fn text(&mut self, decoder: &mut Decoder<'_>) -> Result<Arc<str>, CdrError> {
        decoder.align(4)?;
        let place = decoder.stream_position();
        if peek(decoder)? == INDIRECTION {
            decoder.ulong()?;
            return self
                .texts
                .get(&target(decoder)?)
                .cloned()
                .ok_or(CdrError::BadIndirection);
        }
        let text: Arc<str> = decoder.str_ref()?.into();
        self.texts.insert(place, Arc::clone(&text));
        Ok(text)
    }

    fn list(&mut self, decoder: &mut Decoder<'_>) -> Result<ValueIds, CdrError> {
        decoder.align(4)?;
        let place = decoder.stream_position();
        if peek(decoder)? == INDIRECTION {
            decoder.ulong()?;
            return self
                .lists
                .get(&target(decoder)?)
                .cloned()
                .ok_or(CdrError::BadIndirection);
        }
        let count = decoder.sequence_len(None, 5)?;
        if count > ID_LIMIT {
            return Err(CdrError::BadValue("too many repository ids"));
        }
        let ids: ValueIds = (0..count).map(|_| self.text(decoder)).collect::<Result<_, _>>()?;
        self.lists.insert(place, Arc::clone(&ids));
        Ok(ids)
    }

    /// Prepares for reading again the value that stands at `place`; what it returns goes to [`Self::returned`].
    ///
    /// Its value was skipped, or was read for another purpose.
    pub(crate) fn revisit(&mut self, place: usize) -> Result<Level, CdrError> {
        let level = self.places.get(&place).ok_or(CdrError::BadIndirection)?;
        let before = Level {
            level: self.level,
            ended: self.ended,
        };
        self.level = *level;
        self.ended = None;
        Ok(before)
    }

    /// Goes on where [`Self::revisit`] was called.
    pub(crate) fn returned(&mut self, to: &Level) {
        self.level = to.level;
        self.ended = to.ended;
    }

    /// Begins a value's state.
    pub(crate) fn begin(&mut self, decoder: &mut Decoder<'_>, chunked: bool) -> Result<(), CdrError> {
        if chunked {
            self.level += 1;
            // The first chunk is begun by what reads first.
            decoder.begin_chunk(0)?;
        }
        Ok(())
    }

    /// Ends a value's state, skipping what is left of it: a receiver may know only a base.
    pub(crate) fn end(&mut self, decoder: &mut Decoder<'_>, chunked: bool) -> Result<(), CdrError> {
        if !chunked {
            return Ok(());
        }
        decoder.end_chunk();
        self.skip_to_end(decoder)?;
        self.level -= 1;
        if self.level > 0 {
            decoder.begin_chunk(0)?;
        }
        Ok(())
    }

    /// Skips chunks, and values between them, up to the end tag of the current level.
    fn skip_to_end(&mut self, decoder: &mut Decoder<'_>) -> Result<(), CdrError> {
        const BAD_END: CdrError = CdrError::BadValue("an end tag of a level that was not begun");
        let level = self.level;
        let mut inner = level;
        while self.ended.is_none() {
            decoder.align(4)?;
            let place = decoder.stream_position();
            match decoder.ulong()? {
                NULL => {}
                size @ 1..VALUE => {
                    decoder.skip(usize::try_from(size).map_err(|_| CdrError::LengthBeyondEnd)?)?
                }
                tag @ VALUE..=LAST_VALUE => {
                    self.places.insert(place, inner);
                    self.read_new(decoder, place, tag)?;
                    inner += 1;
                }
                tag => {
                    let ends = tag.cast_signed().checked_neg().ok_or(BAD_END)?;
                    if ends > inner {
                        return Err(BAD_END);
                    }
                    inner = ends - 1;
                    self.ended = (ends <= level).then_some(ends);
                }
            }
        }
        // One tag may end several levels: the outer ones find it here.
        if self.ended == Some(level) {
            self.ended = None;
        }
        Ok(())
    }
}

/// At the end of a chunk: nulls and indirections stand in the next one, values between the two.
fn leave_chunk_for_tag(decoder: &mut Decoder<'_>) -> Result<(), CdrError> {
    decoder.end_chunk();
    match peek(decoder)? {
        1..VALUE => {
            let size = decoder.ulong()?;
            decoder.begin_chunk(usize::try_from(size).map_err(|_| CdrError::LengthBeyondEnd)?)
        }
        VALUE..=LAST_VALUE | NULL => Ok(()),
        _ => Err(CdrError::BadValue("the state has ended before its last member")),
    }
}

/// Where an indirection leads, whose offset, which comes next, counts from itself.
fn target(decoder: &mut Decoder<'_>) -> Result<usize, CdrError> {
    let from = decoder.stream_position();
    let offset = isize::try_from(decoder.long()?).map_err(|_| CdrError::BadIndirection)?;
    from.checked_add_signed(offset)
        .filter(|place| *place < from)
        .ok_or(CdrError::BadIndirection)
}

/// The next `unsigned long`, which stays.
pub(crate) fn peek(decoder: &mut Decoder<'_>) -> Result<u32, CdrError> {
    let padding = 0usize.wrapping_sub(decoder.position()) & 3;
    let octets = decoder
        .rest()
        .get(padding..)
        .and_then(|rest| rest.first_chunk::<4>());
    let octets = *octets.ok_or(CdrError::UnexpectedEnd)?;
    Ok(match decoder.endian() {
        Endian::Big => u32::from_be_bytes(octets),
        Endian::Little => u32::from_le_bytes(octets),
    })
}

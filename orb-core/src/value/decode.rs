// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading values (CORBA 3.3 Part 2 §9.3.4).

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::Arc,
};

use super::{
    AnyValueType, Value, ValueFactory,
    factory::registered,
    header::{Header, Headers},
};
use crate::cdr::{CdrError, Decoder};

/// What is to be done with a value once it is complete.
type Later = Box<dyn FnOnce(&Arc<dyn Value>) + Send>;

/// The values of a stream by their place.
#[derive(Default)]
pub(crate) struct ReadValues {
    pub(crate) headers: Headers,
    /// How many octets of values `any`s have repeated that stand elsewhere.
    pub(crate) repeated: usize,
    values: HashMap<usize, Entry>,
    /// The values as they are seen at positions of a base's type.
    views: HashMap<(usize, TypeId), Arc<dyn Any + Send + Sync>>,
}

enum Entry {
    /// Its state is being read; who waits for it.
    Begun(Vec<Later>),
    Complete(Arc<dyn Value>),
}

impl fmt::Debug for ReadValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadValues")
            .field("values", &self.values.len())
            .finish_non_exhaustive()
    }
}

enum Found {
    Null,
    Complete(usize, Arc<dyn Value>),
    /// The value there contains this reference to it.
    Begun(usize),
    /// The value there was skipped, or is part of an `any`.
    Unread(usize),
}

type Formal = Option<(ValueFactory, &'static [ValueFactory])>;

impl Decoder<'_> {
    /// Reads a value, or null.
    ///
    /// # Errors
    ///
    /// [`CdrError::BadValue`] by what is wrong, also if it is of another type; [`CdrError::BadIndirection`];
    /// [`CdrError::NoValueFactory`] if nobody here knows its type nor one it may be truncated to;
    /// [`CdrError::TooDeep`]; those of the state.
    pub fn value<T: AnyValueType + ?Sized>(&mut self) -> Result<Option<Arc<T>>, CdrError> {
        match find(self, T::formal())? {
            Found::Null => Ok(None),
            Found::Complete(place, value) => view(self, place, value).map(Some),
            Found::Begun(_) | Found::Unread(_) => Err(CdrError::BadValue(
                "a value refers to itself where no cycle can be",
            )),
        }
    }

    /// Reads a value, or null. If it is a value whose state is still being read, this returns nothing, and `later` is
    /// called when it is complete.
    pub(super) fn value_or_later<T: AnyValueType + ?Sized>(
        &mut self,
        later: impl FnOnce(&Arc<dyn Value>) + Send + 'static,
    ) -> Result<Option<Arc<T>>, CdrError> {
        match find(self, T::formal())? {
            Found::Null => Ok(None),
            Found::Complete(place, value) => view(self, place, value).map(Some),
            Found::Begun(place) => {
                if let Some(Entry::Begun(waiting)) = self.extension::<ReadValues>().values.get_mut(&place) {
                    waiting.push(Box::new(later));
                }
                Ok(None)
            }
            Found::Unread(_) => Err(CdrError::BadIndirection),
        }
    }
}

/// Reads with `read` from the value that stands at an earlier place, with what is known of this stream.
pub(crate) fn revisit<T>(
    decoder: &mut Decoder<'_>,
    place: usize,
    read: impl FnOnce(&mut Decoder<'_>) -> Result<T, CdrError>,
) -> Result<T, CdrError> {
    let mut earlier = decoder.revisit(place)?;
    let mut table = decoder.take_extension::<ReadValues>();
    let level = table.headers.revisit(place);
    earlier.restore_extension(table);
    let result = level.and_then(|level| {
        let result = read(&mut earlier);
        earlier.extension::<ReadValues>().headers.returned(&level);
        result
    });
    decoder.restore_extension(earlier.take_extension::<ReadValues>());
    result
}

/// The value as one of `T`: always the same one for the same place.
fn view<T: AnyValueType + ?Sized>(
    decoder: &mut Decoder<'_>,
    place: usize,
    value: Arc<dyn Value>,
) -> Result<Arc<T>, CdrError> {
    let key = (place, TypeId::of::<T>());
    let views = &mut decoder.extension::<ReadValues>().views;
    if let Some(view) = views.get(&key).and_then(|view| view.downcast_ref::<Arc<T>>()) {
        return Ok(Arc::clone(view));
    }
    let view = T::of_value(value).ok_or(CdrError::BadValue("it is of another type than expected"))?;
    views.insert(key, Arc::new(Arc::clone(&view)));
    Ok(view)
}

fn find(decoder: &mut Decoder<'_>, formal: Formal) -> Result<Found, CdrError> {
    let mut table = decoder.take_extension::<ReadValues>();
    let header = table.headers.read(decoder);
    let found = header.and_then(|header| match header {
        Header::Null => Ok(Err(Found::Null)),
        Header::Indirection(place) => match table.values.get(&place) {
            Some(Entry::Complete(value)) => Ok(Err(Found::Complete(place, Arc::clone(value)))),
            Some(Entry::Begun(_)) => Ok(Err(Found::Begun(place))),
            None => Ok(Err(Found::Unread(place))),
        },
        Header::New { place, chunked, ids } => Ok(Ok((place, chunked, choose(&ids, formal, chunked)?))),
    });
    decoder.restore_extension(table);
    match found? {
        Err(Found::Unread(place)) => revisit(decoder, place, |decoder| find(decoder, formal)),
        Err(found) => Ok(found),
        Ok((place, chunked, factory)) => {
            let value = read_state(decoder, place, chunked, factory)?;
            Ok(Found::Complete(place, value))
        }
    }
}

/// Reads the state of the value that begins at `place`.
pub(crate) fn read_state(
    decoder: &mut Decoder<'_>,
    place: usize,
    chunked: bool,
    factory: ValueFactory,
) -> Result<Arc<dyn Value>, CdrError> {
    let table = decoder.extension::<ReadValues>();
    table.values.insert(place, Entry::Begun(Vec::new()));
    let mut table = decoder.take_extension::<ReadValues>();
    let begun = table.headers.begin(decoder, chunked);
    decoder.restore_extension(table);
    begun?;
    let value = decoder.nested(|decoder| factory.read_state(decoder))?;
    let mut table = decoder.take_extension::<ReadValues>();
    let ended = table.headers.end(decoder, chunked);
    if let Some(Entry::Begun(waiting)) = table.values.insert(place, Entry::Complete(Arc::clone(&value))) {
        waiting.into_iter().for_each(|later| later(&value));
    }
    decoder.restore_extension(table);
    ended?;
    Ok(value)
}

/// Finds who can make the value: its own type's factory, or that of the nearest base it may be truncated to.
fn choose(ids: &[Arc<str>], formal: Formal, chunked: bool) -> Result<ValueFactory, CdrError> {
    if ids.is_empty() {
        // Without ids it is of just the expected type (§9.3.4.3).
        return formal.map(|(factory, _)| factory).ok_or(CdrError::NoValueFactory);
    }
    let known = |id: &str| {
        let (own, derived) = formal?;
        std::iter::once(&own)
            .chain(derived)
            .find(|factory| factory.id() == id)
            .copied()
    };
    for (index, id) in ids.iter().enumerate() {
        if let Some(factory) = known(id).or_else(|| registered(id)) {
            if index > 0 && !chunked {
                return Err(CdrError::BadValue(
                    "it would have to be truncated, but is not chunked",
                ));
            }
            return Ok(factory);
        }
    }
    Err(CdrError::NoValueFactory)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Converting the valuetypes in an `any`.

use std::sync::Arc;

use super::Transcoder;
use crate::{
    cdr::{CdrError, Decoder},
    typecode::{Node, NodeRef, TypeCode, ValueModifier},
    value::{
        Header, ReadValues, ValueFactory, begin_value, end_value, read_state, registered, revisit,
        write_indirection,
    },
};

/// How many octets all `any`s of a stream may repeat of values that stand elsewhere in the stream, and how many each
/// repetition counts at least. Else a small message could ask for copies without end.
const REPEATED_LIMIT: usize = 1 << 22;
const REPEATED_LEAST: usize = 1 << 12;

/// By what a value's state is copied.
enum Plan {
    /// Member by member: the type is described. The ids from this one on are kept.
    Members(TypeCode, usize),
    /// By reading and writing it: only the application knows its state.
    Custom(ValueFactory),
}

impl Transcoder<'_, '_> {
    /// Copies a value, of the expected type or one derived from it.
    pub(super) fn value(
        &mut self,
        from: &mut Decoder<'_>,
        formal: Option<NodeRef<'_>>,
    ) -> Result<(), CdrError> {
        match with_table(from, |table, from| table.headers.read(from))? {
            Header::Null => {
                self.to.ulong(0);
                Ok(())
            }
            Header::Indirection(place) => match self.places.get(&place) {
                Some(place) => write_indirection(self.to, *place),
                // It stands before this `any`, or in another one: this one gets a copy of its own.
                None => self.elsewhere(from, place, formal),
            },
            Header::New { place, chunked, ids } => match plan(&ids, formal, chunked)? {
                Plan::Members(type_code, kept) => {
                    let ids = ids.get(kept..).unwrap_or_default();
                    self.state(from, (place, chunked), ids, type_code.root())
                }
                Plan::Custom(factory) => {
                    let value = read_state(from, place, chunked, factory)?;
                    self.to.align(4);
                    self.places.insert(place, self.to.stream_position());
                    self.to.copying(|to| to.value(Some(&value)))
                }
            },
        }
    }

    fn state(
        &mut self,
        from: &mut Decoder<'_>,
        (place, chunked): (usize, bool),
        ids: &[Arc<str>],
        node: NodeRef<'_>,
    ) -> Result<(), CdrError> {
        let begun = begin_value(self.to, ids, chunked)?;
        self.places.insert(place, begun.at);
        with_table(from, |table, from| table.headers.begin(from, chunked))?;
        self.members(from, node)?;
        with_table(from, |table, from| table.headers.end(from, chunked))?;
        end_value(self.to, &begun)
    }

    fn members(&mut self, from: &mut Decoder<'_>, node: NodeRef<'_>) -> Result<(), CdrError> {
        match node.node() {
            // A box's state is its content.
            Node::Renamed { content, .. } => self.copy(from, node.follow(content)),
            Node::Value { base, members, .. } => {
                if let Some(base) = base {
                    from.nested(|from| self.members(from, node.follow(base)))?;
                }
                members
                    .iter()
                    .try_for_each(|member| self.copy(from, node.follow(&member.link)))
            }
            _ => Err(CdrError::BadTypeCode("a value's base is no value")),
        }
    }

    fn elsewhere(
        &mut self,
        from: &mut Decoder<'_>,
        place: usize,
        formal: Option<NodeRef<'_>>,
    ) -> Result<(), CdrError> {
        if from.extension::<ReadValues>().repeated > REPEATED_LIMIT {
            return Err(CdrError::BadAny("too much of it stands elsewhere in the message"));
        }
        let before = self.to.len();
        let copied = revisit(from, place, |earlier| self.value(earlier, formal));
        let repeated = (self.to.len() - before).max(REPEATED_LEAST);
        from.extension::<ReadValues>().repeated += repeated;
        copied
    }
}

/// Finds out who knows the value's state: its own type, or the nearest one it may be truncated to.
fn plan(ids: &[Arc<str>], formal: Option<NodeRef<'_>>, chunked: bool) -> Result<Plan, CdrError> {
    let Some((first, _)) = ids.split_first() else {
        // Without ids it is of just the expected type (§9.3.4.3).
        let formal = formal.ok_or(CdrError::NoValueFactory)?;
        return members_of(formal.to_type_code(), 0, None);
    };
    for (index, id) in ids.iter().enumerate() {
        let factory = registered(id);
        let expected = formal.filter(|formal| formal.node().id() == Some(id));
        let known = expected
            .map(NodeRef::to_type_code)
            .or_else(|| Some(factory?.type_code()));
        if let Some(type_code) = known {
            if !Arc::ptr_eq(id, first) && !chunked {
                return Err(CdrError::BadValue(
                    "it would have to be truncated, but is not chunked",
                ));
            }
            return members_of(type_code, index, factory);
        }
    }
    Err(CdrError::NoValueFactory)
}

/// The type by whose members a value's state is described.
pub(crate) fn members_of_value(
    ids: &[Arc<str>],
    formal: Option<NodeRef<'_>>,
    chunked: bool,
) -> Result<TypeCode, CdrError> {
    match plan(ids, formal, chunked)? {
        Plan::Members(type_code, _) => Ok(type_code),
        Plan::Custom(_) => Err(CdrError::NotSupported("the members of a custom value")),
    }
}

fn members_of(type_code: TypeCode, kept: usize, factory: Option<ValueFactory>) -> Result<Plan, CdrError> {
    match type_code.type_modifier() {
        Some(ValueModifier::Custom) => factory.map(Plan::Custom).ok_or(CdrError::NotSupported(
            "a custom value that is not registered, in an any",
        )),
        Some(ValueModifier::Abstract) => Err(CdrError::NoValueFactory),
        _ => Ok(Plan::Members(type_code, kept)),
    }
}

fn with_table<T>(
    from: &mut Decoder<'_>,
    work: impl FnOnce(&mut ReadValues, &mut Decoder<'_>) -> Result<T, CdrError>,
) -> Result<T, CdrError> {
    let mut table = from.take_extension::<ReadValues>();
    let result = work(&mut table, from);
    from.restore_extension(table);
    result
}

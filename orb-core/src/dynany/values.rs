// SPDX-License-Identifier: MIT OR Apache-2.0
//! Valuetypes: `DynValue` and `DynValueBox`.

use super::{
    Content, DynAny, Result, defaults,
    parts::{self, Reader},
};
use crate::{
    any::{Any, members_of_value},
    cdr::{CdrError, Encoder},
    typecode::{Link, Node, NodeRef, TypeCode, TypeCodeKind, ValueModifier},
    value::{Header, ReadValues, begin_value, end_value},
};

/// Takes a value apart into the members of its actual type, inherited ones first.
pub(super) fn split(
    reader: &mut Reader<'_, '_>,
    node: NodeRef<'_>,
    type_code: &TypeCode,
) -> Result<(TypeCode, Content)> {
    let mut table = reader.decoder.take_extension::<ReadValues>();
    let header = table.headers.read(reader.decoder);
    let begun = header.and_then(|header| match header {
        Header::Null => Ok(None),
        Header::Indirection(_) => Err(CdrError::BadIndirection),
        Header::New { chunked, ids, .. } => {
            let actual = members_of_value(&ids, Some(node), chunked)?;
            table.headers.begin(reader.decoder, chunked)?;
            Ok(Some(actual))
        }
    });
    reader.decoder.restore_extension(table);
    let Some(actual) = begun? else {
        return Ok((type_code.clone(), Content::Null));
    };
    let same = actual == node.to_type_code();
    let members: Result<Vec<DynAny>> = members(actual.root())
        .into_iter()
        .map(|node| reader.part(node))
        .collect();
    Ok((
        if same { type_code.clone() } else { actual.clone() },
        Content::Parts(members?),
    ))
}

/// The types of all members, inherited ones first; of a box, its content.
pub(super) fn members(node: NodeRef<'_>) -> Vec<NodeRef<'_>> {
    state(node)
        .into_iter()
        .map(|(node, link, _)| node.follow(link))
        .collect()
}

fn state(node: NodeRef<'_>) -> Vec<(NodeRef<'_>, &Link, &str)> {
    let mut lineage = vec![node];
    while let Some(Node::Value { base: Some(base), .. }) = lineage.last().map(|node| node.node())
        && let Some(last) = lineage.last().copied()
    {
        lineage.push(last.follow(base));
    }
    let mut members = Vec::new();
    for node in lineage.into_iter().rev() {
        match node.node() {
            Node::Value { members: own, .. } => {
                members.extend(own.iter().map(|member| (node, &member.link, &*member.name)));
            }
            Node::Renamed { content, .. } => members.push((node, content, "")),
            _ => {}
        }
    }
    members
}

/// The name of a member, inherited ones first.
pub(super) fn member_name(type_code: &TypeCode, index: usize) -> Option<String> {
    state(type_code.root().resolved())
        .get(index)
        .map(|(_, _, name)| (*name).to_owned())
}

/// Puts a value together from all its members.
pub(super) fn join(encoder: &mut Encoder<'_>, node: NodeRef<'_>, parts: &[DynAny]) -> Result<()> {
    let mut ids = Vec::new();
    let mut current = Some(node);
    while let Some(node) = current {
        ids.extend(node.node().id());
        current = match node.node() {
            Node::Value {
                modifier: ValueModifier::Truncatable,
                base: Some(base),
                ..
            } => Some(node.follow(base)),
            _ => None,
        };
    }
    let begun = begin_value(encoder, &ids, ids.len() > 1)?;
    parts::write(encoder, parts)?;
    Ok(end_value(encoder, &begun)?)
}

impl DynAny {
    /// Returns whether this is a valuetype that is null.
    ///
    /// # Errors
    ///
    /// [`super::DynAnyError::TypeMismatch`] if it is no valuetype; [`super::DynAnyError::Malformed`].
    pub fn is_null(&mut self) -> Result<bool> {
        self.value_only()?;
        self.expand()?;
        Ok(matches!(self.content, Content::Null))
    }

    /// Makes the valuetype null.
    ///
    /// # Errors
    ///
    /// [`super::DynAnyError::TypeMismatch`] if it is no valuetype.
    pub fn set_to_null(&mut self) -> Result<()> {
        self.value_only()?;
        self.content = Content::Null;
        self.position = None;
        Ok(())
    }

    /// Makes the valuetype, if it is null, one whose members have their defaults.
    ///
    /// # Errors
    ///
    /// [`super::DynAnyError::TypeMismatch`] if it is no valuetype, or one whose members are not described.
    pub fn set_to_value(&mut self) -> Result<()> {
        if !self.is_null()? {
            return Ok(());
        }
        let node = self.type_code.root().resolved();
        if self
            .type_code
            .resolved()
            .type_modifier()
            .is_some_and(|modifier| matches!(modifier, ValueModifier::Abstract | ValueModifier::Custom))
        {
            return Err(self.mismatch(&"a value with members"));
        }
        let member = |node: NodeRef<'_>| {
            let type_code = node.to_type_code();
            let mut encoder = Encoder::native();
            defaults::write(&mut encoder, &type_code)?;
            Ok(DynAny::whole(Any::from_parts(
                type_code,
                encoder.contiguous(),
                None,
            )))
        };
        let members: Result<Vec<DynAny>> = members(node).into_iter().map(member).collect();
        self.content = Content::Parts(members?);
        self.rewind();
        Ok(())
    }

    /// Returns the content of a boxed value.
    ///
    /// # Errors
    ///
    /// [`super::DynAnyError::TypeMismatch`] if it is no box; [`super::DynAnyError::InvalidValue`] if it is null.
    pub fn boxed_value(&mut self) -> Result<&mut DynAny> {
        if self.kind() != TypeCodeKind::ValueBox {
            return Err(self.mismatch(&"a boxed value"));
        }
        self.component(0)
    }

    fn value_only(&self) -> Result<()> {
        match self.kind() {
            TypeCodeKind::Value | TypeCodeKind::ValueBox | TypeCodeKind::Event => Ok(()),
            _ => Err(self.mismatch(&"a valuetype")),
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writing TypeCodes (CORBA 3.3 Part 2 §9.3.5.1).

use std::collections::HashMap;

use bytes::Bytes;

use super::{Link, Node, NodeRef, Repr, TypeCode, TypeCodeKind};
use crate::cdr::{CdrError, Encoder, Marshal, Version};

/// What stands in place of a kind when an offset to an earlier TypeCode follows.
pub(super) const INDIRECTION: u32 = 0xffff_ffff;

/// Where in the stream the nodes stand that were written so far.
type Places = HashMap<*const Node, usize>;

impl Encoder<'_> {
    /// Writes a TypeCode.
    ///
    /// # Errors
    ///
    /// [`CdrError::BadTypeCode`] if a recursive part has no enclosing type.
    pub fn type_code(&mut self, type_code: &TypeCode) -> Result<(), CdrError> {
        if !type_code.is_complete() {
            return Err(CdrError::BadTypeCode(
                "a recursive part without the type that encloses it",
            ));
        }
        write(self, type_code.root(), &mut Places::new())
    }
}

impl Marshal for TypeCode {
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.type_code(self)
    }
}

fn write(encoder: &mut Encoder<'_>, node: NodeRef<'_>, places: &mut Places) -> Result<(), CdrError> {
    if write_simple(encoder, node) {
        return Ok(());
    }
    if let Some(place) = places.get(&node.identity()) {
        return write_indirection(encoder, *place);
    }
    // The content's encapsulation has its own alignment and byte order and its indirections are relative, so it is the
    // same wherever it stands; only wide characters look different before GIOP 1.2.
    if node.index() == 0
        && encoder.version() >= Version::V1_2
        && let Some(content) = cached(node)?
    {
        place(encoder, node, places);
        encoder.ulong(node.kind().number());
        encoder.sequence_len(content.len(), None)?;
        encoder.raw(&content);
        return Ok(());
    }
    place(encoder, node, places);
    encoder.ulong(node.kind().number());
    encoder.encapsulation(|inner| write_content(inner, node, places))
}

fn place(encoder: &mut Encoder<'_>, node: NodeRef<'_>, places: &mut Places) {
    encoder.align(4);
    places.insert(node.identity(), encoder.stream_position());
}

/// Writes the kinds whose parameters are not encapsulated.
fn write_simple(encoder: &mut Encoder<'_>, node: NodeRef<'_>) -> bool {
    match node.node() {
        Node::Simple(kind @ (TypeCodeKind::String | TypeCodeKind::WString)) => {
            encoder.ulong(kind.number());
            encoder.ulong(0);
        }
        Node::Simple(kind) => encoder.ulong(kind.number()),
        Node::String { bound, .. } => {
            encoder.ulong(node.kind().number());
            encoder.ulong(*bound);
        }
        Node::Fixed { digits, scale } => {
            encoder.ulong(TypeCodeKind::Fixed.number());
            encoder.ushort(*digits);
            encoder.short(*scale);
        }
        _ => return false,
    }
    true
}

fn write_indirection(encoder: &mut Encoder<'_>, place: usize) -> Result<(), CdrError> {
    encoder.ulong(INDIRECTION);
    let distance = encoder.stream_position() - place;
    let distance = i32::try_from(distance).map_err(|_| CdrError::TooLong)?;
    encoder.long(-distance);
    Ok(())
}

/// The content's encapsulation of the first node of a graph, made once.
fn cached(node: NodeRef<'_>) -> Result<Option<Bytes>, CdrError> {
    let Some(graph) = node.graph() else {
        return Ok(None);
    };
    if !graph.open.is_empty() {
        return Ok(None);
    }
    if let Some(content) = graph.encoded.get() {
        return Ok(Some(content.clone()));
    }
    let mut encoder = Encoder::native();
    let mut places = Places::new();
    place(&mut encoder, node, &mut places);
    encoder.ulong(node.kind().number());
    encoder.encapsulation(|inner| write_content(inner, node, &mut places))?;
    // The kind and the length come before the content.
    let content = encoder.contiguous().split_off(8);
    Ok(Some(graph.encoded.get_or_init(|| content).clone()))
}

fn write_content(encoder: &mut Encoder<'_>, node: NodeRef<'_>, places: &mut Places) -> Result<(), CdrError> {
    if let (Some(id), Some(name)) = (node.node().id(), node.node().name()) {
        encoder.string(id)?;
        encoder.string(name)?;
    }
    let follow = |link| node.follow(link);
    match node.node() {
        Node::Renamed { content, .. } => write(encoder, follow(content), places),
        Node::Sequence {
            content,
            bound: length,
        }
        | Node::Array { content, length } => {
            write(encoder, follow(content), places)?;
            encoder.ulong(*length);
            Ok(())
        }
        Node::Struct { members, .. } => {
            encoder.sequence_len(members.len(), None)?;
            members.iter().try_for_each(|member| {
                encoder.string(&member.name)?;
                write(encoder, follow(&member.link), places)
            })
        }
        Node::Enum { enumerators, .. } => {
            encoder.sequence_len(enumerators.len(), None)?;
            enumerators.iter().try_for_each(|name| encoder.string(name))
        }
        Node::Union { discriminator, .. } => {
            write(encoder, follow(discriminator), places)?;
            write_cases(encoder, node, follow(discriminator), places)
        }
        Node::Value { .. } => write_value(encoder, node, places),
        Node::Named { .. } => Ok(()),
        Node::Recursive { .. } | Node::Simple(_) | Node::String { .. } | Node::Fixed { .. } => Err(
            CdrError::BadTypeCode("a recursive part without the type that encloses it"),
        ),
    }
}

fn write_cases(
    encoder: &mut Encoder<'_>,
    node: NodeRef<'_>,
    discriminator: NodeRef<'_>,
    places: &mut Places,
) -> Result<(), CdrError> {
    let Node::Union { default, cases, .. } = node.node() else {
        return Ok(());
    };
    let used = default
        .map_or(Ok(-1), i32::try_from)
        .map_err(|_| CdrError::TooLong)?;
    encoder.long(used);
    encoder.sequence_len(cases.len(), None)?;
    for (index, case) in cases.iter().enumerate() {
        // The default's label says nothing, but is there: zero.
        let label = if *default == Some(index) { 0 } else { case.label };
        write_label(encoder, discriminator.resolved().kind(), label)?;
        encoder.string(&case.name)?;
        write(encoder, node.follow(&case.link), places)?;
    }
    Ok(())
}

/// Writes a discriminator given as a number.
pub(crate) fn write_label(encoder: &mut Encoder<'_>, kind: TypeCodeKind, label: i64) -> Result<(), CdrError> {
    const BAD: CdrError = CdrError::BadTypeCode("a label is out of the discriminator's range");
    let character = || u32::try_from(label).ok().and_then(char::from_u32).ok_or(BAD);
    match kind {
        TypeCodeKind::Boolean => encoder.boolean(label != 0),
        TypeCodeKind::Octet => encoder.octet(u8::try_from(label).map_err(|_| BAD)?),
        TypeCodeKind::Char => encoder.char(character()?)?,
        TypeCodeKind::WChar => encoder.wchar(character()?)?,
        TypeCodeKind::Short => encoder.short(i16::try_from(label).map_err(|_| BAD)?),
        TypeCodeKind::UShort => encoder.ushort(u16::try_from(label).map_err(|_| BAD)?),
        TypeCodeKind::Long => encoder.long(i32::try_from(label).map_err(|_| BAD)?),
        TypeCodeKind::ULong | TypeCodeKind::Enum => encoder.ulong(u32::try_from(label).map_err(|_| BAD)?),
        TypeCodeKind::LongLong => encoder.longlong(label),
        TypeCodeKind::ULongLong => encoder.ulonglong(label.cast_unsigned()),
        _ => {
            return Err(CdrError::BadTypeCode(
                "a union's discriminator is of no discrete type",
            ));
        }
    }
    Ok(())
}

fn write_value(encoder: &mut Encoder<'_>, node: NodeRef<'_>, places: &mut Places) -> Result<(), CdrError> {
    let Node::Value {
        modifier,
        base,
        members,
        ..
    } = node.node()
    else {
        return Ok(());
    };
    encoder.short(*modifier as i16);
    let base = base
        .as_ref()
        .unwrap_or(const { &Link::Foreign(TypeCode(Repr::Simple(TypeCodeKind::Null))) });
    write(encoder, node.follow(base), places)?;
    encoder.sequence_len(members.len(), None)?;
    for member in members {
        encoder.string(&member.name)?;
        write(encoder, node.follow(&member.link), places)?;
        encoder.short(i16::from(member.public));
    }
    Ok(())
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Taking a value apart, one level, and putting it together again.

use bytes::Bytes;

use super::{Content, DynAny, DynAnyError, Result, values};
use crate::{
    any::{Any, Transcoder, sequence_count},
    cdr::{CdrError, Decoder, Encoder},
    typecode::{Node, NodeRef, TypeCode, TypeCodeKind, read_label},
};

/// How many components are kept apart; larger sequences can be had as a whole.
pub(super) const COMPONENTS: usize = 1 << 20;

/// Takes a value apart; the type is that of the actual value, where it is a valuetype.
pub(super) fn split(any: &Any) -> Result<(TypeCode, Content)> {
    let type_code = any.type_code();
    let node = type_code.root().resolved();
    let mut decoder = any.decoder()?;
    let mut reader = Reader {
        decoder: &mut decoder,
        whole: any,
    };
    let parts = match node.node() {
        Node::Struct { kind, members, .. } => {
            if *kind == TypeCodeKind::Except {
                reader.decoder.string_octets(None)?;
            }
            members
                .iter()
                .map(|member| reader.part(node.follow(&member.link)))
                .collect::<Result<_>>()?
        }
        Node::Sequence { content, .. } => {
            let count = sequence_count(reader.decoder, node.follow(content), None)?;
            reader.elements(node.follow(content), count)?
        }
        Node::Array { content, length } => reader.elements(
            node.follow(content),
            usize::try_from(*length).unwrap_or(usize::MAX),
        )?,
        Node::Union { .. } => reader.union(node)?,
        Node::Value { .. } | Node::Renamed { .. } => return values::split(&mut reader, node, type_code),
        _ => return Err(CdrError::BadAny("it has no components").into()),
    };
    Ok((type_code.clone(), Content::Parts(parts)))
}

/// Reads components, each of which becomes an `any` of its own.
pub(super) struct Reader<'r, 'a> {
    pub(super) decoder: &'r mut Decoder<'a>,
    whole: &'r Any,
}

impl Reader<'_, '_> {
    pub(super) fn part(&mut self, node: NodeRef<'_>) -> Result<DynAny> {
        let type_code = node.to_type_code();
        let value = Transcoder::read(self.decoder, &type_code)?;
        Ok(DynAny::whole(Any::from_parts(
            type_code,
            value,
            self.whole.orb().cloned(),
        )))
    }

    fn elements(&mut self, element: NodeRef<'_>, count: usize) -> Result<Vec<DynAny>> {
        if count > COMPONENTS {
            return Err(DynAnyError::InvalidValue(
                "there are more components than a DynAny takes apart",
            ));
        }
        (0..count).map(|_| self.part(element)).collect()
    }

    fn union(&mut self, node: NodeRef<'_>) -> Result<Vec<DynAny>> {
        let Node::Union {
            discriminator, cases, ..
        } = node.node()
        else {
            return Ok(Vec::new());
        };
        let discriminator = self.part(node.follow(discriminator))?;
        let active = node.node().selected_case(label_of(&discriminator)?);
        let mut parts = vec![discriminator];
        if let Some(case) = active.and_then(|index| cases.get(index)) {
            parts.push(self.part(node.follow(&case.link))?);
        }
        Ok(parts)
    }
}

/// A discriminator's value as a number.
pub(super) fn label_of(discriminator: &DynAny) -> Result<i64> {
    let any = discriminator.to_any()?;
    Ok(read_label(
        &mut any.decoder()?,
        any.type_code().root().resolved().kind(),
    )?)
}

/// Puts components together.
pub(super) fn join(type_code: &TypeCode, parts: &[DynAny]) -> Result<Any> {
    let node = type_code.root().resolved();
    let mut encoder = Encoder::native();
    match node.node() {
        Node::Struct {
            kind: TypeCodeKind::Except,
            id,
            ..
        } => encoder.string(id)?,
        Node::Sequence { bound, .. } => encoder.sequence_len(parts.len(), (*bound > 0).then_some(*bound))?,
        Node::Union { .. } => check_union(node, parts)?,
        Node::Value { .. } | Node::Renamed { .. } => {
            values::join(&mut encoder, node, parts)?;
            return Ok(Any::from_parts(
                type_code.clone(),
                encoder.contiguous(),
                orb_of(parts),
            ));
        }
        _ => {}
    }
    write(&mut encoder, parts)?;
    Ok(Any::from_parts(
        type_code.clone(),
        encoder.contiguous(),
        orb_of(parts),
    ))
}

/// Whether the union's member is the one that its discriminator selects.
fn check_union(node: NodeRef<'_>, parts: &[DynAny]) -> Result<()> {
    let Node::Union { cases, .. } = node.node() else {
        return Ok(());
    };
    let active = parts
        .first()
        .map(label_of)
        .transpose()?
        .and_then(|label| node.node().selected_case(label));
    let selected = active
        .and_then(|index| cases.get(index))
        .map(|case| node.follow(&case.link).resolved());
    let member = parts.get(1).map(|part| part.type_code.root().resolved());
    let fits = match (selected, member) {
        (None, None) => true,
        (Some(selected), Some(member)) if selected.kind() == member.kind() => {
            // A valuetype may be of a derived type.
            let value = matches!(member.node(), Node::Value { .. });
            value || selected.to_type_code().equivalent(&member.to_type_code())
        }
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err(DynAnyError::InvalidValue(
            "the union's member is not the one its discriminator selects",
        ))
    }
}

pub(super) fn write(encoder: &mut Encoder<'_>, parts: &[DynAny]) -> Result<()> {
    parts.iter().try_for_each(|part| {
        let any = part.to_any()?;
        Ok(Transcoder::write(encoder, &mut any.decoder()?, any.type_code())?)
    })
}

fn orb_of(parts: &[DynAny]) -> Option<std::sync::Arc<dyn crate::cdr::OrbHandle>> {
    parts.iter().find_map(|part| match &part.content {
        Content::Whole(any) => any.orb().cloned(),
        Content::Parts(parts) => orb_of(parts),
        Content::Null => None,
    })
}

/// The octets of a null value.
pub(super) fn null() -> Bytes {
    Bytes::from_static(&[0; 4])
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The values that types begin with (CORBA 3.3 Part 1 §16.2.2).

use super::{DynAnyError, Result};
use crate::{
    cdr::{CdrError, Encoder},
    fixed::Decimal,
    typecode::{Node, NodeRef, TypeCode, TypeCodeKind, write_label},
};

/// How many parts a default value may have, and how deep it may be: types can be made up that are endless.
const PARTS: usize = 1 << 20;
const DEPTH: u16 = 128;

pub(super) fn write(encoder: &mut Encoder<'_>, type_code: &TypeCode) -> Result<()> {
    Defaults {
        encoder,
        parts: PARTS,
        depth: DEPTH,
    }
    .write(type_code.root())
}

struct Defaults<'e, 'b> {
    encoder: &'e mut Encoder<'b>,
    parts: usize,
    depth: u16,
}

impl Defaults<'_, '_> {
    fn write(&mut self, node: NodeRef<'_>) -> Result<()> {
        self.parts = self.parts.checked_sub(1).ok_or(CdrError::TooLong)?;
        self.depth = self.depth.checked_sub(1).ok_or(CdrError::TooDeep)?;
        self.value(node)?;
        self.depth += 1;
        Ok(())
    }

    fn value(&mut self, node: NodeRef<'_>) -> Result<()> {
        match node.node() {
            Node::Simple(kind) => self.simple(*kind)?,
            Node::String { wide: false, .. } => self.encoder.string("")?,
            Node::String { wide: true, .. } => self.encoder.wstring("")?,
            Node::Fixed { digits, scale } => {
                let zero = Decimal::from(0)
                    .fit(*digits, *scale)
                    .map_err(|_| CdrError::BadFixed)?;
                self.encoder.raw(zero.to_packed().as_ref());
            }
            Node::Enum { .. } | Node::Sequence { .. } | Node::Value { .. } => self.encoder.ulong(0),
            Node::Renamed {
                kind: TypeCodeKind::Alias,
                content,
                ..
            } => self.write(node.follow(content))?,
            Node::Renamed { .. } => self.encoder.ulong(0),
            Node::Array { content, length } => {
                for _ in 0..*length {
                    self.write(node.follow(content))?;
                }
            }
            Node::Struct {
                kind, id, members, ..
            } => {
                if *kind == TypeCodeKind::Except {
                    self.encoder.string(id)?;
                }
                members
                    .iter()
                    .try_for_each(|member| self.write(node.follow(&member.link)))?;
            }
            Node::Union { .. } => self.union(node)?,
            Node::Named { kind, .. } => self.named(node, *kind)?,
            Node::Recursive { .. } => {
                return Err(DynAnyError::InconsistentTypeCode(node.to_type_code().to_string()));
            }
        }
        Ok(())
    }

    fn simple(&mut self, kind: TypeCodeKind) -> Result<()> {
        let encoder = &mut *self.encoder;
        match kind {
            TypeCodeKind::Null | TypeCodeKind::Void => {}
            TypeCodeKind::Float => encoder.float(0.0),
            TypeCodeKind::Double => encoder.double(0.0),
            TypeCodeKind::LongDouble => encoder.longdouble_bits(0),
            TypeCodeKind::String => encoder.string("")?,
            TypeCodeKind::WString => encoder.wstring("")?,
            // An empty any, the TypeCode of one, and no octets: all are a zero.
            TypeCodeKind::Any | TypeCodeKind::TypeCode | TypeCodeKind::Principal => encoder.ulong(0),
            discrete => write_label(encoder, discrete, 0)?,
        }
        Ok(())
    }

    /// The first member, by its label.
    fn union(&mut self, node: NodeRef<'_>) -> Result<()> {
        let Node::Union {
            discriminator,
            cases,
            default,
            ..
        } = node.node()
        else {
            return Ok(());
        };
        let discriminator = node.follow(discriminator).resolved();
        let first = cases.first();
        let label = match (first, default) {
            (Some(_), Some(0)) => unused_label(node, discriminator).unwrap_or_default(),
            (Some(case), _) => case.label,
            (None, _) => 0,
        };
        write_label(self.encoder, discriminator.kind(), label)?;
        first.map_or(Ok(()), |case| self.write(node.follow(&case.link)))
    }

    fn named(&mut self, node: NodeRef<'_>, kind: TypeCodeKind) -> Result<()> {
        match kind {
            TypeCodeKind::ObjRef | TypeCodeKind::Component | TypeCodeKind::Home => {
                // Nil: no type, no profiles.
                self.encoder.string("")?;
                self.encoder.ulong(0);
                Ok(())
            }
            TypeCodeKind::AbstractInterface => {
                self.encoder.boolean(false);
                self.encoder.ulong(0);
                Ok(())
            }
            _ => Err(DynAnyError::InconsistentTypeCode(node.to_type_code().to_string())),
        }
    }
}

/// A discriminator that no member has as its label.
pub(super) fn unused_label(union: NodeRef<'_>, discriminator: NodeRef<'_>) -> Option<i64> {
    let Node::Union { cases, default, .. } = union.node() else {
        return None;
    };
    let range = match (discriminator.kind(), discriminator.node()) {
        (_, Node::Enum { enumerators, .. }) => 0..i64::try_from(enumerators.len()).ok()?,
        (TypeCodeKind::Boolean, _) => 0..2,
        (TypeCodeKind::Octet, _) => 0..256,
        (TypeCodeKind::Char, _) => 0..128,
        (TypeCodeKind::Short, _) => 0..i64::from(i16::MAX) + 1,
        // Others have more values than a union has members.
        _ => 0..0xd000,
    };
    let taken: std::collections::HashSet<i64> = cases
        .iter()
        .enumerate()
        .filter(|(index, _)| Some(*index) != *default)
        .map(|(_, case)| case.label)
        .collect();
    let mut free = range.filter(|label| !taken.contains(label));
    free.next()
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading TypeCodes (CORBA 3.3 Part 2 §9.3.5.1), which a peer may have made up.

use std::collections::HashMap;

use super::{
    Link, Node, Text, TypeCode, TypeCodeKind, ValueModifier,
    codec::INDIRECTION,
    graph::{Case, Member, ValueMember},
};
use crate::cdr::{CdrError, Decoder, Unmarshal};

/// How many parts a TypeCode may have.
pub(super) const NODE_LIMIT: usize = 1 << 16;

impl Decoder<'_> {
    /// Reads a TypeCode.
    ///
    /// # Errors
    ///
    /// [`CdrError::BadTypeCode`], [`CdrError::BadIndirection`], [`CdrError::TooDeep`], and what can be wrong with its
    /// strings and lengths.
    pub fn type_code(&mut self) -> Result<TypeCode, CdrError> {
        let mut reader = Reader {
            nodes: Vec::new(),
            places: HashMap::new(),
        };
        match reader.type_code(self)? {
            Link::Foreign(simple) => Ok(simple),
            Link::Local(_) => {
                let nodes = reader.nodes;
                check_values(&nodes)?;
                Ok(TypeCode::from_graph(nodes, Box::default()))
            }
        }
    }
}

impl Unmarshal for TypeCode {
    const MIN_SIZE: usize = 4;

    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        decoder.type_code()
    }
}

struct Reader {
    nodes: Vec<Node>,
    /// Which node stands where in the stream.
    places: HashMap<usize, u32>,
}

impl Reader {
    fn type_code(&mut self, decoder: &mut Decoder<'_>) -> Result<Link, CdrError> {
        decoder.align(4)?;
        let place = decoder.stream_position();
        let number = decoder.ulong()?;
        if number == INDIRECTION {
            return self.indirection(decoder);
        }
        let kind =
            TypeCodeKind::from_number(number).ok_or(CdrError::BadTypeCode("a kind that does not exist"))?;
        let simple = match kind {
            TypeCodeKind::String => TypeCode::string(decoder.ulong()?),
            TypeCodeKind::WString => TypeCode::wstring(decoder.ulong()?),
            TypeCodeKind::Fixed => TypeCode::fixed(decoder.ushort()?, decoder.short()?),
            kind if is_complex(kind) => return self.complex(decoder, place, kind),
            kind => TypeCode::simple(kind),
        };
        Ok(Link::Foreign(simple))
    }

    fn indirection(&mut self, decoder: &mut Decoder<'_>) -> Result<Link, CdrError> {
        // The offset counts from itself.
        let from = decoder.stream_position();
        let offset = decoder.long()?;
        let place = isize::try_from(offset)
            .ok()
            .and_then(|offset| from.checked_add_signed(offset));
        let node = place.and_then(|place| self.places.get(&place));
        node.map(|index| Link::Local(*index))
            .ok_or(CdrError::BadIndirection)
    }

    fn complex(
        &mut self,
        decoder: &mut Decoder<'_>,
        place: usize,
        kind: TypeCodeKind,
    ) -> Result<Link, CdrError> {
        if self.nodes.len() >= NODE_LIMIT {
            return Err(CdrError::BadTypeCode("too many parts"));
        }
        let slot = self.nodes.len();
        let index = u32::try_from(slot).map_err(|_| CdrError::BadTypeCode("too many parts"))?;
        self.nodes.push(Node::Simple(TypeCodeKind::Null));
        self.places.insert(place, index);
        let node = self.content(&mut decoder.encapsulation()?, kind)?;
        if let Some(slot) = self.nodes.get_mut(slot) {
            *slot = node;
        }
        Ok(Link::Local(index))
    }

    fn content(&mut self, decoder: &mut Decoder<'_>, kind: TypeCodeKind) -> Result<Node, CdrError> {
        match kind {
            TypeCodeKind::Sequence => {
                let content = self.type_code(decoder)?;
                return Ok(Node::Sequence {
                    content,
                    bound: decoder.ulong()?,
                });
            }
            TypeCodeKind::Array => {
                let content = self.type_code(decoder)?;
                return Ok(Node::Array {
                    content,
                    length: decoder.ulong()?,
                });
            }
            _ => {}
        }
        let id = text(decoder)?;
        let name = text(decoder)?;
        match kind {
            TypeCodeKind::Alias | TypeCodeKind::ValueBox => Ok(Node::Renamed {
                kind,
                id,
                name,
                content: self.type_code(decoder)?,
            }),
            TypeCodeKind::Struct | TypeCodeKind::Except => {
                let members = list(decoder, 9, |decoder| {
                    Ok(Member {
                        name: text(decoder)?,
                        link: self.type_code(decoder)?,
                    })
                })?;
                Ok(Node::Struct {
                    kind,
                    id,
                    name,
                    members,
                })
            }
            TypeCodeKind::Enum => Ok(Node::Enum {
                id,
                name,
                enumerators: list(decoder, 5, text)?,
            }),
            TypeCodeKind::Union => self.union(decoder, id, name),
            TypeCodeKind::Value | TypeCodeKind::Event => self.value(decoder, kind, id, name),
            _ => Ok(Node::Named { kind, id, name }),
        }
    }

    fn union(&mut self, decoder: &mut Decoder<'_>, id: Text, name: Text) -> Result<Node, CdrError> {
        let discriminator = self.type_code(decoder)?;
        let kind = self.discriminator_kind(&discriminator)?;
        let used = decoder.long()?;
        let mut cases = list(decoder, 10, |decoder| {
            let label = read_label(decoder, kind)?;
            Ok(Case {
                label,
                name: text(decoder)?,
                link: self.type_code(decoder)?,
            })
        })?;
        let default = match usize::try_from(used) {
            Ok(index) if index < cases.len() => Some(index),
            Ok(_) => return Err(CdrError::BadTypeCode("a union's default is none of its members")),
            Err(_) => None,
        };
        // The default's label says nothing, whatever it is.
        if let Some(case) = default.and_then(|index| cases.get_mut(index)) {
            case.label = 0;
        }
        Ok(Node::Union {
            id,
            name,
            discriminator,
            default,
            cases,
        })
    }

    /// The kind of the discriminator, whose TypeCode is complete where it stands.
    fn discriminator_kind(&self, link: &Link) -> Result<TypeCodeKind, CdrError> {
        let mut link = link;
        for _ in 0..=self.nodes.len() {
            let kind = match link {
                Link::Foreign(simple) => simple.kind(),
                Link::Local(index) => {
                    let node = usize::try_from(*index)
                        .ok()
                        .and_then(|index| self.nodes.get(index));
                    match node {
                        Some(Node::Renamed {
                            kind: TypeCodeKind::Alias,
                            content,
                            ..
                        }) => {
                            link = content;
                            continue;
                        }
                        node => node.map_or(TypeCodeKind::Null, Node::kind),
                    }
                }
            };
            if kind.discriminates() {
                return Ok(kind);
            }
            break;
        }
        Err(CdrError::BadTypeCode(
            "a union's discriminator is of no discrete type",
        ))
    }

    fn value(
        &mut self,
        decoder: &mut Decoder<'_>,
        kind: TypeCodeKind,
        id: Text,
        name: Text,
    ) -> Result<Node, CdrError> {
        let modifier = ValueModifier::from_number(decoder.short()?)?;
        let base = match self.type_code(decoder)? {
            Link::Foreign(none) if none.kind() == TypeCodeKind::Null => None,
            base => Some(base),
        };
        let members = list(decoder, 11, |decoder| {
            let name = text(decoder)?;
            let link = self.type_code(decoder)?;
            Ok(ValueMember {
                name,
                link,
                public: decoder.short()? == 1,
            })
        })?;
        Ok(Node::Value {
            kind,
            id,
            name,
            modifier,
            base,
            members,
        })
    }
}

fn is_complex(kind: TypeCodeKind) -> bool {
    matches!(
        kind,
        TypeCodeKind::ObjRef
            | TypeCodeKind::Struct
            | TypeCodeKind::Union
            | TypeCodeKind::Enum
            | TypeCodeKind::Sequence
            | TypeCodeKind::Array
            | TypeCodeKind::Alias
            | TypeCodeKind::Except
            | TypeCodeKind::Value
            | TypeCodeKind::ValueBox
            | TypeCodeKind::Native
            | TypeCodeKind::AbstractInterface
            | TypeCodeKind::LocalInterface
            | TypeCodeKind::Component
            | TypeCodeKind::Home
            | TypeCodeKind::Event
    )
}

fn text(decoder: &mut Decoder<'_>) -> Result<Text, CdrError> {
    Ok(Text::Owned(decoder.string()?))
}

fn list<T>(
    decoder: &mut Decoder<'_>,
    min_size: usize,
    mut read: impl FnMut(&mut Decoder<'_>) -> Result<T, CdrError>,
) -> Result<Box<[T]>, CdrError> {
    let count = decoder.sequence_len(None, min_size)?;
    // Not reserved in advance: the elements are larger here than they must be on the wire.
    let mut elements = Vec::new();
    for _ in 0..count {
        elements.push(read(decoder)?);
    }
    Ok(elements.into())
}

/// Reads a discriminator as a number.
pub(crate) fn read_label(decoder: &mut Decoder<'_>, kind: TypeCodeKind) -> Result<i64, CdrError> {
    Ok(match kind {
        TypeCodeKind::Boolean => decoder.boolean()?.into(),
        TypeCodeKind::Octet => decoder.octet()?.into(),
        TypeCodeKind::Char => u32::from(decoder.char()?).into(),
        TypeCodeKind::WChar => u32::from(decoder.wchar()?).into(),
        TypeCodeKind::Short => decoder.short()?.into(),
        TypeCodeKind::UShort => decoder.ushort()?.into(),
        TypeCodeKind::Long => decoder.long()?.into(),
        TypeCodeKind::ULong | TypeCodeKind::Enum => decoder.ulong()?.into(),
        TypeCodeKind::LongLong => decoder.longlong()?,
        TypeCodeKind::ULongLong => decoder.ulonglong()?.cast_signed(),
        _ => {
            return Err(CdrError::BadTypeCode(
                "a union's discriminator is of no discrete type",
            ));
        }
    })
}

/// A value's bases must be values and must come to an end.
fn check_values(nodes: &[Node]) -> Result<(), CdrError> {
    let node = |index: &u32| usize::try_from(*index).ok().and_then(|index| nodes.get(index));
    for start in nodes {
        let mut current = start;
        for steps in 0.. {
            let Node::Value { base: Some(base), .. } = current else {
                break;
            };
            // Only values are followed here: what an alias hides is none of the standard's bases.
            let Link::Local(index) = base else {
                return Err(CdrError::BadTypeCode("a value's base is no value"));
            };
            match node(index) {
                Some(next @ Node::Value { .. }) if steps < 64 => current = next,
                _ => return Err(CdrError::BadTypeCode("a value's base is no value")),
            }
        }
    }
    Ok(())
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Converting a value from one stream's representation to another's, as its TypeCode says: byte order, GIOP version,
//! code sets and indirections may differ.

use std::collections::HashMap;

use bytes::Bytes;

use super::Any;
use crate::{
    cdr::{CdrError, Decoder, Encoder, Primitive},
    fixed::Decimal,
    typecode::{Node, NodeRef, TypeCode, TypeCodeKind, read_label, write_label},
    value::peek,
};

/// Steps that every value may take, and those it may take for each octet of its form in this process. Types can be made
/// up for whose values much work is to be done though they have no octets: arrays of empty structs, for example.
const FREE_STEPS: usize = 1 << 16;
const STEPS_PER_OCTET: usize = 16;

/// Copies values from decoders to an encoder.
pub(crate) struct Transcoder<'e, 'b> {
    pub(super) to: &'e mut Encoder<'b>,
    steps: usize,
    /// Whether steps are bounded. They are where a value's form in this process is made, which is the same wherever the
    /// value came from: so what was read once can be read again. What has that form needs no bound any more.
    bounded: bool,
    /// Where the values that stand at a place of the source stand in the copy.
    pub(super) places: HashMap<usize, usize>,
}

impl<'e, 'b> Transcoder<'e, 'b> {
    fn new(to: &'e mut Encoder<'b>, bounded: bool) -> Self {
        Self {
            to,
            steps: 0,
            bounded,
            places: HashMap::new(),
        }
    }

    /// Writes one value of the type that was read by [`Transcoder::read`].
    pub(crate) fn write(
        to: &'e mut Encoder<'b>,
        from: &mut Decoder<'_>,
        type_code: &TypeCode,
    ) -> Result<(), CdrError> {
        Transcoder::new(to, false).copy(from, type_code.root())
    }

    /// Reads one value of the type and returns its form in this process.
    pub(crate) fn read(from: &mut Decoder<'_>, type_code: &TypeCode) -> Result<Bytes, CdrError> {
        let mut encoder = Encoder::native();
        Transcoder::new(&mut encoder, true).copy(from, type_code.root())?;
        Ok(encoder.contiguous())
    }

    /// Reads an exception whose repository id was read before.
    pub(crate) fn read_exception(from: &mut Decoder<'_>, type_code: &TypeCode) -> Result<Bytes, CdrError> {
        let node = type_code.root().resolved();
        let Node::Struct { id, members, .. } = node.node() else {
            return Err(CdrError::BadTypeCode("an exception's type is none"));
        };
        let mut encoder = Encoder::native();
        encoder.string(id)?;
        let mut transcoder = Transcoder::new(&mut encoder, true);
        members
            .iter()
            .try_for_each(|member| transcoder.copy(from, node.follow(&member.link)))?;
        Ok(encoder.contiguous())
    }

    /// Finds out whether the value is one of its type.
    pub(crate) fn check(any: &Any) -> Result<(), CdrError> {
        Transcoder::read(&mut any.decoder()?, any.type_code()).map(drop)
    }

    pub(super) fn copy(&mut self, from: &mut Decoder<'_>, node: NodeRef<'_>) -> Result<(), CdrError> {
        self.step()?;
        match node.node() {
            Node::Simple(kind) => self.simple(from, *kind),
            Node::String { wide: false, bound } => {
                let text = from.str_ref()?;
                self.to.string_bounded(&text, *bound)
            }
            Node::String { wide: true, bound } => {
                let text = from.wstring_bounded(*bound)?;
                self.to.wstring(&text)
            }
            Node::Fixed { digits, scale } => {
                let packed = from.raw(usize::from(*digits) / 2 + 1)?;
                Decimal::from_packed(packed, *digits, *scale).map_err(|_| CdrError::BadFixed)?;
                self.to.raw(packed);
                Ok(())
            }
            Node::Enum { enumerators, .. } => {
                let value = from.ulong()?;
                check_enumerator(value, enumerators.len())?;
                self.to.ulong(value);
                Ok(())
            }
            Node::Recursive { .. } => Err(CdrError::BadTypeCode("a recursive part without its type")),
            _ => {
                from.enter()?;
                let copied = self.constructed(from, node);
                from.leave();
                copied
            }
        }
    }

    #[inline]
    fn step(&mut self) -> Result<(), CdrError> {
        self.steps += 1;
        let allowed = FREE_STEPS.saturating_add(self.to.len().saturating_mul(STEPS_PER_OCTET));
        if self.bounded && self.steps > allowed {
            return Err(CdrError::BadAny("much structure for little data"));
        }
        Ok(())
    }

    fn simple(&mut self, from: &mut Decoder<'_>, kind: TypeCodeKind) -> Result<(), CdrError> {
        match kind {
            TypeCodeKind::Null | TypeCodeKind::Void => {}
            TypeCodeKind::Short => self.to.short(from.short()?),
            TypeCodeKind::UShort => self.to.ushort(from.ushort()?),
            TypeCodeKind::Long => self.to.long(from.long()?),
            TypeCodeKind::ULong => self.to.ulong(from.ulong()?),
            TypeCodeKind::LongLong => self.to.longlong(from.longlong()?),
            TypeCodeKind::ULongLong => self.to.ulonglong(from.ulonglong()?),
            TypeCodeKind::Float => self.to.float(from.float()?),
            TypeCodeKind::Double => self.to.double(from.double()?),
            TypeCodeKind::LongDouble => self.to.longdouble(from.longdouble()?),
            TypeCodeKind::Boolean => self.to.boolean(from.boolean()?),
            TypeCodeKind::Octet => self.to.octet(from.octet()?),
            TypeCodeKind::Char => self.to.char(from.char()?)?,
            TypeCodeKind::WChar => self.to.wchar(from.wchar()?)?,
            TypeCodeKind::String => {
                let text = from.str_ref()?;
                self.to.string(&text)?;
            }
            TypeCodeKind::WString => {
                let text = from.wstring()?;
                self.to.wstring(&text)?;
            }
            TypeCodeKind::TypeCode => {
                let type_code = from.type_code()?;
                self.to.type_code(&type_code)?;
            }
            TypeCodeKind::Any => return from.nested(|from| self.any(from)),
            TypeCodeKind::Principal => self.octets(from)?,
            _ => return Err(CdrError::BadTypeCode("a kind that needs parameters has none")),
        }
        Ok(())
    }

    fn any(&mut self, from: &mut Decoder<'_>) -> Result<(), CdrError> {
        let type_code = from.type_code()?;
        self.to.type_code(&type_code)?;
        self.copy(from, type_code.root())
    }

    fn octets(&mut self, from: &mut Decoder<'_>) -> Result<(), CdrError> {
        let octets = from.octets()?;
        self.to.sequence_len(octets.len(), None)?;
        self.to.raw(octets);
        Ok(())
    }

    fn constructed(&mut self, from: &mut Decoder<'_>, node: NodeRef<'_>) -> Result<(), CdrError> {
        match node.node() {
            Node::Renamed {
                kind: TypeCodeKind::Alias,
                content,
                ..
            } => self.copy(from, node.follow(content)),
            Node::Sequence { content, bound } => {
                let bound = (*bound > 0).then_some(*bound);
                let count = sequence_count(from, node.follow(content), bound)?;
                self.to.sequence_len(count, bound)?;
                self.elements(from, node.follow(content), count)
            }
            Node::Array { content, length } => {
                let count = usize::try_from(*length).map_err(|_| CdrError::LengthBeyondEnd)?;
                self.elements(from, node.follow(content), count)
            }
            Node::Struct {
                kind, id, members, ..
            } => {
                if *kind == TypeCodeKind::Except {
                    self.exception_id(from, id)?;
                }
                members
                    .iter()
                    .try_for_each(|member| self.copy(from, node.follow(&member.link)))
            }
            Node::Union {
                discriminator, cases, ..
            } => {
                let label = self.discriminator(from, node.follow(discriminator).resolved())?;
                let case = node
                    .node()
                    .selected_case(label)
                    .and_then(|index| cases.get(index));
                // A discriminator that selects nothing is the implicit default, which has no value.
                case.map_or(Ok(()), |case| self.copy(from, node.follow(&case.link)))
            }
            Node::Named { kind, .. } => self.named(from, *kind),
            Node::Renamed { .. } | Node::Value { .. } => self.value(from, Some(node)),
            _ => Err(CdrError::BadTypeCode("a kind that has no values")),
        }
    }

    fn discriminator(&mut self, from: &mut Decoder<'_>, kind: NodeRef<'_>) -> Result<i64, CdrError> {
        let label = read_label(from, kind.kind())?;
        if let Node::Enum { enumerators, .. } = kind.node() {
            check_enumerator(u32::try_from(label).unwrap_or(u32::MAX), enumerators.len())?;
        }
        write_label(self.to, kind.kind(), label)?;
        Ok(label)
    }

    /// An exception begins with its repository id (§9.3.5.5). omniORB leaves it away in an `any`.
    fn exception_id(&mut self, from: &mut Decoder<'_>, id: &str) -> Result<(), CdrError> {
        if id.is_empty() || begins_with(from, id) {
            from.string_octets(None)?;
        }
        self.to.string(id)
    }

    fn named(&mut self, from: &mut Decoder<'_>, kind: TypeCodeKind) -> Result<(), CdrError> {
        match kind {
            TypeCodeKind::ObjRef | TypeCodeKind::Component | TypeCodeKind::Home => self.reference(from),
            TypeCodeKind::AbstractInterface => {
                // CORBA 3.3 Part 2 §9.3.7: an object or a value.
                let object = from.boolean()?;
                self.to.boolean(object);
                if object {
                    self.reference(from)
                } else {
                    self.value(from, None)
                }
            }
            TypeCodeKind::LocalInterface => Err(CdrError::LocalObject),
            _ => Err(CdrError::BadTypeCode("a kind that has no values")),
        }
    }

    /// An object reference: its type and its profiles, whose encapsulations stay as they are.
    fn reference(&mut self, from: &mut Decoder<'_>) -> Result<(), CdrError> {
        let type_id = from.string_octets(None)?;
        self.to.sequence_len(type_id.len() + 1, None)?;
        self.to.raw(type_id);
        self.to.octet(0);
        let profiles = from.sequence_len(None, 8)?;
        self.to.sequence_len(profiles, None)?;
        for _ in 0..profiles {
            self.to.ulong(from.ulong()?);
            self.octets(from)?;
        }
        Ok(())
    }

    fn elements(
        &mut self,
        from: &mut Decoder<'_>,
        element: NodeRef<'_>,
        count: usize,
    ) -> Result<(), CdrError> {
        match element.resolved().node() {
            Node::Simple(TypeCodeKind::Octet) => {
                let octets = from.raw(count)?;
                self.to.raw(octets);
                Ok(())
            }
            Node::Simple(TypeCodeKind::Short) => self.primitives::<i16>(from, count),
            Node::Simple(TypeCodeKind::UShort) => self.primitives::<u16>(from, count),
            Node::Simple(TypeCodeKind::Long) => self.primitives::<i32>(from, count),
            Node::Simple(TypeCodeKind::ULong) => self.primitives::<u32>(from, count),
            Node::Simple(TypeCodeKind::LongLong) => self.primitives::<i64>(from, count),
            Node::Simple(TypeCodeKind::ULongLong) => self.primitives::<u64>(from, count),
            Node::Simple(TypeCodeKind::Float) => self.primitives::<f32>(from, count),
            Node::Simple(TypeCodeKind::Double) => self.primitives::<f64>(from, count),
            _ => (0..count).try_for_each(|_| self.copy(from, element)),
        }
    }

    fn primitives<T: Primitive>(&mut self, from: &mut Decoder<'_>, count: usize) -> Result<(), CdrError> {
        let values = from.primitive_vec::<T>(count)?;
        self.to.copying(|to| to.primitive_array(&values));
        Ok(())
    }
}

/// Reads the count of a sequence. Elements without octets (empty structs) may be more than the octets left.
pub(crate) fn sequence_count(
    from: &mut Decoder<'_>,
    element: NodeRef<'_>,
    bound: Option<u32>,
) -> Result<usize, CdrError> {
    match element.resolved().kind() {
        TypeCodeKind::Null | TypeCodeKind::Void | TypeCodeKind::Struct | TypeCodeKind::Array => {
            let count = from.ulong()?;
            match bound {
                Some(bound) if count > bound => Err(CdrError::BoundExceeded(bound)),
                _ => usize::try_from(count).map_err(|_| CdrError::LengthBeyondEnd),
            }
        }
        _ => from.sequence_len(bound, 1),
    }
}

/// Whether a string stands next that is `text`.
fn begins_with(from: &mut Decoder<'_>, text: &str) -> bool {
    let padding = 0usize.wrapping_sub(from.position()) & 3;
    let octets = from.rest().get(padding + 4..);
    let octets = octets.and_then(|octets| octets.strip_prefix(text.as_bytes()));
    let length = u32::try_from(text.len() + 1);
    octets.is_some_and(|octets| octets.first() == Some(&0)) && peek(from).ok() == length.ok()
}

fn check_enumerator(value: u32, enumerators: usize) -> Result<(), CdrError> {
    match usize::try_from(value) {
        Ok(position) if position < enumerators => Ok(()),
        _ => Err(CdrError::BadEnum {
            name: "an enum in an any",
            value,
        }),
    }
}

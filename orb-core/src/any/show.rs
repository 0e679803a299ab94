// SPDX-License-Identifier: MIT OR Apache-2.0
//! Showing what an `any` holds.

use std::fmt;

use super::{Any, sequence_count};
use crate::{
    cdr::{CdrError, Decoder, Unmarshal},
    fixed::Decimal,
    ior::Ior,
    typecode::{Node, NodeRef, TypeCodeKind, read_label},
};

/// How many elements are shown in all; the rest is an ellipsis.
const ELEMENTS: usize = 256;

impl fmt::Debug for Any {
    /// Writes the type and the value, as far as it is not too long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("any()");
        }
        write!(f, "any({}: ", self.type_code())?;
        let mut text = String::new();
        let shown = self.decoder().and_then(|mut decoder| {
            let mut show = Show {
                text: &mut text,
                left: ELEMENTS,
            };
            show.value(&mut decoder, self.type_code().root())
        });
        f.write_str(&text)?;
        if let Err(stopped) = shown
            && stopped != ENOUGH
        {
            write!(f, " <{stopped}>")?;
        }
        f.write_str(")")
    }
}

const ENOUGH: CdrError = CdrError::NotSupported("more is not shown");

struct Show<'t> {
    text: &'t mut String,
    left: usize,
}

impl Show<'_> {
    fn value(&mut self, from: &mut Decoder<'_>, node: NodeRef<'_>) -> Result<(), CdrError> {
        let Some(left) = self.left.checked_sub(1) else {
            self.text.push('…');
            return Err(ENOUGH);
        };
        self.left = left;
        match node.node() {
            Node::Simple(kind) => self.simple(from, *kind),
            Node::String { wide, .. } => {
                let text = if *wide { from.wstring()? } else { from.string()? };
                self.put(format_args!("{text:?}"))
            }
            Node::Fixed { digits, scale } => {
                let packed = from.raw(usize::from(*digits) / 2 + 1)?;
                let number = Decimal::from_packed(packed, *digits, *scale).map_err(|_| CdrError::BadFixed)?;
                self.put(format_args!("{number}"))
            }
            Node::Enum { enumerators, .. } => {
                let value = from.ulong()?;
                let name = usize::try_from(value)
                    .ok()
                    .and_then(|value| enumerators.get(value));
                match name {
                    Some(name) => self.put(format_args!("{name}")),
                    None => self.put(format_args!("{value}?")),
                }
            }
            _ => from.nested(|from| self.constructed(from, node)),
        }
    }

    fn put(&mut self, text: fmt::Arguments<'_>) -> Result<(), CdrError> {
        // Writing to a string can't fail.
        let _ = fmt::write(self.text, text);
        Ok(())
    }

    fn simple(&mut self, from: &mut Decoder<'_>, kind: TypeCodeKind) -> Result<(), CdrError> {
        match kind {
            TypeCodeKind::Null | TypeCodeKind::Void => self.put(format_args!("()")),
            TypeCodeKind::Float => self.put(format_args!("{:?}", from.float()?)),
            TypeCodeKind::Double => self.put(format_args!("{:?}", from.double()?)),
            TypeCodeKind::LongDouble => self.put(format_args!("{:?}", from.longdouble()?)),
            TypeCodeKind::Boolean => self.put(format_args!("{}", from.boolean()?)),
            TypeCodeKind::Char => self.put(format_args!("{:?}", from.char()?)),
            TypeCodeKind::WChar => self.put(format_args!("{:?}", from.wchar()?)),
            TypeCodeKind::ULongLong => self.put(format_args!("{}", from.ulonglong()?)),
            TypeCodeKind::String => self.put(format_args!("{:?}", from.string()?)),
            TypeCodeKind::WString => self.put(format_args!("{:?}", from.wstring()?)),
            TypeCodeKind::TypeCode => self.put(format_args!("{}", from.type_code()?)),
            TypeCodeKind::Any => from.nested(|from| {
                let type_code = from.type_code()?;
                self.put(format_args!("any({type_code}: "))?;
                self.value(from, type_code.root())?;
                self.put(format_args!(")"))
            }),
            TypeCodeKind::Principal => self.put(format_args!("{:02x?}", from.octets()?)),
            integer => self.put(format_args!("{}", read_label(from, integer)?)),
        }
    }

    fn constructed(&mut self, from: &mut Decoder<'_>, node: NodeRef<'_>) -> Result<(), CdrError> {
        match node.node() {
            Node::Renamed {
                kind: TypeCodeKind::Alias,
                content,
                ..
            } => self.value(from, node.follow(content)),
            Node::Sequence { content, .. } => {
                let count = sequence_count(from, node.follow(content), None)?;
                self.list(from, node.follow(content), count)
            }
            Node::Array { content, length } => self.list(
                from,
                node.follow(content),
                usize::try_from(*length).unwrap_or(usize::MAX),
            ),
            Node::Struct { kind, .. } => {
                if *kind == TypeCodeKind::Except {
                    from.str_ref()?;
                }
                self.members(from, node)
            }
            Node::Union {
                discriminator, cases, ..
            } => {
                let label = read_label(from, node.follow(discriminator).resolved().kind())?;
                self.put(format_args!("case {label}: "))?;
                match node
                    .node()
                    .selected_case(label)
                    .and_then(|index| cases.get(index))
                {
                    Some(case) => self.value(from, node.follow(&case.link)),
                    None => self.put(format_args!("()")),
                }
            }
            Node::Named {
                kind: TypeCodeKind::ObjRef,
                ..
            } => {
                let reference = Ior::unmarshal(from)?;
                self.put(format_args!("{reference:?}"))
            }
            // Values may be shared and of other types than described: not followed here.
            _ => {
                self.put(format_args!("…"))?;
                Err(ENOUGH)
            }
        }
    }

    fn list(&mut self, from: &mut Decoder<'_>, element: NodeRef<'_>, count: usize) -> Result<(), CdrError> {
        self.text.push('[');
        for index in 0..count {
            if index > 0 {
                self.text.push_str(", ");
            }
            self.value(from, element)?;
        }
        self.text.push(']');
        Ok(())
    }

    fn members(&mut self, from: &mut Decoder<'_>, node: NodeRef<'_>) -> Result<(), CdrError> {
        self.text.push_str("{ ");
        for index in 0..node.node().member_count() {
            if index > 0 {
                self.text.push_str(", ");
            }
            self.text
                .push_str(node.node().member_name(index).unwrap_or_default());
            self.text.push_str(": ");
            if let Some(link) = node.node().member_link(index) {
                self.value(from, node.follow(link))?;
            }
        }
        self.text.push_str(" }");
        Ok(())
    }
}

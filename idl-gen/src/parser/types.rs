// SPDX-License-Identifier: MIT OR Apache-2.0
//! Types as they are used.

use std::rc::Rc;

use super::{Parsed, Parser};
use crate::keyword::{Standing, standing};
use crate::model::Primitive;
use crate::syntax::{Expression, Prelude, TypeKind, TypeSpec};
use crate::token::Kind;

/// Keywords that begin a type.
const WORDS: [&str; 23] = [
    "any",
    "boolean",
    "char",
    "double",
    "enum",
    "fixed",
    "float",
    "long",
    "Object",
    "octet",
    "sequence",
    "short",
    "string",
    "struct",
    "union",
    "unsigned",
    "ValueBase",
    "void",
    "wchar",
    "wstring",
    "map",
    "bitset",
    "bitmask",
];

impl Parser<'_> {
    /// Says whether a type can begin here.
    pub(super) fn begins_type(&self) -> bool {
        let token = self.peek();
        if token.is("::") || token.is("@") {
            return true;
        }
        token.kind == Kind::Ident
            && (WORDS.contains(&&*token.text) || standing(&token.text) != Standing::Keyword)
    }

    pub(super) fn type_spec(&mut self) -> Parsed<TypeSpec> {
        self.nested(|p| {
            p.annotations()?;
            let start = p.peek().span;
            let kind = p.type_kind()?;
            Ok(TypeSpec {
                span: p.since(start),
                kind,
            })
        })
    }

    fn type_kind(&mut self) -> Parsed<TypeKind> {
        let token = self.peek();
        if token.kind != Kind::Ident {
            if token.is("::") {
                return Ok(TypeKind::Name(self.scoped_name("a type")?));
            }
            return Err(self.expected("a type"));
        }
        let word = Rc::clone(&token.text);
        if let Some(primitive) = self.primitive(&word)? {
            return Ok(TypeKind::Primitive(primitive));
        }
        let parameterised = self.peek_second().is_some_and(|next| next.is("<"));
        let named = self.peek_second().is_some_and(|next| next.kind == Kind::Ident);
        match &*word {
            "any" => self.word(TypeKind::Any),
            "Object" => self.word(TypeKind::Object),
            "ValueBase" => self.word(TypeKind::ValueBase),
            "string" => self.string(false),
            "wstring" => self.string(true),
            "sequence" => self.sequence(),
            "map" if parameterised => self.map(),
            "fixed" => self.fixed(),
            "struct" | "union" | "enum" => self.inner(),
            "bitset" | "bitmask" if named => self.inner(),
            _ => Ok(TypeKind::Name(self.scoped_name("a type")?)),
        }
    }

    fn word(&mut self, kind: TypeKind) -> Parsed<TypeKind> {
        self.bump();
        Ok(kind)
    }

    fn inner(&mut self) -> Parsed<TypeKind> {
        let definition = self.constructed(Prelude::default())?;
        Ok(TypeKind::Constructed(Box::new(definition)))
    }

    /// Takes the keywords of a type of fixed size, if one stands here.
    fn primitive(&mut self, word: &str) -> Parsed<Option<Primitive>> {
        let primitive = match word {
            "boolean" => Primitive::Boolean,
            "octet" => Primitive::Octet,
            "char" => Primitive::Char,
            "wchar" => Primitive::WideChar,
            "int8" => Primitive::Int8,
            "uint8" => Primitive::UInt8,
            "short" | "int16" => Primitive::Short,
            "uint16" => Primitive::UShort,
            "int32" => Primitive::Long,
            "uint32" => Primitive::ULong,
            "int64" => Primitive::LongLong,
            "uint64" => Primitive::ULongLong,
            "float" => Primitive::Float,
            "double" => Primitive::Double,
            "long" => {
                self.bump();
                return Ok(Some(self.long(Primitive::Long, Primitive::LongLong, true)));
            }
            "unsigned" => {
                self.bump();
                if self.accept_word("short") {
                    return Ok(Some(Primitive::UShort));
                }
                if !self.accept_word("long") {
                    return Err(self.expected("`short` or `long`"));
                }
                return Ok(Some(self.long(Primitive::ULong, Primitive::ULongLong, false)));
            }
            _ => return Ok(None),
        };
        self.bump();
        Ok(Some(primitive))
    }

    fn long(&mut self, one: Primitive, two: Primitive, double: bool) -> Primitive {
        if self.accept_word("long") {
            return two;
        }
        if double && self.accept_word("double") {
            return Primitive::LongDouble;
        }
        one
    }

    fn string(&mut self, wide: bool) -> Parsed<TypeKind> {
        self.bump();
        if !self.accept("<") {
            return Ok(TypeKind::String { wide, bound: None });
        }
        let bound = Some(self.in_angles(Self::constant)?);
        self.close_angle()?;
        Ok(TypeKind::String { wide, bound })
    }

    fn in_angles<T>(&mut self, parse: fn(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.angles += 1;
        let result = parse(self);
        self.angles -= 1;
        result
    }

    fn bound(&mut self) -> Parsed<Option<Expression>> {
        if self.accept(",") {
            self.in_angles(Self::constant).map(Some)
        } else {
            Ok(None)
        }
    }

    fn sequence(&mut self) -> Parsed<TypeKind> {
        self.bump();
        self.expect("<")?;
        let element = Box::new(self.in_angles(Self::type_spec)?);
        let bound = self.bound()?;
        self.close_angle()?;
        Ok(TypeKind::Sequence { element, bound })
    }

    fn map(&mut self) -> Parsed<TypeKind> {
        self.bump();
        self.expect("<")?;
        let key = Box::new(self.in_angles(Self::type_spec)?);
        self.expect(",")?;
        let value = Box::new(self.in_angles(Self::type_spec)?);
        let bound = self.bound()?;
        self.close_angle()?;
        Ok(TypeKind::Map { key, value, bound })
    }

    fn fixed(&mut self) -> Parsed<TypeKind> {
        self.bump();
        if !self.accept("<") {
            return Ok(TypeKind::Fixed(None));
        }
        let digits = self.in_angles(Self::constant)?;
        self.expect(",")?;
        let scale = self.in_angles(Self::constant)?;
        self.close_angle()?;
        Ok(TypeKind::Fixed(Some((digits, scale))))
    }

    /// Takes a `>`, or the first half of a `>>`.
    pub(super) fn close_angle(&mut self) -> Parsed<()> {
        if self.accept(">") {
            return Ok(());
        }
        let token = self.peek();
        if !token.is(">>") || self.split.is_some() {
            return Err(self.expected("`>`"));
        }
        let mut half = token.clone();
        half.text = Rc::from(">");
        half.span.start = half.span.end.saturating_sub(1).max(half.span.start);
        self.bump();
        self.split = Some(half);
        Ok(())
    }
}

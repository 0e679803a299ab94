// SPDX-License-Identifier: MIT OR Apache-2.0
//! Annotations, used and defined (IDL 4.2 §7.4.15).

use std::rc::Rc;

use super::{Parsed, Parser};
use crate::source::Span;
use crate::syntax::{AnnotationUse, Definition, DefinitionKind, Expression, Ident, Prelude, ScopedName};
use crate::token::Kind;

/// Most annotations before one definition.
const MOST: usize = 256;

impl Parser<'_> {
    /// Takes all annotations that stand here.
    pub(super) fn annotations(&mut self) -> Parsed<Vec<AnnotationUse>> {
        let mut annotations = Vec::new();
        while self.peek().is("@") && !self.peek_second().is_some_and(|next| next.is_ident("annotation")) {
            if annotations.len() >= MOST {
                return Err(self.expected("fewer annotations"));
            }
            annotations.push(self.annotation()?);
        }
        Ok(annotations)
    }

    fn annotation(&mut self) -> Parsed<AnnotationUse> {
        let start = self.peek().span;
        self.bump();
        let name = self.annotation_name()?;
        let mut arguments = Vec::new();
        if self.accept("(") {
            while !self.peek().is(")") {
                arguments.push(self.annotation_argument()?);
                if !self.accept(",") {
                    break;
                }
            }
            self.expect(")")?;
        }
        Ok(AnnotationUse {
            name,
            arguments,
            span: start.to(self.previous),
        })
    }

    /// Takes a name in which keywords may stand: `@default`.
    fn annotation_name(&mut self) -> Parsed<ScopedName> {
        let start = self.peek().span;
        let absolute = self.accept("::");
        let mut parts = vec![self.any_word("the name of an annotation")?];
        while self.accept("::") {
            parts.push(self.any_word("a name after `::`")?);
        }
        Ok(ScopedName {
            absolute,
            parts,
            span: start.to(self.previous),
        })
    }

    fn any_word(&mut self, what: &str) -> Parsed<Ident> {
        let token = self.peek();
        if token.kind != Kind::Ident {
            return Err(self.expected(what));
        }
        let word = Ident {
            text: Rc::clone(&token.text),
            span: token.span,
        };
        self.bump();
        Ok(word)
    }

    fn annotation_argument(&mut self) -> Parsed<(Option<Ident>, Expression)> {
        let named = self.peek().kind == Kind::Ident && self.peek_second().is_some_and(|next| next.is("="));
        if !named {
            return Ok((None, self.constant()?));
        }
        let name = self.any_word("the name of a parameter")?;
        self.expect("=")?;
        Ok((Some(name), self.constant()?))
    }

    /// Takes `@annotation name { … }`; its members are checked for their form only.
    pub(super) fn annotation_definition(&mut self, prelude: Prelude) -> Parsed<Definition> {
        let start = self.peek().span;
        self.bump();
        self.expect_word("annotation")?;
        let name = self.any_word("the name of an annotation")?;
        self.expect("{")?;
        while !self.peek().is("}") {
            self.annotation_member()?;
        }
        self.bump();
        let span = start.to(self.previous);
        self.semicolon()?;
        Ok(Definition {
            prelude,
            span,
            kind: DefinitionKind::AnnotationDefinition { name },
        })
    }

    fn annotation_member(&mut self) -> Parsed<()> {
        let mut inner: Vec<Definition> = Vec::new();
        let word = Rc::clone(&self.peek().text);
        if matches!(&*word, "enum" | "const" | "typedef" | "bitmask") {
            return self.definition(&mut inner);
        }
        self.prelude()?;
        self.type_spec()?;
        self.any_word("the name of a member")?;
        if self.accept_word("default") {
            self.constant()?;
        }
        self.semicolon()
    }

    /// The span from `start` to the last token taken.
    pub(super) fn since(&self, start: Span) -> Span {
        start.to(self.previous)
    }
}

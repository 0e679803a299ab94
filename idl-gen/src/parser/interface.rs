// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interfaces, operations and attributes (IDL 4.2 §7.4.3, §7.4.6).

use std::rc::Rc;

use super::{Failed, Parsed, Parser};
use crate::diagnostics::Diagnostic;
use crate::lexer::literal::unescape;
use crate::model::{Direction, InterfaceKind};
use crate::source::Span;
use crate::syntax::{
    AttributeDecl, Definition, DefinitionKind, InterfaceDecl, OperationDecl, ParameterDecl, Prelude,
    TypeKind, TypeSpec,
};
use crate::token::Kind;

impl Parser<'_> {
    pub(super) fn interface(&mut self, prelude: Prelude) -> Parsed<Definition> {
        self.interface_of(prelude, InterfaceKind::Unconstrained)
    }

    pub(super) fn interface_of(&mut self, prelude: Prelude, kind: InterfaceKind) -> Parsed<Definition> {
        let start = self.peek().span;
        self.bump();
        let name = self.ident("the name of an interface")?;
        if self.peek().is(";") {
            let span = self.since(start);
            self.bump();
            return Ok(Definition {
                prelude,
                span,
                kind: DefinitionKind::InterfaceForward { name, kind },
            });
        }
        let bases = if self.accept(":") {
            self.scoped_names("the name of an interface")?
        } else {
            Vec::new()
        };
        let opening = self.peek().span;
        if !self.peek().is("{") {
            return Err(self.expected("`:`, `{` or `;`"));
        }
        self.bump();
        let mut body = Vec::new();
        self.definitions(&mut body, Self::export);
        self.closing_brace(opening, "interface")?;
        let span = self.since(start);
        self.semicolon()?;
        let interface = InterfaceDecl {
            name,
            kind,
            bases,
            body,
        };
        Ok(Definition {
            prelude,
            span,
            kind: DefinitionKind::Interface(interface),
        })
    }

    /// Parses one definition, operation or attribute of an interface.
    pub(super) fn export(&mut self, definitions: &mut Vec<Definition>) -> Parsed<()> {
        self.nested(|p| {
            let prelude = p.prelude()?;
            let definition = p.export_after(prelude)?;
            definitions.push(definition);
            Ok(())
        })
    }

    pub(super) fn export_after(&mut self, prelude: Prelude) -> Parsed<Definition> {
        let prelude = match self.common_definition(prelude)? {
            Ok(definition) => return Ok(definition),
            Err(prelude) => prelude,
        };
        let start = self.peek().span;
        if self.peek().is_ident("readonly") || self.peek().is_ident("attribute") {
            let attribute = self.attribute()?;
            let span = self.since(start);
            self.semicolon()?;
            return Ok(Definition {
                prelude,
                span,
                kind: DefinitionKind::Attribute(attribute),
            });
        }
        let operation = self.operation()?;
        let span = self.since(start);
        self.semicolon()?;
        Ok(Definition {
            prelude,
            span,
            kind: DefinitionKind::Operation(operation),
        })
    }

    fn operation(&mut self) -> Parsed<OperationDecl> {
        let span = self.peek().span;
        let oneway = self.accept_word("oneway").then_some(span);
        if !self.begins_type() {
            return Err(self.expected("an operation, attribute or type definition"));
        }
        let result = self.type_or_void()?;
        let name = self.ident("the name of an operation")?;
        let parameters = self.parameters(true)?;
        let raises = self.raises("raises")?;
        let contexts = self.contexts()?;
        Ok(OperationDecl {
            name,
            oneway,
            result,
            parameters,
            raises,
            contexts,
        })
    }

    pub(super) fn type_or_void(&mut self) -> Parsed<TypeSpec> {
        let span = self.peek().span;
        if self.accept_word("void") {
            return Ok(TypeSpec {
                span,
                kind: TypeKind::Void,
            });
        }
        self.type_spec()
    }

    /// Takes a parenthesised list of parameters; those of a factory are all `in`.
    pub(super) fn parameters(&mut self, all_directions: bool) -> Parsed<Vec<ParameterDecl>> {
        self.expect("(")?;
        let mut parameters = Vec::new();
        if self.accept(")") {
            return Ok(parameters);
        }
        loop {
            parameters.push(self.parameter(all_directions)?);
            if self.accept(")") {
                return Ok(parameters);
            }
            if !self.accept(",") {
                return Err(self.expected("`,` or `)`"));
            }
        }
    }

    fn parameter(&mut self, all_directions: bool) -> Parsed<ParameterDecl> {
        let prelude = self.prelude()?;
        let direction_span = self.peek().span;
        let direction = match &*self.peek().text {
            "in" => Direction::In,
            "out" => Direction::Out,
            "inout" => Direction::InOut,
            _ => {
                return Err(self.expected(if all_directions {
                    "`in`, `out` or `inout`"
                } else {
                    "`in`"
                }));
            }
        };
        if !all_directions && direction != Direction::In {
            return Err(self.expected("`in`; an initializer or finder has no other parameters"));
        }
        self.bump();
        let ty = self.type_spec()?;
        let name = self.ident("the name of a parameter")?;
        Ok(ParameterDecl {
            prelude,
            direction,
            direction_span,
            ty,
            name,
        })
    }

    /// Takes `raises (A, B)`, or nothing.
    pub(super) fn raises(&mut self, word: &str) -> Parsed<Vec<crate::syntax::ScopedName>> {
        if !self.accept_word(word) {
            return Ok(Vec::new());
        }
        self.expect("(")?;
        let names = self.scoped_names("the name of an exception")?;
        if !self.accept(")") {
            return Err(self.expected("`,` or `)`"));
        }
        Ok(names)
    }

    fn contexts(&mut self) -> Parsed<Vec<(Rc<str>, Span)>> {
        let mut contexts = Vec::new();
        if !self.accept_word("context") {
            return Ok(contexts);
        }
        self.expect("(")?;
        loop {
            let token = self.peek();
            if token.kind != Kind::String {
                return Err(self.expected("a string literal"));
            }
            let (text, span) = (Rc::clone(&token.text), token.span);
            self.bump();
            let text = unescape(&text, false).unwrap_or_default();
            self.check_context(&text, span);
            contexts.push((Rc::from(text), span));
            if self.accept(")") {
                return Ok(contexts);
            }
            if !self.accept(",") {
                return Err(self.expected("`,` or `)`"));
            }
        }
    }

    /// CORBA 3.3 part 1 §7.13.4: letters, digits, `.` and `_`, then perhaps a `*`; a letter comes first.
    fn check_context(&mut self, text: &str, span: Span) {
        let name = text.strip_suffix('*').unwrap_or(text);
        let well_formed = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_'));
        if !well_formed {
            let error = Diagnostic::error(span, "malformed name of a context property");
            let error = error.label("expected a letter, then letters, digits, `.` or `_`, then perhaps `*`");
            self.diagnostics.push(error);
        }
    }

    pub(super) fn attribute(&mut self) -> Parsed<AttributeDecl> {
        let readonly = self.accept_word("readonly");
        self.expect_word("attribute")?;
        let ty = self.type_spec()?;
        let mut names = vec![self.ident("the name of an attribute")?];
        while self.accept(",") {
            names.push(self.ident("the name of an attribute")?);
        }
        let (mut get_raises, mut set_raises) = (Vec::new(), Vec::new());
        if readonly {
            get_raises = self.raises("raises")?;
        } else {
            let at = self.peek().span;
            get_raises.extend(self.raises("getraises")?);
            set_raises.extend(self.raises("setraises")?);
            if self.peek().is_ident("raises") {
                let error = Diagnostic::error(self.peek().span.to(at), "unexpected `raises`");
                self.diagnostics
                    .push(error.label("expected `getraises` or `setraises`"));
                return Err(Failed);
            }
        }
        if (!get_raises.is_empty() || !set_raises.is_empty()) && names.len() > 1 {
            // IDL 4.2 §7.4.3.4.3.3: either declarators or a raises expression.
            let span = names
                .iter()
                .skip(1)
                .map(|name| name.span)
                .next()
                .unwrap_or(self.previous);
            let error = Diagnostic::error(span, "several attributes cannot share a raises expression");
            self.diagnostics.push(error.label("expected only one name"));
        }
        Ok(AttributeDecl {
            readonly,
            ty,
            names,
            get_raises,
            set_raises,
        })
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Valuetypes and event types (IDL 4.2 §7.4.5, CORBA 3.3 part 3 §6.7).

use super::{Failed, Parsed, Parser};
use crate::diagnostics::Diagnostic;
use crate::source::Span;
use crate::syntax::{Definition, DefinitionKind, OperationDecl, Prelude, TypeKind, TypeSpec, ValueDecl};

impl Parser<'_> {
    /// Parses what begins with `valuetype`, `abstract`, `custom` or `eventtype`.
    pub(super) fn value(&mut self, prelude: Prelude) -> Parsed<Definition> {
        let start = self.peek().span;
        let is_abstract = self.accept_word("abstract");
        let custom = !is_abstract && self.accept_word("custom");
        let event = self.peek().is_ident("eventtype");
        self.bump();
        let name = self.ident("the name of a valuetype")?;
        if self.peek().is(";") {
            let span = self.since(start);
            if custom {
                let error = Diagnostic::error(span, "a forward declaration cannot be `custom`");
                self.diagnostics.push(error);
            }
            self.bump();
            let kind = DefinitionKind::ValueForward {
                name,
                is_abstract,
                event,
            };
            return Ok(Definition { prelude, span, kind });
        }
        let inherits = self.peek().is(":") || self.peek().is_ident("supports") || self.peek().is("{");
        if !inherits && !is_abstract && !custom && !event {
            if !self.begins_type() {
                return Err(self.expected("`:`, `supports`, `{`, `;` or a type to box"));
            }
            let ty = self.type_spec()?;
            let span = self.since(start);
            self.semicolon()?;
            return Ok(Definition {
                prelude,
                span,
                kind: DefinitionKind::ValueBox { name, ty },
            });
        }
        let mut value = ValueDecl {
            name,
            is_abstract,
            custom,
            event,
            truncatable: None,
            bases: Vec::new(),
            supports: Vec::new(),
            body: Vec::new(),
        };
        self.value_header(&mut value)?;
        let opening = self.peek().span;
        self.expect("{")?;
        let element = if is_abstract {
            Self::export
        } else {
            Self::value_element
        };
        self.definitions(&mut value.body, element);
        self.closing_brace(opening, "valuetype")?;
        let span = self.since(start);
        self.semicolon()?;
        Ok(Definition {
            prelude,
            span,
            kind: DefinitionKind::Value(value),
        })
    }

    fn value_header(&mut self, value: &mut ValueDecl) -> Parsed<()> {
        if self.accept(":") {
            let span = self.peek().span;
            if self.accept_word("truncatable") {
                value.truncatable = Some(span);
            }
            value.bases = self.scoped_names("the name of a valuetype")?;
        }
        if self.accept_word("supports") {
            value.supports = self.scoped_names("the name of an interface")?;
        }
        Ok(())
    }

    /// Parses one element of a stateful valuetype.
    fn value_element(&mut self, definitions: &mut Vec<Definition>) -> Parsed<()> {
        self.nested(|p| {
            let prelude = p.prelude()?;
            let start = p.peek().span;
            let definition = if p.peek().is_ident("public") || p.peek().is_ident("private") {
                p.state_member(prelude, start)?
            } else if p.peek().is_ident("factory") {
                p.bump();
                let factory = p.initializer()?;
                let span = p.since(start);
                p.semicolon()?;
                Definition {
                    prelude,
                    span,
                    kind: DefinitionKind::Factory(factory),
                }
            } else {
                p.export_after(prelude)?
            };
            definitions.push(definition);
            Ok(())
        })
    }

    fn state_member(&mut self, prelude: Prelude, start: Span) -> Parsed<Definition> {
        let public = self.peek().is_ident("public");
        self.bump();
        let mut member = self.member_after(Prelude::default())?;
        member.prelude = prelude;
        let span = self.since(start);
        self.semicolon()?;
        Ok(Definition {
            prelude: Prelude::default(),
            span,
            kind: DefinitionKind::State { public, member },
        })
    }

    /// Parses a factory or finder after its keyword.
    pub(super) fn initializer(&mut self) -> Parsed<OperationDecl> {
        let name = self.ident("the name of an initializer")?;
        let result = TypeSpec {
            span: name.span,
            kind: TypeKind::Void,
        };
        let parameters = self.parameters(false)?;
        let raises = self.raises("raises")?;
        if self.peek().is_ident("context") {
            let error =
                Diagnostic::error(self.peek().span, "an initializer has no context").label("expected `;`");
            self.diagnostics.push(error);
            return Err(Failed);
        }
        Ok(OperationDecl {
            name,
            oneway: None,
            result,
            parameters,
            raises,
            contexts: Vec::new(),
        })
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Modules, constants, and which definition begins where.

use std::rc::Rc;

use super::{Parsed, Parser};
use crate::diagnostics::Diagnostic;
use crate::model::InterfaceKind;
use crate::source::Span;
use crate::syntax::{Definition, DefinitionKind, Ident, Prelude};
use crate::token::Kind;

impl Parser<'_> {
    /// Parses one definition of a module or of the file.
    pub(super) fn definition(&mut self, definitions: &mut Vec<Definition>) -> Parsed<()> {
        self.nested(|p| {
            let prelude = p.prelude()?;
            let definition = p.definition_after(prelude)?;
            definitions.push(definition);
            Ok(())
        })
    }

    fn definition_after(&mut self, prelude: Prelude) -> Parsed<Definition> {
        if self.peek().is("@") {
            return self.annotation_definition(prelude);
        }
        let word = if self.peek().kind == Kind::Ident {
            Rc::clone(&self.peek().text)
        } else {
            Rc::from("")
        };
        match &*word {
            "module" => self.module(prelude),
            "interface" => self.interface(prelude),
            "abstract" | "local" | "custom" => self.qualified(prelude, &word),
            "valuetype" | "eventtype" => self.value(prelude),
            "component" | "home" | "porttype" | "connector" => self.component(prelude),
            "alias" => self.alias(prelude),
            "import" => self.import(prelude),
            _ => match self.common_definition(prelude)? {
                Ok(definition) => Ok(definition),
                Err(_) => Err(self.expected("a definition (`module`, `interface`, `struct`, `typedef`, …)")),
            },
        }
    }

    /// Parses a definition that may also stand in an interface; gives the prelude back if there is none.
    pub(super) fn common_definition(&mut self, prelude: Prelude) -> Parsed<Result<Definition, Prelude>> {
        let word = if self.peek().kind == Kind::Ident {
            Rc::clone(&self.peek().text)
        } else {
            Rc::from("")
        };
        let definition = match &*word {
            "struct" | "union" | "enum" | "bitset" | "bitmask" if self.begins_constructed(&word) => {
                let definition = self.constructed(prelude)?;
                self.semicolon()?;
                definition
            }
            "typedef" => self.typedef(prelude)?,
            "const" => self.constant_definition(prelude)?,
            "exception" => self.exception(prelude)?,
            "native" => self.native(prelude)?,
            "typeid" | "typeId" => self.type_id(prelude, true)?,
            "typeprefix" | "typePrefix" => self.type_id(prelude, false)?,
            _ => return Ok(Err(prelude)),
        };
        Ok(Ok(definition))
    }

    /// `bitset` and `bitmask` are keywords only where a name follows them.
    fn begins_constructed(&self, word: &str) -> bool {
        !word.starts_with("bit") || self.peek_second().is_some_and(|next| next.kind == Kind::Ident)
    }

    fn module(&mut self, prelude: Prelude) -> Parsed<Definition> {
        let start = self.peek().span;
        self.bump();
        let name = self.ident("the name of a module")?;
        if self.peek().is("<") || self.peek().is("::") {
            return self.template_module(prelude, start, name);
        }
        let opening = self.peek().span;
        self.expect("{")?;
        let mut body = Vec::new();
        self.definitions(&mut body, Self::definition);
        if body
            .iter()
            .all(|definition| matches!(definition.kind, DefinitionKind::Marker { .. }))
            && self.peek().is("}")
        {
            // IDL 4.2 §7.4.1.4.2: `<definition>+`.
            let error = Diagnostic::error(
                opening.to(self.peek().span),
                format!("module `{}` is empty", name.text),
            );
            self.diagnostics
                .push(error.label("expected at least one definition"));
        }
        self.closing_brace(opening, "module")?;
        let span = self.since(start);
        self.semicolon()?;
        Ok(Definition {
            prelude,
            span,
            kind: DefinitionKind::Module { name, body },
        })
    }

    /// Takes the `}` of a scope; if the file ends instead, shows where the scope began.
    pub(super) fn closing_brace(&mut self, opening: Span, what: &str) -> Parsed<()> {
        if self.accept("}") {
            return Ok(());
        }
        if self.peek().kind == Kind::End {
            let error = Diagnostic::error(self.peek().span, "unexpected end of file").label("expected `}`");
            self.diagnostics
                .push(error.also(opening, format!("to close this {what}")));
            return Err(super::Failed);
        }
        Err(self.expected("`}`"))
    }

    /// Takes what begins with `abstract`, `local` or `custom`.
    fn qualified(&mut self, prelude: Prelude, word: &str) -> Parsed<Definition> {
        let second = self.peek_second().map_or("", |token| &*token.text);
        match (word, second) {
            ("abstract", "interface") => {
                self.bump();
                self.interface_of(prelude, InterfaceKind::Abstract)
            }
            ("local", "interface") => {
                self.bump();
                self.interface_of(prelude, InterfaceKind::Local)
            }
            ("abstract" | "custom", "valuetype" | "eventtype") => self.value(prelude),
            ("custom", _) => {
                self.bump();
                Err(self.expected("`valuetype`"))
            }
            ("local", _) => {
                self.bump();
                Err(self.expected("`interface`"))
            }
            _ => {
                self.bump();
                Err(self.expected("`interface` or `valuetype`"))
            }
        }
    }

    fn constant_definition(&mut self, prelude: Prelude) -> Parsed<Definition> {
        let start = self.peek().span;
        self.bump();
        let ty = self.type_spec()?;
        let name = self.ident("the name of a constant")?;
        self.expect("=")?;
        let value = self.constant()?;
        let span = self.since(start);
        self.semicolon()?;
        Ok(Definition {
            prelude,
            span,
            kind: DefinitionKind::Const { name, ty, value },
        })
    }

    fn native(&mut self, prelude: Prelude) -> Parsed<Definition> {
        let start = self.peek().span;
        self.bump();
        let name = self.ident("the name of a native type")?;
        let span = self.since(start);
        self.semicolon()?;
        Ok(Definition {
            prelude,
            span,
            kind: DefinitionKind::Native { name },
        })
    }

    fn type_id(&mut self, prelude: Prelude, id: bool) -> Parsed<Definition> {
        let start = self.peek().span;
        self.bump();
        let name = self.scoped_name("the name of a definition")?;
        let token = self.peek();
        if token.kind != Kind::String {
            return Err(self.expected("a string literal"));
        }
        let value = Ident {
            text: Rc::clone(&token.text),
            span: token.span,
        };
        self.bump();
        let span = self.since(start);
        self.semicolon()?;
        let kind = if id {
            DefinitionKind::TypeId { name, id: value }
        } else {
            DefinitionKind::TypePrefix { name, prefix: value }
        };
        Ok(Definition { prelude, span, kind })
    }

    fn import(&mut self, prelude: Prelude) -> Parsed<Definition> {
        let start = self.peek().span;
        self.bump();
        let name = if self.peek().kind == Kind::String {
            self.bump();
            None
        } else {
            Some(self.scoped_name("the name of a scope, or its repository id")?)
        };
        let span = self.since(start);
        self.semicolon()?;
        Ok(Definition {
            prelude,
            span,
            kind: DefinitionKind::Import { name },
        })
    }

    /// Takes a template module or an instance of one (IDL 4.2 §7.4.12).
    fn template_module(&mut self, prelude: Prelude, start: Span, name: Ident) -> Parsed<Definition> {
        while self.accept("::") {
            self.ident("a name after `::`")?;
        }
        self.angle_brackets()?;
        if self.peek().is("{") {
            let opening = self.peek().span;
            self.bump();
            let mut body = Vec::new();
            self.definitions(&mut body, Self::definition);
            self.closing_brace(opening, "template module")?;
            let span = self.since(start);
            self.semicolon()?;
            let kind = DefinitionKind::Template {
                name,
                what: "template module",
            };
            return Ok(Definition { prelude, span, kind });
        }
        let name = self.ident("the name of the instance, or `{`")?;
        let span = self.since(start);
        self.semicolon()?;
        let kind = DefinitionKind::Template {
            name,
            what: "instance of a template module",
        };
        Ok(Definition { prelude, span, kind })
    }

    /// Takes `alias Template<T> Name;`.
    fn alias(&mut self, prelude: Prelude) -> Parsed<Definition> {
        let start = self.peek().span;
        self.bump();
        self.scoped_name("the name of a template module")?;
        self.angle_brackets()?;
        let name = self.ident("the name of the alias")?;
        let span = self.since(start);
        self.semicolon()?;
        let kind = DefinitionKind::Template {
            name,
            what: "alias of a template module",
        };
        Ok(Definition { prelude, span, kind })
    }

    /// Skips balanced `<…>`.
    fn angle_brackets(&mut self) -> Parsed<()> {
        self.expect("<")?;
        let mut depth = 1usize;
        while depth > 0 {
            let token = self.peek();
            match &*token.text {
                _ if token.kind != Kind::Punct && token.kind != Kind::End => {}
                "<" => depth += 1,
                ">" => depth -= 1,
                ">>" => depth = depth.saturating_sub(2),
                "," | "::" | "(" | ")" | "+" | "-" | "*" | "/" | "~" | "|" | "&" | "^" | "%" => {}
                _ => return Err(self.expected("`>`")),
            }
            self.bump();
        }
        Ok(())
    }
}

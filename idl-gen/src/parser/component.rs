// SPDX-License-Identifier: MIT OR Apache-2.0
//! CORBA components (CORBA 3.3 part 3 §6, IDL 4.2 §7.4.9 to §7.4.11).

use std::rc::Rc;

use super::{Parsed, Parser};
use crate::syntax::{ComponentDecl, Definition, DefinitionKind, Ident, PortDecl, Prelude};
use crate::token::Kind;

impl Parser<'_> {
    /// Parses a component, home, porttype or connector.
    pub(super) fn component(&mut self, prelude: Prelude) -> Parsed<Definition> {
        let start = self.peek().span;
        let what = match &*self.peek().text {
            "component" => "component",
            "home" => "home",
            "porttype" => "porttype",
            _ => "connector",
        };
        self.bump();
        let name = self.ident(&format!("the name of a {what}"))?;
        let mut component = empty(what, name);
        if what != "home" && self.peek().is(";") {
            component.forward = true;
            let span = self.since(start);
            self.bump();
            return Ok(Definition {
                prelude,
                span,
                kind: DefinitionKind::Component(component),
            });
        }
        self.component_header(&mut component)?;
        let opening = self.peek().span;
        self.expect("{")?;
        while !self.peek().is("}") && self.peek().kind != Kind::End {
            let (level, before) = (self.braces, self.at);
            let parsed = self.nested(|p| {
                if what == "home" {
                    p.home_element(&mut component)
                } else {
                    p.port(&mut component)
                }
            });
            if parsed.is_err() {
                self.recover(level, before);
            }
        }
        self.closing_brace(opening, what)?;
        let span = self.since(start);
        self.semicolon()?;
        Ok(Definition {
            prelude,
            span,
            kind: DefinitionKind::Component(component),
        })
    }

    fn component_header(&mut self, component: &mut ComponentDecl) -> Parsed<()> {
        let what = component.what;
        if what != "porttype" && self.accept(":") {
            component.base = Some(self.scoped_name(&format!("the name of a {what}"))?);
        }
        if matches!(what, "component" | "home") && self.accept_word("supports") {
            component.supports = self.scoped_names("the name of an interface")?;
        }
        if what == "home" {
            self.expect_word("manages")?;
            component.manages = Some(self.scoped_name("the name of a component")?);
            if self.accept_word("primarykey") || self.accept_word("primaryKey") {
                component.key = Some(self.scoped_name("the name of a valuetype")?);
            }
        }
        Ok(())
    }

    /// Parses a port or an attribute.
    fn port(&mut self, component: &mut ComponentDecl) -> Parsed<()> {
        let prelude = self.prelude()?;
        let word = Rc::clone(&self.peek().text);
        let what = match &*word {
            "provides" => "provides",
            "uses" => "uses",
            "emits" => "emits",
            "publishes" => "publishes",
            "consumes" => "consumes",
            "port" => "port",
            "mirrorport" => "mirrorport",
            "readonly" | "attribute" => {
                let start = self.peek().span;
                let attribute = self.attribute()?;
                let span = self.since(start);
                self.semicolon()?;
                component.body.push(Definition {
                    prelude,
                    span,
                    kind: DefinitionKind::Attribute(attribute),
                });
                return Ok(());
            }
            _ => return Err(self.expected("a port or an attribute")),
        };
        self.bump();
        if what == "uses" {
            self.accept_word("multiple");
        }
        let ty = if self.accept_word("Object") {
            None
        } else {
            Some(self.scoped_name("the type of a port")?)
        };
        let name = self.ident("the name of a port")?;
        self.semicolon()?;
        component.ports.push(PortDecl { what, ty, name });
        Ok(())
    }

    fn home_element(&mut self, component: &mut ComponentDecl) -> Parsed<()> {
        let prelude = self.prelude()?;
        let start = self.peek().span;
        if !self.accept_word("factory") && !self.accept_word("finder") {
            let definition = self.export_after(prelude)?;
            component.body.push(definition);
            return Ok(());
        }
        let factory = self.initializer()?;
        let span = self.since(start);
        self.semicolon()?;
        component.body.push(Definition {
            prelude,
            span,
            kind: DefinitionKind::Factory(factory),
        });
        Ok(())
    }
}

fn empty(what: &'static str, name: Ident) -> ComponentDecl {
    ComponentDecl {
        what,
        name,
        forward: false,
        base: None,
        supports: Vec::new(),
        manages: None,
        key: None,
        ports: Vec::new(),
        body: Vec::new(),
    }
}

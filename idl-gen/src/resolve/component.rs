// SPDX-License-Identifier: MIT OR Apache-2.0
//! CORBA components: checked, and not generated.

use super::scope::{ScopeKind, Symbol, article};
use super::{Resolved, Resolver};
use crate::diagnostics::Diagnostic;
use crate::model::{ItemId, ItemKind, NotGenerated};
use crate::source::Span;
use crate::syntax::{ComponentDecl, DefinitionKind, Ident, PortDecl, Prelude, ScopedName};

impl Resolver<'_> {
    /// Takes a definition that is only named.
    pub(super) fn not_generated(
        &mut self,
        prelude: &Prelude,
        span: Span,
        name: &Ident,
        what: &'static str,
    ) -> Resolved<()> {
        let item = NotGenerated {
            what,
            is_object: false,
            definitions: Vec::new(),
        };
        self.add(name, span, prelude, ItemKind::NotGenerated(item))?;
        self.note_not_generated(name, what);
        Ok(())
    }

    fn note_not_generated(&mut self, name: &Ident, what: &str) {
        let note = Diagnostic::note(
            name.span,
            format!("no Rust is generated for the {what} `{}`", name.text),
        );
        self.diagnostics.push(note);
    }

    pub(super) fn component(
        &mut self,
        prelude: &Prelude,
        span: Span,
        component: &ComponentDecl,
    ) -> Resolved<()> {
        let name = &component.name;
        self.component_bases(component);
        let known = self.own_item(name).filter(|&id| {
            let same = matches!(&self.model.item(id).kind, ItemKind::NotGenerated(other) if other.what == component.what);
            same && (component.forward || !self.inner.contains_key(&id))
        });
        let id = match known {
            Some(id) => {
                self.complete(id, prelude, span, name);
                id
            }
            None => {
                let is_object = matches!(component.what, "component" | "home");
                let item = NotGenerated {
                    what: component.what,
                    is_object,
                    definitions: Vec::new(),
                };
                self.add(name, span, prelude, ItemKind::NotGenerated(item))?
            }
        };
        if component.forward {
            return Ok(());
        }
        self.note_not_generated(name, component.what);
        let scope = self.open(id, ScopeKind::Component, name);
        self.within(scope, |resolver| resolver.component_body(id, component));
        Ok(())
    }

    fn component_bases(&mut self, component: &ComponentDecl) {
        if let Some(base) = &component.base {
            self.expect_what(base, component.what);
        }
        for supported in &component.supports {
            let _ = self.defined_interface(supported);
        }
        if let Some(managed) = &component.manages {
            self.expect_what(managed, "component");
        }
        if let Some(key) = &component.key {
            self.expect_what(key, "valuetype");
        }
    }

    /// Checks that a name stands for a definition of a certain kind.
    fn expect_what(&mut self, name: &ScopedName, wanted: &str) {
        let Ok(found) = self.look_up(name) else { return };
        let what = self.describe(&found.symbol);
        if what != wanted {
            let error = Diagnostic::error(name.span, format!("`{}` is no {wanted}", name.text()));
            let error = error.label(format!("expected {}", article(wanted)));
            self.diagnostics
                .push(error.also(found.span, format!("defined here as {}", article(what))));
        }
    }

    fn component_body(&mut self, id: ItemId, component: &ComponentDecl) {
        for port in &component.ports {
            self.port(port);
        }
        for definition in &component.body {
            let _ = match &definition.kind {
                DefinitionKind::Factory(factory) => self.factory(id, definition, factory).map(drop),
                _ => self.export(id, definition),
            };
        }
    }

    fn port(&mut self, port: &PortDecl) {
        if let Some(ty) = &port.ty {
            match port.what {
                "provides" | "uses" => self.expect_what(ty, "interface"),
                "emits" | "publishes" | "consumes" => self.expect_what(ty, "eventtype"),
                _ => self.expect_what(ty, "porttype"),
            }
        }
        let _ = self.declare(&port.name, Symbol::Taken("port"), "port");
    }
}

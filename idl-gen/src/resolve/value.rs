// SPDX-License-Identifier: MIT OR Apache-2.0
//! Valuetypes (IDL 4.2 §7.4.5, CORBA 3.3 part 1 §7.9).

use super::scope::{ScopeKind, Symbol, article};
use super::types::Use;
use super::{Resolved, Resolver};
use crate::diagnostics::Diagnostic;
use crate::model::{Factory, InterfaceKind, ItemId, ItemKind, Name, StateMember, ValueKind, Valuetype};
use crate::source::Span;
use crate::syntax::{
    Definition, DefinitionKind, Ident, OperationDecl, Prelude, ScopedName, TypeSpec, ValueDecl,
};

/// What a valuetype inherits.
#[derive(Debug, Default)]
struct Bases {
    stateful: Option<ItemId>,
    abstracts: Vec<ItemId>,
    supports: Vec<ItemId>,
}

impl Resolver<'_> {
    pub(super) fn value_forward(
        &mut self,
        prelude: &Prelude,
        span: Span,
        name: &Ident,
        is_abstract: bool,
        event: bool,
    ) -> Resolved<()> {
        if let Some(id) = self.own_item(name)
            && let ItemKind::Valuetype(value) = &self.model.item(id).kind
        {
            let before = value.kind == ValueKind::Abstract;
            self.declare_again(name);
            return self.same_abstractness(id, name, before, is_abstract);
        }
        let kind = if is_abstract {
            ValueKind::Abstract
        } else {
            ValueKind::Stateful
        };
        let value = Valuetype {
            kind,
            event,
            ..Valuetype::default()
        };
        self.add(name, span, prelude, ItemKind::Valuetype(value))
            .map(drop)
    }

    fn same_abstractness(&mut self, id: ItemId, name: &Ident, before: bool, now: bool) -> Resolved<()> {
        if before == now {
            return Ok(());
        }
        let first = self.model.item(id).name.span;
        let error = Diagnostic::error(
            name.span,
            format!("`{}` is declared `abstract` only once", name.text),
        );
        Err(self.report(error.also(first, "the other declaration")))
    }

    pub(super) fn value_box(
        &mut self,
        prelude: &Prelude,
        span: Span,
        name: &Ident,
        spec: &TypeSpec,
    ) -> Resolved<()> {
        let ty = self.type_of(spec, Use::Member)?;
        if self.is_value(&ty) {
            let error = Diagnostic::error(spec.span, "a valuetype cannot be boxed");
            return Err(self.report(error.label("expected a type that is no valuetype")));
        }
        if self.is_local(&ty) {
            self.error(spec.span, "a local interface cannot be part of a valuetype");
        }
        let value = Valuetype {
            kind: ValueKind::Boxed(ty),
            defined: true,
            ..Valuetype::default()
        };
        self.add(name, span, prelude, ItemKind::Valuetype(value))
            .map(drop)
    }

    pub(super) fn value(&mut self, prelude: &Prelude, span: Span, value: &ValueDecl) -> Resolved<()> {
        let name = &value.name;
        let bases = self.value_bases(value);
        let forward = self.own_item(name).filter(|&id| match &self.model.item(id).kind {
            ItemKind::Valuetype(declared) => !declared.defined && !self.inner.contains_key(&id),
            _ => false,
        });
        let kind = match (value.is_abstract, value.custom) {
            (true, _) => ValueKind::Abstract,
            (_, true) => ValueKind::Custom,
            _ => ValueKind::Stateful,
        };
        let id = match forward {
            Some(id) => {
                let before = matches!(&self.model.item(id).kind, ItemKind::Valuetype(v) if v.kind == ValueKind::Abstract);
                let _ = self.same_abstractness(id, name, before, value.is_abstract);
                self.complete(id, prelude, span, name);
                id
            }
            None => self.add(name, span, prelude, ItemKind::Valuetype(Valuetype::default()))?,
        };
        let scope = self.open(id, ScopeKind::Interface, name);
        let inherited: Vec<ItemId> = bases
            .stateful
            .iter()
            .chain(&bases.abstracts)
            .chain(&bases.supports)
            .copied()
            .collect();
        self.inherit(scope, &inherited);
        self.check_inherited_members(scope, name.span);
        if let ItemKind::Valuetype(item) = &mut self.item_mut(id).kind {
            (item.kind, item.event, item.truncatable) = (kind, value.event, value.truncatable.is_some());
            (item.base, item.abstract_bases, item.supports) =
                (bases.stateful, bases.abstracts, bases.supports);
        }
        self.within(scope, |resolver| {
            for definition in &value.body {
                let _ = resolver.value_element(id, definition);
            }
        });
        if let ItemKind::Valuetype(item) = &mut self.item_mut(id).kind {
            item.defined = true;
        }
        Ok(())
    }

    fn value_bases(&mut self, value: &ValueDecl) -> Bases {
        let mut bases = Bases::default();
        for (index, name) in value.bases.iter().enumerate() {
            let Ok((id, kind)) = self.defined_value(name) else {
                continue;
            };
            if kind == ValueKind::Abstract {
                self.push_base(&mut bases.abstracts, id, name);
                continue;
            }
            // CORBA 3.3 part 1 §7.9.3: a stateful base is the only one and comes first.
            if value.is_abstract {
                self.error(name.span, "an abstract valuetype inherits only abstract ones");
            } else if index > 0 {
                let error =
                    Diagnostic::error(name.span, "a stateful base comes first, and there is only one");
                self.diagnostics
                    .push(error.label("expected an abstract valuetype"));
            } else {
                if kind == ValueKind::Custom && !value.custom {
                    // What marshals the base's state is not known to generated code.
                    self.error(name.span, "a valuetype with a custom base must be `custom` too");
                }
                bases.stateful = Some(id);
            }
        }
        self.check_truncatable(value, &bases);
        self.supported(value, &mut bases);
        bases
    }

    fn check_truncatable(&mut self, value: &ValueDecl, bases: &Bases) {
        let Some(span) = value.truncatable else { return };
        if value.custom {
            self.error(span, "a custom valuetype cannot be truncatable");
        } else if bases.stateful.is_none() && bases.abstracts.len() == value.bases.len() {
            let error = Diagnostic::error(span, "only a valuetype with a stateful base is truncatable");
            self.diagnostics.push(error);
        }
    }

    fn defined_value(&mut self, name: &ScopedName) -> Resolved<(ItemId, ValueKind)> {
        let found = self.look_up(name)?;
        let id = match found.symbol {
            Symbol::Item(id) => Some(self.through_typedefs(id)),
            _ => None,
        };
        if let Some(id) = id
            && let ItemKind::Valuetype(value) = &self.model.item(id).kind
        {
            let (defined, kind) = (value.defined, value.kind.clone());
            if self.is_box(id) {
                let error = Diagnostic::error(
                    name.span,
                    format!("`{}` is a box and cannot be inherited", name.text()),
                );
                return Err(self.report(error.also(found.span, "defined here")));
            }
            if defined {
                return Ok((id, kind));
            }
            let error = Diagnostic::error(name.span, format!("`{}` is not defined yet", name.text()));
            return Err(self.report(error.also(found.span, "only declared here")));
        }
        let what = article(self.describe(&found.symbol));
        let error = Diagnostic::error(name.span, format!("`{}` is no valuetype", name.text()))
            .label("expected a valuetype");
        Err(self.report(error.also(found.span, format!("defined here as {what}"))))
    }

    fn supported(&mut self, value: &ValueDecl, bases: &mut Bases) {
        let mut concrete: Option<Span> = None;
        for name in &value.supports {
            let Ok((id, kind)) = self.defined_interface(name) else {
                continue;
            };
            // CORBA 3.3 part 1 §7.9.3: at most one interface that is not abstract.
            if kind != InterfaceKind::Abstract {
                if let Some(first) = concrete {
                    let error = Diagnostic::error(
                        name.span,
                        "a valuetype supports only one interface that is not abstract",
                    );
                    self.diagnostics.push(error.also(first, "the first"));
                    continue;
                }
                concrete = Some(name.span);
            }
            self.push_base(&mut bases.supports, id, name);
        }
    }

    fn value_element(&mut self, id: ItemId, definition: &Definition) -> Resolved<()> {
        match &definition.kind {
            DefinitionKind::State { public, member } => {
                let ty = self.type_of(&member.ty, Use::Member);
                if ty.as_ref().is_ok_and(|ty| self.is_local(ty)) {
                    self.error(member.ty.span, "a local interface cannot be part of a valuetype");
                }
                for declarator in &member.declarators {
                    let Ok(member) = self.member(member, ty.as_ref().ok(), declarator) else {
                        continue;
                    };
                    if let ItemKind::Valuetype(value) = &mut self.item_mut(id).kind {
                        value.state.push(StateMember {
                            public: *public,
                            member,
                        });
                    }
                }
                Ok(())
            }
            DefinitionKind::Factory(factory) => {
                let factory = self.factory(id, definition, factory)?;
                if let ItemKind::Valuetype(value) = &mut self.item_mut(id).kind {
                    value.factories.push(factory);
                }
                Ok(())
            }
            _ => self.export(id, definition),
        }
    }

    pub(super) fn factory(
        &mut self,
        owner: ItemId,
        definition: &Definition,
        declaration: &OperationDecl,
    ) -> Resolved<Factory> {
        let scope = self.open_anonymous(ScopeKind::Operation);
        let (parameters, raises) = self.within(scope, |resolver| {
            let parameters = resolver.parameters(owner, &declaration.parameters);
            (parameters, resolver.exceptions(owner, &declaration.raises))
        });
        self.declare(&declaration.name, Symbol::Taken("initializer"), "initializer")?;
        Ok(Factory {
            name: Name {
                text: declaration.name.text.to_string(),
                span: declaration.name.span,
            },
            span: definition.span,
            parameters,
            raises,
            doc: definition.prelude.doc.as_deref().map(str::to_owned),
            annotations: self.annotations_of(&definition.prelude),
        })
    }
}

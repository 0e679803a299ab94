// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interfaces, operations and attributes (IDL 4.2 §7.4.3, §7.4.4, §7.4.6).

use super::scope::{ScopeKind, Symbol, article};
use super::types::Use;
use super::{Resolved, Resolver, Wrong};
use crate::diagnostics::Diagnostic;
use crate::model::{
    Attribute, Direction, Interface, InterfaceKind, InterfaceMember, ItemId, ItemKind, Name, Operation,
    Parameter, Type, Value,
};
use crate::source::Span;
use crate::syntax::{
    AttributeDecl, Definition, DefinitionKind, Ident, InterfaceDecl, OperationDecl, ParameterDecl, Prelude,
    ScopedName, TypeKind, TypeSpec,
};

impl Resolver<'_> {
    pub(super) fn interface_forward(
        &mut self,
        prelude: &Prelude,
        span: Span,
        name: &Ident,
        kind: InterfaceKind,
    ) -> Resolved<()> {
        if let Some(id) = self.own_item(name)
            && let ItemKind::Interface(interface) = &self.model.item(id).kind
        {
            let before = interface.kind;
            self.declare_again(name);
            return self.same_kind(id, name, before, kind);
        }
        let id = self.add(
            name,
            span,
            prelude,
            ItemKind::Interface(Interface {
                kind,
                ..Interface::default()
            }),
        )?;
        self.mark_local(id, kind);
        Ok(())
    }

    fn mark_local(&mut self, id: ItemId, kind: InterfaceKind) {
        if kind == InterfaceKind::Local {
            self.local.insert(id);
        }
    }

    /// Declarations and the definition of an interface agree on `abstract` and `local`.
    fn same_kind(
        &mut self,
        id: ItemId,
        name: &Ident,
        before: InterfaceKind,
        now: InterfaceKind,
    ) -> Resolved<()> {
        if before == now {
            return Ok(());
        }
        let first = self.model.item(id).name.span;
        let message = format!(
            "`{}` is declared {} and {}",
            name.text,
            kind_name(before),
            kind_name(now)
        );
        let error = Diagnostic::error(name.span, message).also(first, "first declared here");
        Err(self.report(error))
    }

    pub(super) fn interface(
        &mut self,
        prelude: &Prelude,
        span: Span,
        interface: &InterfaceDecl,
    ) -> Resolved<()> {
        let name = &interface.name;
        let bases = self.base_interfaces(interface);
        let forward = self.own_item(name).filter(|&id| match &self.model.item(id).kind {
            ItemKind::Interface(declared) => !declared.defined && !self.inner.contains_key(&id),
            _ => false,
        });
        let id = match forward {
            Some(id) => {
                let before = match &self.model.item(id).kind {
                    ItemKind::Interface(declared) => declared.kind,
                    _ => interface.kind,
                };
                let _ = self.same_kind(id, name, before, interface.kind);
                self.complete(id, prelude, span, name);
                id
            }
            None => {
                let kind = ItemKind::Interface(Interface {
                    kind: interface.kind,
                    ..Interface::default()
                });
                self.add(name, span, prelude, kind)?
            }
        };
        self.mark_local(id, interface.kind);
        let scope = self.open(id, ScopeKind::Interface, name);
        self.inherit(scope, &bases);
        self.check_inherited_members(scope, name.span);
        let all_bases = self.all_bases(&bases, name.span);
        if let ItemKind::Interface(item) = &mut self.item_mut(id).kind {
            (item.bases, item.all_bases) = (bases, all_bases);
        }
        self.within(scope, |resolver| {
            for definition in &interface.body {
                let _ = resolver.export(id, definition);
            }
        });
        if let ItemKind::Interface(item) = &mut self.item_mut(id).kind {
            item.defined = true;
        }
        Ok(())
    }

    /// Takes what may stand in an interface or a valuetype.
    pub(super) fn export(&mut self, id: ItemId, definition: &Definition) -> Resolved<()> {
        let members = match &definition.kind {
            DefinitionKind::Operation(operation) => {
                vec![InterfaceMember::Operation(
                    self.operation(id, definition, operation)?,
                )]
            }
            DefinitionKind::Attribute(attribute) => self.attributes(id, definition, attribute)?,
            _ => return self.definition(definition),
        };
        match &mut self.item_mut(id).kind {
            ItemKind::Interface(interface) => interface.members.extend(members),
            ItemKind::Valuetype(value) => value.members.extend(members),
            _ => {}
        }
        Ok(())
    }

    fn operation(
        &mut self,
        owner: ItemId,
        definition: &Definition,
        declaration: &OperationDecl,
    ) -> Resolved<Operation> {
        let result = self.result(&declaration.result);
        if let Ok(Some(ty)) = &result {
            self.check_passable(owner, ty, declaration.result.span);
        }
        let scope = self.open_anonymous(ScopeKind::Operation);
        let (parameters, raises) = self.within(scope, |resolver| {
            let parameters = resolver.parameters(owner, &declaration.parameters);
            (parameters, resolver.exceptions(owner, &declaration.raises))
        });
        self.declare(&declaration.name, Symbol::Taken("operation"), "operation")?;
        let annotations = self.annotations_of(&definition.prelude);
        let asked = annotations.iter().find(|annotation| annotation.name == "oneway");
        let asked = asked.filter(|a| {
            a.argument("value")
                .is_none_or(|arg| arg.value != Value::Boolean(false))
        });
        let oneway = declaration.oneway.or(asked.map(|annotation| annotation.span));
        if let Some(oneway) = oneway {
            self.check_oneway(oneway, declaration);
        }
        let parent = self.enclosing_item();
        Ok(Operation {
            name: Name {
                text: declaration.name.text.to_string(),
                span: declaration.name.span,
            },
            repository_id: self.inner_id(parent, &declaration.name),
            span: definition.span,
            oneway: oneway.is_some(),
            result: result?,
            parameters,
            raises,
            contexts: declaration
                .contexts
                .iter()
                .map(|(text, _)| text.to_string())
                .collect(),
            doc: definition.prelude.doc.as_deref().map(str::to_owned),
            annotations,
        })
    }

    fn result(&mut self, spec: &TypeSpec) -> Resolved<Option<Type>> {
        if matches!(spec.kind, TypeKind::Void) {
            Ok(None)
        } else {
            self.type_of(spec, Use::Call).map(Some)
        }
    }

    /// IDL 4.2 §7.4.6.4.3.2: nothing comes back from a oneway operation.
    fn check_oneway(&mut self, oneway: Span, declaration: &OperationDecl) {
        if !matches!(declaration.result.kind, TypeKind::Void) {
            let error = Diagnostic::error(declaration.result.span, "a oneway operation has no result");
            self.diagnostics
                .push(error.label("expected `void`").also(oneway, "oneway"));
        }
        for parameter in &declaration.parameters {
            if parameter.direction != Direction::In {
                let error = Diagnostic::error(
                    parameter.direction_span,
                    "a oneway operation has only `in` parameters",
                );
                self.diagnostics
                    .push(error.label("expected `in`").also(oneway, "oneway"));
            }
        }
        if let Some(raised) = declaration.raises.first() {
            let error = Diagnostic::error(raised.span, "a oneway operation raises no exception");
            self.diagnostics.push(error.also(oneway, "oneway"));
        }
    }

    /// Resolves parameters in the scope of their operation.
    pub(super) fn parameters(&mut self, owner: ItemId, declarations: &[ParameterDecl]) -> Vec<Parameter> {
        let mut parameters = Vec::with_capacity(declarations.len());
        for declaration in declarations {
            let ty = self.type_of(&declaration.ty, Use::Call);
            if let Ok(ty) = &ty {
                self.check_passable(owner, ty, declaration.ty.span);
            }
            let declared = self.declare(&declaration.name, Symbol::Taken("parameter"), "parameter");
            let annotations = self.annotations_of(&declaration.prelude);
            let (Ok(ty), Ok(())) = (ty, declared) else {
                continue;
            };
            parameters.push(Parameter {
                direction: declaration.direction,
                ty,
                name: Name {
                    text: declaration.name.text.to_string(),
                    span: declaration.name.span,
                },
                annotations,
            });
        }
        parameters
    }

    /// Resolves the names of a raises expression.
    pub(super) fn exceptions(&mut self, owner: ItemId, names: &[ScopedName]) -> Vec<ItemId> {
        let mut exceptions: Vec<ItemId> = Vec::with_capacity(names.len());
        for name in names {
            let Ok(found) = self.look_up(name) else { continue };
            let id = match found.symbol {
                Symbol::Item(id) if self.is_exception(id) => id,
                ref symbol => {
                    let what = article(self.describe(symbol));
                    let error = Diagnostic::error(name.span, format!("`{}` is no exception", name.text()));
                    let error = error
                        .label("expected an exception")
                        .also(found.span, format!("defined here as {what}"));
                    self.diagnostics.push(error);
                    continue;
                }
            };
            if self.local.contains(&id) && !self.may_be_local(owner) {
                self.error(
                    name.span,
                    format!(
                        "`{}` holds a local interface and cannot be raised here",
                        name.text()
                    ),
                );
            }
            if exceptions.contains(&id) {
                self.diagnostics.push(Diagnostic::warning(
                    name.span,
                    format!("`{}` is raised twice", name.text()),
                ));
            } else {
                exceptions.push(id);
            }
        }
        exceptions
    }

    fn is_exception(&self, id: ItemId) -> bool {
        matches!(
            self.model.item(id).kind,
            ItemKind::Exception(_) | ItemKind::Native
        )
    }

    /// CORBA 3.3 part 1 §7.8.7: local types are for local interfaces and operations of valuetypes.
    fn check_passable(&mut self, owner: ItemId, ty: &Type, span: Span) {
        if self.is_local(ty) && !self.may_be_local(owner) {
            let error = Diagnostic::error(span, "a local interface cannot leave the process");
            let error = error.label("this type is local, or holds one that is");
            self.diagnostics
                .push(error.help("only local interfaces and valuetypes have operations with local types"));
        }
    }

    fn may_be_local(&self, owner: ItemId) -> bool {
        match &self.model.item(owner).kind {
            ItemKind::Interface(interface) => interface.kind == InterfaceKind::Local,
            _ => true,
        }
    }

    pub(super) fn attributes(
        &mut self,
        owner: ItemId,
        definition: &Definition,
        declaration: &AttributeDecl,
    ) -> Resolved<Vec<InterfaceMember>> {
        let ty = self.type_of(&declaration.ty, Use::Call);
        if let Ok(ty) = &ty {
            self.check_passable(owner, ty, declaration.ty.span);
        }
        let get_raises = self.exceptions(owner, &declaration.get_raises);
        let set_raises = self.exceptions(owner, &declaration.set_raises);
        let annotations = self.annotations_of(&definition.prelude);
        let mut attributes = Vec::with_capacity(declaration.names.len());
        for name in &declaration.names {
            if self
                .declare(name, Symbol::Taken("attribute"), "attribute")
                .is_err()
            {
                continue;
            }
            let Ok(ty) = &ty else { continue };
            let parent = self.enclosing_item();
            attributes.push(InterfaceMember::Attribute(Attribute {
                name: Name {
                    text: name.text.to_string(),
                    span: name.span,
                },
                repository_id: self.inner_id(parent, name),
                span: definition.span,
                readonly: declaration.readonly,
                ty: ty.clone(),
                get_raises: get_raises.clone(),
                set_raises: set_raises.clone(),
                doc: definition.prelude.doc.as_deref().map(str::to_owned),
                annotations: annotations.clone(),
            }));
        }
        if ty.is_err() { Err(Wrong) } else { Ok(attributes) }
    }
}

pub(super) const fn kind_name(kind: InterfaceKind) -> &'static str {
    match kind {
        InterfaceKind::Unconstrained => "unconstrained",
        InterfaceKind::Local => "`local`",
        InterfaceKind::Abstract => "`abstract`",
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Structures, exceptions, enumerations and typedefs (IDL 4.2 §7.4.1.4.4).

use super::scope::{ScopeKind, Symbol};
use super::types::Use;
use super::{ALIASES, Resolved, Resolver, Wrong};
use crate::diagnostics::Diagnostic;
use crate::model::{Enum, Enumerator, Exception, ItemId, ItemKind, Member, Name, Struct, Type, Typedef};
use crate::source::Span;
use crate::syntax::{Declarator, Ident, MemberDecl, Prelude, ScopedName, TypeSpec};

impl Resolver<'_> {
    pub(super) fn structure(
        &mut self,
        prelude: &Prelude,
        span: Span,
        name: &Ident,
        base: Option<&ScopedName>,
        members: &[MemberDecl],
    ) -> Resolved<ItemId> {
        // The base is looked up outside, and before the name stands for this struct.
        let base = base.map(|base| self.base_struct(base)).transpose();
        let id = self.begin(prelude, span, name, ItemKind::Struct(Struct::default()))?;
        let scope = self.open(id, ScopeKind::Struct, name);
        let (base, failed) = (base.as_ref().ok().copied().flatten(), base.is_err());
        if let Some(inherited) = base.and_then(|base| self.inner.get(&base).copied()) {
            self.scope_mut(scope).bases.push(inherited);
        }
        let members = self.within(scope, |resolver| resolver.members(members));
        let local = base.is_some_and(|base| self.local.contains(&base));
        if local || members.iter().any(|member| self.is_local(&member.ty)) {
            self.local.insert(id);
        }
        if let ItemKind::Struct(structure) = &mut self.item_mut(id).kind {
            (structure.base, structure.members, structure.defined) = (base, members, true);
        }
        if failed { Err(Wrong) } else { Ok(id) }
    }

    fn base_struct(&mut self, name: &ScopedName) -> Resolved<ItemId> {
        let found = self.look_up(name)?;
        if let Symbol::Item(id) = found.symbol
            && let ItemKind::Struct(structure) = &self.model.item(id).kind
        {
            if structure.defined {
                return Ok(id);
            }
            let error = Diagnostic::error(name.span, format!("`{}` is not defined yet", name.text()));
            return Err(self.report(error.also(found.span, "declared here")));
        }
        let error = Diagnostic::error(name.span, format!("`{}` is no struct", name.text()))
            .label("expected a struct");
        Err(self.report(error.also(found.span, "defined here")))
    }

    pub(super) fn exception(
        &mut self,
        prelude: &Prelude,
        span: Span,
        name: &Ident,
        members: &[MemberDecl],
    ) -> Resolved<()> {
        let id = self.add(name, span, prelude, ItemKind::Exception(Exception::default()))?;
        let scope = self.open(id, ScopeKind::Struct, name);
        let members = self.within(scope, |resolver| resolver.members(members));
        if members.iter().any(|member| self.is_local(&member.ty)) {
            self.local.insert(id);
        }
        if let ItemKind::Exception(exception) = &mut self.item_mut(id).kind {
            exception.members = members;
        }
        Ok(())
    }

    /// Makes the item of a struct or union, or takes the one that a forward declaration made.
    pub(super) fn begin(
        &mut self,
        prelude: &Prelude,
        span: Span,
        name: &Ident,
        kind: ItemKind,
    ) -> Resolved<ItemId> {
        let Some(id) = self.declared_forward(name, &kind) else {
            return self.add(name, span, prelude, kind);
        };
        self.complete(id, prelude, span, name);
        Ok(id)
    }

    /// Completes the item of a forward declaration with what stands before the definition.
    pub(super) fn complete(&mut self, id: ItemId, prelude: &Prelude, span: Span, name: &Ident) {
        self.declare_again(name);
        let annotations = self.annotations_of(prelude);
        let main = span.file == self.main_file;
        let item = self.item_mut(id);
        item.annotations.extend(annotations);
        (item.span, item.name.span, item.main) = (span, name.span, main);
        if prelude.doc.is_some() {
            item.doc = prelude.doc.as_deref().map(str::to_owned);
        }
    }

    /// Returns what a forward declaration of the same kind made in this scope, if it is not defined yet.
    fn declared_forward(&self, name: &Ident, kind: &ItemKind) -> Option<ItemId> {
        let id = self.own_item(name)?;
        let open = match (&self.model.item(id).kind, kind) {
            (ItemKind::Struct(declared), ItemKind::Struct(_)) => !declared.defined,
            (ItemKind::Union(declared), ItemKind::Union(_)) => !declared.defined,
            _ => false,
        };
        // While a definition is being read it is no forward declaration any more.
        (open && !self.inner.contains_key(&id)).then_some(id)
    }

    /// Returns the item that the current scope has under exactly this name.
    pub(super) fn own_item(&self, name: &Ident) -> Option<ItemId> {
        let entry = self
            .scope(self.current)
            .entries
            .get(&name.text.to_ascii_lowercase())?;
        match entry.symbol {
            Symbol::Item(id) if *entry.name == *name.text => Some(id),
            _ => None,
        }
    }

    pub(super) fn struct_forward(&mut self, prelude: &Prelude, span: Span, name: &Ident) -> Resolved<()> {
        if let Some(id) = self.own_item(name)
            && matches!(self.model.item(id).kind, ItemKind::Struct(_))
        {
            self.declare_again(name);
            return Ok(());
        }
        self.add(name, span, prelude, ItemKind::Struct(Struct::default()))
            .map(drop)
    }

    /// Resolves members; wrong ones are left out.
    pub(super) fn members(&mut self, declarations: &[MemberDecl]) -> Vec<Member> {
        let mut members = Vec::new();
        for declaration in declarations {
            let ty = self.type_of(&declaration.ty, Use::Member);
            for declarator in &declaration.declarators {
                if let Ok(member) = self.member(declaration, ty.as_ref().ok(), declarator) {
                    members.push(member);
                }
            }
        }
        members
    }

    /// Resolves a member of one declarator; its name is taken even if its type is wrong.
    pub(super) fn member(
        &mut self,
        declaration: &MemberDecl,
        ty: Option<&Type>,
        declarator: &Declarator,
    ) -> Resolved<Member> {
        let declared = ty.ok_or(Wrong).and_then(|ty| self.declared(ty, declarator));
        self.declare(&declarator.name, Symbol::Taken("member"), "member")?;
        let annotations = self.annotations_of(&declaration.prelude);
        Ok(Member {
            name: Name {
                text: declarator.name.text.to_string(),
                span: declarator.name.span,
            },
            ty: declared?,
            doc: declaration.prelude.doc.as_deref().map(str::to_owned),
            annotations,
            recursive: false,
        })
    }

    pub(super) fn typedef(
        &mut self,
        prelude: &Prelude,
        span: Span,
        ty: &TypeSpec,
        declarators: &[Declarator],
    ) -> Resolved<()> {
        let ty = self.type_of(ty, Use::Member);
        for declarator in declarators {
            let declared = ty
                .as_ref()
                .map_err(|_| Wrong)
                .and_then(|ty| self.declared(ty, declarator));
            // `any` stands for a type that is wrong, so that its uses are not reported too.
            let declared = declared.unwrap_or(Type::Any);
            let depth = match &declared {
                Type::Named(id) => self.aliases.get(id).map_or(0, |depth| depth + 1),
                _ => 0,
            };
            if depth > ALIASES {
                self.error(
                    declarator.name.span,
                    format!("typedefs of typedefs are more than {ALIASES} deep"),
                );
                return Err(Wrong);
            }
            let local = self.is_local(&declared);
            let Ok(id) = self.add(
                &declarator.name,
                span,
                prelude,
                ItemKind::Typedef(Typedef { ty: declared }),
            ) else {
                continue;
            };
            self.aliases.insert(id, depth);
            if local {
                self.local.insert(id);
            }
        }
        Ok(())
    }

    pub(super) fn enumeration(
        &mut self,
        prelude: &Prelude,
        span: Span,
        name: &Ident,
        enumerators: &[(Prelude, Ident)],
    ) -> Resolved<ItemId> {
        let id = self.add(name, span, prelude, ItemKind::Enum(Enum::default()))?;
        let parent = self.enclosing_item();
        let mut values: Vec<Enumerator> = Vec::with_capacity(enumerators.len());
        let mut next: u32 = 0;
        for (prelude, name) in enumerators {
            let symbol = Symbol::Enumerator {
                of: id,
                index: values.len(),
            };
            if self.declare(name, symbol, "enumerator").is_err() {
                continue;
            }
            let annotations = self.annotations_of(prelude);
            let given = self.integer_annotation(&annotations, "value", i128::from(i32::MAX));
            let value = given
                .ok()
                .flatten()
                .and_then(|value| u32::try_from(value).ok())
                .unwrap_or(next);
            if given_again(&values, value) {
                self.error(
                    name.span,
                    format!("enumerator `{}` has the value {value} of another", name.text),
                );
            }
            next = value.saturating_add(1);
            let repository_id = self.inner_id(parent, name);
            values.push(Enumerator {
                name: Name {
                    text: name.text.to_string(),
                    span: name.span,
                },
                value,
                repository_id,
                doc: prelude.doc.as_deref().map(str::to_owned),
                annotations,
            });
        }
        if let ItemKind::Enum(enumeration) = &mut self.item_mut(id).kind {
            enumeration.enumerators = values;
        }
        Ok(id)
    }
}

/// Says whether a value was given before. Values rise unless `@value` says otherwise, so the last is looked at first.
fn given_again(values: &[Enumerator], value: u32) -> bool {
    match values.last() {
        Some(last) if last.value < value && values.iter().all(|other| other.annotations.is_empty()) => false,
        _ => values.iter().any(|other| other.value == value),
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What interfaces may inherit, and what comes of it (IDL 4.2 §7.4.4.3).

use std::collections::{HashMap, HashSet};

use super::interface::kind_name;
use super::scope::{ScopeId, Symbol, article};
use super::{MOST_BASES, Resolved, Resolver};
use crate::diagnostics::Diagnostic;
use crate::model::{InterfaceKind, ItemId, ItemKind};
use crate::source::Span;
use crate::syntax::{InterfaceDecl, ScopedName};

impl Resolver<'_> {
    pub(super) fn base_interfaces(&mut self, interface: &InterfaceDecl) -> Vec<ItemId> {
        let mut bases: Vec<ItemId> = Vec::with_capacity(interface.bases.len());
        for name in &interface.bases {
            let Ok((id, kind)) = self.defined_interface(name) else {
                continue;
            };
            let allowed = match interface.kind {
                InterfaceKind::Abstract => kind == InterfaceKind::Abstract,
                InterfaceKind::Unconstrained => kind != InterfaceKind::Local,
                InterfaceKind::Local => true,
            };
            if !allowed {
                let (own, base) = (kind_name(interface.kind), kind_name(kind));
                let message = format!("an interface that is {own} cannot inherit one that is {base}");
                self.error(name.span, message);
            }
            self.push_base(&mut bases, id, name);
        }
        bases
    }

    /// Adds a direct base; none may come twice.
    pub(super) fn push_base(&mut self, bases: &mut Vec<ItemId>, id: ItemId, name: &ScopedName) {
        self.spend(bases.len(), name.span);
        if bases.contains(&id) {
            self.error(name.span, format!("`{}` is a direct base twice", name.text()));
        } else {
            bases.push(id);
        }
    }

    /// Looks up an interface that is defined, through typedefs.
    pub(super) fn defined_interface(&mut self, name: &ScopedName) -> Resolved<(ItemId, InterfaceKind)> {
        let found = self.look_up(name)?;
        let id = match found.symbol {
            Symbol::Item(id) => Some(self.through_typedefs(id)),
            _ => None,
        };
        if let Some(id) = id
            && let ItemKind::Interface(interface) = &self.model.item(id).kind
        {
            if interface.defined {
                return Ok((id, interface.kind));
            }
            let error = Diagnostic::error(name.span, format!("`{}` is not defined yet", name.text()));
            return Err(self.report(
                error
                    .also(found.span, "only declared here")
                    .label("expected a defined interface"),
            ));
        }
        let what = article(self.describe(&found.symbol));
        let error = Diagnostic::error(name.span, format!("`{}` is no interface", name.text()))
            .label("expected an interface");
        Err(self.report(error.also(found.span, format!("defined here as {what}"))))
    }

    /// Follows a typedef to the item it names.
    pub(super) fn through_typedefs(&self, id: ItemId) -> ItemId {
        match self.model.unaliased(&crate::model::Type::Named(id)) {
            crate::model::Type::Named(target) => *target,
            _ => id,
        }
    }

    /// Lets a scope inherit the names of others.
    pub(super) fn inherit(&mut self, scope: ScopeId, bases: &[ItemId]) {
        let scopes: Vec<ScopeId> = bases
            .iter()
            .filter_map(|base| self.inner.get(base).copied())
            .collect();
        self.scope_mut(scope).bases.extend(scopes);
    }

    /// All bases, direct and indirect, each once, a base before what inherits it.
    pub(super) fn all_bases(&mut self, bases: &[ItemId], span: Span) -> Vec<ItemId> {
        let mut all = Vec::new();
        let mut seen = HashSet::new();
        for &base in bases {
            let ItemKind::Interface(interface) = &self.model.item(base).kind else {
                continue;
            };
            for &indirect in interface.all_bases.iter().chain([&base]) {
                if bases.len() == 1 || seen.insert(indirect) {
                    all.push(indirect);
                }
            }
        }
        self.spend(all.len() * 4, span);
        if all.len() > MOST_BASES {
            self.error(
                span,
                format!("an interface inherits more than {MOST_BASES} others"),
            );
            all.clear();
        }
        all
    }

    /// Two bases must not bring different operations or attributes of one name.
    pub(super) fn check_inherited_members(&mut self, scope: ScopeId, span: Span) {
        if self.scope(scope).bases.len() < 2 {
            return;
        }
        let mut pending = self.scope(scope).bases.clone();
        let mut visited = HashSet::new();
        let mut members: HashMap<String, Span> = HashMap::new();
        while let Some(base) = pending.pop() {
            if !visited.insert(base) {
                continue;
            }
            let holder = self.scope(base);
            let mut clashes = Vec::new();
            // Declaration order, so that diagnostics don't depend on hashing.
            for lower in &holder.order {
                let Some(entry) = holder.entries.get(lower) else {
                    continue;
                };
                if !matches!(entry.symbol, Symbol::Taken("operation" | "attribute")) {
                    continue;
                }
                match members.get(lower) {
                    Some(first) if *first != entry.span => {
                        clashes.push((entry.name.clone(), *first, entry.span))
                    }
                    Some(_) => {}
                    None => {
                        members.insert(lower.clone(), entry.span);
                    }
                }
            }
            let work = holder.order.len();
            pending.extend(holder.bases.iter().copied());
            self.spend(work, span);
            for (name, first, second) in clashes {
                let error = Diagnostic::error(span, format!("`{name}` is inherited from two bases"));
                self.diagnostics
                    .push(error.also(first, "this one").also(second, "and this one"));
            }
        }
    }
}

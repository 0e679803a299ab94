// SPDX-License-Identifier: MIT OR Apache-2.0
//! Scopes and looking names up in them (IDL 4.2 §7.5).

use std::collections::HashMap;
use std::rc::Rc;

use super::{Resolved, Resolver, Wrong, what_of};
use crate::diagnostics::Diagnostic;
use crate::model::{ItemId, Type};
use crate::source::Span;
use crate::syntax::{Ident, ScopedName};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ScopeId(pub(super) u32);

impl ScopeId {
    pub(super) const ROOT: Self = Self(0);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScopeKind {
    Root,
    Module,
    /// An interface or valuetype.
    Interface,
    /// A struct, union or exception.
    Struct,
    Operation,
    /// A component, home and the like.
    Component,
}

impl ScopeKind {
    pub(super) const fn is_module(self) -> bool {
        matches!(self, Self::Root | Self::Module)
    }
}

#[derive(Debug)]
pub(super) struct Scope {
    pub(super) parent: Option<ScopeId>,
    pub(super) item: Option<ItemId>,
    pub(super) kind: ScopeKind,
    /// The name of what opens the scope: it can't be given again directly inside.
    pub(super) own_name: Option<(Rc<str>, Span)>,
    /// By name in lower case.
    pub(super) entries: HashMap<String, Entry>,
    /// Names in lower case, as they were declared.
    pub(super) order: Vec<String>,
    /// Names of outer scopes that were used here: as spelled, and where.
    pub(super) used: HashMap<String, (Rc<str>, Span)>,
    /// Scopes whose names are inherited, direct ones only.
    pub(super) bases: Vec<ScopeId>,
    /// What `typeprefix` says for it.
    pub(super) type_prefix: Option<String>,
}

impl Scope {
    pub(super) fn new(parent: Option<ScopeId>, item: Option<ItemId>, kind: ScopeKind) -> Self {
        Self {
            parent,
            item,
            kind,
            own_name: None,
            entries: HashMap::new(),
            order: Vec::new(),
            used: HashMap::new(),
            bases: Vec::new(),
            type_prefix: None,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: Rc<str>,
    pub(super) span: Span,
    pub(super) symbol: Symbol,
    /// The last input that brought it; others don't see it, where it stands in a module.
    pub(super) seen: usize,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Symbol {
    Item(ItemId),
    Enumerator {
        of: ItemId,
        index: usize,
    },
    /// A type without a definition: `CORBA::TypeCode`.
    Type(Type),
    /// Something that only takes its name: what it is, for people.
    Taken(&'static str),
}

/// What was found, and where.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) symbol: Symbol,
    pub(super) span: Span,
    scope: ScopeId,
    name: Rc<str>,
}

impl Found {
    /// The scope it stands in.
    pub(super) const fn scope(&self) -> ScopeId {
        self.scope
    }
}

impl Resolver<'_> {
    pub(super) fn scope(&self, id: ScopeId) -> &Scope {
        self.scopes
            .get(id.0 as usize)
            .expect("a ScopeId is only made by the resolver that holds its scope")
    }

    pub(super) fn scope_mut(&mut self, id: ScopeId) -> &mut Scope {
        self.scopes
            .get_mut(id.0 as usize)
            .expect("a ScopeId is only made by the resolver that holds its scope")
    }

    /// Makes the scope that an item opens.
    pub(super) fn open(&mut self, item: ItemId, kind: ScopeKind, name: &Ident) -> ScopeId {
        let id = self.open_anonymous(kind);
        let scope = self.scope_mut(id);
        scope.item = Some(item);
        scope.own_name = Some((Rc::clone(&name.text), name.span));
        self.inner.insert(item, id);
        id
    }

    /// Makes a scope inside the current one.
    pub(super) fn open_anonymous(&mut self, kind: ScopeKind) -> ScopeId {
        let id = ScopeId(u32::try_from(self.scopes.len()).unwrap_or(u32::MAX));
        self.scopes.push(Scope::new(Some(self.current), None, kind));
        id
    }

    /// Does something with another scope as the current one.
    pub(super) fn within<T>(&mut self, scope: ScopeId, f: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.current, scope);
        let prefix = self.prefix.clone();
        if let Some(text) = &self.scope(scope).type_prefix {
            self.prefix.set(text.clone(), 0);
        }
        let result = f(self);
        self.current = before;
        self.prefix = prefix;
        result
    }

    /// The item whose scope is the current one.
    pub(super) fn enclosing_item(&self) -> Option<ItemId> {
        self.scope(self.current).item
    }

    /// Lets the current input see what an earlier one declared.
    pub(super) fn see_again(&mut self, scope: ScopeId, names: &[String]) {
        let input = self.input;
        for name in names {
            if let Some(entry) = self.scope_mut(scope).entries.get_mut(name) {
                entry.seen = input;
            }
        }
    }

    /// Returns what a scope itself has under a name, whose spelling matters only for members: since `Unit unit;` is let
    /// pass, `unit` must not hide `Unit`.
    fn visible(&self, scope: ScopeId, lower: &str, name: &str) -> Option<Found> {
        let holder = self.scope(scope);
        let entry = holder.entries.get(lower)?;
        if holder.kind.is_module() && entry.seen != self.input {
            return None;
        }
        if matches!(entry.symbol, Symbol::Taken(_)) && *entry.name != *name {
            return None;
        }
        Some(Found {
            symbol: entry.symbol.clone(),
            span: entry.span,
            scope,
            name: Rc::clone(&entry.name),
        })
    }

    /// Looks a name up in a scope and what it inherits; two different finds are an ambiguity.
    fn find_in(&mut self, scope: ScopeId, name: &str) -> Vec<Found> {
        let lower = &name.to_ascii_lowercase();
        if let Some(found) = self.visible(scope, lower, name) {
            return vec![found];
        }
        let mut finds: Vec<Found> = Vec::new();
        let mut pending = self.scope(scope).bases.clone();
        let mut visited: Vec<ScopeId> = Vec::new();
        while let Some(base) = pending.pop() {
            if visited.contains(&base) {
                continue;
            }
            visited.push(base);
            self.work += visited.len();
            match self.visible(base, lower, name) {
                Some(found)
                    if finds
                        .iter()
                        .any(|other| other.symbol == found.symbol && other.scope == found.scope) => {}
                Some(found) => finds.push(found),
                None => pending.extend(self.scope(base).bases.iter().copied()),
            }
        }
        // What one base redefines hides what it inherits itself.
        if finds.len() > 1 {
            let hidden: Vec<usize> = (0..finds.len()).filter(|&i| self.is_hidden(&finds, i)).collect();
            let mut index = 0;
            finds.retain(|_| {
                index += 1;
                !hidden.contains(&(index - 1))
            });
        }
        finds
    }

    /// Says whether another of the finds stands in a scope that inherits this one's.
    fn is_hidden(&self, finds: &[Found], index: usize) -> bool {
        let Some(this) = finds.get(index) else {
            return false;
        };
        finds
            .iter()
            .any(|other| other.scope != this.scope && self.inherits(other.scope, this.scope))
    }

    fn inherits(&self, scope: ScopeId, base: ScopeId) -> bool {
        let mut pending = self.scope(scope).bases.clone();
        let mut visited = Vec::new();
        while let Some(next) = pending.pop() {
            if next == base {
                return true;
            }
            if !visited.contains(&next) {
                visited.push(next);
                pending.extend(self.scope(next).bases.iter().copied());
            }
        }
        false
    }

    /// Looks a name up, and remembers its use.
    pub(super) fn look_up(&mut self, name: &ScopedName) -> Resolved<Found> {
        let found = self.find(name)?;
        if !name.absolute
            && let Some(first) = name.parts.first()
        {
            self.introduce(first);
        }
        Ok(found)
    }

    /// Looks a name up.
    pub(super) fn find(&mut self, name: &ScopedName) -> Resolved<Found> {
        let mut parts = name.parts.iter();
        let first = parts.next().ok_or(Wrong)?;
        let mut found = if name.absolute {
            self.find_part(ScopeId::ROOT, first, name)?
        } else {
            self.find_outward(first, name)?
        };
        for part in parts {
            let Some(scope) = self.scope_of(&found.symbol) else {
                let message = format!(
                    "`{}` is {}, which holds no names",
                    found.name,
                    article(self.describe(&found.symbol))
                );
                let error = Diagnostic::error(part.span, message).label("looked up here");
                return Err(self.report(error.also(found.span, "defined here")));
            };
            found = self.find_part(scope, part, name)?;
        }
        Ok(found)
    }

    fn scope_of(&self, symbol: &Symbol) -> Option<ScopeId> {
        match symbol {
            Symbol::Item(id) => self.inner.get(id).copied(),
            _ => None,
        }
    }

    /// Looks the first part of a name up in the current scope and those around it.
    fn find_outward(&mut self, first: &Ident, whole: &ScopedName) -> Resolved<Found> {
        let mut scope = Some(self.current);
        while let Some(id) = scope {
            self.spend(1, first.span);
            let finds = self.find_in(id, &first.text);
            if !finds.is_empty() {
                return self.only(finds, first);
            }
            scope = self.scope(id).parent;
        }
        match self.built_in(first) {
            Some(found) => Ok(found),
            None => Err(self.not_found(first, whole, None)),
        }
    }

    fn find_part(&mut self, scope: ScopeId, part: &Ident, whole: &ScopedName) -> Resolved<Found> {
        let finds = self.find_in(scope, &part.text);
        if !finds.is_empty() {
            return self.only(finds, part);
        }
        if let Some(found) = self.built_in_member(scope, part) {
            return Ok(found);
        }
        Err(self.not_found(part, whole, Some(scope)))
    }

    /// Checks that a find is the only one and spelled as it was defined.
    fn only(&mut self, mut finds: Vec<Found>, name: &Ident) -> Resolved<Found> {
        let found = finds.pop().ok_or(Wrong)?;
        if !finds.is_empty() {
            let mut error = Diagnostic::error(name.span, format!("`{}` is ambiguous", name.text));
            for one in finds.iter().chain([&found]) {
                error = error.also(one.span, "could be this");
            }
            return Err(self.report(error.help("name the interface it is to come from: `Interface::name`")));
        }
        if *found.name != *name.text {
            // IDL 4.2 §7.2.3.1: all references use the same case as the definition.
            let message = format!("`{}` is spelled `{}` where it is defined", name.text, found.name);
            let error = Diagnostic::error(name.span, message).label(format!("expected `{}`", found.name));
            return Err(self.report(error.also(found.span, "defined here")));
        }
        Ok(found)
    }

    fn not_found(&mut self, part: &Ident, whole: &ScopedName, scope: Option<ScopeId>) -> Wrong {
        let within = scope
            .and_then(|scope| self.scope(scope).item)
            .map(|item| self.model.scoped_name(item));
        let message = match within {
            Some(within) => format!("`{}` is not found in `{within}`", part.text),
            None => format!("`{}` is not found", part.text),
        };
        let mut error = Diagnostic::error(part.span, message).label("not defined before this");
        if whole.parts.len() > 1 {
            error = error.help(format!("in the name `{}`", whole.text()));
        }
        if scope.is_none() && &*part.text == "CORBA" {
            error = error.help("`#include <orb.idl>` brings the module `CORBA`");
        }
        self.report(error)
    }

    /// `TypeCode` and the like are known in the module `CORBA` (CORBA 3.3 part 1 §8.4.2).
    fn built_in(&self, first: &Ident) -> Option<Found> {
        let mut scope = Some(self.current);
        while let Some(id) = scope {
            if let Some(found) = self.built_in_member(id, first) {
                return Some(found);
            }
            scope = self.scope(id).parent;
        }
        None
    }

    fn built_in_member(&self, scope: ScopeId, part: &Ident) -> Option<Found> {
        let item = self.scope(scope).item?;
        if self.model.item(item).path != ["CORBA"] {
            return None;
        }
        let ty = corba_type(&part.text)?;
        Some(Found {
            symbol: Symbol::Type(ty),
            span: part.span,
            scope,
            name: Rc::clone(&part.text),
        })
    }

    /// Looks up `CORBA::X` where no module `CORBA` was opened.
    pub(super) fn corba_name(&self, name: &ScopedName) -> Option<Type> {
        let [module, member] = name.parts.as_slice() else {
            return None;
        };
        let opened = self.visible(ScopeId::ROOT, "corba", "CORBA").is_some();
        if &*module.text != "CORBA" || opened {
            None
        } else {
            corba_type(&member.text)
        }
    }

    /// Makes a used name one of the scopes it was used in (IDL 4.2 §7.5.3): it can't be defined there afterwards.
    fn introduce(&mut self, first: &Ident) {
        let lower = first.text.to_ascii_lowercase();
        let mut scope = Some(self.current);
        while let Some(id) = scope {
            let holder = self.scope_mut(id);
            let own = holder.entries.get(&lower);
            if own
                .is_some_and(|entry| !matches!(entry.symbol, Symbol::Taken(_)) || *entry.name == *first.text)
            {
                return;
            }
            holder
                .used
                .entry(lower.clone())
                .or_insert_with(|| (Rc::clone(&first.text), first.span));
            // The potential scope ends with the outermost scope that is no module.
            let parent = holder.parent;
            scope = parent
                .filter(|&parent| !self.scope(parent).kind.is_module() && !self.scope(id).kind.is_module());
        }
    }

    /// Says what a symbol is, for people.
    pub(super) fn describe(&self, symbol: &Symbol) -> &'static str {
        match symbol {
            Symbol::Item(id) => what_of(&self.model.item(*id).kind),
            Symbol::Enumerator { .. } => "enumerator",
            Symbol::Type(_) => "type",
            Symbol::Taken(what) => what,
        }
    }
}

fn corba_type(name: &str) -> Option<Type> {
    match name {
        "TypeCode" => Some(Type::TypeCode),
        "AbstractBase" => Some(Type::AbstractBase),
        _ => None,
    }
}

/// Puts the indefinite article before a noun.
pub(super) fn article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {noun}")
}

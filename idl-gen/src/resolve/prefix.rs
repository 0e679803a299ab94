// SPDX-License-Identifier: MIT OR Apache-2.0
//! Repository ids: `#pragma prefix`, `ID` and `version`, `typeid`, `typeprefix` (CORBA 3.3 part 1 §14.7.5, §14.7.6).

use super::scope::{Found, Symbol};
use super::{Resolved, Resolver};
use crate::diagnostics::Diagnostic;
use crate::lexer::literal::unescape;
use crate::model::{InterfaceMember, ItemId, ItemKind};
use crate::source::Span;
use crate::syntax::{Ident, ScopedName};
use crate::token::Marker;

/// The prefix in force.
#[derive(Clone, Debug, Default)]
pub(super) struct Prefix {
    text: String,
    /// How many of the outermost scope names it stands for.
    replaces: usize,
}

impl Prefix {
    pub(super) fn set(&mut self, text: String, replaces: usize) {
        (self.text, self.replaces) = (text, replaces);
    }

    pub(super) fn repository_id(&self, path: &[String]) -> String {
        let names = path.get(self.replaces..).unwrap_or_default().join("/");
        if self.text.is_empty() {
            format!("IDL:{names}:1.0")
        } else {
            format!("IDL:{}/{names}:1.0", self.text)
        }
    }
}

impl Resolver<'_> {
    pub(super) fn marker(&mut self, marker: Marker, text: &str, span: Span) {
        match marker {
            Marker::Enter => {
                // A file's prefix begins empty, and does not reach those that include it.
                let outer = std::mem::take(&mut self.prefix);
                self.outer_prefixes.push(outer);
            }
            Marker::Leave => self.prefix = self.outer_prefixes.pop().unwrap_or_default(),
            Marker::Prefix => {
                let depth = self
                    .enclosing_item()
                    .map_or(0, |item| self.model.item(item).path.len());
                let replaces = if text.is_empty() { 0 } else { depth };
                self.spend(text.len(), span);
                self.prefix.set(text.to_owned(), replaces);
            }
            Marker::Id | Marker::Version => {
                let (name, value) = text.split_once('\n').unwrap_or((text, ""));
                let Ok(found) = self.find(&scoped_name(name, span)) else {
                    return;
                };
                if marker == Marker::Id {
                    self.set_id(&found, name, value.to_owned(), span);
                } else {
                    self.set_version(&found, value, span);
                }
            }
        }
    }

    pub(super) fn type_id(&mut self, name: &ScopedName, id: &Ident) -> Resolved<()> {
        let found = self.find(name)?;
        let text = self.string(id)?;
        self.set_id(&found, &name.text(), text, id.span);
        Ok(())
    }

    /// Sets the prefix of what a scope holds, and of its own id.
    pub(super) fn type_prefix(&mut self, name: &ScopedName, prefix: &Ident) -> Resolved<()> {
        let found = self.find(name)?;
        let text = self.string(prefix)?;
        let item = match found.symbol {
            Symbol::Item(id) => self.inner.get(&id).map(|scope| (id, *scope)),
            _ => None,
        };
        let Some((id, scope)) = item else {
            let error = Diagnostic::error(
                name.span,
                format!("`{}` is no scope, and takes no prefix", name.text()),
            );
            return Err(self.report(error.also(found.span, "defined here")));
        };
        self.scope_mut(scope).type_prefix = Some(text.clone());
        let mut set = Prefix::default();
        set.set(text, 0);
        if !self.explicit.contains_key(&id) {
            let repository_id = set.repository_id(&self.model.item(id).path);
            self.item_mut(id).repository_id = repository_id;
        }
        if self.current == scope {
            self.prefix = set;
        }
        Ok(())
    }

    pub(super) fn import(&mut self, name: &ScopedName) -> Resolved<()> {
        let corba = name.parts.len() == 1 && name.parts.first().is_some_and(|part| &*part.text == "CORBA");
        if corba { Ok(()) } else { self.find(name).map(drop) }
    }

    fn string(&mut self, literal: &Ident) -> Resolved<String> {
        self.spend(literal.text.len(), literal.span);
        unescape(&literal.text, false).map_err(|(_, why)| self.report(Diagnostic::error(literal.span, why)))
    }

    fn set_id(&mut self, found: &Found, name: &str, id: String, span: Span) {
        if !well_formed(&id) {
            let error = Diagnostic::error(span, format!("`{id}` is no repository id"));
            self.diagnostics
                .push(error.label("expected `format:text`, such as `IDL:Module/Name:1.0`"));
            return;
        }
        let Symbol::Item(item) = found.symbol else {
            return self.set_member_id(name, found, id, span);
        };
        if let Some((earlier, first)) = self.explicit.get(&item)
            && *earlier != id
        {
            let error = Diagnostic::error(span, format!("`{name}` gets a second repository id"));
            let error = error.also(*first, format!("first given here: `{earlier}`"));
            self.diagnostics.push(error);
            return;
        }
        self.explicit.insert(item, (id.clone(), span));
        self.item_mut(item).repository_id = id;
    }

    fn set_member_id(&mut self, name: &str, found: &Found, id: String, span: Span) {
        if !matches!(found.symbol, Symbol::Taken("operation" | "attribute")) {
            let error = Diagnostic::error(span, format!("`{name}` has no repository id"));
            self.diagnostics.push(error.also(found.span, "defined here"));
            return;
        }
        let last = name.rsplit("::").next().unwrap_or(name).to_ascii_lowercase();
        self.member_ids.insert((found.scope(), last), (id, span));
    }

    fn set_version(&mut self, found: &Found, version: &str, span: Span) {
        let Symbol::Item(item) = found.symbol else { return };
        if let Some((id, first)) = self.explicit.get(&item)
            && !id.ends_with(&format!(":{version}"))
        {
            let error = Diagnostic::error(span, "the version contradicts the repository id");
            let error = error.also(*first, format!("given here: `{id}`"));
            self.diagnostics.push(error);
            return;
        }
        let id = &mut self.item_mut(item).repository_id;
        if let Some((stem, _)) = id.rsplit_once(':') {
            *id = format!("{stem}:{version}");
        }
    }

    /// Gives operations and attributes the ids that pragmas named.
    pub(super) fn apply_member_ids(&mut self) {
        let ids = std::mem::take(&mut self.member_ids);
        for ((scope, lower), (id, _)) in ids {
            let Some(item) = self.scope(scope).item else {
                continue;
            };
            let members = match &mut self.item_mut(item).kind {
                ItemKind::Interface(interface) => &mut interface.members,
                ItemKind::Valuetype(value) => &mut value.members,
                _ => continue,
            };
            for member in members {
                let (name, slot) = match member {
                    InterfaceMember::Operation(operation) => (&operation.name, &mut operation.repository_id),
                    InterfaceMember::Attribute(attribute) => (&attribute.name, &mut attribute.repository_id),
                };
                if name.text.eq_ignore_ascii_case(&lower) {
                    slot.clone_from(&id);
                }
            }
        }
    }

    /// The repository id of something inside an item that is no item itself.
    pub(super) fn inner_id(&mut self, parent: Option<ItemId>, name: &Ident) -> String {
        let mut path = parent
            .map(|parent| self.model.item(parent).path.clone())
            .unwrap_or_default();
        path.push(name.text.to_string());
        self.spend(path.iter().map(String::len).sum::<usize>() / 8, name.span);
        self.prefix.repository_id(&path)
    }
}

/// CORBA 3.3 part 1 §14.7: a format, a colon, and what the format wants.
fn well_formed(id: &str) -> bool {
    let printable = id.chars().all(|c| !c.is_whitespace() && !c.is_control());
    let Some((format, rest)) = id.split_once(':') else {
        return false;
    };
    let version = |text: &str| {
        text.split_once('.')
            .is_some_and(|(major, minor)| major.parse::<u16>().is_ok() && minor.parse::<u16>().is_ok())
    };
    let idl = format != "IDL"
        || rest
            .rsplit_once(':')
            .is_some_and(|(name, end)| !name.is_empty() && version(end));
    printable && !format.is_empty() && !rest.is_empty() && idl
}

/// Makes a name of a pragma's text, all of it standing at the pragma.
fn scoped_name(text: &str, span: Span) -> ScopedName {
    let absolute = text.starts_with("::");
    let ident = |part: &str| Ident {
        text: part.strip_prefix('_').unwrap_or(part).into(),
        span,
    };
    let parts = text.trim_start_matches("::").split("::").map(ident).collect();
    ScopedName {
        absolute,
        parts,
        span,
    }
}

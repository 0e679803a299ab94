// SPDX-License-Identifier: MIT OR Apache-2.0
//! Giving names: what may be called what, where (IDL 4.2 §7.5.2).

use std::rc::Rc;

use super::scope::{Entry, ScopeKind, Symbol, article};
use super::{Resolved, Resolver};
use crate::diagnostics::Diagnostic;
use crate::syntax::Ident;

impl Resolver<'_> {
    /// Declares a name in the current scope.
    pub(super) fn declare(&mut self, name: &Ident, symbol: Symbol, what: &str) -> Resolved<()> {
        let member = matches!(symbol, Symbol::Taken(_));
        self.check_name(name, what, member)?;
        let lower = name.text.to_ascii_lowercase();
        let entry = Entry {
            name: Rc::clone(&name.text),
            span: name.span,
            symbol,
            seen: self.input,
        };
        self.spend(1 + lower.len() / 16, name.span);
        let scope = self.scope_mut(self.current);
        scope.order.push(lower.clone());
        scope.entries.insert(lower, entry);
        Ok(())
    }

    /// Records that a name which stands already was completed by a definition.
    pub(super) fn declare_again(&mut self, name: &Ident) {
        let lower = name.text.to_ascii_lowercase();
        self.see_again(self.current, std::slice::from_ref(&lower));
        self.scope_mut(self.current).order.push(lower);
    }

    fn check_name(&mut self, name: &Ident, what: &str, member: bool) -> Resolved<()> {
        let lower = name.text.to_ascii_lowercase();
        let scope = self.scope(self.current);
        if let Some(entry) = scope.entries.get(&lower) {
            let (earlier, span, seen) = (Rc::clone(&entry.name), entry.span, entry.seen);
            let symbol = entry.symbol.clone();
            let before = self.describe(&symbol);
            let error = if *earlier == *name.text {
                Diagnostic::error(name.span, format!("`{}` is defined twice", name.text))
            } else {
                let message = format!("`{}` and `{earlier}` differ only in case", name.text);
                Diagnostic::error(name.span, message)
            };
            let mut error = error.label(format!("second, {}", article(what)));
            error = error.also(span, format!("first defined here, {}", article(before)));
            if seen != self.input {
                error = error
                    .help("the first is of another input; inputs of one compilation share one name space");
            }
            return Err(self.report(error));
        }
        // `Unit unit;` and `struct Right { string right; };` are so common, in the OMG's own files too, that another case
        // makes another name here, though the standard has it otherwise.
        let same = |other: &str| !member || *other == *name.text;
        if let Some((own, span)) = &scope.own_name
            && own.eq_ignore_ascii_case(&name.text)
            && same(own)
        {
            let error = Diagnostic::error(
                name.span,
                format!("`{}` has the name of the scope it stands in", name.text),
            );
            let error = error.label(article(what)).also(*span, "the scope");
            return Err(self.report(error));
        }
        if let Some((used, span)) = scope.used.get(&lower)
            && same(used)
        {
            let message = format!(
                "`{}` is defined after a use of the name in the same scope",
                name.text
            );
            let error =
                Diagnostic::error(name.span, message).label(format!("{} defined here", article(what)));
            let error = error.also(*span, "used here, with another meaning");
            return Err(self.report(
                error.help("IDL 4.2 §7.5.3: a name that is used in a scope keeps its meaning there"),
            ));
        }
        self.check_inherited(name, &lower, what)
    }

    /// Operations, attributes and state of bases keep their names (IDL 4.2 §7.4.4.3).
    fn check_inherited(&mut self, name: &Ident, lower: &str, what: &str) -> Resolved<()> {
        if self.scope(self.current).kind != ScopeKind::Interface
            && self.scope(self.current).kind != ScopeKind::Struct
        {
            return Ok(());
        }
        let mut pending = self.scope(self.current).bases.clone();
        let mut visited = std::collections::HashSet::new();
        while let Some(base) = pending.pop() {
            if !visited.insert(base) {
                continue;
            }
            self.spend(1, name.span);
            let scope = self.scope(base);
            if let Some(entry) = scope.entries.get(lower)
                && let Symbol::Taken(before) = entry.symbol
            {
                let error = Diagnostic::error(
                    name.span,
                    format!("`{}` is inherited and cannot be redefined", name.text),
                );
                let error = error
                    .label(article(what))
                    .also(entry.span, format!("the inherited {before}"));
                return Err(self.report(error));
            }
            pending.extend(scope.bases.iter().copied());
        }
        Ok(())
    }
}

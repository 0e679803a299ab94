// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can only be said at the end of all inputs.

use super::Resolver;
use super::graph::{Groups, groups};
use crate::diagnostics::Diagnostic;
use crate::model::{ItemKind, Member, ValueKind};

impl Resolver<'_> {
    /// Checks that declarations were completed, and marks recursive types.
    pub(crate) fn finish(mut self) {
        self.apply_member_ids();
        self.check_completed();
        let groups = groups(self.model);
        for (index, item) in (0u32..).zip(&mut self.model.items) {
            mark(&mut item.kind, &groups, crate::model::ItemId(index));
        }
    }

    fn check_completed(&mut self) {
        let mut findings = Vec::new();
        for (_, item) in self.model.items() {
            let (name, span) = (&item.name.text, item.name.span);
            match &item.kind {
                // IDL 4.2 §7.4.1.4.4.4.4: a declared struct or union is defined in the same compilation.
                ItemKind::Struct(structure) if !structure.defined => {
                    let error =
                        Diagnostic::error(span, format!("struct `{name}` is declared and never defined"));
                    findings.push(error);
                }
                ItemKind::Union(union) if !union.defined => {
                    let error =
                        Diagnostic::error(span, format!("union `{name}` is declared and never defined"));
                    findings.push(error);
                }
                // What an included file leaves open is not for the user of that file to mend.
                ItemKind::Valuetype(value) if !value.defined && item.main => {
                    let warning = Diagnostic::warning(
                        span,
                        format!("valuetype `{name}` is declared and never defined"),
                    );
                    findings.push(warning.help("values of it cannot be made or received"));
                }
                ItemKind::Interface(interface) if !interface.defined && item.main => {
                    let warning = Diagnostic::warning(
                        span,
                        format!("interface `{name}` is declared and never defined"),
                    );
                    findings.push(warning.help("references to it can be passed, and not called"));
                }
                _ => {}
            }
        }
        findings
            .into_iter()
            .for_each(|finding| self.diagnostics.push(finding));
    }
}

fn mark(kind: &mut ItemKind, groups: &Groups, id: crate::model::ItemId) {
    let group = groups.of(id);
    let mark = |member: &mut Member| member.recursive = groups.leads_to(&member.ty, group);
    match kind {
        ItemKind::Struct(structure) => {
            structure.recursive = group.is_some();
            structure.members.iter_mut().for_each(mark);
        }
        ItemKind::Union(union) => {
            union.recursive = group.is_some();
            union.cases.iter_mut().for_each(|case| mark(&mut case.member));
        }
        ItemKind::Valuetype(value) => {
            value.state.iter_mut().for_each(|state| mark(&mut state.member));
            let boxed = matches!(&value.kind, ValueKind::Boxed(ty) if groups.leads_to(ty, group));
            value.recursive = boxed || value.state.iter().any(|state| state.member.recursive);
        }
        _ => {}
    }
}

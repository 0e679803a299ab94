// SPDX-License-Identifier: MIT OR Apache-2.0
//! Unions: discriminators and labels (IDL 4.2 §7.4.1.4.4.4.2).

use std::collections::HashMap;

use super::constant::kind_of;
use super::scope::ScopeKind;
use super::types::Use;
use super::{Resolved, Resolver, Wrong};
use crate::diagnostics::Diagnostic;
use crate::model::{Case, ItemId, ItemKind, Label, Primitive, Type, Union, Value};
use crate::source::Span;
use crate::syntax::{CaseDecl, Expression, Ident, LabelDecl, Prelude, UnionDecl};

/// Labels so far: by value as a number, and where.
#[derive(Debug, Default)]
struct Labels {
    values: HashMap<i128, Span>,
    default: Option<Span>,
}

impl Resolver<'_> {
    pub(super) fn union_forward(&mut self, prelude: &Prelude, span: Span, name: &Ident) -> Resolved<()> {
        if let Some(id) = self.own_item(name)
            && matches!(self.model.item(id).kind, ItemKind::Union(_))
        {
            self.declare_again(name);
            return Ok(());
        }
        self.add(name, span, prelude, ItemKind::Union(empty())).map(drop)
    }

    pub(super) fn union(&mut self, prelude: &Prelude, span: Span, union: &UnionDecl) -> Resolved<ItemId> {
        let id = self.begin(prelude, span, &union.name, ItemKind::Union(empty()))?;
        let scope = self.open(id, ScopeKind::Struct, &union.name);
        let (discriminator, labels, cases) = self.within(scope, |resolver| {
            let discriminator = resolver.discriminator(union);
            let mut labels = Labels::default();
            let ty = discriminator.as_ref().ok();
            let cases: Vec<Case> = union
                .cases
                .iter()
                .filter_map(|case| resolver.case(case, ty, &mut labels).ok())
                .collect();
            (discriminator, labels, cases)
        });
        if cases.iter().any(|case| self.is_local(&case.member.ty)) {
            self.local.insert(id);
        }
        let failed = discriminator.is_err();
        let discriminator = discriminator.unwrap_or(Type::Primitive(Primitive::Long));
        let default_discriminator = self.unlabelled(&discriminator, &labels);
        if let (Some(default), None, false) = (labels.default, &default_discriminator, failed) {
            // IDL 4.2 §7.4.1.4.4.4.2: a default case needs a value that no label names.
            self.error(default, "`default` is never chosen: the labels name all values");
        }
        if let ItemKind::Union(union) = &mut self.item_mut(id).kind {
            union.implicit_default = labels.default.is_none() && default_discriminator.is_some();
            (union.discriminator, union.cases, union.defined) = (discriminator, cases, true);
            union.default_discriminator = default_discriminator;
        }
        if failed { Err(Wrong) } else { Ok(id) }
    }

    fn discriminator(&mut self, union: &UnionDecl) -> Resolved<Type> {
        let spec = &union.discriminator;
        let ty = self.type_of(spec, Use::Member)?;
        let allowed = match self.model.unaliased(&ty) {
            Type::Primitive(Primitive::Boolean | Primitive::Char | Primitive::WideChar) => true,
            Type::Primitive(primitive) => primitive.integer_range().is_some(),
            Type::Named(id) => matches!(self.model.item(*id).kind, ItemKind::Enum(_)),
            _ => false,
        };
        if allowed {
            return Ok(ty);
        }
        let error = Diagnostic::error(spec.span, "a union cannot be discriminated by this type");
        Err(self.report(error.label("expected an integer, character, boolean or enum type")))
    }

    fn case(&mut self, case: &CaseDecl, discriminator: Option<&Type>, labels: &mut Labels) -> Resolved<Case> {
        let mut own = Vec::with_capacity(case.labels.len());
        for label in &case.labels {
            match label {
                LabelDecl::Default(span) => {
                    if let Some(first) = labels.default.replace(*span) {
                        let error = Diagnostic::error(*span, "a union has only one default case");
                        self.diagnostics.push(error.also(first, "the first"));
                    }
                    own.push(Label::Default);
                }
                LabelDecl::Value(expression) => {
                    let value = discriminator.and_then(|ty| self.label(expression, ty, labels).ok());
                    own.extend(value.map(Label::Value));
                }
            }
        }
        let ty = self.type_of(&case.member.ty, Use::Member);
        let declarator = case.member.declarators.first().ok_or(Wrong)?;
        let member = self.member(&case.member, ty.as_ref().ok(), declarator)?;
        Ok(Case { labels: own, member })
    }

    fn label(
        &mut self,
        expression: &Expression,
        discriminator: &Type,
        labels: &mut Labels,
    ) -> Resolved<Value> {
        let value = self.evaluate_as(expression, discriminator)?;
        let Some(number) = number_of(&value) else {
            let message = format!("{} cannot be a label", kind_of(&value));
            return Err(self.report(Diagnostic::error(expression.span, message)));
        };
        if let Some(first) = labels.values.insert(number, expression.span) {
            let error = Diagnostic::error(expression.span, "the same label twice").also(first, "the first");
            self.diagnostics.push(error);
        }
        Ok(value)
    }

    /// Returns a discriminator value that no label names: the least from zero up, else the least of all.
    fn unlabelled(&self, discriminator: &Type, labels: &Labels) -> Option<Value> {
        let taken = |value: i128| labels.values.contains_key(&value);
        let (least, greatest) = match self.model.unaliased(discriminator) {
            Type::Primitive(Primitive::Boolean) => (0, 1),
            Type::Primitive(Primitive::Char) => (0, 255),
            Type::Primitive(Primitive::WideChar) => (0, 0xd7ff),
            Type::Primitive(primitive) => primitive.integer_range()?,
            Type::Named(id) => match &self.model.item(*id).kind {
                ItemKind::Enum(enumeration) => (0, i128::try_from(enumeration.enumerators.len()).ok()? - 1),
                _ => return None,
            },
            _ => return None,
        };
        let free = (0..=greatest)
            .find(|&value| !taken(value))
            .or_else(|| (least..0).find(|&value| !taken(value)))?;
        Some(match self.model.unaliased(discriminator) {
            Type::Primitive(Primitive::Boolean) => Value::Boolean(free != 0),
            Type::Primitive(Primitive::Char) => Value::Char(char::from_u32(u32::try_from(free).ok()?)?),
            Type::Primitive(Primitive::WideChar) => {
                Value::WideChar(char::from_u32(u32::try_from(free).ok()?)?)
            }
            Type::Named(id) => Value::Enumerator {
                of: *id,
                index: usize::try_from(free).ok()?,
            },
            _ => Value::Integer(free),
        })
    }
}

fn number_of(value: &Value) -> Option<i128> {
    match value {
        Value::Integer(value) => Some(*value),
        Value::Boolean(value) => Some(i128::from(*value)),
        Value::Char(c) | Value::WideChar(c) => Some(i128::from(u32::from(*c))),
        Value::Enumerator { index, .. } => i128::try_from(*index).ok(),
        _ => None,
    }
}

fn empty() -> Union {
    Union {
        discriminator: Type::Primitive(Primitive::Long),
        cases: Vec::new(),
        implicit_default: false,
        default_discriminator: None,
        recursive: false,
        definitions: Vec::new(),
        defined: false,
    }
}

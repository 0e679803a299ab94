// SPDX-License-Identifier: MIT OR Apache-2.0
//! Types as they are used.

use super::scope::{Found, Symbol, article};
use super::{Resolved, Resolver, Wrong};
use crate::diagnostics::Diagnostic;
use crate::model::{ItemId, ItemKind, Primitive, Type, Value, ValueKind};
use crate::source::Span;
use crate::syntax::{Declarator, DefinitionKind, Expression, ScopedName, TypeKind, TypeSpec};

/// Where a type is used, and so what it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Of a member or a typedef: anything, definitions included.
    Member,
    /// Of a parameter, result or attribute: anything that has a name or needs none.
    Call,
    /// The element of a sequence, or what a map holds.
    Element,
}

impl Resolver<'_> {
    /// Resolves a type and checks that a value of it can stand here.
    pub(super) fn type_of(&mut self, spec: &TypeSpec, place: Use) -> Resolved<Type> {
        match &spec.kind {
            TypeKind::Primitive(primitive) => Ok(Type::Primitive(*primitive)),
            TypeKind::Any => Ok(Type::Any),
            TypeKind::Object => Ok(Type::Object),
            TypeKind::ValueBase => Ok(Type::ValueBase),
            TypeKind::String { wide, bound } => {
                let bound = self.bound(bound.as_ref())?;
                Ok(if *wide {
                    Type::WideString { bound }
                } else {
                    Type::String { bound }
                })
            }
            TypeKind::Fixed(Some((digits, scale))) => self.fixed(digits, scale),
            TypeKind::Fixed(None) => {
                let error = Diagnostic::error(spec.span, "`fixed` without digits is only for constants");
                Err(self.report(error.label("expected `fixed<digits, scale>`")))
            }
            TypeKind::Void => {
                let error = Diagnostic::error(spec.span, "`void` is only for results of operations");
                Err(self.report(error.label("expected a type")))
            }
            TypeKind::Sequence { element, bound } => {
                let element = Box::new(self.type_of(element, Use::Element)?);
                let bound = self.bound(bound.as_ref())?;
                Ok(Type::Sequence { element, bound })
            }
            TypeKind::Map { key, value, bound } => {
                let key = Box::new(self.type_of(key, Use::Element)?);
                let value = Box::new(self.type_of(value, Use::Element)?);
                let bound = self.bound(bound.as_ref())?;
                Ok(Type::Map { key, value, bound })
            }
            TypeKind::Name(name) => self.named(name, place),
            TypeKind::Constructed(_) if place != Use::Member => {
                let error = Diagnostic::error(spec.span, "a type cannot be defined here");
                Err(self.report(error.label("expected the name of a type")))
            }
            TypeKind::Constructed(definition) => self.constructed(definition),
        }
    }

    fn named(&mut self, name: &ScopedName, place: Use) -> Resolved<Type> {
        if let Some(ty) = self.corba_name(name) {
            return Ok(ty);
        }
        let found = self.look_up(name)?;
        let ty = self.as_type(&found, name)?;
        if place != Use::Element {
            self.check_complete(&ty, name.span)?;
        }
        Ok(ty)
    }

    fn as_type(&mut self, found: &Found, name: &ScopedName) -> Resolved<Type> {
        match &found.symbol {
            Symbol::Type(ty) => return Ok(ty.clone()),
            Symbol::Item(id) if self.is_type(*id) => return Ok(Type::Named(*id)),
            _ => {}
        }
        let what = self.describe(&found.symbol);
        let error =
            Diagnostic::error(name.span, format!("`{}` is no type", name.text())).label("expected a type");
        Err(self.report(error.also(found.span, format!("defined here as {}", article(what)))))
    }

    fn is_type(&self, id: ItemId) -> bool {
        match &self.model.item(id).kind {
            ItemKind::Module(_) | ItemKind::Exception(_) | ItemKind::Const(_) => false,
            ItemKind::NotGenerated(other) => other.is_object,
            _ => true,
        }
    }

    /// Checks that a struct or union is defined where a whole value of it is needed (IDL 4.2 §7.4.1.4.4.4.4).
    pub(super) fn check_complete(&mut self, ty: &Type, span: Span) -> Resolved<()> {
        let Some(id) = self.incomplete(ty) else {
            return Ok(());
        };
        let item = self.model.item(id);
        let (name, defined) = (item.name.text.clone(), item.name.span);
        let error = Diagnostic::error(span, format!("`{name}` is not defined completely here"));
        let error = error
            .also(defined, "declared here")
            .help(format!("a `sequence<{name}>` may stand here"));
        Err(self.report(error))
    }

    fn incomplete(&self, ty: &Type) -> Option<ItemId> {
        let mut ty = self.model.unaliased(ty);
        while let Type::Array { element, .. } = ty {
            ty = self.model.unaliased(element);
        }
        let Type::Named(id) = ty else { return None };
        let defined = match &self.model.item(*id).kind {
            ItemKind::Struct(structure) => structure.defined,
            ItemKind::Union(union) => union.defined,
            _ => true,
        };
        (!defined).then_some(*id)
    }

    /// Resolves a type that is defined where it is used.
    fn constructed(&mut self, definition: &crate::syntax::Definition) -> Resolved<Type> {
        let (prelude, span) = (&definition.prelude, definition.span);
        let id = match &definition.kind {
            DefinitionKind::Struct { name, base, members } => {
                self.structure(prelude, span, name, base.as_ref(), members)?
            }
            DefinitionKind::Union(union) => self.union(prelude, span, union)?,
            DefinitionKind::Enum { name, enumerators } => {
                self.enumeration(prelude, span, name, enumerators)?
            }
            DefinitionKind::Bitset { name, base, fields } => {
                self.bitset(prelude, span, name, base.as_ref(), fields)?
            }
            DefinitionKind::Bitmask { name, flags } => self.bitmask(prelude, span, name, flags)?,
            _ => {
                let error = Diagnostic::error(span, "a declaration cannot stand for a type");
                return Err(self.report(error.label("expected `{`")));
            }
        };
        Ok(Type::Named(id))
    }

    /// Adds the dimensions of a declarator to a type.
    pub(super) fn declared(&mut self, ty: &Type, declarator: &Declarator) -> Resolved<Type> {
        let mut dimensions = Vec::with_capacity(declarator.dimensions.len());
        for dimension in &declarator.dimensions {
            dimensions.push(self.positive(dimension, "the length of an array")?);
        }
        if dimensions.is_empty() {
            return Ok(ty.clone());
        }
        Ok(Type::Array {
            element: Box::new(ty.clone()),
            dimensions,
        })
    }

    fn bound(&mut self, bound: Option<&Expression>) -> Resolved<Option<u32>> {
        match bound {
            Some(bound) => self.positive(bound, "a bound").map(Some),
            None => Ok(None),
        }
    }

    /// Evaluates a positive integer.
    pub(super) fn positive(&mut self, expression: &Expression, what: &str) -> Resolved<u32> {
        let value = self.integer(expression, Primitive::ULong)?;
        match u32::try_from(value) {
            Ok(value) if value > 0 => Ok(value),
            _ => {
                let error =
                    Diagnostic::error(expression.span, format!("{what} must be positive, not {value}"));
                Err(self.report(error))
            }
        }
    }

    fn fixed(&mut self, digits: &Expression, scale: &Expression) -> Resolved<Type> {
        let count = self.integer(digits, Primitive::UShort)?;
        let after = self.integer(scale, Primitive::UShort)?;
        let (Ok(count @ 1..=31), Ok(after)) = (u16::try_from(count), u16::try_from(after)) else {
            let error = Diagnostic::error(digits.span, "a fixed-point type has 1 to 31 digits");
            return Err(self.report(error));
        };
        if after > count {
            let error = Diagnostic::error(scale.span, format!("scale {after} exceeds the {count} digits"));
            return Err(self.report(error));
        }
        Ok(Type::Fixed {
            digits: count,
            scale: after,
        })
    }

    /// Evaluates an integer of a type.
    pub(super) fn integer(&mut self, expression: &Expression, ty: Primitive) -> Resolved<i128> {
        match self.evaluate_as(expression, &Type::Primitive(ty))? {
            Value::Integer(value) => Ok(value),
            _ => Err(Wrong),
        }
    }

    /// Says whether a type holds a local interface, and so can't leave the process (CORBA 3.3 part 1 §7.8.7).
    pub(super) fn is_local(&self, ty: &Type) -> bool {
        match ty {
            Type::Named(id) => self.local.contains(id),
            Type::Sequence { element, .. } | Type::Array { element, .. } => self.is_local(element),
            Type::Map { key, value, .. } => self.is_local(key) || self.is_local(value),
            _ => false,
        }
    }

    /// Says whether a type is a valuetype.
    pub(super) fn is_value(&self, ty: &Type) -> bool {
        match self.model.unaliased(ty) {
            Type::ValueBase => true,
            Type::Named(id) => matches!(&self.model.item(*id).kind, ItemKind::Valuetype(_)),
            _ => false,
        }
    }

    /// Says whether an item is a boxed valuetype.
    pub(super) fn is_box(&self, id: ItemId) -> bool {
        matches!(&self.model.item(id).kind, ItemKind::Valuetype(value) if matches!(value.kind, ValueKind::Boxed(_)))
    }
}

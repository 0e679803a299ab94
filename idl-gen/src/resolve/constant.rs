// SPDX-License-Identifier: MIT OR Apache-2.0
//! Constants: their types, values and ranges (IDL 4.2 §7.4.1.4.3).

use super::arithmetic::{self, Operands};
use super::scope::{Symbol, article};
use super::{Resolved, Resolver, Wrong};
use crate::diagnostics::Diagnostic;
use crate::model::{Const, FixedValue, ItemKind, Primitive, Type, Value};
use crate::source::Span;
use crate::syntax::{
    BinaryOperator, Expression, ExpressionKind, Ident, Literal, Prelude, ScopedName, TypeKind, TypeSpec,
    UnaryOperator,
};

/// In which precision integers are evaluated: 32 bits for `long` and what is shorter, else 64.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    least: i128,
    greatest: i128,
    bits: u8,
    /// The greatest value of an unsigned type, from which `~` subtracts.
    complement: Option<i128>,
}

impl Range {
    /// 64 bits, signed or unsigned.
    pub(super) const WIDE: Self = Self {
        least: i64::MIN as i128,
        greatest: u64::MAX as i128,
        bits: 64,
        complement: None,
    };

    /// Takes the bits of a number as those of a signed one, as they are where an operand is negative.
    fn as_signed(self, value: i128) -> i128 {
        let width = 1i128 << self.bits;
        let bits = value.rem_euclid(width);
        if bits >= width / 2 { bits - width } else { bits }
    }

    fn of(primitive: Primitive) -> Self {
        let Some((least, greatest)) = primitive.integer_range() else {
            return Self::WIDE;
        };
        let complement = (least == 0).then_some(greatest);
        if greatest > i128::from(u32::MAX) {
            return Self {
                complement,
                ..Self::WIDE
            };
        }
        Self {
            least: i128::from(i32::MIN),
            greatest: i128::from(u32::MAX),
            bits: 32,
            complement,
        }
    }
}

impl Resolver<'_> {
    pub(super) fn constant(
        &mut self,
        prelude: &Prelude,
        span: Span,
        name: &Ident,
        spec: &TypeSpec,
        value: &Expression,
    ) -> Resolved<()> {
        let resolved = self.constant_type(spec).and_then(|ty| {
            let value = self.evaluate_as(value, &ty)?;
            Ok(Const { ty, value })
        });
        // The name is taken even if the value is wrong, so that its uses are not reported too.
        let fallback = || Const {
            ty: Type::Any,
            value: Value::Integer(0),
        };
        let failed = resolved.is_err();
        self.add(
            name,
            span,
            prelude,
            ItemKind::Const(resolved.unwrap_or_else(|_| fallback())),
        )?;
        if failed { Err(Wrong) } else { Ok(()) }
    }

    fn constant_type(&mut self, spec: &TypeSpec) -> Resolved<Type> {
        let ty = match &spec.kind {
            TypeKind::Fixed(None) => Type::FixedConst,
            _ => self.type_of(spec, super::types::Use::Call)?,
        };
        let allowed = match self.model.unaliased(&ty) {
            Type::Primitive(_) | Type::String { .. } | Type::WideString { .. } | Type::FixedConst => true,
            Type::Fixed { .. } => matches!(ty, Type::Named(_)),
            Type::Named(id) => matches!(
                &self.model.item(*id).kind,
                ItemKind::Enum(_) | ItemKind::Bitmask(_)
            ),
            _ => false,
        };
        if allowed {
            return Ok(ty);
        }
        let error = Diagnostic::error(spec.span, "a constant cannot be of this type");
        let expected = "expected an integer, floating-point, character, boolean, string, fixed or enum type";
        Err(self.report(error.label(expected)))
    }

    /// Evaluates an expression and converts it to a type.
    pub(super) fn evaluate_as(&mut self, expression: &Expression, ty: &Type) -> Resolved<Value> {
        let target = self.model.unaliased(ty).clone();
        let range = match &target {
            Type::Primitive(primitive) => Range::of(*primitive),
            _ => Range::WIDE,
        };
        let value = self.evaluate(expression, range)?;
        self.convert(value, &target, expression.span)
    }

    /// Evaluates an expression.
    pub(super) fn evaluate(&mut self, expression: &Expression, range: Range) -> Resolved<Value> {
        self.spend(1, expression.span);
        match &expression.kind {
            ExpressionKind::Literal(literal) => match from_literal(literal)? {
                Value::Integer(value) => self.in_range(value, range, expression.span),
                value => Ok(value),
            },
            ExpressionKind::Name(name) => self.constant_named(name),
            ExpressionKind::Unary(operator, operand) => {
                let value = self.evaluate(operand, range)?;
                self.unary(*operator, value, range, expression.span)
            }
            ExpressionKind::Binary(operator, left, right) => {
                // Both sides are looked at, so that all errors come at once.
                let left_value = self.evaluate(left, range);
                let right_value = self.evaluate(right, range);
                self.binary(
                    *operator,
                    (left_value?, left.span),
                    (right_value?, right.span),
                    range,
                    expression.span,
                )
            }
        }
    }

    fn constant_named(&mut self, name: &ScopedName) -> Resolved<Value> {
        let found = self.look_up(name)?;
        match &found.symbol {
            Symbol::Enumerator { of, index } => {
                return Ok(Value::Enumerator {
                    of: *of,
                    index: *index,
                });
            }
            Symbol::Item(id) => match &self.model.item(*id).kind {
                ItemKind::Const(constant) if constant.ty == Type::Any => return Err(Wrong),
                ItemKind::Const(constant) => return Ok(constant.value.clone()),
                _ => {}
            },
            _ => {}
        }
        let what = self.describe(&found.symbol);
        let error = Diagnostic::error(name.span, format!("`{}` is no constant", name.text()))
            .label("expected a constant");
        Err(self.report(error.also(found.span, format!("defined here as {}", article(what)))))
    }

    fn unary(&mut self, operator: UnaryOperator, value: Value, range: Range, span: Span) -> Resolved<Value> {
        match (operator, value) {
            (UnaryOperator::Plus, value @ (Value::Integer(_) | Value::Float(_) | Value::Fixed(_))) => {
                Ok(value)
            }
            (UnaryOperator::Minus, Value::Integer(value)) => self.in_range(-value, range, span),
            (UnaryOperator::Minus, Value::Float(value)) => Ok(Value::Float(-value)),
            (UnaryOperator::Minus, Value::Fixed(value)) => Ok(Value::Fixed(FixedValue {
                digits: -value.digits,
                scale: value.scale,
            })),
            // IDL 4.2 §7.4.1.4.3.2: the complement is that of the constant's type.
            (UnaryOperator::Not, Value::Integer(value)) => match range.complement {
                Some(limit) if (0..=limit).contains(&value) => Ok(Value::Integer(limit - value)),
                _ => self.in_range(-value - 1, range, span),
            },
            (_, value) => {
                let error = Diagnostic::error(
                    span,
                    format!("this operator does not apply to {}", kind_of(&value)),
                );
                let wanted = if operator == UnaryOperator::Not {
                    "an integer"
                } else {
                    "a number"
                };
                Err(self.report(error.label(format!("expected {wanted}"))))
            }
        }
    }

    fn binary(
        &mut self,
        operator: BinaryOperator,
        (left, left_span): (Value, Span),
        (right, right_span): (Value, Span),
        range: Range,
        span: Span,
    ) -> Resolved<Value> {
        let symbol = operator.symbol();
        let mut signed = false;
        let operands = match (left, right) {
            (Value::Integer(left), Value::Integer(right)) => {
                signed = left < 0 || right < 0;
                Operands::Integers(left, right)
            }
            (Value::Float(left), Value::Float(right)) => Operands::Floats(left, right),
            (Value::Fixed(left), Value::Fixed(right)) => Operands::Fixed(left, right),
            (left, right) => {
                let error = Diagnostic::error(span, format!("`{symbol}` does not apply to these operands"));
                let error = error
                    .also(left_span, kind_of(&left))
                    .also(right_span, kind_of(&right));
                return Err(self
                    .report(error.help("both must be integers, or floating-point, or fixed-point numbers")));
            }
        };
        match arithmetic::apply(operator, operands) {
            Ok(Value::Integer(value)) => {
                let bits = signed
                    && matches!(
                        operator,
                        BinaryOperator::Or | BinaryOperator::Xor | BinaryOperator::And
                    );
                self.in_range(if bits { range.as_signed(value) } else { value }, range, span)
            }
            Ok(value) => Ok(value),
            Err(why) => Err(self.report(Diagnostic::error(span, why.replace("{}", symbol)))),
        }
    }

    /// IDL 4.2 §7.4.1.4.3.2: no part of an expression exceeds the precision in which it is evaluated.
    fn in_range(&mut self, value: i128, range: Range, span: Span) -> Resolved<Value> {
        if (range.least..=range.greatest).contains(&value) {
            return Ok(Value::Integer(value));
        }
        Err(self.report(Diagnostic::error(
            span,
            format!("{value} exceeds {} bits", range.bits),
        )))
    }

    /// Converts a value to a type, whose typedefs are followed.
    fn convert(&mut self, value: Value, ty: &Type, span: Span) -> Resolved<Value> {
        match (ty, value) {
            (Type::Primitive(primitive), value) => self.coerce_to_primitive(value, *primitive, span),
            (Type::String { bound }, Value::String(text)) => self.bounded(Value::String(text), *bound, span),
            (Type::WideString { bound }, Value::WideString(text)) => {
                self.bounded(Value::WideString(text), *bound, span)
            }
            (Type::FixedConst, value @ Value::Fixed(_)) => Ok(value),
            (Type::Fixed { digits, scale }, Value::Fixed(value)) => {
                self.coerce_to_fixed(value, *digits, *scale, span)
            }
            (Type::Named(id), Value::Enumerator { of, index }) if of == *id => {
                Ok(Value::Enumerator { of, index })
            }
            (Type::Named(id), Value::Integer(value)) if self.is_bitmask(*id) => Ok(Value::Integer(value)),
            (ty, value) => {
                let wanted = self.type_name(ty);
                Err(self.mismatch(&value, &wanted, span))
            }
        }
    }

    fn is_bitmask(&self, id: crate::model::ItemId) -> bool {
        matches!(self.model.item(id).kind, ItemKind::Bitmask(_))
    }

    fn coerce_to_primitive(&mut self, value: Value, primitive: Primitive, span: Span) -> Resolved<Value> {
        if let (Some((least, greatest)), Value::Integer(value)) = (primitive.integer_range(), &value) {
            if (least..=greatest).contains(value) {
                return Ok(Value::Integer(*value));
            }
            let error = Diagnostic::error(
                span,
                format!("{value} is not in the range of `{}`", primitive.keyword()),
            );
            return Err(self.report(error.label(format!("expected {least} to {greatest}"))));
        }
        match (primitive, value) {
            (Primitive::Boolean, value @ Value::Boolean(_))
            | (Primitive::Char, value @ Value::Char(_))
            | (Primitive::WideChar, value @ Value::WideChar(_))
            | (Primitive::Double | Primitive::LongDouble, value @ Value::Float(_)) => Ok(value),
            (Primitive::Float, Value::Float(value)) if value.abs() <= f64::from(f32::MAX) => {
                Ok(Value::Float(value))
            }
            (Primitive::Float, Value::Float(value)) => {
                Err(self.report(Diagnostic::error(span, format!("{value:e} exceeds `float`"))))
            }
            (primitive, value) => Err(self.mismatch(&value, &format!("`{}`", primitive.keyword()), span)),
        }
    }

    fn bounded(&mut self, value: Value, bound: Option<u32>, span: Span) -> Resolved<Value> {
        let (Value::String(text) | Value::WideString(text)) = &value else {
            return Err(Wrong);
        };
        let length = text.chars().count();
        match bound {
            Some(bound) if length > bound as usize => {
                let error = Diagnostic::error(
                    span,
                    format!("string of {length} characters exceeds the bound {bound}"),
                );
                Err(self.report(error))
            }
            _ => Ok(value),
        }
    }

    fn coerce_to_fixed(&mut self, value: FixedValue, digits: u16, scale: u16, span: Span) -> Resolved<Value> {
        let value = arithmetic::truncated(value, scale);
        let whole = arithmetic::digits(value.digits).saturating_sub(usize::from(value.scale));
        if whole > usize::from(digits - scale) {
            let error = Diagnostic::error(span, format!("{value} exceeds `fixed<{digits}, {scale}>`"));
            return Err(self.report(error));
        }
        Ok(Value::Fixed(value))
    }

    fn mismatch(&mut self, value: &Value, wanted: &str, span: Span) -> Wrong {
        let error = Diagnostic::error(
            span,
            format!("expected a value of type {wanted}, found {}", kind_of(value)),
        );
        let error = match value {
            // IDL 4.2 §7.4.1.4.3: only floating-point values go to floating-point constants.
            Value::Integer(value) if wanted.contains("float") || wanted.contains("double") => {
                error.help(format!("write `{value}.0`"))
            }
            Value::Integer(value) if wanted.contains("fixed") => error.help(format!("write `{value}d`")),
            _ => error,
        };
        self.report(error)
    }

    fn type_name(&self, ty: &Type) -> String {
        match ty {
            Type::String { .. } => String::from("`string`"),
            Type::WideString { .. } => String::from("`wstring`"),
            Type::Fixed { .. } | Type::FixedConst => String::from("`fixed`"),
            Type::Named(id) => format!("`{}`", self.model.scoped_name(*id)),
            _ => String::from("another type"),
        }
    }
}

fn from_literal(literal: &Literal) -> Resolved<Value> {
    Ok(match literal {
        Literal::Integer(value) => Value::Integer(*value),
        Literal::Float(value) => Value::Float(*value),
        Literal::Fixed(value) => Value::Fixed(*value),
        Literal::Boolean(value) => Value::Boolean(*value),
        Literal::Char(value) => Value::Char(*value),
        Literal::WideChar(value) => Value::WideChar(*value),
        Literal::String(value) => Value::String(value.to_string()),
        Literal::WideString(value) => Value::WideString(value.to_string()),
        Literal::Wrong => return Err(Wrong),
    })
}

/// Says what kind of value it is, for people.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) => "an integer",
        Value::Float(_) => "a floating-point number",
        Value::Fixed(_) => "a fixed-point number",
        Value::Boolean(_) => "a boolean",
        Value::Char(_) => "a character",
        Value::WideChar(_) => "a wide character",
        Value::String(_) => "a string",
        Value::WideString(_) => "a wide string",
        Value::Enumerator { .. } => "an enumerator",
        Value::Name(_) => "a name",
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Constant expressions (IDL 4.2 §7.4.1.4.3).

use std::rc::Rc;

use super::{Failed, Parsed, Parser};
use crate::diagnostics::Diagnostic;
use crate::lexer::literal::{Number, number, unescape};
use crate::source::Span;
use crate::syntax::{BinaryOperator, Expression, ExpressionKind, Literal, UnaryOperator};
use crate::token::{Kind, Token};

/// Most nodes of one expression; its depth can't be more.
const NODES: usize = 600;

/// How far to look for closing marks.
const LOOK_AHEAD: usize = 200;

const LEVELS: [&[BinaryOperator]; 6] = [
    &[BinaryOperator::Or],
    &[BinaryOperator::Xor],
    &[BinaryOperator::And],
    &[BinaryOperator::ShiftLeft, BinaryOperator::ShiftRight],
    &[BinaryOperator::Add, BinaryOperator::Subtract],
    &[
        BinaryOperator::Multiply,
        BinaryOperator::Divide,
        BinaryOperator::Remainder,
    ],
];

impl Parser<'_> {
    pub(super) fn constant(&mut self) -> Parsed<Expression> {
        self.nodes = 0;
        self.binary(0)
    }

    fn binary(&mut self, level: usize) -> Parsed<Expression> {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = self.operator(operators) {
            self.node()?;
            let right = self.binary(level + 1)?;
            let span = left.span.to(right.span);
            left = Expression {
                span,
                kind: ExpressionKind::Binary(operator, Box::new(left), Box::new(right)),
            };
        }
        Ok(left)
    }

    fn operator(&mut self, operators: &[BinaryOperator]) -> Option<BinaryOperator> {
        let operator = *operators
            .iter()
            .find(|operator| self.peek().is(operator.symbol()))?;
        if operator == BinaryOperator::ShiftRight && self.closes_angles() {
            return None;
        }
        self.bump();
        Some(operator)
    }

    /// Says whether a `>>` here is two closing marks: if it were an operator, there would not be enough of them after it.
    fn closes_angles(&self) -> bool {
        let mut open = self.angles;
        for token in self
            .tokens
            .get(self.at + 1..)
            .unwrap_or_default()
            .iter()
            .take(LOOK_AHEAD)
        {
            match &*token.text {
                _ if token.kind != Kind::Punct => {}
                "<" => open += 1,
                ">" => open = open.saturating_sub(1),
                ">>" => open = open.saturating_sub(2),
                ";" | "{" | "}" => break,
                _ => {}
            }
            if open == 0 {
                return false;
            }
        }
        self.angles > 0
    }

    /// Counts a node, up to the bound.
    fn node(&mut self) -> Parsed<()> {
        self.nodes += 1;
        if self.nodes <= NODES {
            return Ok(());
        }
        let span = self.peek().span;
        self.diagnostics.push(Diagnostic::error(
            span,
            format!("expression has more than {NODES} operators"),
        ));
        Err(Failed)
    }

    fn unary(&mut self) -> Parsed<Expression> {
        let start = self.peek().span;
        let operator = match &*self.peek().text {
            _ if self.peek().kind != Kind::Punct => return self.primary(),
            "-" => UnaryOperator::Minus,
            "+" => UnaryOperator::Plus,
            "~" => UnaryOperator::Not,
            _ => return self.primary(),
        };
        self.bump();
        self.node()?;
        // IDL has no second unary operator here: `<unary_expr> ::= <unary_operator> <primary_expr>`.
        let operand = self.primary()?;
        let span = start.to(operand.span);
        Ok(Expression {
            span,
            kind: ExpressionKind::Unary(operator, Box::new(operand)),
        })
    }

    fn primary(&mut self) -> Parsed<Expression> {
        self.node()?;
        let token = self.peek().clone();
        match token.kind {
            Kind::Punct if token.is("(") => self.parenthesised(),
            Kind::Punct if token.is("::") => self.name(),
            Kind::Ident if matches!(&*token.text, "TRUE" | "FALSE") => {
                self.bump();
                Ok(literal(token.span, Literal::Boolean(&*token.text == "TRUE")))
            }
            Kind::Ident => self.name(),
            Kind::Number => {
                self.bump();
                Ok(self.number(&token))
            }
            Kind::Char | Kind::WideChar => {
                self.bump();
                Ok(self.character(&token))
            }
            Kind::String | Kind::WideString => self.string_literal(token.kind),
            _ => Err(self.expected("a constant expression")),
        }
    }

    fn parenthesised(&mut self) -> Parsed<Expression> {
        let start = self.peek().span;
        self.bump();
        let angles = std::mem::take(&mut self.angles);
        let inner = self.nested(|p| p.binary(0));
        self.angles = angles;
        let mut inner = inner?;
        self.expect(")")?;
        inner.span = self.since(start);
        Ok(inner)
    }

    fn name(&mut self) -> Parsed<Expression> {
        let name = self.scoped_name("a constant expression")?;
        Ok(Expression {
            span: name.span,
            kind: ExpressionKind::Name(name),
        })
    }

    fn number(&mut self, token: &Token) -> Expression {
        let value = match number(&token.text) {
            Ok(Number::Integer(value)) => Literal::Integer(value),
            Ok(Number::Float(value)) => Literal::Float(value),
            Ok(Number::Fixed(value)) => Literal::Fixed(value),
            Err(why) => {
                self.diagnostics.push(Diagnostic::error(token.span, why));
                Literal::Wrong
            }
        };
        literal(token.span, value)
    }

    fn character(&mut self, token: &Token) -> Expression {
        let wide = token.kind == Kind::WideChar;
        let Some(text) = self.unescaped(token, wide) else {
            return literal(token.span, Literal::Wrong);
        };
        let mut characters = text.chars();
        let value = match (characters.next(), characters.next()) {
            (Some(c), None) if wide => Literal::WideChar(c),
            (Some(c), None) => Literal::Char(c),
            (first, _) => {
                let what = if first.is_none() {
                    "empty character literal"
                } else {
                    "character literal of several characters"
                };
                self.diagnostics
                    .push(Diagnostic::error(token.span, what).label("expected one character"));
                Literal::Wrong
            }
        };
        literal(token.span, value)
    }

    /// Takes adjacent string literals as one.
    fn string_literal(&mut self, kind: Kind) -> Parsed<Expression> {
        let wide = kind == Kind::WideString;
        let start = self.peek().span;
        let mut text = String::new();
        while matches!(self.peek().kind, Kind::String | Kind::WideString) {
            let token = self.peek().clone();
            if token.kind != kind {
                let error = Diagnostic::error(token.span, "wide and narrow string literals cannot be joined");
                self.diagnostics
                    .push(error.also(start, "the literal begins here"));
            }
            text.push_str(&self.unescaped(&token, wide).unwrap_or_default());
            self.bump();
        }
        let span = self.since(start);
        if let Some(at) = text.find('\0') {
            // IDL 4.2 §7.2.6.3: no string contains the character NUL.
            let error = Diagnostic::error(span, "string literal contains a NUL character");
            self.diagnostics.push(error.label(format!(
                "at character {}",
                text.get(..at).map_or(0, |t| t.chars().count())
            )));
        }
        let text = Rc::from(text);
        Ok(literal(
            span,
            if wide {
                Literal::WideString(text)
            } else {
                Literal::String(text)
            },
        ))
    }

    fn unescaped(&mut self, token: &Token, wide: bool) -> Option<String> {
        match unescape(&token.text, wide) {
            Ok(text) => Some(text),
            Err((at, why)) => {
                self.diagnostics
                    .push(Diagnostic::error(within(token, at, wide), why));
                None
            }
        }
    }
}

fn literal(span: Span, value: Literal) -> Expression {
    Expression {
        span,
        kind: ExpressionKind::Literal(value),
    }
}

/// The span of the character at `at` of a literal, where the literal stands in the source as it is.
fn within(token: &Token, at: usize, wide: bool) -> Span {
    let offset: usize = token.text.chars().take(at).map(char::len_utf8).sum();
    let length = token.text.chars().nth(at).map_or(1, char::len_utf8);
    let start = token.span.start as usize + 1 + usize::from(wide) + offset;
    let as_written = (token.span.end - token.span.start) as usize == token.text.len() + 2 + usize::from(wide);
    if !as_written {
        return token.span;
    }
    let start = u32::try_from(start).unwrap_or(token.span.start);
    Span::new(token.span.file, start, start + u32::try_from(length).unwrap_or(1))
}

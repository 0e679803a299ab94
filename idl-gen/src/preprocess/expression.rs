// SPDX-License-Identifier: MIT OR Apache-2.0
//! The value of an `#if` condition (ISO C++ [cpp.cond]).

use crate::lexer::literal::{Number, number, unescape};
use crate::source::Span;
use crate::token::{Kind, Token};

/// Deepest nesting of parentheses and operators.
const DEPTH: usize = 100;

/// Where a condition is wrong, and what is wrong with it.
pub(super) type Wrong = (Option<Span>, String);

/// Evaluates a condition whose macros are expanded and whose `defined` is replaced.
pub(super) fn evaluate(tokens: &[Token]) -> Result<bool, Wrong> {
    let mut parser = Parser {
        rest: tokens,
        depth: 0,
        evaluated: true,
    };
    let value = parser.conditional()?;
    match parser.rest.first() {
        None => Ok(value != 0),
        Some(extra) => Err((
            Some(extra.span),
            format!("unexpected `{}` after the condition", extra.text),
        )),
    }
}

struct Parser<'a> {
    rest: &'a [Token],
    depth: usize,
    /// False on the side of `&&`, `||` and `?:` that doesn't count.
    evaluated: bool,
}

impl Parser<'_> {
    fn take(&mut self, mark: &str) -> bool {
        let Some((first, rest)) = self.rest.split_first() else {
            return false;
        };
        if !first.is(mark) {
            return false;
        }
        self.rest = rest;
        true
    }

    fn wrong(&self, what: &str) -> Wrong {
        match self.rest.first() {
            Some(token) => (
                Some(token.span),
                format!("expected {what}, found `{}`", token.text),
            ),
            None => (None, format!("expected {what} at the end of the condition")),
        }
    }

    fn nested<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T, Wrong>) -> Result<T, Wrong> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err((
                self.rest.first().map(|token| token.span),
                String::from("condition nests too deeply"),
            ));
        }
        let result = f(self);
        self.depth -= 1;
        result
    }

    /// Evaluates one side that may not count.
    fn side(&mut self, counts: bool, f: impl FnOnce(&mut Self) -> Result<i64, Wrong>) -> Result<i64, Wrong> {
        let before = self.evaluated;
        self.evaluated = before && counts;
        let result = f(self);
        self.evaluated = before;
        result
    }

    fn conditional(&mut self) -> Result<i64, Wrong> {
        self.nested(|p| {
            let condition = p.binary(0)?;
            if !p.take("?") {
                return Ok(condition);
            }
            let yes = p.side(condition != 0, Self::conditional)?;
            if !p.take(":") {
                return Err(p.wrong("`:`"));
            }
            let no = p.side(condition == 0, Self::conditional)?;
            Ok(if condition != 0 { yes } else { no })
        })
    }

    fn binary(&mut self, level: usize) -> Result<i64, Wrong> {
        const LEVELS: [&[&str]; 10] = [
            &["||"],
            &["&&"],
            &["|"],
            &["^"],
            &["&"],
            &["==", "!="],
            &["<=", ">=", "<", ">"],
            &["<<", ">>"],
            &["+", "-"],
            &["*", "/", "%"],
        ];
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = operators.iter().find(|operator| self.take(operator)) {
            let counts = match *operator {
                "||" => left == 0,
                "&&" => left != 0,
                _ => true,
            };
            let at = self.rest.first().map(|token| token.span);
            let right = self.side(counts, |p| p.binary(level + 1))?;
            left = match apply(operator, left, right) {
                Some(value) => value,
                None if self.evaluated => return Err((at, String::from("division by zero in a condition"))),
                None => 0,
            };
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<i64, Wrong> {
        self.nested(|p| {
            if p.take("!") {
                return Ok(i64::from(p.unary()? == 0));
            }
            if p.take("-") {
                return Ok(p.unary()?.wrapping_neg());
            }
            if p.take("+") {
                return p.unary();
            }
            if p.take("~") {
                return Ok(!p.unary()?);
            }
            if p.take("(") {
                let value = p.conditional()?;
                return if p.take(")") {
                    Ok(value)
                } else {
                    Err(p.wrong("`)`"))
                };
            }
            p.primary()
        })
    }

    fn primary(&mut self) -> Result<i64, Wrong> {
        let Some((token, rest)) = self.rest.split_first() else {
            return Err(self.wrong("a value"));
        };
        let value = match token.kind {
            Kind::Ident => i64::from(&*token.text == "true"),
            Kind::Number => integer(&token.text).map_err(|why| (Some(token.span), why))?,
            Kind::Char | Kind::WideChar => {
                let text = unescape(&token.text, true).map_err(|(_, why)| (Some(token.span), why))?;
                text.chars().next().map_or(0, |c| i64::from(u32::from(c)))
            }
            _ => return Err(self.wrong("a value")),
        };
        self.rest = rest;
        Ok(value)
    }
}

fn integer(text: &str) -> Result<i64, String> {
    // The suffixes of C++ mean nothing here.
    let digits = text.trim_end_matches(['u', 'U', 'l', 'L']);
    match number(digits)? {
        Number::Integer(value) => Ok(i64::try_from(value).unwrap_or(i64::MAX)),
        _ => Err(String::from("expected an integer")),
    }
}

/// Applies an operator; `None` for a division by zero.
fn apply(operator: &str, left: i64, right: i64) -> Option<i64> {
    let shift = u32::try_from(right.clamp(0, 63)).unwrap_or(0);
    Some(match operator {
        "||" => i64::from(left != 0 || right != 0),
        "&&" => i64::from(left != 0 && right != 0),
        "|" => left | right,
        "^" => left ^ right,
        "&" => left & right,
        "==" => i64::from(left == right),
        "!=" => i64::from(left != right),
        "<=" => i64::from(left <= right),
        ">=" => i64::from(left >= right),
        "<" => i64::from(left < right),
        ">" => i64::from(left > right),
        "<<" => left.wrapping_shl(shift),
        ">>" => left.wrapping_shr(shift),
        "+" => left.wrapping_add(right),
        "-" => left.wrapping_sub(right),
        "*" => left.wrapping_mul(right),
        "/" if right != 0 => left.wrapping_div(right),
        "%" if right != 0 => left.wrapping_rem(right),
        _ => return None,
    })
}

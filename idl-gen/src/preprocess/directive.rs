// SPDX-License-Identifier: MIT OR Apache-2.0
//! What stands after a `#` at the start of a line.

use super::Preprocessor;
use super::condition::{Conditions, Misplaced};
use super::expression::evaluate;
use crate::diagnostics::Diagnostic;
use crate::lexer::Lexer;
use crate::lexer::literal::{Number, number};
use crate::source::Span;
use crate::token::{Kind, Token};

impl Preprocessor<'_> {
    /// Takes the directive whose `#` was just read, up to the end of its line.
    pub(super) fn directive(&mut self, lexer: &mut Lexer<'_>, conditions: &mut Conditions, hash: Span) {
        let name = lexer.token();
        let whole = hash.to(name.span);
        match &*name.text {
            _ if name.kind == Kind::Newline || name.kind == Kind::End => {}
            "if" | "ifdef" | "ifndef" | "elif" | "else" | "endif" => {
                self.conditional(lexer, conditions, &name, whole)
            }
            _ if !conditions.active() => drop(lexer.rest_of_line()),
            "define" => {
                let line = line(lexer);
                self.define(line, whole);
            }
            "undef" => self.undef(lexer, whole),
            "include" => self.include(lexer, whole),
            "pragma" => self.pragma(lexer),
            "line" => self.line_directive(lexer, None, whole),
            "error" => {
                let (text, span) = lexer.rest_of_line();
                self.error(whole.to(span), format!("#error {text}"));
            }
            "warning" => {
                let (text, span) = lexer.rest_of_line();
                self.diagnostics
                    .push(Diagnostic::warning(whole.to(span), format!("#warning {text}")));
            }
            "ident" | "sccs" => drop(lexer.rest_of_line()),
            _ if name.kind == Kind::Number => self.line_directive(lexer, Some(&name), whole),
            other => {
                let error = Diagnostic::error(whole, format!("unknown directive `#{other}`"));
                self.diagnostics.push(error);
                lexer.rest_of_line();
            }
        }
    }

    fn conditional(&mut self, lexer: &mut Lexer<'_>, conditions: &mut Conditions, name: &Token, whole: Span) {
        let result = match &*name.text {
            "if" => {
                let holds = conditions.active() && self.condition(lexer, whole);
                lexer.rest_of_line();
                conditions.open_group(whole, holds);
                Ok(())
            }
            "ifdef" | "ifndef" => {
                let wanted = &*name.text == "ifdef";
                let holds = conditions.active() && self.is_defined(lexer, whole) == Some(wanted);
                lexer.rest_of_line();
                conditions.open_group(whole, holds);
                Ok(())
            }
            "elif" => {
                let holds = conditions.undecided() && self.condition(lexer, whole);
                lexer.rest_of_line();
                conditions.next_branch(holds)
            }
            "else" => {
                lexer.rest_of_line();
                conditions.last_branch(whole)
            }
            _ => {
                lexer.rest_of_line();
                conditions.close_group()
            }
        };
        match result {
            Ok(()) => {}
            Err(Misplaced::NoIf) => self.error(whole, format!("`#{}` without `#if`", name.text)),
            Err(Misplaced::AfterElse(otherwise)) => {
                let error = Diagnostic::error(whole, format!("`#{}` after `#else`", name.text));
                self.diagnostics.push(error.also(otherwise, "the `#else`"));
            }
        }
    }

    /// Evaluates the condition of an `#if`; a wrong one doesn't hold.
    fn condition(&mut self, lexer: &mut Lexer<'_>, whole: Span) -> bool {
        let line = line(lexer);
        let Some(replaced) = self.replace_defined(line) else {
            return false;
        };
        let expanded = self.expand(replaced, 0);
        match evaluate(&expanded) {
            Ok(holds) => holds,
            Err((span, why)) => {
                self.error(span.unwrap_or(whole), why);
                false
            }
        }
    }

    /// Puts 1 or 0 in place of `defined X` and `defined(X)`.
    fn replace_defined(&mut self, line: Vec<Token>) -> Option<Vec<Token>> {
        let mut output = Vec::with_capacity(line.len());
        let mut rest = line.into_iter().peekable();
        while let Some(token) = rest.next() {
            if !token.is_ident("defined") {
                output.push(token);
                continue;
            }
            let parenthesis = rest.next_if(|next| next.is("("));
            let name = rest.next_if(|next| next.kind == Kind::Ident);
            let closed = parenthesis.is_none() || rest.next_if(|next| next.is(")")).is_some();
            let Some(name) = name.filter(|_| closed) else {
                self.error(token.span, "`defined` needs the name of a macro");
                return None;
            };
            let value = if self.macros.contains_key(&name.text) {
                "1"
            } else {
                "0"
            };
            output.push(Token::new(Kind::Number, value, token.span));
        }
        Some(output)
    }

    fn is_defined(&mut self, lexer: &mut Lexer<'_>, whole: Span) -> Option<bool> {
        let name = lexer.token();
        if name.kind == Kind::Ident {
            return Some(self.macros.contains_key(&name.text));
        }
        self.error(whole, "expected the name of a macro");
        self.end_of_line(lexer, &name);
        None
    }

    fn undef(&mut self, lexer: &mut Lexer<'_>, whole: Span) {
        let name = lexer.token();
        if name.kind == Kind::Ident {
            self.macros.remove(&name.text);
            lexer.rest_of_line();
            return;
        }
        self.error(whole, "`#undef` needs the name of a macro");
        self.end_of_line(lexer, &name);
    }

    /// Skips to the end of the line unless `last` was it.
    fn end_of_line(&mut self, lexer: &mut Lexer<'_>, last: &Token) {
        if last.kind != Kind::Newline {
            lexer.rest_of_line();
        }
    }

    /// Takes `#line 7 "file"`, or `# 7 "file" 1` as other preprocessors write it.
    fn line_directive(&mut self, lexer: &mut Lexer<'_>, first: Option<&Token>, whole: Span) {
        let mut rest = self.expand(line(lexer), 0).into_iter();
        let number_token = first.cloned().or_else(|| rest.next());
        let line = number_token.as_ref().filter(|token| token.kind == Kind::Number);
        let line = line.and_then(|token| match number(token.text.trim_start_matches('0')) {
            Ok(Number::Integer(value)) => u32::try_from(value).ok(),
            _ => None,
        });
        let Some(line) = line else {
            let error = Diagnostic::error(whole, "`#line` needs a line number");
            return self.diagnostics.push(error);
        };
        let name = rest
            .next()
            .filter(|token| token.kind == Kind::String)
            .map(|token| token.text.to_string());
        self.files.map.presume(whole, line, name);
    }
}

/// Takes the tokens up to the end of the line.
fn line(lexer: &mut Lexer<'_>) -> Vec<Token> {
    let mut tokens = Vec::new();
    // The end of the line stays, so that `rest_of_line` may follow.
    while !lexer.at_end_of_line() {
        let token = lexer.token();
        if token.kind == Kind::End {
            break;
        }
        tokens.push(token);
    }
    tokens
}

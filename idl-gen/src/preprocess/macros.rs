// SPDX-License-Identifier: MIT OR Apache-2.0
//! Macro definitions.

use std::rc::Rc;

use super::{Preprocessor, builtin};
use crate::diagnostics::Diagnostic;
use crate::lexer::Lexer;
use crate::source::{FileId, Span};
use crate::token::{Kind, Token};

/// A macro.
#[derive(Debug)]
pub(crate) struct Macro {
    pub(super) kind: MacroKind,
    pub(super) body: Vec<Token>,
    /// Where it was defined; `None` for one given on the command line.
    pub(super) span: Option<Span>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MacroKind {
    /// Replaced wherever its name stands.
    Object,
    /// Replaced where arguments follow its name.
    Function {
        parameters: Vec<Rc<str>>,
        variadic: bool,
    },
    /// `__FILE__`
    File,
    /// `__LINE__`
    Line,
}

impl Macro {
    /// ISO C++ [cpp.replace]: a macro may be defined again if nothing changes.
    fn same(&self, other: &Self) -> bool {
        let pairs = self.body.iter().zip(&other.body);
        self.kind == other.kind
            && self.body.len() == other.body.len()
            && pairs
                .into_iter()
                .all(|(a, b)| a.kind == b.kind && a.text == b.text)
    }
}

impl Preprocessor<'_> {
    pub(super) fn predefine(&mut self) {
        let given = self
            .options
            .defines
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<_> = builtin::MACROS.into_iter().chain(given).collect();
        for (name, value) in all {
            let body = tokens(value, Span::new(FileId(0), 0, 0));
            self.macros.insert(
                Rc::from(name),
                Rc::new(Macro {
                    kind: MacroKind::Object,
                    body,
                    span: None,
                }),
            );
        }
        for (name, kind) in [("__FILE__", MacroKind::File), ("__LINE__", MacroKind::Line)] {
            self.macros.insert(
                Rc::from(name),
                Rc::new(Macro {
                    kind,
                    body: Vec::new(),
                    span: None,
                }),
            );
        }
    }

    /// Takes the rest of a `#define`.
    pub(super) fn define(&mut self, line: Vec<Token>, directive: Span) {
        let mut line = line.into_iter().peekable();
        let Some(name) = line.next().filter(|token| token.kind == Kind::Ident) else {
            return self.error(directive, "`#define` needs the name of a macro");
        };
        if &*name.text == "defined" {
            return self.error(name.span, "`defined` cannot be a macro");
        }
        let function = line.peek().is_some_and(|token| token.is("(") && !token.spaced);
        let kind = if function {
            line.next();
            match parameters(&mut line) {
                Ok(kind) => kind,
                Err(span) => {
                    let error =
                        Diagnostic::error(span.unwrap_or(name.span), "malformed parameters of a macro");
                    return self
                        .diagnostics
                        .push(error.label("expected names separated by `,` and a `)`"));
                }
            }
        } else {
            MacroKind::Object
        };
        let body: Vec<Token> = line.collect();
        if let Some(wrong) = misplaced_operator(&kind, &body) {
            return self.error(wrong.0, wrong.1);
        }
        self.insert(
            &name,
            Macro {
                kind,
                body,
                span: Some(name.span),
            },
        );
    }

    fn insert(&mut self, name: &Token, definition: Macro) {
        if let Some(before) = self.macros.get(&name.text)
            && !before.same(&definition)
        {
            let mut warning = Diagnostic::warning(name.span, format!("macro `{}` is redefined", name.text));
            if let Some(span) = before.span {
                warning = warning.also(span, "first defined here");
            }
            self.diagnostics.push(warning);
        }
        self.macros.insert(Rc::clone(&name.text), Rc::new(definition));
    }
}

/// Takes the parameters of a macro after the opening parenthesis; the error is where it goes wrong.
fn parameters(line: &mut impl Iterator<Item = Token>) -> Result<MacroKind, Option<Span>> {
    let mut parameters: Vec<Rc<str>> = Vec::new();
    let mut variadic = false;
    let mut expect_name = true;
    loop {
        let token = line.next().ok_or(None)?;
        match token.kind {
            Kind::Punct if token.is(")") && (!expect_name || parameters.is_empty()) => break,
            Kind::Punct if token.is(",") && !expect_name && !variadic => expect_name = true,
            Kind::Punct if token.is("...") && expect_name => {
                parameters.push(Rc::from("__VA_ARGS__"));
                variadic = true;
                expect_name = false;
            }
            Kind::Ident if expect_name && !parameters.contains(&token.text) => {
                parameters.push(token.text);
                expect_name = false;
            }
            _ => return Err(Some(token.span)),
        }
    }
    Ok(MacroKind::Function { parameters, variadic })
}

/// ISO C++ [cpp.stringize], [cpp.concat]: `#` stands before a parameter, `##` between two tokens.
fn misplaced_operator(kind: &MacroKind, body: &[Token]) -> Option<(Span, &'static str)> {
    if let Some(edge) = [body.first(), body.last()]
        .into_iter()
        .flatten()
        .find(|token| token.is("##"))
    {
        return Some((edge.span, "`##` must stand between two tokens"));
    }
    let MacroKind::Function { parameters, .. } = kind else {
        return None;
    };
    let mut following = body.iter().skip(1);
    for token in body {
        let next = following.next();
        if token.is("#") && !next.is_some_and(|next| parameters.contains(&next.text)) {
            return Some((token.span, "`#` must stand before a parameter of the macro"));
        }
    }
    None
}

/// Cuts a text that stands in no file into tokens.
pub(super) fn tokens(text: &str, span: Span) -> Vec<Token> {
    let mut lexer = Lexer::new(span.file, text);
    let mut tokens = Vec::new();
    loop {
        let mut token = lexer.token();
        match token.kind {
            Kind::End => return tokens,
            Kind::Newline => {}
            _ => {
                token.span = span;
                token.first = false;
                tokens.push(token);
            }
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Turns tokens into a syntax tree (IDL 4.2 §7.4). After an error it goes on with the next definition.

use std::rc::Rc;

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::keyword::{Standing, opens_definition, standing};
use crate::source::Span;
use crate::syntax::{Definition, DefinitionKind, Ident, Prelude, ScopedName};
use crate::token::{Kind, Marker, Token};

mod annotation;
mod component;
mod constructed;
mod definition;
mod expression;
mod interface;
mod types;
mod value;

/// Deepest nesting of scopes and types.
const DEPTH: usize = 64;

/// Longest identifier.
const LONGEST_NAME: usize = 1024;

/// What could not be parsed was reported.
#[derive(Debug)]
pub(crate) struct Failed;

pub(crate) type Parsed<T> = Result<T, Failed>;

/// Parses the tokens of one input, which end with `End`.
pub(crate) fn parse(tokens: &[Token], diagnostics: &mut Diagnostics) -> Vec<Definition> {
    let mut parser = Parser {
        tokens,
        at: 0,
        markers: Vec::new(),
        previous: tokens
            .first()
            .map_or(Span::new(crate::source::FileId(0), 0, 0), |token| token.span),
        diagnostics,
        depth: 0,
        braces: 0,
        angles: 0,
        nodes: 0,
        using: false,
        split: None,
    };
    parser.collect_markers();
    parser.specification()
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    /// Markers met since the last definition.
    markers: Vec<(Marker, Rc<str>, Span)>,
    /// The last token taken.
    previous: Span,
    diagnostics: &'a mut Diagnostics,
    depth: usize,
    /// Open `{`.
    braces: usize,
    /// Open `<`.
    angles: usize,
    /// Nodes of the current expression.
    nodes: usize,
    /// A name is being used, not defined.
    using: bool,
    /// The second half of a `>>` whose first half was taken.
    split: Option<Token>,
}

impl<'a> Parser<'a> {
    fn specification(&mut self) -> Vec<Definition> {
        let mut definitions = Vec::new();
        loop {
            self.definitions(&mut definitions, Self::definition);
            let token = self.peek();
            if token.kind == Kind::End {
                return definitions;
            }
            let span = token.span;
            self.diagnostics
                .push(Diagnostic::error(span, "unexpected `}`").label("no scope is open here"));
            self.bump();
            self.accept(";");
        }
    }

    /// Parses what stands in a scope, up to its `}` or the end of the input.
    fn definitions(
        &mut self,
        definitions: &mut Vec<Definition>,
        parse: fn(&mut Self, &mut Vec<Definition>) -> Parsed<()>,
    ) {
        loop {
            self.flush_markers(definitions);
            let token = self.peek();
            if token.kind == Kind::End || token.is("}") {
                return;
            }
            if token.is(";") {
                let span = token.span;
                let error = Diagnostic::error(span, "`;` without a definition before it");
                self.diagnostics.push(error);
                self.bump();
                continue;
            }
            let (level, before) = (self.braces, self.at);
            if parse(self, definitions).is_err() {
                self.recover(level, before);
            }
        }
    }

    /// Skips to where the next definition may begin: `level` braces are open around it, and it began at token `before`.
    fn recover(&mut self, level: usize, before: usize) {
        if self.at == before && !self.peek().is("}") && !self.peek().is("{") {
            self.bump();
        }
        loop {
            let token = self.peek();
            match token.kind {
                Kind::End => return,
                Kind::Punct if token.is("}") => {
                    if self.braces <= level {
                        return;
                    }
                    self.bump();
                    if self.braces == level {
                        self.accept(";");
                        return;
                    }
                    continue;
                }
                Kind::Punct if token.is(";") && self.braces <= level => {
                    self.bump();
                    return;
                }
                Kind::Ident if self.braces <= level && self.begins_anew(token, before) => return,
                _ => {}
            }
            self.bump();
        }
    }

    /// Says whether a token is likely to begin a definition.
    fn begins_anew(&self, token: &Token, before: usize) -> bool {
        token.first && self.at > before && opens_definition(&token.text)
    }

    fn collect_markers(&mut self) {
        while let Some(token) = self.tokens.get(self.at)
            && let Kind::Marker(marker) = token.kind
        {
            self.markers.push((marker, Rc::clone(&token.text), token.span));
            self.at += 1;
        }
    }

    fn flush_markers(&mut self, definitions: &mut Vec<Definition>) {
        for (marker, text, span) in self.markers.drain(..) {
            let kind = DefinitionKind::Marker { marker, text };
            definitions.push(Definition {
                prelude: Prelude::default(),
                span,
                kind,
            });
        }
    }

    /// Returns the next token.
    fn peek(&self) -> &Token {
        let token = self
            .split
            .as_ref()
            .or_else(|| self.tokens.get(self.at))
            .or_else(|| self.tokens.last());
        token.expect("the preprocessor ends its output with `End`")
    }

    /// Returns the token after the next one.
    fn peek_second(&self) -> Option<&Token> {
        let next = if self.split.is_some() {
            self.at
        } else {
            self.at + 1
        };
        self.tokens
            .get(next..)?
            .iter()
            .find(|token| !matches!(token.kind, Kind::Marker(_)))
    }

    fn bump(&mut self) {
        if let Some(half) = self.split.take() {
            self.previous = half.span;
            return;
        }
        let Some(token) = self.tokens.get(self.at).filter(|token| token.kind != Kind::End) else {
            return;
        };
        self.previous = token.span;
        self.at += 1;
        if token.is("{") {
            self.braces += 1;
        } else if token.is("}") {
            self.braces = self.braces.saturating_sub(1);
        }
        self.collect_markers();
    }

    /// Takes a mark if it is the next token.
    fn accept(&mut self, mark: &str) -> bool {
        let found = self.peek().is(mark);
        if found {
            self.bump();
        }
        found
    }

    /// Takes a keyword if it is the next token.
    fn accept_word(&mut self, word: &str) -> bool {
        let found = self.peek().is_ident(word);
        if found {
            self.bump();
        }
        found
    }

    fn expect(&mut self, mark: &str) -> Parsed<()> {
        if self.accept(mark) {
            return Ok(());
        }
        Err(self.expected(&format!("`{mark}`")))
    }

    fn expect_word(&mut self, word: &str) -> Parsed<()> {
        if self.accept_word(word) {
            return Ok(());
        }
        Err(self.expected(&format!("`{word}`")))
    }

    /// Takes the `;` after a definition. If something that can begin the next one follows, only its lack is reported.
    fn semicolon(&mut self) -> Parsed<()> {
        if self.accept(";") {
            return Ok(());
        }
        let after = self.previous.after();
        let token = self.peek();
        if token.kind == Kind::Stray {
            return Err(self.expected("`;`"));
        }
        let goes_on = token.is("}") || token.first || token.kind == Kind::End;
        let error = Diagnostic::error(after, "missing `;`").label("expected `;` here");
        let error = if goes_on {
            error
        } else {
            error.also(token.span, "before this")
        };
        self.diagnostics.push(error);
        if goes_on { Ok(()) } else { Err(Failed) }
    }

    /// Reports that something else was expected than the next token.
    fn expected(&mut self, what: &str) -> Failed {
        let token = self.peek();
        let error = if token.kind == Kind::End {
            Diagnostic::error(token.span, "unexpected end of file")
        } else {
            Diagnostic::error(token.span, format!("unexpected {}", described(token)))
        };
        let error = error.label(format!("expected {what}"));
        self.diagnostics.push(error);
        Failed
    }

    /// Takes a name that is being defined or used; `what` says of what.
    fn ident(&mut self, what: &str) -> Parsed<Ident> {
        let token = self.peek();
        if token.kind != Kind::Ident {
            return Err(self.expected(what));
        }
        let (text, span) = (Rc::clone(&token.text), token.span);
        // IDL 4.2 §7.2.3.2: a leading underscore makes a name of what would be a keyword, and is dropped.
        if let Some(escaped) = text.strip_prefix('_') {
            if !escaped.starts_with(|c: char| c.is_ascii_alphabetic()) {
                let error = Diagnostic::error(span, format!("`{text}` is no identifier"));
                self.diagnostics
                    .push(error.label("expected a letter after the escaping `_`"));
            }
            self.bump();
            return self.sized(Ident {
                text: Rc::from(escaped),
                span,
            });
        }
        match standing(&text) {
            Standing::Free => {}
            Standing::Recent => {
                let warning = Diagnostic::warning(span, format!("`{text}` is a keyword of IDL 4"));
                self.diagnostics
                    .push(warning.help(format!("write `_{text}` to use it as a name")));
            }
            Standing::Keyword => {
                let error = Diagnostic::error(span, format!("unexpected keyword `{text}`"));
                let error = error.label(format!("expected {what}"));
                self.diagnostics
                    .push(error.help(format!("write `_{text}` to use it as a name")));
                return Err(Failed);
            }
            Standing::DiffersInCase(keyword) => {
                let error = Diagnostic::error(
                    span,
                    format!("`{text}` differs from keyword `{keyword}` only in case"),
                );
                self.diagnostics
                    .push(error.help(format!("write `_{text}` to use it as a name")));
            }
            Standing::DiffersFromLater(keyword) if !self.using => {
                let message = format!("`{text}` differs from keyword `{keyword}` only in case");
                let warning = Diagnostic::warning(span, message);
                self.diagnostics
                    .push(warning.help(format!("write `_{text}` to use it as a name")));
            }
            Standing::DiffersFromLater(_) => {}
        }
        self.bump();
        self.sized(Ident { text, span })
    }

    fn sized(&mut self, name: Ident) -> Parsed<Ident> {
        if name.text.len() <= LONGEST_NAME {
            return Ok(name);
        }
        let error = Diagnostic::error(
            name.span,
            format!("identifier is longer than {LONGEST_NAME} characters"),
        );
        self.diagnostics.push(error);
        Err(Failed)
    }

    fn scoped_name(&mut self, what: &str) -> Parsed<ScopedName> {
        self.using = true;
        let name = self.name_parts(what);
        self.using = false;
        name
    }

    fn name_parts(&mut self, what: &str) -> Parsed<ScopedName> {
        let start = self.peek().span;
        let absolute = self.accept("::");
        let mut parts = vec![self.ident(what)?];
        while self.accept("::") {
            parts.push(self.ident("a name after `::`")?);
            if parts.len() > DEPTH * 4 {
                return Err(self.too_deep());
            }
        }
        Ok(ScopedName {
            absolute,
            parts,
            span: start.to(self.previous),
        })
    }

    /// Takes one or more names separated by commas.
    fn scoped_names(&mut self, what: &str) -> Parsed<Vec<ScopedName>> {
        let mut names = vec![self.scoped_name(what)?];
        while self.accept(",") {
            names.push(self.scoped_name(what)?);
        }
        Ok(names)
    }

    /// Parses something inside something else, up to a bound.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        let result = if self.depth > DEPTH {
            Err(self.too_deep())
        } else {
            parse(self)
        };
        self.depth -= 1;
        result
    }

    fn too_deep(&mut self) -> Failed {
        let span = self.peek().span;
        self.diagnostics.push(Diagnostic::error(
            span,
            format!("definitions nest more than {DEPTH} deep"),
        ));
        Failed
    }

    /// Takes the doc comment and the annotations before a definition.
    fn prelude(&mut self) -> Parsed<Prelude> {
        let mut doc = self.peek().doc.clone();
        let annotations = self.annotations()?;
        doc = doc.or_else(|| self.peek().doc.clone());
        Ok(Prelude { doc, annotations })
    }
}

/// Names a token for a message.
fn described(token: &Token) -> String {
    match token.kind {
        Kind::Char | Kind::WideChar => String::from("character literal"),
        Kind::String | Kind::WideString => String::from("string literal"),
        Kind::Ident if standing(&token.text) == Standing::Keyword => format!("keyword `{}`", token.text),
        Kind::Stray => format!("character `{}`", token.text.escape_debug()),
        _ => format!("`{}`", token.text),
    }
}

#[cfg(test)]
mod tests;

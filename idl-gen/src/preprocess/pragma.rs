// SPDX-License-Identifier: MIT OR Apache-2.0
//! `#pragma prefix`, `ID`, `version` (CORBA 3.3 part 1 §14.7.5) and `once`.

use super::Preprocessor;
use super::macros::tokens;
use crate::diagnostics::Diagnostic;
use crate::lexer::Lexer;
use crate::source::Span;
use crate::token::{Kind, Marker, Token};

impl Preprocessor<'_> {
    /// Takes the rest of a `#pragma`; unknown ones are not ours.
    pub(super) fn pragma(&mut self, lexer: &mut Lexer<'_>) {
        let (text, span) = lexer.rest_of_line();
        let (word, _) = text
            .split_once(|c: char| c.is_whitespace() || c == '"')
            .unwrap_or((&text, ""));
        match word {
            "once" => {
                self.once.insert(span.file);
            }
            "prefix" => self.prefix(&text, span),
            "ID" | "id" => self.named(Marker::Id, &text, span),
            "version" => self.named(Marker::Version, &text, span),
            _ => {}
        }
    }

    fn prefix(&mut self, text: &str, span: Span) {
        match tokens(text, span).as_slice() {
            [_, prefix] if prefix.kind == Kind::String => {
                let prefix = prefix.text.to_string();
                self.marker(Marker::Prefix, &prefix, span);
            }
            _ => self.malformed(span, "`#pragma prefix \"prefix\"`"),
        }
    }

    /// Takes `ID name "id"` or `version name major.minor`.
    fn named(&mut self, marker: Marker, text: &str, span: Span) {
        let tokens = tokens(text, span);
        let parts = tokens
            .split_last()
            .and_then(|(value, rest)| Some((value, rest.get(1..)?)));
        let wanted = if marker == Marker::Id {
            Kind::String
        } else {
            Kind::Number
        };
        if let Some((value, name)) = parts
            && value.kind == wanted
            && is_scoped_name(name)
            && (marker == Marker::Id || is_version(&value.text))
        {
            let name: String = name.iter().map(|token| &*token.text).collect();
            return self.marker(marker, &format!("{name}\n{}", value.text), span);
        }
        self.malformed(
            span,
            match marker {
                Marker::Id => "`#pragma ID name \"IDL:name:1.0\"`",
                _ => "`#pragma version name 1.0`",
            },
        );
    }

    fn malformed(&mut self, span: Span, form: &str) {
        self.diagnostics
            .push(Diagnostic::error(span, "malformed `#pragma`").label(format!("expected {form}")));
    }
}

fn is_scoped_name(tokens: &[Token]) -> bool {
    let mut names = tokens;
    if let [first, rest @ ..] = names
        && first.is("::")
    {
        names = rest;
    }
    let pairs = names.chunks(2);
    !names.is_empty()
        && names.len() % 2 == 1
        && pairs.into_iter().all(|pair| {
            pair.first().is_some_and(|name| name.kind == Kind::Ident)
                && pair.get(1).is_none_or(|colons| colons.is("::"))
        })
}

/// Says whether a text is `major.minor`, both 16-bit.
fn is_version(text: &str) -> bool {
    let part = |part: &str| !part.starts_with('+') && part.parse::<u16>().is_ok();
    text.split_once('.')
        .is_some_and(|(major, minor)| part(major) && part(minor))
}

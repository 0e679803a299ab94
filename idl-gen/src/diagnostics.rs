// SPDX-License-Identifier: MIT OR Apache-2.0
//! Errors, warnings and notes about IDL, and how they are shown.

use std::collections::HashSet;
use std::fmt;

use crate::source::{Location, SourceMap, Span};

mod render;

/// More errors than this are not reported; nobody reads them, and hostile input could make millions.
const MOST_ERRORS: usize = 1000;

/// How serious a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The IDL is wrong; nothing is generated.
    Error,
    /// The IDL is probably not what was meant.
    Warning,
    /// Something to know, such as a construct that no Rust is generated for.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// A place in the source and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What stands beside the underlined text; may be empty.
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How serious it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where; `None` for what concerns no place, such as an input that can't be read.
    pub primary: Option<Label>,
    /// Other places that matter, such as the first definition.
    pub secondary: Vec<Label>,
    /// What to do about it, or the rule behind it.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// Makes an error at `span`.
    #[must_use]
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, Some(span), message)
    }

    /// Makes a warning at `span`.
    #[must_use]
    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, Some(span), message)
    }

    /// Makes a note at `span`.
    #[must_use]
    pub fn note(span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, Some(span), message)
    }

    /// Makes an error that concerns no place in a source.
    #[must_use]
    pub fn error_without_place(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, None, message)
    }

    fn new(severity: Severity, span: Option<Span>, message: impl Into<String>) -> Self {
        let primary = span.map(|span| Label {
            span,
            text: String::new(),
        });
        Self {
            severity,
            message: message.into(),
            primary,
            secondary: Vec::new(),
            help: Vec::new(),
        }
    }

    /// Says `text` beside the underlined place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(primary) = &mut self.primary {
            primary.text = text.into();
        }
        self
    }

    /// Shows another place.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label {
            span,
            text: text.into(),
        });
        self
    }

    /// Adds what to do about it, or the rule behind it.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }
}

/// The findings of a compilation, in the order they were made.
#[derive(Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    seen: HashSet<(Option<Span>, String)>,
    errors: usize,
}

impl Diagnostics {
    /// Adds a finding, unless the same was made at the same place before.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let is_error = diagnostic.severity == Severity::Error;
        let full = self.list.len() >= MOST_ERRORS * 2 || (is_error && self.errors >= MOST_ERRORS);
        let place = diagnostic.primary.as_ref().map(|label| label.span);
        if is_error {
            self.errors += 1;
        }
        if !full && self.seen.insert((place, diagnostic.message.clone())) {
            self.list.push(diagnostic);
        }
    }

    /// Says whether there is an error among them.
    #[must_use]
    pub const fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Returns how many errors there are, those beyond the bound included.
    #[must_use]
    pub const fn errors(&self) -> usize {
        self.errors
    }

    /// Adds the findings of another.
    pub(crate) fn extend(&mut self, other: Self) {
        other
            .list
            .into_iter()
            .for_each(|diagnostic| self.push(diagnostic));
    }

    /// Returns them in the order they were made.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// Returns how many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.list.len()
    }

    /// Says whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Puts them in the order of the source: by file as read, then by position.
    pub(crate) fn sort(&mut self) {
        self.list
            .sort_by_key(|diagnostic| diagnostic.primary.as_ref().map(|label| label.span));
    }

    /// Shows them as text: message, file, line and column, the underlined source and the rest.
    #[must_use]
    pub fn render(&self, sources: &SourceMap) -> String {
        render::render(&self.list, sources, false)
    }

    /// Like [`render`](Self::render), with the colours of a terminal.
    #[must_use]
    pub fn render_styled(&self, sources: &SourceMap) -> String {
        render::render(&self.list, sources, true)
    }

    /// Returns one line for each: `file:line:column: error: message`.
    #[must_use]
    pub fn summary(&self, sources: &SourceMap) -> String {
        let mut text = String::new();
        for diagnostic in &self.list {
            if let Some(primary) = &diagnostic.primary {
                let Location { file, line, column } = sources.location(primary.span);
                text.push_str(&format!("{file}:{line}:{column}: "));
            }
            text.push_str(&format!("{}: {}\n", diagnostic.severity, diagnostic.message));
        }
        text
    }
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The preprocessor (IDL 4.2 §7.3: that of ISO C++), with bounds on everything that input can make grow.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use self::condition::Conditions;
use self::macros::Macro;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::lexer::Lexer;
use crate::source::{FileId, SourceLoader, SourceMap, Span};
use crate::token::{Kind, Marker, Token};

mod builtin;
mod condition;
mod directive;
mod expand;
mod expression;
mod include;
mod macros;
mod pragma;

/// Deepest nesting of `#include`.
const INCLUDE_DEPTH: usize = 100;
/// Most files entered in one input, repetitions counted.
const MOST_FILES: usize = 20_000;
/// Most bytes read in one input, repetitions counted.
const MOST_BYTES: usize = 512 << 20;
/// Most tokens an input may come to, and most that macros may go through on the way.
const MOST_TOKENS: usize = 2_000_000;

/// What the caller sets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Directories searched for included files, in order.
    pub(crate) includes: Vec<PathBuf>,
    /// Macros defined beforehand: name and value.
    pub(crate) defines: Vec<(String, String)>,
}

/// Files read so far, over all inputs of a compilation.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) map: SourceMap,
    known: HashMap<PathBuf, FileId>,
}

/// Preprocesses one input.
pub(crate) struct Preprocessor<'a> {
    options: &'a Options,
    loader: &'a mut dyn SourceLoader,
    files: &'a mut Files,
    diagnostics: &'a mut Diagnostics,
    macros: HashMap<Rc<str>, Rc<Macro>>,
    once: HashSet<FileId>,
    output: Vec<Token>,
    /// Tokens that macro expansion has gone through.
    work: usize,
    depth: usize,
    entered: usize,
    bytes: usize,
    /// A bound was met; nothing more is read.
    stopped: bool,
}

impl std::fmt::Debug for Preprocessor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Preprocessor")
            .field("macros", &self.macros.len())
            .finish_non_exhaustive()
    }
}

impl<'a> Preprocessor<'a> {
    pub(crate) fn new(
        options: &'a Options,
        loader: &'a mut dyn SourceLoader,
        files: &'a mut Files,
        diagnostics: &'a mut Diagnostics,
    ) -> Self {
        Self {
            options,
            loader,
            files,
            diagnostics,
            macros: HashMap::new(),
            once: HashSet::new(),
            output: Vec::new(),
            work: 0,
            depth: 0,
            entered: 0,
            bytes: 0,
            stopped: false,
        }
    }

    /// Preprocesses an input; the tokens end with `End`. `None` when the input itself can't be read.
    pub(crate) fn run(mut self, input: &Path) -> Option<(FileId, Vec<Token>)> {
        let file = match self.load(input) {
            Ok(file) => file,
            Err(error) => {
                let message = format!("cannot read `{}`: {error}", input.display());
                self.diagnostics.push(Diagnostic::error_without_place(message));
                return None;
            }
        };
        self.predefine();
        self.file(file);
        let end = self
            .files
            .map
            .file(file)
            .map_or(0, |f| u32::try_from(f.text.len()).unwrap_or(u32::MAX));
        self.output
            .push(Token::new(Kind::End, "", Span::new(file, end, end)));
        Some((file, self.output))
    }

    /// Goes through one file.
    fn file(&mut self, id: FileId) {
        let Some(text) = self.files.map.file(id).map(|file| Arc::clone(&file.text)) else {
            return;
        };
        self.entered += 1;
        self.bytes += text.len();
        if self.entered > MOST_FILES || self.bytes > MOST_BYTES {
            return self.stop(Span::new(id, 0, 0), "the input includes too many files");
        }
        let mut lexer = Lexer::new(id, &text);
        let mut conditions = Conditions::default();
        let mut run = Vec::new();
        while !self.stopped {
            let token = lexer.token();
            self.findings(&mut lexer, &conditions);
            match token.kind {
                Kind::End => break,
                Kind::Newline => {}
                _ if token.first && token.is("#") => {
                    self.flush(&mut run);
                    self.directive(&mut lexer, &mut conditions, token.span);
                    self.findings(&mut lexer, &conditions);
                }
                _ if conditions.active() => run.push(token),
                _ => {}
            }
        }
        self.flush(&mut run);
        for open in conditions.open() {
            let error = Diagnostic::error(open, "unterminated conditional directive");
            self.diagnostics
                .push(error.label("expected a matching `#endif` in this file"));
        }
    }

    /// Expands the macros in what stands between two directives.
    fn flush(&mut self, run: &mut Vec<Token>) {
        if run.is_empty() {
            return;
        }
        let expanded = self.expand(std::mem::take(run), 0);
        let last = expanded.last().map(|token| token.span);
        self.output.extend(expanded);
        if let Some(span) = last.filter(|_| self.output.len() > MOST_TOKENS) {
            self.stop(span, "the input is too large");
        }
    }

    /// Passes on what the lexer found, unless it was in text that is skipped.
    fn findings(&mut self, lexer: &mut Lexer<'_>, conditions: &Conditions) {
        for finding in lexer.findings.drain(..) {
            if conditions.active() {
                self.diagnostics.push(finding);
            }
        }
    }

    /// Reports that a bound was met, and ends.
    fn stop(&mut self, span: Span, why: &str) {
        if !self.stopped {
            self.stopped = true;
            let bounds =
                format!("the bounds are {MOST_TOKENS} tokens, {MOST_FILES} files and {MOST_BYTES} bytes");
            self.diagnostics.push(Diagnostic::error(span, why).help(bounds));
        }
    }

    fn error(&mut self, span: Span, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(span, message));
    }

    fn marker(&mut self, marker: Marker, text: &str, span: Span) {
        self.output.push(Token::new(Kind::Marker(marker), text, span));
    }
}

#[cfg(test)]
pub(crate) mod tests;

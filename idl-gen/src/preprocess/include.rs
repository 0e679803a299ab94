// SPDX-License-Identifier: MIT OR Apache-2.0
//! `#include`: finding and reading files.

use std::io;
use std::path::{Path, PathBuf};

use super::expand::spelled;
use super::macros::tokens;
use super::{INCLUDE_DEPTH, Preprocessor, builtin};
use crate::diagnostics::Diagnostic;
use crate::lexer::Lexer;
use crate::source::{FileId, Span};
use crate::token::Marker;

/// Largest file read.
const LARGEST_FILE: usize = 256 << 20;

impl Preprocessor<'_> {
    pub(super) fn include(&mut self, lexer: &mut Lexer<'_>, directive: Span) {
        let (mut text, span) = lexer.rest_of_line();
        if !text.starts_with(['"', '<']) {
            let expanded = self.expand(tokens(&text, span), 0);
            text = expanded.iter().map(spelled).collect();
        }
        let span = if text.is_empty() { directive } else { span };
        let (name, quoted) = match (delimited(&text, '"', '"'), delimited(&text, '<', '>')) {
            (Some(name), _) => (name.to_owned(), true),
            (_, Some(name)) => (name.to_owned(), false),
            _ => {
                let error = Diagnostic::error(span, "malformed `#include`");
                return self
                    .diagnostics
                    .push(error.label("expected `\"file\"` or `<file>`"));
            }
        };
        self.depth += 1;
        if self.depth > INCLUDE_DEPTH {
            self.stop(span, "`#include` nests too deeply; does a file include itself?");
        } else if let Some(file) = self.find(&name, quoted, span)
            && !self.once.contains(&file)
        {
            self.marker(Marker::Enter, &name, span);
            self.file(file);
            self.marker(Marker::Leave, &name, span);
        }
        self.depth -= 1;
    }

    /// Looks for an included file: beside the including one if quoted, then in the include directories in order.
    fn find(&mut self, name: &str, quoted: bool, span: Span) -> Option<FileId> {
        let beside = self
            .files
            .map
            .file(span.file)
            .and_then(|file| file.path.parent())
            .map(Path::to_path_buf);
        let directories = beside
            .filter(|_| quoted)
            .into_iter()
            .chain(self.options.includes.iter().cloned());
        let directories: Vec<PathBuf> = directories.collect();
        for directory in &directories {
            match self.load(&directory.join(name)) {
                Ok(file) => return Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    self.error(span, format!("cannot read `{name}`: {error}"));
                    return None;
                }
            }
        }
        if let Some((_, text)) = builtin::FILES.iter().find(|(known, _)| *known == name) {
            return Some(self.builtin(name, text));
        }
        let mut error = Diagnostic::error(span, format!("included file `{name}` is not found"));
        error = error.label("expected in one of the include directories");
        let searched: Vec<String> = directories.iter().map(|directory| shown(directory)).collect();
        error = error.help(match searched.as_slice() {
            [] => String::from("no include directory is given"),
            _ => format!("searched in: {}", searched.join(", ")),
        });
        self.diagnostics.push(error);
        None
    }

    fn builtin(&mut self, name: &str, text: &str) -> FileId {
        let path = PathBuf::from(format!("<built-in>/{name}"));
        let files = &mut *self.files;
        *files
            .known
            .entry(path.clone())
            .or_insert_with(|| files.map.add(path, text.to_owned()))
    }

    /// Reads a file, or returns it if it was read before.
    pub(super) fn load(&mut self, path: &Path) -> io::Result<FileId> {
        if let Some(file) = self.files.known.get(path) {
            return Ok(*file);
        }
        let bytes = self.loader.load(path)?;
        if bytes.len() > LARGEST_FILE {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the file is too large",
            ));
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            // IDL 4.2 §7.2.1: the character set is ISO 8859-1.
            Err(error) => error.into_bytes().into_iter().map(char::from).collect(),
        };
        let file = self.files.map.add(path.to_path_buf(), text);
        self.files.known.insert(path.to_path_buf(), file);
        Ok(file)
    }
}

fn delimited(text: &str, open: char, close: char) -> Option<&str> {
    let inner = text.trim().strip_prefix(open)?;
    let (name, after) = inner.split_once(close)?;
    (!name.is_empty() && after.trim().is_empty()).then_some(name)
}

fn shown(directory: &Path) -> String {
    if directory.as_os_str().is_empty() {
        String::from(".")
    } else {
        directory.display().to_string()
    }
}

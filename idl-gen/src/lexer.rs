// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cuts a source text into tokens (IDL 4.2 §7.2).

use std::rc::Rc;

use self::cursor::Cursor;
use crate::diagnostics::Diagnostic;
use crate::source::{FileId, Span};
use crate::token::{Kind, Token};

mod comment;
mod cursor;
pub(crate) mod literal;

/// Operators and marks of more than one character, longest first; the preprocessor's included.
const LONG_MARKS: [&str; 12] = [
    "...", "::", "<<", ">>", "##", "==", "!=", "<=", ">=", "&&", "||", "->",
];

/// Single characters that are tokens.
const MARKS: &str = ";{}:,=+-()<>[]|^&*/%~@#!?.";

/// Cuts one text into tokens.
#[derive(Debug)]
pub(crate) struct Lexer<'a> {
    cursor: Cursor<'a>,
    file: FileId,
    /// Nothing but white space was seen on this line.
    line_start: bool,
    /// The last token opened a list, so that a comment after it is of what follows.
    opening: bool,
    doc: comment::Doc,
    /// Findings, to be collected by the caller.
    pub(crate) findings: Vec<Diagnostic>,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(file: FileId, text: &'a str) -> Self {
        // A byte order mark is no part of the text.
        let start = if text.starts_with('\u{feff}') {
            '\u{feff}'.len_utf8()
        } else {
            0
        };
        Self::starting_at(file, text, start)
    }

    /// Makes a lexer that continues in the middle of a text.
    pub(crate) fn starting_at(file: FileId, text: &'a str, start: usize) -> Self {
        Self {
            cursor: Cursor::new(text, start),
            file,
            line_start: true,
            opening: false,
            doc: comment::Doc::default(),
            findings: Vec::new(),
        }
    }

    /// Returns the next token; `End` again and again at the end.
    pub(crate) fn token(&mut self) -> Token {
        let spaced = self.skip_space();
        let start = self.cursor.offset();
        let first = self.line_start;
        let Some(c) = self.cursor.peek() else {
            return self.finish(Kind::End, start, String::new(), spaced, first);
        };
        if c == '\n' {
            self.cursor.bump();
            self.line_start = true;
            self.doc.line_ended();
            return self.finish(Kind::Newline, start, String::new(), spaced, first);
        }
        self.line_start = false;
        let (kind, text) = self.scan(c);
        self.opening = kind == Kind::Punct && matches!(&*text, "{" | "(");
        let mut token = self.finish(kind, start, text, spaced, first);
        token.doc = self.doc.take();
        token
    }

    fn finish(&self, kind: Kind, start: usize, text: String, spaced: bool, first: bool) -> Token {
        let mut token = Token::new(kind, "", self.span(start));
        token.text = Rc::from(text);
        token.spaced = spaced;
        token.first = first;
        token
    }

    fn span(&self, start: usize) -> Span {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span::new(self.file, offset(start), offset(self.cursor.offset()))
    }

    fn scan(&mut self, c: char) -> (Kind, String) {
        let next = self.cursor.peek_second();
        match c {
            'L' if next == Some('\'') => {
                self.cursor.bump();
                (Kind::WideChar, self.quoted('\''))
            }
            'L' if next == Some('"') => {
                self.cursor.bump();
                (Kind::WideString, self.quoted('"'))
            }
            '\'' => (Kind::Char, self.quoted('\'')),
            '"' => (Kind::String, self.quoted('"')),
            '.' if next.is_some_and(|n| n.is_ascii_digit()) => (Kind::Number, self.number()),
            _ if c.is_ascii_digit() => (Kind::Number, self.number()),
            _ if is_ident_start(c) => (Kind::Ident, self.ident()),
            _ => self.mark(c),
        }
    }

    fn ident(&mut self) -> String {
        let mut text = String::new();
        while let Some(c) = self
            .cursor
            .peek()
            .filter(|&c| is_ident_start(c) || c.is_ascii_digit())
        {
            text.push(c);
            self.cursor.bump();
        }
        text
    }

    /// Takes a preprocessing number: what a number may be is seen later.
    fn number(&mut self) -> String {
        let mut text = String::new();
        while let Some(c) = self.cursor.peek() {
            let hexadecimal = text.starts_with("0x") || text.starts_with("0X");
            let after_exponent = !hexadecimal && text.ends_with(['e', 'E']);
            let part = is_ident_start(c)
                || c.is_ascii_digit()
                || c == '.'
                || (after_exponent && matches!(c, '+' | '-'));
            if !part {
                break;
            }
            text.push(c);
            self.cursor.bump();
        }
        text
    }

    /// Takes what stands between quotes, escapes left as they are.
    fn quoted(&mut self, quote: char) -> String {
        let start = self.cursor.offset();
        self.cursor.bump();
        let mut text = String::new();
        // Where the definition probably ends, if the closing quote is missing.
        let mut semicolon = None;
        loop {
            match self.cursor.peek() {
                None | Some('\n') => {
                    let what = if quote == '"' { "string" } else { "character" };
                    let message = format!("unterminated {what} literal");
                    let help = format!("expected `{quote}` before the end of the line");
                    self.findings
                        .push(Diagnostic::error(self.span(start), message).label(help));
                    if let Some((offset, length)) = semicolon {
                        self.cursor.set_offset(offset);
                        text.truncate(length);
                    }
                    return text;
                }
                Some(c) if c == quote => {
                    self.cursor.bump();
                    return text;
                }
                Some('\\') => {
                    text.push('\\');
                    self.cursor.bump();
                    if let Some(escaped) = self.cursor.peek().filter(|&c| c != '\n') {
                        text.push(escaped);
                        self.cursor.bump();
                    }
                }
                Some(c) => {
                    if c == ';' {
                        semicolon = Some((self.cursor.offset(), text.len()));
                    }
                    text.push(c);
                    self.cursor.bump();
                }
            }
        }
    }

    fn mark(&mut self, c: char) -> (Kind, String) {
        for long in LONG_MARKS {
            if self.cursor.take(long) {
                return (Kind::Punct, long.to_owned());
            }
        }
        self.cursor.bump();
        let kind = if MARKS.contains(c) {
            Kind::Punct
        } else {
            Kind::Stray
        };
        (kind, c.to_string())
    }

    /// Skips white space and comments, but not the end of a line; says whether there was any.
    fn skip_space(&mut self) -> bool {
        let mut any = false;
        loop {
            match self.cursor.peek() {
                Some('\n') | None => return any,
                // IDL 4.2 §7.2.2: form feed and vertical tab are white space too.
                Some(c) if c.is_whitespace() || c == '\u{feff}' => self.cursor.bump(),
                Some('/') if self.cursor.peek_second() == Some('/') => self.line_comment(),
                Some('/') if self.cursor.peek_second() == Some('*') => self.block_comment(),
                Some(_) => return any,
            }
            any = true;
        }
    }

    fn line_comment(&mut self) {
        let trailing = !self.line_start && !self.opening;
        let mut text = String::new();
        while let Some(c) = self.cursor.peek().filter(|&c| c != '\n') {
            text.push(c);
            self.cursor.bump();
        }
        if !trailing {
            self.doc.line(&text);
        }
    }

    fn block_comment(&mut self) {
        let trailing = !self.line_start && !self.opening;
        let start = self.cursor.offset();
        self.cursor.bump();
        self.cursor.bump();
        let opening = self.span(start);
        let mut text = String::new();
        loop {
            match self.cursor.peek() {
                None => {
                    let error = Diagnostic::error(opening, "unterminated comment");
                    self.findings.push(error.label("expected `*/` after this"));
                    return;
                }
                Some('*') if self.cursor.peek_second() == Some('/') => break,
                Some(c) => {
                    text.push(c);
                    self.cursor.bump();
                }
            }
        }
        self.cursor.bump();
        self.cursor.bump();
        if !trailing {
            self.doc.block(&text);
        }
    }

    /// Skips white space and says whether the line ends there.
    pub(crate) fn at_end_of_line(&mut self) -> bool {
        self.skip_space();
        matches!(self.cursor.peek(), None | Some('\n'))
    }

    /// Takes the rest of the line as it stands, comments left out, without its end.
    pub(crate) fn rest_of_line(&mut self) -> (String, Span) {
        self.skip_space();
        let start = self.cursor.offset();
        let mut text = String::new();
        let mut quote = None;
        let mut end = start;
        while let Some(c) = self.cursor.peek().filter(|&c| c != '\n') {
            let next = self.cursor.peek_second();
            if quote.is_none() && c == '/' && next == Some('/') {
                self.line_comment();
                break;
            }
            if quote.is_none() && c == '/' && next == Some('*') {
                self.block_comment();
                text.push(' ');
                continue;
            }
            if c == '"' {
                quote = if quote.is_some() { None } else { Some(c) };
            }
            text.push(c);
            self.cursor.bump();
            if !c.is_whitespace() {
                end = self.cursor.offset();
            }
        }
        let mut span = self.span(start);
        span.end = u32::try_from(end).unwrap_or(u32::MAX);
        (text.trim_end().to_owned(), span)
    }
}

/// IDL identifiers are ASCII; letters of ISO 8859-1 are taken too, so that the parser can say what is wrong with them.
fn is_ident_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

#[cfg(test)]
mod tests;

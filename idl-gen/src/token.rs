// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tokens, before and after preprocessing.

use std::rc::Rc;

use crate::source::Span;

/// What kind of token it is; its text says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier or keyword, with its escaping underscore.
    Ident,
    /// Anything that begins like a number.
    Number,
    /// `'x'`, the text without its quotes and with its escapes.
    Char,
    /// `L'x'`
    WideChar,
    /// `"x"`
    String,
    /// `L"x"`
    WideString,
    /// An operator or mark.
    Punct,
    /// A byte that begins no token.
    Stray,
    /// The end of a line; only before preprocessing.
    Newline,
    /// A pragma or the border of an included file; only after preprocessing.
    Marker(Marker),
    /// The end of the input.
    End,
}

/// What the preprocessor tells the parser beside the source itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    /// An included file begins.
    Enter,
    /// An included file ends.
    Leave,
    /// `#pragma prefix "text"`
    Prefix,
    /// `#pragma ID name "id"`; the text is `name` and `id` separated by a newline.
    Id,
    /// `#pragma version name major.minor`; the text is as for `Id`.
    Version,
}

/// A token.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) text: Rc<str>,
    pub(crate) span: Span,
    /// The doc comment before it.
    pub(crate) doc: Option<Rc<str>>,
    /// Whether white space stands before it.
    pub(crate) spaced: bool,
    /// Whether it is the first of its line.
    pub(crate) first: bool,
    /// Macros that may not be expanded in it any more.
    pub(crate) hidden: Hidden,
}

impl Token {
    pub(crate) fn new(kind: Kind, text: &str, span: Span) -> Self {
        Self {
            kind,
            text: Rc::from(text),
            span,
            doc: None,
            spaced: false,
            first: false,
            hidden: Hidden::default(),
        }
    }

    pub(crate) fn is(&self, text: &str) -> bool {
        self.kind == Kind::Punct && &*self.text == text
    }

    pub(crate) fn is_ident(&self, text: &str) -> bool {
        self.kind == Kind::Ident && &*self.text == text
    }
}

/// The names of the macros whose expansion a token comes from; shared by all tokens of one expansion.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hidden(Option<Rc<HiddenName>>);

#[derive(Debug)]
struct HiddenName {
    name: Rc<str>,
    depth: usize,
    rest: Hidden,
}

impl Hidden {
    pub(crate) fn contains(&self, name: &str) -> bool {
        let mut at = self;
        while let Some(entry) = &at.0 {
            if &*entry.name == name {
                return true;
            }
            at = &entry.rest;
        }
        false
    }

    pub(crate) fn with(&self, name: &Rc<str>) -> Self {
        let entry = HiddenName {
            name: Rc::clone(name),
            depth: self.depth() + 1,
            rest: self.clone(),
        };
        Self(Some(Rc::new(entry)))
    }

    pub(crate) fn depth(&self) -> usize {
        self.0.as_ref().map_or(0, |entry| entry.depth)
    }
}

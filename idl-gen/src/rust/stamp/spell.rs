// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tokens of a type or a simple expression as text, spaced as a formatter would.

use std::fmt::Write as _;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// What was written last, as far as the space after it depends on that.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    /// Nothing yet.
    Start,
    /// An identifier, a keyword, a literal or a closing bracket.
    Word,
    /// A lifetime.
    Lifetime,
    /// Something that is followed by a space.
    Apart,
    /// Something that is not.
    Tight,
}

/// Words from which everything stands apart.
const KEYWORDS: &[&str] = &["as", "dyn", "let", "mut"];

/// Appends the text; `None` if there is more than the types and simple expressions this knows.
pub(crate) fn spell(tokens: TokenStream, out: &mut String) -> Option<()> {
    let mut last = Last::Start;
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        last = match token {
            TokenTree::Ident(ident) => {
                if matches!(last, Last::Word | Last::Lifetime | Last::Apart) {
                    out.push(' ');
                }
                write!(out, "{ident}").ok()?;
                if KEYWORDS.iter().any(|keyword| ident == keyword) {
                    Last::Apart
                } else {
                    Last::Word
                }
            }
            TokenTree::Literal(literal) => {
                if matches!(last, Last::Word | Last::Apart) {
                    out.push(' ');
                }
                write!(out, "{literal}").ok()?;
                Last::Word
            }
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ('(', ')'),
                    Delimiter::Bracket => ('[', ']'),
                    Delimiter::Brace | Delimiter::None => return None,
                };
                if matches!(last, Last::Lifetime | Last::Apart) {
                    out.push(' ');
                }
                out.push(open);
                spell(group.stream(), out)?;
                out.push(close);
                Last::Word
            }
            TokenTree::Punct(first) => {
                let mut text = String::from(first.as_char());
                let mut spacing = first.spacing();
                while spacing == Spacing::Joint
                    && first.as_char() != '\''
                    && let Some(TokenTree::Punct(next)) = tokens.peek()
                    && joins(&text, next.as_char())
                {
                    text.push(next.as_char());
                    spacing = next.spacing();
                    tokens.next();
                }
                if text == "'" {
                    let Some(TokenTree::Ident(name)) = tokens.next() else {
                        return None;
                    };
                    if matches!(last, Last::Word | Last::Apart) {
                        out.push(' ');
                    }
                    write!(out, "'{name}").ok()?;
                    Last::Lifetime
                } else {
                    punctuation(&text, last, out)?
                }
            }
        };
    }
    Some(())
}

/// Whether two punctuation characters are one token.
fn joins(text: &str, next: char) -> bool {
    matches!(
        (text, next),
        (":", ':') | ("-", '>') | ("=", '>') | (".", '.') | ("|", '|')
    )
}

fn punctuation(text: &str, last: Last, out: &mut String) -> Option<Last> {
    let (before, after) = match text {
        // What closes a type or an expression: a word after it stands apart.
        ">" | "?" => (false, Last::Word),
        "." | "!" | ".." => (false, Last::Tight),
        "::" | "<" => (last == Last::Apart, Last::Tight),
        "&" | "*" | "-" if last != Last::Word => (last == Last::Apart, Last::Tight),
        "," | ";" | ":" => (false, Last::Apart),
        "||" => (last == Last::Apart, Last::Apart),
        "=>" | "->" | "=" | "+" => (true, Last::Apart),
        "|" if last == Last::Word => (true, Last::Apart),
        _ => return None,
    };
    if before {
        out.push(' ');
    }
    out.push_str(text);
    Some(after)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Formatting what always has the same shape once.
//!
//! Most generated items differ in names only: the conversions of a reference, the implementations for an exception.
//! Parsing and formatting each anew takes nearly all the time there is. So such an item is a [`Stamp`]: a frame with
//! holes. The frame is formatted once, with placeholders; after that the holes' text is put in. Where the text would make
//! a line too long, or is more than an expression, the item is formatted as any other.

mod spell;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use super::format;

pub(crate) use self::spell::spell;

/// The longest line, margins of modules not counted.
const WIDTH: usize = 100;

/// A frame and what goes into its holes.
pub(crate) struct Stamp {
    /// Makes the tokens; depends on nothing but what it is given.
    pub(crate) frame: fn(&Holes) -> TokenStream,
    /// What goes in.
    pub(crate) holes: Holes,
}

/// What goes into the holes of a frame, by name.
#[derive(Default)]
pub(crate) struct Holes(Vec<(&'static str, Hole)>);

enum Hole {
    /// Part of a line: a name, a path, a type, an expression.
    Inline(TokenStream),
    /// Whole lines: statements with their `;`.
    Statements(Vec<TokenStream>),
    /// Whole lines: arms of a `match` with their `,`.
    Arms(Vec<TokenStream>),
    /// Whole lines: fields of a struct expression with their `,`.
    Fields(Vec<TokenStream>),
    /// Whole lines: elements or arguments with their `,`.
    Elements(Vec<TokenStream>),
}

impl Hole {
    fn lines(&self) -> Option<&[TokenStream]> {
        match self {
            Self::Inline(_) => None,
            Self::Statements(lines) | Self::Arms(lines) | Self::Fields(lines) | Self::Elements(lines) => {
                Some(lines)
            }
        }
    }
}

impl Holes {
    /// Adds a part of a line.
    pub(crate) fn inline(mut self, name: &'static str, tokens: TokenStream) -> Self {
        self.0.push((name, Hole::Inline(tokens)));
        self
    }

    /// Adds statements.
    pub(crate) fn statements(mut self, name: &'static str, lines: Vec<TokenStream>) -> Self {
        self.0.push((name, Hole::Statements(lines)));
        self
    }

    /// Adds arms of a `match`.
    pub(crate) fn arms(mut self, name: &'static str, lines: Vec<TokenStream>) -> Self {
        self.0.push((name, Hole::Arms(lines)));
        self
    }

    /// Adds fields of a struct expression.
    pub(crate) fn fields(mut self, name: &'static str, lines: Vec<TokenStream>) -> Self {
        self.0.push((name, Hole::Fields(lines)));
        self
    }

    /// Adds elements or arguments.
    pub(crate) fn elements(mut self, name: &'static str, lines: Vec<TokenStream>) -> Self {
        self.0.push((name, Hole::Elements(lines)));
        self
    }

    /// The tokens for a hole, in the place where it stands in the frame.
    pub(crate) fn get(&self, name: &str) -> TokenStream {
        match self.0.iter().find(|(known, _)| *known == name) {
            Some((_, Hole::Inline(tokens))) => tokens.clone(),
            Some((_, hole)) => hole.lines().unwrap_or_default().iter().cloned().collect(),
            None => TokenStream::new(),
        }
    }

    /// The same holes with placeholders in them.
    fn placeholders(&self) -> Self {
        let placeholder = |(name, hole): &(&'static str, Hole)| {
            let ident = Ident::new(&mark(name), Span::call_site());
            // So long that it has a line of its own.
            let long = Ident::new(&format!("{ident}{}", "_".repeat(WIDTH)), Span::call_site());
            let hole = match hole {
                Hole::Inline(_) => Hole::Inline(quote!(#ident)),
                Hole::Statements(_) => Hole::Statements(vec![quote!(#ident;)]),
                Hole::Arms(_) => Hole::Arms(vec![quote!(#ident => {},)]),
                Hole::Fields(_) => Hole::Fields(vec![quote!(#long: (),)]),
                Hole::Elements(_) => Hole::Elements(vec![quote!(#long,)]),
            };
            (*name, hole)
        };
        Self(self.0.iter().map(placeholder).collect())
    }
}

fn mark(name: &str) -> String {
    format!("Zz_{name}_zZ")
}

/// A formatted frame, cut at its holes.
struct Template(Vec<Line>);

enum Line {
    /// Pieces of text, between which holes lie: their number is that of the hole.
    Mixed(Vec<Part>),
    /// Whole lines, so far to the right.
    Whole { hole: usize, margin: usize },
}

enum Part {
    Text(String),
    Hole(usize),
}

thread_local! {
    static TEMPLATES: RefCell<HashMap<usize, Rc<Template>>> = RefCell::default();
}

impl Stamp {
    /// Appends the item's text, `depth` modules deep.
    ///
    /// # Errors
    /// The syntax error, if the frame is not Rust; a bug of the generator.
    pub(crate) fn write(&self, depth: usize, out: &mut String) -> Result<(), syn::Error> {
        let before = out.len();
        // At the top, attributes are added to the items.
        if depth > 0 && self.fill(depth, out)?.is_some() {
            return Ok(());
        }
        out.truncate(before);
        format::format((self.frame)(&self.holes), depth, out)
    }

    fn template(&self) -> Result<Rc<Template>, syn::Error> {
        // One frame is one function: its address is its name.
        let key = self.frame as usize;
        if let Some(template) = TEMPLATES.with_borrow(|templates| templates.get(&key).cloned()) {
            return Ok(template);
        }
        let mut text = String::new();
        // One module deep, so that no attributes are added.
        format::format((self.frame)(&self.holes.placeholders()), 1, &mut text)?;
        let names: Vec<_> = self.holes.0.iter().map(|(name, _)| mark(name)).collect();
        let template = Rc::new(Template(
            text.lines().map(|line| cut(line, &self.holes, &names)).collect(),
        ));
        TEMPLATES.with_borrow_mut(|templates| templates.insert(key, Rc::clone(&template)));
        Ok(template)
    }

    /// Puts the text in; `None` if it does not fit.
    fn fill(&self, depth: usize, out: &mut String) -> Result<Option<()>, syn::Error> {
        let template = self.template()?;
        let margin = "    ".repeat(depth - 1);
        for line in &template.0 {
            if self.fill_line(line, &margin, out).is_none() {
                return Ok(None);
            }
        }
        Ok(Some(()))
    }

    fn fill_line(&self, line: &Line, margin: &str, out: &mut String) -> Option<()> {
        match line {
            Line::Mixed(parts) => {
                let start = out.len();
                out.push_str(margin);
                for part in parts {
                    match part {
                        Part::Text(text) => out.push_str(text),
                        Part::Hole(at) => match self.holes.0.get(*at)? {
                            (_, Hole::Inline(tokens)) => spell(tokens.clone(), out)?,
                            _ => return None,
                        },
                    }
                }
                let line = out.get(start..).unwrap_or_default();
                // A constant has nowhere to break.
                let fits = line.len() <= margin.len() + WIDTH || parts.len() == 1 || line.contains("const ");
                out.push('\n');
                fits.then_some(())
            }
            Line::Whole { hole, margin: own } => {
                for line in self.holes.0.get(*hole)?.1.lines()? {
                    let start = out.len();
                    out.push_str(margin);
                    out.extend(std::iter::repeat_n(' ', *own));
                    spell(line.clone(), out)?;
                    if out.len() - start > margin.len() + WIDTH {
                        return None;
                    }
                    out.push('\n');
                }
                Some(())
            }
        }
    }
}

/// Finds the holes of a line.
fn cut(line: &str, holes: &Holes, names: &[String]) -> Line {
    let margin = line.len() - line.trim_start().len();
    let whole = names.iter().zip(&holes.0).position(|(name, (_, hole))| {
        !matches!(hole, Hole::Inline(_)) && line.trim_start().starts_with(name.as_str())
    });
    if let Some(hole) = whole {
        return Line::Whole { hole, margin };
    }
    let mut parts = Vec::new();
    let mut rest = line;
    while let Some((at, hole, name)) = first(rest, names) {
        let (text, after) = rest.split_at(at);
        parts.push(Part::Text(text.to_owned()));
        parts.push(Part::Hole(hole));
        rest = after.strip_prefix(name).unwrap_or_default();
    }
    parts.push(Part::Text(rest.to_owned()));
    Line::Mixed(parts)
}

/// The first hole in a text: where, which, and its placeholder.
fn first<'n>(text: &str, names: &'n [String]) -> Option<(usize, usize, &'n str)> {
    let found = names
        .iter()
        .enumerate()
        .filter_map(|(hole, name)| Some((text.find(name.as_str())?, hole, name.as_str())));
    found.min_by_key(|(at, ..)| *at)
}

#[cfg(test)]
mod tests;

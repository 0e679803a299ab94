// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading TOML so that every mistake is told with its line and column, all of them in one go.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::RangeInclusive;

use rtu::Nanos;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::cost::Picos;
use crate::units::{FINE_TIME, Quantity, RATE, SIZE, TIME};

/// One mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {what}")]
pub struct FileError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what was expected.
    pub what: String,
}

/// All mistakes in a file, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileErrors(Vec<FileError>);

impl FileErrors {
    /// Returns the mistakes; there is at least one.
    pub fn all(&self) -> &[FileError] {
        &self.0
    }

    /// Shows each mistake with the file it is in, as compilers write it: `file:line:column: what`.
    pub fn in_file(&self, file: impl fmt::Display) -> String {
        let lines = self.0.iter().map(|error| format!("{file}:{error}"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for FileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for FileErrors {}

/// What was found wrong so far.
pub(crate) struct Findings<'t> {
    text: &'t str,
    found: RefCell<Vec<(usize, String)>>,
}

/// A table of the file, of which keys are asked one by one; what nobody asked for is unknown.
pub(crate) struct Section<'a> {
    findings: &'a Findings<'a>,
    name: String,
    table: &'a DeTable<'a>,
    at: usize,
    asked: RefCell<Vec<&'static str>>,
    rest_ignored: Cell<bool>,
}

/// Reads a file: `build` asks its root for everything.
///
/// # Errors
/// All mistakes.
pub(crate) fn read<T>(text: &str, build: impl FnOnce(&Section<'_>) -> Option<T>) -> Result<T, FileErrors> {
    let findings = Findings {
        text,
        found: RefCell::default(),
    };
    let (table, mistakes) = DeTable::parse_recoverable(text);
    for mistake in mistakes {
        findings.add(
            mistake.span().map_or(0, |span| span.start),
            mistake.message().to_owned(),
        );
    }
    if !findings.found.borrow().is_empty() {
        return Err(findings.into_errors());
    }
    let root = Section::new(&findings, "the file".to_owned(), table.get_ref(), 0);
    let built = build(&root);
    root.finish();
    match built {
        Some(built) if findings.found.borrow().is_empty() => Ok(built),
        _ => Err(findings.into_errors()),
    }
}

impl Findings<'_> {
    fn add(&self, at: usize, what: String) {
        self.found.borrow_mut().push((at, what));
    }

    fn into_errors(self) -> FileErrors {
        let mut found = self.found.into_inner();
        if found.is_empty() {
            found.push((0, "something is missing".to_owned()));
        }
        found.sort_by_key(|(at, _)| *at);
        let error = |(at, what): (usize, String)| {
            let (line, column) = position(self.text, at);
            FileError { line, column, what }
        };
        FileErrors(found.into_iter().map(error).collect())
    }
}

/// Line and column of an offset, both from 1.
pub(crate) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before.get(start..).map_or(0, |it| it.chars().count()) + 1)
}

impl<'a> Section<'a> {
    fn new(findings: &'a Findings<'a>, name: String, table: &'a DeTable<'a>, at: usize) -> Self {
        Self {
            findings,
            name,
            table,
            at,
            asked: RefCell::default(),
            rest_ignored: Cell::default(),
        }
    }

    /// Says what is wrong with the section itself.
    pub(crate) fn wrong(&self, what: impl Into<String>) {
        self.findings.add(self.at, what.into());
    }

    /// Returns where the section is, for [`Section::wrong_at`].
    pub(crate) fn place(&self) -> usize {
        self.at
    }

    /// Says what is wrong at a place.
    pub(crate) fn wrong_at(&self, place: usize, what: impl Into<String>) {
        self.findings.add(place, what.into());
    }

    /// Says what is wrong with the value of a key.
    pub(crate) fn wrong_value(&self, key: &str, what: impl Into<String>) {
        let at = self.table.get(key).map_or(self.at, |value| value.span().start);
        self.findings.add(at, what.into());
    }

    /// Returns the line that the section begins in, from 1.
    pub(crate) fn line(&self) -> usize {
        position(self.findings.text, self.at).0
    }

    /// Names the section otherwise, for what is said of it.
    pub(crate) fn rename(&mut self, name: impl Into<String>) {
        self.name = name.into();
    }

    /// Returns a value that has to be there.
    pub(crate) fn need<T>(&self, key: &str, value: Option<T>) -> Option<T> {
        if value.is_none() && !self.table.contains_key(key) {
            self.wrong(format!("{} needs `{key}`", self.name));
        }
        value
    }

    fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().push(key);
        self.table.get(key)
    }

    pub(crate) fn time(&self, key: &'static str) -> Option<Nanos> {
        self.quantity(key, &TIME).map(Nanos)
    }

    pub(crate) fn fine_time(&self, key: &'static str) -> Option<Picos> {
        self.quantity(key, &FINE_TIME).map(Picos)
    }

    /// Bytes, with or without a unit.
    pub(crate) fn size(&self, key: &'static str) -> Option<u64> {
        match self.table.get(key).map(Spanned::get_ref) {
            Some(DeValue::Integer(_)) => self.count(key, 0..=u64::MAX >> 1),
            _ => self.quantity(key, &SIZE),
        }
    }

    /// Bytes per second.
    pub(crate) fn rate(&self, key: &'static str) -> Option<u64> {
        self.quantity(key, &RATE).map(|bits| bits / 8)
    }

    fn quantity(&self, key: &'static str, quantity: &Quantity) -> Option<u64> {
        let value = self.value(key)?;
        let read = match value.get_ref() {
            DeValue::String(text) => quantity.parse(text),
            other => Err(quantity.expected_text(&found(other))),
        };
        self.or_wrong(key, value, read)
    }

    fn or_wrong<T>(&self, key: &str, value: &Spanned<DeValue<'_>>, read: Result<T, String>) -> Option<T> {
        read.map_err(|what| self.findings.add(value.span().start, format!("`{key}`: {what}")))
            .ok()
    }

    pub(crate) fn text(&self, key: &'static str) -> Option<&'a str> {
        let value = self.value(key)?;
        let read = match value.get_ref() {
            DeValue::String(text) => Ok(text.as_ref()),
            other => Err(format!("expected a text in quotes, found {}", found(other))),
        };
        self.or_wrong(key, value, read)
    }

    /// One of several words.
    pub(crate) fn word<T: Copy>(&self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let value = self.value(key)?;
        let listed = || {
            words
                .iter()
                .map(|(word, _)| format!("\"{word}\""))
                .collect::<Vec<_>>()
        };
        let read = match value.get_ref() {
            DeValue::String(text) => {
                let chosen = words.iter().find(|(word, _)| *word == text.as_ref());
                let names = words.iter().map(|(word, _)| *word);
                chosen.map(|(_, meant)| *meant).ok_or_else(|| {
                    format!(
                        "expected {}, found \"{text}\"{}",
                        listed().join(", "),
                        suggestion(text, names)
                    )
                })
            }
            other => Err(format!(
                "expected {}, found {}",
                listed().join(", "),
                found(other)
            )),
        };
        self.or_wrong(key, value, read)
    }

    /// A whole number within a range.
    pub(crate) fn count(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let (from, to) = (*range.start(), *range.end());
        let signed = i128::from(from)..=i128::from(to);
        self.integer(key, signed)
            .and_then(|number| u64::try_from(number).ok())
    }

    /// A whole number within a range, perhaps negative.
    pub(crate) fn integer(&self, key: &'static str, range: RangeInclusive<i128>) -> Option<i128> {
        let value = self.value(key)?;
        let read = integer(value.get_ref(), &range);
        self.or_wrong(key, value, read)
    }

    /// A list of whole numbers.
    pub(crate) fn numbers(&self, key: &'static str, range: RangeInclusive<i128>) -> Option<Vec<i128>> {
        let value = self.value(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            let what = format!(
                "expected numbers such as [2, 3], found {}",
                found(value.get_ref())
            );
            return self.or_wrong(key, value, Err(what));
        };
        let read = |item: &Spanned<DeValue<'_>>| self.or_wrong(key, item, integer(item.get_ref(), &range));
        items.iter().map(read).collect()
    }

    /// A text, or a list of texts.
    pub(crate) fn texts(&self, key: &'static str) -> Option<Vec<String>> {
        let value = self.value(key)?;
        let read = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
            DeValue::String(text) => Some(text.clone().into_owned()),
            other => self.or_wrong(
                key,
                item,
                Err(format!("expected a text in quotes, found {}", found(other))),
            ),
        };
        match value.get_ref() {
            DeValue::Array(items) => items.iter().map(read).collect(),
            _ => read(value).map(|text| vec![text]),
        }
    }

    /// A table within this one.
    pub(crate) fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let value = self.value(key)?;
        self.inner(key.to_owned(), value)
    }

    /// The tables of `[[key]]`, in their order.
    pub(crate) fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.findings.add(
                value.span().start,
                format!("expected [[{key}]], twice in brackets"),
            );
            return Vec::new();
        };
        items
            .iter()
            .filter_map(|item| self.inner(format!("[[{key}]]"), item))
            .collect()
    }

    /// Every table within this one, by a name that the file chose.
    pub(crate) fn named(&self) -> Vec<(String, Section<'a>)> {
        let each = self.table.iter().filter_map(|(name, value)| {
            let name = name.get_ref().to_string();
            self.inner(format!("{}.\"{name}\"", self.name), value)
                .map(|section| (name, section))
        });
        each.collect()
    }

    fn inner(&self, name: String, value: &'a Spanned<DeValue<'a>>) -> Option<Section<'a>> {
        let at = value.span().start;
        let DeValue::Table(table) = value.get_ref() else {
            self.findings
                .add(at, format!("expected a table, found {}", found(value.get_ref())));
            return None;
        };
        Some(Section::new(self.findings, name, table, at))
    }

    /// Keys that nobody asked for are none of our business.
    pub(crate) fn ignore_rest(&self) {
        self.rest_ignored.set(true);
    }

    /// Says which keys nobody asked for.
    pub(crate) fn finish(&self) {
        if self.rest_ignored.get() {
            return;
        }
        let asked = self.asked.borrow();
        for (key, _) in self.table.iter() {
            let name = key.get_ref().as_ref();
            if asked.contains(&name) {
                continue;
            }
            let meant = suggestion(name, asked.iter().copied());
            let mut keys: Vec<_> = asked.iter().map(|key| format!("`{key}`")).collect();
            keys.dedup();
            self.findings.add(
                key.span().start,
                format!("{} has no `{name}`{meant}; it has {}", self.name, keys.join(", ")),
            );
        }
    }
}

fn integer(value: &DeValue<'_>, range: &RangeInclusive<i128>) -> Result<i128, String> {
    let number = match value {
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix()).ok(),
        other => return Err(format!("expected a whole number, found {}", found(other))),
    };
    number.filter(|number| range.contains(number)).ok_or_else(|| {
        format!(
            "expected a whole number from {} to {}",
            range.start(),
            range.end()
        )
    })
}

/// What stands there, for people.
fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(yes) => format!("{yes}"),
        DeValue::String(text) => format!("\"{text}\""),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
        DeValue::Datetime(time) => format!("the time {time}"),
    }
}

/// `, did you mean …?` if one of the words is near.
fn suggestion(found: &str, words: impl Iterator<Item = &'static str>) -> String {
    let near = words
        .map(|word| (strsim::damerau_levenshtein(found, word), word))
        .filter(|(distance, word)| *distance <= 1 + word.len() / 4)
        .min();
    near.map_or_else(String::new, |(_, word)| format!(" (did you mean `{word}`?)"))
}

#[cfg(test)]
mod tests;

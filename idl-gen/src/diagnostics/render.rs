// SPDX-License-Identifier: MIT OR Apache-2.0
//! Diagnostics as text, with the lines of source they are about.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Diagnostic, Label, Severity};
use crate::source::{SourceFile, SourceMap, Span};

/// Labels of one file that lie at most this many lines apart are shown in one piece.
const NEARBY_LINES: u32 = 12;

/// A line longer than this is not shown whole.
const LONGEST_LINE: usize = 400;

pub(super) fn render(list: &[Diagnostic], sources: &SourceMap, styled: bool) -> String {
    let renderer = if styled {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut text = String::new();
    for diagnostic in list {
        text.push_str(&renderer.render(&[group(diagnostic, sources)]));
        text.push_str("\n\n");
    }
    text
}

fn group<'a>(diagnostic: &'a Diagnostic, sources: &'a SourceMap) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()));
    for piece in pieces(diagnostic, sources) {
        if let Some(snippet) = snippet(&piece, sources) {
            group = group.element(snippet);
        }
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    group
}

type Marked<'a> = (AnnotationKind, &'a Label);

/// Groups the labels of a diagnostic into pieces of source that are shown together, that of the primary label first.
fn pieces<'a>(diagnostic: &'a Diagnostic, sources: &SourceMap) -> Vec<Vec<Marked<'a>>> {
    let primary = diagnostic
        .primary
        .iter()
        .map(|label| (AnnotationKind::Primary, label));
    let secondary = diagnostic
        .secondary
        .iter()
        .map(|label| (AnnotationKind::Context, label));
    let mut pieces: Vec<Vec<Marked<'a>>> = Vec::new();
    for marked in primary.chain(secondary) {
        let near = |piece: &Vec<Marked<'a>>| {
            piece.iter().any(|(_, other)| {
                other.span.file == marked.1.span.file
                    && line_of(sources, other.span).abs_diff(line_of(sources, marked.1.span)) <= NEARBY_LINES
            })
        };
        match pieces.iter_mut().find(|piece| near(piece)) {
            Some(piece) => piece.push(marked),
            None => pieces.push(vec![marked]),
        }
    }
    pieces
}

fn line_of(sources: &SourceMap, span: Span) -> u32 {
    sources.location(span).line
}

/// Cuts the lines that the labels touch out of their file and marks them.
fn snippet<'a>(piece: &[Marked<'a>], sources: &'a SourceMap) -> Option<Snippet<'a, Annotation<'a>>> {
    let first = piece.first()?.1.span;
    let file = sources.file(first.file)?;
    let start = piece.iter().map(|(_, label)| label.span.start).min()?;
    let end = piece.iter().map(|(_, label)| label.span.start).max()?;
    let lines = whole_lines(file, start as usize..end as usize);
    let text = file.text.get(lines.clone())?;
    let line_start = u32::try_from(lines.start).ok()?;
    let location = sources.location(Span::new(first.file, line_start, line_start));
    let mut snippet = Snippet::source(text)
        .line_start(location.line as usize)
        .path(location.file);
    for (kind, label) in piece {
        let range = clipped(text, label.span, lines.start);
        let annotation = kind.span(range);
        snippet = snippet.annotation(if label.text.is_empty() {
            annotation
        } else {
            annotation.label(label.text.as_str())
        });
    }
    Some(snippet)
}

/// Widens a range to whole lines, without the last line's end.
fn whole_lines(file: &SourceFile, range: Range<usize>) -> Range<usize> {
    let text = &*file.text;
    let before = text.get(..range.start).unwrap_or_default();
    let after = text.get(range.end..).unwrap_or_default();
    let mut start = before.rfind('\n').map_or(0, |at| at + 1);
    let mut end = after.find('\n').map_or(text.len(), |at| range.end + at);
    if range.start - start > LONGEST_LINE {
        start = boundary(text, range.start - LONGEST_LINE);
    }
    if end - range.end > LONGEST_LINE {
        end = boundary(text, range.end + LONGEST_LINE);
    }
    start..end
}

fn boundary(text: &str, mut at: usize) -> usize {
    while at > 0 && !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The part of a span that lies on its first line, relative to the cut-out text; at least one character where there is one.
fn clipped(text: &str, span: Span, offset: usize) -> Range<usize> {
    let start = boundary(text, (span.start as usize).saturating_sub(offset).min(text.len()));
    let rest = text.get(start..).unwrap_or_default();
    let line = rest.find(['\n', '\r']).unwrap_or(rest.len());
    let length = (span.end - span.start) as usize;
    let least = rest.chars().next().map_or(0, char::len_utf8);
    start..boundary(text, start + length.max(least).min(line))
}

// SPDX-License-Identifier: MIT OR Apache-2.0
use std::path::PathBuf;

use super::*;

fn one_file(text: &str) -> (SourceMap, impl Fn(&str) -> Span) {
    let mut sources = SourceMap::default();
    let file = sources.add(PathBuf::from("a.idl"), text.to_owned());
    let text = text.to_owned();
    let span = move |part: &str| {
        let start = u32::try_from(text.find(part).unwrap()).unwrap();
        Span::new(file, start, start + u32::try_from(part.len()).unwrap())
    };
    (sources, span)
}

#[test]
fn an_error_names_file_line_and_column_and_underlines_the_source() {
    let (sources, span) = one_file("struct A {};\nstruct Bé { long x; };\n");
    let mut diagnostics = Diagnostics::default();
    diagnostics.push(
        Diagnostic::error(span("Bé"), "wrong")
            .label("this")
            .also(span("A"), "that")
            .help("do so"),
    );
    let text = diagnostics.render(&sources);
    assert!(text.contains("error: wrong"), "{text}");
    assert!(text.contains("a.idl:2:8"), "{text}");
    assert!(text.contains("^^ this"), "{text}");
    assert!(text.contains("- that"), "{text}");
    assert!(text.contains("help: do so"), "{text}");
    assert_eq!(diagnostics.summary(&sources), "a.idl:2:8: error: wrong\n");
}

#[test]
fn the_same_finding_at_the_same_place_is_reported_once() {
    let (_, span) = one_file("x");
    let mut diagnostics = Diagnostics::default();
    diagnostics.push(Diagnostic::error(span("x"), "wrong"));
    diagnostics.push(Diagnostic::error(span("x"), "wrong"));
    assert_eq!(diagnostics.len(), 1);
}

#[test]
fn errors_beyond_the_bound_are_counted_and_not_kept() {
    let (_, span) = one_file("x");
    let mut diagnostics = Diagnostics::default();
    for n in 0..MOST_ERRORS + 10 {
        diagnostics.push(Diagnostic::error(span("x"), n.to_string()));
    }
    assert_eq!(diagnostics.len(), MOST_ERRORS);
    assert!(diagnostics.has_errors());
}

#[test]
fn warnings_and_notes_are_no_errors() {
    let (_, span) = one_file("x");
    let mut diagnostics = Diagnostics::default();
    diagnostics.push(Diagnostic::warning(span("x"), "w"));
    diagnostics.push(Diagnostic::note(span("x"), "n"));
    assert!(!diagnostics.has_errors());
}

#[test]
fn a_span_at_the_end_of_a_file_can_be_shown() {
    for text in ["", "\n", "é", "x\n"] {
        let (sources, _) = one_file(text);
        let end = u32::try_from(text.len()).unwrap();
        let (file, _) = sources.files().next().unwrap();
        let mut diagnostics = Diagnostics::default();
        diagnostics.push(Diagnostic::error(Span::new(file, end, end), "unexpected end"));
        assert!(
            diagnostics.render(&sources).contains("unexpected end"),
            "{text:?}"
        );
    }
}

#[test]
fn a_very_long_line_is_not_shown_whole() {
    let text = format!("{}x{}", "é".repeat(5000), "z".repeat(5000));
    let (sources, span) = one_file(&text);
    let mut diagnostics = Diagnostics::default();
    diagnostics.push(Diagnostic::error(span("x"), "wrong"));
    assert!(diagnostics.render(&sources).len() < 4000);
}

#[test]
fn places_far_apart_are_shown_as_two_pieces() {
    let text = format!("first\n{}second\n", "\n".repeat(500));
    let (sources, span) = one_file(&text);
    let mut diagnostics = Diagnostics::default();
    diagnostics.push(Diagnostic::error(span("second"), "twice").also(span("first"), "first here"));
    let shown = diagnostics.render(&sources);
    assert!(
        shown.contains("first here") && shown.lines().count() < 20,
        "{shown}"
    );
}

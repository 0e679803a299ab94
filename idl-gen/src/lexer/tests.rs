// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

fn lex(text: &str) -> (Vec<Token>, Vec<Diagnostic>) {
    let mut lexer = Lexer::new(FileId(0), text);
    let mut tokens = Vec::new();
    loop {
        let token = lexer.token();
        if token.kind == Kind::End {
            return (tokens, lexer.findings);
        }
        tokens.push(token);
    }
}

fn texts(text: &str) -> Vec<String> {
    lex(text)
        .0
        .iter()
        .filter(|t| t.kind != Kind::Newline)
        .map(|t| t.text.to_string())
        .collect()
}

#[test]
fn a_definition_is_cut_into_tokens() {
    assert_eq!(
        texts("struct A{long _x;};"),
        ["struct", "A", "{", "long", "_x", ";", "}", ";"]
    );
    assert_eq!(
        texts("a::b<<2>>1,x"),
        ["a", "::", "b", "<<", "2", ">>", "1", ",", "x"]
    );
}

#[test]
fn numbers_take_exponents_with_signs_but_hexadecimal_ones_do_not() {
    assert_eq!(texts("1e+5-2"), ["1e+5", "-", "2"]);
    assert_eq!(texts("0xe+5"), ["0xe", "+", "5"]);
    assert_eq!(texts(".5 1.5d"), [".5", "1.5d"]);
}

#[test]
fn literals_come_without_quotes_and_wide_ones_are_told_apart() {
    let (tokens, findings) = lex(r#"'a' L'b' "c\"d" L"e" L"#);
    let kinds: Vec<_> = tokens.iter().map(|t| t.kind).collect();
    assert_eq!(
        kinds,
        [
            Kind::Char,
            Kind::WideChar,
            Kind::String,
            Kind::WideString,
            Kind::Ident
        ]
    );
    assert_eq!(&*tokens[2].text, "c\\\"d");
    assert!(findings.is_empty());
}

#[test]
fn a_backslash_joins_lines_even_within_a_name() {
    assert_eq!(texts("lo\\\nng\\\r\n x\\\n"), ["long", "x"]);
}

#[test]
fn comments_are_white_space() {
    assert_eq!(texts("a/*b*/c//d\ne/**/f"), ["a", "c", "e", "f"]);
    assert!(lex("a/**/b").0[1].spaced);
}

#[test]
fn doc_comments_go_with_the_next_token() {
    let (tokens, _) =
        lex("/// One.\n/// Two.\nstruct S { /** in\n  * two lines */ long x; // no\n//@ key\nlong y;");
    let docs: Vec<_> = tokens
        .iter()
        .filter_map(|t| Some((t.text.to_string(), t.doc.clone()?.to_string())))
        .collect();
    assert_eq!(docs[0], ("struct".into(), "One.\nTwo.".into()));
    assert_eq!(docs.last().unwrap(), &("long".into(), "key".into()));
}

#[test]
fn what_is_not_terminated_is_reported_where_it_begins() {
    for (text, start) in [("x \"abc\ny", 2), ("'a", 0), ("  /* never", 2), ("L\"x", 1)] {
        let (_, findings) = lex(text);
        assert_eq!(findings.len(), 1, "{text}");
        assert_eq!(findings[0].primary.as_ref().unwrap().span.start, start, "{text}");
    }
}

#[test]
fn lines_end_with_any_of_the_three_conventions() {
    let newlines = |text| lex(text).0.iter().filter(|t| t.kind == Kind::Newline).count();
    assert_eq!(newlines("a\nb\r\nc\rd"), 3);
}

#[test]
fn stray_characters_are_tokens_of_their_own() {
    let (tokens, _) = lex("a $ é");
    assert_eq!(
        tokens.iter().map(|t| t.kind).collect::<Vec<_>>(),
        [Kind::Ident, Kind::Stray, Kind::Stray]
    );
}

#[test]
fn the_rest_of_a_line_leaves_comments_out() {
    let mut lexer = Lexer::new(FileId(0), " one \"two // three\" /* four */ five // six\nnext");
    assert_eq!(lexer.rest_of_line().0, "one \"two // three\"   five");
    assert_eq!(lexer.token().kind, Kind::Newline);
}

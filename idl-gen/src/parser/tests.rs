// SPDX-License-Identifier: MIT OR Apache-2.0
use std::path::{Path, PathBuf};

use super::*;
use crate::preprocess::{Files, Options, Preprocessor};
use crate::source::SourceLoader;

struct One(String);

impl SourceLoader for One {
    fn load(&mut self, _: &Path) -> std::io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }
}

fn parsed(text: &str) -> (Vec<Definition>, String) {
    let (mut files, mut diagnostics) = (Files::default(), Diagnostics::default());
    let (options, mut loader) = (Options::default(), One(text.to_owned()));
    let preprocessor = Preprocessor::new(&options, &mut loader, &mut files, &mut diagnostics);
    let (_, tokens) = preprocessor.run(&PathBuf::from("a.idl")).unwrap();
    let definitions = parse(&tokens, &mut diagnostics);
    (definitions, diagnostics.summary(&files.map))
}

fn accepts(text: &str) -> Vec<Definition> {
    let (definitions, summary) = parsed(text);
    assert_eq!(summary, "", "{text}");
    definitions
}

fn reports(text: &str, lines: &[&str]) {
    let (_, summary) = parsed(text);
    assert_eq!(summary.lines().collect::<Vec<_>>(), lines, "{text}");
}

#[test]
fn every_definition_of_the_grammar_is_parsed() {
    let definitions = accepts(
        "module M { interface A; abstract interface B {}; local interface C : A, M::B {};
           valuetype V; abstract valuetype W {}; custom valuetype X : truncatable V supports A { public long a; };
           valuetype Y sequence<long>; eventtype E { private long b, c[3]; factory make(in long x) raises (Z); };
           struct S; struct T : S { long a; }; union U; union U switch (long) { case 1: case 2: long a; default: T b; };
           enum G { R, H }; exception Z {}; typedef sequence<long, 8> Q, P[2][3]; const long K = -(1 + 2) * 3 >> 1 | 4;
           native N; bitset BS : BT { bitfield<3> a; bitfield<1>; bitfield<4, octet> b, c; }; bitmask BM { f, g };
         };
         typeid M::A \"IDL:x:1.0\"; typeprefix M \"y\"; import ::M; import \"IDL:x:1.0\";",
    );
    assert_eq!(definitions.len(), 5);
}

#[test]
fn components_are_parsed() {
    accepts(
        "component A; component B : A supports I, J { provides I p; uses multiple I q; emits E e; publishes E f;
           consumes E g; attribute long x; provides Object o; };
         home H : G supports I manages B primarykey K { factory f(in long a) raises (X); finder g(); long op(); };
         porttype P { provides I a; uses I b; attribute long c; }; connector C : D { port P a; mirrorport P b; };
         module T<typename X, sequence<X> Y> { typedef X Z; }; module T<long, LongSeq> TI; alias T<long> TA;",
    );
}

#[test]
fn operations_and_attributes_take_every_clause() {
    accepts(
        "interface I { oneway void a(in long x); long b(inout string<3> x, out any y) raises (A, ::B::C) context (\"a.b*\");
           readonly attribute long c, d; readonly attribute long e raises (A); attribute long f getraises (A) setraises (B);
           attribute long g; typedef long T; const T K = 1; exception X {}; struct S { T a; }; };",
    );
}

#[test]
fn types_of_idl_4_are_parsed() {
    accepts(
        "struct S { int8 a; uint8 b; int16 c; uint16 d; int32 e; uint32 f; int64 g; uint64 h; map<string, long> i;
           map<long, sequence<string>, 10> j; fixed<9, 2> k; wstring<5> l; long double m; unsigned long long n; Object o;
           ValueBase p; ::A::B q; struct Inner { long a; } r; enum En { X } s[2]; };",
    );
}

#[test]
fn closing_angles_may_touch() {
    let definitions = accepts(
        "typedef sequence<sequence<long>> A; typedef sequence<sequence<long, 4>> B; typedef sequence<long, 8>>1> C;
         typedef sequence<sequence<octet, 0x10 >> 2> > D; typedef sequence<sequence<octet, 0x10 >> 2>> E;
         interface I { void f(in sequence<sequence<long, 4>> a, in sequence<sequence<long>> b); };",
    );
    assert_eq!(definitions.len(), 6);
}

#[test]
fn annotations_stand_before_everything() {
    accepts(
        "@realtime(class=\"burst\", period=\"10ms\", messages=4) interface I { @oneway void a(@x in long b); };
         @nested @final struct S { @key @id(3) long a; @default(value=4) long b; }; enum E { @default_literal A, @value(4) B };
         @bit_bound(8) bitmask M { @position(2) a }; @annotation thing { long a default 3; enum Z { Q }; string b; };
         union U switch (@key long) { @x case 1: @y long a; };",
    );
}

#[test]
fn doc_comments_reach_their_definitions() {
    let definitions = accepts("/// A.\nstruct S { /** b */ long b; /// no\n long c; };");
    assert_eq!(definitions[0].prelude.doc.as_deref(), Some("A."));
    let DefinitionKind::Struct { members, .. } = &definitions[0].kind else {
        panic!()
    };
    assert_eq!(members[0].prelude.doc.as_deref(), Some("b"));
    assert_eq!(
        members[1].prelude.doc.as_deref(),
        None,
        "a comment after a member on its line is not of the next"
    );
}

#[test]
fn escaped_names_lose_their_underscore() {
    let definitions = accepts("struct _struct { long _a; };");
    assert!(matches!(&definitions[0].kind, DefinitionKind::Struct { name, .. } if &*name.text == "struct"));
}

#[test]
fn keywords_are_no_names() {
    reports(
        "struct interface { long a; };",
        &["a.idl:1:8: error: unexpected keyword `interface`"],
    );
    reports(
        "struct Any { long a; };",
        &["a.idl:1:8: error: `Any` differs from keyword `any` only in case"],
    );
    reports(
        "struct map { long a; };",
        &["a.idl:1:8: warning: `map` is a keyword of IDL 4"],
    );
}

#[test]
fn all_errors_of_a_file_are_reported() {
    reports(
        "struct A { lon g x; long ok; };\nstruct { long a; };\ninterface I { void a(long x); void b() }\nenum E { A, };\nconst long K = ;\n}",
        &[
            "a.idl:1:17: error: missing `;`",
            "a.idl:2:8: error: unexpected `{`",
            "a.idl:3:22: error: unexpected keyword `long`",
            "a.idl:3:39: error: missing `;`",
            "a.idl:3:41: error: missing `;`",
            "a.idl:4:11: error: unexpected `,` at the end of a list",
            "a.idl:5:16: error: unexpected `;`",
            "a.idl:6:1: error: unexpected `}`",
        ],
    );
}

#[test]
fn an_open_scope_at_the_end_shows_where_it_began() {
    reports(
        "module M { struct S { long a;",
        &["a.idl:1:30: error: unexpected end of file"],
    );
}

#[test]
fn pragmas_come_between_definitions() {
    let definitions = accepts(
        "#pragma prefix \"a\"\nmodule M {\n#pragma prefix \"b\"\ninterface I {};\n};\n#pragma prefix \"c\"\n",
    );
    assert_eq!(definitions.len(), 3);
    let DefinitionKind::Module { body, .. } = &definitions[1].kind else {
        panic!()
    };
    assert_eq!(body.len(), 2);
}

#[test]
fn deep_nesting_ends_with_an_error() {
    let cases = [
        "module M { ".repeat(5000),
        format!("typedef {}long", "sequence<".repeat(5000)),
        format!("const long K = {}1;", "(".repeat(5000)),
        format!("const long K = 1{};", "+1".repeat(5000)),
        format!("const long K = {}1;", "-".repeat(5000)),
        "struct S { ".repeat(5000),
        format!("typedef long A{};", "[1]".repeat(5000)),
        format!("typedef A{} B;", "::A".repeat(5000)),
        "@a ".repeat(5000),
    ];
    for text in cases {
        assert!(parsed(&text).1.contains("error"), "{}", &text[..40]);
    }
}

#[test]
fn any_prefix_of_a_file_is_survived() {
    let text = "@a(1) module M { interface I : J { oneway void f(in sequence<long, 2> x) raises (E); attribute long y; };
        union U switch (long) { case 'a': long z[3]; }; valuetype V supports I { factory g(in long a); private long b; }; };";
    for end in 0..text.len() {
        parsed(&text[..end]);
    }
}

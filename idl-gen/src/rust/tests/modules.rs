// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where definitions end up, and under which names.

use super::{assert_has, generated, rust};
use crate::rust::Options;

#[test]
fn a_definition_of_an_included_file_comes_with_the_first_input() {
    let files = [
        (
            "a.idl",
            "#include \"common.idl\"\nmodule A { struct S { Common::C c; }; };",
        ),
        (
            "b.idl",
            "#include \"common.idl\"\nmodule B { struct S { Common::C c; A::S a; }; };",
        ),
    ];
    let common = (
        "common.idl",
        "#ifndef C_IDL\n#define C_IDL\nmodule Common { struct C { long x; }; };\n#endif",
    );
    let files = [
        files[0],
        (
            files[1].0,
            "#include \"common.idl\"\n#include \"a.idl\"\nmodule B { struct S { Common::C c; A::S a; }; };",
        ),
        common,
    ];
    let outputs = generated(&files, &Options::default()).outputs;
    assert_has(&outputs[0].text, "pub mod common {");
    assert_has(&outputs[0].text, "pub c: super::common::C,");
    assert!(!outputs[1].text.contains("pub mod common {"));
    assert_has(&outputs[1].text, "pub a: super::a::S,");
    assert_eq!(outputs[2].text.matches("pub struct").count(), 0);
}

#[test]
fn a_reopened_module_is_one_module() {
    let text = rust(
        "module M { struct A { long x; }; }; module N { struct B { M::A a; }; }; module M { struct C { N::B b; }; };",
    );
    assert_eq!(text.matches("pub mod m {").count(), 1);
    assert_has(&text, "pub b: super::n::B,");
}

#[test]
fn names_that_meet_are_told_apart_and_noted() {
    let idl = "module M { struct fooBar { long a; }; struct foo_bar { fooBar other; }; };";
    let generated = generated(&[("m.idl", idl)], &Options::default());
    assert_has(&generated.outputs[0].text, "pub struct FooBar_ {");
    assert_has(&generated.outputs[0].text, "pub other: FooBar,");
    let messages: Vec<_> = generated.notes.iter().map(|note| note.message.as_str()).collect();
    assert_eq!(
        messages,
        ["`foo_bar` is `FooBar_` in Rust, since `FooBar` is taken by `fooBar`"]
    );
}

#[test]
fn a_name_of_the_prelude_is_spelled_out_only_where_it_is_shadowed() {
    let shadowed = rust("module M { struct Option { string s; }; interface I { I next(); }; };");
    assert_has(&shadowed, "::upcall::Result<::std::option::Option<IRef>>;");
    assert_has(&shadowed, "pub s: String,");
    assert!(!rust("module M { interface I { I next(); }; };").contains("::std::option::Option"));
}

#[test]
fn what_stands_outside_modules_stands_at_the_top() {
    let text = rust("struct Top { long x; }; module M { struct S { Top top; }; };");
    assert_has(&text, "pub struct Top {");
    assert_has(&text, "pub top: super::Top,");
    // Each item answers for itself to the lints of the crate around it.
    assert!(
        text.matches("reason = \"names, comments and shapes are IDL's\"")
            .count()
            >= 3,
        "{text}"
    );
}

#[test]
fn keywords_become_raw_identifiers() {
    let text = rust(
        "module impl { struct S { long match; long self; }; interface I { void loop(in long type); }; };",
    );
    assert_has(&text, "pub mod r#impl {");
    assert_has(&text, "pub r#match: i32,");
    assert_has(&text, "pub self_: i32,");
    assert_has(&text, "fn r#loop(");
    assert_has(&text, "let r#type = d.long()?;");
    assert_has(&text, "const NAME: &'static str = \"loop\";");
}

#[test]
fn repository_ids_are_those_of_the_idl() {
    let text = rust("#pragma prefix \"example.org\"\nmodule M { interface I {}; exception E {}; };");
    assert_has(
        &text,
        "pub const REPOSITORY_ID: &'static str = \"IDL:example.org/M/I:1.0\";",
    );
    assert_has(
        &text,
        "pub const REPOSITORY_ID: &'static str = \"IDL:example.org/M/E:1.0\";",
    );
}

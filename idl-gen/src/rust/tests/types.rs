// SPDX-License-Identifier: MIT OR Apache-2.0
//! What types become.

use super::{assert_has, generated, rust};
use crate::rust::Options;

#[test]
fn a_struct_has_its_members_and_their_codec() {
    let text =
        rust("module M { struct Point { long x; string<4> name; wstring wide; sequence<octet> raw; }; };");
    assert_has(
        &text,
        "/// Struct `M::Point`.
         #[derive(Debug, Clone, PartialEq, Default)]
         pub struct Point {
             /// The member `x` of `M::Point`.
             pub x: i32,
             /// The member `name` of `M::Point`.
             pub name: String,
             /// The member `wide` of `M::Point`.
             pub wide: String,
             /// The member `raw` of `M::Point`.
             pub raw: ::upcall::Bytes,
         }",
    );
    assert_has(
        &text,
        "e.long(self.x);
         e.string_bounded(&self.name, 4u32)?;
         e.wstring(&self.wide)?;
         e.octets(&self.raw)?;
         Ok(())",
    );
    assert_has(
        &text,
        "Ok(Self {
             x: d.long()?,",
    );
    assert_has(&text, "const MIN_SIZE: usize = 16;");
}

#[test]
fn comments_become_documentation() {
    let text = rust("/// A place.\n/// On a plane.\nstruct Place { /** How far right. */ long x; };");
    assert_has(&text, "/// A place.\n/// On a plane.\n#[derive");
    assert_has(&text, "/// How far right.\npub x: i32,");
}

#[test]
fn a_recursive_struct_is_read_one_level_deeper() {
    let text =
        rust("module M { struct Tree; typedef sequence<Tree> Trees; struct Tree { Trees children; }; };");
    assert_has(&text, "pub type Trees = Vec<Tree>;");
    assert_has(
        &text,
        "d.nested(|d| Ok(Self {\nchildren: rt::Unmarshal::unmarshal(d)?,",
    );
}

#[test]
fn nested_bounds_are_checked_in_a_loop() {
    let text = rust("module M { struct S { sequence<sequence<wstring<3>, 2> > s; }; };");
    assert_has(
        &text,
        "e.sequence_len(self.s.len(), None)?;
         for item0 in &self.s {
             e.sequence_len(item0.len(), Some(2u32))?;
             for item1 in item0 {
                 e.wstring_bounded(item1, 3u32)?;
             }
         }",
    );
}

#[test]
fn arrays_nest_with_the_last_dimension_innermost() {
    let text = rust("module M { typedef double Grid[2][3]; struct S { Grid grid; long row[4]; }; };");
    assert_has(&text, "pub type Grid = [[f64; 3]; 2];");
    assert_has(&text, "row: d.primitive_array::<i32, 4>()?,");
    assert_has(&text, "grid: rt::array(|| Ok(d.primitive_array::<f64, 3>()?))?,");
}

#[test]
fn large_arrays_have_a_default_all_the_same() {
    let text = rust("module M { struct S { octet digest[33]; }; };");
    assert_has(&text, "#[derive(Debug, Clone, PartialEq)]\npub struct S {");
    assert_has(
        &text,
        "digest: ::std::array::from_fn(|_| ::std::default::Default::default()),",
    );
}

#[test]
fn a_union_keeps_the_discriminator_where_labels_leave_it_open() {
    let text = rust(
        "module M { union U switch (short) { case 1: long one; case 2: case 3: string few; default: octet rest; }; };",
    );
    assert_has(&text, "One(i32),");
    assert_has(&text, "Few(i16, String),");
    assert_has(&text, "Rest(i16, u8),");
    assert_has(
        &text,
        "1 => Self::One(d.long()?),\n2 | 3 => Self::Few(tag, d.string()?),\ntag => Self::Rest(tag, d.octet()?),",
    );
    assert_has(&text, "if !matches!(self.discriminator(), 2 | 3) {");
    assert_has(&text, "if matches!(self.discriminator(), 1 | 2 | 3) {");
}

#[test]
fn an_implicit_default_is_a_variant_without_a_value() {
    let text = rust("module M { union U switch (long) { case 1: string one; }; };");
    assert_has(&text, "Default(i32),");
    let covered =
        rust("module M { union U switch (boolean) { case TRUE: long yes; case FALSE: long no; }; };");
    assert!(!covered.contains("Default(bool)"), "{covered}");
}

#[test]
fn an_enum_is_its_numbers() {
    let text = rust("module M { enum Color { RED, GREEN }; };");
    assert_has(
        &text,
        "#[repr(u32)]\npub enum Color {\n/// `RED`\n#[default]\nRed = 0,\n/// `GREEN`\nGreen = 1,\n}",
    );
    assert_has(&text, "0 => Ok(Self::Red),\n1 => Ok(Self::Green),");
}

#[test]
fn constants_have_the_type_of_their_idl() {
    let text = rust(
        "module M { enum E { A, B }; const long NEGATIVE = -5; const string TEXT = \"x\"; const E WHICH = B; const float F = 0.1; \
         const fixed PRICE = 1.50d; const unsigned long long BIG = 18446744073709551615; };",
    );
    assert_has(&text, "pub const NEGATIVE: i32 = -5;");
    assert_has(&text, "pub const TEXT: &str = \"x\";");
    assert_has(&text, "pub const WHICH: E = E::B;");
    assert_has(&text, "pub const F: f32 = 0.1;");
    assert_has(&text, "pub const BIG: u64 = 18446744073709551615;");
    assert!(text.contains("pub const PRICE: ::upcall::Fixed<31, 1>"), "{text}");
}

#[test]
fn a_typedef_keeps_its_name_in_its_type_code() {
    let text = rust("module M { typedef sequence<long, 3> Few; struct S { Few few; }; };");
    assert_has(&text, "pub type Few = Vec<i32>;");
    assert_has(&text, "pub fn few_type_code() -> ::upcall::TypeCode {");
    assert_has(&text, "(\"few\", few_type_code()),");
}

#[test]
fn maps_have_an_order_if_their_keys_have() {
    let text = rust("module M { typedef map<string, long> Ordered; typedef map<double, long> Not; };");
    assert_has(
        &text,
        "pub type Ordered = ::std::collections::BTreeMap<String, i32>;",
    );
    assert_has(&text, "pub type Not = Vec<(f64, i32)>;");
}

#[test]
fn serde_is_derived_where_it_was_asked_for_and_can_be() {
    let idl =
        "module M { struct Plain { long x; sequence<string> y; }; struct Odd { any x; }; enum E { A }; };";
    let text = &generated(&[("m.idl", idl)], &Options { serde: true }).outputs[0].text;
    let derives = "#[derive(::upcall::rt::serde::Serialize, ::upcall::rt::serde::Deserialize)]";
    assert_eq!(text.matches(derives).count(), 2, "{text}");
    assert!(!rust(idl).contains("serde"));
}

#[test]
fn a_value_that_can_reach_itself_does_so_through_a_cell() {
    let text = rust(
        "module M { valuetype Leaf { public long n; }; valuetype Node; typedef sequence<Node> Nodes; \
         valuetype Node { public Node next; public Nodes all; public Leaf leaf; }; struct Outside { Node node; }; };",
    );
    assert_has(&text, "pub next: ::upcall::ValueCell<Node>,");
    assert_has(&text, "pub all: Vec<::upcall::ValueCell<Node>>,");
    assert_has(&text, "pub leaf: Option<::std::sync::Arc<Leaf>>,");
    assert_has(&text, "pub node: Option<::std::sync::Arc<Node>>,");
}

#[test]
fn a_base_that_is_a_member_of_what_derives_from_it_closes_a_circle() {
    let text = rust(
        "module M { valuetype Base { public long n; }; valuetype Derived : Base { public Base friend; }; };",
    );
    assert_has(&text, "pub friend: ::upcall::ValueCell<Base>,");
    assert_has(&text, "const { &[rt::ValueFactory::of::<Derived>()] }");
}

#[test]
fn truncation_goes_as_far_as_it_is_declared() {
    let text = rust(
        "module M { valuetype A { public long a; }; valuetype B : A { public long b; }; \
         valuetype C : truncatable B { public long c; }; };",
    );
    assert_has(&text, "&[\"IDL:M/C:1.0\", \"IDL:M/B:1.0\"]");
    assert_has(&text, "&[\"IDL:M/B:1.0\"]");
    assert_has(
        &text,
        "pub fn register_values() {\nA::register();\nB::register();\nC::register();\n}",
    );
}

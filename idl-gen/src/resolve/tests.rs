// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the model says of right IDL; wrong IDL is in `tests/wrong`.

use std::path::PathBuf;

use crate::analysis::analyse;
use crate::model::{
    BitFlag, Direction, FixedValue, InterfaceKind, InterfaceMember, Item, ItemKind, Label, Model, Primitive,
    Struct, Type, Union, Value, ValueKind, Valuetype,
};
use crate::preprocess::tests::Memory;

fn model(text: &str) -> Model {
    let inputs = [PathBuf::from("a.idl")];
    let mut files = Memory::of(&[
        ("a.idl", text),
        ("b.idl", "#pragma prefix \"inner\"\nmodule B { typedef long T; };"),
    ]);
    let analysis = analyse(&inputs, &[], &[], &mut files);
    let summary = analysis.diagnostics.summary(&analysis.model.sources);
    assert!(!analysis.diagnostics.has_errors(), "{summary}");
    analysis.model
}

fn item<'a>(model: &'a Model, name: &str) -> &'a Item {
    let path: Vec<&str> = name.split("::").collect();
    model.item(model.find(&path).unwrap_or_else(|| panic!("no {name}")))
}

fn ids(model: &Model, names: &[&str]) -> Vec<String> {
    names
        .iter()
        .map(|name| item(model, name).repository_id.clone())
        .collect()
}

fn structure<'a>(model: &'a Model, name: &str) -> &'a Struct {
    let ItemKind::Struct(structure) = &item(model, name).kind else {
        panic!("{name} is no struct")
    };
    structure
}

fn union<'a>(model: &'a Model, name: &str) -> &'a Union {
    let ItemKind::Union(union) = &item(model, name).kind else {
        panic!("{name} is no union")
    };
    union
}

fn valuetype<'a>(model: &'a Model, name: &str) -> &'a Valuetype {
    let ItemKind::Valuetype(value) = &item(model, name).kind else {
        panic!("{name} is no valuetype")
    };
    value
}

fn constant(model: &Model, name: &str) -> Value {
    let ItemKind::Const(constant) = &item(model, name).kind else {
        panic!("{name} is no constant")
    };
    constant.value.clone()
}

#[test]
fn prefixes_hold_in_their_scope_and_file() {
    let model = model(
        "#pragma prefix \"P\"\n#include \"b.idl\"\nmodule M { interface I {};\n#pragma prefix \"Q\"\ninterface J {};
         module N { interface K { struct S { long x; }; }; }; };\ninterface L {};\nmodule M { interface Z {}; };
         \n#pragma prefix \"\"\ninterface U {};",
    );
    let names = [
        "M",
        "M::I",
        "M::J",
        "M::N::K",
        "M::N::K::S",
        "L",
        "M::Z",
        "U",
        "B::T",
    ];
    let expected = [
        "IDL:P/M:1.0",
        "IDL:P/M/I:1.0",
        "IDL:Q/J:1.0",
        "IDL:Q/N/K:1.0",
        "IDL:Q/N/K/S:1.0",
        "IDL:P/L:1.0",
        "IDL:P/M/Z:1.0",
        "IDL:U:1.0",
        "IDL:inner/B/T:1.0",
    ];
    assert_eq!(ids(&model, &names), expected);
}

#[test]
fn ids_and_versions_are_set_by_pragmas_and_declarations() {
    let model = model(
        "module M { typeprefix M \"omg.org\"; interface A { void f(); attribute long x;\n#pragma ID f \"IDL:own:1.0\"\n};
         interface B {};\n#pragma version B 2.5\n interface C {}; typeid C \"LOCAL:c\"; };
         \n#pragma ID M::A \"IDL:other/A:3.0\"\n",
    );
    let expected = [
        "IDL:omg.org/M:1.0",
        "IDL:other/A:3.0",
        "IDL:omg.org/M/B:2.5",
        "LOCAL:c",
    ];
    assert_eq!(ids(&model, &["M", "M::A", "M::B", "M::C"]), expected);
    let ItemKind::Interface(interface) = &item(&model, "M::A").kind else {
        panic!()
    };
    let [InterfaceMember::Operation(f), InterfaceMember::Attribute(x)] = interface.members.as_slice() else {
        panic!()
    };
    assert_eq!(
        (f.repository_id.as_str(), x.repository_id.as_str()),
        ("IDL:own:1.0", "IDL:omg.org/M/A/x:1.0")
    );
}

#[test]
fn constants_are_evaluated_in_their_type() {
    let model = model(
        "const long A = (1 + 2) * 3 << 2 | 1; const octet B = ~1; const double C = 1.5 / 2.0; const long N = -7 / 2;
         const fixed D = 1.25d * 2d; const string E = \"a\" \"\\x41\"; const wchar F = L'\\u20ac'; const boolean G = TRUE;
         enum Color { RED, GREEN }; const Color H = GREEN; const long long I = -9223372036854775808;
         const unsigned long long J = 0xffffffffffffffff; const long K = A % 10; const short L = -1 & 0xff;
         typedef fixed<5, 2> Money; const Money M = 12.345d; const uint8 O = 255;",
    );
    assert_eq!(constant(&model, "A"), Value::Integer(37));
    assert_eq!(constant(&model, "B"), Value::Integer(254));
    assert_eq!(constant(&model, "C"), Value::Float(0.75));
    assert_eq!(constant(&model, "N"), Value::Integer(-3));
    assert_eq!(
        constant(&model, "D"),
        Value::Fixed(FixedValue { digits: 25, scale: 1 })
    );
    assert_eq!(constant(&model, "E"), Value::String("aA".into()));
    assert_eq!(constant(&model, "F"), Value::WideChar('€'));
    assert_eq!(
        constant(&model, "H"),
        Value::Enumerator {
            of: model.find(&["Color"]).unwrap(),
            index: 1
        }
    );
    assert_eq!(constant(&model, "I"), Value::Integer(i128::from(i64::MIN)));
    assert_eq!(constant(&model, "J"), Value::Integer(i128::from(u64::MAX)));
    assert_eq!(constant(&model, "K"), Value::Integer(7));
    assert_eq!(constant(&model, "L"), Value::Integer(255));
    assert_eq!(
        constant(&model, "M"),
        Value::Fixed(FixedValue {
            digits: 1234,
            scale: 2
        })
    );
}

#[test]
fn unions_know_what_no_label_names() {
    let model = model(
        "union A switch (boolean) { case TRUE: long a; }; union B switch (boolean) { case TRUE: long a; case FALSE: long b; };
         union C switch (long) { case 0: case 1: long a; default: long b; }; enum E { X, Y, Z };
         union D switch (E) { case X: long a; case Z: long b; }; union F switch (char) { case '\\0': long a; };",
    );
    let default = |name: &str| {
        (
            union(&model, name).implicit_default,
            union(&model, name).default_discriminator.clone(),
        )
    };
    assert_eq!(default("A"), (true, Some(Value::Boolean(false))));
    assert_eq!(default("B"), (false, None));
    assert_eq!(default("C"), (false, Some(Value::Integer(2))));
    let of = model.find(&["E"]).unwrap();
    assert_eq!(default("D"), (true, Some(Value::Enumerator { of, index: 1 })));
    assert_eq!(default("F"), (true, Some(Value::Char('\u{1}'))));
    let labels = &union(&model, "C").cases[0].labels;
    assert_eq!(
        *labels,
        [Label::Value(Value::Integer(0)), Label::Value(Value::Integer(1))]
    );
    assert_eq!(union(&model, "C").cases[1].labels, [Label::Default]);
}

#[test]
fn recursion_is_found_through_sequences_typedefs_and_values() {
    let model = model(
        "struct Tree; typedef sequence<Tree> Trees; struct Tree { long v; Trees children; }; struct Leaf { Trees all; };
         union Node switch (long) { case 1: sequence<Node> more; case 2: long end; };
         valuetype List { public long head; private List tail; }; valuetype Flat { public long a; public Tree t; };
         valuetype Holder; valuetype Base { public Holder h; }; valuetype Derived : Base { public long x; };
         struct Holder2 { Base b; }; valuetype Holder { private Derived d; };",
    );
    let tree = structure(&model, "Tree");
    assert_eq!(
        (
            tree.recursive,
            tree.members[0].recursive,
            tree.members[1].recursive
        ),
        (true, false, true)
    );
    assert!(!structure(&model, "Leaf").recursive);
    let node = union(&model, "Node");
    assert_eq!(
        (
            node.recursive,
            node.cases[0].member.recursive,
            node.cases[1].member.recursive
        ),
        (true, true, false)
    );
    let list = valuetype(&model, "List");
    assert_eq!(
        (
            list.recursive,
            list.state[0].member.recursive,
            list.state[1].member.recursive
        ),
        (true, false, true)
    );
    assert!(!valuetype(&model, "Flat").recursive);
    assert!(valuetype(&model, "Base").recursive && valuetype(&model, "Holder").recursive);
    assert!(!structure(&model, "Holder2").recursive);
}

#[test]
fn inheritance_is_flattened_bases_first() {
    let model = model(
        "interface A {}; interface B : A { typedef long T; }; interface C : A {};
         abstract interface X {}; interface D : B, C, X { exception E {}; T f(in T a, out string<3> b) raises (E); };",
    );
    let ItemKind::Interface(d) = &item(&model, "D").kind else {
        panic!()
    };
    let names: Vec<String> = d.all_bases.iter().map(|id| model.scoped_name(*id)).collect();
    assert_eq!(names, ["A", "B", "C", "X"]);
    assert_eq!(d.kind, InterfaceKind::Unconstrained);
    let ItemKind::Interface(x) = &item(&model, "X").kind else {
        panic!()
    };
    assert_eq!(x.kind, InterfaceKind::Abstract);
}

#[test]
fn operations_keep_everything_that_is_declared() {
    let model = model(
        "exception E {}; exception F {}; interface I { /// Reads.\n long f(in long a, inout string b) raises (E, F)
         context (\"x.*\"); oneway void g(); @oneway void h(); attribute long x getraises (E) setraises (F); };",
    );
    let ItemKind::Interface(interface) = &item(&model, "I").kind else {
        panic!()
    };
    let InterfaceMember::Operation(f) = &interface.members[0] else {
        panic!()
    };
    let directions: Vec<Direction> = f.parameters.iter().map(|parameter| parameter.direction).collect();
    assert_eq!(directions, [Direction::In, Direction::InOut]);
    assert_eq!(
        (f.raises.len(), f.contexts.as_slice(), f.doc.as_deref()),
        (2, ["x.*".to_owned()].as_slice(), Some("Reads."))
    );
    let oneway =
        |index: usize| matches!(&interface.members[index], InterfaceMember::Operation(o) if o.oneway);
    assert_eq!((oneway(0), oneway(1), oneway(2)), (false, true, true));
    let InterfaceMember::Attribute(x) = &interface.members[3] else {
        panic!()
    };
    assert_eq!(
        (x.get_raises.len(), x.set_raises.len(), x.readonly),
        (1, 1, false)
    );
}

#[test]
fn names_are_found_in_the_nearest_scope_that_has_them() {
    let model = model(
        "typedef short T; module M { typedef long T; struct A { T x; ::T y; M::T z; }; };
         module N { struct B { T x; }; }; interface I { typedef double T; }; interface J : I { struct C { T x; }; };
         module M { struct D { T x; }; };",
    );
    let target = |name: &str, index: usize| match structure(&model, name).members[index].ty {
        Type::Named(id) => model.scoped_name(id),
        _ => panic!(),
    };
    assert_eq!(
        [target("M::A", 0), target("M::A", 1), target("M::A", 2)],
        ["M::T", "T", "M::T"]
    );
    assert_eq!(
        [target("N::B", 0), target("J::C", 0), target("M::D", 0)],
        ["T", "I::T", "M::T"]
    );
}

#[test]
fn a_member_does_not_hide_a_type_in_another_case() {
    let model = model(
        "enum Unit { X }; struct S { Unit unit; Unit other; }; interface I { attribute Unit unit; Unit f(in Unit unit); };
         interface J : I { Unit g(); };",
    );
    assert_eq!(structure(&model, "S").members.len(), 2);
}

#[test]
fn valuetypes_keep_kind_state_and_factories() {
    let model = model(
        "interface I {}; abstract valuetype A {}; custom valuetype C { private long x; };
         valuetype V { public long a, b[2]; factory make(in long p); void op(); };
         valuetype W : truncatable V, A supports I {}; valuetype B sequence<long>; eventtype E { public long x; };",
    );
    assert_eq!(valuetype(&model, "A").kind, ValueKind::Abstract);
    assert_eq!(valuetype(&model, "C").kind, ValueKind::Custom);
    let v = valuetype(&model, "V");
    assert_eq!(
        (
            v.state.len(),
            v.state[0].public,
            v.factories.len(),
            v.members.len()
        ),
        (2, true, 1, 1)
    );
    let array = Type::Array {
        element: Box::new(Type::Primitive(Primitive::Long)),
        dimensions: vec![2],
    };
    assert_eq!(v.state[1].member.ty, array);
    let w = valuetype(&model, "W");
    assert!(w.truncatable && w.base.is_some() && w.abstract_bases.len() == 1 && w.supports.len() == 1);
    assert!(matches!(
        valuetype(&model, "B").kind,
        ValueKind::Boxed(Type::Sequence { .. })
    ));
    assert!(valuetype(&model, "E").event);
}

#[test]
fn types_of_idl_4_have_their_widths_and_positions() {
    let model = model(
        "bitset A { bitfield<3> a; bitfield<1> b; bitfield<4>; bitfield<10, unsigned short> c; };
         bitset B : A { bitfield<20> d; }; @bit_bound(16) bitmask M { x, @position(5) y, z };
         struct S { map<string, long, 4> m; }; struct T : S { int8 i; }; @value enum E { P, @value(9) Q, R };",
    );
    let ItemKind::Bitset(b) = &item(&model, "B").kind else {
        panic!()
    };
    assert_eq!((b.bits, b.fields[0].position), (38, 18));
    let ItemKind::Bitmask(mask) = &item(&model, "M").kind else {
        panic!()
    };
    let positions: Vec<u8> = mask.flags.iter().map(|flag: &BitFlag| flag.position).collect();
    assert_eq!((mask.bit_bound, positions), (16, vec![0, 5, 6]));
    assert_eq!(structure(&model, "T").base, model.find(&["S"]));
    let ItemKind::Enum(e) = &item(&model, "E").kind else {
        panic!()
    };
    assert_eq!(
        e.enumerators
            .iter()
            .map(|enumerator| enumerator.value)
            .collect::<Vec<_>>(),
        [0, 9, 10]
    );
}

#[test]
fn reopened_modules_and_completed_declarations_are_one_item() {
    let model = model(
        "module M { interface I; };\n/** Later. */ module M { /// Known now.\n interface I { void f(); }; };",
    );
    assert_eq!(model.definitions.len(), 1);
    let ItemKind::Module(module) = &item(&model, "M").kind else {
        panic!()
    };
    assert_eq!((module.openings.len(), module.definitions.len()), (2, 1));
    assert_eq!(item(&model, "M").doc.as_deref(), Some("Later."));
    assert_eq!(item(&model, "M::I").doc.as_deref(), Some("Known now."));
}

#[test]
fn arguments_of_annotations_are_evaluated() {
    let model = model(
        "const long N = 4; @realtime(class=\"burst\", messages=N * 2) @extensibility(FINAL) @key interface I {};",
    );
    let item = item(&model, "I");
    let realtime = item.annotation("realtime").unwrap();
    assert_eq!(realtime.argument("messages").unwrap().value, Value::Integer(8));
    let extensibility = item.annotation("extensibility").unwrap();
    assert_eq!(
        extensibility.argument("value").unwrap().value,
        Value::Name("FINAL".into())
    );
    assert!(item.annotation("key").unwrap().arguments.is_empty());
}

#[test]
fn hostile_definitions_end() {
    let chain: String = (1..10_000).fold("interface I0 {};".into(), |mut text: String, n| {
        text.push_str(&format!("interface I{n} : I{} {{}};", n - 1));
        text
    });
    let wide = format!(
        "module {} {{ enum E {{ {} }}; }};",
        "m".repeat(1000),
        (0..8_000).map(|n| format!("e{n},")).collect::<String>()
    );
    let typedefs: String = (1..10_000).fold("typedef long T0;".into(), |mut text: String, n| {
        text.push_str(&format!("typedef T{} T{n};", n - 1));
        text
    });
    for text in [chain, wide, typedefs] {
        analyse(
            &[PathBuf::from("a.idl")],
            &[],
            &[],
            &mut Memory::of(&[("a.idl", &text)]),
        );
    }
}

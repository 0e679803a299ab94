// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::model::{ItemKind, Type, Value};
use crate::preprocess::tests::Memory;

fn of(files: &[(&str, &str)], inputs: &[&str]) -> Analysis {
    let inputs: Vec<PathBuf> = inputs.iter().map(PathBuf::from).collect();
    analyse(&inputs, &[PathBuf::from("inc")], &[], &mut Memory::of(files))
}

fn shown(analysis: &Analysis) -> String {
    analysis.diagnostics.summary(&analysis.model.sources)
}

#[test]
fn the_telemetry_contract_is_understood() {
    let text = include_str!("../../tests/telemetry.idl");
    let analysis = of(&[("telemetry.idl", text)], &["telemetry.idl"]);
    assert_eq!(shown(&analysis), "");
    let model = &analysis.model;
    let sensor = model.find(&["Telemetry", "Sensor"]).unwrap();
    assert_eq!(model.item(sensor).repository_id, "IDL:Telemetry/Sensor:1.0");
    let realtime = model.item(sensor).annotation("realtime").unwrap();
    assert_eq!(
        realtime.argument("period").unwrap().value,
        Value::String("10ms".into())
    );
    let ItemKind::Interface(interface) = &model.item(sensor).kind else {
        panic!()
    };
    assert_eq!(interface.members.len(), 7);
    assert_eq!(model.inputs[0].stem, "telemetry");
}

#[test]
fn a_definition_that_two_inputs_include_is_in_the_model_once() {
    let files = [
        (
            "a.idl",
            "#include \"common.idl\"\nmodule M { struct A { Common::T t; }; };",
        ),
        (
            "b.idl",
            "#include \"common.idl\"\n#include \"a.idl\"\nmodule M { struct B { A a; Common::E e; }; };",
        ),
        (
            "common.idl",
            "#ifndef C\n#define C\nmodule Common { typedef long T; enum E { X }; typedef struct S { long a; } Q; };\n#endif",
        ),
    ];
    let analysis = of(&files, &["a.idl", "b.idl"]);
    assert_eq!(shown(&analysis), "");
    let model = &analysis.model;
    let origin = |path: &[&str]| {
        let item = model.item(model.find(path).unwrap());
        (item.input, item.main)
    };
    assert_eq!(origin(&["Common", "T"]), (0, false));
    assert_eq!(origin(&["M", "A"]), (0, true));
    assert_eq!(origin(&["M", "B"]), (1, true));
    assert_eq!(model.definitions.len(), 2);
}

#[test]
fn an_input_does_not_see_what_only_another_brings() {
    let files = [
        ("a.idl", "typedef long T; module M { typedef long U; };"),
        ("b.idl", "struct S { T t; M::U u; };"),
    ];
    let analysis = of(&files, &["a.idl", "b.idl"]);
    assert_eq!(
        shown(&analysis),
        "b.idl:1:12: error: `T` is not found\nb.idl:1:17: error: `M` is not found\n"
    );
    let files = [("a.idl", "typedef long T;"), ("b.idl", "typedef short T;")];
    assert!(shown(&of(&files, &["a.idl", "b.idl"])).contains("`T` is defined twice"));
}

#[test]
fn an_input_that_is_missing_is_named() {
    assert_eq!(
        shown(&of(&[], &["no.idl"])),
        "error: cannot read `no.idl`: entity not found\n"
    );
}

#[test]
fn type_code_needs_no_definition() {
    let analysis = of(&[("a.idl", "interface I { CORBA::TypeCode tc(); };")], &["a.idl"]);
    assert_eq!(shown(&analysis), "");
    let text = "#include <orb.idl>\nmodule CORBA { struct S { TypeCode t; ::CORBA::TypeCode u; CORBA::StringSeq v; }; };";
    let analysis = of(&[("a.idl", text)], &["a.idl"]);
    assert_eq!(shown(&analysis), "");
    let id = analysis.model.find(&["CORBA", "S"]).unwrap();
    let ItemKind::Struct(structure) = &analysis.model.item(id).kind else {
        panic!()
    };
    assert_eq!(structure.members[0].ty, Type::TypeCode);
    assert_eq!(structure.members[1].ty, Type::TypeCode);
}

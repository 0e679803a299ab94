// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

fn written(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn nothing_is_rewritten_when_nothing_changed() {
    let directory = tempfile::tempdir().unwrap();
    let file = written(directory.path(), "a.idl", "module M { struct S { long a; }; };");
    let config = Config::new().out_dir(directory.path());
    config.compile(&[&file]).unwrap();
    let output = directory.path().join("a.rs");
    let before = fs::read(&output).unwrap();
    let mut permissions = fs::metadata(&output).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&output, permissions).unwrap();
    let modified = fs::metadata(&output).unwrap().modified().unwrap();
    config.compile(&[&file]).unwrap();
    assert_eq!(fs::metadata(&output).unwrap().modified().unwrap(), modified);
    assert_eq!(fs::read(&output).unwrap(), before);
}

#[test]
fn all_errors_come_in_one_readable_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = written(
        directory.path(),
        "a.idl",
        "struct S { T t; };\nconst octet O = 300;\n",
    );
    let error = Config::new()
        .out_dir(directory.path())
        .compile(&[file])
        .unwrap_err();
    let text = format!("{error:?}");
    assert!(text.starts_with("2 errors in IDL"), "{text}");
    assert!(
        text.contains("a.idl:1:12") && text.contains("a.idl:2:17"),
        "{text}"
    );
    assert!(!directory.path().join("a.rs").exists());
}

#[test]
fn two_inputs_of_one_name_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("d")).unwrap();
    let one = written(directory.path(), "a.idl", "typedef long A;");
    let two = written(&directory.path().join("d"), "a.idl", "typedef long B;");
    let error = Config::new()
        .out_dir(directory.path())
        .compile(&[one, two])
        .unwrap_err();
    assert!(matches!(error, CompileError::SameStem(stem) if stem == "a"));
}

#[test]
fn definitions_and_include_directories_reach_the_preprocessor() {
    let directory = tempfile::tempdir().unwrap();
    let included = directory.path().join("inc");
    fs::create_dir(&included).unwrap();
    written(&included, "t.idl", "typedef TYPE T;");
    let file = written(directory.path(), "a.idl", "#include <t.idl>\nstruct S { T t; };");
    let compiled = Config::new()
        .include(&included)
        .define("TYPE", "long")
        .generate(&[&file])
        .unwrap();
    assert_eq!(compiled.outputs.len(), 1);
    assert_eq!(compiled.outputs[0].0, "a.rs");
    assert_eq!(compiled.sources, [file, included.join("t.idl")]);
    assert_eq!(compiled.warnings, "");
}

#[test]
fn output_is_the_same_each_time() {
    let directory = tempfile::tempdir().unwrap();
    let text =
        "module A { interface I { long f(in string s); }; union U switch (long) { case 1: long a; }; };";
    let file = written(directory.path(), "a.idl", text);
    let generate = || Config::new().generate(&[&file]).unwrap().outputs;
    assert_eq!(generate(), generate());
}

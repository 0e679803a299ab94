// SPDX-License-Identifier: MIT OR Apache-2.0

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::*;
use crate::source::SourceLoader;

mod interfaces;
mod modules;
mod types;

/// Files in memory.
struct Memory(HashMap<PathBuf, String>);

impl SourceLoader for Memory {
    fn load(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let text = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(text.clone().into_bytes())
    }
}

/// What is generated for files given by name and text; all of them are inputs.
fn generated(files: &[(&str, &str)], options: &Options) -> Generated {
    let inputs: Vec<PathBuf> = files.iter().map(|(name, _)| PathBuf::from(name)).collect();
    let texts = files
        .iter()
        .map(|(name, text)| (PathBuf::from(name), (*text).to_owned()));
    let analysis = crate::analyse(&inputs, &[PathBuf::new()], &[], &mut Memory(texts.collect()));
    let found = analysis.diagnostics.render(&analysis.model.sources);
    assert!(!analysis.diagnostics.has_errors(), "{found}");
    generate(&analysis.model, options).unwrap()
}

/// The Rust of one IDL text.
fn rust(idl: &str) -> String {
    let generated = generated(&[("test.idl", idl)], &Options::default());
    let [output] = generated.outputs.as_slice() else {
        panic!("one input, one output")
    };
    output.text.clone()
}

/// Asserts that these lines stand in the text one after the other, however far to the right.
#[track_caller]
fn assert_has(text: &str, lines: &str) {
    let trimmed = |text: &str| {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    };
    let (whole, part) = (trimmed(text), trimmed(lines));
    assert!(whole.contains(&part), "no\n\n{part}\n\nin\n\n{text}");
}

#[test]
fn an_empty_model_makes_no_output() {
    let generated = generate(&Model::default(), &Options::default()).unwrap();
    assert!(generated.outputs.is_empty() && generated.notes.is_empty());
}

#[test]
fn the_text_depends_on_the_idl_only() {
    let module =
        |n: usize| format!("module M{n} {{ struct S {{ long a; }}; interface I {{ S f(in string s); }}; }};");
    let idl: String = (0..200).map(module).collect();
    // So many that several threads share them, and finish in any order.
    let first = rust(&idl);
    assert!(first.matches("pub struct S {").count() == 200);
    assert_eq!(first, rust(&idl));
}

#[test]
fn what_is_stamped_is_what_would_be_formatted() {
    let idl = include_str!("../../tests/telemetry.idl");
    let text = rust(idl);
    let file = syn::parse_file(&text).unwrap();
    // A formatter may put what stands alone into braces, and a comma after what stands last.
    let squeezed = |text: &str| text.replace(|c: char| c.is_whitespace() || "{},".contains(c), "");
    let text = squeezed(text.trim_start_matches(PREFACE));
    assert!(squeezed(&prettyplease::unparse(&file)) == text);
}

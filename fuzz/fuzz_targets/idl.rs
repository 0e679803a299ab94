// SPDX-License-Identifier: MIT OR Apache-2.0
//! IDL: no text makes the compiler panic or run on. What stands after a NUL is the file `b.idl`, which the input may include.
#![no_main]

use std::io;
use std::path::{Path, PathBuf};

use idl_gen::source::SourceLoader;
use idl_gen::{analyse, rust};
use libfuzzer_sys::fuzz_target;

struct Two<'a>(&'a [u8], &'a [u8]);

impl SourceLoader for Two<'_> {
    fn load(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        match path.to_str() {
            Some("a.idl") => Ok(self.0.to_vec()),
            Some("b.idl") => Ok(self.1.to_vec()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let middle = data.iter().position(|&byte| byte == 0).unwrap_or(data.len());
    let (main, included) = data.split_at(middle);
    let mut files = Two(main, included.get(1..).unwrap_or_default());
    let analysis = analyse(&[PathBuf::from("a.idl")], &[], &[], &mut files);
    let shown = analysis.diagnostics.render(&analysis.model.sources);
    assert_eq!(shown.is_empty(), analysis.diagnostics.is_empty());
    if !analysis.diagnostics.has_errors() {
        rust::generate(&analysis.model, &rust::Options::default())
            .expect("what passes the checks can be generated");
    }
});

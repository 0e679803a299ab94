// SPDX-License-Identifier: MIT OR Apache-2.0
//! The front end as a whole: from inputs to a model. Files come through a [`SourceLoader`].

use std::path::{Path, PathBuf};

use crate::diagnostics::Diagnostics;
use crate::model::{Input, Model};
use crate::parser::parse;
use crate::preprocess::{Files, Options, Preprocessor};
use crate::resolve::Resolver;
use crate::source::SourceLoader;

/// What the front end makes of its inputs.
#[derive(Debug)]
pub struct Analysis {
    /// The definitions; incomplete if there are errors.
    pub model: Model,
    /// Errors, warnings and notes, by position.
    pub diagnostics: Diagnostics,
}

/// Checks IDL whose files come from `loader`, with include directories and macro definitions (name and value).
///
/// This touches no file system, clock or thread, and takes bounded time and memory for any input.
pub fn analyse(
    inputs: &[PathBuf],
    includes: &[PathBuf],
    defines: &[(String, String)],
    loader: &mut dyn SourceLoader,
) -> Analysis {
    let options = Options {
        includes: includes.to_vec(),
        defines: defines.to_vec(),
    };
    analyse_with(inputs, &options, loader)
}

pub(crate) fn analyse_with(inputs: &[PathBuf], options: &Options, loader: &mut dyn SourceLoader) -> Analysis {
    let mut files = Files::default();
    let mut model = Model::default();
    let mut diagnostics = Diagnostics::default();
    let mut resolver = Resolver::new(&mut model, &mut diagnostics);
    for path in inputs {
        let mut found = Diagnostics::default();
        let preprocessor = Preprocessor::new(options, loader, &mut files, &mut found);
        let Some((file, tokens)) = preprocessor.run(path) else {
            resolver.take(found);
            continue;
        };
        let definitions = parse(&tokens, &mut found);
        drop(tokens);
        resolver.take(found);
        let input = Input {
            path: path.clone(),
            stem: stem(path),
            file,
        };
        resolver.input(input, &definitions);
    }
    resolver.finish();
    diagnostics.sort();
    model.sources = files.map;
    Analysis { model, diagnostics }
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .map_or_else(|| String::from("idl"), |stem| stem.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests;

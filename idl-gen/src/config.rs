// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver: reads files, compiles them, writes what is generated.

use std::path::{Path, PathBuf};
use std::{env, fmt, fs, io};

use crate::analysis::{Analysis, analyse_with};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::preprocess::Options;
use crate::rust;
use crate::source::SourceLoader;

/// How IDL is compiled.
///
/// In a build script:
///
/// ```no_run
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     idl_gen::Config::new().include("idl").compile(&["idl/telemetry.idl"])?;
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is compiled before `compile`"]
pub struct Config {
    options: Options,
    rust: rust::Options,
    out_dir: Option<PathBuf>,
    styled: bool,
}

/// What a compilation came to, before anything is written.
#[derive(Debug)]
pub struct Compiled {
    /// For each input the name of its file, `<stem>.rs`, and its text.
    pub outputs: Vec<(String, String)>,
    /// Warnings and notes as text; empty if there are none.
    pub warnings: String,
    /// The same, one line each.
    pub warning_lines: Vec<String>,
    /// Files that were read, the inputs included.
    pub sources: Vec<PathBuf>,
}

/// Why IDL was not compiled.
///
/// `Debug` is as readable as `Display`, since a build script that returns the error shows that.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The IDL is wrong: all errors, warnings and notes as text.
    #[error("{count} error{plural} in IDL\n\n{text}", plural = if *count == 1 { "" } else { "s" })]
    Idl {
        /// How many errors there are.
        count: usize,
        /// The findings, each with the source it is about.
        text: String,
    },
    /// Neither [`Config::out_dir`] nor the environment variable `OUT_DIR` says where to write.
    #[error("no output directory: set `out_dir`, or run in a build script")]
    NoOutDir,
    /// Two inputs would be written to the same file.
    #[error("two inputs are named `{0}`, and would be written to the same file")]
    SameStem(String),
    /// Rust could not be generated.
    #[error(transparent)]
    Generate(#[from] rust::GenerateError),
    /// A generated file could not be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl fmt::Debug for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Config {
    /// Makes a configuration without include directories and definitions, that writes to `OUT_DIR`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a directory in which included files are searched, after those given before.
    pub fn include(mut self, directory: impl Into<PathBuf>) -> Self {
        self.options.includes.push(directory.into());
        self
    }

    /// Defines a macro, as `#define name value` does; an empty value is allowed.
    pub fn define(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.defines.push((name.into(), value.into()));
        self
    }

    /// Sets the directory that generated files are written to. Defaults to the environment variable `OUT_DIR`.
    pub fn out_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(directory.into());
        self
    }

    /// Lets generated types derive serde's traits, which needs the feature `serde` of the `upcall` crate. Defaults to no.
    pub fn serde(mut self, yes: bool) -> Self {
        self.rust.serde = yes;
        self
    }

    /// Shows findings with the colours of a terminal. Defaults to no.
    pub fn styled(mut self, yes: bool) -> Self {
        self.styled = yes;
        self
    }

    /// Checks IDL files without generating anything.
    pub fn analyse(&self, files: &[impl AsRef<Path>]) -> Analysis {
        let inputs: Vec<PathBuf> = files.iter().map(|file| file.as_ref().to_path_buf()).collect();
        analyse_with(&inputs, &self.options, &mut Disk)
    }

    /// Compiles IDL files to Rust without writing anything.
    ///
    /// # Errors
    /// [`CompileError::Idl`] with all errors in the files, not only the first.
    pub fn generate(&self, files: &[impl AsRef<Path>]) -> Result<Compiled, CompileError> {
        let Analysis {
            model,
            mut diagnostics,
        } = self.analyse(files);
        if diagnostics.has_errors() {
            let text = self.shown(&diagnostics, &model.sources);
            return Err(CompileError::Idl {
                count: diagnostics.errors(),
                text,
            });
        }
        let mut stems: Vec<&str> = model.inputs.iter().map(|input| input.stem.as_str()).collect();
        stems.sort_unstable();
        if let Some(twice) = stems
            .windows(2)
            .find_map(|pair| (pair.first() == pair.last()).then(|| pair.first()).flatten())
        {
            return Err(CompileError::SameStem((*twice).to_owned()));
        }
        let generated = rust::generate(&model, &self.rust)?;
        for note in generated.notes {
            diagnostics.push(Diagnostic::note(note.span, note.message));
        }
        let named = |output: rust::Output| {
            let stem = model
                .inputs
                .get(output.input)
                .map_or("idl", |input| input.stem.as_str());
            (format!("{stem}.rs"), output.text)
        };
        let built_in = |path: &Path| path.starts_with("<built-in>");
        let sources = model
            .sources
            .files()
            .map(|(_, file)| file.path.clone())
            .filter(|path| !built_in(path));
        let sources = sources.collect();
        let warning_lines = diagnostics
            .summary(&model.sources)
            .lines()
            .map(str::to_owned)
            .collect();
        let outputs = generated.outputs.into_iter().map(named).collect();
        Ok(Compiled {
            outputs,
            warnings: self.shown(&diagnostics, &model.sources),
            warning_lines,
            sources,
        })
    }

    /// Compiles IDL files to Rust, one `<stem>.rs` for each.
    ///
    /// Files that would not change are left alone. In a build script cargo is told which files were read, and shown the
    /// warnings.
    ///
    /// # Errors
    /// [`CompileError::Idl`] with all errors in the files, and whatever keeps a file from being written.
    pub fn compile(&self, files: &[impl AsRef<Path>]) -> Result<(), CompileError> {
        let build_script = env::var_os("OUT_DIR");
        let out_dir = self
            .out_dir
            .clone()
            .or_else(|| build_script.clone().map(PathBuf::from));
        let out_dir = out_dir.ok_or(CompileError::NoOutDir)?;
        let compiled = self.generate(files)?;
        if build_script.is_some() {
            tell_cargo(&compiled);
        }
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |source| CompileError::Write { path, source }
        };
        fs::create_dir_all(&out_dir).map_err(failed(&out_dir))?;
        for (name, text) in &compiled.outputs {
            let path = out_dir.join(name);
            write_changed(&path, text).map_err(failed(&path))?;
        }
        Ok(())
    }

    fn shown(&self, diagnostics: &Diagnostics, sources: &crate::source::SourceMap) -> String {
        if self.styled {
            diagnostics.render_styled(sources)
        } else {
            diagnostics.render(sources)
        }
    }
}

/// Writes a file unless it holds the text already, so that nothing that depends on it is built again.
fn write_changed(path: &Path, text: &str) -> io::Result<()> {
    if fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    fs::write(path, text)
}

#[allow(clippy::print_stdout, reason = "cargo reads what build scripts print")]
fn tell_cargo(compiled: &Compiled) {
    for source in &compiled.sources {
        println!("cargo:rerun-if-changed={}", source.display());
    }
    for line in &compiled.warning_lines {
        println!("cargo:warning={line}");
    }
}

/// Reads from the file system.
#[derive(Debug)]
struct Disk;

impl SourceLoader for Disk {
    fn load(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `upcall idl`: what a build script does, from the shell.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;

/// What to compile, and how.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The IDL files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A folder to look for included files in
    #[arg(short = 'I', value_name = "DIR")]
    include: Vec<PathBuf>,
    /// Defines a macro
    #[arg(short = 'D', value_name = "NAME[=VALUE]")]
    define: Vec<String>,
    /// Where the generated Rust goes
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// Only says what is wrong with the files
    #[arg(long)]
    check: bool,
}

/// Compiles, and returns what to print.
pub(crate) fn run(options: &Options) -> Result<String, Failure> {
    let mut config = idl_gen::Config::new();
    for folder in &options.include {
        config = config.include(folder);
    }
    for definition in &options.define {
        let (name, value) = definition.split_once('=').unwrap_or((definition, "1"));
        config = config.define(name, value);
    }
    config = config
        .out_dir(&options.output)
        .styled(std::io::stderr().is_terminal());
    // The compiler's message shows each place in the source by itself.
    let failed = |error: idl_gen::CompileError| Failure::new(error.to_string());
    let compiled = config.generate(&options.files).map_err(failed)?;
    eprint!("{}", compiled.warnings);
    if !options.check {
        config.compile(&options.files).map_err(failed)?;
    }
    Ok(String::new())
}

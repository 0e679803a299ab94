// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Rust generated from all IDL files that Debian's omniORB packages install compiles without a warning of rustc's or
//! clippy's, in one crate that wants everything documented.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use idl_gen::Config;

const INSTALLED: &str = "/usr/share/idl/omniORB";

/// This one defines the naming service as `COS/CosNaming.idl` does, in other words: it is compiled by itself.
const ALONE: &str = "Naming.idl";

fn config() -> Config {
    Config::new()
        .include(INSTALLED)
        .include(Path::new(INSTALLED).join("COS"))
}

/// The installed files without those that refer to files OMG moved elsewhere.
fn accepted() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for folder in [PathBuf::from(INSTALLED), Path::new(INSTALLED).join("COS")] {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let is_idl = path.extension().is_some_and(|extension| extension == "idl");
            if is_idl && !config().analyse(&[&path]).diagnostics.has_errors() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Writes a crate that includes what is generated in `folder`, module by module.
fn write_crate(folder: &Path, modules: &[(&str, Vec<PathBuf>)]) -> Result<(), Box<dyn Error>> {
    let root = upcall_tests::folder()
        .parent()
        .ok_or("the tests have no workspace around them")?;
    fs::create_dir_all(folder.join("src"))?;
    let upcall = root.join("upcall");
    fs::write(
        folder.join("Cargo.toml"),
        format!(
            "[package]\nname = \"omniorb-idl\"\nedition = \"2024\"\n\n[dependencies]\nupcall = {{ path = {upcall:?} }}\n\n\
             [workspace]\n"
        ),
    )?;
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let mut lib = String::from("//! Generated.\n#![deny(warnings, missing_docs, clippy::all)]\n");
    for (module, files) in modules {
        let out = folder.join("src").join(module);
        config().out_dir(&out).compile(files)?;
        writeln!(lib, "/// Generated.\npub mod {module} {{")?;
        for file in files {
            let stem = file.file_stem().ok_or("a file without a name")?.to_string_lossy();
            writeln!(lib, "    include!(\"{module}/{stem}.rs\");")?;
        }
        writeln!(lib, "}}")?;
    }
    fs::write(folder.join("src/lib.rs"), lib)?;
    Ok(())
}

#[test]
fn all_of_omniorbs_idl_compiles_together_without_a_warning() -> Result<(), Box<dyn Error>> {
    if !Path::new(INSTALLED).join("COS/CosNaming.idl").is_file() {
        upcall_tests::skip("omniorb_idl", "the package omniorb-idl is not installed");
        return Ok(());
    }
    let (alone, together): (Vec<_>, Vec<_>) = accepted()?.into_iter().partition(|file| file.ends_with(ALONE));
    assert!(together.len() > 55, "only {} files were accepted", together.len());
    let folder = upcall_tests::target_folder()?.join("omniorb-idl");
    write_crate(&folder, &[("together", together), ("alone", alone)])?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let has_clippy = Command::new(&cargo)
        .args(["clippy", "--version"])
        .output()?
        .status
        .success();
    let output = Command::new(&cargo)
        .args([
            if has_clippy { "clippy" } else { "check" },
            "--offline",
            "--quiet",
        ])
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .output()?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `upcall qos` as a shell runs it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of the test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("upcall-qos-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs a check with `configuration` as the user's folder for it.
fn check(configuration: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_upcall"));
    command
        .args(["qos", "check"])
        .args(words)
        .env("XDG_CONFIG_HOME", configuration);
    command.output().unwrap()
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", printed(output));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const SMALL: &str =
    "[[object]]\nname = \"pulse\"\nclass = \"isochronous\"\nperiod = \"1s\"\nworst_case = \"1ms\"\n";
const MACHINE: &str = "version = 1\nmachine.name = \"a mill\"\nmachine.cpus = [5]\n";

#[test]
fn a_file_that_fits_is_fine() {
    let folder = Folder::new("fits");
    let file = folder.file("upcall.toml", SMALL);
    let output = check(&folder.0, &[&file]);
    assert!(output.status.success());
    assert!(printed(&output).starts_with("Machine: this machine with conservative costs"));
    assert!(printed(&output).contains("pulse"));
}

#[test]
fn a_refusal_is_printed_and_fails() {
    let folder = Folder::new("refused");
    let text = format!("{SMALL}[[object]]\nname = \"hasty\"\nclass = \"low_delay\"\ndelay = \"1us\"\n");
    let output = check(&folder.0, &[&folder.file("upcall.toml", &text)]);
    assert!(complaint(&output).contains("1 request is refused"));
    assert!(
        printed(&output).contains("Refused: hasty (line 6)"),
        "{}",
        printed(&output)
    );
}

#[test]
fn the_machine_is_the_one_asked_for_or_the_one_kept() {
    let folder = Folder::new("machine");
    let file = folder.file("upcall.toml", SMALL);
    let machine = folder.file("mill.toml", MACHINE);
    let asked = printed(&check(&folder.0, &[&file, "--machine", &machine]));
    assert!(asked.starts_with("Machine: a mill\n\nCPU 5: "), "{asked}");
    fs::create_dir_all(folder.0.join("upcall")).unwrap();
    fs::write(folder.0.join("upcall/calibration.toml"), MACHINE).unwrap();
    assert_eq!(printed(&check(&folder.0, &[&file])), asked);
}

#[test]
fn json_and_a_drawing_come_on_demand() {
    let folder = Folder::new("forms");
    let file = folder.file("upcall.toml", SMALL);
    let drawing = folder.0.join("check.svg");
    let output = check(
        &folder.0,
        &[&file, "--json", "--svg", &drawing.display().to_string()],
    );
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["cpus"][0]["flows"][0]["name"], "pulse");
    assert!(fs::read_to_string(drawing).unwrap().starts_with("<svg "));
}

#[test]
fn mistakes_are_told_with_file_line_and_column() {
    let folder = Folder::new("mistakes");
    let file = folder.file("upcall.toml", "[[object]]\nclass = \"brust\"\n");
    let said = complaint(&check(&folder.0, &[&file]));
    assert!(
        said.contains("upcall.toml:2:9: `class`: expected") && said.contains("did you mean `burst`?"),
        "{said}"
    );
    let machine = folder.file("mill.toml", "version = 3\n");
    let said = complaint(&check(&folder.0, &[&file, "-m", &machine]));
    assert!(said.contains("upcall.toml:2:9"), "{said}");
    let said = complaint(&check(
        &folder.0,
        &[&folder.file("fine.toml", SMALL), "-m", &machine],
    ));
    assert!(said.contains("mill.toml:1:11: this is version 3"), "{said}");
    assert!(complaint(&check(&folder.0, &["nowhere.toml"])).contains("nowhere.toml: "));
}

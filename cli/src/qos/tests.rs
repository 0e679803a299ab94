// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a check prints, compared with what is kept in `snapshots`; with `UPDATE_SNAPSHOTS` set it is kept anew.

use super::*;

const FILE: &str = include_str!("snapshots/upcall.toml");

fn report(text: &str) -> CheckReport {
    let calibration = Calibration::parse(include_str!("snapshots/machine.toml")).unwrap();
    let file = QosFile::parse(text).unwrap_or_else(|errors| panic!("{errors}"));
    check(&file, &calibration.costs, &calibration.machine, Fit::First)
}

fn is_as_kept(name: &str, rendered: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/qos/snapshots")
        .join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, rendered).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == rendered, "{name} is now:\n{rendered}");
}

#[test]
fn text_is_as_kept() {
    is_as_kept("check.txt", &text::render(&report(FILE), "machine.toml"));
}

#[test]
fn json_is_as_kept_and_valid() {
    let rendered = json::render(&report(FILE));
    let value: serde_json::Value = serde_json::from_str(&rendered).unwrap();
    assert_eq!(value["fits"], false);
    // The order of keys is serde_json's business, and a feature of it.
    let kept: serde_json::Value = serde_json::from_str(include_str!("snapshots/check.json")).unwrap();
    if value != kept {
        is_as_kept("check.json", &rendered);
    }
}

#[test]
fn the_drawing_is_as_kept() {
    is_as_kept("check.svg", &svg::render(&report(FILE)));
}

#[test]
fn nothing_to_guarantee_is_said_in_every_form() {
    let empty = report("");
    assert!(text::render(&empty, "here").contains("CPU 1: 0.0 % admitted, of 95 % usable"));
    assert!(svg::render(&empty).contains("nothing is guaranteed"));
    assert!(outcome(String::new(), &empty).is_ok());
}

#[test]
fn a_mistake_is_told_as_compilers_do() {
    let errors = QosFile::parse("[[object]]\nclass = 1\n").unwrap_err();
    let said = located(Path::new("upcall.toml"), &errors).to_string();
    assert!(said.starts_with("upcall.toml:2:9: `class`: expected"), "{said}");
}

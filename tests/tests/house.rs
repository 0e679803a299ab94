// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rules of the house, checked: what may import what, what stays free of I/O, and how files are written.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each package's floor; a package imports only from lower ones (docs/architecture.md, "The house").
const FLOORS: &[(&str, u8)] = &[
    ("upcall-idl-gen", 1),
    ("upcall-orb-core", 1),
    ("upcall-rtu", 1),
    ("upcall-transport-apic", 1),
    ("upcall-transport-tcp", 2),
    ("upcall-qos-mapper", 3),
    ("upcall-object-adapter", 4),
    ("upcall", 5),
    ("upcall-services", 6),
    ("upcall-cli", 7),
    ("upcall-examples", 7),
    ("upcall-tests", 8),
    ("upcall-bench-probe", 1),
    ("upcall-bench", 8),
    ("xtask", 8),
];

/// Modules that take bytes and times in and give bytes and decisions out, as files or folders.
const PURE: &[&str] = &[
    "cli/src/capture/pcapng",
    "idl-gen/src",
    "orb-core/src/cdr",
    "orb-core/src/codeset",
    "orb-core/src/datagram",
    "orb-core/src/dynany",
    "orb-core/src/exception",
    "orb-core/src/giop",
    "orb-core/src/ior",
    "orb-core/src/rtcorba/component",
    "orb-core/src/rtcorba/context",
    "orb-core/src/rtcorba/policy",
    "orb-core/src/rtcorba/priority",
    "orb-core/src/rtcorba/protocol",
    "orb-core/src/rtcorba/rules",
    "orb-core/src/rtcorba/transform",
    "orb-core/src/typecode",
    "orb-core/src/url",
    "qos-mapper/src",
    "rtu/src/analysis",
    "rtu/src/class",
    "rtu/src/executive/pacer",
    "rtu/src/histogram",
    "rtu/src/scheduler",
    "rtu/src/simulation",
    "rtu/src/time",
    "rtu/src/upcall",
    "transport-apic/src/channel",
    "transport-apic/src/end",
    "transport-apic/src/geometry",
    "transport-apic/src/pace",
    "transport-apic/src/packet",
    "transport-apic/src/ring",
    "transport-apic/src/sim",
    "transport-tcp/src/engine",
    "transport-tcp/src/stream",
    "upcall/src/capture/wire",
];

/// Files within those that drive them, and so read files or the environment.
const DRIVERS: &[&str] = &[
    "idl-gen/src/driver",
    "idl-gen/src/config",
    "idl-gen/src/rust/work",
];

/// What a pure module has no business with.
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::net::{",
    "std::net::ToSocketAddrs",
    "std::os",
    "std::process",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
    "rustix::",
    "parking_lot::",
];

/// Lines of a file, and of a function, at most.
const LONGEST_FILE: usize = 600;
const LONGEST_FUNCTION: usize = 80;

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the tests are a folder of the workspace")
        .to_path_buf()
}

/// Every file of the project, by its path from the root; what tools make is left out.
fn files() -> Vec<(String, PathBuf)> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the project").flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let made = name.starts_with("target")
                || matches!(name.as_str(), "node_modules" | "artifacts" | "corpus");
            if path.is_dir() && !path.is_symlink() {
                if !made && (!name.starts_with('.') || name == ".ci" || name == ".cargo") {
                    folders.push(path);
                }
            } else if path.is_file() {
                let shown = path
                    .strip_prefix(&root)
                    .expect("below the root")
                    .to_string_lossy()
                    .into_owned();
                found.push((shown, path));
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<(String, String)> {
    let rust = files().into_iter().filter(|(name, _)| name.ends_with(".rs"));
    rust.map(|(name, path)| (name, fs::read_to_string(path).expect("Rust is UTF-8")))
        .collect()
}

/// The code of a file without its comments, and without the tests that close it.
fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    let lines = before_tests
        .lines()
        .map(|line| line.split("//").next().unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

fn report(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn a_package_imports_only_from_lower_floors() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let floors: BTreeMap<&str, u8> = FLOORS.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name");
        let Some(floor) = floors.get(name) else {
            wrong.push(format!("{name} stands on no floor"));
            continue;
        };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            // Ours come from a path, all others from a registry; tests may reach for a helper on any floor.
            let ours = dependency["source"].is_null() && dependency["kind"] != "dev";
            let on = dependency["name"].as_str().expect("a name");
            if ours && floors.get(on).is_none_or(|below| below >= floor) {
                wrong.push(format!("{name} (floor {floor}) imports {on}"));
            }
        }
    }
    report("imports that do not point downwards", &wrong);
}

#[test]
fn pure_modules_do_no_io_and_ask_no_clock() {
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        let within = |places: &[&str]| places.iter().any(|place| is_within(&name, place));
        let tests = name.ends_with("/tests.rs") || name.contains("/tests/");
        if !within(PURE) || within(DRIVERS) || tests {
            continue;
        }
        let code = code(&text);
        wrong.extend(
            IMPURE
                .iter()
                .filter(|word| code.contains(**word))
                .map(|word| format!("{name}: {word}")),
        );
    }
    report("pure modules that are not", &wrong);
}

/// Whether the file is `place.rs`, or stands in the folder `place`.
fn is_within(name: &str, place: &str) -> bool {
    name.strip_prefix(place)
        .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

#[test]
fn every_source_names_its_licence_first() {
    let expected = "SPDX-License-Identifier: MIT OR Apache-2.0";
    let wrong: Vec<String> = files()
        .into_iter()
        .filter(|(name, _)| [".rs", ".cc", ".h"].iter().any(|ending| name.ends_with(ending)))
        .filter(|(_, path)| {
            let text = fs::read_to_string(path).expect("source is UTF-8");
            !text.lines().next().is_some_and(|first| first.contains(expected))
        })
        .map(|(name, _)| name)
        .collect();
    report("sources without the licence on their first line", &wrong);
}

#[test]
fn every_exception_to_a_lint_has_its_reason() {
    let mut wrong = Vec::new();
    for (name, text) in sources()
        .into_iter()
        .filter(|(name, _)| !name.ends_with("tests/house.rs"))
    {
        for marker in ["#[allow(", "#![allow(", "#[expect(", "#![expect("] {
            for (at, _) in text.match_indices(marker) {
                let attribute = text[at..].split(")]").next().unwrap_or_default();
                let line = text[..at].lines().count();
                if !attribute.contains("reason =") {
                    wrong.push(format!("{name}:{line}"));
                }
            }
        }
    }
    report("lints allowed without a reason", &wrong);
}

#[test]
fn nothing_names_a_folder_of_one_machine() {
    let own = ["ho", "ro", "wo"].map(|start| match start {
        "ho" => format!("/{start}me/"),
        "ro" => format!("/{start}ot/"),
        _ => format!("/{start}rk/"),
    });
    let mut wrong = Vec::new();
    for (name, path) in files() {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            let bare = |folder: &String| {
                line.match_indices(folder.as_str()).any(|(at, _)| {
                    // Part of a relative path or of a URL is no machine's folder.
                    !line[..at]
                        .ends_with(|before: char| before.is_alphanumeric() || ".-_}/:>*)".contains(before))
                })
            };
            if own.iter().any(bare) {
                wrong.push(format!("{name}:{}", number + 1));
            }
        }
    }
    report("paths of one machine", &wrong);
}

#[test]
fn modules_stand_beside_their_folders() {
    let wrong: Vec<String> = sources()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| name.ends_with("mod.rs"))
        .collect();
    report("mod.rs instead of a file named as the module", &wrong);
}

#[test]
fn files_tell_one_story() {
    let wrong: Vec<String> = sources()
        .into_iter()
        .map(|(name, text)| (name, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect();
    report("files that are too long", &wrong);
}

#[test]
fn functions_fit_on_a_page() {
    let mut wrong = Vec::new();
    let mut lengths = Vec::new();
    for (name, text) in sources() {
        for (line, length) in functions(&text) {
            lengths.push(length);
            if length > LONGEST_FUNCTION {
                wrong.push(format!("{name}:{line}: {length} lines"));
            }
        }
    }
    report("functions that are too long", &wrong);
    lengths.sort_unstable();
    let ninth = lengths[lengths.len() * 9 / 10];
    assert!(ninth <= 25, "one function in ten is longer than {ninth} lines");
}

/// Line and length of every function, as rustfmt lays them out: the closing brace stands under the `fn`'s line.
fn functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let body = line.trim_start();
        let is_function = body.starts_with("fn ")
            || body.split_once(" fn ").is_some_and(|(before, _)| {
                before.split([' ', '(', ')']).all(|word| {
                    matches!(
                        word,
                        "" | "pub" | "crate" | "super" | "in" | "const" | "async" | "unsafe" | "extern"
                    )
                })
            });
        if !is_function || body.ends_with(';') {
            continue;
        }
        if body.ends_with('}') {
            found.push((start + 1, 1));
            continue;
        }
        let closing = format!("{}}}", &line[..line.len() - body.len()]);
        if let Some(length) = lines.iter().skip(start).position(|line| *line == closing) {
            found.push((start + 1, length + 1));
        }
    }
    found
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    let mut wrong = Vec::new();
    for (name, path) in files().into_iter().filter(|(name, _)| name.ends_with(".md")) {
        let text = fs::read_to_string(&path).expect("documents are UTF-8");
        let folder = path.parent().expect("a file stands in a folder");
        for target in links(&text) {
            if !folder.join(target).exists() {
                wrong.push(format!("{name}: {target}"));
            }
        }
        for mentioned in mentioned_files(&text) {
            if !root().join(mentioned).exists() && !folder.join(mentioned).exists() {
                wrong.push(format!("{name}: `{mentioned}`"));
            }
        }
    }
    report("links to nothing", &wrong);
}

#[test]
fn functions_that_the_documents_follow_are_where_they_say() {
    let text = fs::read_to_string(root().join("docs/architecture.md")).expect("it is there");
    let rows = text
        .lines()
        .filter(|line| line.starts_with('|') && line.contains("()`"));
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for row in rows {
        let sources: Vec<_> = mentioned_files(row)
            .into_iter()
            .filter_map(|file| fs::read_to_string(root().join(file)).ok())
            .collect();
        // The first two columns say where, and what.
        let columns: String = row.split('|').take(3).collect();
        let quoted = columns.split('`').skip(1).step_by(2);
        for name in quoted.filter_map(|word| word.strip_suffix("()")) {
            let is_there = |source: &String| {
                ["fn {}(", "fn {}<"]
                    .iter()
                    .any(|form| source.contains(&form.replace("{}", name)))
            };
            seen += 1;
            if !sources.iter().any(is_there) {
                wrong.push(format!("{name}: {row}"));
            }
        }
    }
    assert!(seen > 30, "only {seen} functions");
    report("functions that are elsewhere", &wrong);
}

/// The relative targets of `[text](target)`.
fn links(text: &str) -> Vec<&str> {
    let targets = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next());
    let relative = targets.filter(|target| !target.contains("://") && !target.starts_with(['#', '<']));
    relative
        .map(|target| target.split('#').next().unwrap_or(target))
        .collect()
}

/// Paths of the workspace's files in backquotes, such as `orb-core/src/lib.rs`.
fn mentioned_files(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted
        .filter(|word| word.contains('/') && !word.contains(['*', ' ', '<', '$', '…', '\n']))
        .filter(|word| {
            [".rs", ".toml", ".md"]
                .iter()
                .any(|ending| word.ends_with(ending))
        })
        .filter(|word| !word.starts_with(['/', '~']) && !word.starts_with("foo/"))
        .collect()
}

#[test]
fn the_measure_of_functions_is_right() {
    let text = "fn a() {\n    one();\n}\n\nimpl X {\n    pub(crate) const fn b() -> u8 {\n        1\n    }\n}\nfn c() {}\n";
    assert_eq!(functions(text), [(1, 3), (6, 3), (10, 1)]);
}

#[test]
fn links_are_found() {
    assert_eq!(
        links("[a](b.md#c) [d](https://e.f) [g](#h) [i](../j.rs)"),
        ["b.md", "../j.rs"]
    );
    assert_eq!(
        mentioned_files("see `orb-core/src/lib.rs` and `x/*.rs`"),
        ["orb-core/src/lib.rs"]
    );
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `upcall calibrate` as a shell runs it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use qos_mapper::Calibration;
use rtu::Nanos;

/// A user's folder for configuration, gone with the test.
struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("upcall-home-{}-{name}", std::process::id()));
        fs::create_dir_all(path.join("upcall")).unwrap();
        Self(path)
    }

    /// Where the calibration is kept.
    fn file(&self) -> PathBuf {
        self.0.join("upcall/calibration.toml")
    }

    fn kept(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_upcall"));
        command.args(words).env("XDG_CONFIG_HOME", &self.0);
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// What is in the folder beside the file.
    fn others(&self) -> usize {
        let entries = fs::read_dir(self.0.join("upcall")).unwrap().flatten();
        entries.filter(|entry| entry.path() != self.file()).count()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn printed(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.stderr.is_empty(),
        "there is no terminal to show progress on"
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const OLD: &str = "version = 1\nmachine.name = \"a mill\"\nmachine.link.round_trip = \"3s\"\ncosts.servant = \"7us\"\n\
                   costs.servants.\"Mill::turn\".worst_case = \"9us\"\n";
const SMALL: &str =
    "[[object]]\nname = \"pulse\"\nclass = \"isochronous\"\nperiod = \"9s\"\nworst_case = \"1ms\"\n";

#[test]
fn what_is_measured_is_kept_and_used() {
    let home = Home::new("kept");
    fs::write(home.file(), OLD).unwrap();
    let shown = printed(&home.run(&["calibrate", "--seconds", "1", "--percent", "50"]));
    assert!(
        shown.contains("release jitter (J)") && shown.contains("`upcall qos check`"),
        "{shown}"
    );
    let kept = Calibration::parse(&home.kept()).unwrap();
    assert_eq!(kept.machine.name.as_deref(), Some("a mill"));
    assert_eq!(kept.machine.link.round_trip, Nanos::from_secs(3));
    assert_eq!(kept.costs.servant, Nanos::from_micros(7));
    assert_eq!(kept.costs.servants["Mill::turn"], Nanos::from_micros(9));
    assert!(
        kept.made
            .unwrap()
            .contains("by upcall calibrate, 1 s, 50 % covered")
    );
    assert!(kept.costs.upcall > Nanos::ZERO && kept.costs.message > Nanos::ZERO);
    assert!(kept.machine.switch > Nanos::ZERO && kept.machine.jitter > Nanos::ZERO);
    let dearest = kept.costs.types.values().map(|cost| cost.byte).max();
    assert_eq!(
        (kept.costs.types.len(), Some(kept.costs.other_types.byte)),
        (6, dearest)
    );
    assert_eq!(home.others(), 0);

    let file = home.0.join("upcall.toml");
    fs::write(&file, SMALL).unwrap();
    let checked = printed(&home.run(&["qos", "check", &file.display().to_string(), "--json"]));
    let checked: serde_json::Value = serde_json::from_str(&checked).unwrap();
    assert_eq!(checked["machine"], "a mill");
    let planned = checked["cpus"][0]["flows"][0]["budget"].as_u64().unwrap();
    let other = kept.costs.other_types;
    let message = kept.costs.message + other.message + Nanos::from_millis(1);
    let bytes = (kept.costs.byte.0 + other.byte.0) * 1_024;
    let counted = kept.costs.upcall + message + Nanos(bytes.div_ceil(1_000));
    assert_eq!(planned, counted.0, "the plan counts with what was measured");
}

#[test]
fn json_tells_the_same_as_the_file() {
    let home = Home::new("json");
    let out = home.0.join("elsewhere/machine.toml");
    let words = [
        "calibrate",
        "-s",
        "1",
        "--json",
        "--out",
        &out.display().to_string(),
    ];
    let value: serde_json::Value = serde_json::from_str(&printed(&home.run(&words))).unwrap();
    let kept = Calibration::parse(&fs::read_to_string(&out).unwrap()).unwrap();
    assert_eq!(value["costs"]["message"], kept.costs.message.0);
    assert_eq!(value["machine"]["jitter"], kept.machine.jitter.0);
    assert_eq!(value["file"], out.display().to_string());
    assert!(!home.file().exists(), "only --out is written");
}

#[test]
fn an_interrupt_leaves_the_old_file_and_nothing_else() {
    let home = Home::new("interrupted");
    fs::write(home.file(), OLD).unwrap();
    let mut command = home.command(&["calibrate", "--seconds", "600"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It has begun to measure once it has threads.
    let threads = format!("/proc/{}/task", child.id());
    while Path::new(&threads).exists() && fs::read_dir(&threads).map_or(0, Iterator::count) < 2 {
        std::thread::yield_now();
    }
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let said = complaint(&child.wait_with_output().unwrap());
    assert!(said.contains("interrupted; nothing was written"), "{said}");
    assert_eq!((home.kept().as_str(), home.others()), (OLD, 0));
}

#[test]
fn mistakes_are_told_before_anything_is_measured() {
    let home = Home::new("mistakes");
    let said = complaint(&home.run(&["calibrate", "--seconds", "600", "--cpus", "1023"]));
    assert!(
        said.contains("CPU 1023 is not one that this process may run on") && said.contains("hint: "),
        "{said}"
    );
    let folder = home.0.display().to_string();
    let said = complaint(&home.run(&["calibrate", "--seconds", "600", "--out", &folder]));
    assert!(said.contains("--out names another place"), "{said}");
    fs::write(home.file(), "version = 1\nmachin.name = 3\n").unwrap();
    let said = complaint(&home.run(&["calibrate", "--seconds", "600"]));
    assert!(said.contains(":2:1: ") && said.contains("move it away"), "{said}");
    for wrong in [["--seconds", "0"], ["--cpus", "2-1"], ["--percent", "10"]] {
        let output = home.run(&[&["calibrate"], &wrong[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn help_names_what_can_be_said() {
    let home = Home::new("help");
    let help = printed(&home.run(&["calibrate", "--help"]));
    for word in [
        "--out",
        "--seconds",
        "--cpus",
        "--percent",
        "--json",
        "upcall doctor",
    ] {
        assert!(help.contains(word), "{word} in {help}");
    }
}

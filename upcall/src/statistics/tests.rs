// SPDX-License-Identifier: MIT OR Apache-2.0
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    process::{Command, Stdio},
    sync::Weak,
};

use object_adapter::Flows;
use orb_core::cdr::{Decoder, Encoder, Marshal, Unmarshal};
use proptest::prelude::*;
use rtu::process::started;

use super::*;

fn folder() -> (tempfile::TempDir, Folder) {
    let scratch = tempfile::tempdir().unwrap();
    let folder = Folder::at(scratch.path().join("flows"));
    folder.open().unwrap();
    (scratch, folder)
}

/// One with every member set.
fn snapshot() -> Snapshot {
    let time = Duration::from_micros;
    let guaranteed = Flow {
        number: 1 << 40,
        object: "robot/axes/axis-1".into(),
        peer: "iiop://[::1]:4711".into(),
        class: Class::Isochronous,
        granted: Some(Granted {
            cpu: 2,
            rate: 1000.0,
            share: 0.125,
            deadline: time(800),
        }),
        messages: 12_345,
        received: 6_789_000,
        upcalls: 9_999,
        misses: 3,
        overruns: 2,
        used: time(1_234_567),
        recent: Recent {
            rate: 998.5,
            bandwidth: 64_000.0,
            share: 0.0625,
        },
        response: Some(Response {
            median: time(120),
            p99: time(340),
            longest: time(777),
        }),
    };
    Snapshot {
        process: std::process::id(),
        orb: 1,
        program: "controller".into(),
        flows: vec![guaranteed, Flow::default()],
        left_out: 7,
    }
}

fn write(folder: &Folder, snapshot: &Snapshot) {
    let start = started(snapshot.process).unwrap_or(1);
    folder::write(&folder.file(snapshot.process, snapshot.orb), snapshot, start).unwrap();
}

fn names(folder: &Folder) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_written_is_read() {
    let (_scratch, folder) = folder();
    let (one, other) = (snapshot(), Snapshot { orb: 0, ..snapshot() });
    write(&folder, &one);
    write(&folder, &other);
    assert_eq!(folder.read().unwrap(), [other, one]);
}

#[test]
fn without_a_folder_nobody_serves() {
    let scratch = tempfile::tempdir().unwrap();
    assert_eq!(Folder::at(scratch.path().join("none")).read().unwrap(), []);
}

#[test]
fn what_dead_processes_left_is_cleared_away() {
    let (_scratch, folder) = folder();
    let mut child = Command::new("sleep")
        .arg("600")
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let its = Snapshot {
        process: child.id(),
        ..snapshot()
    };
    write(&folder, &its);
    assert_eq!(folder.read().unwrap(), std::slice::from_ref(&its));
    child.kill().unwrap();
    child.wait().unwrap();
    fs::write(folder.path().join(format!("{}-9.new", child.id())), "upcallS2").unwrap();
    assert_eq!(folder.read().unwrap(), []);
    assert_eq!(names(&folder), [""; 0]);
    // Who begins to write clears away as well.
    write(&folder, &its);
    folder.open().unwrap();
    assert_eq!(names(&folder), [""; 0]);
}

#[test]
fn a_number_that_was_given_anew_is_another_process() {
    let (_scratch, folder) = folder();
    let one = snapshot();
    folder::write(&folder.file(one.process, one.orb), &one, 1).unwrap();
    assert_eq!(folder.read().unwrap(), []);
    assert_eq!(names(&folder), [""; 0]);
}

#[test]
fn what_is_no_snapshot_is_passed_over() {
    let (scratch, folder) = folder();
    let (here, process) = (folder.path(), std::process::id());
    let path = |name: &str| here.join(format!("{process}-{name}"));
    fs::write(path("empty"), "").unwrap();
    fs::write(path("text"), "not a snapshot").unwrap();
    fs::write(here.join("note"), "mine").unwrap();
    fs::write(here.join("4000000000-1"), "mine").unwrap();
    let large = fs::File::create(path("large")).unwrap();
    large.set_len(1 << 40).unwrap();
    fs::create_dir(path("folder")).unwrap();
    symlink(scratch.path(), path("link")).unwrap();
    let made = Command::new("mkfifo").arg(path("fifo")).status().unwrap();
    assert!(made.success());
    write(&folder, &snapshot());
    assert_eq!(folder.read().unwrap(), [snapshot()]);
    folder.open().unwrap();
    for stays in [path("text"), here.join("note"), here.join("4000000000-1")] {
        assert!(stays.exists(), "what is not ours stays: {stays:?}");
    }
}

#[test]
fn a_snapshot_on_its_way_is_not_read_twice() {
    let (_scratch, folder) = folder();
    write(&folder, &snapshot());
    let file = folder.file(std::process::id(), 1);
    fs::copy(&file, file.with_extension("new")).unwrap();
    assert_eq!(folder.read().unwrap(), [snapshot()]);
    assert_eq!(names(&folder).len(), 2);
}

#[test]
fn a_folder_that_others_may_write_to_is_refused() {
    let (_scratch, folder) = folder();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let error = folder.read().unwrap_err().to_string();
    assert!(error.contains("nobody else may write"), "{error}");
    assert!(folder.open().is_err());
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(Folder::at(file).open().is_err(), "a file is no folder");
}

#[test]
fn an_orb_is_there_from_its_beginning_to_its_end() {
    let (_scratch, folder) = folder();
    let publisher = Publisher::start(&folder, Flows::default(), Weak::new()).unwrap();
    let read = folder.read().unwrap();
    assert_eq!(read.len(), 1);
    assert_eq!((read[0].process, read[0].flows.len()), (std::process::id(), 0));
    assert!(read[0].program.contains("upcall"), "{}", read[0].program);
    drop(publisher);
    assert_eq!(names(&folder), [""; 0]);
}

#[test]
fn names_cannot_take_a_terminal_over() {
    let (_scratch, folder) = folder();
    let mut hostile = snapshot();
    hostile.flows[0].object = "\u{1b}[2J".repeat(1000);
    hostile.program = "a\u{7}\nb".into();
    write(&folder, &hostile);
    let read = &folder.read().unwrap()[0];
    assert_eq!(read.flows[0].object.chars().count(), LONGEST_NAME);
    assert!(!read.flows[0].object.contains(char::is_control));
    assert_eq!(read.program, "a\u{fffd}\u{fffd}b");
}

fn encoded(snapshot: &Snapshot) -> Vec<u8> {
    let mut encoder = Encoder::native();
    snapshot.marshal(&mut encoder).unwrap();
    encoder.contiguous().to_vec()
}

proptest! {
    #[test]
    fn no_content_does_any_harm(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = Snapshot::unmarshal(&mut Decoder::native(&bytes));
    }

    #[test]
    fn no_scribble_does_any_harm(at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = encoded(&snapshot());
        let at = at.index(bytes.len());
        prop_assert!(Snapshot::unmarshal(&mut Decoder::native(&bytes[..at])).is_err());
        bytes[at] = byte;
        let _ = Snapshot::unmarshal(&mut Decoder::native(&bytes));
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `upcall top` as a shell runs it: a process that reads what this one, and others, publish.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::ops::Deref;
use std::os::fd::AsFd;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::Value;
use upcall::qos::Qos;
use upcall::{Interface, Orb};

#[path = "shared/machine.rs"]
mod machine;
#[path = "shared/running.rs"]
mod running;

use machine::{Machine, PATIENCE, export, until};
use running::Running;

/// A machine whose table is read.
struct Flows(Machine);

impl Deref for Flows {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        &self.0
    }
}

impl Flows {
    fn new() -> Self {
        Self(Machine::new())
    }

    fn once(&self) -> Value {
        let output = self.run(&["top", "--once", "--json"]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn text(&self) -> String {
        let output = self.run(&["top", "--once"]);
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }
}

fn ended(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it does not end");
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn server(flows: &Flows) -> Orb {
    flows.orb().listen("iiop://127.0.0.1:0").build().unwrap()
}

/// The flow that the table has for an object, once it has served so many messages.
fn flow(flows: &Flows, object: Option<&str>, messages: u64) -> Value {
    until("the flow is in the table", || {
        let table = flows.once();
        let mut listed = table["flows"].as_array().unwrap().iter();
        let wanted = |flow: &&Value| {
            flow["object"].as_str() == object && flow["messages"].as_u64().unwrap() >= messages
        };
        listed.find(wanted).cloned()
    })
}

#[test]
fn another_process_reads_what_the_flows_of_this_one_do() {
    let flows = Flows::new();
    let server = server(&flows);
    let client = Orb::builder().environment(false).build().unwrap();
    let soon = Qos::low_delay(Duration::from_millis(2)).worst_case(Duration::from_micros(20));
    let urgent = client.string_to_object(&export(&server, "urgent", soon)).unwrap();
    let plain = client
        .string_to_object(&export(&server, "plain", Qos::best_effort(1)))
        .unwrap();
    for _ in 0..10 {
        urgent.is_a("IDL:Other:1.0").wait().unwrap();
        plain.is_a("IDL:Other:1.0").wait().unwrap();
    }
    let listed = flow(&flows, Some("urgent"), 10);
    assert_eq!(listed["process"], std::process::id());
    assert_eq!(listed["class"], "low_delay");
    assert_eq!(listed["granted"]["rate"], 500.0);
    assert_eq!(listed["granted"]["deadline"], 2_000_000);
    assert!(listed["upcalls"].as_u64().unwrap() >= 10);
    assert!(listed["used"].as_u64().unwrap() > 0 && listed["received"].as_u64().unwrap() > 0);
    let (median, p99) = (&listed["response"]["median"], &listed["response"]["p99"]);
    assert!(median.as_u64().unwrap() > 0 && p99.as_u64() >= median.as_u64());
    let listed = flow(&flows, None, 10);
    assert_eq!(listed["class"], "best_effort");
    assert!(listed["granted"].is_null() && listed["response"].is_null());
    let text = flows.text();
    assert!(
        text.contains("2 flows of 1 ORB") && text.contains("urgent"),
        "{text}"
    );
    client.shutdown();
    until("flows that are gone are not shown", || {
        flows.text().contains("1 ORB without clients").then_some(())
    });
    server.shutdown();
    assert_eq!(
        flows.text(),
        "no Upcall process of this user serves anything now\n"
    );
}

#[test]
fn the_clients_end_of_a_flow_is_in_the_table_although_its_orb_serves_nothing() {
    let flows = Flows::new();
    let (server, client) = (server(&Flows::new()), flows.orb().build().unwrap());
    let soon = Qos::low_delay(Duration::from_millis(2)).worst_case(Duration::from_micros(20));
    let plain = client.string_to_object(&export(&server, "t", soon)).unwrap();
    let own = plain
        .with_qos(Qos::isochronous(Duration::from_millis(10), 4))
        .unwrap();
    for _ in 0..20 {
        own.request("note").send().unwrap();
    }
    let listed = flow(&flows, Some("→ IDL:Nothing:1.0"), 20);
    assert_eq!(
        (&listed["messages"], &listed["class"]),
        (&20.into(), &"isochronous".into())
    );
    assert_eq!(listed["granted"]["rate"], 400.0);
    assert!(listed["upcalls"].as_u64().unwrap() >= 5 && listed["received"].as_u64().unwrap() > 0);
    drop(own);
    until("a flow that has gone is not shown", || {
        flows.text().contains("1 ORB without clients").then_some(())
    });
    client.shutdown();
    server.shutdown();
}

#[test]
fn a_process_that_is_killed_disappears() {
    let flows = Flows::new();
    let mut served = flows.command(&["names", "serve", "-l", "iiop://127.0.0.1:0"]);
    let mut served = Running::start(served.stdout(Stdio::piped()));
    let mut output = BufReader::new(served.stdout.take().unwrap());
    output.read_line(&mut String::new()).unwrap();
    let table = flows.once();
    assert_eq!(table["orbs"][0]["process"], served.id());
    assert_eq!(table["orbs"][0]["program"], "upcall");
    served.kill().unwrap();
    served.wait().unwrap();
    assert_eq!(flows.once()["orbs"].as_array().unwrap().len(), 0);
    assert_eq!(fs::read_dir(flows.folder().path()).unwrap().count(), 0);
}

#[test]
fn a_scribbled_page_does_no_harm() {
    let flows = Flows::new();
    let _server = server(&flows);
    let folder = flows.folder();
    let mut entries = fs::read_dir(folder.path()).unwrap().flatten();
    // Beside it is the socket for captures.
    let file = entries.find(|entry| entry.file_type().unwrap().is_file());
    let file = file.unwrap().path();
    // Until the next round there is this, and then the truth again.
    let mut scribbled = fs::read(&file).unwrap();
    for (at, byte) in scribbled.iter_mut().enumerate() {
        *byte ^= u8::try_from(at % 251).unwrap();
    }
    fs::write(&file, &scribbled).unwrap();
    flows.text();
    fs::write(&file, vec![0xff; 100_000]).unwrap();
    flows.text();
    until("the truth is told again", || {
        flows.text().contains("1 ORB without clients").then_some(())
    });
}

#[test]
fn a_folder_that_cannot_be_read_is_an_error() {
    let flows = Flows::new();
    fs::write(flows.folder().path(), "a file").unwrap();
    let output = flows.run(&["top", "--once"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("is not a folder of this user"), "{said}");
}

#[test]
fn without_a_terminal_it_prints_until_it_is_interrupted() {
    let flows = Flows::new();
    let mut command = flows.command(&["top", "--json"]);
    let mut top = Running::start(command.stdout(Stdio::piped()));
    let mut lines = BufReader::new(top.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        let line = lines.next().unwrap().unwrap();
        let value: Value = serde_json::from_str(&line).unwrap();
        assert!(value["flows"].is_array());
    }
    let pid = Pid::from_child(&top);
    kill_process(pid, Signal::INT).unwrap();
    assert!(ended(&mut top).success());
}

#[test]
fn it_ends_when_nobody_reads_any_further_and_when_its_time_is_over() {
    let flows = Flows::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut top = Running::start(flows.command(&["top"]).stdout(writer));
    assert!(ended(&mut top).success());
    let output = flows.run(&["top", "--for", "1"]);
    assert!(output.status.success() && !output.stdout.is_empty());
}

/// Runs it on a terminal of 24 lines, presses a key once something is shown, and returns all that was shown.
fn on_terminal(flows: &Flows, words: &[&str], key: &[u8]) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let path = ptsname(&terminal, Vec::new()).unwrap();
    let size = Winsize {
        ws_row: 24,
        ws_col: 200,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let open = || {
        let path = path.to_str().unwrap();
        OpenOptions::new().read(true).write(true).open(path).unwrap()
    };
    let its = open();
    tcsetwinsize(its.as_fd(), size).unwrap();
    let mut command = flows.command(words);
    let mut top = command
        .stdin(its.try_clone().unwrap())
        .stdout(its)
        .spawn()
        .unwrap();
    // The command's own copies would keep the terminal open.
    drop(command);
    let mut terminal = File::from(terminal);
    let (mut shown, mut some) = (Vec::new(), [0; 4096]);
    let has = |shown: &[u8], what: &str| String::from_utf8_lossy(shown).contains(what);
    while !has(&shown, "PROGRAM") && !has(&shown, "without clients") {
        let count = terminal.read(&mut some).unwrap();
        shown.extend(&some[..count]);
    }
    terminal.write_all(key).unwrap();
    // At the end of the last process on it, reading fails.
    while let Ok(count @ 1..) = terminal.read(&mut some) {
        shown.extend(&some[..count]);
    }
    assert!(ended(&mut top).success());
    String::from_utf8_lossy(&shown).into_owned()
}

#[test]
fn a_terminal_is_given_back_as_it_was() {
    let flows = Flows::new();
    let _server = server(&flows);
    for key in [b"q".as_slice(), b"\x03"] {
        let shown = on_terminal(&flows, &["top"], key);
        assert!(shown.contains("1 ORB without clients"), "{shown:?}");
        let (taken, given) = ("\u{1b}[?1049h", "\u{1b}[?1049l");
        assert!(shown.find(taken).unwrap() < shown.find(given).unwrap());
        assert!(shown.contains("\u{1b}[?25h"), "the cursor is there again");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `upcall capture` as a shell runs it, while calls run over the fabric; and what tshark reads of the file.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::fs;
use std::io::Read;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use upcall::qos::Qos;
use upcall::{Fabric, OrbBuilder};

#[path = "shared/machine.rs"]
mod machine;
#[path = "shared/running.rs"]
mod running;

use machine::{Machine, export, until};
use running::Running;

/// A machine with a fabric and files of its own.
struct Site(Machine);

impl Deref for Site {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        &self.0
    }
}

impl Site {
    fn new() -> Self {
        let machine = Machine::new();
        fs::create_dir(machine.path().join("fabric")).unwrap();
        Self(machine)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn orb(&self) -> OrbBuilder {
        let fabric = Fabric::at(self.path().join("fabric"));
        self.0.orb().fabric(fabric)
    }

    /// Captures so many packets, into a file.
    fn capture(&self, flow: &str, packets: &str) -> PathBuf {
        let file = self.file("flow.pcapng");
        let words = ["capture", flow, "--count", packets, "-o", file.to_str().unwrap()];
        let output = self.run(&words);
        let (said, wrong) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{wrong}");
        assert!(
            said.contains(&format!(": {packets} packets captured, 0 dropped\n")),
            "{said}"
        );
        let read = format!("tshark -r {} -d tcp.port==2809,giop", file.display());
        assert!(said.contains(&read), "{said}");
        file
    }

    /// The name of the flow whose object and peer are so, once it is listed.
    fn flow(&self, object: Option<&str>, scheme: &str) -> String {
        until("the flow is listed", || {
            let output = self.run(&["top", "--once", "--json"]);
            let table: Value = serde_json::from_slice(&output.stdout).unwrap();
            let wanted = |flow: &&Value| {
                flow["object"].as_str() == object && flow["peer"].as_str().unwrap().starts_with(scheme)
            };
            let flow = table["flows"].as_array().unwrap().iter().find(wanted)?;
            Some(flow["flow"].as_str().unwrap().to_owned())
        })
    }
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

/// A client that calls again and again.
struct Caller {
    thread: Option<JoinHandle<()>>,
    ends: Arc<AtomicBool>,
    calls: Arc<AtomicU64>,
}

impl Caller {
    fn start(machine: &Site, reference: &str) -> Self {
        let (ends, calls) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (until, counted) = (Arc::clone(&ends), Arc::clone(&calls));
        let client = machine.orb().build().unwrap();
        let object = client.string_to_object(reference).unwrap();
        let thread = thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                object.is_a("IDL:Other:1.0").wait().unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(1));
            }
            client.shutdown();
        });
        Self {
            thread: Some(thread),
            ends,
            calls,
        }
    }

    /// Waits until so many more calls were made.
    fn goes_on(&self, more: u64) {
        let before = self.calls.load(Ordering::Relaxed);
        until("calls go on", || {
            (self.calls.load(Ordering::Relaxed) >= before + more).then_some(())
        });
    }

    fn stop(mut self) {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// What tshark reads of the packets that a filter selects; `None` where it is not installed.
fn tshark(test: &str, file: &PathBuf, filter: &str, field: &str) -> Option<Vec<String>> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file);
    command.args([
        "-d",
        "tcp.port==2809,giop",
        "-Y",
        filter,
        "-T",
        "fields",
        "-e",
        field,
    ]);
    let Ok(output) = command.output() else {
        println!("SKIPPED: {test}: tshark is not installed");
        return None;
    };
    let wrong = text(&output.stderr);
    assert!(
        !wrong.contains("cut short") && !wrong.contains("corrupt"),
        "{wrong}"
    );
    Some(text(&output.stdout).lines().map(str::to_owned).collect())
}

/// That tshark finds requests and replies, and nothing wrong.
fn is_in_order(test: &str, file: &PathBuf) {
    let Some(kinds) = tshark(test, file, "giop", "giop.type") else {
        return;
    };
    for (kind, name) in [("0", "requests"), ("1", "replies")] {
        let count = kinds.iter().filter(|found| *found == kind).count();
        assert!(count >= 10, "{count} {name}: {kinds:?}");
    }
    for wrong in ["_ws.malformed", "_ws.expert.severity >= 0x600000", "ip && !tcp"] {
        let found = tshark(test, file, wrong, "_ws.col.info").unwrap();
        assert_eq!(found, [""; 0], "{wrong}");
    }
    let streams = tshark(test, file, "tcp", "tcp.stream").unwrap();
    assert!(
        streams.iter().all(|stream| stream == "0"),
        "one flow: {streams:?}"
    );
}

#[test]
fn tshark_reads_the_calls_of_a_flow_that_runs() {
    let machine = Site::new();
    let server = machine.orb().listen("apic://telemetry").build().unwrap();
    let caller = Caller::start(&machine, &export(&server, "plain", Qos::best_effort(1)));
    let flow = machine.flow(None, "apic");
    let file = machine.capture(&flow, "60");
    is_in_order("tshark_reads_the_calls_of_a_flow_that_runs", &file);
    // Again, by what it alone has.
    caller.goes_on(10);
    let file = machine.capture(&format!("apic://process-{}", std::process::id()), "60");
    is_in_order("tshark_reads_the_calls_of_a_flow_that_runs", &file);
    caller.stop();
    server.shutdown();
}

#[test]
fn a_flow_with_a_guarantee_is_captured_likewise() {
    let machine = Site::new();
    let server = machine.orb().listen("apic://urgent").build().unwrap();
    let soon = Qos::low_delay(Duration::from_millis(2)).worst_case(Duration::from_micros(20));
    let caller = Caller::start(&machine, &export(&server, "stop", soon));
    machine.flow(Some("stop"), "apic");
    let file = machine.capture("stop", "60");
    is_in_order("a_flow_with_a_guarantee_is_captured_likewise", &file);
    caller.stop();
    server.shutdown();
}

#[test]
fn a_flow_is_captured_from_a_container_that_shares_the_folder() {
    let apart = ["--user", "--map-root-user", "--mount", "--pid", "--fork"];
    let made = Command::new("unshare").args(apart).arg("true").output();
    if !made.is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: a capture from a container: namespaces of users cannot be made here");
        return;
    }
    let site = Site::new();
    let server = site.orb().listen("apic://apart").build().unwrap();
    let caller = Caller::start(&site, &export(&server, "plain", Qos::best_effort(1)));
    let (flow, file) = (site.flow(None, "apic"), site.file("apart.pcapng"));
    let words = ["capture", &flow, "--count", "10", "-o", file.to_str().unwrap()];
    let alone = site.command(&words);
    let mut command = Command::new("unshare");
    command
        .args(apart)
        .arg(alone.get_program())
        .args(alone.get_args());
    command.env("UPCALL_STATISTICS", site.folder().path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    caller.stop();
    server.shutdown();
}

#[test]
fn ctrl_c_leaves_a_file_that_is_whole() {
    let machine = Site::new();
    let server = machine.orb().listen("apic://c").build().unwrap();
    let caller = Caller::start(&machine, &export(&server, "plain", Qos::best_effort(1)));
    let (flow, file) = (machine.flow(None, "apic"), machine.file("c.pcapng"));
    let mut command = machine.command(&["capture", &flow, "--snap", "80", "-o", file.to_str().unwrap()]);
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    until("something is captured", || {
        fs::metadata(&file)
            .is_ok_and(|about| about.len() > 10_000)
            .then_some(())
    });
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && text(&output.stdout).contains("packets captured"));
    if let Some(lengths) = tshark(
        "ctrl_c_leaves_a_file_that_is_whole",
        &file,
        "tcp",
        "frame.cap_len",
    ) {
        assert!(lengths.len() > 50 && lengths.iter().all(|length| length.parse::<u32>().unwrap() <= 80));
    }
    caller.stop();
    server.shutdown();
}

#[test]
fn a_capture_that_is_killed_leaves_the_flow_as_it_was() {
    let machine = Site::new();
    let server = machine.orb().listen("apic://killed").build().unwrap();
    let caller = Caller::start(&machine, &export(&server, "plain", Qos::best_effort(1)));
    let (flow, file) = (machine.flow(None, "apic"), machine.file("killed.pcapng"));
    let mut command = machine.command(&["capture", &flow, "-o", file.to_str().unwrap()]);
    let mut child = Running::start(&mut command);
    until("something is captured", || {
        fs::metadata(&file)
            .is_ok_and(|about| about.len() > 10_000)
            .then_some(())
    });
    let second = machine.run(&["capture", &flow, "-o", machine.file("second").to_str().unwrap()]);
    let said = text(&second.stderr);
    assert!(
        said.contains("somebody else captures this flow already"),
        "{said}"
    );
    assert!(!machine.file("second").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    caller.goes_on(10);
    // The tap is taken off as soon as the ORB notices.
    until("the flow can be captured again", || {
        let file = machine.file("again.pcapng");
        let words = ["capture", &flow, "--count", "10", "-o", file.to_str().unwrap()];
        machine.run(&words).status.success().then_some(())
    });
    if let Some(times) = tshark(
        "a_capture_that_is_killed_leaves_the_flow_as_it_was",
        &file,
        "tcp",
        "frame.number",
    ) {
        assert!(times.len() > 10, "what was written can be read");
    }
    until("its thread is gone", || {
        let named = |entry: fs::DirEntry| {
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            name.trim() == "upcall-capture"
        };
        let mut threads = fs::read_dir("/proc/self/task").unwrap().flatten();
        // Other tests capture too, but not for ever.
        (!threads.any(named)).then_some(())
    });
    caller.stop();
    server.shutdown();
}

#[test]
fn what_cannot_be_captured_is_refused_with_the_reason() {
    let machine = Site::new();
    let refused = |words: &[&str], why: &[&str]| {
        let output = machine.run(words);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(why.iter().all(|why| said.contains(why)), "{said}");
    };
    let file = machine.file("none.pcapng");
    let file_name = file.to_str().unwrap();
    refused(&["capture", "1.1", "-o", file_name], &["process 1 is gone"]);
    let endpoints = |builder: OrbBuilder| builder.listen("iiop://127.0.0.1:0").listen("apic://both");
    let server = endpoints(machine.orb()).build().unwrap();
    let reference = export(&server, "plain", Qos::best_effort(1));
    refused(
        &["capture", "nobody", "-o", file_name],
        &["no such flow", "upcall top"],
    );
    let us = format!("{}.999", std::process::id());
    refused(&["capture", &us, "-o", file_name], &["no such flow"]);
    // Over the kernel's sockets.
    let elsewhere = Site::new();
    let caller = Caller::start(&elsewhere, &reference);
    let flow = machine.flow(None, "iiop");
    refused(
        &["capture", &flow, "-o", file_name],
        &[
            "the kernel carries this flow",
            "tcpdump -i lo -w flow.pcap 'tcp port",
            "giop",
        ],
    );
    caller.stop();
    assert!(!file.exists(), "no file without a capture");
    // A file that cannot be written; the flow is not captured any more then.
    let caller = Caller::start(&machine, &reference);
    let flow = machine.flow(None, "apic");
    refused(
        &["capture", &flow, "-o", "/nowhere/flow.pcapng"],
        &["/nowhere/flow.pcapng: No such file"],
    );
    refused(
        &["capture", &flow, "--count", "5", "-o", "/dev/full"],
        &["/dev/full: No space left"],
    );
    until("the flow can be captured again", || {
        let words = ["capture", &flow, "--count", "5", "-o", file_name];
        machine.run(&words).status.success().then_some(())
    });
    caller.stop();
    server.shutdown();
}

#[test]
fn a_capture_ends_with_its_flow_and_with_its_time() {
    let machine = Site::new();
    let server = machine.orb().listen("apic://ends").build().unwrap();
    let caller = Caller::start(&machine, &export(&server, "plain", Qos::best_effort(1)));
    let (flow, file) = (machine.flow(None, "apic"), machine.file("ends.pcapng"));
    let output = machine.run(&["capture", &flow, "--seconds", "1", "-o", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    // To standard output, for as long as the flow is there.
    let mut command = machine.command(&["capture", &flow, "-o", "-"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    output.read_exact(&mut [0; 2000]).unwrap();
    caller.stop();
    output.read_to_end(&mut Vec::new()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(
        text(&output.stderr).contains("packets captured"),
        "{}",
        text(&output.stderr)
    );
    server.shutdown();
}

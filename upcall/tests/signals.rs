// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ctrl-C: the first one ends a program in good order, the second one at once.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops where something is not as expected, and the programs talk to each other"
)]

use std::{
    io::{BufRead, BufReader, Read},
    os::unix::process::ExitStatusExt,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use orb_core::servant::Reply;
use upcall::{Context, Decoder, ObjectRef, Orb, Servant};

/// With this variable, this program is the server that the tests start.
const SERVER: &str = "UPCALL_TEST_SIGNALS_SERVER";
/// For how long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(30);
const ID: &str = "IDL:Busy:1.0";

/// Never answers what it is, once it was told to be `slow`.
struct Busy {
    slow: bool,
}

impl Servant for Busy {
    fn repository_id(&self) -> &str {
        ID
    }

    fn is_a(&self, _: &str) -> bool {
        println!("\nBUSY");
        if self.slow {
            loop {
                thread::park();
            }
        }
        true
    }

    fn dispatch(&self, _: &Context<'_>, _: &mut Decoder<'_>, _: &mut Reply<'_>) -> upcall::Result<()> {
        Ok(())
    }
}

#[test]
fn server() {
    let Ok(kind) = std::env::var(SERVER) else { return };
    let orb = Orb::builder()
        .listen("iiop://127.0.0.1:0")
        .server(|config| config.grace = 10 * PATIENCE)
        .build()
        .unwrap();
    let busy = Busy { slow: kind == "slow" };
    let object: ObjectRef = orb.root_poa().activate(busy).export().unwrap();
    let url = orb.object_to_string(&object);
    thread::spawn(move || {
        let client = Orb::builder().build().unwrap();
        let object = client.string_to_object(&url).unwrap();
        let _ = object.is_a("IDL:Other:1.0").wait();
        println!("\nANSWERED");
    });
    orb.run().unwrap();
}

/// The server, as a program of its own.
struct Program {
    child: Child,
    /// Stays open, so that it can go on talking.
    _output: BufReader<ChildStdout>,
}

impl Program {
    /// Starts it, and waits until it says `line`.
    fn start(kind: &str, line: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "server", "--nocapture"])
            .env(SERVER, kind)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let said = output.by_ref().lines().map_while(Result::ok);
        let found = said.into_iter().any(|said| said == line);
        let program = Self {
            child,
            _output: output,
        };
        assert!(found, "it does not say {line}");
        until("it catches signals", || program.catches_signals());
        program
    }

    /// Tells whether the thread that takes signals runs.
    fn catches_signals(&self) -> bool {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let mut names = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")));
        names.any(|name| name.is_ok_and(|name| name.trim() == "upcall-signals"))
    }

    fn interrupt(&self) {
        let sent = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end, and does something again and again meanwhile.
    fn end(mut self, meanwhile: impl Fn(&Self)) -> ExitStatus {
        let mut ended = None;
        until("the server ends", || {
            meanwhile(&self);
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        ended.unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only when it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn one_ctrl_c_ends_a_server_in_good_order() {
    let server = Program::start("quick", "ANSWERED");
    server.interrupt();
    assert_eq!(server.end(|_| ()).code(), Some(0));
}

#[test]
fn further_ones_end_a_server_that_waits_for_its_requests() {
    let server = Program::start("slow", "BUSY");
    assert_eq!(server.end(Program::interrupt).signal(), Some(2));
}

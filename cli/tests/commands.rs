// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `upcall` command as a shell runs it, against a naming service in this process.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

use services::naming::server;
use upcall::Orb;

#[path = "shared/running.rs"]
mod running;

use running::Running;

struct Service {
    orb: Orb,
    url: String,
}

impl Service {
    fn new() -> Self {
        let orb = Orb::builder()
            .listen("iiop://127.0.0.1:0")
            .build()
            .expect("a port is free");
        let root = server::start(&orb).expect("the adapter serves");
        let url = orb.object_to_string(root.context());
        Self { orb, url }
    }

    fn names(&self, words: &[&str]) -> Output {
        let reference = format!("NameService={}", self.url);
        run(&[&["names", "-ORBInitRef", &reference], words].concat())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.orb.shutdown();
    }
}

fn run(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_upcall"));
    command
        .args(words)
        .stdin(Stdio::null())
        .output()
        .expect("the command starts")
}

fn printed(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a command that fails says.
fn complaint(output: &Output, code: i32) -> String {
    assert_eq!(
        output.status.code(),
        Some(code),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn names_are_bound_listed_resolved_and_unbound() {
    let service = Service::new();
    let object = "corbaloc::one.example:1/Key";
    assert!(complaint(&service.names(&["bind", "a/b.c", object]), 1).contains("hint:"));
    assert_eq!(
        printed(&service.names(&["bind", "--parents", "a/b.c", object])),
        ""
    );
    assert!(complaint(&service.names(&["bind", "a/b.c", object]), 1).contains("--force"));
    printed(&service.names(&["bind", "--force", "a/b.c", object]));
    assert_eq!(printed(&service.names(&["list"])), "a/\n");
    assert_eq!(printed(&service.names(&["list", "--recursive"])), "a/\n  b.c\n");
    assert_eq!(printed(&service.names(&["list", "a"])), "b.c\n");
    assert!(printed(&service.names(&["resolve", "a/b.c"])).starts_with("IOR:"));
    printed(&service.names(&["unbind", "a/b.c"]));
    assert!(complaint(&service.names(&["resolve", "a/b.c"]), 1).contains("is not bound"));
}

#[test]
fn a_naming_service_is_served() {
    let mut child = Running::start(
        Command::new(env!("CARGO_BIN_EXE_upcall"))
            .args(["names", "serve", "--listen", "iiop://127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped()),
    );
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut next = || lines.next().expect("a line").expect("text");
    let (url, ior) = (next(), next());
    assert!(url.starts_with("corbaloc:iiop:1.2@127.0.0.1:"), "{url}");
    printed(&run(&[
        "names",
        "-s",
        &url,
        "bind",
        "a",
        "corbaloc::one.example:1/Key",
    ]));
    assert_eq!(printed(&run(&["names", "-s", &ior, "list"])), "a\n");
    let taken = url
        .replace("corbaloc:iiop:1.2@", "iiop://")
        .replace("/NameService", "");
    assert!(complaint(&run(&["names", "serve", "-l", &taken]), 1).contains(&taken));
}

#[test]
fn what_may_help_depends_on_what_went_wrong() {
    let service = Service::new();
    let hint = |url: &str| complaint(&run(&["ping", "-c", "1", "-W", "2", url]), 1);
    assert!(hint("nonsense").contains("a URL is"));
    assert!(hint("corbaloc:rir:/TradingService").contains("-ORBInitRef"));
    let address = service.orb.endpoints().remove(0);
    let url = format!("corbaloc::{}:{}/nobody", address.host(), address.port());
    assert!(hint(&url).contains("not the object"), "{}", hint(&url));
}

#[test]
fn a_live_object_is_measured() {
    let service = Service::new();
    let text = printed(&run(&["ping", "--count", "50", &service.url]));
    assert!(
        text.contains("_is_a(IDL:omg.org/CosNaming/NamingContextExt:1.0): true"),
        "{text}"
    );
    assert!(text.contains("50 round trips") && text.contains("p99"), "{text}");
}

#[test]
fn a_server_that_goes_away_meanwhile_makes_ping_fail() {
    let service = Service::new();
    let mut ping = Command::new(env!("CARGO_BIN_EXE_upcall"))
        .args(["ping", "--interval", "5", "-W", "2", &service.url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut lines = BufReader::new(ping.stdout.take().expect("a pipe")).lines();
    assert!(lines.next().expect("a line").expect("text").contains("true"));
    drop(service);
    let text: Vec<_> = lines.map(|line| line.expect("text")).collect();
    assert!(text.iter().any(|line| line.contains("10 failed")), "{text:?}");
    let ended = ping.wait_with_output().expect("it ends");
    assert!(complaint(&ended, 1).contains("10 calls were not answered"));
}

#[test]
fn an_object_that_is_not_there_is_reported_with_a_hint() {
    let url = {
        let service = Service::new();
        service.url.clone()
    };
    let text = complaint(&run(&["ping", "-c", "1", "-W", "2", &url]), 1);
    assert!(text.contains("hint:"), "{text}");
}

#[test]
fn a_reference_is_read_from_standard_input() {
    let service = Service::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_upcall"));
    command
        .args(["ior", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(service.url.as_bytes())
        .expect("it reads");
    let text = printed(&child.wait_with_output().expect("it ends"));
    assert!(
        text.contains("IDL:omg.org/CosNaming/NamingContextExt:1.0") && text.contains("NameService"),
        "{text}"
    );
}

#[test]
fn a_reader_that_has_seen_enough_is_no_reason_to_panic() {
    let service = Service::new();
    for words in [["ior", &service.url], ["ping", &service.url]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_upcall"));
        let output = command
            .args(words)
            .stdout(writer)
            .output()
            .expect("the command starts");
        assert_eq!(complaint(&output, 0), "");
    }
}

#[test]
fn idl_is_checked_and_compiled() {
    let folder = std::env::temp_dir().join(format!("upcall-cli-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let (good, bad) = (folder.join("good.idl"), folder.join("bad.idl"));
    std::fs::write(&good, "interface A { TYPE f(in long x); };").expect("written");
    std::fs::write(&bad, "interface A { void f(in Foo x); };").expect("written");
    let (good, bad, out) = (
        good.display().to_string(),
        bad.display().to_string(),
        folder.display().to_string(),
    );
    assert_eq!(printed(&run(&["idl", "--check", "-DTYPE=double", &good])), "");
    assert!(!folder.join("good.rs").exists());
    printed(&run(&["idl", "-DTYPE=double", "-o", &out, &good]));
    let generated = std::fs::read_to_string(folder.join("good.rs")).expect("generated");
    assert!(generated.contains("pub trait A"), "{generated}");
    let text = complaint(&run(&["idl", "--check", &bad]), 1);
    assert!(text.contains("bad.idl:1:25") && text.contains("Foo"), "{text}");
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn a_wrong_call_exits_with_2() {
    assert!(complaint(&run(&["ping"]), 2).contains("Usage"));
    assert!(complaint(&run(&["names", "lost"]), 2).contains("lost"));
    assert!(complaint(&run(&["names", "list"]), 1).contains("-ORBInitRef"));
}

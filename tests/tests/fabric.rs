// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two ORBs of one machine over the fabric: every type and kind of call, who takes it, and what comes of its end.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test stops where something is not as expected, and says so"
)]

use std::{
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use orb_core::transport::{Endpoint, Transport};
use tempfile::TempDir;
use transport_apic::fabric::{Config, Directory};
use transport_tcp::Apic;
use upcall::{Bytes, Context, Fabric, Orb, SystemExceptionKind, rtcorba::Protocol};
use upcall_tests::{
    Process,
    interop::{
        client::{self, Peculiarities},
        idl::interop::PeerRef,
        server,
    },
};

#[path = "fabric/buffers.rs"]
mod buffers;
#[path = "fabric/bulk.rs"]
mod bulk;
#[path = "fabric/burst.rs"]
mod burst;
#[path = "fabric/protocols.rs"]
mod protocols;

upcall::include_idl!("main_thread");
use desk::{Clerk, ClerkDivideError, ClerkRef, ClerkSkeleton};

/// A fabric of its own, so that names are free.
struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn fabric(&self) -> Fabric {
        Fabric::at(self.0.path())
    }

    fn server(&self, endpoints: &[&str]) -> Orb {
        let builder = Orb::builder().environment(false).fabric(self.fabric());
        let builder = endpoints
            .iter()
            .fold(builder, |builder, &url| builder.listen(url));
        builder.build().unwrap()
    }

    fn client(&self) -> Orb {
        Orb::builder()
            .environment(false)
            .fabric(self.fabric())
            .build()
            .unwrap()
    }
}

/// Notes how its clients came, and how often they wrote.
#[derive(Default)]
struct Witness {
    peers: Mutex<Vec<String>>,
    notes: Mutex<Vec<i32>>,
    /// Who holds it keeps `wait` from returning.
    busy: Mutex<()>,
}

struct Witnessed(Arc<Witness>);

impl Clerk for Witnessed {
    fn bounce(&self, cx: &Context, _: Option<ClerkRef>, times: u32) -> upcall::Result<u32> {
        let scheme = cx.peer().map_or("none", |peer| peer.scheme());
        self.0.peers.lock().unwrap().push(scheme.to_owned());
        Ok(times)
    }
    fn divide(
        &self,
        _: &Context,
        a: f64,
        b: f64,
        count: i32,
    ) -> Result<(f64, String, i32), ClerkDivideError> {
        Ok((a / b, String::new(), count))
    }
    fn copy(&self, _: &Context, originals: &[u8]) -> upcall::Result<Bytes> {
        Ok(Bytes::copy_from_slice(originals))
    }
    fn note(&self, _: &Context, number: i32) {
        self.0.notes.lock().unwrap().push(number);
    }
    fn close(&self, _: &Context) -> upcall::Result<()> {
        Ok(())
    }
    fn wait(&self, _: &Context) -> upcall::Result<()> {
        drop(self.0.busy.lock());
        Ok(())
    }
}

fn witness(orb: &Orb) -> (Arc<Witness>, String) {
    let witness = Arc::new(Witness::default());
    let exported: ClerkRef = orb
        .root_poa()
        .activate(ClerkSkeleton::new(Witnessed(Arc::clone(&witness))))
        .export()
        .unwrap();
    (witness, orb.object_to_string(&exported))
}

fn clerk(orb: &Orb, reference: &str) -> ClerkRef {
    orb.resolve(reference).unwrap()
}

/// By what clients may come.
fn schemes(orb: &Orb) -> Vec<String> {
    let endpoints = orb.endpoints();
    endpoints.iter().map(|at| at.scheme().to_owned()).collect()
}

/// What clients came by.
fn seen(witness: &Witness) -> Vec<String> {
    std::mem::take(&mut *witness.peers.lock().unwrap())
}

#[test]
fn every_type_and_kind_of_call_goes_over_the_fabric() {
    let machine = Machine::new();
    let serving = machine.server(&["apic://types"]);
    let calling = machine.server(&["apic://"]);
    let reference = serving.object_to_string(&server::serve(&serving).unwrap());
    let peer: PeerRef = calling.resolve(&reference).unwrap();
    let verdict = client::check(&calling, &peer, Peculiarities::default());
    assert!(verdict.failed.is_empty(), "{:#?}", verdict.failed);
    assert!(
        verdict.passed.len() >= 230,
        "only {} checks ran",
        verdict.passed.len()
    );
    calling.shutdown();
    serving.shutdown();
}

#[test]
fn who_is_on_the_same_fabric_takes_it_and_everybody_else_iiop() {
    let machine = Machine::new();
    let serving = machine.server(&["iiop://127.0.0.1:0", "apic://sensor"]);
    let (witness, reference) = witness(&serving);
    let by = |orb: &Orb| {
        assert_eq!(clerk(orb, &reference).bounce(None, 7).wait().unwrap(), 7);
        seen(&witness)
    };
    assert_eq!(by(&machine.client()), ["apic"]);
    let told_not_to = Orb::builder().environment(false).fabric(None).build().unwrap();
    assert_eq!(by(&told_not_to), ["iiop"]);
    assert_eq!(by(&Machine::new().client()), ["iiop"], "there it does not listen");
    assert_eq!(by(&serving), ["none"], "its own objects are called directly");
}

#[test]
fn a_reference_that_names_the_fabric_alone_is_of_no_use_elsewhere() {
    let machine = Machine::new();
    let serving = machine.server(&["apic://alone"]);
    let (_, reference) = witness(&serving);
    let elsewhere = Orb::builder().environment(false).fabric(None).build().unwrap();
    let error = clerk(&elsewhere, &reference).bounce(None, 7).wait().unwrap_err();
    assert_eq!(error.kind(), SystemExceptionKind::Transient);
    assert!(
        error.to_string().contains("no profile that can be used"),
        "{error}"
    );
}

#[test]
fn many_callers_share_a_connection_and_async_calls_too() {
    let machine = Machine::new();
    let serving = machine.server(&["apic://many"]);
    let (witness, reference) = witness(&serving);
    let calling = machine.client();
    let clerk = clerk(&calling, &reference);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for turn in 0..200 {
                    assert_eq!(clerk.bounce(None, turn).wait().unwrap(), turn);
                }
            });
        }
    });
    let pending: Vec<_> = (0..50)
        .map(|turn| clerk.bounce(None, turn).start().unwrap())
        .collect();
    for (turn, pending) in (0..).zip(pending) {
        assert_eq!(pending.wait().unwrap(), turn);
    }
    for number in 0..1000 {
        clerk.note(number).send().unwrap();
    }
    // Oneways arrive in order, so before this call.
    clerk.bounce(None, 0).wait().unwrap();
    assert!(witness.notes.lock().unwrap().iter().copied().eq(0..1000));
}

#[test]
fn large_arguments_and_results_arrive_whole() {
    let machine = Machine::new();
    let serving = machine.server(&["apic://large"]);
    let (_, reference) = witness(&serving);
    let calling = machine.client();
    let clerk = clerk(&calling, &reference);
    for size in [1, 4095, 4096, 65_536, 1 << 20, (5 << 20) + 1, 16 << 20] {
        let mask: Vec<u8> = (0..=250).cycle().take(size).collect();
        let back = clerk.copy(&mask).wait().unwrap();
        assert!(back == mask, "{size} octets");
    }
}

#[test]
fn a_call_is_given_up_in_time_and_the_connection_survives() {
    let machine = Machine::new();
    let serving = machine.server(&["apic://slow"]);
    let (witness, reference) = witness(&serving);
    let calling = machine.client();
    let clerk = clerk(&calling, &reference);
    let busy = witness.busy.lock().unwrap();
    let late = clerk
        .wait()
        .timeout(Duration::from_millis(20))
        .wait()
        .unwrap_err();
    assert_eq!(late.kind(), SystemExceptionKind::Timeout, "{late}");
    drop(busy);
    assert_eq!(clerk.bounce(None, 7).wait().unwrap(), 7);
}

#[test]
fn a_server_that_shuts_down_says_so_and_another_is_found() {
    let machine = Machine::new();
    let calling = machine.client();
    let first = machine.server(&["apic://again"]);
    let (_, reference) = witness(&first);
    let clerk = clerk(&calling, &reference);
    clerk.bounce(None, 7).wait().unwrap();
    first.shutdown();
    drop(first);
    let error = clerk.bounce(None, 7).wait().unwrap_err();
    assert_eq!(error.kind(), SystemExceptionKind::Transient, "{error}");
    // The name is free again.
    let second = machine.server(&["apic://again"]);
    let (_, reference) = witness(&second);
    assert_eq!(
        self::clerk(&calling, &reference).bounce(None, 7).wait().unwrap(),
        7
    );
}

#[test]
fn a_name_that_is_taken_is_an_error_that_says_so() {
    let machine = Machine::new();
    let _first = machine.server(&["apic://taken"]);
    let second = Orb::builder()
        .environment(false)
        .fabric(machine.fabric())
        .listen("apic://taken")
        .build();
    let error = second.unwrap_err().to_string();
    assert!(
        error.contains("apic://taken") && error.contains("somebody else listens"),
        "{error}"
    );
}

#[test]
fn a_server_with_iiop_is_on_the_fabric_too_unless_it_says_no() {
    let machine = Machine::new();
    let iiop = || {
        let builder = Orb::builder().environment(false).fabric(machine.fabric());
        builder.listen("iiop://127.0.0.1:0")
    };
    let way = |serving: &Orb| {
        let (witness, reference) = witness(serving);
        clerk(&machine.client(), &reference)
            .bounce(None, 7)
            .wait()
            .unwrap();
        seen(&witness)
    };
    let [one, other] = [iiop().build().unwrap(), iiop().build().unwrap()];
    assert_eq!(schemes(&one), ["iiop", "apic"]);
    assert_ne!(one.endpoints()[1], other.endpoints()[1]);
    assert_eq!(way(&one), ["apic"]);
    let without = iiop().fabric(None).build().unwrap();
    assert_eq!(
        (schemes(&without), way(&without)),
        (vec!["iiop".into()], vec!["iiop".into()])
    );
    // It says by what it is reached.
    let by_iiop = iiop().server_protocols([Protocol::iiop()]).build().unwrap();
    assert_eq!(
        (schemes(&by_iiop), way(&by_iiop)),
        (vec!["iiop".into()], vec!["iiop".into()])
    );
    // One that begins to listen, for an object to be called back.
    let calling = machine.client();
    assert_eq!(schemes(&calling), Vec::<String>::new());
    assert_eq!(way(&calling), ["apic"]);
    assert_eq!(schemes(&calling), ["iiop", "apic"]);
}

/// The other process of the test below; does nothing when it is run as a test.
#[test]
fn a_server_that_waits_for_its_end() {
    let Some(folder) = std::env::var_os("UPCALL_TEST_FABRIC") else {
        return;
    };
    let fabric = Apic::with(Directory::at(&folder).unwrap(), Config::default()).unwrap();
    let reason = fabric.listen(&Endpoint::new("apic", "", 0)).unwrap_err();
    let builder = Orb::builder().environment(false).fabric(Fabric::at(folder));
    let builder = builder.listen("iiop://127.0.0.1:0");
    let serving = builder.build().unwrap();
    let (_witness, reference) = witness(&serving);
    println!("\nreason {reason}");
    println!("listens {:?}", serving.endpoints().len());
    println!("serves {reference}");
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn where_memory_cannot_be_shared_everything_goes_on_with_iiop() {
    let machine = Machine::new();
    // Files that are that small are no channels; who is told so by a signal would end.
    let limited = "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"";
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap());
    command.args(["--exact", "a_server_that_waits_for_its_end", "--nocapture"]);
    command.env("UPCALL_TEST_FABRIC", machine.0.path());
    let process = Process::start(&mut command);
    let reason = process.line_with("reason");
    assert!(
        reason.contains("memory to be shared between processes is refused"),
        "{reason}"
    );
    assert_eq!(process.line_with("listens"), "listens 1");
    let serves = process.line_with("serves");
    let reference = serves.split_ascii_whitespace().next_back().unwrap();
    let clerk = clerk(&machine.client(), reference);
    assert_eq!(clerk.bounce(None, 7).wait().unwrap(), 7);
}

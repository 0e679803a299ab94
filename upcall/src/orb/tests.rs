// SPDX-License-Identifier: MIT OR Apache-2.0
use std::{thread, time::Duration};

use super::*;

/// Without the fabric, so that an ORB listens where it is told to and nowhere else.
fn quiet() -> OrbBuilder {
    Orb::builder().environment(false).fabric(None)
}

#[test]
fn an_orb_listens_where_it_is_told_and_says_so() {
    let folder = tempfile::tempdir().expect("a directory");
    let listening = |fabric: Option<Fabric>| {
        quiet()
            .fabric(fabric)
            .listen("iiop://127.0.0.1:0")
            .listen("apic://telemetry")
            .listen("apic://")
            .build()
            .expect("built")
            .endpoints()
    };
    let endpoints = listening(Some(Fabric::at(folder.path())));
    let [iiop, named, unnamed] = endpoints.as_slice() else {
        panic!("{endpoints:?}");
    };
    assert_eq!((iiop.host(), iiop.port() != 0), ("127.0.0.1", true));
    assert_eq!(named.to_string(), "apic://telemetry");
    assert!(!unnamed.host().is_empty());
    assert_eq!(listening(None).len(), 1, "without a fabric");
}

#[test]
fn the_command_line_overrides_the_builder() {
    let line = [
        "prog",
        "-ORBendPoint",
        "giop:tcp:127.0.0.1:",
        "x",
        "-ORBInitRef",
        "A=corbaloc::h:1/A",
    ];
    let orb = quiet()
        .listen("iiop://256.0.0.1:0")
        .args(line)
        .build()
        .expect("built");
    assert_eq!(orb.endpoints().len(), 1);
    assert_eq!(orb.arguments(), ["prog", "x"]);
    assert!(orb.resolve_initial("A").is_ok());
}

#[test]
fn every_address_is_published_as_one_that_others_can_use() {
    let orb = quiet().listen("iiop://0.0.0.0:0").build().expect("built");
    assert!(
        orb.endpoints()
            .iter()
            .all(|endpoint| endpoint.host() != "0.0.0.0")
    );
    let orb = quiet()
        .listen("iiop://127.0.0.1:0")
        .publish("gate.example")
        .build()
        .expect("built");
    assert!(
        orb.endpoints()
            .iter()
            .all(|endpoint| endpoint.host() == "gate.example")
    );
}

#[test]
fn what_is_wrong_is_named() {
    let text = |builder: OrbBuilder| builder.build().expect_err("wrong").to_string();
    assert!(text(quiet().listen("127.0.0.1")).contains("127.0.0.1"));
    assert!(text(quiet().listen("smoke://signals")).contains("smoke"));
    assert!(text(quiet().args(["p", "-ORBnonsense", "1"])).contains("-ORBnonsense"));
    let orb = quiet().listen("iiop://127.0.0.1:0").build().expect("built");
    let taken = orb.endpoints().first().expect("an endpoint").to_string();
    assert!(text(quiet().listen(&taken)).contains(&taken));
}

#[test]
fn run_returns_after_shutdown() {
    let orb = quiet().listen("iiop://127.0.0.1:0").build().expect("built");
    let running = orb.clone();
    let thread = thread::spawn(move || running.run());
    orb.shutdown();
    thread.join().expect("no panic").expect("signals");
    assert!(orb.is_shut_down());
}

#[test]
fn a_reference_outlives_its_orb() {
    let object = quiet().timeout(Duration::from_secs(1)).build().expect("built");
    let object = object
        .string_to_object("corbaloc::127.0.0.1:1/x")
        .expect("a reference");
    let error = object.is_a("IDL:A:1.0").wait().expect_err("nobody there");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! omniORB as a peer, in both directions: every type, every kind of call, every version of GIOP, code sets, fragments.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use orb_core::cdr::Version;
use upcall::Orb;
use upcall_tests::interop::WIDE;
use upcall_tests::interop::client::Peculiarities;
use upcall_tests::interop::omniorb::{self, AS_IT_IS, NOT_OMNIORBS};
use upcall_tests::peers::{self, Omniorb};
use upcall_tests::skip;

fn built(name: &str) -> Option<Omniorb> {
    peers::omniorb().map_err(|reason| skip(name, &reason)).ok()
}

fn our_orb() -> Orb {
    orb_of(Version::V1_2)
}

/// An ORB that speaks up to this version of GIOP, and says so in its references.
fn orb_of(version: Version) -> Orb {
    let builder = Orb::builder()
        .listen("iiop://127.0.0.1:0")
        .max_giop_version(version);
    builder.build().unwrap()
}

fn omniorb_checks_us(name: &str, orb: &Orb, arguments: &[&str], at_least: usize) {
    let Some(omniorb) = built(name) else { return };
    omniorb::checks_us(&omniorb, orb, arguments, at_least);
}

fn we_check_omniorb(name: &str, orb: &Orb, arguments: &[&str], of: Peculiarities, at_least: usize) {
    let Some(omniorb) = built(name) else { return };
    omniorb::is_checked(&omniorb, orb, arguments, of, at_least);
}

/// What is left out in GIOP 1.0 and 1.1, beside wide characters: once is enough for 64 MiB.
const LARGE: &[&str] = &["large_"];

#[test]
fn omniorb_calls_our_server() {
    omniorb_checks_us("omniorb_calls_our_server", &our_orb(), &["--theirs", "utf8"], 230);
}

#[test]
fn our_client_calls_omniorbs_server() {
    we_check_omniorb("our_client_calls_omniorbs_server", &our_orb(), &[], AS_IT_IS, 230);
}

#[test]
fn omniorb_calls_our_server_in_older_giop() {
    let name = "omniorb_calls_our_server_in_older_giop";
    let except = [WIDE, LARGE].concat().join(",");
    for version in ["1.0", "1.1"] {
        let arguments = [
            "-ORBmaxGIOPVersion",
            version,
            "--theirs",
            "utf8",
            "--except",
            &except,
        ];
        omniorb_checks_us(name, &our_orb(), &arguments, 200);
    }
}

#[test]
fn omniorb_calls_our_references_of_older_giop() {
    let name = "omniorb_calls_our_references_of_older_giop";
    let except = [WIDE, LARGE].concat().join(",");
    for version in [Version::V1_0, Version::V1_1] {
        omniorb_checks_us(
            name,
            &orb_of(version),
            &["--theirs", "utf8", "--except", &except],
            200,
        );
    }
}

#[test]
fn our_client_calls_omniorbs_server_in_older_giop() {
    let name = "our_client_calls_omniorbs_server_in_older_giop";
    for version in [Version::V1_0, Version::V1_1] {
        let of = Peculiarities {
            except: &[NOT_OMNIORBS, WIDE, LARGE],
            ..AS_IT_IS
        };
        we_check_omniorb(name, &orb_of(version), &[], of, 200);
    }
}

#[test]
fn oneways_arrive_at_omniorb_in_order() {
    let in_order = ["-ORBmaxServerThreadPerConnection", "1"];
    let of = Peculiarities {
        only: &["oneway"],
        ..Peculiarities::default()
    };
    we_check_omniorb("oneways_arrive_at_omniorb_in_order", &our_orb(), &in_order, of, 2);
}

#[test]
fn strings_are_converted_between_code_sets() {
    let name = "strings_are_converted_between_code_sets";
    let utf8 = ["-ORBnativeCharCodeSet", "UTF-8"];
    let only = [
        "--native",
        "utf8",
        "--theirs",
        "utf8",
        "--only",
        "octets,units,echo_s,echo_w",
    ];
    omniorb_checks_us(name, &our_orb(), &[&utf8[..], &only[..]].concat(), 8);
    let of = Peculiarities {
        only: &["octets", "units", "echo_s", "echo_w"],
        except: &[],
        latin1: false,
    };
    we_check_omniorb(name, &our_orb(), &utf8, of, 9);
}

#[test]
fn small_fragments_are_joined() {
    // omniORB sends a message that is not one sequence of octets in pieces of its buffer's size, at least 8 KiB.
    let name = "small_fragments_are_joined";
    omniorb_checks_us(name, &our_orb(), &["--only", "many_"], 2);
    let of = Peculiarities {
        only: &["many_"],
        ..AS_IT_IS
    };
    we_check_omniorb(name, &our_orb(), &[], of, 2);
}

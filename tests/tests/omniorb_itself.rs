// SPDX-License-Identifier: MIT OR Apache-2.0
//! omniORB's server and client of `interop/types.idl` agree with each other: what they say of us can be believed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where something is not as expected, and says so"
)]

use upcall_tests::peers::{self, Omniorb};
use upcall_tests::skip;

/// One thread for a connection keeps oneways in order.
const IN_ORDER: [&str; 2] = ["-ORBmaxServerThreadPerConnection", "1"];

/// The types with wide characters, which omniORB does not send in GIOP 1.0 and 1.1.
const WIDE: &str = "echo_w,kept_w,any_w,echo_members,kept_members,any_members,echo_sequences,kept_sequences,\
any_sequences,echo_arrays,kept_arrays,any_arrays,echo_armsseq,kept_armsseq,any_armsseq,units_of";

fn agree(name: &str, server: &[&str], client: &[&str], at_least: usize) {
    let omniorb: Omniorb = match peers::omniorb() {
        Ok(built) => built,
        Err(reason) => return skip(name, &reason),
    };
    let (_server, reference) = omniorb.serve(&[server, &IN_ORDER].concat());
    let verdict = omniorb.check(&reference, client);
    assert!(verdict.failed.is_empty(), "{:#?}", verdict.failed);
    assert!(
        verdict.passed.len() >= at_least,
        "only {} checks ran",
        verdict.passed.len()
    );
}

#[test]
fn omniorb_agrees_with_itself() {
    agree("omniorb_agrees_with_itself", &[], &["--theirs", "latin1"], 230);
}

#[test]
fn omniorb_agrees_with_itself_in_older_giop() {
    for version in ["1.0", "1.1"] {
        let arguments = [
            "-ORBmaxGIOPVersion",
            version,
            "--theirs",
            "latin1",
            "--except",
            WIDE,
        ];
        agree("omniorb_agrees_with_itself_in_older_giop", &[], &arguments, 200);
    }
}

#[test]
fn omniorb_agrees_with_itself_across_code_sets() {
    let utf8 = ["-ORBnativeCharCodeSet", "UTF-8"];
    let client = [
        &utf8[..],
        &[
            "--native",
            "utf8",
            "--theirs",
            "latin1",
            "--only",
            "octets,units,echo_s",
        ],
    ]
    .concat();
    agree("omniorb_agrees_with_itself_across_code_sets", &[], &client, 6);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Both directions between an ORB of ours and omniORB: which checks there are, and that they pass.

use upcall::Orb;

use super::{
    client::{self, Peculiarities},
    idl::interop::PeerRef,
    server,
};
use crate::peers::{Omniorb, Verdict};

/// What omniORB does not do unless told to: it serves a connection with several threads, which has its oneways in any
/// order; and what it does not have. (An unbounded sequence is no bounded one in an Any.)
pub const NOT_OMNIORBS: &[&str] = &[
    "oneway_order",
    "any_uptofour",
    "exception_INVALID_ACTIVITY",
    "exception_ACTIVITY_COMPLETED",
    "exception_ACTIVITY_REQUIRED",
    "exception_THREAD_CANCELLED",
];

/// omniORB's strings are ISO 8859-1 unless told otherwise.
pub const AS_IT_IS: Peculiarities = Peculiarities {
    only: &[],
    except: &[NOT_OMNIORBS],
    latin1: true,
};

/// Has omniORB's client check an ORB of ours, which is shut down then.
///
/// # Panics
/// When a check fails, or fewer pass than there should be.
pub fn checks_us(omniorb: &Omniorb, orb: &Orb, arguments: &[&str], at_least: usize) {
    let peer = server::serve(orb).expect("its objects can be exported");
    let verdict = omniorb.check(&orb.object_to_string(&peer), arguments);
    orb.shutdown();
    passed(&verdict, at_least);
}

/// Has an ORB of ours check omniORB's server; the ORB is shut down then.
///
/// # Panics
/// When a check fails, or fewer pass than there should be.
pub fn is_checked(omniorb: &Omniorb, orb: &Orb, arguments: &[&str], of: Peculiarities, at_least: usize) {
    let (_server, reference) = omniorb.serve(arguments);
    let peer: PeerRef = orb.resolve(&reference).expect("omniORB says which type it has");
    let verdict = client::check(orb, &peer, of);
    orb.shutdown();
    passed(&verdict, at_least);
}

fn passed(verdict: &Verdict, at_least: usize) {
    assert!(verdict.failed.is_empty(), "{:#?}", verdict.failed);
    assert!(
        verdict.passed.len() >= at_least,
        "only {} checks ran",
        verdict.passed.len()
    );
}

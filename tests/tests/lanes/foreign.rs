// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client of another ORB follows the reference, and gets the object's guarantee without knowing.

use upcall::Tun;
use upcall_tests::{
    apart, interop,
    peers::{self, Omniorb},
    skip,
};

use super::*;

fn omniorb_calls_through_the_lane(omniorb: &Omniorb, orb: &Orb) {
    let peer = interop::server::serve(orb).unwrap();
    let id = orb.root_poa().reference_to_id(peer.as_ref()).unwrap();
    let lane = || orb.root_poa().lane(&id).unwrap().expect("a lane");
    let checks = [
        "--only",
        "echo_,kept_,any_long,oneway_order,exception_",
        // It activates one object more, for which there is no room.
        "--except",
        "exception_no_such_object",
    ];
    let verdict = omniorb.check(&orb.object_to_string(&peer), &checks);
    assert!(verdict.failed.is_empty(), "{:#?}", verdict.failed);
    assert!(
        verdict.passed.len() >= 40,
        "only {} checks ran",
        verdict.passed.len()
    );
    upcall_tests::serving::until("its flow is gone", || lane().clients.is_empty());
    // Each check is a call at least.
    assert!(lane().served >= verdict.passed.len() as u64, "{:?}", lane());
    orb.shutdown();
}

#[test]
fn omniorb_calls_a_guaranteed_object_through_its_lane() {
    let name = "omniorb_calls_a_guaranteed_object_through_its_lane";
    match peers::omniorb() {
        Ok(omniorb) => omniorb_calls_through_the_lane(&omniorb, &with_file(EVERYTHING)),
        Err(reason) => skip(name, &reason),
    }
}

#[test]
fn omniorb_calls_a_guaranteed_object_whose_tcp_is_ours() {
    let name = "omniorb_calls_a_guaranteed_object_whose_tcp_is_ours";
    let omniorb = match peers::omniorb() {
        Ok(omniorb) => omniorb.at([10, 77, 0, 1].into()),
        Err(reason) => return skip(name, &reason),
    };
    apart(name, || {
        let tun = Tun::device("upcall0").address("10.77.0.2/24");
        let orb = configured(builder_at("iiop://10.77.0.2:0").tun(tun), EVERYTHING);
        omniorb_calls_through_the_lane(&omniorb, &orb);
    });
}

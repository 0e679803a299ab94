// SPDX-License-Identifier: MIT OR Apache-2.0
//! omniNames, nameclt and catior work with our references, and we with theirs.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use services::naming::OrbNaming;
use upcall::{Orb, SystemException};
use upcall_tests::interop::idl::interop::PeerRef;
use upcall_tests::interop::{samples, server};
use upcall_tests::naming::{OmniNames, catior};
use upcall_tests::{peers, skip};

fn started(name: &str) -> Option<OmniNames> {
    OmniNames::start().map_err(|reason| skip(name, &reason)).ok()
}

/// An ORB whose naming service is that one.
fn orb_with(names: &OmniNames) -> Orb {
    let builder = Orb::builder()
        .listen("iiop://127.0.0.1:0")
        .init_ref("NameService", names.url());
    builder.build().unwrap()
}

fn answers(peer: &PeerRef) -> Result<(), SystemException> {
    let (zero, one) = (samples::record(0), samples::record(1));
    let echoed = peer.echo_record(&zero, &one).wait()?;
    assert_eq!(echoed, (zero.clone(), zero, one));
    Ok(())
}

#[test]
fn what_nameclt_binds_we_resolve() {
    let Some(names) = started("what_nameclt_binds_we_resolve") else {
        return;
    };
    let orb = orb_with(&names);
    let reference = orb.object_to_string(&server::serve(&orb).unwrap());
    names.tool(&["bind_new_context", "house.folder"]).unwrap();
    names
        .tool(&["bind", "house.folder/peer.object", &reference])
        .unwrap();

    let naming = orb.naming().unwrap();
    answers(&naming.resolve("house.folder/peer.object").unwrap()).unwrap();
    answers(&orb.resolve(&names.url_of("house.folder/peer.object")).unwrap()).unwrap();
    let stranger = Orb::builder().build().unwrap();
    answers(
        &stranger
            .resolve(&names.url_of("house.folder/peer.object"))
            .unwrap(),
    )
    .unwrap();
}

#[test]
fn what_we_bind_nameclt_resolves() {
    let Some(names) = started("what_we_bind_nameclt_resolves") else {
        return;
    };
    let orb = orb_with(&names);
    let peer = server::serve(&orb).unwrap();
    let naming = orb.naming().unwrap();
    naming.bind_new_context("house.folder").unwrap();
    naming.bind("house.folder/peer.object", &peer).unwrap();

    assert_eq!(names.tool(&["list"]).unwrap().trim(), "house.folder/");
    assert_eq!(
        names.tool(&["list", "house.folder"]).unwrap().trim(),
        "peer.object"
    );
    let theirs = names.tool(&["resolve", "house.folder/peer.object"]).unwrap();
    answers(&orb.resolve(theirs.trim()).unwrap()).unwrap();
    assert!(
        naming.bind("house.folder/peer.object", &peer).is_err(),
        "it is bound already"
    );
    naming.rebind("house.folder/peer.object", &peer).unwrap();
    naming.unbind("house.folder/peer.object").unwrap();
    assert_eq!(names.tool(&["list", "house.folder"]).unwrap().trim(), "");
}

#[test]
fn omniorb_finds_our_server_by_name() {
    let name = "omniorb_finds_our_server_by_name";
    let Some(names) = started(name) else { return };
    let omniorb = match peers::omniorb() {
        Ok(built) => built,
        Err(reason) => return skip(name, &reason),
    };
    let orb = orb_with(&names);
    orb.naming()
        .unwrap()
        .bind("peer", &server::serve(&orb).unwrap())
        .unwrap();
    let verdict = omniorb.check(&names.url_of("peer"), &["--only", "echo_record,object_"]);
    assert!(verdict.failed.is_empty(), "{:#?}", verdict.failed);
    assert!(
        verdict.passed.len() >= 5,
        "only {} checks ran",
        verdict.passed.len()
    );
}

#[test]
fn catior_reads_our_references() {
    let orb = Orb::builder().listen("iiop://127.0.0.1:0").build().unwrap();
    let peer = server::serve(&orb).unwrap();
    let said = match catior(&orb.object_to_string(&peer)) {
        Ok(said) => said,
        Err(reason) => return skip("catior_reads_our_references", &reason),
    };
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let profile = peer.ior().iiop_profiles().next().unwrap();
    for wanted in [
        format!("Type ID: \"{}\"", PeerRef::REPOSITORY_ID),
        format!("IIOP 1.2 127.0.0.1 {}", profile.port),
        "TAG_CODE_SETS char native code set: UTF-8".into(),
        "wchar native code set: UTF-16".into(),
    ] {
        assert!(said.contains(&wanted), "no {wanted} in {said}");
    }
}

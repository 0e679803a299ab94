// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages of the other byte order, put down from the standard in `data/`: our server answers them, our client reads
//! them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use orb_core::codeset::CodeSetInfo;
use orb_core::ior::{IiopProfile, Ior, TaggedComponent};
use upcall::rt::{Decoder, Unmarshal};
use upcall::{Completed, Orb, SystemExceptionKind};
use upcall_tests::interop::idl::interop::{FailingUserError, PeerRef, Record};
use upcall_tests::interop::{samples, server};
use upcall_tests::{PATIENCE, folder};

const HEADER: usize = 12;

/// The messages of a recording; see `data/README.md`.
fn recorded(name: &str, key: &[u8], id: u32) -> Vec<u8> {
    let text = std::fs::read_to_string(folder().join("data").join(name)).unwrap();
    let words = text
        .lines()
        .map(|line| line.split('#').next().unwrap())
        .collect::<Vec<_>>()
        .join("\n");
    words
        .split("MESSAGE")
        .flat_map(|words| message(words, key, id))
        .collect()
}

fn message(words: &str, key: &[u8], id: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let pad = |out: &mut Vec<u8>, to: usize| out.resize(out.len().next_multiple_of(to), 0);
    let counted = |out: &mut Vec<u8>, octets: &[u8]| {
        pad(out, 4);
        out.extend(u32::try_from(octets.len()).unwrap().to_be_bytes());
        out.extend(octets);
    };
    for word in words.split_whitespace() {
        match word {
            "KEY" => counted(&mut out, key),
            "ID" => out.extend(id.to_be_bytes()),
            "SIZE" => out.extend([0; 4]),
            "ALIGN4" => pad(&mut out, 4),
            "ALIGN8" => pad(&mut out, 8),
            text if text.starts_with('"') => {
                counted(&mut out, format!("{}\0", text.trim_matches('"')).as_bytes())
            }
            hex => out.extend(
                (0..hex.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()),
            ),
        }
    }
    let size = u32::try_from(out.len() - HEADER).unwrap();
    out[8..HEADER].copy_from_slice(&size.to_be_bytes());
    out
}

/// A message as it comes: its header and what follows.
fn read_message(from: &mut TcpStream) -> Vec<u8> {
    let mut message = vec![0; HEADER];
    from.read_exact(&mut message).unwrap();
    let size = message[8..HEADER].try_into().unwrap();
    let size = if message[6] & 1 == 0 {
        u32::from_be_bytes(size)
    } else {
        u32::from_le_bytes(size)
    };
    message.resize(HEADER + usize::try_from(size).unwrap(), 0);
    from.read_exact(&mut message[HEADER..]).unwrap();
    message
}

/// The unsigned long at an offset, in the message's byte order.
fn ulong(message: &[u8], at: usize) -> u32 {
    let octets = message[at..at + 4].try_into().unwrap();
    if message[6] & 1 == 0 {
        u32::from_be_bytes(octets)
    } else {
        u32::from_le_bytes(octets)
    }
}

fn our_orb() -> Orb {
    Orb::builder().listen("iiop://127.0.0.1:0").build().unwrap()
}

/// Sends a recorded request to our server; gives the reply.
fn answered(name: &str) -> Vec<u8> {
    let orb = our_orb();
    let peer = server::serve(&orb).unwrap();
    let profile = peer.ior().iiop_profiles().next().unwrap();
    let mut connection = TcpStream::connect((&*profile.host, profile.port)).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection
        .write_all(&recorded(name, &profile.object_key, 0))
        .unwrap();
    read_message(&mut connection)
}

/// Checks that a reply holds what echo_record gives for the samples.
fn echoed(reply: &[u8], id: u32, version: u8) {
    assert_eq!(reply[..4], *b"GIOP");
    assert_eq!(
        (reply[4], reply[5], reply[7]),
        (1, version, 1),
        "a Reply of the request's version"
    );
    let (at_id, body) = if version == 2 { (12, 24) } else { (16, 24) };
    assert_eq!(ulong(reply, at_id), id);
    let status = if version == 2 { 16 } else { 20 };
    assert_eq!(ulong(reply, status), 0, "no exception");
    assert_eq!(
        reply[6] & 1 == 0,
        cfg!(target_endian = "big"),
        "in this machine's byte order"
    );
    // 24 is a multiple of 8, so alignment within the body is that within the message.
    let mut decoder = Decoder::native(&reply[body..]);
    let records = [(); 3].map(|()| Record::unmarshal(&mut decoder).unwrap());
    assert_eq!(
        records,
        [samples::record(0), samples::record(0), samples::record(1)]
    );
    assert_eq!(decoder.remaining(), 0);
}

#[test]
fn requests_of_every_version_are_answered() {
    for (name, id, version) in [
        ("request-1.0.hex", 0x13, 0),
        ("request-1.1.hex", 0x12, 1),
        ("request-1.2.hex", 0x11, 2),
    ] {
        echoed(&answered(name), id, version);
    }
}

#[test]
fn a_request_in_fragments_is_answered() {
    echoed(&answered("request-fragments.hex"), 0x14, 2);
}

#[test]
fn a_request_with_wide_strings_is_answered() {
    let reply = answered("request-wide.hex");
    assert_eq!((ulong(&reply, 12), ulong(&reply, 16)), (0x15, 0));
    let mut decoder = Decoder::native(&reply[24..]);
    let strings = [(); 3].map(|()| decoder.wstring().unwrap());
    assert_eq!(
        strings,
        [samples::wstring(0), samples::wstring(0), samples::wstring(1)]
    );
}

#[test]
fn a_locate_request_is_answered() {
    let reply = answered("locate-1.2.hex");
    assert_eq!((reply[5], reply[7]), (2, 4), "a LocateReply");
    assert_eq!(
        (ulong(&reply, 12), ulong(&reply, 16)),
        (0x16, 1),
        "the object is here"
    );
}

/// Has a scripted server answer our client's next request with a recording.
fn answering<T>(name: &'static str, call: impl FnOnce(&PeerRef) -> T) -> T {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = read_message(&mut connection);
        assert_eq!((request[5], request[7]), (2, 0), "a Request of GIOP 1.2");
        connection
            .write_all(&recorded(name, b"", ulong(&request, HEADER)))
            .unwrap();
        // Until the client is done with it.
        let _ = connection.read(&mut [0]);
    });
    let orb = our_orb();
    samples::use_orb(&orb);
    let mut profile = IiopProfile::new("127.0.0.1", port, b"peer".to_vec());
    profile
        .components
        .push(TaggedComponent::code_sets(&CodeSetInfo::ours()));
    let ior = Ior::iiop(PeerRef::REPOSITORY_ID, &profile);
    let object: upcall::ObjectRef = orb.resolve(&ior.to_string()).unwrap();
    let result = call(&object.unchecked_narrow());
    orb.shutdown();
    drop((object, orb));
    server.join().unwrap();
    result
}

#[test]
fn a_result_is_read() {
    let (zero, one) = (samples::record(0), samples::record(1));
    let got = answering("reply-1.2.hex", |peer| {
        peer.echo_record(&zero, &one).wait().unwrap()
    });
    assert_eq!(got, (zero.clone(), zero, one));
}

#[test]
fn a_user_exception_is_read() {
    match answering("reply-user.hex", |peer| peer.user(2).wait().map_err(Box::new)).map_err(|raised| *raised)
    {
        Err(FailingUserError::Detailed(raised)) => {
            assert_eq!(
                (raised.why.as_str(), raised.what),
                ("detailed", samples::record(0))
            );
            assert_eq!(raised.more.get::<i32>().unwrap(), 42);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_system_exception_is_read() {
    match answering("reply-system.hex", |peer| peer.user(0).wait().map_err(Box::new))
        .map_err(|raised| *raised)
    {
        Err(FailingUserError::System(raised)) => {
            let got = (raised.kind(), raised.minor(), raised.completed());
            assert_eq!(got, (SystemExceptionKind::NoPermission, 0x20a, Completed::Yes));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn wide_strings_are_read_in_the_order_of_their_marks() {
    let text = samples::wstring(0);
    let got = answering("reply-wide.hex", |peer| {
        peer.echo_wstring(&text, "").wait().unwrap()
    });
    assert_eq!(got, (text.clone(), text, String::new()));
}

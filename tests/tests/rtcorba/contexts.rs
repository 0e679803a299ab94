// SPDX-License-Identifier: MIT OR Apache-2.0
//! `RTCorbaPriority` contexts as they travel: requests written down octet by octet from the standard, and what we send.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use PriorityModel::ClientPropagated;
use orb_core::ior::{IiopProfile, Ior, TaggedComponent, component_tag};
use upcall::ObjectRef;
use upcall_tests::{Capture, skip};

use super::*;

const KEY: &[u8; 8] = b"rt-temps";

/// A request of GIOP 1.2, big-endian, for the attribute `name`, with one service context.
fn request(context: u32, data: &[u8]) -> Vec<u8> {
    let mut body = b"\0\0\0\x07\x03\0\0\0\0\0\0\0\0\0\0\x08".to_vec();
    body.extend(KEY);
    body.extend(b"\0\0\0\x0a_get_name\0\0\0\0\0\0\x01");
    body.extend(context.to_be_bytes());
    body.extend((data.len() as u32).to_be_bytes());
    body.extend(data);
    let mut message = b"GIOP\x01\x02\0\0".to_vec();
    message.extend((body.len() as u32).to_be_bytes());
    message.extend(body);
    message
}

/// Reads one message.
fn receive(socket: &mut TcpStream) -> Vec<u8> {
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut message = vec![0; 12];
    socket.read_exact(&mut message).unwrap();
    let size = message[8..12].try_into().unwrap();
    let little = message[6] & 1 == 1;
    let size = if little {
        u32::from_le_bytes(size)
    } else {
        u32::from_be_bytes(size)
    };
    message.resize(12 + size as usize, 0);
    socket.read_exact(&mut message[12..]).unwrap();
    message
}

fn contains(message: &[u8], part: &[u8]) -> bool {
    message.windows(part.len()).any(|window| window == part)
}

fn recorded_at(server: &Orb) -> (Thermometer, TcpStream) {
    let servant = Thermometer::new(server);
    let poa = poa(server, ClientPropagated, 77);
    let _sensor: SensorRef = activate(&poa, &servant).object_key(KEY).export().unwrap();
    let port = server.endpoints()[0].port();
    (servant, TcpStream::connect(("127.0.0.1", port)).unwrap())
}

#[test]
fn a_recorded_request_is_served_at_the_priority_in_it() {
    let server = server();
    let (servant, mut socket) = recorded_at(&server);
    let cases: [(u32, &[u8], i16); 4] = [
        (10, b"\x00\x00\x12\x34", 0x1234),
        (10, b"\x01\x00\x34\x12", 0x1234),
        (10, b"\x00\x00\x00\x00", 0),
        // Another context says nothing of it.
        (0x5441_4f00, b"\x00\x00\x12\x34", 77),
    ];
    for (context, data, expected) in cases {
        socket.write_all(&request(context, data)).unwrap();
        let reply = receive(&mut socket);
        assert!(contains(&reply, b"t0\0"), "{reply:?}");
        assert_eq!(servant.last(), (Some(expected), Some(expected)));
    }
}

#[test]
fn a_priority_that_makes_no_sense_is_answered_with_what_is_wrong() {
    let server = server();
    let (servant, mut socket) = recorded_at(&server);
    let cases: [(&[u8], &[u8]); 4] = [
        (b"", b"CORBA/MARSHAL:1.0"),
        (b"\x00\x00\x12", b"CORBA/MARSHAL:1.0"),
        (b"\x05\x00\x12\x34", b"CORBA/MARSHAL:1.0"),
        (b"\x00\x00\xff\xff", b"CORBA/BAD_PARAM:1.0"),
    ];
    for (data, expected) in cases {
        // What follows a context of another length would be padded.
        let mut message = request(10, data);
        message.resize(message.len().next_multiple_of(8), 0);
        let size = u32::try_from(message.len() - 12).unwrap();
        message[8..12].copy_from_slice(&size.to_be_bytes());
        socket.write_all(&message).unwrap();
        let reply = receive(&mut socket);
        assert!(contains(&reply, expected), "{}", reply.escape_ascii());
    }
    assert!(servant.seen.lock().is_empty());
    // The connection is as good as before.
    socket.write_all(&request(10, b"\0\0\0\x09")).unwrap();
    assert!(contains(&receive(&mut socket), b"t0\0"));
}

/// Calls an object with this `TAG_POLICIES` at priority 0x1234, and returns what came of it.
fn sent(policies: Option<&'static [u8]>) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut profile = IiopProfile::new("127.0.0.1", listener.local_addr().unwrap().port(), &KEY[..]);
    profile.components.extend(policies.map(|data| TaggedComponent {
        tag: component_tag::POLICIES,
        data: Bytes::from_static(data),
    }));
    let client = client();
    let object: ObjectRef = client.object(Ior::iiop("", &profile));
    let sensor: SensorRef = object.unchecked_narrow();
    at(&client, Some(0x1234), || sensor.push(&[]).send()).unwrap();
    receive(&mut listener.accept().unwrap().0)
}

#[test]
fn only_objects_that_are_served_at_the_client_s_priority_are_sent_it() {
    let context = [&10_u32.to_ne_bytes()[..], &4_u32.to_ne_bytes(), b"\0\0\x12\x34"].concat();
    let propagated = b"\0\0\0\0\0\0\0\x01\0\0\0\x28\0\0\0\x0a\0\0\0\0\0\0\0\0\0\x07";
    assert!(contains(&sent(Some(propagated)), &context));
    let declared = b"\0\0\0\0\0\0\0\x01\0\0\0\x28\0\0\0\x0a\0\0\0\0\0\0\0\x01\0\x07";
    let nonsense = b"\0\0\0\0\0\0\0\x01\0\0\0\x28\0\0\0\x0a\0\0";
    let none: [Option<&'static [u8]>; 3] = [None, Some(declared), Some(nonsense)];
    for policies in none {
        assert!(!contains(&sent(policies), &context), "{policies:?}");
    }
}

#[test]
fn tshark_reads_the_context_as_what_it_is() {
    let name = "tshark_reads_the_context_as_what_it_is";
    let (server, client) = (server(), client());
    let servant = Thermometer::new(&server);
    let sensor = from(
        &client,
        &server,
        &export(&poa(&server, ClientPropagated, 77), &servant),
    );
    let folder = tempfile::tempdir().unwrap();
    let capture = match Capture::start(folder.path(), server.endpoints()[0].port()) {
        Ok(capture) => capture,
        Err(reason) => return skip(name, &reason),
    };
    at(&client, Some(0x1234), || sensor.read(1).wait()).unwrap();
    at(&client, Some(0x1234), || sensor.read(1).wait()).unwrap();
    let recording = capture.stop_at(4);
    let requests = recording.lines("giop.type == 0", &["giop.iiop.sc.scid"]);
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert!(
        requests.iter().all(|line| line.contains("0x0000000a")),
        "{requests:?}"
    );
    let complaints = recording.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

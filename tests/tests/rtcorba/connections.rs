// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which connection a call goes by: that of its priority band, or the reference's own.

use std::{
    collections::BTreeSet,
    io::{ErrorKind, Read},
    net::TcpListener,
    time::Duration,
};

use PriorityModel::{ClientPropagated, ServerDeclared};
use orb_core::{
    ior::{IiopProfile, Ior, TaggedComponent, component_tag},
    transport::Endpoint,
};
use telemetry::SensorRef;
use upcall::{ObjectRef, SystemExceptionKind as Kind};

use super::*;

/// Notes from which connections it is called.
fn peers() -> Noting<Option<Endpoint>> {
    Noting::new(|cx| cx.peer().cloned())
}

impl Noting<Option<Endpoint>> {
    fn count(&self) -> usize {
        let noted = self.noted.lock();
        noted.iter().collect::<BTreeSet<_>>().len()
    }
}

fn bands(list: &[(i16, i16)]) -> Vec<PriorityBand> {
    let band = |(low, high): &(i16, i16)| PriorityBand::new(priority(*low), priority(*high));
    list.iter().map(band).collect()
}

const BANDS: &[(i16, i16)] = &[(0, 99), (100, 300)];

fn call(client: &Orb, sensor: &SensorRef, value: i16) -> upcall::Result<String> {
    at(client, Some(value), || sensor.name().wait())
}

#[test]
fn each_band_has_a_connection_and_calls_in_it_share_that() {
    let (server, client) = (server(), client());
    let peers = peers();
    let poa = poa(&server, ClientPropagated, 7);
    let sensor: SensorRef = poa.activate(peers.clone()).export().unwrap();
    let plain = from(&client, &server, &sensor);
    let banded: SensorRef = plain.as_ref().with_priority_bands(bands(BANDS)).unwrap().into();
    for (value, connections) in [(5, 1), (99, 1), (100, 2), (300, 2), (0, 2)] {
        call(&client, &banded, value).unwrap();
        assert_eq!(peers.count(), connections, "{value}");
    }
    // A thread without a priority calls as the server takes it: at 7.
    banded.name().wait().unwrap();
    assert_eq!(peers.count(), 2);
    // Calls without bands have their own, as before.
    call(&client, &plain, 5).unwrap();
    assert_eq!(peers.count(), 3);
    let refused = call(&client, &banded, 301).unwrap_err();
    assert_eq!((refused.kind(), refused.minor()), (Kind::InvPolicy, 0x4f4d_0001));
    let pending = at(&client, Some(301), || banded.name().start().map(drop));
    assert_eq!(pending.unwrap_err().kind(), Kind::InvPolicy);
}

#[test]
fn a_server_s_bands_are_those_of_its_clients() {
    let (server, client) = (server(), client());
    let peers = peers();
    let poa = server.root_poa().create("rt").priority_bands(bands(BANDS));
    let poa = poa.priority_model(ClientPropagated, priority(7)).build().unwrap();
    let sensor: SensorRef = poa.activate(peers.clone()).export().unwrap();
    let remote = from(&client, &server, &sensor);
    for (value, connections) in [(5, 1), (100, 2), (50, 2)] {
        call(&client, &remote, value).unwrap();
        assert_eq!(peers.count(), connections, "{value}");
    }
    assert_eq!(call(&client, &remote, 301).unwrap_err().kind(), Kind::InvPolicy);
    let own = remote.as_ref().with_priority_bands(bands(&[(0, 400)]));
    assert_eq!(own.unwrap_err().kind(), Kind::InvPolicy);
}

#[test]
fn calls_to_an_object_with_a_declared_priority_go_by_the_connection_of_that() {
    let (server, client) = (server(), client());
    let peers = peers();
    let poa = poa(&server, ServerDeclared, 200);
    let sensor: SensorRef = poa.activate(peers.clone()).export().unwrap();
    let remote = from(&client, &server, &sensor);
    let banded = remote.as_ref().with_priority_bands(bands(BANDS)).unwrap();
    let banded = SensorRef::from(banded);
    // Whatever the thread's priority is, and though no band has it.
    for value in [5, 150, 9_999] {
        call(&client, &banded, value).unwrap();
    }
    assert_eq!(peers.count(), 1);
    let elsewhere = remote.as_ref().with_priority_bands(bands(&[(0, 99)])).unwrap();
    assert_eq!(
        elsewhere.validate_connection().unwrap_err().kind(),
        Kind::InvPolicy
    );
}

#[test]
fn bands_that_make_no_sense_are_refused() {
    let (server, client) = (server(), client());
    let sensor: SensorRef = poa(&server, ClientPropagated, 7)
        .activate(peers())
        .export()
        .unwrap();
    let object = from(&client, &server, &sensor).as_ref().clone();
    for wrong in [&[][..], &[(9, 3)], &[(0, 9), (9, 20)]] {
        let refused = object.with_priority_bands(bands(wrong)).unwrap_err();
        assert_eq!(refused.kind(), Kind::InvPolicy, "{wrong:?}");
    }
    let plain: SensorRef = server.root_poa().activate(peers()).export().unwrap();
    let plain = from(&client, &server, &plain);
    let refused = plain.as_ref().with_priority_bands(bands(BANDS)).unwrap_err();
    assert_eq!(refused.kind(), Kind::InvPolicy, "{refused}");
}

#[test]
fn a_private_connection_is_nobody_else_s_and_ends_with_its_reference() {
    let (server, client) = (server(), client());
    let peers = peers();
    let sensor: SensorRef = server.root_poa().activate(peers.clone()).export().unwrap();
    let shared = from(&client, &server, &sensor);
    shared.name().wait().unwrap();
    let private = |times: usize| {
        let sensor = SensorRef::from(shared.as_ref().with_private_connection());
        (0..times).for_each(|_| drop(sensor.clone().name().wait().unwrap()));
        sensor
    };
    let (one, other) = (private(3), private(2));
    assert_eq!(peers.count(), 3);
    shared.name().wait().unwrap();
    assert_eq!(peers.count(), 3);
    drop((one, other));
}

/// A reference to what only listens, with the priority model `CLIENT_PROPAGATED`.
fn silent(client: &Orb) -> (TcpListener, ObjectRef) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut profile = IiopProfile::new("127.0.0.1", listener.local_addr().unwrap().port(), &b"key"[..]);
    profile.components.push(TaggedComponent {
        tag: component_tag::POLICIES,
        data: Bytes::from_static(b"\0\0\0\0\0\0\0\x01\0\0\0\x28\0\0\0\x0a\0\0\0\0\0\0\0\0\0\x07"),
    });
    (listener, client.object(Ior::iiop("", &profile)))
}

#[test]
fn a_private_connection_is_closed_with_the_last_clone_of_its_reference() {
    let client = client();
    let (listener, object) = silent(&client);
    let private = object.with_private_connection();
    private.validate_connection().unwrap();
    let (mut socket, _) = listener.accept().unwrap();
    let clone = private.clone();
    drop(private);
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert_eq!(
        socket.read(&mut [0; 64]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    drop(clone);
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(socket.read(&mut [0; 64]).unwrap(), 0);
}

#[test]
fn a_connection_is_validated_before_the_first_call() {
    let client = client();
    let (listener, object) = silent(&client);
    let banded = object.with_priority_bands(bands(BANDS)).unwrap();
    let validate = |value| at(&client, Some(value), || banded.validate_connection());
    for value in [5, 100, 99] {
        validate(value).unwrap();
    }
    let accept = || listener.accept().map(|(socket, _)| socket);
    let _two = (accept().unwrap(), accept().unwrap());
    listener.set_nonblocking(true).unwrap();
    assert_eq!(accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(validate(301).unwrap_err().kind(), Kind::InvPolicy);
    drop(listener);
    let (gone, object) = silent(&client);
    drop(gone);
    assert_eq!(object.validate_connection().unwrap_err().kind(), Kind::Transient);
    // What is in the same ORB needs none.
    let server = server();
    let sensor: SensorRef = server.root_poa().activate(peers()).export().unwrap();
    assert_eq!(sensor.as_ref().validate_connection(), Ok(()));
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What connections are like: what servers and clients say of it, and who of them counts.

use std::{io, net::TcpStream, os::fd::BorrowedFd, time::Duration, time::Instant};

use orb_core::transport::{Endpoint, Link, Listener, Poller, Transport, TransportError};
use transport_tcp::KernelTcp;
use upcall::{
    BuildError, ObjectRef, SystemExceptionKind as Kind,
    poa::CreateError,
    rtcorba::{
        ExposedPolicies, InvalidPolicy, InvalidProtocols, Protocol, ProtocolType, TcpProtocolProperties,
    },
};
use upcall_tests::{interop, peers, skip};

use super::*;

type Noted = Arc<Mutex<Vec<TcpProtocolProperties>>>;

/// The kernel's TCP, and what it was told that connections are to be like.
#[derive(Clone, Debug, Default)]
struct Telling {
    connected: Noted,
    listened: Noted,
}

impl Telling {
    fn builder(&self) -> upcall::OrbBuilder {
        let builder = by_sockets();
        let builder = builder.transport(Arc::new(self.clone()));
        builder.real_time(|settings| {
            settings.priority_mapping = Some(Arc::new(Ordinary));
            settings.calibration = Some(Calibration::default());
            settings.page = upcall::poa::Page::None;
        })
    }

    fn connected(&self) -> Vec<TcpProtocolProperties> {
        self.connected.lock().clone()
    }

    /// What was said since it was asked last.
    fn listened(&self) -> Vec<TcpProtocolProperties> {
        std::mem::take(&mut self.listened.lock())
    }
}

impl Transport for Telling {
    fn scheme(&self) -> &str {
        KernelTcp.scheme()
    }
    fn connect(&self, endpoint: &Endpoint, deadline: Instant) -> Result<Arc<dyn Link>, TransportError> {
        self.connect_with(endpoint, deadline, &TcpProtocolProperties::default())
    }
    fn connect_with(
        &self,
        endpoint: &Endpoint,
        deadline: Instant,
        properties: &TcpProtocolProperties,
    ) -> Result<Arc<dyn Link>, TransportError> {
        self.connected.lock().push(*properties);
        KernelTcp.connect_with(endpoint, deadline, properties)
    }
    fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, TransportError> {
        let listener = KernelTcp.listen(endpoint)?;
        let told = Arc::clone(&self.listened);
        Ok(Box::new(Told { listener, told }))
    }
    fn poller(&self) -> io::Result<Arc<dyn Poller>> {
        KernelTcp.poller()
    }
}

#[derive(Debug)]
struct Told {
    listener: Box<dyn Listener>,
    told: Noted,
}

impl Listener for Told {
    fn accept(&self) -> io::Result<Arc<dyn Link>> {
        self.listener.accept()
    }
    fn set_buffers(&self, receive: usize, send: usize) -> io::Result<()> {
        self.listener.set_buffers(receive, send)
    }
    fn set_properties(&self, properties: &TcpProtocolProperties) -> io::Result<()> {
        self.told.lock().push(*properties);
        self.listener.set_properties(properties)
    }
    fn local(&self) -> &Endpoint {
        self.listener.local()
    }
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.listener.fd()
    }
}

/// Connections that are told from others by the room that they have.
fn roomy(bytes: u32) -> TcpProtocolProperties {
    TcpProtocolProperties {
        send_buffer_size: bytes,
        no_delay: false,
        ..TcpProtocolProperties::default()
    }
}

fn iiop(bytes: u32) -> [Protocol; 1] {
    [Protocol::iiop_with(roomy(bytes))]
}

const OTHER: Protocol = Protocol {
    protocol_type: ProtocolType(0x5441_4f00),
    tcp: None,
};

fn sensor(poa: &Poa, orb: &Orb) -> SensorRef {
    export(poa, &Thermometer::new(orb))
}

fn endpoint(sensor: &SensorRef) -> Endpoint {
    let object: &ObjectRef = sensor.as_ref();
    let profile = object.ior().iiop_profiles().next().unwrap();
    Endpoint::iiop(profile.host, profile.port)
}

#[test]
fn connections_are_as_the_reference_says_or_else_the_orb_and_only_alike_ones_are_shared() {
    let server = server();
    let there = sensor(server.root_poa(), &server);
    let told = Telling::default();
    let client = told.builder().client_protocols(iiop(70_000)).build().unwrap();
    let plain = from(&client, &server, &there);
    plain.name().wait().unwrap();
    assert_eq!(told.connected(), [roomy(70_000)]);
    let own = |bytes| {
        let object = plain.as_ref().with_client_protocols(iiop(bytes)).unwrap();
        SensorRef::from(object).name().wait().unwrap();
        told.connected().len()
    };
    assert_eq!((own(80_000), own(80_000), own(70_000), own(90_000)), (2, 2, 2, 3));
    let object: &ObjectRef = plain.as_ref();
    let private = object.with_client_protocols(iiop(80_000)).unwrap();
    SensorRef::from(private.with_private_connection())
        .name()
        .wait()
        .unwrap();
    let flow = private.unchecked_narrow::<SensorRef>();
    let flow = upcall::Interface::with_qos(&flow, Qos::best_effort(1)).unwrap();
    flow.name().wait().unwrap();
    let expected = [70_000, 80_000, 90_000, 80_000, 80_000].map(roomy);
    assert_eq!(told.connected(), expected);
}

#[test]
fn what_a_server_says_of_its_clients_connections_counts_unless_the_client_says_something_too() {
    let server = server();
    let poa = server.root_poa().create("said").client_protocols(iiop(60_000));
    let there = sensor(&poa.build().unwrap(), &server);
    let shown = there.as_ref().exposed_policies();
    assert_eq!(shown.client_protocols, iiop(60_000).into_iter().collect());
    let told = Telling::default();
    let client = told.builder().build().unwrap();
    let plain = from(&client, &server, &there);
    plain.name().wait().unwrap();
    assert_eq!(told.connected(), [roomy(60_000)]);
    let refused = plain.as_ref().with_client_protocols(iiop(60_000)).unwrap_err();
    assert_eq!((refused.kind(), refused.minor()), (Kind::InvPolicy, 0x4f4d_0001));
    let other = told
        .builder()
        .client_protocols([Protocol::iiop()])
        .build()
        .unwrap();
    let refused = from(&other, &server, &there).name().wait().unwrap_err();
    assert_eq!(refused.kind(), Kind::InvPolicy, "{refused}");
    assert_eq!(told.connected().len(), 1);
}

#[test]
fn protocols_that_cannot_be_spoken_are_refused_where_they_are_said() {
    let server = server();
    let object = ObjectRef::from(sensor(server.root_poa(), &server));
    for list in [vec![OTHER], vec![Protocol::iiop(), Protocol::iiop()]] {
        let refused = object.with_client_protocols(list.clone()).unwrap_err();
        assert_eq!(refused.kind(), Kind::InvPolicy);
        let built = Orb::builder().environment(false).client_protocols(list.clone());
        assert!(matches!(built.build(), Err(BuildError::Protocols(_))));
        let built = Orb::builder().environment(false).server_protocols(list.clone());
        assert!(matches!(built.build(), Err(BuildError::Protocols(_))));
        let poa = || server.root_poa().create("none");
        let refused = [
            poa().server_protocols(list.clone()).build().unwrap_err(),
            poa().client_protocols(list.clone()).build().unwrap_err(),
        ];
        for refused in refused {
            assert!(
                matches!(refused, CreateError::InvalidRealTimePolicy { .. }),
                "{refused}"
            );
        }
    }
    // Others may stand beside it.
    assert!(object.with_client_protocols([OTHER, Protocol::iiop()]).is_ok());
    let persistent = server.root_poa().create("p").persistent();
    let refused = persistent.server_protocols(iiop(60_000)).build().unwrap_err();
    let CreateError::InvalidRealTimePolicy { invalid, .. } = &refused else {
        panic!("{refused}");
    };
    assert_eq!(*invalid, InvalidPolicy::Persistent);
    let kept = server.root_poa().create("p").persistent();
    assert!(kept.server_protocols([Protocol::iiop()]).build().is_ok());
    let unusable = InvalidPolicy::ServerProtocols(InvalidProtocols::NoneUsable);
    assert!(unusable.to_string().contains("IIOP"), "{unusable}");
}

#[test]
fn a_server_s_connections_are_as_the_orb_says_unless_their_poa_does() {
    let told = Telling::default();
    let server = told.builder().listen("iiop://127.0.0.1:0");
    let server = server.server_protocols(iiop(50_000)).build().unwrap();
    assert_eq!(told.listened(), [roomy(50_000)]);
    let everywhere = server.endpoints()[0].clone();
    let poa = |name: &str, protocols: &[Protocol]| {
        let poa = server.root_poa().create(name);
        poa.server_protocols(protocols.iter().copied()).build().unwrap()
    };
    // To say what is so anyway asks for nothing.
    let same = sensor(&poa("same", &[Protocol::iiop()]), &server);
    assert_eq!(endpoint(&same), everywhere);
    assert!(told.listened().is_empty());
    let own = poa("own", &iiop(40_000));
    assert_eq!(told.listened(), [roomy(40_000)]);
    let there = sensor(&own, &server);
    let place = endpoint(&there);
    assert_ne!(place, everywhere);
    let client = client();
    from(&client, &server, &there).name().wait().unwrap();
    // In the same ORB it is the same object.
    assert!(there.as_ref().is_local());
    let soon = Qos::low_delay(Duration::from_millis(20));
    let skeleton = SensorSkeleton::new(Thermometer::new(&server));
    let lane: SensorRef = own.activate(skeleton).qos(soon).export().unwrap();
    assert_eq!(told.listened(), [roomy(40_000)]);
    assert!(![&place, &everywhere].contains(&&endpoint(&lane)));
    from(&client, &server, &lane).name().wait().unwrap();
    // The endpoint ends with the POA.
    own.destroy(true, None).unwrap();
    let gone = TcpStream::connect((place.host(), place.port())).unwrap_err();
    assert_eq!(gone.kind(), io::ErrorKind::ConnectionRefused);
    from(&client, &server, &same).name().wait().unwrap();
    assert_eq!(same.as_ref().exposed_policies(), ExposedPolicies::default());
}

#[test]
fn omniorb_calls_objects_whose_connections_are_of_another_kind() {
    let omniorb = match peers::omniorb() {
        Ok(omniorb) => omniorb,
        Err(reason) => {
            return skip(
                "omniorb_calls_objects_whose_connections_are_of_another_kind",
                &reason,
            );
        }
    };
    let small = TcpProtocolProperties {
        send_buffer_size: 8_192,
        recv_buffer_size: 8_192,
        keep_alive: false,
        dont_route: true,
        no_delay: true,
    };
    let server = by_sockets().listen("iiop://127.0.0.1:0");
    let server = server
        .server_protocols([Protocol::iiop_with(small)])
        .build()
        .unwrap();
    let peer = interop::server::serve(&server).unwrap();
    let verdict = omniorb.check(&server.object_to_string(&peer), &["--only", "echo_"]);
    assert!(verdict.failed.is_empty(), "{:#?}", verdict.failed);
    assert!(
        verdict.passed.len() >= 20,
        "only {} checks ran",
        verdict.passed.len()
    );
    server.shutdown();
}

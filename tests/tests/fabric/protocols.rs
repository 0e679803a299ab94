// SPDX-License-Identifier: MIT OR Apache-2.0
//! Protocol policies (RT-CORBA, Protocol Configuration): whether calls take the fabric is for both ends to say.

use upcall::{
    BuildError, OrbBuilder,
    poa::Poa,
    rtcorba::{Protocol, TcpProtocolProperties},
};

use super::*;

const IIOP: Protocol = Protocol::iiop();
const LOCAL: Protocol = Protocol::local();

impl Machine {
    fn builder(&self) -> OrbBuilder {
        Orb::builder().environment(false).fabric(self.fabric())
    }
}

/// How a client reaches an object of a POA, or why it does not.
fn way(client: OrbBuilder, server: &Orb, poa: &Poa) -> Result<String, SystemExceptionKind> {
    let witness = Arc::new(Witness::default());
    let skeleton = ClerkSkeleton::new(Witnessed(Arc::clone(&witness)));
    let exported: ClerkRef = poa.activate(skeleton).export().unwrap();
    let client = client.build().unwrap();
    let called = clerk(&client, &server.object_to_string(&exported))
        .bounce(None, 7)
        .wait();
    called
        .map(|_| seen(&witness).remove(0))
        .map_err(|error| error.kind())
}

#[test]
fn a_client_keeps_to_its_protocols_in_their_order() {
    let machine = Machine::new();
    let server = machine.server(&["iiop://127.0.0.1:0"]);
    for (protocols, expected) in [
        (vec![], "apic"),
        (vec![IIOP], "iiop"),
        (vec![LOCAL, IIOP], "apic"),
        (vec![IIOP, LOCAL], "iiop"),
        (vec![LOCAL], "apic"),
    ] {
        let client = machine.builder().client_protocols(protocols);
        assert_eq!(way(client, &server, server.root_poa()).unwrap(), expected);
    }
    let apart = machine.builder().fabric(None).client_protocols([LOCAL]);
    let refused = way(apart, &server, server.root_poa());
    assert_eq!(refused, Err(SystemExceptionKind::InvPolicy));
}

#[test]
fn a_poa_says_by_which_protocols_its_objects_are_called() {
    let machine = Machine::new();
    let server = machine.server(&["iiop://127.0.0.1:0"]);
    let said = server.root_poa().create("said").client_protocols([IIOP]);
    let said = said.build().unwrap();
    assert_eq!(way(machine.builder(), &server, &said).unwrap(), "iiop");
    let room = Protocol::iiop_with(TcpProtocolProperties {
        send_buffer_size: 50_000,
        ..Default::default()
    });
    for (name, protocols, expected) in [
        ("by IIOP", vec![IIOP], "iiop"),
        ("by IIOP at an endpoint of its own", vec![room], "iiop"),
        ("at endpoints of its own", vec![room, LOCAL], "apic"),
        ("on the fabric", vec![LOCAL], "apic"),
    ] {
        let poa = server.root_poa().create(name).server_protocols(protocols);
        let poa = poa.build().unwrap();
        assert_eq!(way(machine.builder(), &server, &poa).unwrap(), expected, "{name}");
    }
}

#[test]
fn an_orb_listens_by_its_protocols_and_by_no_others() {
    let machine = Machine::new();
    let both = machine.builder().server_protocols([IIOP, LOCAL]);
    let both = both.listen("iiop://127.0.0.1:0").build().unwrap();
    assert_eq!(schemes(&both), ["iiop", "apic"]);
    let contradicted = machine.builder().server_protocols([IIOP]);
    let contradicted = contradicted.listen("apic://here").build();
    assert!(matches!(contradicted, Err(BuildError::Excluded(_))));
    let near = machine.builder().server_protocols([LOCAL]).build().unwrap();
    assert_eq!(way(machine.builder(), &near, near.root_poa()).unwrap(), "apic");
    assert_eq!(schemes(&near), ["apic"]);
}

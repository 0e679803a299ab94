// SPDX-License-Identifier: MIT OR Apache-2.0
use bytes::Bytes;
use orb_core::ior::TAG_MULTIPLE_COMPONENTS;

use super::*;

fn reference() -> Ior {
    let mut profile = IiopProfile::new("::1", 2809, &b"\x00key of an object"[..]);
    profile.components.push(TaggedComponent::orb_type(0x4154_5400));
    profile
        .components
        .push(TaggedComponent::alternate_address("other.example", 7));
    profile.components.push(TaggedComponent::code_sets(&CodeSetInfo {
        narrow: CodeSetComponent {
            native: 0x0001_0001,
            conversion: vec![0x0501_0001],
        },
        wide: CodeSetComponent {
            native: 0x0001_0109,
            conversion: Vec::new(),
        },
    }));
    profile.components.push(TaggedComponent {
        tag: 77,
        data: Bytes::from_static(b"\x01"),
    });
    Ior::iiop("IDL:Telemetry/Sensor:1.0", &profile)
}

#[test]
fn every_part_of_a_reference_is_named() {
    let text = run(&reference().to_string()).expect("a reference");
    for part in [
        "type:       IDL:Telemetry/Sensor:1.0",
        "profile 1:  TAG_INTERNET_IOP",
        "IIOP 1.2",
        "[::1]:2809",
        "object key: 17 octets",
        "00 6b 65 79",
        ".key of an objec",
        "TAG_ORB_TYPE: omniORB",
        "TAG_ALTERNATE_IIOP_ADDRESS: other.example:7",
        "native ISO 8859-1, converts UTF-8",
        "native UTF-16\n",
        "tag 0x4d, 1 octets",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn an_endpoint_for_datagrams_is_told_from_one_for_calls() {
    let mut reference = reference();
    let profile = IiopProfile::new("10.0.0.1", 1303, &b"key"[..]);
    reference.profiles.push(profile.to_diop());
    let text = run(&reference.to_string()).expect("a reference");
    for part in [
        "profile 2:  DIOP: oneways in datagrams of UDP",
        "version:    DIOP 1.2",
        "address:    10.0.0.1:1303",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn rt_corba_policies_are_explained() {
    let explained = |value: &'static [u8]| {
        let mut profile = IiopProfile::new("h.example", 1, &b"key"[..]);
        profile.components.push(TaggedComponent {
            tag: 2,
            data: Bytes::from_static(value),
        });
        explain(&Ior::iiop("", &profile)).expect("text")
    };
    // Written down from the standard, big-endian: CLIENT_PROPAGATED and 300; bands 0 to 99, and 100 to 32767.
    let both = explained(
        b"\0\0\0\0\0\0\0\x02\0\0\0\x28\0\0\0\x0a\0\0\0\0\0\0\0\0\x01\x2c\0\0\
          \0\0\0\x2d\0\0\0\x10\0\0\0\0\0\0\0\x02\0\0\0\x63\0\x64\x7f\xff",
    );
    assert!(
        both.contains("PriorityModelPolicy: CLIENT_PROPAGATED, server priority 300"),
        "{both}"
    );
    assert!(
        both.contains("PriorityBandedConnectionPolicy: 0 to 99, 100 to 32767"),
        "{both}"
    );
    let protocol = explained(
        b"\0\0\0\0\0\0\0\x01\0\0\0\x2b\0\0\0\x17\0\0\0\0\0\0\0\x01\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x01",
    );
    let expected = "ClientProtocolPolicy: TAG_INTERNET_IOP, buffers 65536 B out and the system's in, keep alive no, \
                    route no, delay no";
    assert!(protocol.contains(expected), "{protocol}");
    // Other policies, and what cannot be read, are shown as they are.
    assert!(explained(b"\0\0\0\0\0\0\0\0").contains("TAG_POLICIES, 8 octets"));
    assert!(explained(b"\0\0\0\0\0\0\0\x09").contains("TAG_POLICIES, 8 octets"));
}

#[test]
fn a_location_is_explained_as_the_reference_it_stands_for() {
    let text = run("corbaloc::1.1@host.example:99/Key").expect("a location");
    assert!(
        text.contains("IIOP 1.1") && text.contains("host.example:99") && text.contains("(none"),
        "{text}"
    );
}

#[test]
fn nil_and_malformed_references_are_explained_too() {
    assert!(explain(&Ior::nil()).expect("text").starts_with("nil"));
    let mut broken = Ior::nil();
    broken.profiles.push(TaggedProfile {
        tag: 0,
        data: Bytes::from_static(b"\x00\x01"),
    });
    broken.profiles.push(TaggedProfile {
        tag: TAG_MULTIPLE_COMPONENTS,
        data: Bytes::from_static(b""),
    });
    broken.profiles.push(TaggedProfile {
        tag: 99,
        data: Bytes::from_static(b"??"),
    });
    let text = explain(&broken).expect("text");
    assert_eq!(text.matches("malformed").count(), 2, "{text}");
    assert!(text.contains("unknown, tag 0x63"), "{text}");
}

#[test]
fn what_needs_a_running_orb_is_refused_with_a_hint() {
    for text in [
        "corbaloc:rir:/NameService",
        "corbaname::host.example#a/b",
        "nonsense",
        "file:no/such/file",
    ] {
        let failure = run(text).expect_err(text).to_string();
        assert!(
            failure.contains("hint:") || failure.contains("no/such/file"),
            "{failure}"
        );
    }
}

#[test]
fn a_long_key_is_cut() {
    let text = explain(&Ior::iiop(
        "",
        &IiopProfile::new("h.example", 1, vec![b'x'; 1000]),
    ))
    .expect("text");
    assert!(text.contains("… and 744 more"), "{text}");
}

#[test]
fn our_own_keys_are_taken_apart() {
    let explained =
        |key: &[u8]| explain(&Ior::iiop("", &IiopProfile::new("h.example", 1, key.to_vec()))).expect("text");
    let transient = explained(b"UPt1\0\0\0\0\0\0\0\x2a\0\x02\x01asensor-0");
    assert!(
        transient.contains("object `sensor-0` of RootPOA/a, server run 0x2a"),
        "{transient}"
    );
    let system = explained(b"UPs1\0\0\0\0\0\0\0\x2a\0\0\0\x07\0\0\0\x01");
    assert!(system.contains("slot 7, generation 1"), "{system}");
    let persistent = explained(b"UPp1\0\x03srv\0\0id");
    assert!(
        persistent.contains("object `id` of RootPOA, persistent, server `srv`"),
        "{persistent}"
    );
    let anonymous = explained(b"UPp1\0\0\0\0id");
    assert!(
        anonymous.contains("persistent, of a server without an id"),
        "{anonymous}"
    );
}

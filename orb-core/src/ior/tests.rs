// SPDX-License-Identifier: MIT OR Apache-2.0

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::cdr::Version;
use crate::codeset::{CodeSetInfo, registry};

/// `IDL:T:1.0` at IIOP 1.2 host:1000, key "ab", with an ORB type and the code sets of omniORB:
/// big-endian, written from the standard.
#[rustfmt::skip]
const BIG: &str = concat!(
    "IOR:",
    "00000000", "0000000a", "49444c3a543a312e30000000", // byte order, "IDL:T:1.0"
    "00000001", "00000000", "00000058", // one profile, IIOP, 88 octets
    "00", "0102", "00", "00000005", "686f737400", "00", "03e8", // 1.2, "host", 1000
    "00000002", "6162", "0000", // "ab"
    "00000002", // components
    "00000000", "00000008", "00000000", "41545400", // ORB type
    "00000001", "00000024", "00000000", // code sets: byte order
    "00010001", "00000002", "05010001", "00010020", // native ISO 8859-1, conversions
    "00010109", "00000001", "00010100", // native UTF-16, conversion
    "00000000", // trailing octets within the component are not looked at
);

/// `IDL:T:1.0` at IIOP 1.0, little-endian.
const LITTLE: &str = concat!(
    "ior:01000000",
    "0a000000",
    "49444C3A543A312E30000000",
    "01000000",
    "00000000",
    "16000000",
    "01",
    "0100",
    "00",
    "05000000",
    "686F737400",
    "00",
    "e803",
    "02000000",
    "6162",
);

#[test]
fn a_big_endian_reference_with_components_is_read() {
    let reference: Ior = BIG.parse().unwrap();
    assert_eq!(reference.type_id, "IDL:T:1.0");
    let profile = reference.iiop_profiles().next().unwrap();
    assert_eq!(profile.version, Version::V1_2);
    assert_eq!((profile.host.as_str(), profile.port), ("host", 1000));
    assert_eq!(profile.object_key, "ab");
    assert_eq!(profile.components.len(), 2);
    assert_eq!(profile.components[0].as_orb_type().unwrap(), Ok(0x4154_5400));
    let sets = profile
        .component(component_tag::CODE_SETS)
        .unwrap()
        .as_code_sets()
        .unwrap()
        .unwrap();
    assert_eq!(sets.narrow.conversion, [registry::UTF_8, registry::ISO_646]);
    assert_eq!(sets.wide.native, registry::UTF_16);
    assert!(profile.components[0].as_code_sets().is_none());
    assert!(profile.components[1].as_alternate_address().is_none());
}

#[test]
fn a_little_endian_reference_of_iiop_1_0_has_no_components() {
    let reference: Ior = LITTLE.parse().unwrap();
    let profile = reference.iiop_profiles().next().unwrap();
    let expected = IiopProfile {
        version: Version::V1_0,
        ..IiopProfile::new("host", 1000, &b"ab"[..])
    };
    assert_eq!(profile, expected);
    if cfg!(target_endian = "little") {
        assert_eq!(
            Ior::iiop("IDL:T:1.0", &profile).to_string(),
            LITTLE.to_lowercase().replace("ior", "IOR")
        );
    }
}

#[test]
fn every_prefix_of_a_reference_is_an_error() {
    for text in [BIG, LITTLE] {
        for length in 0..text.len() - 8 {
            assert!(text[..length].parse::<Ior>().is_err(), "{length}");
        }
        // Cut within the last profile, the reference cannot be read; the profile's own end is checked too.
        let reference: Ior = text.parse().unwrap();
        let data = &reference.profiles[0].data;
        let whole = data.len() - if text == BIG { 4 } else { 0 };
        for length in 0..whole - 4 {
            assert!(IiopProfile::decode(&data.slice(..length)).is_err(), "{length}");
        }
    }
}

#[test]
fn nil_has_no_type_and_no_profiles() {
    assert!(Ior::nil().is_nil());
    let nil: Ior = "IOR:00000000000000010000000000000000".parse().unwrap();
    assert_eq!(nil, Ior::nil());
}

#[test]
fn what_is_no_stringified_reference_is_told_apart() {
    let parse = |text: &str| text.parse::<Ior>().unwrap_err();
    assert_eq!(parse("IIOP:00"), IorParseError::NoPrefix);
    assert_eq!(parse("IO"), IorParseError::NoPrefix);
    assert_eq!(parse("IOR:000"), IorParseError::OddDigits);
    assert_eq!(parse("IOR:00g0"), IorParseError::BadDigit { at: 6 });
    assert_eq!(parse("IOR:000+"), IorParseError::BadDigit { at: 7 });
    assert_eq!(parse("IOR:"), IorParseError::Content(CdrError::UnexpectedEnd));
    assert_eq!(parse("IOR:07"), IorParseError::Content(CdrError::BadByteOrder(7)));
    let many = "IOR:0000000000000001000000007fffffff";
    assert_eq!(parse(many), IorParseError::Content(CdrError::LengthBeyondEnd));
}

#[test]
fn all_endpoints_of_a_profile_are_listed() {
    let mut profile = IiopProfile::new("host.example", 2809, &b"key"[..]);
    profile
        .components
        .push(TaggedComponent::alternate_address("10.0.0.1", 1));
    profile.components.push(TaggedComponent::orb_type(7));
    profile.components.push(TaggedComponent {
        tag: 3,
        data: Bytes::from_static(&[9]),
    });
    profile
        .components
        .push(TaggedComponent::alternate_address("::1", 2));
    let read = Ior::iiop("IDL:Foo:1.0", &profile).iiop_profiles().next().unwrap();
    assert_eq!(read, profile);
    let expected = [
        ("host.example".to_owned(), 2809),
        ("10.0.0.1".to_owned(), 1),
        ("::1".to_owned(), 2),
    ];
    assert_eq!(read.endpoints(), expected, "the malformed one is left out");
}

#[test]
fn a_list_of_components_is_a_profile_too() {
    let components = [
        TaggedComponent::orb_type(1),
        TaggedComponent::code_sets(&CodeSetInfo::ours()),
    ];
    let reference = Ior {
        type_id: String::new(),
        profiles: vec![TaggedProfile::components(&components)],
    };
    assert_eq!(reference.multiple_components().collect::<Vec<_>>(), components);
    assert_eq!(reference.iiop_profiles().count(), 0);
    assert_eq!(
        components[1].as_code_sets().unwrap().unwrap(),
        CodeSetInfo::ours()
    );
}

#[test]
fn profiles_of_another_major_version_are_not_used() {
    let profile = IiopProfile {
        version: Version { major: 2, minor: 0 },
        ..IiopProfile::new("h", 1, &b""[..])
    };
    assert!(matches!(
        profile.to_tagged().as_iiop(),
        Some(Err(CdrError::BadReference(_)))
    ));
    let later = IiopProfile {
        version: Version { major: 1, minor: 3 },
        ..IiopProfile::new("h", 1, &b""[..])
    };
    assert_eq!(later.to_tagged().as_iiop(), Some(Ok(later)));
}

#[test]
fn a_reference_read_from_a_message_does_not_hold_the_message() {
    let reference = Ior::iiop("IDL:T:1.0", &IiopProfile::new("h", 1, &b"k"[..]));
    let mut encoder = crate::cdr::Encoder::native();
    reference.marshal(&mut encoder).unwrap();
    let message = encoder.contiguous();
    let read = Ior::unmarshal(&mut Decoder::native(&message).with_source(&message)).unwrap();
    assert_eq!(read, reference);
    assert!(message.try_into_mut().is_ok(), "nobody else has it");
}

#[test]
fn a_host_with_a_nul_is_written_as_none() {
    let profile = IiopProfile::new("a\0b", 1, &b"k"[..])
        .to_tagged()
        .as_iiop()
        .unwrap()
        .unwrap();
    assert_eq!((profile.host.as_str(), profile.port), ("", 1));
}

fn any_profile() -> impl Strategy<Value = TaggedProfile> {
    let component = (any::<u32>(), vec(any::<u8>(), 0..20)).prop_map(|(tag, data)| TaggedComponent {
        tag,
        data: data.into(),
    });
    let iiop = (
        "[^\0]{0,12}",
        any::<u16>(),
        vec(any::<u8>(), 0..20),
        vec(component, 0..4),
        0u8..3,
    )
        .prop_map(|(host, port, key, components, minor)| {
            let components = if minor == 0 { Vec::new() } else { components };
            IiopProfile {
                version: Version { major: 1, minor },
                components,
                ..IiopProfile::new(host, port, key)
            }
        });
    let other = (2u32.., vec(any::<u8>(), 0..30)).prop_map(|(tag, data)| TaggedProfile {
        tag,
        data: data.into(),
    });
    prop_oneof![
        iiop.prop_map(|profile| {
            let tagged = profile.to_tagged();
            assert_eq!(tagged.as_iiop(), Some(Ok(profile)));
            tagged
        }),
        other
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn references_survive(type_id in "[^\0]{0,20}", profiles in vec(any_profile(), 0..4)) {
        let reference = Ior { type_id, profiles };
        prop_assert_eq!(&reference.to_string().parse::<Ior>().unwrap(), &reference);
    }

    #[test]
    fn no_octets_make_the_reader_panic(octets in vec(any::<u8>(), 0..100)) {
        let text: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        if let Ok(reference) = format!("IOR:00{text}").parse::<Ior>() {
            reference.iiop_profiles().for_each(|profile| drop(profile.endpoints()));
            reference.multiple_components().for_each(drop);
        }
        let _ = IiopProfile::decode(&octets.into());
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0

use proptest::prelude::*;

use super::*;
use crate::cdr::Version;
use crate::ior::IiopProfile;

fn parse(text: &str) -> ObjectUrl {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn iiop(version: Version, host: &str, port: u16) -> Address {
    Address::Iiop {
        version,
        host: host.to_owned(),
        port,
    }
}

fn location(text: &str) -> Corbaloc {
    match parse(text) {
        ObjectUrl::Corbaloc(location) => location,
        other => panic!("{text} is {other:?}"),
    }
}

#[test]
fn an_address_without_version_and_port_is_iiop_1_0_at_2809() {
    let found = location("corbaloc::host/Key");
    assert_eq!(found.addresses, [iiop(Version::V1_0, "host", 2809)]);
    assert_eq!(found.key.as_deref(), Some(&b"Key"[..]));
}

#[test]
fn several_addresses_of_one_key_become_several_profiles() {
    let found = location("corbaloc:iiop:1.2@a.example:1,:1.1@10.0.0.1:65535,iiop:b/x");
    let expected = [
        iiop(Version::V1_2, "a.example", 1),
        iiop(Version::V1_1, "10.0.0.1", 65535),
        iiop(Version::V1_0, "b", 2809),
    ];
    assert_eq!(found.addresses, expected);
    let profiles: Vec<IiopProfile> = found.reference().unwrap().iiop_profiles().collect();
    assert_eq!(profiles.len(), 3);
    assert!(profiles.iter().all(|profile| profile.object_key == "x"));
    assert_eq!(profiles[1].version, Version::V1_1);
}

#[test]
fn ipv6_addresses_stand_in_brackets() {
    assert_eq!(
        location("corbaloc:iiop:[::1]:5/k").addresses,
        [iiop(Version::V1_0, "::1", 5)]
    );
    assert_eq!(
        location("corbaloc:iiop:1.2@[fe80::1]/k").addresses,
        [iiop(Version::V1_2, "fe80::1", 2809)]
    );
    for bad in [
        "corbaloc::[::1/k",
        "corbaloc::[host]:5/k",
        "corbaloc::[::1]5/k",
        "corbaloc::::1/k",
    ] {
        assert!(
            matches!(bad.parse::<ObjectUrl>(), Err(UrlError::BadAddress { .. })),
            "{bad}"
        );
    }
}

#[test]
fn keys_are_unescaped_to_octets() {
    assert_eq!(
        location("corbaloc::h/a%00%fF/b,c").key.as_deref(),
        Some(&b"a\0\xff/b,c"[..])
    );
    for bad in [
        "corbaloc::h/%",
        "corbaloc::h/%1",
        "corbaloc::h/%g0",
        "corbaloc::h/%é",
    ] {
        let error = bad.parse::<ObjectUrl>().unwrap_err();
        assert!(matches!(error, UrlError::BadEscape(_)), "{bad}: {error}");
    }
}

#[test]
fn rir_names_an_initial_reference() {
    assert_eq!(
        location("corbaloc:rir:/TradingService").initial_reference(),
        Some("TradingService")
    );
    assert_eq!(
        location("corbaloc:rir:/").initial_reference(),
        Some("NameService")
    );
    assert_eq!(location("corbaloc:rir:").initial_reference(), Some("NameService"));
    assert_eq!(location("corbaloc:rir:/x").reference(), None);
    assert_eq!(location("corbaloc::h/x").initial_reference(), None);
    assert!(matches!(
        "corbaloc:rir:,:h/x".parse::<ObjectUrl>(),
        Err(UrlError::BadPart(_))
    ));
    assert!(matches!(
        "corbaloc:rir:h/x".parse::<ObjectUrl>(),
        Err(UrlError::BadAddress { .. })
    ));
}

#[test]
fn a_corbaname_has_a_context_and_a_name() {
    let ObjectUrl::Corbaname { context, name } = parse("corbaname::h:1#a%20b/c.d") else {
        panic!()
    };
    assert_eq!(context.key.as_deref(), Some(&b"NameService"[..]));
    assert_eq!(name, "a b/c.d");
    let ObjectUrl::Corbaname { context, name } = parse("corbaname:rir:") else {
        panic!()
    };
    assert_eq!(context.initial_reference(), Some("NameService"));
    assert_eq!(name, "");
    let ObjectUrl::Corbaname { context, .. } = parse("corbaname:iiop:h/Other/Root#x") else {
        panic!()
    };
    assert_eq!(context.key.as_deref(), Some(&b"Other/Root"[..]));
}

#[test]
fn a_file_is_relative_absolute_or_on_this_host() {
    assert_eq!(parse("file:sensor.ior"), ObjectUrl::File("sensor.ior".into()));
    assert_eq!(
        parse("file:/a/100%25.ior"),
        ObjectUrl::File("/a/100%25.ior".into())
    );
    assert_eq!(parse("file:///a/b%20c"), ObjectUrl::File("/a/b c".into()));
    assert_eq!(parse("file://localhost/a"), ObjectUrl::File("/a".into()));
    for odd in ["file:///tmp/x%20", "file:////x", "file:a b"] {
        assert_eq!(parse(&parse(odd).to_string()), parse(odd), "{odd}");
    }
    for bad in ["file:", "file://", "file://elsewhere/a", "file://localhost"] {
        assert!(
            matches!(bad.parse::<ObjectUrl>(), Err(UrlError::BadPart(_))),
            "{bad}"
        );
    }
}

#[test]
fn each_mistake_has_its_minor_code() {
    let minor_of = |text: &str| SystemException::from(text.parse::<ObjectUrl>().unwrap_err()).minor() & 0xfff;
    for (text, minor) in [
        ("", 7),
        ("nothing", 7),
        ("http://h/x", 7),
        ("corbaloc:h", 8),
        ("corbaloc:ssliop:h/x", 8),
        ("corbaloc::/x", 8),
        ("corbaloc::h:/x,", 0),
        ("corbaloc::h:70000/x", 8),
        ("corbaloc::h:1x/x", 8),
        ("corbaloc::2.0@h/x", 8),
        ("corbaloc::1.+2@h/x", 8),
        ("corbaloc::1@h/x", 8),
        ("corbaloc::h h/x", 8),
        ("corbaloc::a,/x", 8),
        ("corbaloc::a/%x", 9),
        ("corbaname:rir:#%ff", 9),
        ("IOR:0", 10),
        ("IOR:", 10),
        ("IOR:zz", 10),
        ("IOR:02", 10),
    ] {
        if minor == 0 {
            text.parse::<ObjectUrl>().unwrap();
        } else {
            assert_eq!(minor_of(text), minor, "{text}");
        }
    }
}

#[test]
fn white_space_and_the_case_of_the_scheme_do_not_matter() {
    assert_eq!(parse(" CorbaLoc:IIOP:h/x\n"), parse("corbaloc::1.0@h:2809/x"));
    let reference = Ior::iiop("IDL:X:1.0", &IiopProfile::new("h", 1, &b"k"[..]));
    assert_eq!(
        parse(&format!("{}\r\n", reference.to_string().to_uppercase())),
        ObjectUrl::Ior(reference)
    );
}

fn any_location() -> impl Strategy<Value = Corbaloc> {
    let address = ("[a-z][a-z0-9.-]{0,8}", 0u8..3, any::<u16>())
        .prop_map(|(host, minor, port)| iiop(Version { major: 1, minor }, &host, port));
    let key = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..12));
    (proptest::collection::vec(address, 1..4), key).prop_map(|(addresses, key)| Corbaloc {
        addresses,
        key: key.map(Into::into),
    })
}

proptest! {
    #[test]
    fn what_is_displayed_is_parsed_again(location in any_location(), name in ".{0,12}") {
        let url = ObjectUrl::Corbaloc(location.clone());
        prop_assert_eq!(&url.to_string().parse::<ObjectUrl>().unwrap(), &url);
        if location.key.is_some() {
            let url = ObjectUrl::Corbaname { context: location, name };
            prop_assert_eq!(&url.to_string().parse::<ObjectUrl>().unwrap(), &url);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(scheme in "(corbaloc:|corbaname:|file:|IOR:)?(iiop|rir|)?:?", rest in ".{0,40}") {
        if let Ok(url) = format!("{scheme}{rest}").parse::<ObjectUrl>() {
            prop_assert_eq!(&url.to_string().parse::<ObjectUrl>().unwrap(), &url);
        }
    }
}

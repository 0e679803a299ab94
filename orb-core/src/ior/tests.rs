// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;

#[test]
fn a_reference_survives_its_stringified_form() {
    let mut profile = IiopProfile::new("host.example", 2809, &b"key"[..]);
    profile
        .components
        .push(TaggedComponent::alternate_address("10.0.0.1", 1));
    let reference = Ior::iiop("IDL:Foo:1.0", &profile);
    let text = reference.to_string();
    assert_eq!(text.parse::<Ior>().unwrap(), reference);
    let read = reference.iiop_profiles().next().unwrap();
    assert_eq!(read, profile);
    assert_eq!(
        read.endpoints(),
        [("host.example".to_owned(), 2809), ("10.0.0.1".to_owned(), 1)]
    );
}

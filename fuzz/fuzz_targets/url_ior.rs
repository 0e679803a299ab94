// SPDX-License-Identifier: MIT OR Apache-2.0
//! Texts as object URLs, and octets as references and profiles.
#![no_main]

use libfuzzer_sys::fuzz_target;
use orb_core::ior::{IiopProfile, Ior, TaggedProfile};
use orb_core::rtcorba::ExposedPolicies;
use orb_core::url::ObjectUrl;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(url) = text.parse::<ObjectUrl>()
    {
        assert_eq!(url.to_string().parse::<ObjectUrl>().as_ref(), Ok(&url));
        match &url {
            ObjectUrl::Corbaloc(location)
            | ObjectUrl::Corbaname {
                context: location, ..
            } => {
                let _ = location.initial_reference();
                location.reference().iter().for_each(look_into);
            }
            ObjectUrl::Ior(reference) => look_into(reference),
            _ => {}
        }
    }
    let digits: String = data.iter().map(|octet| format!("{octet:02x}")).collect();
    if let Ok(reference) = format!("IOR:{digits}").parse::<Ior>() {
        assert_eq!(reference.to_string().parse::<Ior>().as_ref(), Ok(&reference));
        look_into(&reference);
    }
    let data = bytes::Bytes::copy_from_slice(data);
    look_into(&Ior {
        type_id: String::new(),
        profiles: vec![
            TaggedProfile {
                tag: 0,
                data: data.clone(),
            },
            TaggedProfile { tag: 1, data },
        ],
    });
});

fn look_into(reference: &Ior) {
    for profile in reference.iiop_profiles() {
        assert_eq!(
            IiopProfile::decode(&profile.to_tagged().data).as_ref(),
            Ok(&profile)
        );
        let _ = profile.endpoints();
        for component in &profile.components {
            let _ = component.as_orb_type();
            if let Some(Ok(sets)) = component.as_code_sets() {
                let _ = sets.choose();
            }
            if let Some(Ok(policies)) = ExposedPolicies::of(component)
                && let Some(written) = policies.component()
            {
                assert_eq!(ExposedPolicies::of(&written), Some(Ok(policies)));
            }
        }
    }
    reference.multiple_components().for_each(drop);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The names of the numbers in references (CORBA 3.3 Part 2 §7.6.2 to §7.6.6, and the OMG's tag registry).

use orb_core::ior::{TAG_DIOP, component_tag};

/// The name of a profile's tag.
pub(crate) fn profile(tag: u32) -> String {
    let name = match tag {
        0 => "TAG_INTERNET_IOP",
        1 => "TAG_MULTIPLE_COMPONENTS",
        2 => "TAG_SCCP_IOP",
        3 => "TAG_UIPMC",
        TAG_DIOP => "DIOP: oneways in datagrams of UDP",
        _ => return format!("unknown, tag {}", number(tag)),
    };
    name.into()
}

/// The name of a component's tag.
pub(crate) fn component(tag: u32) -> String {
    let name = match tag {
        0 => "TAG_ORB_TYPE",
        1 => "TAG_CODE_SETS",
        2 => "TAG_POLICIES",
        3 => "TAG_ALTERNATE_IIOP_ADDRESS",
        5 => "TAG_COMPLETE_OBJECT_KEY",
        6 => "TAG_ENDPOINT_ID_POSITION",
        12 => "TAG_LOCATION_POLICY",
        13 => "TAG_ASSOCIATION_OPTIONS",
        14 => "TAG_SEC_NAME",
        20 => "TAG_SSL_SEC_TRANS",
        25 => "TAG_JAVA_CODEBASE",
        26 => "TAG_TRANSACTION_POLICY",
        27 => "TAG_FT_GROUP",
        28 => "TAG_FT_PRIMARY",
        29 => "TAG_FT_HEARTBEAT_ENABLED",
        31 => "TAG_OTS_POLICY",
        32 => "TAG_INV_POLICY",
        33 => "TAG_CSI_SEC_MECH_LIST",
        34 => "TAG_NULL_TAG",
        35 => "TAG_SECIOP_SEC_TRANS",
        36 => "TAG_TLS_SEC_TRANS",
        37 => "TAG_ACTIVITY_POLICY",
        38 => "TAG_RMI_CUSTOM_MAX_STREAM_FORMAT",
        component_tag::LOCAL_ENDPOINT => "local endpoint of Upcall",
        _ => return format!("tag {}", number(tag)),
    };
    name.into()
}

/// The name of the ORB that made a reference.
pub(crate) fn orb(orb_type: u32) -> String {
    let name = match orb_type {
        0x4154_5400 => "omniORB",
        0x4a41_4300 => "JacORB",
        0x5441_4f00 => "TAO",
        0x5550_0001 => "Upcall",
        _ => return number(orb_type),
    };
    format!("{name} ({})", number(orb_type))
}

/// The name of a code set.
pub(crate) fn code_set(set: u32) -> String {
    let name = match set {
        0 => "none",
        0x0001_0001 => "ISO 8859-1",
        0x0001_0002 => "ISO 8859-2",
        0x0001_0005 => "ISO 8859-5",
        0x0001_0007 => "ISO 8859-7",
        0x0001_000f => "ISO 8859-15",
        0x0001_0020 => "ISO 646 (ASCII)",
        0x0001_0100 => "UCS-2",
        0x0001_0106 => "UCS-4",
        0x0001_0109 => "UTF-16",
        0x0501_0001 => "UTF-8",
        0x1002_04e4 => "Windows-1252",
        _ => return number(set),
    };
    name.into()
}

/// A number in hexadecimal, and as the letters that vendors make them of.
fn number(number: u32) -> String {
    let [first, second, third, last] = number.to_be_bytes();
    let letters = [first, second, third];
    if letters.iter().all(u8::is_ascii_graphic) {
        let letters: String = letters.map(char::from).iter().collect();
        return format!("{number:#010x} `{letters}` {last}");
    }
    format!("{number:#x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_numbers_have_names() {
        assert_eq!(component(1), "TAG_CODE_SETS");
        assert_eq!(orb(0x4154_5400), "omniORB (0x41545400 `ATT` 0)");
        assert_eq!(code_set(0x0501_0001), "UTF-8");
    }

    #[test]
    fn unknown_numbers_are_shown_as_they_are() {
        assert_eq!(component(0x1234), "tag 0x1234");
        assert_eq!(profile(0x4a4b_4c01), "unknown, tag 0x4a4b4c01 `JKL` 1");
        assert_eq!(code_set(0xffff_ffff), "0xffffffff");
    }
}

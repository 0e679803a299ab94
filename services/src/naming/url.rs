// SPDX-License-Identifier: MIT OR Apache-2.0
//! Object URLs of names (CORBA 3.3 Part 2 §7.6.10.4).

/// Returns the `corbaname:` URL of a stringified name in the naming service at `address`, such as
/// `:host.example:2809`; an empty address is this ORB's own naming service.
pub fn corbaname(address: &str, name: &str) -> String {
    let address = if address.is_empty() { "rir:" } else { address };
    let mut url = format!("corbaname:{address}#");
    for octet in name.bytes() {
        // RFC 2396 §2.3 and what §7.6.10.4 leaves as it is beside.
        if octet.is_ascii_alphanumeric() || b";/:?@&=+$,-_.!~*'()".contains(&octet) {
            url.push(char::from(octet));
        } else {
            url.push_str(&format!("%{octet:02x}"));
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard_come_out() {
        // Naming Service 1.3 §2.5.3.5.
        assert_eq!(corbaname("", "a/b/c"), "corbaname:rir:#a/b/c");
        assert_eq!(
            corbaname(":host.example:99", "<a>.b"),
            "corbaname::host.example:99#%3ca%3e.b"
        );
        assert_eq!(corbaname("", "a/ b.x"), "corbaname:rir:#a/%20b.x");
        assert_eq!(corbaname("", r"a\.b"), "corbaname:rir:#a%5c.b");
    }
}

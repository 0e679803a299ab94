// SPDX-License-Identifier: MIT OR Apache-2.0
//! `%` escapes (CORBA 3.3 Part 2 §7.6.10.2.2, RFC 2396).

use std::fmt;

use super::UrlError;

/// What needs no escape beside letters and digits.
const PLAIN: &[u8] = b";/:?@&=+$,-_.!~*'()";

/// Octets, displayed with escapes where they need them.
#[derive(Debug)]
pub(super) struct Escaped<'a>(pub(super) &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&octet| {
            if octet.is_ascii_alphanumeric() || PLAIN.contains(&octet) {
                write!(f, "{}", char::from(octet))
            } else {
                write!(f, "%{octet:02x}")
            }
        })
    }
}

/// Resolves the escapes of a part.
pub(super) fn octets(part: &str) -> Result<Vec<u8>, UrlError> {
    let mut octets = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        rest = others;
        if first == b'%' {
            let bad = || UrlError::BadEscape(part.to_owned());
            let (&[high, low], others) = others.split_first_chunk().ok_or_else(bad)?;
            octets.push(digit(high).ok_or_else(bad)? << 4 | digit(low).ok_or_else(bad)?);
            rest = others;
        } else {
            octets.push(first);
        }
    }
    Ok(octets)
}

/// Resolves the escapes of a part that is text.
pub(super) fn text(part: &str) -> Result<String, UrlError> {
    String::from_utf8(octets(part)?).map_err(|_| UrlError::BadEscape(part.to_owned()))
}

fn digit(character: u8) -> Option<u8> {
    char::from(character)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a system exception says to people, on its way to the client (CORBA 3.3 Part 2 §9.7.1, `ExceptionDetailMessage`).

use crate::{
    cdr::{Decoder, Encoder, Endian, Version},
    codeset::CodeSets,
};

/// So many characters of a text travel.
const LONGEST: usize = 1000;

/// Encapsulates a text, as a wide string.
pub(crate) fn encode(text: &str) -> Vec<u8> {
    let text: String = text.chars().filter(|char| *char != '\0').take(LONGEST).collect();
    let mut encoder = Encoder::new(Endian::Big, Version::V1_2, CodeSets::NATIVE);
    encoder.octet(0);
    match encoder.wstring(&text) {
        Ok(()) => encoder.contiguous().to_vec(),
        // Every text has a form in UTF-16; nothing is said where that should not be so.
        Err(_) => Vec::new(),
    }
}

/// Reads the text; `None` if it makes no sense or is empty.
pub(crate) fn decode(context: &[u8]) -> Option<String> {
    let mut decoder = Decoder::of_encapsulation(context, Version::V1_2, CodeSets::NATIVE).ok()?;
    let text: String = decoder.wstring().ok()?.chars().take(LONGEST).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_arrives_and_a_long_one_is_cut() {
        assert_eq!(decode(&encode("größer als ∞")).as_deref(), Some("größer als ∞"));
        assert_eq!(decode(&encode("a\0b")).as_deref(), Some("ab"));
        let long = decode(&encode(&"ß".repeat(5000))).unwrap();
        assert_eq!(long.chars().count(), LONGEST);
    }

    #[test]
    fn what_makes_no_sense_says_nothing() {
        for context in [
            &b""[..],
            b"\x00",
            b"\x07garbage",
            b"\x00\x00\x00\x00\xff\xff\xff\xff",
        ] {
            assert_eq!(decode(context), None);
        }
        assert_eq!(decode(&encode("")), None);
    }
}

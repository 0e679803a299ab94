// SPDX-License-Identifier: MIT OR Apache-2.0
//! References as text: `IOR:` and hexadecimal digits (CORBA 3.3 Part 2 §7.6.9).

use std::fmt;
use std::str::FromStr;

use super::Ior;
use super::profile::encapsulation_encoder;
use crate::cdr::{CdrError, Decoder, Marshal, Unmarshal, Version};
use crate::codeset::CodeSets;

const PREFIX: &str = "IOR:";

/// Says why a text is no stringified reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IorParseError {
    /// It does not begin with `IOR:`.
    #[error("it does not begin with IOR:")]
    NoPrefix,
    /// It has an odd number of digits.
    #[error("it has an odd number of hexadecimal digits")]
    OddDigits,
    /// A character is no hexadecimal digit.
    #[error("character {at} is no hexadecimal digit")]
    BadDigit {
        /// Which octet of the text, from 0.
        at: usize,
    },
    /// The digits are no reference.
    #[error("the digits are no object reference: {0}")]
    Content(#[from] CdrError),
}

impl fmt::Display for Ior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut encoder = encapsulation_encoder();
        self.marshal(&mut encoder).map_err(|_| fmt::Error)?;
        f.write_str(PREFIX)?;
        encoder
            .contiguous()
            .iter()
            .try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl FromStr for Ior {
    type Err = IorParseError;

    /// Reads a stringified reference; the case of prefix and digits does not matter.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let octets = text.as_bytes();
        let digits = match octets.split_at_checked(PREFIX.len()) {
            Some((prefix, digits)) if prefix.eq_ignore_ascii_case(PREFIX.as_bytes()) => digits,
            _ => return Err(IorParseError::NoPrefix),
        };
        let (pairs, odd) = digits.as_chunks::<2>();
        let mut content = Vec::with_capacity(pairs.len());
        for (index, pair) in pairs.iter().enumerate() {
            let [high, low] = pair.map(|digit| {
                char::from(digit)
                    .to_digit(16)
                    .and_then(|digit| u8::try_from(digit).ok())
            });
            let at = PREFIX.len() + 2 * index;
            let high = high.ok_or(IorParseError::BadDigit { at })?;
            content.push(high << 4 | low.ok_or(IorParseError::BadDigit { at: at + 1 })?);
        }
        if !odd.is_empty() {
            return Err(IorParseError::OddDigits);
        }
        let mut decoder = Decoder::of_encapsulation(&content, Version::V1_2, CodeSets::UNNEGOTIATED)?;
        Ok(Self::unmarshal(&mut decoder)?)
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Characters and strings, narrow and wide (CORBA 3.3 Part 2 §9.3.1.6, §9.3.2.7).
//!
//! GIOP 1.0 has no wide characters. GIOP 1.1 sends them as numbers of two octets in the order of the
//! message, strings with a count of characters and a terminator. GIOP 1.2 sends them as counted
//! octets without terminator: big-endian unless a byte-order mark says otherwise.

use std::borrow::Cow;

use super::{CdrError, Decoder, Encoder, Endian, Version};
use crate::codeset::{CharSet, WideSet};

const BIG_ENDIAN_MARK: u16 = 0xFEFF;
const LITTLE_ENDIAN_MARK: u16 = 0xFFFE;

impl Encoder<'_> {
    /// Writes a `char`: one octet.
    ///
    /// # Errors
    /// [`CdrError::BadCharacter`] if the code set in use has no such single-octet character.
    pub fn char(&mut self, value: char) -> Result<(), CdrError> {
        let octet = match self.codesets().narrow {
            CharSet::Utf8 if value.is_ascii() => u8::try_from(value),
            CharSet::Utf8 => return Err(CdrError::BadCharacter),
            CharSet::Latin1 => u8::try_from(value),
        };
        self.octet(octet.map_err(|_| CdrError::BadCharacter)?);
        Ok(())
    }

    /// Writes a `string`: its length in octets with the terminating NUL, the octets, the NUL.
    ///
    /// # Errors
    /// [`CdrError::EmbeddedNul`], [`CdrError::TooLong`]; [`CdrError::BadCharacter`] if the code set in
    /// use lacks one of its characters.
    #[inline]
    pub fn string(&mut self, value: &str) -> Result<(), CdrError> {
        if self.codesets().narrow == CharSet::Utf8 || value.is_ascii() {
            return self.narrow(value.as_bytes(), None);
        }
        self.latin1(value, None)
    }

    /// Writes a `string<bound>`. The bound counts octets on the wire, without the NUL.
    ///
    /// # Errors
    /// As [`Self::string`], and [`CdrError::BoundExceeded`].
    pub fn string_bounded(&mut self, value: &str, bound: u32) -> Result<(), CdrError> {
        if self.codesets().narrow == CharSet::Utf8 || value.is_ascii() {
            return self.narrow(value.as_bytes(), Some(bound));
        }
        self.latin1(value, Some(bound))
    }

    #[inline]
    fn narrow(&mut self, octets: &[u8], bound: Option<u32>) -> Result<(), CdrError> {
        if has_nul(octets) {
            return Err(CdrError::EmbeddedNul);
        }
        let length = terminated_length(octets.len(), bound)?;
        self.terminated(length, octets);
        Ok(())
    }

    /// Writes a string that the protocol itself uses (type ids, hosts): the same in every code set.
    ///
    /// # Errors
    /// [`CdrError::EmbeddedNul`], [`CdrError::TooLong`].
    pub fn identifier(&mut self, value: &str) -> Result<(), CdrError> {
        self.narrow(value.as_bytes(), None)
    }

    fn latin1(&mut self, value: &str, bound: Option<u32>) -> Result<(), CdrError> {
        if value.contains('\0') {
            return Err(CdrError::EmbeddedNul);
        }
        let length = terminated_length(value.chars().count(), bound)?;
        self.ulong(length);
        for character in value.chars() {
            self.octet(u8::try_from(character).map_err(|_| CdrError::BadCharacter)?);
        }
        self.octet(0);
        Ok(())
    }

    /// Writes a `wchar`: one UTF-16 code unit.
    ///
    /// # Errors
    /// [`CdrError::BadCharacter`] beyond the basic multilingual plane; [`CdrError::WideInGiop10`];
    /// [`CdrError::NoWideCodeSet`].
    pub fn wchar(&mut self, value: char) -> Result<(), CdrError> {
        self.wide_allowed()?;
        let unit = u16::try_from(u32::from(value)).map_err(|_| CdrError::BadCharacter)?;
        if self.version() < Version::V1_2 {
            self.ushort(unit);
        } else {
            self.octet(2);
            self.raw(&unit.to_be_bytes());
        }
        Ok(())
    }

    /// Writes a `wstring`.
    ///
    /// # Errors
    /// [`CdrError::EmbeddedNul`], [`CdrError::TooLong`], [`CdrError::WideInGiop10`],
    /// [`CdrError::NoWideCodeSet`]; [`CdrError::BadCharacter`] where UCS-2 is in use and a character is
    /// beyond it.
    pub fn wstring(&mut self, value: &str) -> Result<(), CdrError> {
        self.wide(value, None)
    }

    /// Writes a `wstring<bound>`. The bound counts UTF-16 code units.
    ///
    /// # Errors
    /// As [`Self::wstring`], and [`CdrError::BoundExceeded`].
    pub fn wstring_bounded(&mut self, value: &str, bound: u32) -> Result<(), CdrError> {
        self.wide(value, Some(bound))
    }

    fn wide(&mut self, value: &str, bound: Option<u32>) -> Result<(), CdrError> {
        self.wide_allowed()?;
        if value.contains('\0') {
            return Err(CdrError::EmbeddedNul);
        }
        let units = value.encode_utf16().count();
        if self.codesets().wide == WideSet::Ucs2 && value.chars().any(|c| c.len_utf16() > 1) {
            return Err(CdrError::BadCharacter);
        }
        // Both the count with terminator of GIOP 1.1 and the octets of GIOP 1.2 must fit.
        let terminated = terminated_length(units, bound)?;
        if self.version() < Version::V1_2 {
            self.ulong(terminated);
            value.encode_utf16().for_each(|unit| self.ushort(unit));
            self.ushort(0);
        } else {
            // Text that begins like a byte-order mark is told from one by a mark before it (§9.3.1.6).
            let mark = value.starts_with(['\u{feff}', '\u{fffe}']);
            let octets = (units + usize::from(mark))
                .checked_mul(2)
                .ok_or(CdrError::TooLong)?;
            self.ulong(u32::try_from(octets).map_err(|_| CdrError::TooLong)?);
            if mark {
                self.raw(&BIG_ENDIAN_MARK.to_be_bytes());
            }
            value
                .encode_utf16()
                .for_each(|unit| self.raw(&unit.to_be_bytes()));
        }
        Ok(())
    }

    fn wide_allowed(&self) -> Result<(), CdrError> {
        if self.version() < Version::V1_1 {
            return Err(CdrError::WideInGiop10);
        }
        match self.codesets().wide {
            WideSet::Undeclared => Err(CdrError::NoWideCodeSet),
            WideSet::Utf16 | WideSet::Ucs2 => Ok(()),
        }
    }
}

impl<'a> Decoder<'a> {
    /// Reads a `char`.
    ///
    /// # Errors
    /// [`CdrError::UnexpectedEnd`], [`CdrError::BadCharacter`].
    pub fn char(&mut self) -> Result<char, CdrError> {
        let octet = self.octet()?;
        match self.codesets().narrow {
            CharSet::Utf8 if !octet.is_ascii() => Err(CdrError::BadCharacter),
            CharSet::Utf8 | CharSet::Latin1 => Ok(char::from(octet)),
        }
    }

    /// Reads a `string`.
    ///
    /// # Errors
    /// [`CdrError::UnexpectedEnd`], [`CdrError::LengthBeyondEnd`], [`CdrError::ZeroLengthString`],
    /// [`CdrError::MissingNul`], [`CdrError::EmbeddedNul`], [`CdrError::BadCharacter`].
    #[inline]
    pub fn string(&mut self) -> Result<String, CdrError> {
        self.str_ref().map(Cow::into_owned)
    }

    /// Reads a `string<bound>`.
    ///
    /// # Errors
    /// As [`Self::string`], and [`CdrError::BoundExceeded`].
    pub fn string_bounded(&mut self, bound: u32) -> Result<String, CdrError> {
        let octets = self.string_octets(Some(bound))?;
        self.narrow_text(octets).map(Cow::into_owned)
    }

    /// Reads a `string` where it lies, if it is ASCII or UTF-8; else converted.
    ///
    /// # Errors
    /// As [`Self::string`].
    #[inline]
    pub fn str_ref(&mut self) -> Result<Cow<'a, str>, CdrError> {
        let octets = self.string_octets(None)?;
        self.narrow_text(octets)
    }

    /// Reads the octets of a `string`, without the NUL and without looking at the characters.
    ///
    /// # Errors
    /// As [`Self::string`], but [`CdrError::BadCharacter`].
    #[inline]
    pub fn string_octets(&mut self, bound: Option<u32>) -> Result<&'a [u8], CdrError> {
        let length = self
            .sequence_len(bound.map(|bound| bound.saturating_add(1)), 1)
            .map_err(|error| {
                // The bound that the error names is the IDL's, without the NUL.
                if let (CdrError::BoundExceeded(_), Some(bound)) = (error, bound) {
                    return CdrError::BoundExceeded(bound);
                }
                error
            })?;
        match self.raw(length)?.split_last() {
            Some((0, octets)) => Ok(octets),
            Some(_) => Err(CdrError::MissingNul),
            None => Err(CdrError::ZeroLengthString),
        }
    }

    /// Reads a string that the protocol itself uses (type ids, hosts), where it lies if it is UTF-8;
    /// else it is taken for ISO 8859-1.
    ///
    /// # Errors
    /// As [`Self::string`], but [`CdrError::BadCharacter`].
    pub fn identifier(&mut self) -> Result<Cow<'a, str>, CdrError> {
        let octets = self.string_octets(None)?;
        if has_nul(octets) {
            return Err(CdrError::EmbeddedNul);
        }
        Ok(match std::str::from_utf8(octets) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(octets.iter().copied().map(char::from).collect()),
        })
    }

    #[inline]
    fn narrow_text(&self, octets: &'a [u8]) -> Result<Cow<'a, str>, CdrError> {
        if has_nul(octets) {
            return Err(CdrError::EmbeddedNul);
        }
        match (std::str::from_utf8(octets), self.codesets().narrow) {
            (Ok(text), CharSet::Utf8) => Ok(Cow::Borrowed(text)),
            (Ok(text), CharSet::Latin1) if octets.is_ascii() => Ok(Cow::Borrowed(text)),
            (_, CharSet::Latin1) => Ok(Cow::Owned(octets.iter().copied().map(char::from).collect())),
            (Err(_), CharSet::Utf8) => Err(CdrError::BadCharacter),
        }
    }

    /// Reads a `wchar`.
    ///
    /// # Errors
    /// [`CdrError::UnexpectedEnd`], [`CdrError::BadCharacter`], [`CdrError::WideInGiop10`],
    /// [`CdrError::NoWideCodeSet`].
    pub fn wchar(&mut self) -> Result<char, CdrError> {
        self.wide_allowed()?;
        if self.version() < Version::V1_2 {
            return char::from_u32(u32::from(self.ushort()?)).ok_or(CdrError::BadCharacter);
        }
        let length = usize::from(self.octet()?);
        // What stands alone is the character, even if it looks like a mark.
        let (units, swap) = if length == 2 {
            (self.raw(2)?, false)
        } else {
            self.counted_units(length)?
        };
        let mut characters = char::decode_utf16(in_order(units, swap));
        match (characters.next(), characters.next()) {
            (Some(Ok(character)), None) => Ok(character),
            _ => Err(CdrError::BadCharacter),
        }
    }

    /// Reads a `wstring`.
    ///
    /// # Errors
    /// As [`Self::string`], and [`CdrError::WideInGiop10`], [`CdrError::NoWideCodeSet`].
    pub fn wstring(&mut self) -> Result<String, CdrError> {
        self.wide(None)
    }

    /// Reads a `wstring<bound>`.
    ///
    /// # Errors
    /// As [`Self::wstring`], and [`CdrError::BoundExceeded`].
    pub fn wstring_bounded(&mut self, bound: u32) -> Result<String, CdrError> {
        self.wide(Some(bound))
    }

    fn wide(&mut self, bound: Option<u32>) -> Result<String, CdrError> {
        self.wide_allowed()?;
        let (units, swap) = if self.version() < Version::V1_2 {
            let count = self.sequence_len(None, 2)?;
            let units = self.raw(count.checked_mul(2).ok_or(CdrError::LengthBeyondEnd)?)?;
            let swap = self.endian() == Endian::Little;
            match units.split_last_chunk() {
                Some((units, [0, 0])) => (units, swap),
                Some(_) => return Err(CdrError::MissingNul),
                None => return Err(CdrError::ZeroLengthString),
            }
        } else {
            let length = self.sequence_len(None, 1)?;
            self.counted_units(length)?
        };
        if let Some(bound) = bound
            && u32::try_from(units.len() / 2).is_ok_and(|count| count > bound)
        {
            return Err(CdrError::BoundExceeded(bound));
        }
        let text: Result<String, _> = char::decode_utf16(in_order(units, swap)).collect();
        let text = text.map_err(|_| CdrError::BadCharacter)?;
        if text.contains('\0') {
            return Err(CdrError::EmbeddedNul);
        }
        Ok(text)
    }

    /// Reads `length` octets of UTF-16 and tells whether they are little-endian.
    fn counted_units(&mut self, length: usize) -> Result<(&'a [u8], bool), CdrError> {
        let octets = self.raw(length)?;
        if !length.is_multiple_of(2) {
            return Err(CdrError::BadCharacter);
        }
        Ok(
            match octets
                .split_first_chunk()
                .map(|(first, others)| (u16::from_be_bytes(*first), others))
            {
                Some((BIG_ENDIAN_MARK, others)) => (others, false),
                Some((LITTLE_ENDIAN_MARK, others)) => (others, true),
                _ => (octets, false),
            },
        )
    }

    fn wide_allowed(&self) -> Result<(), CdrError> {
        if self.version() < Version::V1_1 {
            return Err(CdrError::WideInGiop10);
        }
        match self.codesets().wide {
            WideSet::Undeclared => Err(CdrError::NoWideCodeSet),
            WideSet::Utf16 | WideSet::Ucs2 => Ok(()),
        }
    }
}

fn in_order(octets: &[u8], little: bool) -> impl Iterator<Item = u16> {
    let (units, _) = octets.as_chunks::<2>();
    units.iter().map(move |unit| {
        if little {
            u16::from_le_bytes(*unit)
        } else {
            u16::from_be_bytes(*unit)
        }
    })
}

fn terminated_length(length: usize, bound: Option<u32>) -> Result<u32, CdrError> {
    let length = u32::try_from(length).map_err(|_| CdrError::TooLong)?;
    match bound {
        Some(bound) if length > bound => Err(CdrError::BoundExceeded(bound)),
        _ => length.checked_add(1).ok_or(CdrError::TooLong),
    }
}

/// Eight octets at a time and without an early return: most strings are short.
#[inline]
fn has_nul(octets: &[u8]) -> bool {
    const LOW: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = LOW << 7;
    // The highest bit of an octet stays set where subtracting 1 borrows: the octet was 0, or follows one.
    let zeros = |word: &[u8; 8]| {
        let word = u64::from_ne_bytes(*word);
        word.wrapping_sub(LOW) & !word & HIGH
    };
    match octets.last_chunk() {
        // The last eight overlap those before.
        Some(last) => {
            octets
                .as_chunks()
                .0
                .iter()
                .fold(zeros(last), |found, word| found | zeros(word))
                != 0
        }
        None => octets.contains(&0),
    }
}

#[cfg(test)]
mod tests {
    use super::has_nul;

    #[test]
    fn a_nul_is_found_wherever_it_is() {
        for length in 0..40 {
            for fill in [1, 0x7f, 0x80, 0x81, 0xff] {
                let mut octets = vec![fill; length];
                assert!(!has_nul(&octets), "{length} {fill}");
                for index in 0..length {
                    octets[index] = 0;
                    assert!(has_nul(&octets), "{length} {fill} {index}");
                    octets[index] = fill;
                }
            }
        }
    }
}

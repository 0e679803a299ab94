// SPDX-License-Identifier: MIT OR Apache-2.0
//! The service context `RTCorbaPriority`: an encapsulated `short`.

use super::Priority;
use crate::{
    cdr::{Decoder, Version},
    codeset::CodeSets,
    exception::SystemException,
};

/// The size of the context's data, in octets.
pub const PRIORITY_CONTEXT_SIZE: usize = 4;

/// Returns the data of the context [`RT_CORBA_PRIORITY`](crate::giop::context_id::RT_CORBA_PRIORITY).
#[must_use]
pub const fn encode_priority(priority: Priority) -> [u8; PRIORITY_CONTEXT_SIZE] {
    let [high, low] = priority.get().to_be_bytes();
    // Big-endian, and an octet of padding before the number.
    [0, 0, high, low]
}

/// Reads the data of the context.
///
/// # Errors
///
/// `MARSHAL` if it is malformed, `BAD_PARAM` if the number is no priority.
pub fn decode_priority(data: &[u8]) -> Result<Priority, SystemException> {
    let value = Decoder::of_encapsulation(data, Version::V1_2, CodeSets::UNNEGOTIATED)
        .and_then(|mut decoder| decoder.short())
        .map_err(|error| SystemException::from(error).with_context("RTCorbaPriority"))?;
    Ok(Priority::new(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exception::SystemExceptionKind as Kind;

    #[test]
    fn the_context_is_read_in_both_byte_orders() {
        // Byte order, padding, short: as CDR lays an encapsulated short out.
        assert_eq!(
            decode_priority(b"\x00\x00\x12\x34"),
            Ok(Priority::new(0x1234).unwrap())
        );
        assert_eq!(
            decode_priority(b"\x01\x00\x34\x12"),
            Ok(Priority::new(0x1234).unwrap())
        );
        // What the padding holds, and what follows, says nothing.
        assert_eq!(decode_priority(b"\x01\xcd\xff\x7f\0\0\0\0"), Ok(Priority::MAX));
        assert_eq!(
            encode_priority(Priority::new(0x1234).unwrap()),
            *b"\x00\x00\x12\x34"
        );
    }

    #[test]
    fn what_is_no_priority_is_refused() {
        for cut in 0..PRIORITY_CONTEXT_SIZE {
            let error = decode_priority(&b"\x00\x00\x12\x34"[..cut]).unwrap_err();
            assert_eq!(error.kind(), Kind::Marshal, "{cut}");
        }
        assert_eq!(
            decode_priority(b"\x07\x00\x00\x01").unwrap_err().kind(),
            Kind::Marshal
        );
        assert_eq!(
            decode_priority(b"\x00\x00\xff\xff").unwrap_err().kind(),
            Kind::BadParam
        );
    }
}

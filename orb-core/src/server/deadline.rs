// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long a client waits, where it says so.

use std::time::Duration;

use crate::{
    cdr::{CdrError, Decoder, Version},
    codeset::CodeSets,
};

/// `Messaging::RELATIVE_REQ_TIMEOUT_POLICY_TYPE` (CORBA 3.3 Part 1 §17.3.6).
const RELATIVE_REQUEST_TIMEOUT: u32 = 31;
/// `Messaging::RELATIVE_RT_TIMEOUT_POLICY_TYPE`.
const RELATIVE_ROUNDTRIP_TIMEOUT: u32 = 32;

/// Returns the shortest time in the policies of an `INVOCATION_POLICIES` service context (CORBA 3.3 Part 1 §17.3.2):
/// a sequence of policy types and values.
///
/// # Errors
///
/// A [`CdrError`] if the context is malformed.
pub(super) fn time_left(context: &[u8]) -> Result<Option<Duration>, CdrError> {
    let mut policies = Decoder::of_encapsulation(context, Version::V1_2, CodeSets::UNNEGOTIATED)?;
    let mut shortest: Option<Duration> = None;
    for _ in 0..policies.sequence_len(None, 8)? {
        let policy = policies.ulong()?;
        let value = policies.octets()?;
        if matches!(policy, RELATIVE_REQUEST_TIMEOUT | RELATIVE_ROUNDTRIP_TIMEOUT) {
            let time =
                Decoder::of_encapsulation(value, Version::V1_2, CodeSets::UNNEGOTIATED)?.ulonglong()?;
            // TimeBase::TimeT counts in units of 100 ns.
            let time = Duration::from_micros(time / 10);
            shortest = Some(shortest.map_or(time, |other| other.min(time)));
        }
    }
    Ok(shortest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdr::{Encoder, Endian};

    fn encapsulated(write: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
        let mut encoder = Encoder::new(Endian::Big, Version::V1_2, CodeSets::UNNEGOTIATED);
        encoder.octet(Endian::Big.flag());
        write(&mut encoder);
        encoder.contiguous().to_vec()
    }

    fn policies(list: &[(u32, u64)]) -> Vec<u8> {
        encapsulated(|encoder| {
            encoder.sequence_len(list.len(), None).expect("short");
            for (policy, time) in list {
                let value = encapsulated(|encoder| encoder.ulonglong(*time));
                encoder.ulong(*policy);
                encoder.sequence_len(value.len(), None).expect("short");
                encoder.raw(&value);
            }
        })
    }

    #[test]
    fn the_shortest_time_counts() {
        let context = policies(&[(23, 1), (32, 50_000_000), (31, 20_000)]);
        assert_eq!(time_left(&context), Ok(Some(Duration::from_millis(2))));
        assert_eq!(time_left(&policies(&[(24, 9)])), Ok(None));
    }

    #[test]
    fn a_context_cut_off_anywhere_is_an_error() {
        let context = policies(&[(32, 50_000_000)]);
        for end in 0..context.len() {
            assert!(time_left(&context[..end]).is_err(), "cut at {end}");
        }
    }
}

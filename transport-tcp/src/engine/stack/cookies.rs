// SPDX-License-Identifier: MIT OR Apache-2.0
//! SYN cookies: handshakes that the host need not remember (RFC 4987 §3.6).

use rtu::{Nanos, Time};

use super::SequenceNumbers;
use crate::engine::{Endpoints, sequence::Seq};

/// The segment sizes that a cookie can tell, rounded down.
const SIZES: [u16; 8] = [64, 512, 536, 1220, 1440, 1460, 4312, 8960];

/// What a cookie's age is counted in. It is good in the one in which it was made, and in the next.
const PERIOD: Nanos = Nanos::from_secs(64);

/// How long after the last one was made a cookie may come back.
pub(super) const LIFE: Nanos = Nanos::from_secs(128);

const SECRET_BITS: u32 = 24;
const SIZE_BITS: u32 = 3;

/// Returns an initial sequence number that says: at `now` these endpoints sent SYN with `irs`, and offered `mss`. From the
/// top: 5 bits of time, 3 of size, 24 that only we can make.
pub(super) fn make(numbers: &SequenceNumbers, now: Time, endpoints: &Endpoints, irs: Seq, mss: u16) -> u32 {
    let size = SIZES.partition_point(|size| *size <= mss).saturating_sub(1);
    let size = u32::try_from(size).unwrap_or(0);
    cookie(numbers, period(now), endpoints, irs, size)
}

/// Returns the segment size that `number` tells, if it is a cookie for these endpoints and still good.
pub(super) fn check(
    numbers: &SequenceNumbers,
    now: Time,
    endpoints: &Endpoints,
    irs: Seq,
    number: u32,
) -> Option<u16> {
    let size = number >> SECRET_BITS & ((1 << SIZE_BITS) - 1);
    let now = period(now);
    let good = [now, now.wrapping_sub(1)]
        .into_iter()
        .any(|period| cookie(numbers, period, endpoints, irs, size) == number);
    SIZES.get(size as usize).copied().filter(|_| good)
}

fn cookie(numbers: &SequenceNumbers, period: u32, endpoints: &Endpoints, irs: Seq, size: u32) -> u32 {
    let secret = numbers.hash_of(&("cookie", endpoints, irs, period, size));
    let top = period << (SECRET_BITS + SIZE_BITS) | size << SECRET_BITS;
    top | (secret >> (u64::BITS - SECRET_BITS)) as u32
}

fn period(now: Time) -> u32 {
    u32::try_from(now.0 / PERIOD.0).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(port: u16) -> Endpoints {
        Endpoints {
            local: ([10, 0, 0, 1], 80).into(),
            remote: ([10, 0, 0, 2], port).into(),
        }
    }

    #[test]
    fn a_cookie_is_good_for_whom_it_was_made_and_for_a_while() {
        let numbers = SequenceNumbers::new([1; 16]);
        let start = Time(1_000_000_000_000);
        let number = make(&numbers, start, &endpoints(5), Seq(77), 1400);
        let at = |time| check(&numbers, time, &endpoints(5), Seq(77), number);
        assert_eq!(at(start), Some(1220), "the next smaller size");
        assert_eq!(at(start + Nanos::from_secs(60)), Some(1220));
        assert_eq!(at(start + LIFE), None, "too late");
        assert_eq!(check(&numbers, start, &endpoints(6), Seq(77), number), None);
        assert_eq!(check(&numbers, start, &endpoints(5), Seq(78), number), None);
        assert_eq!(
            check(&numbers, start, &endpoints(5), Seq(77), number ^ 1 << 25),
            None,
            "another size"
        );
        let others = SequenceNumbers::new([2; 16]);
        assert_eq!(check(&others, start, &endpoints(5), Seq(77), number), None);
    }
}

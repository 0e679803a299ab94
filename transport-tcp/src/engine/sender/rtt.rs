// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long an answer takes, and how long to wait for one (RFC 6298).

use rtu::Nanos;

/// Round trips measured, and the retransmission timeout they lead to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoundTrip {
    smoothed: Option<Nanos>,
    variation: Nanos,
    shortest: Nanos,
    /// By what power of two the timeout is longer, since it expired.
    backoff: u8,
    least: Nanos,
    base: Nanos,
}

/// RFC 6298 (2.4) allows a bound, of 60 seconds at least.
const MOST: Nanos = Nanos::from_secs(60);
const BACKOFF_MOST: u8 = 16;

impl RoundTrip {
    /// Nothing measured: the timeout is `first`, and later never less than `least`.
    pub(crate) fn new(first: Nanos, least: Nanos) -> Self {
        Self {
            smoothed: None,
            variation: Nanos::ZERO,
            shortest: Nanos::MAX,
            backoff: 0,
            least,
            base: first,
        }
    }

    /// Takes one measurement, of something that was sent once (Karn's algorithm, §3).
    pub(crate) fn measured(&mut self, rtt: Nanos) {
        // Longer than a day is no round trip, and could not be multiplied.
        let rtt = rtt.min(Nanos::from_secs(86_400));
        self.shortest = self.shortest.min(rtt);
        let smoothed = match self.smoothed {
            None => {
                self.variation = Nanos(rtt.0 / 2);
                rtt
            }
            Some(smoothed) => {
                let off = smoothed.0.abs_diff(rtt.0);
                self.variation = Nanos((3 * self.variation.0 + off) / 4);
                Nanos((7 * smoothed.0 + rtt.0) / 8)
            }
        };
        self.smoothed = Some(smoothed);
        self.base = (smoothed + self.variation * 4).max(self.least).min(MOST);
        self.backoff = 0;
    }

    /// Doubles the timeout (5.5).
    pub(crate) fn back_off(&mut self) {
        self.backoff = (self.backoff + 1).min(BACKOFF_MOST);
    }

    /// Something new was acknowledged: the path works again.
    pub(crate) fn recovered(&mut self) {
        self.backoff = 0;
    }

    pub(crate) fn timeout(&self) -> Nanos {
        (self.base * (1 << self.backoff)).min(MOST)
    }

    pub(crate) fn smoothed(&self) -> Option<Nanos> {
        self.smoothed
    }

    /// The shortest seen, or zero.
    pub(crate) fn shortest(&self) -> Nanos {
        if self.smoothed.is_some() {
            self.shortest
        } else {
            Nanos::ZERO
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Nanos = Nanos::from_millis;

    #[test]
    fn the_timeout_follows_rfc_6298() {
        let mut rtt = RoundTrip::new(MS(1000), MS(10));
        assert_eq!(rtt.timeout(), MS(1000), "(2.1)");
        rtt.measured(MS(100));
        assert_eq!(rtt.timeout(), MS(100 + 4 * 50), "(2.2)");
        rtt.measured(MS(200));
        // RTTVAR = 3/4 * 50 + 1/4 * 100, SRTT = 7/8 * 100 + 1/8 * 200
        assert_eq!(rtt.timeout(), Nanos::from_micros(112_500 + 4 * 62_500), "(2.3)");
        rtt.back_off();
        assert_eq!(rtt.timeout(), Nanos::from_micros(725_000), "(5.5)");
        rtt.recovered();
        assert_eq!(rtt.timeout(), Nanos::from_micros(362_500));
    }

    #[test]
    fn the_timeout_has_both_bounds() {
        let mut rtt = RoundTrip::new(MS(1000), MS(200));
        rtt.measured(Nanos(10));
        assert_eq!(rtt.timeout(), MS(200));
        (0..100).for_each(|_| rtt.back_off());
        assert_eq!(rtt.timeout(), MOST);
    }
}

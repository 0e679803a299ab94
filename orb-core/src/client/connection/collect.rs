// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests of a burst go out together.
//!
//! A thread that puts one call in flight after the other need not pay for sending each. So once several are in flight, and
//! the next comes right after the one before, it is collected. It goes out when so many are that sending them together is
//! as cheap as it gets; before anything else that is sent; when somebody looks for a reply that has not come; when the
//! thread turns to another connection; and when the executive comes by, which it does every half millisecond while a
//! connection collects. A call of its own, and the first
//! ones of a burst, are sent at once.

use std::{
    sync::atomic::{AtomicU8, Ordering},
    time::{Duration, Instant},
};

use super::{Connection, Failure, Shared};
use crate::{
    cdr::Encoder,
    client::writer::{Patience, WriteError},
};

/// So many calls in flight may be a burst. With fewer, whoever serves them should have them at once.
const MANY: usize = 24;

/// One that comes so soon after the one before is part of a burst.
const SOON_AFTER: Duration = Duration::from_micros(10);

/// What the executive knows of a connection's collecting.
#[derive(Debug, Default)]
pub(super) struct Collecting(AtomicU8);

/// It does not come by.
const UNATTENDED: u8 = 0;
/// It comes by once more.
const QUIET: u8 = 1;
/// Something was collected since it came by last.
const COLLECTS: u8 = 2;

impl Collecting {
    /// Says that something was collected; `false` if the executive must be told.
    fn begin(&self) -> bool {
        // Relaxed: then the executive comes twice more, and has seen what was collected at the second time.
        if self.0.load(Ordering::Relaxed) == COLLECTS {
            return true;
        }
        // AcqRel: what was collected is seen by an executive that finds this, or it is told.
        self.0.swap(COLLECTS, Ordering::AcqRel) != UNATTENDED
    }

    /// Says that the executive has come by; `false` if it need not come again before it is told to.
    fn go_on(&self) -> bool {
        let (quiet, again) = match self.0.load(Ordering::Acquire) {
            COLLECTS => (QUIET, true),
            _ => (UNATTENDED, false),
        };
        let before = if again { COLLECTS } else { QUIET };
        // Acquire pairs with the Release in `begin`. Who collects meanwhile keeps it coming.
        let changed = self
            .0
            .compare_exchange(before, quiet, Ordering::AcqRel, Ordering::Acquire);
        again || changed.is_err()
    }
}

impl Connection {
    /// Reserves a request id for a call that is put in flight, and tells whether that is part of a burst.
    pub(crate) fn begin_in_flight(&self, now: Instant) -> Result<(u32, bool), Failure> {
        let mut shared = self.shared.lock();
        if shared.needs_a_look(now) {
            shared = self.look_again(shared)?;
        }
        let burst = shared.is_burst(now);
        Ok((self.open_slot(&mut shared, now)?, burst))
    }

    /// Sends a request of a burst, together with others. Its caller, if there is a `deadline`, waits while the connection takes
    /// nothing.
    pub(crate) fn send_with_others(
        &self,
        message: &Encoder<'_>,
        deadline: Option<Instant>,
    ) -> Result<(), WriteError> {
        let mut parts = message.parts();
        let (Some(octets), true) = (parts.next(), message.is_contiguous()) else {
            return self.send(message, deadline);
        };
        let result = self.writer.collect(self, octets, Patience { deadline });
        if self.writer.has_collected() && !self.collecting.begin() {
            self.executive.look_soon(self.token);
        }
        self.ended_by(result)
    }

    /// Sends what was collected, before a thread waits for a reply, or turns to another connection.
    #[inline]
    pub(crate) fn send_collected(&self) {
        if self.writer.has_collected() {
            self.flush_collected();
        }
    }

    #[inline(never)]
    fn flush_collected(&self) {
        // Who waits gets the failure.
        drop(self.ended_by(self.writer.flush_collected(self)));
    }

    /// Sends what was collected, for the executive; `false` if it need not come again.
    pub(crate) fn send_what_was_collected(&self) -> bool {
        self.send_collected();
        self.is_open() && self.collecting.go_on()
    }

    /// Ends the connection if that is what sending came to.
    pub(super) fn ended_by(&self, result: Result<(), WriteError>) -> Result<(), WriteError> {
        if let Err(WriteError::Broken { error, .. }) = &result {
            self.fail(Failure::lost(self.peer(), Some(error), false));
        }
        result
    }
}

impl Shared {
    fn is_burst(&self, now: Instant) -> bool {
        self.slots.live() >= MANY && now.saturating_duration_since(self.last_used) < SOON_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executive_comes_until_nothing_was_collected_since_it_did() {
        let collecting = Collecting::default();
        assert!(!collecting.begin());
        assert!(collecting.begin());
        assert!(collecting.go_on());
        assert!(collecting.begin());
        assert!(collecting.go_on());
        assert!(!collecting.go_on());
        assert!(!collecting.begin(), "it must be told again");
    }
}
